/** A cache over tiers: one below costs those above nothing, and what is cold does not take the place of what is not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Cache, injectFaults, type Memory, openMemory, simCrank } from "../../src/index.ts";
import { ST_CARRIED, ST_PROMOTED } from "../../src/store/layout.ts";
import { zipf as generateZipf } from "../../src/trace/generate.ts";
import { runSeed, seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;
const dram = (size: number, tier = 0) => ({ kind: "dram" as const, size: size * KIB, tier });
const folder = mkdtempSync(join(tmpdir(), "lieu-tiers-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
/** Swap of so many KiB, in memory rather than in its file. */
const swapOf = (size: number) => [{ kind: "file" as const, path: join(folder, `${files++}`), size: size * KIB }];
/** A number below `n`, small ones more often: by the `skew`-th power. */
const draw = (source: ReturnType<typeof seeded>, n: number, skew = 2) =>
  Math.floor(n * (source.below(1 << 30) / 2 ** 30) ** skew);

/** Gets of keys by a power law, what misses being stored, after all were. Returns what the last quarter of the gets came to. */
function drive(memory: Memory, cache: Cache<Uint8Array>, keys: number, bytes: number) {
  const source = seeded(9);
  const value = Buffer.alloc(bytes, 1);
  const out = Buffer.alloc(bytes);
  for (let i = 0; i < keys; i++) cache.set(`k${i}`, value);
  const now = () => ({ ...cache.stats(), ...memory.vmstat() });
  let before = now();
  for (let i = 0; i < 4 * keys; i++) {
    if (i === 3 * keys) before = now();
    const key = `k${draw(source, keys)}`;
    if (cache.getInto(key, out) < 0) cache.set(key, value);
    if (i % 1000 === 0) memory.tick();
  }
  const after = now();
  const on = (tier: string) => (after.hitsByTier[tier] as number) - (before.hitsByTier[tier] as number);
  return {
    fast: on("dram"),
    near: on("dram") + on("slow"),
    misses: after.misses - before.misses,
    gone: after.evicted + after.lost,
    read: after.pswpin + after.pswpread - before.pswpin - before.pswpread,
    written: after.pswpout - before.pswpout,
    writtenInAll: after.pswpout,
    stats: cache.stats(),
    size: cache.size,
  };
}

test.each([
  [1000, 10_000],
  [4000, 2500],
])(
  "values of %i bytes: with swap below, nodes serve what they serve alone, and little is written",
  async (bytes, keys) => {
    const results: ReturnType<typeof drive>[] = [];
    for (const swap of [[], swapOf(24 * KIB)]) {
      const nodes = { dram: dram(2400), slow: dram(2400, 1) };
      await using memory = await openMemory({ nodes, swap, seed: 3 }, { wrapDevice: inMemory });
      results.push(drive(memory, memory.cache({ codec: "bytes" }), keys, bytes));
      memory.check();
    }
    const [alone, with_] = results as [ReturnType<typeof drive>, ReturnType<typeof drive>];
    const said = JSON.stringify([alone, with_]);
    expect(with_.near, said).toBeGreaterThan(0.96 * alone.near);
    // The index of what is below takes a part of so small a fast node.
    expect(with_.fast, said).toBeGreaterThan(0.86 * alone.fast);
    expect([with_.misses, with_.gone], said).toEqual([0, 0]);
    expect(with_.read, said).toBeLessThan(1.1 * alone.misses);
    // What is cold was written once, and is not written again for having been read.
    expect(with_.written, said).toBeLessThan(alone.misses / 20);
    expect(with_.writtenInAll * 4096, said).toBeLessThan(1.5 * keys * (bytes + 30));
    const { entriesByTier, bytesByTier, swapWrittenPerByte } = with_.stats;
    expect(Object.values(entriesByTier).reduce((a, b) => a + b)).toBe(with_.size);
    expect(Math.min(...Object.values(bytesByTier))).toBeGreaterThan(0);
    expect(swapWrittenPerByte, said).toBeLessThan(1.5);
  },
);

