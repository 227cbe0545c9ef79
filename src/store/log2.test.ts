import fc from "fast-check";
import { expect, test } from "vitest";
import { log2, log2Whole, ONE } from "./log2.ts";

test("is the logarithm, within 0.0004", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e15, noNaN: true }), (x) => {
      expect(Math.abs(log2(x) / ONE - Math.log2(x))).toBeLessThan(0.0004);
    }),
    { numRuns: 2000 },
  );
  for (let i = 1; i < 500; i++) expect(Math.abs(log2(i) / ONE - Math.log2(i))).toBeLessThan(0.0004);
});

test("is exact for powers of two, and does not fall", () => {
  for (let i = -40; i <= 50; i++) expect(log2(2 ** i)).toBe(i * ONE);
  let falls = 0;
  for (let i = 1; i < 20_000; i++) if (log2(i + 1) < log2(i)) falls++;
  for (let x = 0.001; x < 4; x += 0.001) if (log2(x + 0.001) < log2(x)) falls++;
  expect(falls).toBe(0);
});

test("comes to an end whatever it is asked for", () => {
  for (const x of [0, -0, -1, Number.NaN, Number.NEGATIVE_INFINITY, Number.MIN_VALUE]) expect(log2(x)).toBe(-96 * ONE);
  for (const x of [Number.POSITIVE_INFINITY, Number.MAX_VALUE]) expect(log2(x)).toBe(96 * ONE);
});

test("of a whole number is the same by either way", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0x7fffffff }), (x) => {
      expect(log2Whole(x)).toBe(log2(x));
    }),
    { numRuns: 2000 },
  );
});
