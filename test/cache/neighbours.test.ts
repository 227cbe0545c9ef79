/** Several caches and regions on the same nodes: what has not earned its place makes way for what is used, whichever was there first. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Memory, openMemory } from "../../src/index.ts";
import { seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;
const VALUES = 2000;
const GETS = 40_000;
const dram = (size: number, tier = 0) => ({ kind: "dram" as const, size: size * KIB, tier });
const folder = mkdtempSync(join(tmpdir(), "lieu-neighbours-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const value = Buffer.alloc(1000, 1);

/** What does something to a memory, again and again, that earns no node. */
const neighbours: Record<string, (memory: Memory) => (i: number) => void> = {
  "a cache that is only written": (memory) => {
    const cache = memory.cache({ name: "other", maxSize: "12800KiB", codec: "bytes", heap: 0 });
    return (i) => cache.set(`s${i}`, value);
  },
  "a cache that is scanned": (memory) => {
    const cache = memory.cache({ name: "other", maxSize: "12800KiB", codec: "bytes", heap: 0 });
    const out = Buffer.alloc(1000);
    return (i) => {
      if (cache.getInto(`s${i % 16_000}`, out) < 0) cache.set(`s${i % 16_000}`, value);
    };
  },
  "a region that is swept": (memory) => {
    const region = memory.map("19MiB");
    return (i) => region.writeUint8((i * 4096) % region.size, 1);
  },
};

test.each(
  Object.keys(neighbours).flatMap((name) => [
    [name, "goes on"],
    [name, "is over"],
  ]),
)("a hot cache that comes after %s, which %s, gets the fast node and loses nothing", async (name, then) => {
  const nodes = { dram: dram(4096), slow: dram(8192, 1) };
  const swap = [{ kind: "file" as const, path: join(folder, `${files++}`), size: 16_384 * KIB }];
  await using memory = await openMemory({ nodes, swap, seed: 3 }, { wrapDevice: inMemory });
  const turn = (neighbours[name] as (memory: Memory) => (i: number) => void)(memory);
  let i = 0;
  for (; i < 24_000; i++) turn(i);
  const hot = memory.cache({ name: "hot", maxSize: "2560KiB", codec: "bytes", heap: 0 });
  for (let k = 0; k < VALUES; k++) hot.set(`k${k}`, value);
  const source = seeded(4);
  const out = Buffer.alloc(1000);
  let before = hot.stats();
  for (let n = 0; n < GETS; n++) {
    if (n === GETS / 2) before = hot.stats();
    const k = Math.floor(VALUES * (source.below(1 << 30) / 2 ** 30) ** 2);
    if (hot.getInto(`k${k}`, out) !== 1000) throw new Error(`a miss at ${n}`);
    if (then === "goes on") turn(i++);
    if (n % 1000 === 0) memory.tick();
  }
  const { evicted, lost, hitsByTier } = hot.stats();
  expect([hot.size, evicted, lost]).toEqual([VALUES, 0, 0]);
  const fast = (hitsByTier.dram as number) - (before.hitsByTier.dram as number);
  expect(fast / (GETS / 2)).toBeGreaterThan(0.95);
  memory.check();
});

test("what came up from swap, was replaced or removed leaves no holes there that cost a value", async () => {
  const nodes = { dram: dram(1024), slow: dram(1024, 1) };
  const swap = [{ kind: "file" as const, path: join(folder, `${files++}`), size: 16_384 * KIB }];
  await using memory = await openMemory({ nodes, swap, seed: 5, minFree: "16KiB" }, { wrapDevice: inMemory });
  const cache = memory.cache({ maxSize: "8MiB", codec: "bytes", heap: 0 });
  // Three quarters of what it may hold, most of it in swap.
  const keys = 5700;
  const stored = Buffer.alloc(1000);
  const out = Buffer.alloc(1000);
  for (let k = 0; k < keys; k++) cache.set(`k${k}`, stored.fill(k & 255));
  const source = seeded(6);
  const before = cache.stats();
  for (let round = 0; round < 8 * keys; round++) {
    const k = source.below(keys);
    // Each third is replaced, so that its place in swap is a hole, whatever is asked for.
    if (round % 3 === 0) cache.set(`k${k}`, stored.fill(k & 255));
    else if (cache.getInto(`k${k}`, out) !== 1000 || out[0] !== (k & 255) || out[999] !== (k & 255))
      throw new Error(`k${k} is not there, or another, at ${round}`);
    if (round % 4000 === 0) memory.check();
  }
  memory.check();
  const { evicted, lost, swapWritten, newBytes } = cache.stats();
  expect([cache.size, evicted, lost]).toEqual([keys, 0, 0]);
  // What is new is written once, and what lies beside holes about as often: so near to its limit a cache leaves no ends of pages empty.
  expect((swapWritten - before.swapWritten) / (newBytes - before.newBytes)).toBeLessThan(4);
  expect(cache.calculatedSize).toBeLessThanOrEqual(8 * KIB * KIB);
});