test("a cache that is only written, or scanned, leaves the fast node to a hot one", async () => {
  for (const beside of ["stream", "scan"]) {
    const nodes = { dram: dram(4096), slow: dram(8192, 1) };
    await using memory = await openMemory({ nodes, swap: swapOf(16 * KIB), seed: 3 }, { wrapDevice: inMemory });
    const hot = memory.cache({ name: "hot", maxSize: "2560KiB", codec: "bytes" });
    const other = memory.cache({ name: "other", maxSize: "12800KiB", codec: "bytes" });
    const [value, out, source] = [Buffer.alloc(1000, 1), Buffer.alloc(1000), seeded(4)];
    for (let i = 0; i < 2000; i++) hot.set(`k${i}`, value);
    let before = hot.stats();
    for (let i = 0; i < 40_000; i++) {
      if (i === 20_000) before = hot.stats();
      if (hot.getInto(`k${draw(source, 2000)}`, out) !== 1000) throw new Error(`a miss at ${i}`);
      const key = beside === "stream" ? `s${i}` : `s${i % 16_000}`;
      if (beside === "stream" || other.getInto(key, out) < 0) other.set(key, value);
      if (i % 1000 === 0) memory.tick();
    }
    const fast = (hot.stats().hitsByTier.dram as number) - (before.hitsByTier.dram as number);
    expect(fast, beside).toBeGreaterThan(0.97 * 20_000);
    memory.check();
  }
});

/** Gets of keys by a power law, what misses being stored, on 1 + 4 MiB that hold a quarter of the values. */
async function overTiers(nodes: Parameters<typeof openMemory>[0]["nodes"], seed: number) {
  await using memory = await openMemory({ nodes, seed, minFree: "16KiB" }, { crank: simCrank() });
  const size = Object.keys(nodes).length > 1 ? 5120 : 1024;
  const cache = memory.cache({ maxSize: size * KIB, codec: "bytes", heap: 0 });
  const { key, size: bytes } = generateZipf({ keys: 20_000, requests: 200_000, alpha: 0.9, size: [100, 2000] });
  const value = Buffer.alloc(2000);
  const out = Buffer.alloc(2000);
  for (const k of key) {
    if (cache.getInto(`k${k}`, out) < 0) cache.set(`k${k}`, value.subarray(0, bytes[k]));
  }
  memory.check();
  memory.vm.inspect();
  const { calls } = memory.vm;
  const { meta } = (cache as unknown as { items: { meta: number } }).items;
  const { hitsByTier, misses } = cache.stats();
  return {
    fast: hitsByTier.dram as number,
    slow: (hitsByTier.slow ?? 0) as number,
    misses,
    carried: calls.storeCount(meta, ST_CARRIED),
    promoted: calls.storeCount(meta, ST_PROMOTED),
    migrated: memory.vmstat().pgmigrate_success,
  };
}

test("what comes up to the fast node pays for it: fewer than half of the hits below, and the fast node serves what it would alone", async () => {
  const alone = await overTiers({ dram: dram(1024 + 512) }, 3);
  const both = await overTiers({ dram: dram(1024 + 512), slow: dram(4096 + 512, 1) }, 3);
  const said = JSON.stringify([alone, both]);
  expect(both.fast, said).toBeGreaterThan(0.98 * alone.fast);
  expect(both.promoted, said).toBeLessThan(both.slow / 2);
  expect(both.promoted, said).toBeGreaterThan(both.slow / 10);
  // Items carried and pages moved, for each item that came: new ones, and those that rose.
  expect(both.carried, said).toBeLessThan(3.6 * (both.misses + both.promoted));
  expect(both.migrated, said).toBeLessThan((both.misses + both.promoted) / 4);
});

test("where what is hot changes, it comes up, though nothing was worth it before", async () => {
  await using memory = await openMemory(
    { nodes: { dram: dram(1024), slow: dram(4096, 1) }, seed: 3, minFree: "16KiB" },
    { crank: simCrank() },
  );
  const cache = memory.cache({ codec: "bytes", heap: 0, maxSize: "4MiB" });
  const value = Buffer.alloc(1000, 1);
  const out = Buffer.alloc(1000);
  for (let k = 0; k < 3000; k++) cache.set(`k${k}`, value);
  const source = seeded(11);
  // Of 3,000 values 600 are asked for at a time, which is what the fast node holds, and others after them.
  for (const phase of [0, 1, 2, 3]) {
    let before = cache.stats();
    for (let n = 0; n < 60_000; n++) {
      if (n === 30_000) before = cache.stats();
      if (cache.getInto(`k${phase * 700 + source.below(600)}`, out) !== 1000) throw new Error("a miss");
    }
    const fast = (cache.stats().hitsByTier.dram as number) - (before.hitsByTier.dram as number);
    expect(fast / 30_000, `phase ${phase}`).toBeGreaterThan(0.95);
  }
  memory.check();
});

