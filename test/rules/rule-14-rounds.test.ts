/**
 * Rule 14, what goes round: the oldest first is the worst order for a program that goes round more than there is room for, so
 * some of what would be lost is spared.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine, TWINS } from "../support/engine.ts";
import { Losses } from "../support/losses.ts";

describe.each(TWINS)("rule 14, rounds (%s)", (engine) => {
  test("a loop over more than there is room for does not fault on every page", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 600, max: 1200 }),
        fc.integer({ min: 108, max: 125 }),
        fc.constantFrom("classic" as const, "mglru" as const),
        (room, percent, lru) => {
          const faults = (preset: "lieu" | "linux"): number => {
            using memory = bootEngine({ engine, preset, lru, bytes: false, swap: 16384, nodes: [{ pages: room }] });
            const pages = memory.map(Math.floor((room * percent) / 100));
            for (let page = 0; page < pages.count; page++) expect(pages.access(page, 1)).toBe(0);
            const before = memory.vmstat().pswpin;
            for (let i = 0; i < 4 * pages.count; i++) expect(pages.access(i % pages.count)).toBe(0);
            memory.check();
            return (memory.vmstat().pswpin - before) / (4 * pages.count);
          };
          // Generations do not go by age alone in Linux either.
          if (lru === "classic") expect(faults("linux")).toBeGreaterThan(0.98);
          expect(faults("lieu")).toBeLessThan(0.97);
        },
      ),
      { numRuns: engine === "js" ? 5 : 8 },
    );
  });

  test("in a loop over 130 to 200 % of memory what is lost is of the older half, whatever node it is on, and no more pages than under linux", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<number[]>([800], [400, 500], [300, 300, 400], [600, 200]),
        fc.integer({ min: 130, max: 200 }),
        fc.constantFrom("classic" as const, "mglru" as const),
        (tiers, percent, lru) => {
          const nodes = tiers.map((pages, tier) => ({ pages, tier }));
          const run = (preset: "lieu" | "linux"): { faults: number; losses: Losses } => {
            using memory = bootEngine({ engine, preset, lru, swap: 4096, nodes });
            const pages = memory.map(Math.floor((tiers.reduce((a, b) => a + b) * percent) / 100));
            const losses = new Losses(pages, lru);
            for (let i = 0; i < 2 * pages.count; i++) losses.use(i % pages.count);
            losses.watched = preset === "lieu";
            const before = memory.vmstat().pswpin;
            for (let i = 0; i < 3 * pages.count; i++) losses.use(i % pages.count);
            memory.check();
            return { faults: (memory.vmstat().pswpin - before) / (3 * pages.count), losses };
          };
          const { faults, losses } = run("lieu");
          expect(losses.lost).toBeGreaterThan(100);
          // The middle is told from samples, and known a little late.
          expect(losses.young, `of ${losses.lost} pages lost`).toBeLessThan(0.06 * losses.lost);
          expect(faults).toBeLessThan(1);
          // Which breaks the rule.
          expect(faults).toBeLessThan((lru === "classic" ? 1 : 1.06) * run("linux").faults);
        },
      ),
      { numRuns: engine === "js" ? 1 : 6, interruptAfterTimeLimit: 5000, endOnFailure: true },
    );
  });
});
