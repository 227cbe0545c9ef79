/**
 * Rule 2, fallback: a folio whose demotion fails for any reason is reclaimed in the same call as though demotion were
 * off; proactive requests put it back instead.
 */
import { describe, expect, test } from "vitest";
import { isLieuError, openMemorySync } from "../../src/index.ts";
import { ENOMEM } from "../../src/mm/errno.ts";
import { MPOL_BIND } from "../../src/mm/mempolicy.ts";
import type { Preset } from "../../src/mm/presets.ts";
import { bootEngine, type EngineSpec, type Pages, type TestEngine, TWINS } from "../support/engine.ts";

const marks = [8, 16, 24, 32] as const;
const DEMOTE_ONLY = 1;
const NO_DEMOTE = 2;

describe.each(TWINS)("rule 2, fallback (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({
      engine,
      swap: 512,
      steps: 0,
      nodes: [
        { pages: 256, watermarks: marks },
        { pages: 256, tier: 1, watermarks: marks },
      ],
      ...spec,
    });
  /** Take node 1 down to its min watermark with pages that nobody may reclaim. */
  const blockTarget = (memory: TestEngine): Pages => {
    const locked = memory.map(248, { policy: MPOL_BIND, mask: 2, locked: true }).fill();
    expect(memory.free(1)).toBe(8);
    return locked;
  };
  /** Node 0 down to min with cold pages. */
  const fillTop = (memory: TestEngine, extra = 0, file = false): Pages => {
    const pages = memory
      .map(248 + extra, { file })
      .fill(0, 248)
      .chill(0, 248);
    expect(memory.free(0)).toBe(8);
    return pages;
  };

  test.each(["lieu", "linux", "rfc2020"] as const)(
    "%s: the target is full and cannot be helped: the very call that finds so swaps",
    (preset: Preset) => {
      const memory = boot({ preset });
      const locked = blockTarget(memory);
      const pages = fillTop(memory, 1);
      const before = memory.vmstat();
      expect(before).toMatchObject({ pswpout: 0, allocstall_normal: 0 });
      expect(pages.write(248)).toBe(0);
      const after = memory.vmstat();
      expect(after.allocstall_normal).toBe(1);
      expect(after.pgmigrate_fail, "demotion was tried").toBeGreaterThan(0);
      // A batch; or, where nothing is lost that could stay, up to high.
      expect(after.pswpout).toBeGreaterThanOrEqual(preset === "lieu" ? 17 : 32);
      expect(after.pgdemote_direct).toBe(0);
      expect(after.pgsteal_direct).toBe(after.pswpout);
      expect(pages.place(0), "the coldest").toBe(-2);
      pages.verify();
      locked.verify();
    },
  );

  test("kswapd falls back in the same step too", () => {
    const memory = boot();
    blockTarget(memory);
    const pages = fillTop(memory);
    expect(memory.awake(0)).toBe(true);
    memory.settle();
    const v = memory.vmstat();
    expect(v.pgdemote_kswapd).toBe(0);
    expect(v.pswpout).toBeGreaterThanOrEqual(16);
    expect(v.pgsteal_kswapd).toBe(v.pswpout);
    pages.verify(240, 248);
  });

  test("a full target that has cold pages of its own: linux swaps from the top at once, lieu sends those down", () => {
    for (const preset of ["linux", "lieu"] as const) {
      const memory = boot({ preset });
      const low = memory.map(248, { policy: MPOL_BIND, mask: 2 }).fill().chill();
      // Linux reclaims from all nodes that the page could be on; binding (which its demotion ignores) leaves node 0.
      const bound = preset === "linux" ? { policy: MPOL_BIND, mask: 1 } : {};
      const top = memory.map(249, bound).fill(0, 248).chill(0, 248);
      expect([memory.free(0), memory.free(1)]).toEqual([8, 8]);
      top.fill(248);
      const swappedFromTop = memory.nodeVmstat(0).pswpout;
      const swappedFromLow = memory.nodeVmstat(1).pswpout;
      if (preset === "linux") expect([swappedFromTop > 0, swappedFromLow]).toEqual([true, 0]);
      else expect([swappedFromTop, swappedFromLow > 0]).toEqual([0, true]);
      top.verify();
      low.verify();
    }
  });

  test("a pinned folio cannot be demoted nor reclaimed: it stays, whole, and the call goes on to the next", () => {
    const memory = boot();
    const pages = fillTop(memory, 1);
    const frame = pages.pin(0);
    expect(pages.write(248)).toBe(0);
    expect(pages.frame(0)).toBe(frame);
    expect(pages.place(1)).toBe(1);
    expect(memory.vmstat().pgmigrate_fail).toBeGreaterThan(0);
    expect(memory.vmstat().pswpout).toBe(0);
    memory.calls.unpinFrame(frame);
    pages.chill(0, 1);
    while (pages.place(0) === 0) expect(memory.reclaim(32, 1)).toBeGreaterThan(0);
    pages.verify();
  });

  test.each([
    ["any", 0, false],
    ["any", 0, true],
    ["demote only", DEMOTE_ONLY, false],
    ["demote only", DEMOTE_ONLY, true],
  ])("a proactive request (%s) puts back what it cannot demote: zero evictions, cache pages: %s", (_, mode, file) => {
    const memory = boot();
    blockTarget(memory);
    const pages = fillTop(memory, 0, file as boolean);
    expect(memory.reclaim(64, 1, mode as number)).toBe(0);
    expect(memory.vmstat().pgmigrate_fail).toBeGreaterThan(0);
    expect(memory.vmstat()).toMatchObject({ pswpout: 0, pgdiscard: 0, pgsteal_proactive: 0, pgdemote_proactive: 0 });
    expect(pages.countAt(0)).toBe(248);
    pages.verify();
  });

  test("a request that nothing can meet looks through memory a bounded number of times, not once for each batch", () => {
    const memory = boot({ nodes: [0, 1, 2].map((tier) => ({ pages: 512, tier, watermarks: marks })), bytes: false });
    // Each node full of pages that might be demoted, but for the last one's.
    [7, 6, 4].forEach((mask) => void memory.map(504, { policy: MPOL_BIND, mask }).touch().chill());
    expect(memory.reclaim(512, 1, DEMOTE_ONLY)).toBe(0);
    expect(memory.vmstat().pgscan_proactive).toBeLessThan(200 * 3 * 504);
  });

  test("demote-only leaves the lowest tier alone; any evicts there; reclaim-only never demotes", () => {
    const memory = boot();
    const low = memory.map(100, { policy: MPOL_BIND, mask: 2 }).fill().chill();
    const cache = memory.map(50, { policy: MPOL_BIND, mask: 2, file: true }).fill().chill();
    const top = memory.map(100).fill().chill();
    expect(memory.reclaim(32, 2, DEMOTE_ONLY)).toBe(0);
    expect(memory.vmstat()).toMatchObject({ pswpout: 0, pgdiscard: 0 });
    expect(memory.vmstat().pgscan_file, "looked at and put back").toBeGreaterThan(0);
    expect(cache.countAt(1)).toBe(50);
    expect(memory.reclaim(32, 2)).toBeGreaterThanOrEqual(32);
    expect(memory.nodeVmstat(1).pswpout).toBeGreaterThanOrEqual(32);
    expect(memory.reclaim(32, 1, NO_DEMOTE)).toBeGreaterThanOrEqual(32);
    expect(memory.nodeVmstat(0)).toMatchObject({ pgdemote_proactive: 0 });
    expect(memory.nodeVmstat(0).pswpout).toBeGreaterThanOrEqual(32);
    low.verify();
    top.verify();
  });

  test.each([
    { swap: 0, demotion: false, fits: false },
    { swap: 0, demotion: true, fits: true },
    { swap: 512, demotion: false, fits: true },
    { swap: 512, demotion: true, fits: true },
  ])("only without swap ($swap slots) and demotion ($demotion) are anonymous pages stuck", (row) => {
    const memory = boot({ swap: row.swap, behaviours: { demotion: row.demotion } });
    const idle = memory.map(248).fill().chill();
    const needy = memory.map(64, { policy: MPOL_BIND, mask: 1 });
    const results = Array.from({ length: 64 }, (_, page) => needy.write(page));
    expect(results.every((r) => r === 0)).toBe(row.fits);
    if (!row.fits) expect(results[0]).toBe(ENOMEM);
    const v = memory.vmstat();
    expect(v.pgdemote_direct > 0).toBe(row.demotion);
    expect(v.pswpout > 0).toBe(row.swap > 0 && !row.demotion);
    idle.verify();
    if (row.fits) needy.verify();
  });

  test("no room anywhere is an error with a code, and loses nothing", () => {
    using memory = openMemorySync({
      engine,
      nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
    });
    const region = memory.map("3MiB");
    let written = 0;
    let error: unknown;
    try {
      for (; written < 768; written++) region.writeInt32(written * 4096 + 8, written + 1);
    } catch (e) {
      error = e;
    }
    expect(isLieuError(error, "ENOMEM")).toBe(true);
    expect(written, "nearly all of 512 pages").toBeGreaterThan(400);
    for (let page = 0; page < written; page++) expect(region.readInt32(page * 4096 + 8)).toBe(page + 1);
    memory.check();
  });
});
