/** Which gets are timed, how many, and what is told of them. */
import { afterEach, expect, test } from "vitest";
import { type Cache, type GetSample, type Memory, openMemorySync } from "../../src/index.ts";

const open: Memory[] = [];
afterEach(() => {
  for (const memory of open.splice(0)) memory[Symbol.dispose]();
});
interface Kind {
  readonly shared?: boolean;
  readonly shards?: number;
}
function memoryOf(kind: Kind = {}): Memory {
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "16MiB" } }, seed: 1, ...kind });
  open.push(memory);
  return memory;
}
function filled(memory: Memory, heap: number | "1MiB", n = 100): Cache<string> {
  const cache = memory.cache({ name: "users", maxSize: "4MiB", codec: "string", heap });
  for (let i = 0; i < n; i++) cache.set(`key:${i}`, "x".repeat(100));
  for (let round = 0; round < 3; round++) for (let i = 0; i < n; i++) cache.get(`key:${i}`);
  return cache;
}
/** As many gets as are done in so many ms. Returns how many. */
function busy(cache: Cache<string>, ms: number, keyOf: (i: number) => string): number {
  const end = performance.now() + ms;
  let n = 0;
  for (; performance.now() < end; ) for (let i = 0; i < 100; i++) cache.get(keyOf(n++));
  return n;
}
function tiers(samples: readonly GetSample[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { tier } of samples) all[tier] = (all[tier] ?? 0) + 1;
  return all;
}

const KINDS: [string, Kind][] = [
  ["one thread", {}],
  ["shared", { shared: true }],
  ["three shards", { shards: 3 }],
];
const PLACES: [string, "1MiB" | 0][] = [
  ["heap", "1MiB"],
  ["dram", 0],
];
const CASES = KINDS.flatMap(([name, kind]) => PLACES.map(([tier, heap]) => ({ name, kind, tier, heap })));

test.each(CASES)("$name, $tier: of gets that come slowly each is timed, with what served it", async (given) => {
  const memory = memoryOf(given.kind);
  const cache = filled(memory, given.heap);
  const samples: GetSample[] = [];
  memory.sampleGets((sample) => samples.push(sample));
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    cache.get(i % 2 === 0 ? `key:${i}` : "none");
  }
  expect(samples.map(({ tier }) => tier)).toEqual(
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? given.tier : "miss")),
  );
  expect(samples.every(({ cache, seconds }) => cache === "users" && seconds > 0 && seconds < 30)).toBe(true);
});

test.each(CASES)("$name, $tier: of gets that come fast a few are timed, what is done by turns alike", (given) => {
  const memory = memoryOf(given.kind);
  const cache = filled(memory, given.heap);
  const samples: GetSample[] = [];
  memory.sampleGets((sample) => samples.push(sample));
  const gets = busy(cache, 1500, (i) => (i % 2 === 0 ? `key:${i % 100}` : "none"));
  const counted = tiers(samples);
  // Forty a second, and those until that is known; a machine that does other things gets fewer.
  expect(samples.length).toBeLessThan(120);
  expect(samples.length).toBeGreaterThan(20);
  expect(samples.length).toBeLessThan(gets / 50);
  expect(Object.keys(counted).sort()).toEqual([given.tier, "miss"].sort());
  for (const n of Object.values(counted)) expect(n).toBeGreaterThan(samples.length / 6);
});

test.each(CASES)("$name, $tier: fewer gets than there were are timed again soon", async (given) => {
  const memory = memoryOf(given.kind);
  const cache = filled(memory, given.heap);
  const samples: GetSample[] = [];
  memory.sampleGets((sample) => samples.push(sample));
  busy(cache, 300, (i) => `key:${i % 100}`);
  samples.length = 0;
  for (let i = 0; i < 40; i++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    cache.get("key:1");
  }
  // One each time that the memory looks at the clock, ten times a second.
  expect(samples.length).toBeGreaterThanOrEqual(4);
});

test.each(CASES)("$name, $tier: it ends, and begins again; values and counts are what they are without", (given) => {
  const memory = memoryOf(given.kind);
  const cache = filled(memory, given.heap);
  let [first, second] = [0, 0];
  const before = cache.stats();
  const stops = [memory.sampleGets(() => first++), memory.sampleGets(() => second++)];
  for (let i = 0; i < 1000; i++) expect(cache.get(`key:${i % 100}`)).toBe("x".repeat(100));
  expect(first).toBeGreaterThan(0);
  expect(second).toBe(first);
  stops[0]?.();
  busy(cache, 500, () => "key:1");
  expect(second).toBeGreaterThan(first);
  stops[1]?.();
  const ended = second;
  const more = busy(cache, 50, () => "key:1");
  expect(second).toBe(ended);
  const { hitsByTier, hits, misses } = cache.stats();
  expect(misses).toBe(before.misses);
  expect(hits - before.hits).toBeGreaterThanOrEqual(1000 + more);
  // All but what was timed is on the tier it was on: the front is asked by all others.
  expect((hitsByTier[given.tier] ?? 0) - (before.hitsByTier[given.tier] ?? 0)).toBeGreaterThan(
    0.98 * (hits - before.hits),
  );
  memory.sampleGets(() => first++);
  first = 0;
  cache.get("key:1");
  expect(first).toBe(1);
  memory.check();
});

test.each(CASES)("$name, $tier: what a listener gets is not timed; one that throws ends nothing", (given) => {
  const memory = memoryOf(given.kind);
  const cache = filled(memory, given.heap);
  let [told, depth, deepest, fails] = [0, 0, 0, false];
  memory.sampleGets(() => {
    told++;
    deepest = Math.max(deepest, ++depth);
    for (let i = 0; i < 10; i++) cache.get(`key:${i}`);
    depth--;
    if (fails) throw new Error("told");
  });
  busy(cache, 100, (i) => `key:${i % 100}`);
  expect(deepest).toBe(1);
  fails = true;
  expect(() => busy(cache, 1000, (i) => `key:${i % 100}`)).toThrow("told");
  fails = false;
  const before = told;
  busy(cache, 1000, (i) => `key:${i % 100}`);
  expect(told).toBeGreaterThan(before);
  expect(() => cache.get({} as unknown as string)).toThrow("key");
  cache.close();
  for (let i = 0; i < 10; i++) expect(() => cache.get("key:1")).toThrow("closed");
});
