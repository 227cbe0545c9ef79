/** Quick plans for large objects: that smaller ones on less memory come to about the same. */
import { describe, expect, test } from "vitest";
import type { Layout } from "../../src/plan/grid.ts";
import { miniatureOf, smallerLayout, smallerTrace } from "../../src/plan/miniature.ts";
import { quickBy, replayOptionsOf } from "../../src/plan/plan.ts";
import { priceList } from "../../src/plan/prices.ts";
import { simulate } from "../../src/plan/simulate.ts";
import { zipf } from "../../src/trace/generate.ts";

const PRICES = priceList();

describe("a plan of a trace of objects of many pages", () => {
  const traceOf = (seed: number) => zipf({ keys: 800, requests: 24_000, alpha: 0.8, size: [100_000, 400_000], seed });
  const trace = traceOf(1);
  const MIB = 2 ** 20;
  const layouts: readonly Layout[] = [
    { dram: 16 * MIB, cxl: 0, last: undefined },
    { dram: 16 * MIB, cxl: 32 * MIB, last: { medium: "nvme", size: 48 * MIB } },
  ];

  test("runs them smaller if there are many, on nodes that are large enough", () => {
    const many = { ...trace, requests: 1e6, key: Uint32Array.from({ length: 1e6 }, (_, i) => i % trace.keys) };
    expect(miniatureOf(many, 1e6, layouts)).toBe(4);
    expect(miniatureOf(many, 1e6, [{ ...(layouts[0] as Layout), dram: 6 * MIB }])).toBe(1);
    expect(miniatureOf(many, 1000, layouts)).toBe(1);
    expect(quickBy(many, { as: "cache", prices: PRICES })).toBe(1);
    const large = { ...many, size: many.size.map((bytes) => 16 * bytes) };
    expect(quickBy(large, { as: "cache", prices: PRICES })).toBeGreaterThan(8);
    expect(quickBy(large, { as: "cache", prices: PRICES, limit: 1000 })).toBe(1);
    expect(quickBy(large, { as: "region", prices: PRICES })).toBe(1);
    expect(miniatureOf({ ...many, size: many.size.map((bytes) => bytes / 32) }, 1e6, layouts)).toBe(1);
  });

  test.each(layouts)(
    "as $dram bytes of DRAM and $cxl of CXL memory: within a point and a half of what it is at its size, of three traces in the mean",
    { timeout: 120_000 },
    async (layout) => {
      const errors = new Map<string, number[]>();
      for (const seed of [1, 2, 3]) {
        const one = traceOf(seed);
        const exact = await simulate(one, replayOptionsOf(layout, PRICES, { as: "cache" }));
        const { layout: small, free } = smallerLayout(layout, 4);
        const options = { ...replayOptionsOf(small, PRICES, { as: "cache" }), ...free };
        const said = await simulate(smallerTrace(one, 4), options);
        expect(Object.keys(said.hits)).toEqual(Object.keys(exact.hits));
        expect(exact.misses).toBeLessThan(0.9);
        const shares = { ...exact.hits, miss: exact.misses };
        for (const [tier, share] of Object.entries(shares)) {
          const error = Math.abs((tier === "miss" ? said.misses : (said.hits[tier] as number)) - share);
          errors.set(tier, [...(errors.get(tier) ?? []), error]);
        }
      }
      // Nodes of 64 objects: where a few of them are for most of a run is chance.
      for (const [tier, found] of errors) {
        expect(found.reduce((a, b) => a + b) / found.length, tier).toBeLessThan(0.015);
        expect(Math.max(...found), tier).toBeLessThan(0.02);
      }
    },
  );
});
