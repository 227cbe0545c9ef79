/** What a group's compressed pages are charged to, and its limit for them (memory.zswap.current, memory.zswap.max). */
import { describe, expect, test } from "vitest";
import { bootEngine, type EngineSpec, type TestEngine, TWINS } from "../../test/support/engine.ts";
import { C_ZSWAP, C_ZSWAP_MAX, C_ZSWAPPED, H_ZPOOL_STORED, hdrf, memcg, statMemcg, ZSWAP_UNIT } from "./layout.ts";
import { PAGE_COUNTER_MAX } from "./memcg.ts";
import { ZSWPIN, ZSWPOUT, ZSWPWB } from "./vmstat.ts";

/** Records that compress to a third or so. */
const words = (page: number, version: number, i: number): number =>
  i % 10 < 2 ? Math.imul(page * 4099 + version * 31 + i, 0x9e3779b1) : 0x20202020 + (i % 7) * 0x01000100;

describe.each(TWINS)("compressed pages of groups (%s)", (engine) => {
  const boot = (spec: Partial<EngineSpec> = {}): TestEngine =>
    bootEngine({ engine, nodes: [{ pages: 512, watermarks: [8, 16, 24, 32] }], zpages: 128, steps: 16, ...spec });
  const counted = (memory: TestEngine, cg: number, item: number): number =>
    memory.vm.segment.hf[statMemcg(cg, item) >>> 3] as number;

  test("are charged to it and to those above it, as the pool has them", () => {
    const memory = boot();
    const [a, b] = [memory.group(1), memory.group(1)] as const;
    const child = memory.group(1, a);
    const own = memory.map(60, { memcg: a, words }).fill();
    const below = memory.map(40, { memcg: child, words }).fill();
    const zeros = memory.map(30, { memcg: b, words: () => 0 }).fill();
    for (const pages of [own, below, zeros]) pages.pageout();
    expect([memcg(a, C_ZSWAPPED), memcg(child, C_ZSWAPPED), memcg(b, C_ZSWAPPED), memcg(0, C_ZSWAPPED)]).toEqual([
      100, 40, 30, 130,
    ]);
    // Pages of one word take nothing.
    expect(memcg(b, C_ZSWAP)).toBe(0);
    expect(memcg(0, C_ZSWAP) * ZSWAP_UNIT).toBe(hdrf(H_ZPOOL_STORED));
    expect(memcg(a, C_ZSWAP)).toBe(memcg(0, C_ZSWAP));
    expect(memcg(child, C_ZSWAP) / memcg(a, C_ZSWAP)).toBeGreaterThan(0.3);
    expect([a, child, b].map((cg) => counted(memory, cg, ZSWPOUT))).toEqual([60, 40, 30]);
    below.verify();
    expect([memcg(child, C_ZSWAP), memcg(child, C_ZSWAPPED), counted(memory, child, ZSWPIN)]).toEqual([0, 0, 40]);
    own.unmap();
    expect([memcg(a, C_ZSWAP), memcg(0, C_ZSWAP), memcg(0, C_ZSWAPPED)]).toEqual([0, 0, 30]);
    memory.check();
  });

  test("a group at its limit writes its own oldest pages back, and nobody else's", () => {
    const memory = boot({ swap: 400 });
    const [a, b] = [memory.group(1), memory.group(1)] as const;
    const other = memory.map(60, { memcg: b, words }).fill();
    other.pageout();
    const limit = memcg(b, C_ZSWAP) >> 1;
    memory.calls.setLimit(a, C_ZSWAP_MAX, limit);
    const pages = memory.map(200, { memcg: a, words }).fill();
    for (let page = 0; page < 200; page += 20) {
      pages.pageout(page, page + 20);
      expect(memcg(a, C_ZSWAP)).toBeLessThanOrEqual(limit);
    }
    expect(memcg(a, C_ZSWAP)).toBeGreaterThan(limit / 2);
    const written = counted(memory, a, ZSWPWB);
    expect(written).toBeGreaterThan(150);
    expect(memory.vmstat().zswpwb).toBe(written);
    expect(memcg(b, C_ZSWAPPED)).toBe(60);
    // What went out last is what has stayed.
    const inPool = [...Array(200).keys()].filter((page) => pages.place(page) === -2);
    expect(Math.min(...inPool)).toBeGreaterThan(150);
    pages.verify();
    other.verify();
    memory.check();
  });

  test("with a limit of 0, or with nothing of its own that can make way, it goes to the device at once", () => {
    const memory = boot({ swap: 400 });
    const cg = memory.group(1);
    memory.calls.setLimit(cg, C_ZSWAP_MAX, 0);
    const pages = memory.map(100, { memcg: cg, words }).fill();
    pages.pageout();
    expect([memcg(cg, C_ZSWAP), counted(memory, cg, ZSWPOUT), pages.countAt(-3)]).toEqual([0, 0, 100]);
    pages.verify();
    memory.calls.setLimit(cg, C_ZSWAP_MAX, PAGE_COUNTER_MAX);
    pages.pageout();
    expect(pages.countAt(-2)).toBe(100);
    pages.verify();
  });

  test("with no device a region's pages stay where they are, and go when the limit is lifted", () => {
    const memory = boot();
    const cg = memory.group(1);
    memory.calls.setLimit(cg, C_ZSWAP_MAX, 500);
    const pages = memory.map(300, { memcg: cg, words }).fill();
    pages.pageout();
    expect(memcg(cg, C_ZSWAP)).toBeLessThanOrEqual(500);
    expect(pages.countAt(0)).toBeGreaterThan(250);
    memory.calls.setLimit(cg, C_ZSWAP_MAX, PAGE_COUNTER_MAX);
    pages.pageout();
    expect(pages.countAt(-2)).toBeGreaterThan(200);
    pages.verify();
    memory.check();
  });

  test("with no device a cache's oldest pages are dropped for its newest", () => {
    const memory = boot();
    const cg = memory.group(1);
    memory.calls.setLimit(cg, C_ZSWAP_MAX, 1000);
    const cache = memory.map(200, { memcg: cg, file: true, words });
    const lost: number[] = [];
    memory.vm.onDiscard(cache.id, (vpn) => lost.push(vpn - cache.start));
    cache.fill().pageout();
    expect(memcg(cg, C_ZSWAP)).toBeLessThanOrEqual(1000);
    expect(lost.length).toBeGreaterThan(100);
    expect(cache.place(199)).toBe(-2);
    memory.check();
  });
});
