/** Promotion's threshold, rate limit and free-space shortcut, with the numbers of kernel/sched/fair.c. */
import { describe, expect, test } from "vitest";
import { bootEngine, type EngineSpec, type Pages, type TestEngine, TWINS } from "../../test/support/engine.ts";
import {
  H_HINT_PERIOD,
  H_HINT_SIZE,
  H_HOME,
  H_HOT_THRESHOLD,
  H_RATE_LIMIT,
  N_PROMO_THRESHOLD,
  setNode,
  setPriv,
  setPte,
  statNode,
} from "./layout.ts";
import { ldf, stf } from "./machine.ts";
import { MPOL_BIND } from "./mempolicy.ts";
import { PTE_HINT } from "./page-table.ts";
import { PGPROMOTE_CANDIDATE } from "./vmstat.ts";

const marks = [8, 16, 24, 40] as const;

describe.each(TWINS)("promotion (%s)", (engine) => {
  /** The linux preset's shortcut needs 1 GiB free, so that threshold and limiter decide. */
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      preset: "linux",
      swap: 512,
      nodes: [
        { pages: 256, watermarks: marks },
        { pages: 256, tier: 1, watermarks: marks },
      ],
      ...spec,
    });
  /** Pages on node 1 that may be on either. */
  const sunk = (memory: TestEngine, count: number): Pages => {
    const pages = memory.map(count).fill().chill();
    while (pages.countAt(1) < count) expect(memory.reclaim(count, 1, 1)).toBeGreaterThan(0);
    return pages;
  };
  /** Mark a page as the scan would at time `at`. */
  const mark = (pages: Pages, page: number, at: number): void => {
    const f = pages.head(page);
    setPte(pages.start + page, pages.pte(page) | PTE_HINT);
    setPriv(f, at);
  };
  const hinted = (pages: Pages): number =>
    [...pages.version.keys()].filter((page) => (pages.pte(page) & PTE_HINT) !== 0).length;

  test.each([
    [0, true],
    [999, true],
    [1000, false],
    [5000, false],
  ])("touched %d ms after it was marked: promoted: %s (threshold 1000 ms)", (latency, promoted) => {
    const memory = boot();
    const pages = sunk(memory, 1);
    memory.clock.advance(10_000);
    mark(pages, 0, 10_000 - latency);
    pages.verify();
    expect([pages.place(0), hinted(pages)]).toEqual([promoted ? 0 : 1, 0]);
    const v = memory.vmstat();
    expect(v).toMatchObject({ numa_hint_faults: 1, pgpromote_candidate: promoted ? 1 : 0 });
    expect(v.pgpromote_success).toBe(promoted ? 1 : 0);
  });

  test("no more pages a second than the rate limit, rejected ones counted as candidates too", () => {
    const memory = boot();
    memory.calls.tune(H_RATE_LIMIT, 10);
    const pages = sunk(memory, 60);
    let done = 0;
    for (const second of [5, 7]) {
      memory.clock.advance(second * 1000 - memory.clock.now());
      for (let page = done; page < done + 30; page++) {
        mark(pages, page, second * 1000);
        pages.touch(page, page + 1, 1);
      }
      done += 30;
      expect(memory.vmstat()).toMatchObject({
        pgpromote_success: done / 3,
        pgpromote_candidate: done,
        numa_pages_migrated: done / 3,
      });
    }
    expect(pages.countAt(0)).toBe(20);
  });

  test("the window is a second: half a second later the limit still holds", () => {
    const memory = boot();
    memory.calls.tune(H_RATE_LIMIT, 5);
    const pages = sunk(memory, 20);
    const touchAll = (at: number, from: number): void => {
      memory.clock.advance(at - memory.clock.now());
      for (let page = from; page < from + 10; page++) {
        mark(pages, page, at);
        pages.touch(page, page + 1);
      }
    };
    touchAll(2000, 0);
    touchAll(3000, 10);
    expect(memory.vmstat().pgpromote_success).toBe(5);
  });

  test("each minute the threshold moves an eighth of its base against what was offered, from 1/8 to 2", () => {
    const memory = boot();
    memory.calls.tune(H_RATE_LIMIT, 10); // 600 a minute: lower over 660, raise under 540
    const pages = sunk(memory, 1);
    memory.clock.advance(60_001);
    const minute = (offered: number): number => {
      memory.vm.inspect();
      const at = statNode(0, PGPROMOTE_CANDIDATE);
      stf(at, ldf(at) + offered);
      memory.clock.advance(60_001);
      mark(pages, 0, 0);
      pages.touch(0, 1);
      expect(pages.place(0), "touched far too late").toBe(1);
      return memory.node(0, N_PROMO_THRESHOLD);
    };
    minute(600);
    const base = memory.node(0, N_PROMO_THRESHOLD);
    expect(base).toBe(1000);
    expect([minute(661), minute(660), minute(600), minute(540), minute(539)]).toEqual([875, 875, 875, 875, 1000]);
    for (let i = 0; i < 10; i++) minute(5000);
    expect(memory.node(0, N_PROMO_THRESHOLD)).toBe(125);
    expect(minute(0)).toBe(250);
    for (let i = 0; i < 20; i++) minute(0);
    expect(memory.node(0, N_PROMO_THRESHOLD)).toBe(2000);
  });

  test("the threshold moves once a minute, not with each fault", () => {
    const memory = boot();
    const pages = sunk(memory, 1);
    memory.clock.advance(60_001);
    for (let i = 0; i < 5; i++) {
      mark(pages, 0, 0);
      pages.touch(0, 1);
      memory.clock.advance(5000);
    }
    expect(memory.node(0, N_PROMO_THRESHOLD)).toBe(1125);
  });

  test("a destination with plenty free takes any page that is touched, and forgets its threshold", () => {
    // promo 40 + 1/16 of 256 = 56: more than that must be free.
    for (const [used, taken] of [
      [199, true],
      [200, false],
    ] as const) {
      const memory = boot({ preset: "lieu", behaviours: { promotionPays: false }, steps: 0 });
      const pages = sunk(memory, 1);
      memory.map(used, { policy: MPOL_BIND, mask: 1 }).touch();
      memory.clock.advance(100_000);
      mark(pages, 0, 0);
      setNode(0, N_PROMO_THRESHOLD, 500);
      pages.touch(0, 1);
      expect(pages.place(0), `${used} in use`).toBe(taken ? 0 : 1);
      expect(memory.vmstat()).toMatchObject({ pgpromote_candidate: 0, pgpromote_candidate_nrl: taken ? 1 : 0 });
      expect(memory.node(0, N_PROMO_THRESHOLD)).toBe(taken ? 0 : 625);
    }
  });

  test("a destination at its high watermark takes nothing, and its kswapd is woken", () => {
    const memory = boot({ steps: 0 });
    const pages = sunk(memory, 2);
    memory.map(256 - 25, { policy: MPOL_BIND, mask: 1 }).touch();
    memory.clock.advance(100);
    mark(pages, 0, 100);
    pages.touch(0, 1);
    expect([pages.place(0), memory.free(0), memory.awake(0)]).toEqual([0, 24, false]);
    mark(pages, 1, 100);
    pages.touch(1, 2);
    expect([pages.place(1), memory.free(0), memory.awake(0)]).toEqual([1, 24, true]);
    expect(memory.vmstat()).toMatchObject({ pgpromote_success: 1, pgpromote_candidate: 2 });
  });

  test("one move, straight to the top-tier node nearest to home that the page may be on", () => {
    const nodes = [0, 0, 1, 2].map((tier) => ({ pages: 256, tier, watermarks: marks }));
    for (const [home, mask, to] of [
      [0, 0b1111, 0],
      [1, 0b1111, 1],
      [0, 0b1110, 1],
      [0, 0b1100, 3],
    ] as const) {
      const memory = boot({ nodes });
      memory.calls.tune(H_HOME, home);
      const pages = memory.map(1, { policy: MPOL_BIND, mask: 0b1000 }).fill();
      memory.calls.setPolicy(pages.id, MPOL_BIND, mask);
      memory.clock.advance(100);
      mark(pages, 0, 100);
      pages.verify();
      expect(pages.place(0)).toBe(to);
      expect(memory.vmstat().pgmigrate_success).toBe(to === 3 ? 0 : 1);
    }
  });

  test("the scan marks only pages on slower tiers, so many virtual pages a period, and goes round", () => {
    const memory = boot();
    memory.calls.tune(H_HINT_PERIOD, 500);
    memory.calls.tune(H_HINT_SIZE, 40);
    const pages = sunk(memory, 100);
    const top = memory.map(30, { policy: MPOL_BIND, mask: 1 }).fill();
    memory.clock.advance(1000);
    expect(memory.calls.hintScan(), "the clock is the runtime's to set").toBeGreaterThanOrEqual(0);
    memory.vm.turn();
    const seen: number[] = [hinted(pages)];
    for (let i = 0; i < 5; i++) {
      memory.clock.advance(499);
      memory.vm.turn();
      expect(hinted(pages), "not yet due").toBe(seen.at(-1));
      memory.clock.advance(1);
      memory.vm.turn();
      seen.push(hinted(pages));
    }
    expect(seen.at(-1)).toBe(100);
    expect(Math.max(...seen.slice(1).map((n, i) => n - (seen[i] as number)))).toBeLessThanOrEqual(40);
    expect(hinted(top)).toBe(0);
    expect(memory.vmstat().numa_pte_updates).toBe(100);
  });

  test("with promotion off nothing is marked", () => {
    const memory = boot({ behaviours: { promotion: false } });
    memory.calls.tune(H_HOT_THRESHOLD, 1000);
    const pages = sunk(memory, 10);
    memory.clock.advance(10_000);
    memory.vm.turn();
    expect(hinted(pages)).toBe(0);
  });
});
