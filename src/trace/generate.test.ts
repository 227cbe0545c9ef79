import fc from "fast-check";
import { expect, test } from "vitest";
import { sequential, shift, uniform, zipf } from "./generate.ts";
import { countWrites, findTraceFault, type Trace } from "./trace.ts";

/** The identifiers in the order of their requests. */
function ids(trace: Trace): number[] {
  return Array.from(trace.key, (key) => Number(trace.original[key]));
}

test("the same options make the same trace, another seed another, and all are sound", () => {
  const anyOptions = fc.record({
    keys: fc.integer({ min: 1, max: 300 }),
    requests: fc.integer({ min: 1, max: 500 }),
    seed: fc.nat(0xffff_ffff),
    writeRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    alpha: fc.double({ min: 0, max: 3, noNaN: true }),
  });
  fc.assert(
    fc.property(anyOptions, fc.nat(3), (options, which) => {
      const make = (): Trace => {
        const size = [10, 5000] as const;
        if (which === 0) return zipf({ ...options, size });
        if (which === 1) return uniform({ ...options, size });
        if (which === 2) return sequential({ ...options, size });
        return shift({ ...options, size, workingSet: Math.ceil(options.keys / 3), every: 50 });
      };
      const trace = make();
      expect(findTraceFault(trace)).toBeUndefined();
      expect(trace.requests).toBe(options.requests);
      expect(Math.max(...ids(trace))).toBeLessThan(options.keys);
      expect(trace.size.every((size) => size >= 10 && size <= 5000)).toBe(true);
      expect(make()).toEqual(trace);
    }),
  );
  const first = uniform({ keys: 1000, requests: 1000, seed: 1 });
  expect(ids(uniform({ keys: 1000, requests: 1000, seed: 2 }))).not.toEqual(ids(first));
});

test("traces stay the same from release to release", () => {
  expect(ids(uniform({ keys: 1000, requests: 5, seed: 42 }))).toEqual([162, 709, 271, 472, 8]);
  expect(ids(zipf({ keys: 1000, requests: 5, seed: 42, alpha: 1 }))).toEqual([31, 493, 506, 657, 698]);
});

test("writes and sizes do not change the order of keys", () => {
  const plain = zipf({ keys: 100, requests: 1000, alpha: 0.9, seed: 3 });
  const written = zipf({ keys: 100, requests: 1000, alpha: 0.9, seed: 3, writeRatio: 0.3, size: [1, 9] });
  expect(written.key).toEqual(plain.key);
  expect(plain.op).toBeUndefined();
  expect(countWrites(written) / 1000).toBeCloseTo(0.3, 1);
});

test("zipf's popularity falls with the rank as k^-alpha", () => {
  const trace = zipf({ keys: 1000, requests: 200_000, alpha: 1, seed: 7 });
  const counts = new Float64Array(trace.keys);
  for (const key of trace.key) counts[key]!++;
  counts.sort().reverse();
  let harmonic = 0;
  for (let rank = 1; rank <= 1000; rank++) harmonic += 1 / rank;
  for (const rank of [1, 2, 10, 100]) {
    expect(counts[rank - 1]! / 200_000).toBeCloseTo(1 / rank / harmonic, 2);
  }
});

test("sequential goes round", () => {
  expect(ids(sequential({ keys: 3, requests: 7 }))).toEqual([0, 1, 2, 0, 1, 2, 0]);
});

test("shift stays within a working set that moves on, round the key space", () => {
  const trace = shift({ keys: 10, requests: 400, workingSet: 4, every: 100, by: 3 });
  const sets = [0, 1, 2, 3].map((i) => [...new Set(ids(trace).slice(i * 100, i * 100 + 100))].sort((a, b) => a - b));
  expect(sets).toEqual([
    [0, 1, 2, 3],
    [3, 4, 5, 6],
    [6, 7, 8, 9],
    [0, 1, 2, 9],
  ]);
});

test.each<[string, () => Trace, RegExp]>([
  ["keys", () => uniform({ keys: 0, requests: 1 }), /keys is 0; allowed: a whole number from 1 to/],
  ["keys", () => shift({ keys: Number.NaN, requests: 1, workingSet: 1, every: 1 }), /keys is/],
  ["requests", () => uniform({ keys: 1, requests: 1.5 }), /requests is 1.5/],
  ["seed", () => uniform({ keys: 1, requests: 1, seed: -1 }), /seed is -1/],
  ["writeRatio", () => uniform({ keys: 1, requests: 1, writeRatio: 2 }), /writeRatio is 2; allowed: 0 to 1/],
  ["size", () => uniform({ keys: 1, requests: 1, size: 0 }), /size is 0/],
  ["size", () => uniform({ keys: 1, requests: 1, size: [5, 4] }), /size is 4; allowed: a whole number from 5/],
  ["alpha", () => zipf({ keys: 1, requests: 1, alpha: Number.NaN }), /alpha is/],
  ["workingSet", () => shift({ keys: 5, requests: 1, workingSet: 6, every: 1 }), /workingSet is 6; allowed: .* 1 to 5/],
  ["every", () => shift({ keys: 5, requests: 1, workingSet: 1, every: 0 }), /every is 0/],
  ["by", () => shift({ keys: 5, requests: 1, workingSet: 1, every: 1, by: 6 }), /by is 6/],
])("a bad %s is an EINVAL error", (_option, make, words) => {
  expect(make).toThrow(words);
  expect(make).toThrow(/^EINVAL/);
});
