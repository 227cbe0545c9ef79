/** Miss-ratio curves: held against whole simulations of LRU, and what a cache makes of them. */
import { afterEach, describe, expect, test } from "vitest";
import { CurveSampler, SAMPLED_HIT } from "../../src/cache/curve.ts";
import { CurveLearner } from "../../src/cache/curve-learner.ts";
import { type MissRatioCurve, OTHERS, type Requests, STRATA } from "../../src/cache/distances.ts";
import { type Memory, openMemorySync, simCrank } from "../../src/index.ts";
import { SAMPLED_GET } from "../../src/store/sampled.ts";
import { sequential, shift, zipf } from "../../src/trace/generate.ts";
import { seededRandom } from "../../src/trace/random.ts";
import type { Trace } from "../../src/trace/trace.ts";

/** What the sampler counts beside key and value. */
const ENTRY = 30;
const memories: Memory[] = [];
afterEach(() => {
  for (const memory of memories.splice(0)) {
    memory.check();
    memory[Symbol.dispose]();
  }
});

/** What an LRU cache of `capacity` bytes misses: a Map is in the order of last use. */
function lru(keys: ArrayLike<number>, sizes: ArrayLike<number>, capacity: number): number {
  const held = new Map<number, number>();
  let used = 0;
  let misses = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    const size = sizes[key] as number;
    if (held.delete(key)) {
      held.set(key, size);
      continue;
    }
    misses++;
    if (size > capacity) continue;
    held.set(key, size);
    used += size;
    for (const [old, bytes] of held) {
      if (used <= capacity) break;
      held.delete(old);
      used -= bytes;
    }
  }
  return misses / keys.length;
}

/** Sizes of which few have most of the bytes. */
function skewed(keys: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: keys }, () => Math.floor(60 / (1 - random()) ** 0.8));
}
function phases(): Trace {
  const a = zipf({ keys: 6000, requests: 60_000, alpha: 0.9 });
  const b = sequential({ keys: 5000, requests: 40_000 });
  const key = new Uint32Array(100_000);
  for (let i = 0; i < key.length; i++)
    key[i] = i % 5 < 3 ? (a.key[((i * 3) / 5) | 0] as number) : 6000 + (b.key[((i * 2) / 5) | 0] as number);
  return { ...a, name: "phases", key, keys: 11_000, requests: key.length };
}
const TRACES: readonly [Trace, sizes: (keys: number) => Float64Array][] = [
  [zipf({ keys: 20_000, requests: 150_000, alpha: 0.8 }), (keys) => skewed(keys, 1)],
  [
    shift({ keys: 20_000, requests: 150_000, workingSet: 3000, every: 2000 }),
    (keys) => new Float64Array(keys).fill(1000),
  ],
  [phases(), (keys) => skewed(keys, 2)],
];

/** So many requests, of which nothing more is known. */
function others(requests: number): Requests {
  const all = none();
  all.counts[OTHERS] = requests;
  return all;
}
function none(): Requests {
  return { counts: new Float64Array(STRATA), bytes: new Float64Array(STRATA) };
}

/**
 * A sampler that hears of what the store would tell, of hashes as good as the store's: of requests for what was asked for lately,
 * their age besides; the youngest of them being hits above the store.
 */
