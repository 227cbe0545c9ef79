/**
 * Rule 14 over several nodes: what is lost is of the older half of all that stays, counted over all nodes together, whatever the program
 * does; and no more is lost for it than the kernel's order loses.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { seeded } from "../property/source.ts";
import { bootEngine, TWINS } from "../support/engine.ts";
import { Losses } from "../support/losses.ts";

/** Random numbers of [0, 1), a seed's own. */
function random(seed: number): () => number {
  const source = seeded(seed);
  return () => source.below(2 ** 32) / 2 ** 32;
}
/** Programs: the next page of `n`. */
const PROGRAMS = {
  uniform: (n: number, at: () => number) => () => Math.floor(at() * n),
  zipf: (n: number, at: () => number) => {
    const sums = new Float64Array(n);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      sum += (i + 1) ** -0.9;
      sums[i] = sum;
    }
    return () => {
      const x = at() * sum;
      let low = 0;
      let high = n - 1;
      while (low < high) {
        const mid = (low + high) >> 1;
        if ((sums[mid] as number) < x) low = mid + 1;
        else high = mid;
      }
      return Math.imul(low, 7919) % n;
    };
  },
  hot: (n: number, at: () => number) => () => Math.floor(at() * (at() < 0.9 ? n * 0.2 : n)),
  /** Half of it a loop, half of it a few hot pages. */
  mixed: (n: number, at: () => number) => {
    let i = 0;
    return () => (at() < 0.5 ? i++ % n : Math.floor(at() * n * 0.2));
  },
} as const;

describe.each(TWINS)("rule 14, over several nodes (%s)", (engine) => {
  test("of a program that uses pages at random, what is lost is of the older half, whatever node it is on", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<number[]>([400, 500], [300, 300, 400], [600, 200], [200, 600], [250, 250, 250, 250]),
        fc.integer({ min: 130, max: 200 }),
        fc.constantFrom("classic" as const, "mglru" as const),
        fc.constantFrom(...(Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[])),
        fc.integer(),
        (tiers, percent, lru, program, seed) => {
          const nodes = tiers.map((pages, tier) => ({ pages, tier }));
          using memory = bootEngine({ engine, lru, swap: 4096, nodes });
          const pages = memory.map(Math.floor((tiers.reduce((a, b) => a + b) * percent) / 100));
          const next = PROGRAMS[program](pages.count, random(seed));
          const losses = new Losses(pages, lru);
          for (let page = 0; page < pages.count; page++) losses.use(page);
          for (let i = 0; i < 2 * pages.count; i++) losses.use(next());
          losses.watched = true;
          for (let i = 0; i < 5 * pages.count; i++) losses.use(next());
          expect(losses.lost).toBeGreaterThan(20);
          // The middle is told from samples. A few pages, where few are lost, tell nothing.
          expect(losses.young, `of ${losses.lost} pages lost`).toBeLessThanOrEqual(8 + 0.04 * losses.lost);
        },
      ),
      { numRuns: engine === "js" ? 6 : 12, interruptAfterTimeLimit: 8000, endOnFailure: true },
    );
  });

  test("of a working set that moves on over a few thousand pages, too", () => {
    let lost = 0;
    let young = 0;
    for (const lru of ["classic", "mglru"] as const) {
      const nodes = [1000, 3000].map((pages, tier) => ({ pages, tier }));
      using memory = bootEngine({ engine, lru, swap: 8192, nodes });
      const at = random(1);
      const n = 6000;
      const pages = memory.map(n);
      let i = 0;
      // A quarter of all for 1.25 accesses a page, then the next.
      const next = () => (at() < 0.95 ? Math.floor(i++ / (1.25 * n)) * (n / 4) + Math.floor((at() * n) / 4) : at() * n);
      const losses = new Losses(pages, lru);
      for (let page = 0; page < n; page++) losses.use(page);
      for (let k = 0; k < 2 * n; k++) losses.use(Math.floor(next()) % n);
      losses.watched = true;
      for (let k = 0; k < 5 * n; k++) losses.use(Math.floor(next()) % n);
      lost += losses.lost;
      young += losses.young;
    }
    expect(lost).toBeGreaterThan(1000);
    // One in ten where the middle is taken as it is told.
    expect(young, `of ${lost} pages lost`).toBeLessThanOrEqual(0.05 * lost);
  });

  test("a node whose pages may be nowhere else has its kswapd, however young they are", () => {
    using memory = bootEngine({
      engine,
      lru: "classic",
      bytes: false,
      swap: 4096,
      nodes: [
        { pages: 600, tier: 0 },
        { pages: 400, tier: 1 },
      ],
    });
    // The faster node is full of pages that nobody uses.
    memory.map(560, { policy: MPOL_BIND, mask: 1 }).touch();
    const bound = memory.map(800, { policy: MPOL_BIND, mask: 2 }).touch();
    for (let i = 0; i < 4000; i++) expect(bound.access((i * 37) % 800)).toBe(0);
    const { allocstall_normal, pgsteal_kswapd } = memory.vmstat();
    expect(pgsteal_kswapd).toBeGreaterThan(1000);
    expect(allocstall_normal).toBeLessThan(50);
  });

  test("the pages of a group that are in use stay on the lowest node while another's cold ones come down to it", () => {
    for (const lru of ["classic", "mglru"] as const) {
      for (const [nodes, hotPages, touches] of [
        [[1024, 512], 440, 60],
        [[600, 300], 230, 40],
      ] as const) {
        using memory = bootEngine({
          engine,
          lru,
          bytes: false,
          swap: 16384,
          nodes: nodes.map((pages, tier) => ({ pages, tier })),
        });
        const hot = memory.map(hotPages, { memcg: memory.group(2) }).touch();
        const top = nodes[0];
        const stream = memory.map(3 * top).touch(0, top - 100);
        const before = memory.vmstat().pswpin;
        for (let page = top - 100; page < 3 * top; page++) {
          expect(stream.access(page, 1)).toBe(0);
          for (let i = 0; i < touches; i++) expect(hot.access((page * touches + i) % hotPages)).toBe(0);
        }
        // Agings are coarse: with generations the hot set may go once before it is known as hot.
        expect(memory.vmstat().pswpin - before, `${lru}, ${nodes}`).toBeLessThan(
          lru === "classic" ? 300 : hotPages + 60,
        );
      }
    }
  });
});