const seed = runSeed();
test.each([0, 1, 2, 3])(`items move between all tiers while devices fail, seed ${seed} + %i`, async (nr) => {
  const source = seeded(seed + nr);
  const crank = simCrank();
  const devices: ReturnType<typeof injectFaults>[] = [];
  const plan = { seed: seed + nr, write: { error: 0.1, full: 0.1, flip: 0.02 }, read: { error: 0.03, flip: 0.03 } };
  await using memory = await openMemory(
    {
      nodes: { dram: dram(512), mid: dram(512, 1), slow: dram(768, 2) },
      swap: [...swapOf(600), ...swapOf(source.below(2) === 0 ? 4000 : 400)],
      ...(nr % 2 === 1 ? { zswap: { size: "128KiB" } } : {}),
      seed: seed + nr,
    },
    {
      crank,
      wrapDevice: (device) => {
        const faulty = injectFaults(inMemory(device), plan);
        devices.push(faulty);
        return faulty;
      },
    },
  );
  const group = memory.group("tenant", { max: "3MiB" });
  const told: string[] = [];
  const caches = [
    memory.cache({ name: "all", codec: "bytes" }),
    memory.cache({ name: "small", codec: "bytes", maxSize: "1MiB", max: 3000, dispose: (_, key) => told.push(key) }),
    memory.cache({ name: "tenant", codec: "bytes", group }),
  ];
  /** What was last stored under a key; what is given must be that, or nothing. */
  const model = caches.map(() => new Map<string, number>());
  const fill = (n: number, size: number) => Buffer.alloc(size, n & 255);
  for (let op = 0; op < 4000; op++) {
    const i = source.below(10) < 7 ? 0 : 1 + source.below(2);
    const [cache, map] = [caches[i] as (typeof caches)[0], model[i] as Map<string, number>];
    const key = `k${draw(source, 4000)}`;
    const what = source.below(100);
    if (what < 35) {
      const size = [source.below(1500), 300, 4096 + source.below(20_000), 1000][
        source.below(40) === 0 ? 2 : source.below(2) * 3
      ] as number;
      cache.set(key, fill(op, size), source.below(6) === 0 ? { ttl: 1 + source.below(5000) } : {});
      map.set(key, op);
    } else if (what < 88) {
      const found = cache.get(key);
      if (found !== undefined)
        expect(
          found.every((b) => b === ((map.get(key) as number) & 255)),
          `${op}: ${key}`,
        ).toBe(true);
    } else if (what < 92) cache.delete(key);
    else if (what < 94) {
      using pin = cache.pin(key);
      if (pin !== undefined) expect(pin.bytes.every((b) => b === ((map.get(key) as number) & 255))).toBe(true);
    } else if (what < 96) cache.peek(key);
    else if (what < 97) cache.pop();
    else if (what < 98) for (const device of devices) device.faults.enabled = source.below(3) === 0;
    else {
      crank.advance(source.below(200));
      memory.tick();
    }
    if (op % 250 === 0) memory.check();
  }
  memory.check();
  const { entriesByTier } = (caches[0] as (typeof caches)[0]).stats();
  expect(Object.keys(entriesByTier).length).toBeGreaterThanOrEqual(5);
  expect(told.length).toBeGreaterThan(0);
});

test("full swap: the store chooses what goes from it, rather than the engine", async () => {
  const behaviours = { demotion: false };
  for (const bytes of [1000, 4096]) {
    const keys = Math.floor((6 * 1024 * KIB) / bytes);
    await using memory = await openMemory(
      { nodes: { dram: dram(2048), slow: dram(2048, 1) }, swap: swapOf(2048), seed: 3, ...behaviours },
      { wrapDevice: inMemory },
    );
    const cache = memory.cache({ codec: "bytes" });
    const { misses } = drive(memory, cache, keys, bytes);
    const { pgdiscard, pswpout } = memory.vmstat();
    const said = JSON.stringify({ bytes, misses, pgdiscard, pswpout });
    expect(pswpout, said).toBeGreaterThan(1000);
    expect(pgdiscard, said).toBeLessThan(pswpout / 50);
    memory.check();
  }
});

test("pages of large values that the engine drops from swap take what is left of their items along", async () => {
  await using memory = await openMemory(
    { nodes: { dram: dram(2048) }, swap: swapOf(2048), seed: 3 },
    { wrapDevice: inMemory },
  );
  const cache = memory.cache({ codec: "bytes" });
  for (let i = 0; i < 300; i++) cache.set(`k${i}`, Buffer.alloc(12_288, i));
  const before = cache.size;
  const region = memory.map("512KiB");
  for (let at = 0; at < region.size; at += 4096) region.writeUint8(at, 1);
  expect(memory.vmstat().swap_discard).toBeGreaterThan(50);
  const { size } = cache;
  expect(size).toBeLessThan(before - 20);
  let found = 0;
  for (let i = 0; i < 300; i++) if (cache.peek(`k${i}`) !== undefined) found++;
  expect(found).toBe(size);
  expect(cache.stats().lost).toBe(before - size);
  memory.check();
});

