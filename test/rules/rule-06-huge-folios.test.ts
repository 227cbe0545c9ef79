/**
 * Rule 6, huge folios migrate whole; where the target has no contiguous room they are split, the pieces retried, each
 * piece then treated as any base page. Nothing lost, nothing twice.
 */
import { describe, expect, test } from "vitest";
import { PG_REFERENCED } from "../../src/mm/folio.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { bootEngine, type EngineSpec, LRU, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const DEMOTE_ONLY = 1;

describe.each(TWINS)("rule 6, huge folios (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      steps: 0,
      swap: 4096,
      nodes: [
        { pages: 2048, watermarks: marks },
        { pages: 2048, tier: 1, watermarks: marks },
      ],
      ...spec,
    });
  /** Leave `free` pages free on node 1, no two of them neighbours. The rest can go nowhere. */
  const fragment = (memory: TestEngine, free: number): Pages => {
    const filler = memory.map(2040, { policy: MPOL_BIND, mask: 2, locked: true }).fill();
    for (let page = 0; memory.free(1) < free; page += 2) memory.calls.zapRange(filler.id, filler.start + page, 1);
    return filler;
  };
  /** One folio of 512 pages on node 0, cold. */
  const huge = (memory: TestEngine): Pages => {
    const pages = memory.map(512, { order: 9 }).fill();
    expect(pages.order(0)).toBe(9);
    return pages.chill();
  };
  /** Have node 0's kswapd reclaim all that it can. */
  const reclaimAll = (memory: TestEngine): void => {
    memory.calls.setWatermarks(0, 8, 2038, 2039, 2040);
    memory.calls.wakeKswapd(0, 0);
    while (memory.awake(0)) memory.calls.kswapdStep(0);
  };

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("order %d moves whole, aligned, with all its bytes", (order) => {
    const memory = boot();
    const nr = 1 << order;
    const pages = memory.map(2 * nr, { order }).fill();
    expect([pages.order(0), pages.order(nr)]).toEqual([order, order]);
    expect(memory.vmstat()).toMatchObject({ thp_fault_alloc: 2, thp_fault_fallback: 0 });
    pages.chill();
    while (pages.countAt(0) > 0) expect(memory.reclaim(nr, 1, DEMOTE_ONLY)).toBeGreaterThan(0);
    for (const first of [0, nr]) {
      const head = pages.head(first);
      expect(head & (nr - 1)).toBe(0);
      expect(pages.order(first)).toBe(order);
      for (let i = 0; i < nr; i++) expect(pages.frame(first + i)).toBe(head + i);
    }
    expect(memory.vmstat()).toMatchObject({ thp_migration_success: 2, thp_split_page: 0, pgdemote_proactive: 2 * nr });
    pages.verify();
  });

  test("a folio is one to references: a touch of any page keeps all of it", () => {
    const memory = boot();
    const other = memory.map(32).fill().chill();
    const pages = huge(memory);
    pages.touch(300, 301);
    expect(memory.reclaim(1, 1, DEMOTE_ONLY)).toBeGreaterThan(0);
    expect(pages.order(0)).toBe(9);
    if (LRU === "classic") expect(pages.flags(0) & PG_REFERENCED).toBe(PG_REFERENCED);
    expect([pages.countAt(0), other.countAt(1) > 0]).toEqual([512, true]);
  });

  test("no contiguous room: it is split and all pieces move", () => {
    const memory = boot();
    const filler = fragment(memory, 700);
    const pages = huge(memory);
    expect(memory.reclaim(512, 1, DEMOTE_ONLY)).toBe(512);
    const v = memory.vmstat();
    expect(v).toMatchObject({ thp_migration_split: 1, thp_split_page: 1, pgdemote_proactive: 512, pswpout: 0 });
    expect(v).toMatchObject({ thp_migration_success: 0, thp_migration_fail: 1 });
    expect(pages.countAt(1)).toBe(512);
    expect(new Set([...pages.version.keys()].map((page) => pages.frame(page))).size, "nothing twice").toBe(512);
    for (const page of [0, 1, 511]) expect(pages.order(page)).toBe(0);
    pages.verify();
    filler.verifyResident(1);
  });

  test.each(["lieu", "linux", "rfc2020"] as const)(
    "%s: room for some of the pieces: these move, the others are reclaimed as base pages in the same run",
    (preset) => {
      const memory = boot({ preset });
      fragment(memory, 208);
      const pages = huge(memory);
      reclaimAll(memory);
      const [stayed, low, out] = [pages.countAt(0), pages.countAt(1), pages.countAt(-2)] as const;
      expect(stayed + low + out).toBe(512);
      expect(stayed).toBeLessThanOrEqual(8);
      expect(memory.free(1)).toBeGreaterThanOrEqual(8);
      const v = memory.vmstat();
      expect(v).toMatchObject({ thp_split_page: 1, pswpout: out });
      if (preset !== "lieu") expect([low, v.pgdemote_kswapd, memory.nodeVmstat(0).pswpout]).toEqual([200, 200, out]);
      // Pieces of one folio are as old as each other: those that came first do not give way to the rest under lieu either.
      else expect([low, memory.nodeVmstat(1).pswpout, memory.nodeVmstat(0).pswpout]).toEqual([200, 0, out]);
      pages.verify();
    },
  );

  test("pieces that were put back are base pages: each answers for its own references", () => {
    const memory = boot();
    fragment(memory, 208);
    const pages = huge(memory);
    expect(memory.reclaim(512, 1, DEMOTE_ONLY)).toBe(200);
    expect(pages.countAt(0)).toBe(312);
    const stayed = [...pages.version.keys()].filter((page) => pages.place(page) === 0);
    expect(stayed.every((page) => pages.order(page) === 0)).toBe(true);
    pages.chill();
    const touched = stayed[100] as number;
    pages.touch(touched, touched + 1);
    expect(memory.reclaim(64, 1, 2)).toBeGreaterThanOrEqual(64);
    expect(pages.countAt(-2)).toBeGreaterThanOrEqual(64);
    while (pages.countAt(0) > 1 && pages.countAt(-2) < 250) memory.reclaim(32, 1, 2);
    expect(pages.place(touched)).toBe(0);
    pages.verify();
  });

  test("a large folio whose demotion is off is split to be swapped", () => {
    const memory = boot({ behaviours: { demotion: false } });
    const pages = huge(memory);
    reclaimAll(memory);
    expect(memory.vmstat()).toMatchObject({ thp_swpout_fallback: 1, thp_split_page: 1, pgmigrate_success: 0 });
    expect(pages.countAt(-2)).toBeGreaterThan(500);
    pages.verify();
  });

  test("without splitLarge a target with no contiguous room takes nothing", () => {
    const memory = boot({ behaviours: { splitLarge: false } });
    fragment(memory, 700);
    const pages = huge(memory);
    expect(memory.reclaim(512, 1, DEMOTE_ONLY)).toBe(0);
    expect([pages.order(0), pages.countAt(0), memory.vmstat().thp_split_page]).toEqual([9, 512, 0]);
    pages.verify();
  });

  test("a pinned large folio is neither moved nor split, whichever of its pages is held", () => {
    const memory = boot();
    fragment(memory, 700);
    const pages = huge(memory);
    const frame = pages.pin(77);
    reclaimAll(memory);
    expect([pages.order(0), pages.countAt(0), memory.vmstat().thp_split_page]).toEqual([9, 512, 0]);
    expect(pages.frame(77)).toBe(frame);
    memory.calls.unpinFrame(frame);
    pages.verify();
  });

  test("all orders at once under pressure, three times what the nodes hold, with pages dropped at random", () => {
    const memory = boot({ steps: 64, swap: 16384 });
    const maps = Array.from({ length: 10 }, (_, order) => memory.map(1024, { order }));
    let x = 12345;
    const pick = (n: number): number => {
      x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
      return (x >>> 8) % n;
    };
    for (let i = 0; i < (engine === "js" ? 1500 : 12000); i++) {
      const pages = maps[pick(10)] as Pages;
      const page = pick(1024);
      if (pick(3) === 0) expect(pages.read(page)).toBe(0);
      else expect(pages.write(page)).toBe(0);
      if (pick(200) === 0) {
        const nr = 1 + pick(Math.min(64, 1024 - page));
        memory.calls.zapRange(pages.id, pages.start + page, nr);
        pages.version.fill(0, page, page + nr);
      }
      if (i % 1000 === 0) memory.check();
    }
    expect(memory.vmstat().thp_migration_success).toBeGreaterThan(0);
    expect(memory.vmstat().thp_split_page).toBeGreaterThan(0);
    for (const pages of maps) pages.verify();
  });
});
