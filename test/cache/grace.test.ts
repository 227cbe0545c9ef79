/** What has expired: how long it stays, who may still have it, and that it goes before anything that has not. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import {
  type Cache,
  type CacheOptions,
  type Memory,
  openMemorySync,
  type SimCrank,
  simCrank,
} from "../../src/index.ts";
import { inShards } from "../support/shards.ts";

let crank: SimCrank = simCrank();
let memory: Memory | undefined;
afterEach(() => {
  memory?.check();
  memory?.[Symbol.dispose]();
  memory = undefined;
});
function open(options: CacheOptions<string>, size = "16MiB"): Cache<string> {
  memory?.[Symbol.dispose]();
  crank = simCrank();
  memory = openMemorySync({ nodes: { dram: { kind: "dram", size } }, pretouch: false }, { crank });
  return memory.cache<string>(options);
}
function ticks(ms: number): void {
  for (let i = 0; i < 20; i++) {
    crank.advance(ms / 20);
    memory?.tick();
  }
}

describe("grace", () => {
  const stale = { allowStale: true, noDeleteOnStaleGet: true };
  test.each<[string, CacheOptions<string>, number, number]>([
    ["none without a wish for expired values", { ttl: 1000 }, 1, 300],
    ["as long again as the time to live", { ttl: 1000, ...stale }, 900, 1100],
    ["the same for allowStaleOnFetchRejection", { ttl: 1000, allowStaleOnFetchRejection: true }, 900, 1100],
    ["of any length", { ttl: 64_000, ...stale }, 60_000, 70_000],
    ["as it is said", { ttl: 1000, ...stale, grace: 5000 }, 4900, 5200],
    ["as it is said, without a wish", { ttl: 1000, grace: 5000 }, 4900, 5200],
    ["none if it is said", { ttl: 1000, ...stale, grace: 0 }, 1, 300],
  ])("%s", (_, options, kept, gone) => {
    for (const n of [1, 3000]) {
      const cache = open(options);
      for (let i = 0; i < n; i++) cache.set(`k${i}`, `v${i}`);
      ticks(options.ttl as number);
      ticks(kept - 1);
      if (kept > 1) {
        expect(cache.size).toBe(n);
        for (let i = 0; i < n; i++) expect(cache.peek(`k${i}`, { allowStale: true })).toBe(`v${i}`);
      }
      expect([cache.has("k0"), [...cache.keys()].length]).toEqual([false, 0]);
      ticks(gone - kept + 1);
      expect(cache.size).toBe(0);
      expect(cache.stats().expired).toBe(n);
      memory?.check();
    }
  });

  test("without end: what has expired stays until its room is needed, and goes first then", () => {
    const cache = open({ ...stale, grace: Number.POSITIVE_INFINITY, maxSize: "1MiB" }, "4MiB");
    for (let i = 0; i < 1500; i++) cache.set(`old${i}`, "x".repeat(300), { ttl: 1000 });
    expect(cache.stats().evicted).toBe(0);
    ticks(1e6);
    expect(cache.size).toBe(1500);
    for (let i = 0; i < 1500; i++) cache.set(`new${i}`, "y".repeat(300), { ttl: 1e7 });
    expect(cache.stats()).toMatchObject({ evicted: 0, rejected: 0 });
    for (let i = 0; i < 1500; i++) expect(cache.has(`new${i}`)).toBe(true);
    expect(cache.size).toBeLessThan(3000);
  });

  test("clear() does not change it", () => {
    const cache = open({ ttl: 1000, ...stale, grace: 5000 });
    cache.clear();
    cache.set("k", "v");
    ticks(4000);
    expect(cache.peek("k")).toBe("v");
    ticks(3000);
    expect(cache.size).toBe(0);
  });

  test.skipIf(inShards)("many at once go in turns of bounded length", () => {
    const cache = open({ ttl: 1000 }, "64MiB");
    for (let i = 0; i < 100_000; i++) cache.set(`k${i}`, "v");
    crank.advance(1001);
    let turns = 0;
    for (let before = cache.size; before > 0; turns++) {
      memory?.tick();
      expect(before - cache.size).toBeLessThanOrEqual(4200);
      expect(cache.size).toBeLessThan(before);
      before = cache.size;
    }
    expect(turns).toBeGreaterThan(20);
  });

  test("purgeStale() ends it", () => {
    const cache = open({ ttl: 1000, ...stale, grace: 1e6 });
    for (let i = 0; i < 1000; i++) cache.set(`k${i}`, "v", { ttl: i % 2 === 0 ? 100 : 1e5 });
    crank.advance(1000);
    expect([cache.purgeStale(), cache.size, cache.purgeStale()]).toEqual([true, 500, false]);
  });
});

describe("expired before live", () => {
  test.skipIf(inShards)("with max, whatever the lives of those that share a segment", () => {
    for (const [a, b] of [
      [70_000, 120_000],
      [500, 999],
      [1000, 3_600_000],
    ] as const) {
      const cache = open({ max: 1000, ...{ grace: 1e9 } });
      for (let i = 0; i < 1000; i++) cache.set(`k${i}`, "v", { ttl: i % 2 === 1 ? a : b });
      crank.advance(a);
      for (let i = 0; i < 500; i++) cache.set(`n${i}`, "v", { ttl: i % 3 === 0 ? 0 : 120_000 });
      for (let i = 0; i < 1000; i += 2) expect(cache.has(`k${i}`)).toBe(true);
      for (let i = 0; i < 500; i++) expect(cache.has(`n${i}`)).toBe(true);
      expect(cache.stats()).toMatchObject({ evicted: 0, expired: 500 });
      cache.set("one more", "v");
      expect(cache.stats().evicted).toBe(1);
    }
  });

  test("a life that a get began anew, or that a set made shorter, counts", () => {
    const cache = open({ max: 100, ttl: 1000, updateAgeOnGet: true });
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, "v");
    crank.advance(600);
    for (let i = 0; i < 50; i++) cache.get(`k${i}`);
    for (let i = 50; i < 60; i++) cache.set(`k${i}`, "v", { ttl: 100_000 });
    for (let i = 60; i < 70; i++) cache.set(`k${i}`, "v", { ttl: 50 });
    crank.advance(500);
    for (let i = 0; i < 40; i++) cache.set(`n${i}`, "v");
    for (let i = 0; i < 60; i++) expect(cache.has(`k${i}`)).toBe(true);
    for (let i = 60; i < 100; i++) expect(cache.has(`k${i}`)).toBe(false);
    expect(cache.stats()).toMatchObject({ evicted: 0 });
  });

  test("random lives against a list, by max", () => {
    const op = fc.record({ ttl: fc.constantFrom(0, 30, 400, 900, 1500, 70_000), wait: fc.nat(60), key: fc.nat(80) });
    fc.assert(
      fc.property(fc.array(op, { minLength: 50, maxLength: 300 }), fc.constantFrom(0, 200), (ops, grace) => {
        const max = 40;
        const cache = open({ max, grace });
        const ends = new Map<string, number>();
        let evicted = 0;
        for (const { ttl, wait, key } of ops) {
          crank.advance(wait);
          const now = crank.now();
          for (const [k, end] of ends) if (end <= now) ends.delete(k);
          const k = `k${key}`;
          if (!ends.has(k) && ends.size === max) evicted++;
          cache.set(k, "v", { ttl });
          ends.set(k, ttl === 0 ? Number.POSITIVE_INFINITY : now + ttl);
          expect(cache.stats().evicted).toBe(evicted);
          for (const live of ends.keys()) if (!cache.has(live)) ends.delete(live);
          expect(ends.size).toBeLessThanOrEqual(max);
        }
        memory?.check();
      }),
      { numRuns: 25 },
    );
  });
});
