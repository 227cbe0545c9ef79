/**
 * Rule 1, order in one shrink batch: unevictable or locked -> writeback -> references -> demote -> swap out -> discard.
 */
import { describe, expect, test } from "vitest";
import { PG_ACTIVE, PG_LOCKED, PG_RECLAIM, PG_REFERENCED, PG_UNEVICTABLE, PG_WRITEBACK } from "../../src/mm/folio.ts";
import {
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  LRU_UNEVICTABLE,
  setVma,
  V_LOCKED,
} from "../../src/mm/layout.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import { PTE_ACCESSED } from "../../src/mm/page-table.ts";
import { bootEngine, LRU, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;

describe.each(TWINS)("rule 1, order (%s)", (engine) => {
  const boot = (swap = 256, preset: "lieu" | "linux" = "lieu"): TestEngine =>
    bootEngine({
      engine,
      preset,
      swap,
      swappiness: 200,
      steps: 0,
      nodes: [
        { pages: 256, watermarks: marks },
        { pages: 256, tier: 1, watermarks: marks },
      ],
    });

  /** 100 cold pages on node 0, the first the next to be scanned: a request for 32 scans each at most once. */
  const coldPages = (memory: TestEngine, file = false): Pages => memory.map(100, { file }).fill().chill();
  const reclaimSome = (memory: TestEngine): void => {
    const scanned = memory.vmstat().pgscan_proactive;
    expect(memory.reclaim(32, 1)).toBeGreaterThanOrEqual(32);
    expect(memory.vmstat().pgscan_proactive - scanned).toBeLessThan(100);
  };

  test("a region mapped locked goes to the unevictable list and stays on its node", () => {
    const memory = boot();
    const locked = memory.map(40, { locked: true }).fill();
    coldPages(memory);
    reclaimSome(memory);
    expect(locked.countAt(0)).toBe(40);
    expect(locked.list(0)).toBe(LRU_UNEVICTABLE);
    expect(memory.vmstat().nr_unevictable).toBe(40);
    locked.verify();
  });

  test("a page whose mapping was locked later is culled to the unevictable list by the scan that meets it", () => {
    const memory = boot();
    coldPages(memory);
    const locked = memory.map(4).fill().chill();
    memory.vm.inspect();
    setVma(locked.id, V_LOCKED, 1);
    reclaimSome(memory);
    expect(locked.countAt(0)).toBe(4);
    for (let page = 0; page < 4; page++) expect(locked.list(page)).toBe(LRU_UNEVICTABLE);
    expect(locked.flags(0) & (PG_UNEVICTABLE | PG_ACTIVE)).toBe(PG_UNEVICTABLE);
    expect(memory.vmstat().unevictable_pgs_culled).toBe(4);
  });

  test("a folio that somebody locked is kept, neither activated nor asked for its references", () => {
    const memory = boot();
    const pages = coldPages(memory);
    pages.setFlags(0, PG_LOCKED);
    pages.touch(0, 1);
    reclaimSome(memory);
    expect(pages.place(0)).toBe(0);
    expect(pages.place(1)).toBe(1);
    expect(pages.flags(0) & (PG_ACTIVE | PG_REFERENCED)).toBe(0);
    expect(pages.pte(0) & PTE_ACCESSED).toBe(PTE_ACCESSED);
    expect(pages.list(0)).toBe(LRU_INACTIVE_ANON);
    pages.setFlags(0, 0, PG_LOCKED);
  });

  test("anonymous pages are demoted while there is a target, though swap is free; then swapped", () => {
    const memory = boot();
    const pages = coldPages(memory);
    while (pages.countAt(0) > 0) expect(memory.reclaim(32, 1)).toBeGreaterThan(0);
    expect(memory.vmstat()).toMatchObject({ pgdemote_proactive: 100, pswpout: 0 });
    pages.chill();
    // Node 0 is named too, or they would go up to it: it has room.
    while (pages.countAt(1) > 0) expect(memory.reclaim(32, 3)).toBeGreaterThan(0);
    expect(memory.vmstat()).toMatchObject({ pgdemote_proactive: 100, pswpout: 100, pgdiscard: 0 });
    pages.verify();
  });

  test("cache pages are demoted, then swapped, and discarded only when no slot is left", () => {
    const memory = boot(40);
    const pages = coldPages(memory, true);
    expect(pages.list(0)).toBe(LRU_INACTIVE_FILE);
    while (pages.countAt(0) > 0) expect(memory.reclaim(32, 1)).toBeGreaterThan(0);
    expect(memory.vmstat()).toMatchObject({ pgdemote_proactive: 100, pswpout: 0, pgdiscard: 0 });
    pages.chill();
    while (memory.vmstat().pswpout < 40) {
      expect(memory.vmstat().pgdiscard).toBe(0);
      expect(memory.reclaim(1, 3)).toBeGreaterThan(0);
    }
    while (pages.countAt(1) > 0) expect(memory.reclaim(1, 3)).toBeGreaterThan(0);
    expect(pages.countAt(-2)).toBe(40);
    expect(memory.vmstat().pgdiscard).toBe(60);
  });

  test("anonymous pages are never discarded: with nowhere to go they are activated and stay", () => {
    const memory = boot(0);
    const pages = memory.map(100, { policy: MPOL_BIND, mask: 1 }).fill().chill();
    expect(memory.reclaim(32, 1)).toBe(0);
    expect(pages.countAt(0)).toBe(100);
    expect(memory.vmstat()).toMatchObject({ pgdiscard: 0, pgsteal_proactive: 0, pswpout: 0 });
    pages.verify();
  });

  // What follows is how the classic lists do it; src/mm/lru-gen.test.ts has the generations.
  if (LRU !== "classic") return;

  test("a page under writeback never moves: it is marked for reclaim and activated", () => {
    const memory = boot();
    const pages = coldPages(memory);
    pages.setFlags(0, PG_WRITEBACK);
    const frame = pages.frame(0);
    reclaimSome(memory);
    expect(pages.frame(0)).toBe(frame);
    expect(pages.flags(0) & (PG_RECLAIM | PG_ACTIVE)).toBe(PG_RECLAIM | PG_ACTIVE);
    expect(pages.list(0)).toBe(LRU_ACTIVE_ANON);
    expect(memory.vmstat().pgactivate).toBe(1);
    pages.setFlags(0, 0, PG_WRITEBACK | PG_RECLAIM);
  });

  test("a page both under writeback and referenced is treated as under writeback", () => {
    const memory = boot();
    const pages = coldPages(memory);
    pages.setFlags(0, PG_WRITEBACK);
    pages.touch(0, 1);
    reclaimSome(memory);
    expect(pages.flags(0) & (PG_RECLAIM | PG_ACTIVE | PG_REFERENCED)).toBe(PG_RECLAIM | PG_ACTIVE);
    expect(pages.pte(0) & PTE_ACCESSED, "its reference was not asked for").toBe(PTE_ACCESSED);
    pages.setFlags(0, 0, PG_WRITEBACK | PG_RECLAIM);
  });

  test("a page referenced once is kept and flagged; its next scan without a reference takes it", () => {
    const memory = boot();
    const pages = coldPages(memory);
    pages.touch(0, 1);
    reclaimSome(memory);
    expect(pages.place(0)).toBe(0);
    expect(pages.list(0)).toBe(LRU_INACTIVE_ANON);
    expect(pages.flags(0) & (PG_REFERENCED | PG_ACTIVE)).toBe(PG_REFERENCED);
    expect(pages.pte(0) & PTE_ACCESSED).toBe(0);
    while (pages.countAt(0) > 0) expect(memory.reclaim(32, 1)).toBeGreaterThan(0);
    expect(pages.place(0)).toBe(1);
    expect(pages.flags(0) & PG_REFERENCED, "the flag was used up").toBe(0);
    expect(memory.vmstat().pgactivate).toBe(0);
  });

  test("a page referenced twice is activated", () => {
    const memory = boot();
    const pages = coldPages(memory);
    pages.setFlags(0, PG_REFERENCED);
    pages.touch(0, 2);
    reclaimSome(memory);
    expect(pages.list(0)).toBe(LRU_ACTIVE_ANON);
    expect(pages.list(1)).toBe(LRU_INACTIVE_ANON);
    expect(memory.vmstat().pgactivate).toBe(1);
  });
});
