/** What comes up from swap and goes there again unchanged is written once, and is what was stored whatever happens meanwhile. */
import { expect, test } from "vitest";
import { injectFaults, openMemory, simCrank } from "../../src/index.ts";
import { runSeed, seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;
const dram = (size: number, tier = 0) => ({ kind: "dram" as const, size: size * KIB, tier });
const file = (size: number) => ({ kind: "file" as const, path: `copies-${process.pid}`, size: size * KIB });
const seed = runSeed();

test.each([4096, 7000, 12_000, 40_000])(
  `values of %i bytes that go up and down are written once, seed ${seed}`,
  async (bytes) => {
    await using memory = await openMemory(
      { nodes: { dram: dram(1024), slow: dram(3072, 1) }, swap: [file(64_000)], minFree: "16KiB", seed },
      { crank: simCrank(), wrapDevice: inMemory },
    );
    const cache = memory.cache<Uint8Array>({ codec: "bytes", heap: 0 });
    const keys = Math.floor((16_000 * KIB) / bytes);
    const value = Buffer.alloc(bytes);
    const out = Buffer.alloc(bytes);
    for (let k = 0; k < keys; k++) {
      value.fill(k & 255);
      cache.set(`k${k}`, value);
    }
    const source = seeded(seed);
    const rounds = 8 * keys;
    for (let i = 0; i < rounds; i++) {
      // Now these, now those are asked for, and all are now and then.
      const k = (Math.floor((6 * i) / rounds) * Math.floor(keys / 6) + source.below(keys >> 3)) % keys;
      const asked = i % 8 === 0 ? source.below(keys) : k;
      expect(cache.getInto(`k${asked}`, out)).toBe(bytes);
      if (out[0] !== (asked & 255) || out[bytes - 1] !== (asked & 255)) throw new Error(`k${asked} is another`);
      if (i % 4000 === 0) memory.check();
    }
    memory.check();
    const { pswpin, pswpread, pswpout } = memory.vmstat();
    // More was read than there is.
    expect((pswpin + pswpread) * 4096).toBeGreaterThan(1.1 * keys * bytes);
    expect(pswpout * 4096).toBeLessThan(1.3 * keys * bytes);
    expect(cache.size).toBe(keys);
  },
);

/** The values of a key: each of its own bytes, so that one that is given for another shows. */
function fill(value: Buffer, n: number): Buffer {
  for (let i = 0; i + 4 <= value.length; i += 4) value.writeUInt32LE((n * 2654435761 + i) >>> 0, i);
  return value;
}

test.each([0, 1, 2, 3, 4, 5])(
  `large values that go up and down while devices fail and swap is full, seed ${seed} + %i`,
  async (nr) => {
    const source = seeded(seed + nr);
    const crank = simCrank();
    const devices: ReturnType<typeof injectFaults>[] = [];
    const plan = { seed: seed + nr, write: { error: 0.1, full: 0.1, flip: 0.02 }, read: { error: 0.03, flip: 0.03 } };
    const roomy = nr % 2 === 0;
    const faulty = nr >= 2;
    await using memory = await openMemory(
      {
        nodes: { dram: dram(512), slow: dram(1024, 1) },
        swap: [file(roomy ? 24_000 : 2500)],
        ...(nr === 3 ? { zswap: { size: "256KiB" } } : {}),
        minFree: "16KiB",
        seed: seed + nr,
      },
      {
        crank,
        wrapDevice: (device) => {
          const wrapped = injectFaults(inMemory(device), plan);
          wrapped.faults.enabled = false;
          devices.push(wrapped);
          return wrapped;
        },
      },
    );
    const cache = memory.cache<Uint8Array>({ codec: "bytes", heap: 0, ...(nr === 5 ? { maxSize: "4MiB" } : {}) });
    const model = new Map<string, { n: number; size: number }>();
    const pins: { pin: { bytes: Uint8Array; release(): void }; bytes: Buffer }[] = [];
    const keys = 400;
    let given = 0;
    // More than the nodes hold, to begin with.
    for (let k = 0; k < 200; k++) {
      cache.set(`k${k}`, fill(Buffer.alloc(12_000), k));
      model.set(`k${k}`, { n: k, size: 12_000 });
    }
    for (let op = 0; op < 6000; op++) {
      const key = `k${Math.floor(keys * (source.below(1 << 30) / 2 ** 30) ** 2)}`;
      const known = model.get(key);
      const what = source.below(100);
      if (what < 12) {
        // Of the same size it is written in place; some expire.
        const size = known !== undefined && source.below(2) === 0 ? known.size : 1 + source.below(24_000);
        cache.set(key, fill(Buffer.alloc(size), op), source.below(8) === 0 ? { ttl: 1 + source.below(9000) } : {});
        model.set(key, { n: op, size });
      } else if (what < 90) {
        const found = cache.get(key);
        if (found === undefined) continue;
        given++;
        if (known === undefined || Buffer.compare(found, fill(Buffer.alloc(known.size), known.n)) !== 0) {
          throw new Error(`operation ${op}: ${key} is not what was stored`);
        }
      } else if (what < 92) {
        cache.delete(key);
        model.delete(key);
      } else if (what < 94 && pins.length < 4) {
        const pin = cache.pin(key);
        if (pin !== undefined) pins.push({ pin, bytes: Buffer.from(pin.bytes) });
      } else if (what < 96) {
        const held = pins.shift();
        if (held === undefined) continue;
        expect(Buffer.compare(held.pin.bytes, held.bytes)).toBe(0);
        held.pin.release();
      } else if (what < 97 && faulty) for (const { faults } of devices) faults.enabled = source.below(3) === 0;
      else if (what < 98 && source.below(40) === 0) {
        cache.clear();
        model.clear();
      } else {
        crank.advance(source.below(200));
        memory.tick();
      }
      if (op % 100 === 0) memory.check();
    }
    for (const { pin } of pins) pin.release();
    memory.check();
    expect(given).toBeGreaterThan(200);
    expect(memory.vmstat().pswpout).toBeGreaterThan(0);
  },
);
