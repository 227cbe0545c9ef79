/**
 * Rule 7, accounting: reclaimed counts base pages (+= nr_pages, after a split too); demoted is a subset of stolen, charged
 * to the source node; residency summed over nodes does not change by demoting; isolated returns to zero.
 */
import { describe, expect, test } from "vitest";
import type { Vmstat } from "../../src/memory/vmstat.ts";
import { C_SWAP, C_USAGE, N_ISOLATED_ANON, N_ISOLATED_FILE, node } from "../../src/mm/layout.ts";
import { lruDel } from "../../src/mm/lru.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { isolate, migrateFolio, putback } from "../../src/mm/migrate.ts";
import { bootEngine, type EngineSpec, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const DEMOTE_ONLY = 1;
const stolen = (v: Vmstat): number => v.pgsteal_kswapd + v.pgsteal_direct + v.pgsteal_proactive;
const demoted = (v: Vmstat): number => v.pgdemote_kswapd + v.pgdemote_direct + v.pgdemote_proactive;
/** Pages that left their frame for good; a discard from a swap slot is nobody's frame. */
const freed = (v: Vmstat): number => v.pswpout + v.pgdiscard - v.swap_discard;

describe.each(TWINS)("rule 7, accounting (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      swap: 600,
      nodes: [
        { pages: 256, watermarks: marks },
        { pages: 256, watermarks: marks },
        { pages: 256, tier: 1, watermarks: marks },
        { pages: 256, tier: 2, watermarks: marks },
      ],
      ...spec,
    });

  describe.each(["lieu", "linux"] as const)("%s", (preset) => {
    test.each([0, 256])(
      "stolen = demoted + balanced + relocated + swapped out + discarded, in all and on each node (%d steps)",
      (steps) => {
        const memory = boot({ preset, steps });
        memory.calls.setBalance(0, 2);
        memory.calls.setBalance(1, 1);
        const groups = [memory.group(0b1111), memory.group(0b1101)];
        const anon = groups.map((memcg) => memory.map(450, { memcg }));
        const cache = groups.map((memcg) => memory.map(600, { memcg, file: true }));
        let x = 99;
        for (let i = 0; i < (engine === "js" ? 4500 : 12000); i++) {
          x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
          const r = x >>> 8;
          const pages = (r & 1 ? anon : cache)[(r >> 1) & 1]!;
          const page = Math.floor(pages.count * (((r >> 2) % 1000) / 1000) ** 2);
          expect(pages.access(page, r & 1 ? ((r >> 12) & 1 ? 1 : 0) : 1)).toBe(0);
          if (i % 1000 === 999) memory.reclaim(100, 0b1111, (i >> 4) % 3);
        }
        const v = memory.vmstat();
        expect(Math.min(demoted(v), v.pswpout, v.pgdiscard)).toBeGreaterThan(0);
        if (preset === "lieu") expect(v.swap_discard).toBeGreaterThan(0);
        expect(v.pgmigrate_success).toBe(demoted(v) + v.pgbalance + v.pgrelocate + v.pgpromote_success);
        for (const s of [v, ...[0, 1, 2, 3].map((nid) => memory.nodeVmstat(nid))]) {
          expect(stolen(s)).toBe(demoted(s) + s.pgbalance + s.pgrelocate + s.pswpout + s.pgdiscard - s.swap_discard);
          expect(s.pgsteal_anon + s.pgsteal_file).toBe(stolen(s));
          expect(s.pgscan_anon + s.pgscan_file).toBe(s.pgscan_kswapd + s.pgscan_direct + s.pgscan_proactive);
          expect(stolen(s)).toBeLessThanOrEqual(s.pgscan_anon + s.pgscan_file);
          expect([s.nr_isolated_anon, s.nr_isolated_file]).toEqual([0, 0]);
        }
        // Nodes and groups split the whole without rest.
        for (const item of ["pgsteal_anon", "pgdemote_kswapd", "pgdemote_direct", "pswpout", "pgbalance"] as const) {
          expect(
            [0, 1, 2, 3].reduce((sum, nid) => sum + memory.nodeVmstat(nid)[item], 0),
            item,
          ).toBe(v[item]);
          expect(memory.groupVmstat(0)[item], item).toBe(v[item]);
        }
        expect(memory.nodeVmstat(3).pgdemote_kswapd + memory.nodeVmstat(3).pgdemote_direct).toBe(0);
        // What came and what went is what is there.
        expect(v.pgalloc_normal - v.pgfree).toBe([0, 1, 2, 3].reduce((n, nid) => n + memory.used(nid), 0));
        expect(v.pswpout - v.pswpin - v.swap_discard).toBeGreaterThanOrEqual(v.nr_swapped);
      },
    );
  });

  test.each(["lieu", "linux", "rfc2020"] as const)(
    "%s: a demoted folio counts as its base pages, or as one",
    (preset) => {
      const memory = boot({ preset, steps: 0 });
      const pages = memory.map(64, { order: 4 }).fill().chill();
      const returned = memory.reclaim(4, 0b0001, DEMOTE_ONLY);
      const folios = pages.countAt(2) / 16;
      expect(folios).toBeGreaterThanOrEqual(1);
      expect(returned).toBe(preset === "rfc2020" ? folios : 16 * folios);
      expect(memory.vmstat()).toMatchObject({ pgsteal_proactive: returned, pgdemote_proactive: 16 * folios });
      pages.verify();
    },
  );

  test("after a split, the pieces are counted one by one", () => {
    const memory = boot({ steps: 0, preset: "linux" });
    memory.calls.setDemotionTargets(0, 0b0100, 0b0100);
    const filler = memory.map(248, { policy: MPOL_BIND, mask: 0b0100, locked: true }).touch();
    for (let page = 0; page < 40; page += 2) memory.calls.zapRange(filler.id, filler.start + page, 1);
    const pages = memory.map(64, { order: 6 }).fill().chill();
    // 20 pieces find room on the target, the other 44 a slot.
    memory.calls.setWatermarks(0, 8, 250, 253, 254);
    memory.calls.wakeKswapd(0, 0);
    while (memory.awake(0)) memory.calls.kswapdStep(0);
    const v = memory.vmstat();
    expect(v).toMatchObject({ thp_split_page: 1, pgdemote_kswapd: 20, pswpout: pages.countAt(-2) });
    expect(v.pgsteal_kswapd).toBe(20 + v.pswpout);
    pages.verify();
  });

  test("demotion is charged to the source, and changes neither the sum of residents nor a group's usage", () => {
    const memory = boot({ steps: 0 });
    const cg = memory.group(0b1111, memory.group(0b1111));
    const pages = memory.map(150, { memcg: cg }).fill().chill();
    const used = () => [0, 1, 2, 3].reduce((n, nid) => n + memory.used(nid), 0);
    const before = used();
    while (pages.countAt(0) > 0) expect(memory.reclaim(32, 0b0001, DEMOTE_ONLY)).toBeGreaterThan(0);
    expect([used(), memory.memcg(cg, C_USAGE), memory.memcg(0, C_USAGE), memory.memcg(cg, C_SWAP)]).toEqual([
      before,
      150,
      150,
      0,
    ]);
    expect(memory.nodeVmstat(0).pgdemote_proactive).toBe(150);
    expect(memory.nodeVmstat(2)).toMatchObject({ pgdemote_proactive: 0, pgsteal_proactive: 0 });
    expect(memory.groupVmstat(cg).pgdemote_proactive).toBe(150);
    expect(pages.countAt(2)).toBe(150);
    pages.pageout(0, 50);
    expect([used(), memory.memcg(cg, C_USAGE), memory.memcg(0, C_SWAP)]).toEqual([before - 50, 100, 50]);
  });

  test("a promoted page is charged to the destination", () => {
    const memory = boot({ steps: 0 });
    const pages = memory.map(10, { policy: MPOL_BIND, mask: 0b0111 }).fill().chill();
    while (pages.countAt(0) > 0) memory.reclaim(10, 0b0001, DEMOTE_ONLY);
    memory.clock.advance(2000);
    memory.vm.turn();
    pages.verify();
    expect(pages.countAt(0)).toBe(10);
    expect(memory.nodeVmstat(0)).toMatchObject({ pgpromote_success: 10, numa_pages_migrated: 0 });
    expect(memory.nodeVmstat(2)).toMatchObject({ pgpromote_success: 0, numa_pages_migrated: 10, numa_hint_faults: 10 });
  });
});

test.each([false, true])(
  "rule 7, accounting: isolated counts base pages and returns to zero (cache page: %s)",
  (file) => {
    const memory = bootEngine({ nodes: [{ pages: 256 }, { pages: 256, tier: 1 }] });
    const field = file ? N_ISOLATED_FILE : N_ISOLATED_ANON;
    const pages = memory.map(16, { order: 3, file }).fill();
    const f = pages.head(0);
    lruDel(f);
    isolate(f);
    expect([node(0, field), node(1, field)]).toEqual([8, 0]);
    putback(f);
    expect(node(0, field)).toBe(0);
    lruDel(f);
    isolate(f);
    expect(migrateFolio(f, 1)).toBeGreaterThan(0);
    expect([node(0, field), node(1, field)]).toEqual([0, 0]);
    expect(freed(memory.vmstat())).toBe(0);
    pages.verify();
  },
);
