/** Values of any size: what fits is stored at the first try, what does not is refused before anything moves. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openMemory, openMemorySync, simCrank } from "../../src/index.ts";
import { seeded } from "../property/source.ts";

const KIB = 1024;

test("a value needs room, not neighbours: each that fits gets in, whatever was there before", async () => {
  await using memory = await openMemory({ nodes: { dram: { kind: "dram", size: "12MiB" } }, seed: 5 });
  const cache = memory.cache({ maxSize: "8MiB", codec: "bytes" });
  const source = seeded(11);
  // Holes of every size: large and small values in turns, some of which are deleted.
  for (let i = 0; i < 3000; i++) {
    cache.set(`${i}`, Buffer.alloc(source.below(8) === 0 ? source.below(200 * KIB) : source.below(6 * KIB), i));
    if (i % 3 === 0) cache.delete(`${source.below(i + 1)}`);
  }
  for (const size of [4096, 4097, 300 * KIB, 2048 * KIB, 6 * 1024 * KIB, 1, 5 * 1024 * KIB + 123]) {
    const value = Buffer.alloc(size, size);
    const before = cache.size;
    cache.set("large", value);
    expect(
      (cache.get("large") as Buffer | undefined)?.equals(value),
      `${size} bytes, with ${before} entries there`,
    ).toBe(true);
    memory.check();
  }
  expect(cache.stats().rejected).toBe(0);
});

test("the pages of a value lie together as far as there is room for that, so that it is copied in few pieces and pinned in one", async () => {
  await using memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } }, seed: 5 });
  const cache = memory.cache({ maxSize: "8MiB", codec: "bytes" });
  const source = seeded(3);
  const pages = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const key = `${source.below(600)}`;
    pages.set(key, 1 + source.below(8));
    cache.set(key, Buffer.alloc((pages.get(key) as number) * 4096, i));
  }
  let chunks = 0;
  let values = 0;
  let all = 0;
  for (const [key, nr] of pages) {
    using pin = cache.pin(key);
    if (pin === undefined) continue;
    values++;
    all += nr;
    chunks += pin.chunks.length;
  }
  expect(all / values).toBeGreaterThan(4);
  expect(chunks / values).toBeLessThan(1.5);
  memory.check();
});

test("a value that does not fit is counted, and nothing else goes", async () => {
  await using memory = await openMemory({ nodes: { dram: { kind: "dram", size: "6MiB" } }, seed: 5 });
  const cache = memory.cache({ maxSize: "4MiB", codec: "bytes" });
  for (let i = 0; i < 500; i++) cache.set(`${i}`, Buffer.alloc(1000));
  const held = cache.calculatedSize;
  const sizes = [4 * 1024 * KIB, 8 * 1024 * KIB, 64 * 1024 * KIB];
  for (const size of sizes) cache.set("large", Buffer.alloc(size));
  expect(cache.stats().rejected).toBe(sizes.length);
  expect([cache.size, cache.calculatedSize, cache.get("large")]).toEqual([500, held, undefined]);
  memory.check();
});

test("after a clear all is gone at once, and its pages come back as they are needed or in a tick", async () => {
  await using memory = await openMemory({ nodes: { dram: { kind: "dram", size: "40MiB" } }, seed: 5 });
  const cache = memory.cache({ maxSize: "32MiB", codec: "bytes" });
  const fill = () => {
    for (let i = 0; i < 2000; i++) cache.set(`${i}`, Buffer.alloc(i % 4 === 0 ? 30_000 : 5000, i));
  };
  for (let round = 0; round < 3; round++) {
    fill();
    cache.clear();
    expect([cache.size, [...cache.keys()].length, cache.has("7")]).toEqual([0, 0, false]);
    memory.check();
  }
  memory.tick();
  memory.tick();
  expect(cache.calculatedSize).toBeLessThan(256 * KIB);
  fill();
  expect(cache.get("1996")).toEqual(Buffer.alloc(30_000, 1996));
  memory.check();
});

test("what is left of a large value whose pages swap has dropped one by one is counted once", () => {
  const folder = mkdtempSync(join(tmpdir(), "lieu-test-"));
  try {
    for (const seed of [1, 4, 5]) {
      using memory = openMemorySync(
        {
          nodes: { dram: { kind: "dram", size: "1MiB" } },
          swap: [{ kind: "file", path: join(folder, "swap"), size: "3MiB" }],
          seed,
        },
        { crank: simCrank() },
      );
      const cache = memory.cache({ maxSize: "3800KiB", heap: 0, codec: "bytes" });
      const source = seeded(seed);
      const bytes = Buffer.alloc(305 * KIB, 1);
      for (let i = 0; i < 30_000; i++) {
        const key = Math.floor((source.below(100_000) / 100_000) ** 2 * 12_000);
        const size = key % 50 === 0 ? 5000 + ((key * 37) % 300_000) : 100 + ((key * 13) % 600);
        if (cache.get(`${key}`) === undefined) cache.set(`${key}`, bytes.subarray(0, size));
      }
      memory.check();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
