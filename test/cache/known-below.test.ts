/** What is known of entries in swap lies in the nodes: how little of them that takes, and what it costs those that are served from there. */
import { expect, test } from "vitest";
import { type Cache, openMemory, simCrank } from "../../src/index.ts";
import { ld } from "../../src/mm/machine.ts";
import { nrBuckets } from "../../src/store/directory.ts";
import { nrLines } from "../../src/store/ghost.ts";
import { nearItems } from "../../src/store/history.ts";
import { controlOf, ST_ITEMS, ST_LINES_USED, ST_NR_GHOSTS, ST_SUNK_ITEMS } from "../../src/store/layout.ts";
import { runSeed, seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;
const dram = (size: number, tier = 0) => ({ kind: "dram" as const, size: size * KIB, tier });
const seed = runSeed();

/** A memory of a fast and a slow node, and of swap, its bytes in memory; 0 = none. All sizes in KiB. */
async function opened(fast: number, slow: number, swap: number) {
  const memory = await openMemory(
    {
      nodes: { dram: dram(fast), slow: dram(slow, 1) },
      swap: swap > 0 ? [{ kind: "file", path: `known-below-${process.pid}`, size: swap * KIB }] : [],
      minFree: "16KiB",
      seed,
    },
    { crank: simCrank(), wrapDevice: inMemory },
  );
  return { memory, cache: memory.cache<Uint8Array>({ codec: "bytes", heap: 0 }) };
}
/** Read through `requests` keys. Returns the hits of the fast node and of both. */
function served(
  cache: Cache<Uint8Array>,
  bytes: number,
  requests: number,
  key: (i: number) => number,
  tick: () => void,
) {
  const value = Buffer.alloc(bytes);
  const out = Buffer.alloc(bytes);
  for (let i = 0; i < requests; i++) {
    const k = `k${key(i)}`;
    if (cache.getInto(k, out) < 0) cache.set(k, value);
    if (i % 1000 === 0) tick();
  }
  const { dram, slow } = cache.stats().hitsByTier as { dram: number; slow: number };
  return { fast: dram, near: dram + slow };
}

test(`a cache that nothing is in yet holds no more with swap below than without, seed ${seed}`, async () => {
  const alone = await opened(512, 1024, 0);
  const over = await opened(512, 1024, 256 * KIB);
  expect(over.cache.calculatedSize).toBeLessThanOrEqual(alone.cache.calculatedSize + 4 * KIB);
  await alone.memory.close();
  await over.memory.close();
});

test(`over swap the nodes serve as many values of a page in a loop, and the fast one 97 %, seed ${seed}`, async () => {
  const hits = [];
  for (const swap of [0, 64 * KIB]) {
    const { memory, cache } = await opened(768, 3072, swap);
    const source = seeded(seed);
    let at = 0;
    // Three of four requests are for a few that are hot, the rest go round.
    const key = (i: number) =>
      i % 4 !== 0 ? Math.floor((source.below(1 << 15) * source.below(1 << 15) * 300) / 2 ** 30) : 400 + (at++ % 6000);
    hits.push(served(cache, 4096, 60_000, key, () => memory.tick()));
    memory.check();
    await memory.close();
  }
  const [alone, over] = hits as [{ fast: number; near: number }, { fast: number; near: number }];
  expect(over.near).toBeGreaterThan(0.97 * alone.near);
  expect(over.fast).toBeGreaterThan(0.97 * alone.fast);
});

test(`nodes hardly larger than the index of all that is asked for go on serving the hottest, seed ${seed}`, async () => {
  const hits = [];
  for (const swap of [0, 64 * KIB]) {
    const { memory, cache } = await opened(256, 768, swap);
    const source = seeded(seed);
    const key = () => Math.floor(120_000 * (source.below(1 << 24) / 2 ** 24) ** 3);
    hits.push(served(cache, 100, 250_000, key, () => memory.tick()));
    memory.check();
    expect(cache.stats().lost).toBe(0);
    await memory.close();
  }
  const [alone, over] = hits as [{ fast: number; near: number }, { fast: number; near: number }];
  expect(over.near).toBeGreaterThan(0.85 * alone.near);
  expect(over.fast).toBeGreaterThan(0.85 * alone.fast);
});

test(`what is in swap takes less than 8.5 bytes each of the index, and ghosts a hundredth of the nodes, seed ${seed}`, async () => {
  const { memory, cache } = await opened(1024, 2048, 64 * KIB);
  const value = Buffer.alloc(400);
  const out = Buffer.alloc(400);
  const source = seeded(seed);
  for (let i = 0; i < 150_000; i++) {
    const key = `k${source.below(60_000)}`;
    if (cache.getInto(key, out) < 0) cache.set(key, value);
    // Holes are filled, and lines that are empty then are used again.
    if (i % 7 === 0) cache.delete(`k${source.below(60_000)}`);
  }
  memory.check();
  memory.vm.inspect();
  const c = controlOf((cache as unknown as { items: { meta: number } }).items.meta);
  const items = ld(c + ST_ITEMS);
  expect(ld(c + ST_SUNK_ITEMS)).toBeGreaterThan(0.8 * items);
  expect((nrBuckets(c) + ld(c + ST_LINES_USED)) * 64).toBeLessThan(8.5 * items);
  expect(nrLines(c) * 64).toBeLessThanOrEqual((3072 * KIB) / 100);
  await memory.close();
});

test(`a value that came up from swap is served from the fast node from then on, its head too, seed ${seed}`, async () => {
  const { memory, cache } = await opened(1024, 2048, 16 * KIB);
  const value = Buffer.alloc(4096);
  const out = Buffer.alloc(4096);
  for (let i = 0; i < 3000; i++) cache.set(`k${i}`, value);
  expect(cache.stats().entriesByTier.file).toBeGreaterThan(2000);
  const tierOf = (key: string) => {
    const before = cache.stats().hitsByTier as Record<string, number>;
    cache.getInto(key, out);
    const after = cache.stats().hitsByTier as Record<string, number>;
    return Object.keys(after).find((tier) => after[tier] !== before[tier]);
  };
  // Room on both nodes: what is asked for comes up.
  for (let i = 2000; i < 3000; i++) cache.delete(`k${i}`);
  let served = 0;
  let fromFast = 0;
  for (let i = 0; i < 2000 && served < 30; i++) {
    const key = `k${i}`;
    if (tierOf(key) !== "file") continue;
    served++;
    if (tierOf(key) === "dram") fromFast++;
  }
  expect(served).toBeGreaterThan(20);
  expect(fromFast).toBe(served);
  memory.check();
  await memory.close();
});

test(`values whose heads wait in the nodes while they are in swap count as not there, and have ghosts, seed ${seed}`, async () => {
  const { memory, cache } = await opened(1024, 2048, 32 * KIB);
  const value = Buffer.alloc(4096);
  const out = Buffer.alloc(4096);
  const source = seeded(seed);
  for (let i = 0; i < 20_000; i++) {
    const key = `k${source.below(6000)}`;
    if (cache.getInto(key, out) < 0) cache.set(key, value);
  }
  memory.vm.inspect();
  const c = controlOf((cache as unknown as { items: { meta: number } }).items.meta);
  const near = cache.size - (cache.stats().entriesByTier.file as number);
  expect(near).toBeLessThan(cache.size / 4);
  expect(ld(c + ST_NR_GHOSTS)).toBeGreaterThan(near / 4);
  expect(nearItems(c)).toBeLessThan(2 * near);
  expect(nearItems(c)).toBeGreaterThan(near / 2);
  await memory.close();
});