test("a get that is to renew what then cannot be read is a miss, and counted", async () => {
  const plan = { seed: 5, read: { error: 0.3 } };
  await using memory = await openMemory(
    { nodes: { dram: dram(1024) }, swap: swapOf(2048), seed: 5 },
    { crank: simCrank(), wrapDevice: (device) => injectFaults(inMemory(device), plan) },
  );
  const cache = memory.cache({ codec: "bytes", ttl: 1e6, updateAgeOnGet: true });
  for (let i = 0; i < 2000; i++) cache.set(`k${i}`, Buffer.alloc(700, i));
  for (let i = 0; i < 2000; i++) cache.get(`k${i}`);
  const { hits, misses, lost } = cache.stats();
  expect(hits + misses).toBe(2000);
  expect(lost).toBeGreaterThan(50);
  memory.check();
});

test.each([1, 2, 3, 4])(
  "small values and a few that fill the fast node: making room comes to an end, seed %i",
  async (nr) => {
    const source = seeded(nr);
    await using memory = await openMemory(
      { nodes: { dram: dram(668), slow: dram(2124, 1) }, swap: swapOf(122_000), minFree: "16KiB", seed: nr },
      { wrapDevice: inMemory, crank: simCrank() },
    );
    const cache = memory.cache({ codec: "bytes" });
    const lengths = Array.from({ length: 20_000 }, () => {
      const kind = source.below(1000);
      return kind < 950 ? 60 + source.below(250) : kind < 995 ? 1000 + source.below(8000) : 520_000;
    });
    const value = Buffer.alloc(520_000, 1);
    for (let i = 0; i < 8000; i++) {
      const k = draw(source, lengths.length);
      if (cache.getInto(`k${k}`, Buffer.alloc(0)) < 0) cache.set(`k${k}`, value.subarray(0, lengths[k]));
    }
    const { pgdemote_proactive, pswpout } = memory.vmstat();
    expect(pgdemote_proactive, JSON.stringify({ pgdemote_proactive, pswpout })).toBeLessThan(20_000);
    memory.check();
  },
);

test("what comes up from swap leaves no holes that keep the place of what could go there", async () => {
  const zipf = generateZipf({ keys: 4000, requests: 40_000, alpha: 0.8, size: [2000, 8000] });
  const misses: number[] = [];
  for (const size of [0, 5500]) {
    await using memory = await openMemory(
      { nodes: { dram: dram(1900), slow: dram(3700, 1) }, swap: size > 0 ? swapOf(size) : [], seed: 1 },
      { crank: simCrank(), wrapDevice: inMemory },
    );
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0 });
    const value = Buffer.alloc(8000);
    let before = 0;
    zipf.key.forEach((key, i) => {
      if (i === 20_000) before = cache.stats().misses;
      if (i % 1000 === 0) memory.tick();
      if (cache.get(key) === undefined) cache.set(key, value.subarray(0, zipf.size[key]));
    });
    misses.push(cache.stats().misses - before);
    expect(cache.stats().rejected).toBe(0);
    if (size > 0) expect(memory.swapDevices()[0]?.used).toBeGreaterThan(0.8 * size * KIB);
    memory.check();
  }
  expect((misses[1] as number) / (misses[0] as number)).toBeLessThan(0.75);
});

test("two nodes hold as many small entries as one of as many bytes, but for a twentieth", async () => {
  const size = 736 * 4;
  const held = [];
  for (const nodes of [{ dram: dram(size + 720) }, { dram: dram(776), slow: dram(size - 228, 1) }]) {
    const memory = await openMemory({ nodes, minFree: "16KiB" }, { crank: simCrank() });
    const cache = memory.cache({ codec: "bytes", maxSize: size * KIB, heap: 0 });
    const source = seeded(9);
    const value = Buffer.alloc(350, 1);
    for (let i = 0; i < 200_000; i++) {
      const key = `k${draw(source, 30_000, 3)}`;
      if (cache.getInto(key, value) < 0) cache.set(key, value);
    }
    held.push(cache.size);
    memory.check();
    await memory.close();
  }
  const [one = 0, two = 0] = held;
  expect(two).toBeGreaterThan(0.945 * one);
});

