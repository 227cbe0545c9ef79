/**
 * Rule 14, what goes round: the oldest first is the worst order for a program that goes round more than there is room for, so
 * some of what would be lost is spared.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { N_START, node, vpnOf } from "../../src/mm/layout.ts";
import { bootEngine, type Pages, TWINS } from "../support/engine.ts";

/** A batch: the pages that go together are judged together. */
const BATCH = 32;

/**
 * Watches what leaves memory, at the moment when it does, and holds it against the last uses of what stays on its node: pages are put where
 * they are for reasons of their own, but the node that must give gives what is coldest on it.
 */
class Losses {
  readonly used: Float64Array;
  lost = 0;
  /** Younger than half of what stays on their node, and than a batch more. */
  young = 0;
  watched = false;
  #now = 0;
  readonly #pages: Pages;
  constructor(pages: Pages) {
    this.#pages = pages;
    this.used = new Float64Array(pages.count);
    const { vm, devices } = pages.engine;
    for (const device of devices) {
      const write = device.write.bind(device);
      device.write = (slot, nr, bytes, addrs) => {
        vm.inspect();
        const frames = Array.from({ length: nr }, (_, i) => ((addrs[i] as number) - vm.segment.data) / 4096);
        // Frame 0 is what a device that failed is tried with.
        if (this.watched) this.#judge(frames.filter((frame) => frame > node(0, N_START)));
        write(slot, nr, bytes, addrs);
      };
    }
  }
  use(page: number): void {
    expect(this.#pages.access(page, 1)).toBe(0);
    this.used[page] = ++this.#now;
  }
  #judge(frames: readonly number[]): void {
    const { vm } = this.#pages.engine;
    const going = new Map(frames.map((frame) => [vpnOf(frame) - this.#pages.start, vm.nodeOfFrame(frame)]));
    for (const nid of new Set(going.values())) {
      const stays: number[] = [];
      for (let page = 0; page < this.#pages.count; page++)
        if (!going.has(page) && this.#pages.place(page) === nid) stays.push(this.used[page] as number);
      stays.sort((a, b) => a - b);
      const limit = stays[(stays.length >> 1) + BATCH] ?? Number.POSITIVE_INFINITY;
      for (const [page, on] of going) if (on === nid && (this.used[page] as number) > limit) this.young++;
    }
    this.lost += frames.length;
  }
}

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

  test("in a loop over 130 to 200 % of memory a node loses what is coldest on it, and fewer pages than under linux", () => {
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
            const losses = new Losses(pages);
            for (let i = 0; i < 2 * pages.count; i++) losses.use(i % pages.count);
            losses.watched = preset === "lieu";
            const before = memory.vmstat().pswpin;
            for (let i = 0; i < 3 * pages.count; i++) losses.use(i % pages.count);
            memory.check();
            return { faults: (memory.vmstat().pswpin - before) / (3 * pages.count), losses };
          };
          const { faults, losses } = run("lieu");
          expect(losses.lost).toBeGreaterThan(100);
          expect(losses.young, `of ${losses.lost} pages lost`).toBe(0);
          expect(faults).toBeLessThan(tiers.length > 1 ? 0.85 : 0.995);
          expect(faults).toBeLessThan(run("linux").faults);
        },
      ),
      { numRuns: engine === "js" ? 2 : 6, interruptAfterTimeLimit: 5000, endOnFailure: true },
    );
  });
});