function sample(trace: Trace, sizes: Float64Array, most: number, seed: number, lately = 0, above = 0) {
  let [threshold, big, requests] = [0, 0, 0];
  const total = sizes.reduce((sum, n) => sum + n, 0);
  const all = none();
  const told = (t: number, b: number) => {
    [threshold, big] = [t >>> 0, b];
  };
  const host = { maxSize: total / 4, requests: () => structuredClone(all), now: () => requests / 10, sample: told };
  const sampler = new CurveSampler(host, most);
  const last = new Map<number, number>();
  for (const key of trace.key) {
    const age = ++requests - (last.get(key) ?? Number.NEGATIVE_INFINITY);
    last.set(key, requests);
    const stratum = age < Math.max(above, lately) ? Math.max(0, Math.floor(Math.log2(age)) - 3) : OTHERS;
    all.counts[stratum] = (all.counts[stratum] as number) + 1;
    if (stratum !== OTHERS) all.bytes[stratum] = (all.bytes[stratum] as number) + (sizes[key] as number);
    let hash = Math.imul(key + 1 + seed * 65_537, 0x7feb352d);
    hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
    hash ^= hash >>> 16;
    const bytes = (sizes[key] as number) - ENTRY;
    if (age < above) {
      if (hash >>> 0 < threshold) sampler.hear(hash, bytes, SAMPLED_HIT, stratum);
    } else if (hash >>> 0 < threshold || bytes >= big) sampler.hear(hash, bytes, SAMPLED_GET, stratum);
  }
  return { sampler, curve: sampler.curve(), total };
}

describe("the curve of a sample", () => {
  test.each(TRACES)("is LRU's, all of $name being sampled", (trace, sizesOf) => {
    const sizes = sizesOf(trace.keys);
    const { curve, total } = sample(trace, sizes, 1 << 15, 0);
    expect(curve).toMatchObject({ rate: 1, keys: new Set(trace.key).size, requests: trace.requests });
    for (const share of [0.02, 0.05, 0.1, 0.3, 0.6, 1]) {
      const exact = lru(trace.key, sizes, total * share);
      expect(Math.abs(curve.missRatio(total * share) - exact), `at ${share}`).toBeLessThan(0.006);
    }
  });

  test.each(TRACES)("is about LRU's for a small sample of $name", (trace, sizesOf) => {
    const sizes = sizesOf(trace.keys);
    const shares = [0.05, 0.1, 0.3, 0.6];
    const exact = shares.map((share) => lru(trace.key, sizes, sizes.reduce((sum, n) => sum + n, 0) * share));
    const off = shares.map(() => 0);
    const SEEDS = 6;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { curve, total } = sample(trace, sizes, 1 << 11, seed, trace.keys);
      expect(curve.rate).toBeLessThan(0.5);
      expect(curve.keys).toBeLessThanOrEqual(1 << 11);
      shares.forEach((share, i) => {
        const error = curve.missRatio(total * share) - (exact[i] as number);
        expect(Math.abs(error), `seed ${seed} at ${share}`).toBeLessThan(0.03);
        off[i] = (off[i] as number) + error / SEEDS;
      });
    }
    // What one sample is off by, another makes up for.
    for (const error of off) expect(Math.abs(error)).toBeLessThan(0.01);
  });

  test.each(TRACES)("is far nearer to LRU's, at any size, where ages of hits are known, of $name", (trace, sizesOf) => {
    const sizes = sizesOf(trace.keys);
    const shares = [0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5];
    const exact = shares.map((share) => lru(trace.key, sizes, sizes.reduce((sum, n) => sum + n, 0) * share));
    // Without hits above, and with.
    for (const above of [0, 100]) {
      const blind: number[] = [];
      const seeing: number[] = [];
      for (let seed = 1; seed <= 4; seed++) {
        for (const [lately, errors] of [
          [0, blind],
          [trace.keys, seeing],
        ] as const) {
          const { curve, total } = sample(trace, sizes, 1 << 12, seed, lately, above);
          expect(curve.rate).toBeLessThan(0.6);
          for (const [i, share] of shares.entries())
            errors.push(Math.abs(curve.missRatio(total * share) - (exact[i] as number)));
        }
      }
      const mean = (list: readonly number[]) => list.reduce((sum, n) => sum + n, 0) / list.length;
      expect(Math.max(...seeing), `worst of ${seeing.map((n) => n.toFixed(4))}`).toBeLessThan(0.01);
      expect(mean(seeing)).toBeLessThan(0.005);
      expect(mean(seeing)).toBeLessThan(Math.max(mean(blind) / 2, 0.003));
    }
  });

  test("takes less than 1 MiB, whatever comes", () => {
    const { sampler, curve } = sample(
      sequential({ keys: 150_000, requests: 300_000 }),
      new Float64Array(150_000).fill(100),
      1 << 15,
      1,
    );
    expect(curve.keys).toBeGreaterThan(10_000);
    expect(sampler.bytes).toBeLessThan(2 ** 20);
  });

  test("sees fewer requests where there are more than there is time for", () => {
    const seen: number[] = [];
    let requests = 0;
    const host = {
      maxSize: 1e9,
      requests: () => others(requests),
      now: () => requests / 1e4,
      sample: (t: number) => seen.push(t >>> 0),
    };
    const sampler = new CurveSampler(host);
    for (; requests < 600_000; requests++) {
      const hash = Math.imul((requests % 1000) + 1, 0x9e3779b1);
      if (hash >>> 0 < (seen.at(-1) as number)) sampler.hear(hash, 100, SAMPLED_GET);
    }
    expect(sampler.curve().rate).toBeLessThan(0.05);
    expect(sampler.curve().missRatio(1e6)).toBeLessThan(0.02);
  });
});

