/**
 * Rule 14, what goes round: the oldest first is the worst order for a program that goes round more than there is room for, so
 * some of what would be lost is spared.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine, TWINS } from "../support/engine.ts";

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
});
