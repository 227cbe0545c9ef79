/**
 * Rule 14, the coldest first, wherever it lies: what a limit, a full target or a request takes is the coldest in its scope.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { C_MAX } from "../../src/mm/layout.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { bootEngine, type EngineSpec, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

/** Pages and when each was last used, in accesses since the start. */
class Oracle {
  readonly used = new Map<string, number>();
  #now = 0;
  use(pages: Pages, page: number): void {
    expect(pages.access(page, 1)).toBe(0);
    this.used.set(`${pages.id} ${page}`, ++this.#now);
  }
  /**
   * Of what is lost, all but a batch must be older than half of what stays.
   */
  check(regions: readonly Pages[], batch: number): void {
    const lost: number[] = [];
    const stays: number[] = [];
    for (const pages of regions) {
      for (let page = 0; page < pages.count; page++) {
        const at = this.used.get(`${pages.id} ${page}`);
        if (at !== undefined) (pages.place(page) >= 0 ? stays : lost).push(at);
      }
    }
    stays.sort((a, b) => a - b);
    const median = stays[stays.length >> 1] ?? Number.POSITIVE_INFINITY;
    const young = lost.filter((at) => at > median);
    expect(
      young.length,
      `${young.length} of ${lost.length} lost pages are younger than half of ${stays.length}`,
    ).toBeLessThanOrEqual(batch);
  }
}

describe.each(TWINS)("rule 14, the coldest first (%s)", (engine) => {
  const boot = (nodes: readonly number[], spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({ engine, bytes: false, swap: 16384, nodes: nodes.map((pages, tier) => ({ pages, tier })), ...spec });

  test("a group's max, and a request, take the oldest, whichever node it is on", () => {
    const order = fc.shuffledSubarray([0, 1, 2], { minLength: 2, maxLength: 3 });
    const each = fc.integer({ min: 200, max: 400 });
    fc.assert(
      fc.property(
        order,
        each,
        fc.constantFrom("max", "evict"),
        fc.constantFrom("classic" as const, "mglru" as const),
        fc.integer({ min: 64, max: 300 }),
        (nodes, count, how, lru, take) => {
          using memory = boot([600, 600, 600], { lru });
          const cg = memory.group(7);
          const oracle = new Oracle();
          // Region after region, each bound to one node: the first is the oldest.
          const regions = nodes.map((nid) => memory.map(count, { memcg: cg, policy: MPOL_BIND, mask: 1 << nid }));
          for (const pages of regions) for (let page = 0; page < count; page++) oracle.use(pages, page);
          if (how === "max") {
            memory.calls.setLimit(cg, C_MAX, nodes.length * count - take);
            memory.calls.enforceLimits(cg);
          } else memory.reclaim(take, 7, 2, cg);
          const gone = regions.map((pages) => pages.countAt(-2));
          expect(gone.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(take - 32);
          // Generations are coarser than a list.
          oracle.check(regions, lru === "classic" ? 64 : 256);
          if (take <= count - 128 && lru === "classic") expect(gone.slice(1).reduce((a, b) => a + b)).toBe(0);
        },
      ),
      { numRuns: engine === "js" ? 40 : 10 },
    );
  });

  test("in a group that stays at its max, what is in use stays, whichever node it is on", () => {
    for (const lru of ["classic", "mglru"] as const) {
      for (const [hotOn, coldOn] of [
        [1, 0],
        [0, 1],
      ] as const) {
        using memory = boot([2000, 2000], { lru });
        const cg = memory.group(3);
        const hot = memory.map(300, { memcg: cg, policy: MPOL_BIND, mask: 1 << hotOn }).touch();
        const cold = memory.map(3000, { memcg: cg, policy: MPOL_BIND, mask: 1 << coldOn });
        memory.calls.setLimit(cg, C_MAX, 1000);
        for (let page = 0; page < 3000; page++) {
          expect(cold.access(page, 1)).toBe(0);
          for (let i = 0; i < 20; i++) expect(hot.access((page * 20 + i) % 300)).toBe(0);
        }
        expect(memory.vmstat().pswpin, `${lru}, hot on ${hotOn}`).toBeLessThan(300);
        expect(hot.countAt(hotOn)).toBe(300);
      }
    }
  });

  test.each([
    [[1024, 512], 460, 60],
    [[600, 300], 200, 30],
    [[1024, 600, 4096], 540, 60],
  ] as const)(
    "cold pages that come down do not push out hotter ones of a full target (%j)",
    (nodes, hotPages, touches) => {
      for (const lru of ["classic", "mglru"] as const) {
        using memory = boot(nodes, { lru });
        const hot = memory.map(hotPages, { policy: MPOL_BIND, mask: 2 }).touch();
        const top = nodes[0];
        const stream = memory.map(3 * top).touch(0, top - 100);
        const before = memory.vmstat();
        for (let page = top - 100; page < 3 * top; page++) {
          expect(stream.access(page, 1)).toBe(0);
          for (let i = 0; i < touches; i++) expect(hot.access((page * touches + i) % hotPages)).toBe(0);
        }
        const after = memory.vmstat();
        // Agings are coarse: with generations the hot set may go once before it is known as hot.
        expect(after.pswpin - before.pswpin, lru).toBeLessThan(lru === "classic" ? 300 : hotPages + 60);
        if (nodes.length === 3) {
          expect(after.pswpout - before.pswpout, `${lru}: the third node has room`).toBeLessThan(900);
          expect(stream.countAt(2)).toBeGreaterThan(top);
        }
      }
    },
  );

  test("a target of older pages gives way to younger ones, as ever", () => {
    for (const lru of ["classic", "mglru"] as const) {
      using memory = boot([600, 300], { lru });
      const old = memory.map(260, { policy: MPOL_BIND, mask: 2 }).touch();
      const stream = memory.map(1200);
      for (let page = 0; page < 700; page++) expect(stream.access(page, 1)).toBe(0);
      expect(old.countAt(-2), lru).toBeGreaterThan(50);
      expect(stream.countAt(-2), lru).toBeLessThan(64);
    }
  });
});
