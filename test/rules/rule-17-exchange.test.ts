/**
 * Rule 17, exchange: where every node is full and there is no swap, a page that is hot takes the place of one that is not, and that one its; nothing
 * is lost for it, and nobody ends where he may not be. With either design of the lists (vitest.config.ts).
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bind,
  isLieuError,
  type MapOptions,
  type Memory,
  openMemorySync,
  type Region,
  simCrank,
} from "../../src/index.ts";
import { LRU } from "../support/engine.ts";

const PAGE = 4096;

function open(pages: readonly number[], engine: "js" | "wasm" = "wasm") {
  const crank = simCrank();
  const nodes = Object.fromEntries(
    pages.map((n, tier) => [`n${tier}`, { kind: "dram" as const, size: n * PAGE, tier }]),
  );
  const memory = openMemorySync({ pretouch: false, nodes, lru: LRU, engine }, { crank });
  /** Write to each page what tells it from all others, until there is no room. Gives the pages written. */
  const fill = (region: Region): number => {
    for (let page = 0; page < region.size / PAGE; page++) {
      try {
        region.writeFloat64(page * PAGE, stamp(region, page));
      } catch (error) {
        if (isLieuError(error, "ENOMEM")) return page;
        throw error;
      }
    }
    return region.size / PAGE;
  };
  const map = (n: number, options: MapOptions = {}): Region => memory.map(n * PAGE, options);
  /** Read all of each page every 50 ms, for so many seconds. */
  const heat = (seconds: number, ...regions: readonly [Region, number][]): void => {
    for (let i = 0; i < seconds * 20; i++) {
      crank.advance(50);
      for (const [region, n] of regions) for (let page = 0; page < n; page++) region.translate(page * PAGE);
      memory.tick();
    }
  };
  return { memory, fill, map, heat };
}
const stamp = (region: Region, page: number): number => (region.size / PAGE) * 100_000 + page;
function on(region: Region, n: number): number[] {
  const nodes: number[] = [0, 0, 0];
  for (let page = 0; page < n; page++) nodes[region.placeCode(page)] = (nodes[region.placeCode(page)] ?? 0) + 1;
  return nodes;
}
function expectWhole(memory: Memory, ...regions: readonly [Region, number][]): void {
  for (const [region, n] of regions)
    for (let page = 0; page < n; page++) expect(region.readFloat64(page * PAGE)).toBe(stamp(region, page));
  expect(memory.vmstat()).toMatchObject({
    pswpout: 0,
    pgdiscard: 0,
    policy_violations: 0,
    room_violations: 0,
    nr_isolated_anon: 0,
  });
  memory.check();
}

describe("rule 17, exchange", () => {
  test("hot pages change places with cold ones, of whatever size they are, between full nodes without swap", () => {
    fc.assert(
      fc.property(
        fc.record({
          sizes: fc.array(fc.integer({ min: 300, max: 900 }), { minLength: 2, maxLength: 3 }),
          share: fc.integer({ min: 5, max: 60 }),
          folio: fc.constantFrom(PAGE, 4 * PAGE, 16 * PAGE),
          coldFolio: fc.constantFrom(PAGE, 16 * PAGE),
          bound: fc.integer({ min: 0, max: 30 }),
        }),
        ({ sizes, share, folio, coldFolio, bound }) => {
          const { memory, fill, map, heat } = open(sizes);
          const last = `n${sizes.length - 1}`;
          const fast = sizes[0] as number;
          const fixed = map(Math.max(1, Math.floor((fast * bound) / 100)), { policy: bind("n0") });
          const nrFixed = fill(fixed);
          const hot = map(16 * Math.max(1, Math.floor((share * (fast - nrFixed - 120)) / 1600)), {
            policy: bind(last),
            folio,
          });
          const nr = fill(hot);
          hot.setPolicy(bind(...sizes.map((_, i) => `n${i}`)));
          const cold = map(
            sizes.reduce((a, b) => a + b),
            { folio: coldFolio },
          );
          const nrCold = fill(cold);
          const rest = map(sizes.reduce((a, b) => a + b));
          const nrRest = fill(rest);
          heat(20, [hot, nr]);
          expect(on(hot, nr)[0], `${on(hot, nr)} of ${nr} hot pages`).toBeGreaterThanOrEqual(nr - 2);
          expect(on(fixed, nrFixed)[0]).toBe(nrFixed);
          expect(memory.vmstat().pgexchange).toBeGreaterThan(0);
          expectWhole(memory, [fixed, nrFixed], [hot, nr], [cold, nrCold], [rest, nrRest]);
          memory[Symbol.dispose]();
        },
      ),
      { numRuns: 12, interruptAfterTimeLimit: 5000, endOnFailure: true },
    );
  });

  test("a fast node whose pages may be nowhere else is asked less and less often, and gives as soon as it can", () => {
    const { memory, fill, map, heat } = open([1024, 1024]);
    const bound = map(1024, { policy: bind("n0") });
    const nrBound = fill(bound);
    const hot = map(200);
    const nr = fill(hot);
    const rest = map(1024);
    const nrRest = fill(rest);
    heat(5, [hot, nr]);
    const before = memory.vmstat();
    heat(20, [hot, nr]);
    const after = memory.vmstat();
    expect(on(hot, nr)[1]).toBe(nr);
    const looks = after.pgscan_direct + after.pgrefill - before.pgscan_direct - before.pgrefill;
    // Uses: 80,000.
    expect(looks).toBeLessThan(80_000);
    bound.setPolicy(bind("n0", "n1"));
    heat(10, [hot, nr]);
    expect(on(hot, nr)[0]).toBeGreaterThanOrEqual(nr - 2);
    expectWhole(memory, [bound, nrBound], [hot, nr], [rest, nrRest]);
    memory[Symbol.dispose]();
  });

  test("where all pages are used alike next to none change places", () => {
    const { memory, fill, map, heat } = open([600, 600]);
    const all = map(1200);
    const nr = fill(all);
    heat(20, [all, nr]);
    expect(memory.vmstat().pgexchange).toBeLessThan((nr * 400) / 40);
    expectWhole(memory, [all, nr]);
    memory[Symbol.dispose]();
  });

  test("exchanges end nothing that is known to be hopeless: a fault that must fail stays cheap", () => {
    const { memory, fill, map, heat } = open([2048, 2048]);
    const cold = map(2048, { policy: bind("n0") });
    const nrCold = fill(cold);
    cold.setPolicy(bind("n0", "n1"));
    const hot = map(300, { policy: bind("n1") });
    const nr = fill(hot);
    hot.setPolicy(bind("n0", "n1"));
    const rest = map(4096);
    const nrRest = fill(rest);
    const looked = (): number => {
      const { pgscan_kswapd, pgscan_direct, pgrefill } = memory.vmstat();
      return pgscan_kswapd + pgscan_direct + pgrefill;
    };
    const more = map(4);
    expect(fill(more)).toBe(0);
    let most = 0;
    for (let i = 0; i < 100; i++) {
      heat(0.05, [hot, nr]);
      const before = looked();
      expect(fill(more)).toBe(0);
      most = Math.max(most, looked() - before);
    }
    expect(memory.vmstat().pgexchange).toBeGreaterThanOrEqual(nr - 2);
    expect(most).toBeLessThan(40);
    expectWhole(memory, [cold, nrCold], [hot, nr], [rest, nrRest]);
    memory[Symbol.dispose]();
  });
});