test.each([
  [350, 0],
  [20_000, 0],
  [350, 16 * KIB],
  [20_000, 16 * KIB],
])(
  "nodes that are equally fast are one pool: nothing moves between them, values of %i bytes, swap of %i KiB",
  async (bytes, swap) => {
    const run = async (nodes: Parameters<typeof openMemory>[0]["nodes"]) => {
      const options = { nodes, minFree: "16KiB", ...(swap > 0 && { swap: swapOf(swap) }) };
      const memory = await openMemory(options, { crank: simCrank(), wrapDevice: inMemory });
      const cache = memory.cache({ codec: "bytes", heap: 0, ...(swap === 0 && { maxSize: 3300 * KIB }) });
      const keys = Math.floor((9000 * KIB) / (bytes + 60));
      const { misses, stats } = drive(memory, cache, keys, bytes);
      const { pgmigrate_success: moved, room_violations: violations } = memory.vmstat();
      memory.check();
      await memory.close();
      return { misses: misses / keys, moved, violations, served: stats.hitsByTier };
    };
    const one = await run({ dram: dram(4000) });
    const two = await run({ dram: dram(900), slow: { ...dram(3100, 1), latency: 100 } });
    expect(two.moved).toBeLessThan(100);
    expect(two.violations).toBe(0);
    expect(two.misses).toBeLessThan(1.03 * one.misses + 0.003);
    expect(two.served.slow).toBeGreaterThan(two.served.dram as number);
    // Where it is slower they are not.
    expect((await run({ dram: dram(900), slow: dram(3100, 1) })).moved).toBeGreaterThan(1000);
  },
);

test.each([0, 1e6])("with a node below, the fast one serves about what it would alone, ttl %i", async (ttl) => {
  const hits: number[] = [];
  for (const slow of [0, 16 * KIB]) {
    const nodes = { dram: dram(4 * KIB + 4 * (slow > 0 ? 47 : 180)), ...(slow > 0 && { slow: dram(slow + 360, 1) }) };
    const memory = await openMemory({ nodes, minFree: "16KiB" }, { crank: simCrank() });
    const cache = memory.cache({ codec: "bytes", maxSize: (4 * KIB + slow) * KIB, heap: 0, ttl });
    const source = seeded(7);
    const keys = 2000;
    const sizes = Array.from({ length: keys }, () => 2000 + source.below(28_000));
    const value = Buffer.alloc(30_000, 1);
    let before = 0;
    for (let i = 0; i < 40_000; i++) {
      if (i === 10_000) before = cache.stats().hitsByTier.dram as number;
      const k = draw(source, keys, 2.5);
      if (cache.getInto(`k${k}`, value) < 0) cache.set(`k${k}`, value.subarray(0, sizes[k]));
    }
    hits.push((cache.stats().hitsByTier.dram as number) - before);
    memory.check();
    await memory.close();
  }
  const [alone = 0, above = 0] = hits;
  expect(above).toBeGreaterThan(0.9 * alone);
});

test("a cache larger than it can count is refused", async () => {
  const huge = { nodes: { dram: dram(512) }, swap: swapOf(17 * KIB * KIB), addressSpace: "18GiB" };
  const memory = await openMemory(huge, { crank: simCrank() });
  expect(() => memory.cache({ maxSize: "16.5GiB" })).toThrow(expect.objectContaining({ code: "ERANGE" }));
  expect(memory.cache({ maxSize: "8MiB" }).maxSize).toBe(8 * KIB * KIB);
  await memory.close();
});

test("whether a large value is there is known without reading it", async () => {
  const memory = await openMemory(
    { nodes: { dram: dram(4096) }, swap: swapOf(32 * KIB) },
    { crank: simCrank(), wrapDevice: inMemory },
  );
  const cache = memory.cache({ codec: "bytes", heap: 0 });
  cache.set("large", Buffer.alloc(3 * KIB * KIB, 1), { ttl: 1e9 });
  for (let i = 0; i < 600; i++) cache.set(`k${i}`, Buffer.alloc(20 * KIB, 2));
  const read = () => memory.vmstat().pswpread + memory.vmstat().pswpin;
  const before = read();
  expect(cache.has("large")).toBe(true);
  expect(cache.getRemainingTTL("large")).toBeGreaterThan(0);
  expect(read() - before).toBeLessThanOrEqual(1);
  expect(cache.getInto("large", Buffer.alloc(3 * KIB * KIB))).toBe(3 * KIB * KIB);
  expect(read() - before).toBeGreaterThan(500);
  await memory.close();
});
