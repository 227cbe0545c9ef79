/**
 * Rule 10, history: migration keeps contents, dirty, referenced and workingset state; eviction leaves a shadow, demotion
 * none; a refault within the working set goes to the active list.
 */
import { describe, expect, test } from "vitest";
import { PG_ACTIVE, PG_DIRTY, PG_REFERENCED, PG_WORKINGSET } from "../../src/mm/folio.ts";
import {
  L_NONRESIDENT_AGE,
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_ANON,
  lruvecOf,
  setFlags,
  setLru,
} from "../../src/mm/layout.ts";
import { lruAdd, lruDel } from "../../src/mm/lru.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { PTE_ACCESSED, PTE_DIRTY } from "../../src/mm/page-table.ts";
import { bootEngine, type EngineSpec, LRU, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const NO_SHADOW = 0;

describe.each(TWINS)("rule 10, history (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      steps: 0,
      swap: 512,
      nodes: [
        { pages: 256, watermarks: marks },
        { pages: 256, tier: 1, watermarks: marks },
      ],
      ...spec,
    });

  test.each([
    [0, PG_REFERENCED],
    [0, PG_REFERENCED | PG_DIRTY],
    [0, PG_WORKINGSET],
    [0, PG_ACTIVE | PG_WORKINGSET | PG_REFERENCED | PG_DIRTY],
    [0, 0],
    [3, PG_ACTIVE | PG_WORKINGSET],
    [3, PG_DIRTY | PG_REFERENCED],
  ])("a migrated folio of order %d keeps its flags %#x, marks and bytes", (order, kept) => {
    const memory = boot();
    const pages = memory
      .map(1 << order, { order })
      .fill()
      .touch();
    const mask = PG_ACTIVE | PG_DIRTY | PG_REFERENCED | PG_WORKINGSET;
    // A folio on a list of generations is active by its generation, which is here one of the youngest.
    const wanted = LRU === "classic" ? kept : kept & ~PG_ACTIVE;
    const active = LRU !== "classic" || (kept & PG_ACTIVE) !== 0;
    const f = pages.head(0);
    lruDel(f);
    setFlags(f, pages.flags(0) | kept);
    lruAdd(f);
    const marksBefore = [...pages.version.keys()].map((page) => pages.pte(page) & (PTE_ACCESSED | PTE_DIRTY));
    expect(marksBefore).toContain(PTE_ACCESSED | PTE_DIRTY);
    expect(memory.calls.changePolicy(pages.id, MPOL_BIND, 2)).toBe(0);
    expect([pages.nid(0), pages.order(0), pages.flags(0) & mask]).toEqual([1, order, wanted]);
    expect([...pages.version.keys()].map((page) => pages.pte(page) & (PTE_ACCESSED | PTE_DIRTY))).toEqual(marksBefore);
    expect(pages.list(0)).toBe(active ? LRU_ACTIVE_ANON : LRU_INACTIVE_ANON);
    expect(pages.shadow(0)).toBe(NO_SHADOW);
    pages.verify();
  });

  test("promotion keeps them too", () => {
    const memory = boot();
    const pages = memory.map(1).fill().chill();
    memory.reclaim(1, 1, 1);
    pages.setFlags(0, PG_WORKINGSET);
    memory.clock.advance(5000);
    memory.vm.turn();
    pages.verify();
    expect([pages.place(0), pages.flags(0) & PG_WORKINGSET, pages.shadow(0)]).toEqual([0, PG_WORKINGSET, NO_SHADOW]);
  });

  test.each([true, false])("eviction leaves a shadow, which the refault takes up (cache page: %s)", (file) => {
    for (const preset of ["lieu", "linux"] as const) {
      const memory = boot({ preset });
      const pages = memory.map(4, { file }).fill();
      pages.pageout(0, 2);
      expect([0, 1, 2].map((page) => pages.shadow(page) !== NO_SHADOW)).toEqual([true, true, false]);
      expect(pages.access(0, 1)).toBe(0);
      expect(pages.shadow(0)).toBe(NO_SHADOW);
      const v = memory.vmstat();
      expect([v.workingset_refault_anon, v.workingset_refault_file]).toEqual(file ? [0, 1] : [1, 0]);
    }
  });

  // What follows is how the classic lists do it; src/mm/lru-gen.test.ts has the generations.
  if (LRU !== "classic") return;

  test("demotion keeps dirty and workingset, uses up the referenced flag as any scan does, and leaves no shadow", () => {
    const memory = boot();
    const pages = memory.map(100).fill().chill();
    pages.setFlags(0, PG_WORKINGSET | PG_REFERENCED);
    while (pages.countAt(0) > 0) expect(memory.reclaim(32, 1, 1)).toBeGreaterThan(0);
    expect(pages.flags(0) & (PG_WORKINGSET | PG_DIRTY | PG_REFERENCED)).toBe(PG_WORKINGSET | PG_DIRTY);
    for (let page = 0; page < 100; page++) expect(pages.shadow(page)).toBe(NO_SHADOW);
    expect(memory.vmstat().workingset_refault_anon).toBe(0);
    pages.verify();
  });

  /**
   * A page evicted from beside `active` active pages, then `meanwhile` more evictions, then its refault. Its distance is
   * one more than those: its own eviction counts.
   */
  const refault = (spec: {
    active: number;
    meanwhile: number;
    cached?: number;
    workingset?: boolean;
    age?: number;
  }) => {
    const memory = boot();
    const pages = memory.map(100).fill();
    pages.heat(90, 90 + spec.active);
    if (spec.cached) memory.map(spec.cached, { file: true }).fill();
    if (spec.workingset) pages.setFlags(0, PG_WORKINGSET);
    if (spec.age !== undefined) setLru(lruvecOf(0, 0), L_NONRESIDENT_AGE, spec.age);
    expect(pages.pageout(0, 1)).toBe(1);
    expect(pages.pageout(1, 1 + spec.meanwhile)).toBe(spec.meanwhile);
    expect(pages.read(0)).toBe(0);
    const v = memory.vmstat();
    expect([v.workingset_refault_anon, v.pswpin]).toEqual([1, 1]);
    return { pages, flags: pages.flags(0), list: pages.list(0), v };
  };

  test("a refault whose distance is within the working set is activated, one beyond is not", () => {
    const within = refault({ active: 10, meanwhile: 9 });
    expect([within.list, within.v.workingset_activate_anon]).toEqual([LRU_ACTIVE_ANON, 1]);
    const beyond = refault({ active: 10, meanwhile: 10 });
    expect([beyond.list, beyond.v.workingset_activate_anon]).toEqual([LRU_INACTIVE_ANON, 0]);
    expect(refault({ active: 0, meanwhile: 0 }).list, "no working set at all").toBe(LRU_INACTIVE_ANON);
  });

  test("for a region's page, cache pages count as competing", () => {
    expect(refault({ active: 10, meanwhile: 29, cached: 20 }).list).toBe(LRU_ACTIVE_ANON);
    expect(refault({ active: 10, meanwhile: 30, cached: 20 }).list).toBe(LRU_INACTIVE_ANON);
  });

  test("the age wraps at 2^20 without upsetting distances", () => {
    for (const age of [0xfffff, 0xffffb]) {
      expect(refault({ active: 10, meanwhile: 9, age }).list).toBe(LRU_ACTIVE_ANON);
      expect(refault({ active: 10, meanwhile: 10, age }).list).toBe(LRU_INACTIVE_ANON);
    }
  });

  test("restored: within the working set, and active before it was evicted", () => {
    const restored = refault({ active: 10, meanwhile: 5, workingset: true });
    expect(restored.v).toMatchObject({ workingset_activate_anon: 1, workingset_restore_anon: 1 });
    expect(restored.flags & PG_WORKINGSET).toBe(PG_WORKINGSET);
    expect(refault({ active: 10, meanwhile: 5 }).v.workingset_restore_anon).toBe(0);
    const late = refault({ active: 10, meanwhile: 50, workingset: true });
    expect(late.v).toMatchObject({ workingset_activate_anon: 0, workingset_restore_anon: 0 });
    expect(late.flags & PG_WORKINGSET).toBe(0);
  });

  test("a page is in the working set from when it is deactivated; unmapping it wipes its history", () => {
    const memory = boot({ nodes: [{ pages: 256, watermarks: marks }] });
    const pages: Pages = memory.map(100).fill().heat();
    memory.reclaim(40, 1, 2);
    const out = [...pages.version.keys()].filter((page) => pages.place(page) === -2);
    expect(out.length).toBeGreaterThanOrEqual(32);
    expect(memory.vmstat().pgdeactivate).toBeGreaterThan(0);
    const first = out[0] as number;
    expect(pages.shadow(first) & 2, "the workingset bit").toBe(2);
    memory.calls.zapRange(pages.id, pages.start, 100);
    expect(pages.shadow(first)).toBe(NO_SHADOW);
    pages.version.fill(0);
    pages.verify();
    expect(memory.vmstat().workingset_refault_anon).toBe(0);
  });
});
