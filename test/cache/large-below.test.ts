/** Values of a page and more over nodes and swap: where they lie, and what that costs. */
import { expect, test } from "vitest";
import { type CacheStats, openMemory, simCrank } from "../../src/index.ts";
import { runSeed, seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;
const dram = (size: number, tier = 0) => ({ kind: "dram" as const, size: size * KIB, tier });
const seed = runSeed();

/** A memory of a fast and a slow node, and swap for all the rest, its bytes in memory. */
async function overSwap(fast: number, slow: number, swap: number) {
  const memory = await openMemory(
    {
      nodes: { dram: dram(fast), slow: dram(slow, 1) },
      swap: [{ kind: "file", path: `large-below-${process.pid}`, size: swap * KIB }],
      minFree: "16KiB",
      seed,
    },
    { crank: simCrank(), wrapDevice: inMemory },
  );
  return { memory, cache: memory.cache<Uint8Array>({ codec: "bytes", heap: 0 }) };
}
const sum = (counts: CacheStats["entriesByTier"]) => Object.values(counts).reduce((a, b) => a + b, 0);

test.each([4096, 5000, 20_000])(
  `values of %i bytes in loops over all of them: none is dropped while swap has room, seed ${seed}`,
  async (bytes) => {
    const keys = Math.floor((24_000 * KIB) / bytes);
    const { memory, cache } = await overSwap(1024, 3072, 48_000);
    const value = Buffer.alloc(bytes);
    const out = Buffer.alloc(bytes);
    const source = seeded(seed);
    let at = 0;
    for (let i = 0; i < 5 * keys; i++) {
      // A loop, and in it a few that are asked for again and again.
      const k = i % 4 === 0 ? source.below(keys >> 4) : at++ % keys;
      value.fill(k & 255);
      const n = cache.getInto(`k${k}`, out);
      if (n < 0) cache.set(`k${k}`, value);
      else if (n !== bytes || out[0] !== (k & 255) || out[bytes - 1] !== (k & 255)) throw new Error(`k${k} is another`);
      if (i % 1000 === 0) memory.tick();
    }
    memory.check();
    const { evicted, lost, rejected, entriesByTier, bytesByTier } = cache.stats();
    expect([evicted, lost, rejected, cache.size]).toEqual([0, 0, 0, keys]);
    expect(sum(entriesByTier)).toBe(keys);
    // An entry is where the lowest part of it is, and takes its bytes there.
    for (const [tier, entries] of Object.entries(entriesByTier)) {
      expect(bytesByTier[tier], tier).toBeGreaterThan(0.9 * entries * bytes);
    }
    expect(entriesByTier.file).toBeGreaterThan(0.75 * keys);
    await memory.close();
  },
);