test("a sample that has become small is replaced by a larger one, and has less than 1 MiB with it", () => {
  let [requests, threshold, now] = [0, 0, 0];
  const host = {
    maxSize: 4e6,
    requests: () => others(requests),
    now: () => now,
    sample: (t: number) => {
      threshold = t >>> 0;
    },
  };
  const learner = new CurveLearner(host);
  const random = seededRandom(5);
  const rates: number[] = [];
  let bytes = 0;
  // Many keys and no time for them; then few, and time. Requests are by a square law, of a thousand bytes each.
  const phase = (keys: number, n: number, perMs: number): void => {
    for (let i = 0; i < n; i++) {
      requests++;
      now += 1 / perMs;
      const key = Math.floor(keys * random() ** 2);
      let hash = Math.imul(key + 1, 0x7feb352d);
      hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
      hash ^= hash >>> 16;
      if (hash >>> 0 < threshold) learner.hear(hash, 1000 - ENTRY, SAMPLED_GET);
      if (i % 4096 === 0) {
        rates.push(learner.curve().rate);
        bytes = Math.max(bytes, learner.bytes);
      }
    }
  };
  phase(400_000, 1_000_000, 1000);
  const low = Math.min(...rates);
  expect(low).toBeLessThan(0.1);
  phase(4000, 4_000_000, 5);
  const curve = learner.curve();
  expect(curve.rate).toBe(1);
  expect(curve.keys).toBe(4000);
  expect(bytes).toBeLessThan(2 ** 20);
  // Of all keys, and of those now alone: what was before is forgotten.
  for (const share of [0.25, 0.5, 0.9]) {
    // An LRU cache that has the fraction f of the keys by such a law, about; the ends are exact.
    const missRatio = curve.missRatio(4e6 * share);
    expect(missRatio).toBeGreaterThan((1 - Math.sqrt(share)) * 0.9);
    expect(missRatio).toBeLessThan((1 - Math.sqrt(share)) * 1.6 + 0.01);
  }
  expect(curve.missRatio(4.1e6)).toBeLessThan(0.005);
});

