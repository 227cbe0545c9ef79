/** What caches that share a small memory and swap hold is within their limits after each operation, a get that finds its value in swap included. */
import { expect, test } from "vitest";
import { openMemory, simCrank } from "../../src/index.ts";
import { runSeed, seeded } from "../property/source.ts";
import { inMemory } from "../property/strict-device.ts";

const KIB = 1024;

// The first ones are known to have gone a page beyond.
test.each([9, 34, runSeed()])("values of all sizes in caches over swap, seed %i", { timeout: 60_000 }, async (seed) => {
  const source = seeded(seed);
  const nodes = { dram: { kind: "dram" as const, size: (600 + source.below(600)) * KIB } };
  const swap = [{ kind: "file" as const, path: `limit-${process.pid}`, size: (100 + source.below(800)) * KIB }];
  const memory = await openMemory({ nodes, swap, minFree: "16KiB", seed }, { crank: simCrank(), wrapDevice: inMemory });
  const caches = Array.from({ length: 1 + source.below(4) }, (_, i) =>
    memory.cache<Uint8Array>({ name: `c${i}`, codec: "bytes", heap: 0 }),
  );
  const size = 100 + source.below(3000);
  for (let i = 0; i < 4000; i++) {
    const cache = caches[source.below(caches.length)] as (typeof caches)[0];
    const within = (what: string) => {
      if (cache.calculatedSize > cache.maxSize)
        throw new Error(`${what} ${i}: ${cache.calculatedSize} of ${cache.maxSize}`);
    };
    const key = `k${Math.floor(4000 * (source.below(1 << 30) / 2 ** 30) ** 2)}`;
    const found = cache.get(key);
    within("get");
    if (found === undefined) cache.set(key, Buffer.alloc(source.below(source.below(20) === 0 ? 12_000 : 2 * size)));
    within("set");
    if (source.below(2000) === 0) cache.clear();
    if (source.below(300) === 0) memory.tick();
    within("clear or tick");
    if (i % 100 === 99) memory.check();
  }
  expect(caches.reduce((n, cache) => n + cache.stats().hits, 0)).toBeGreaterThan(100);
  await memory.close();
});
