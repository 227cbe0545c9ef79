/** Counts of uses and prices: what is judged when, and what never moves. */
import { describe, expect, test } from "vitest";
import { bootEngine, TWINS } from "../../test/support/engine.ts";
import { openMemorySync, simCrank } from "../index.ts";
import { folioNid } from "./folio.ts";
import { MAX_VMAS, NR_PROBES, pte, V_PAGES, V_START, vma } from "./layout.ts";
import { MPOL_BIND } from "./mempolicy.ts";
import { PTE_WATCH, pteIndex } from "./page-table.ts";
import { isTimeToJudge, MAX_USES } from "./uses.ts";

const PAGE = 4096;

describe("uses", () => {
  test("a page is judged at the limit, and each time that its uses have grown by a half or a third", () => {
    const judged = (limit: number) =>
      Array.from({ length: MAX_USES }, (_, i) => i + 1).filter((uses) => isTimeToJudge(uses - 1, uses, limit));
    expect(judged(5).slice(0, 7)).toEqual([5, 6, 8, 12, 16, 24, 32]);
    for (const limit of [1, 2, 7, 20, 100]) {
      const times = judged(limit);
      expect(times[0]).toBe(limit);
      for (let i = 2; i < times.length; i++)
        expect((times[i] as number) / (times[i - 1] as number)).toBeLessThanOrEqual(2);
      expect(times.length).toBeLessThan(24);
    }
    // What comes many at a time passes the limit, and does not miss it.
    expect([isTimeToJudge(0, 4, 5), isTimeToJudge(4, 8, 5), isTimeToJudge(8, 9, 5), isTimeToJudge(9, 73, 5)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  /** 300 pages of which 256 are on the faster node, and what is used of the rest. */
  function played(slow: number | undefined, touch: number, uses: number) {
    const crank = simCrank(64);
    const nodes = {
      fast: { kind: "model" as const, size: 256 * PAGE },
      slow: { kind: "model" as const, size: 512 * PAGE, tier: 1, latency: slow },
    };
    const memory = openMemorySync({ nodes, prices: { touch }, pretouch: false }, { crank });
    const region = memory.map(400 * PAGE);
    for (let page = 0; page < 400; page++) region.translate(page * PAGE, "write");
    const below = [...Array(400).keys()].filter((page) => region.placeCode(page) === 1).slice(0, 8);
    for (let i = 0; i < uses; i++) {
      for (const page of below) region.translate(page * PAGE);
      crank.advance(1);
      memory.tick();
    }
    const up = below.filter((page) => region.placeCode(page) === 0).length;
    memory.check();
    memory.close();
    return up;
  }

  test("a page comes up when it has cost what its move costs, and not before", () => {
    // 200 ns lost a use, two moves of 2,000 ns: 20 uses.
    expect(played(300, 1, 15)).toBe(0);
    expect(played(300, 1, 400)).toBe(8);
    expect(played(300, 64, 15)).toBe(8);
  });

  test("between nodes that are as fast the uses of new pages are counted for a while, a few at a time, and nowhere for good", () => {
    const crank = simCrank(64);
    const nodes = {
      fast: { kind: "model" as const, size: 512 * PAGE },
      slow: { kind: "model" as const, size: 2048 * PAGE, tier: 1, latency: 100 },
    };
    const memory = openMemorySync({ nodes, pretouch: false }, { crank });
    const region = memory.map(2400 * PAGE);
    memory.vm.inspect();
    const start = vma([...Array(MAX_VMAS).keys()].find((v) => vma(v, V_PAGES) === 2400) as number, V_START);
    const most: number[] = [0, 0];
    for (let page = 0; page < 2400; page++) {
      region.translate(page * PAGE, "write");
      crank.advance(40);
      memory.tick();
      memory.vm.inspect();
      const watched: [number, number] = [0, 0];
      for (let vpn = start; vpn < start + 2400; vpn++) {
        if ((pte(vpn) & PTE_WATCH) !== 0) watched[folioNid(pteIndex(pte(vpn))) as 0 | 1] += 1;
      }
      for (const nid of [0, 1]) most[nid] = Math.max(most[nid] as number, watched[nid] as number);
    }
    expect(most[0]).toBeGreaterThan(0);
    expect((most[0] as number) + (most[1] as number)).toBeLessThanOrEqual(2 * NR_PROBES);
    memory.check();
    memory.close();
  });

  test("between nodes that are as fast nothing comes up", () => {
    expect(played(100, 64, 400)).toBe(0);
  });
});

test.each(TWINS)(
  "pages on a node that is as fast as those above are not counted: they never come up (%s)",
  (engine) => {
    const memory = bootEngine({ engine, bytes: false, nodes: [{ pages: 400 }, { pages: 800, tier: 1 }] });
    const watched = (): number => {
      const pages = memory.map(100, { policy: MPOL_BIND, mask: 3 });
      pages.touch();
      memory.vm.inspect();
      let nr = 0;
      for (let page = 0; page < pages.count; page++) {
        if (pages.place(page) === 1 && (pte(pages.start + page) & PTE_WATCH) !== 0) nr++;
      }
      return nr;
    };
    memory.map(350, { policy: MPOL_BIND, mask: 1, locked: true }).touch();
    memory.calls.setLatency(1, 300);
    expect(watched()).toBeGreaterThan(50);
    memory.calls.setLatency(1, 100);
    expect(watched()).toBe(0);
  },
);