describe("the curve of a cache", () => {
  function cacheOf(pages: number, options: { heap?: number; engine?: "js" | "wasm" } = {}) {
    const crank = simCrank();
    const { heap, engine } = options;
    const memory = openMemorySync(
      { nodes: { dram: { kind: "dram", size: (pages + 300) * 4096 } }, seed: 7, ...(engine && { engine }) },
      { crank },
    );
    memories.push(memory);
    return {
      crank,
      memory,
      cache: memory.cache<Uint8Array, number>({
        codec: "bytes",
        maxSize: pages * 4096,
        ...(heap !== undefined && { heap }),
      }),
    };
  }
  type Made = ReturnType<typeof cacheOf>;
  function run({ cache, crank }: Made, trace: Trace, sizes: Float64Array): MissRatioCurve {
    const bytes = new Uint8Array(1 << 20);
    cache.curve();
    trace.key.forEach((key, i) => {
      if (i % 100 === 0) crank.advance(1);
      if (cache.get(key) === undefined) cache.set(key, bytes.subarray(0, sizes[key]));
    });
    return cache.curve();
  }
  const trace = zipf({ keys: 8000, requests: 60_000, alpha: 0.7 });
  const sizes = Float64Array.from(skewed(8000, 3), (n) => Math.min(n, 100_000));
  /** A key that is a number takes eight bytes. */
  const taken = sizes.map((n) => n + 8 + ENTRY);
  const total = taken.reduce((sum, n) => sum + n, 0);

  test.each([
    ["on its pages alone", 0],
    ["also on the heap", undefined],
  ])("%s is that of LRU, at its size and others", (_, heap) => {
    const made = cacheOf(Math.floor(total / 4 / 4096), heap === undefined ? {} : { heap });
    const curve = run(made, trace, sizes);
    expect(curve.requests).toBe(trace.requests);
    expect(made.memory.vmstat().pgdiscard).toBe(0);
    for (const share of [0.08, 0.15, 0.25, 0.5, 0.9]) {
      expect(
        Math.abs(curve.missRatio(total * share) - lru(trace.key, taken, total * share)),
        `at ${share}`,
      ).toBeLessThan(0.01);
    }
    const split = curve.split([total * 0.1, total * 0.2]);
    expect(split).toHaveLength(3);
    expect(split[0]).toBeCloseTo(1 - curve.missRatio(total * 0.1), 10);
    expect(split[2]).toBeCloseTo(curve.missRatio(total * 0.3), 10);
    expect(split.reduce((sum, n) => sum + n, 0)).toBeCloseTo(1, 10);
  });

  test("is the same of both twins", () => {
    const short = zipf({ keys: 800, requests: 8000, alpha: 0.7 });
    const [wasm, js] = (["wasm", "js"] as const).map((engine) => {
      const curve = run(cacheOf(100, { engine, heap: 0 }), short, sizes);
      return [1e4, 1e5, 1e6].map((size) => curve.missRatio(size));
    });
    expect(js).toEqual(wasm);
  });

  test("what was deleted or has expired is no hit; it begins anew with clear(), and ends when it is told to", () => {
    const { cache, crank, memory } = cacheOf(64, { heap: 0 });
    const value = new Uint8Array(100);
    expect(cache.sampling).toBe(false);
    expect(cache.curve().missRatio(1e6)).toBeNaN();
    cache.set(1, value);
    cache.get(1);
    expect(cache.curve().missRatio(1e6)).toBe(0);
    cache.delete(1);
    cache.get(1);
    expect(cache.curve().missRatio(1e6)).toBe(0.5);
    cache.set(2, value, { ttl: 10 });
    crank.advance(100);
    cache.get(2);
    expect(cache.curve()).toMatchObject({ requests: 3, keys: 0 });
    expect(cache.curve().missRatio(1e6)).toBeCloseTo(2 / 3, 10);
    cache.clear();
    expect(cache.curve()).toMatchObject({ requests: 0, keys: 0 });
    cache.set(3, value);
    cache.get(3);
    expect(cache.curve()).toMatchObject({ requests: 1, keys: 1 });
    expect(() => cache.curve().missRatio(-1)).toThrow(/EINVAL/);
    cache.forgetCurve();
    expect(cache.sampling).toBe(false);
    cache.get(3);
    expect(cache.curve().requests).toBe(0);
    cache.get(3);
    const ratios = memory.metrics().find(({ name }) => name === "cache.lru_miss_ratio");
    expect(ratios?.samples.map(({ labels }) => labels.at)).toEqual(["0.5", "1", "2", "4"]);
    cache.close();
    expect(() => cache.curve()).toThrow(/ECLOSED/);
  });
});
