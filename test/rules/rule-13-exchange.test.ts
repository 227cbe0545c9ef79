/**
 * Rule 13, exchange: pages that have to move to a node that is full change places with such as may be where they come from; nothing
 * is lost for it. Whether a move can be done is told from a plain count of pages beside the engine.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ENOMEM } from "../../src/mm/errno.ts";
import { N_WMARK_MIN } from "../../src/mm/layout.ts";
import { MPOL_BIND, MPOL_DEFAULT } from "../../src/mm/mempolicy.ts";
import { bootEngine, type EngineSpec, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

function fill(pages: Pages): void {
  const write = pages.engine.vm.shape.bytes;
  for (let page = 0; page < pages.count && (write ? pages.write(page) : pages.access(page, 1)) === 0; page++);
}
const places = (pages: Pages): number[] => Array.from({ length: pages.count }, (_, page) => pages.place(page));
const room = (memory: TestEngine, nid: number): number => Math.max(0, memory.free(nid) - memory.node(nid, N_WMARK_MIN));

describe.each(TWINS)("rule 13, exchange (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> & Pick<EngineSpec, "nodes">): TestEngine => bootEngine({ engine, ...spec });

  test("a move between full nodes without swap is done if, and only if, there are partners and room enough", () => {
    const size = fc.integer({ min: 150, max: 500 });
    fc.assert(
      fc.property(
        fc.record({
          sizes: fc.tuple(size, size),
          down: fc.boolean(),
          peers: fc.boolean(),
          moving: fc.integer({ min: 20, max: 140 }),
          // Of every four pages of the target, so many may be elsewhere.
          loose: fc.nat(4),
          orders: fc.tuple(fc.constantFrom(0, 2, 5), fc.constantFrom(0, 2, 5)),
          lru: fc.constantFrom("classic" as const, "mglru" as const),
          how: fc.constantFrom("policy", "mems"),
          pinned: fc.nat(3),
          tight: fc.boolean(),
        }),
        ({ sizes, down, peers, moving, loose, orders, lru, how, pinned, tight }) => {
          const watermarks = [tight ? 0 : 8, 12, 16, 20] as const;
          using memory = boot({
            lru,
            steps: 0,
            nodes: sizes.map((pages, i) => ({ pages, tier: peers ? 0 : i, watermarks })),
          });
          const [from, to] = down ? [0, 1] : [1, 0];
          const cg = memory.group(how === "mems" ? 1 << from : 3);
          const bound = { policy: MPOL_BIND, mask: 1 << from };
          const strays = memory.map(moving, {
            memcg: cg,
            order: orders[0],
            ...(how === "policy" ? bound : { policy: MPOL_DEFAULT }),
          });
          fill(strays);
          const stuck = memory.map(Math.floor(((sizes[to] as number) * (4 - loose)) / 4) || 1, {
            policy: MPOL_BIND,
            mask: 1 << to,
            order: orders[1],
          });
          fill(stuck);
          const others = memory.map(sizes[0] + sizes[1], { order: orders[1] });
          fill(others);
          const pins: number[] = [];
          for (let page = 0; page < others.count && pins.length < pinned; page++) {
            if (others.place(page) === to && others.order(page) === 0) pins.push(others.pin(page));
          }
          const nr = strays.countAt(from);
          const partners = others.countAt(to) - pins.length;
          const fits = nr <= room(memory, to) + partners;
          const before = places(strays);
          const r =
            how === "policy"
              ? memory.calls.changePolicy(strays.id, MPOL_BIND, 1 << to)
              : memory.calls.changeMems(cg, 1 << to);
          expect(r, `${nr} pages, ${partners} partners, room for ${room(memory, to)}`).toBe(fits ? 0 : ENOMEM);
          if (fits) expect(strays.countAt(to)).toBe(nr);
          else expect(places(strays)).toEqual(before);
          expect(memory.vmstat()).toMatchObject({
            pswpout: 0,
            pgdiscard: 0,
            policy_violations: 0,
            nr_isolated_anon: 0,
          });
          memory.check();
          for (const pages of [strays, stuck, others]) {
            for (let page = 0; page < pages.count; page++) if (pages.place(page) >= 0) pages.verifyResident(page);
          }
          for (const frame of pins) memory.calls.unpinFrame(frame);
        },
      ),
      { numRuns: engine === "js" ? 20 : 60 },
    );
  });

  test("where no frame is free at all, pages change places all the same, of whatever kind", () => {
    for (const file of [false, true]) {
      const watermarks = [0, 0, 0, 0] as const;
      using memory = boot({
        nodes: [
          { pages: 64, watermarks },
          { pages: 64, tier: 1, watermarks },
        ],
        steps: 0,
      });
      const strays = memory.map(20, { policy: MPOL_BIND, mask: 2 }).fill();
      const others = memory.map(60, { policy: MPOL_BIND, mask: 1, file }).fill();
      memory.map(4, { policy: MPOL_BIND, mask: 1 }).fill();
      memory.map(44, { policy: MPOL_BIND, mask: 2 }).fill();
      expect(memory.calls.changePolicy(others.id, MPOL_BIND, 3)).toBe(0);
      expect([memory.free(0), memory.free(1)]).toEqual([0, 0]);
      expect(memory.calls.changePolicy(strays.id, MPOL_BIND, 1)).toBe(0);
      expect([strays.countAt(0), others.countAt(0), others.countAt(1)]).toEqual([20, 40, 20]);
      expect(memory.vmstat()).toMatchObject({ policy_violations: 0, pgexchange: 20, pgdiscard: 0 });
      strays.verify();
      others.verify();
    }
  });

  test("partners that go down are the coldest, those that go up the hottest; locked pages never go down", () => {
    for (const lru of ["classic", "mglru"] as const) {
      for (const down of [false, true]) {
        using memory = boot({ lru, nodes: [{ pages: 300 }, { pages: 300, tier: 1 }], bytes: false });
        const [from, to] = down ? [0, 1] : [1, 0];
        const strays = memory.map(40, { policy: MPOL_BIND, mask: 1 << from }).touch();
        const locked = memory.map(30, { locked: true, policy: MPOL_BIND, mask: 1 << to }).touch();
        const regions = [0, 1].map(() => memory.map(100, { policy: MPOL_BIND, mask: 1 << to }).touch());
        fill(memory.map(600, { policy: MPOL_BIND, mask: 1 << to }));
        fill(memory.map(600, { policy: MPOL_BIND, mask: 1 << from }));
        for (const pages of [locked, ...regions]) memory.calls.changePolicy(pages.id, MPOL_BIND, 3);
        const [cold, hot] = regions as [Pages, Pages];
        cold.chill();
        hot.heat().touch();
        expect(memory.calls.changePolicy(strays.id, MPOL_BIND, 1 << to)).toBe(0);
        expect([strays.countAt(to), locked.countAt(to)]).toEqual([40, 30]);
        const moved = regions.map((pages) => pages.countAt(from));
        expect(moved[down ? 0 : 1], `${lru}, ${down ? "up" : "down"}`).toBe(0);
        expect(moved[down ? 1 : 0]).toBeGreaterThan(0);
      }
    }
  });

  test("mappings of a group whose targets overlap all find a place, whichever was mapped first", () => {
    for (const turned of [false, true]) {
      using memory = boot({
        nodes: [{ pages: 400 }, { pages: 300, tier: 1 }, { pages: 300, tier: 1 }],
        bytes: false,
        steps: 0,
      });
      const cg = memory.group(7);
      const wide = () => memory.map(180, { memcg: cg, policy: MPOL_BIND, mask: 7 }).touch();
      const narrow = () => memory.map(180, { memcg: cg, policy: MPOL_BIND, mask: 3 }).touch();
      const [a, b] = turned ? [narrow(), wide()] : [wide(), narrow()];
      expect(a.countAt(0) + b.countAt(0)).toBe(360);
      expect(memory.calls.changeMems(cg, 6)).toBe(0);
      expect((turned ? a : b).countAt(1)).toBe(180);
      expect(memory.vmstat().pswpout).toBe(0);
    }
  });

  test("those with the fewest nodes to go to move first, wherever they come from", () => {
    using memory = boot({
      nodes: [{ pages: 400 }, { pages: 400 }, { pages: 300, tier: 1 }, { pages: 300, tier: 1 }],
      bytes: false,
      steps: 0,
    });
    const cg = memory.group(15);
    const wide = memory.map(180, { memcg: cg, policy: MPOL_BIND, mask: 0b1101 }).touch();
    const narrow = memory.map(180, { memcg: cg, policy: MPOL_BIND, mask: 0b0110 }).touch();
    expect([wide.countAt(0), narrow.countAt(1)]).toEqual([180, 180]);
    expect(memory.calls.changeMems(cg, 0b1100)).toBe(0);
    expect(narrow.countAt(2)).toBe(180);
    expect(memory.vmstat().pswpout).toBe(0);
  });

  test("a move that finds out too late that it cannot be done leaves every page where it may be", () => {
    const size = 300;
    for (const order of [0, 4]) {
      using memory = boot({
        nodes: [{ pages: 500 }, ...[0, 1, 2].map(() => ({ pages: size, tier: 1 }))],
        distances: [
          [10, 30, 20, 30],
          [30, 10, 20, 20],
          [20, 20, 10, 20],
          [30, 20, 20, 10],
        ],
        steps: 0,
      });
      const cg = memory.group(1);
      const pages = 96;
      const a = memory.map(pages, { memcg: cg, policy: MPOL_BIND, mask: 0b0111, order }).fill();
      const b = memory.map(pages, { memcg: cg, policy: MPOL_BIND, mask: 0b1101, order }).fill();
      expect([a.countAt(0), b.countAt(0)]).toEqual([pages, pages]);
      for (const nid of [1, 2, 3]) {
        const left = room(memory, nid) - (nid === 3 ? 0 : pages);
        memory.map(left, { policy: MPOL_BIND, mask: 1 << nid }).fill();
      }
      // Both may go to the nearest node, which has room for one; who comes first takes it, and the other has none.
      expect(memory.calls.changeMems(cg, 0b1110)).toBe(ENOMEM);
      expect(memory.vmstat().pgmigrate_success).toBeGreaterThanOrEqual(2 * pages);
      expect([a.countAt(0), b.countAt(0)]).toEqual([pages, pages]);
      expect(memory.vmstat()).toMatchObject({ policy_violations: 0, nr_isolated_anon: 0 });
      memory.check();
      a.verify();
      b.verify();
    }
  });

  test("mems that several mappings follow with targets of any kind are set with all of their pages, or no page is where it may not be", () => {
    const nodes = 5;
    const masks = fc.integer({ min: 1, max: (1 << nodes) - 1 });
    let failed = 0;
    fc.assert(
      fc.property(
        fc.record({
          sizes: fc.array(fc.integer({ min: 60, max: 200 }), { minLength: nodes, maxLength: nodes }),
          tiers: fc.array(fc.nat(2), { minLength: nodes - 1, maxLength: nodes - 1 }),
          regions: fc.array(
            fc.record({ pages: fc.integer({ min: 10, max: 150 }), mask: masks, order: fc.constantFrom(0, 0, 2, 4) }),
            { minLength: 2, maxLength: 6 },
          ),
          from: masks,
          mems: masks,
          swap: fc.constantFrom(0, 0, 20),
          lru: fc.constantFrom("classic" as const, "mglru" as const),
        }),
        ({ sizes, tiers, regions, from, mems, swap, lru }) => {
          using memory = boot({
            lru,
            swap,
            steps: 0,
            nodes: sizes.map((pages, i) => ({ pages, tier: tiers[i - 1] ?? 0, watermarks: [4, 6, 8, 10] as const })),
          });
          const cg = memory.group(from);
          const mapped = regions.map(({ pages, mask, order }) => {
            const m = mask | (mask & mems ? 0 : mems) | (mask & from ? 0 : from);
            const region = memory.map(pages, { memcg: cg, policy: MPOL_BIND, mask: m, order });
            fill(region);
            return { region, mask: m };
          });
          const resident = mapped.map(({ region }) => places(region).filter((nid) => nid >= 0).length);
          const r = memory.calls.changeMems(cg, mems);
          expect([0, ENOMEM]).toContain(r);
          const gone = memory.vmstat().pswpout > 0;
          for (const [i, { region, mask }] of mapped.entries()) {
            const allowed = mask & (r === 0 ? mems : from);
            const there = places(region).filter((nid) => nid >= 0);
            for (const nid of there)
              expect(allowed & (1 << nid), `page on node ${nid}, allowed ${allowed}`).not.toBe(0);
            if (!gone) expect(there.length).toBe(resident[i]);
          }
          if (r !== 0) failed++;
          expect(memory.vmstat()).toMatchObject({ policy_violations: 0, pgdiscard: 0, nr_isolated_anon: 0 });
          memory.check();
          for (const { region } of mapped) {
            for (let page = 0; page < region.count; page++) if (region.place(page) >= 0) region.verifyResident(page);
          }
        },
      ),
      { numRuns: engine === "js" ? 60 : 400 },
    );
    expect(failed).toBeGreaterThan(0);
  });

  test("what takes the room on a full target from those that come is colder than they are, or goes by exchange", () => {
    for (const lru of ["classic", "mglru"] as const) {
      using memory = boot({ lru, nodes: [{ pages: 300 }, { pages: 300, tier: 1 }], bytes: false, swap: 600 });
      const cold = memory.map(100, { policy: MPOL_BIND, mask: 1 }).touch();
      const hot = memory.map(150, { policy: MPOL_BIND, mask: 2 }).touch();
      memory.map(100, { policy: MPOL_BIND, mask: 2 }).touch();
      for (let i = 0; i < 20; i++) {
        hot.touch();
        memory.map(40, { policy: MPOL_BIND, mask: 1 }).touch().unmap();
      }
      const swapped = memory.vmstat().pswpout;
      expect(memory.calls.changePolicy(cold.id, MPOL_BIND, 2)).toBe(0);
      expect(cold.countAt(0)).toBe(0);
      expect(hot.countAt(1), lru).toBe(150);
      expect(memory.vmstat().pswpout - swapped).toBeLessThan(100);
    }
  });
});
