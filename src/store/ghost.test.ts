import { describe, expect, test } from "vitest";
import { seeded } from "../../test/property/source.ts";
import { bootEngine, type TestEngine } from "../../test/support/engine.ts";
import { storeKeyAddr } from "../mm/layout.ts";
import { ld, st, stf } from "../mm/machine.ts";
import { checkStore } from "./debug-store.ts";
import { addGhost, ghostLast, takeGhost } from "./ghost.ts";
import {
  controlOf,
  SG_ITEMS,
  SG_STATE,
  SG_USED,
  ST_BODIES,
  ST_EVENTS,
  ST_FREE_SEG,
  ST_ITEMS,
  ST_LINES_FREE,
  ST_LOG_HELD,
  ST_LOG_LIVE,
  ST_NEXT_EXPIRY,
  ST_NR_GHOSTS,
  ST_OPEN,
  segAddr,
} from "./layout.ts";

const PAGES = 400;

/** A store of its own. Returns the first page of its index, and its control block. */
function open(): { meta: number; c: number; engine: TestEngine } {
  const e = bootEngine({ nodes: [{ pages: 1024 }], vpns: 65_536 });
  const data = e.map(2 * PAGES, { file: true });
  const pages = e.calls.storeMetaPages(PAGES, 2 * PAGES, PAGES, 0);
  const meta = e.map(pages, { locked: true });
  expect(e.calls.storeInit(meta.id, data.id, PAGES, 0, PAGES, 0, 0)).toBe(0);
  e.vm.inspect();
  return { meta: meta.start, c: controlOf(meta.start), engine: e };
}
/** Store `count` values under the keys 0, 1, 2 ... of four bytes. */
function fill(store: ReturnType<typeof open>, count: number): void {
  const { h32 } = store.engine.vm.segment;
  for (let i = 0; i < count; i++) {
    h32[storeKeyAddr() >>> 2] = i;
    expect(store.engine.calls.storeSet(store.meta, 4, 100 + i * 40, 0, 0, 0)).not.toBe(0);
  }
}

describe("ghosts", () => {
  test("come back with their history, once", () => {
    const { c, meta } = open();
    addGhost(c, 12345, 7, 3, 99);
    expect(takeGhost(c, 12345 ^ (1 << 20))).toBe(-1);
    expect([takeGhost(c, 12345), ghostLast()]).toEqual([(7 << 3) | 3, 99]);
    expect(takeGhost(c, 12345)).toBe(-1);
    checkStore(meta);
  });

  test("the oldest of a line falls off, and is counted as given up", () => {
    const { c, meta } = open();
    const before = ld(c + ST_EVENTS);
    for (let i = 0; i < 20; i++) addGhost(c, i << 8, 1, 1, i);
    expect([ld(c + ST_NR_GHOSTS), ld(c + ST_EVENTS) - before]).toEqual([8, 12]);
    const found = Array.from({ length: 20 }, (_, i) => takeGhost(c, i << 8) >= 0);
    expect(found).toEqual(Array.from({ length: 20 }, (_, i) => i >= 12));
    checkStore(meta);
  });

  test("find their lines as these grow", () => {
    const { c, meta } = open();
    const source = seeded(3);
    const hashes = Array.from({ length: 60 }, () => source.below(2 ** 32) | 0);
    // The lines grow with the items: as if there were many.
    st(c + ST_ITEMS, 100_000);
    for (const [i, hash] of hashes.entries()) addGhost(c, hash, 2, 2, i);
    st(c + ST_ITEMS, 0);
    checkStore(meta);
    const last = hashes.slice(-10).filter((hash) => takeGhost(c, hash) === ((2 << 3) | 2));
    expect(last.length).toBeGreaterThan(7);
    checkStore(meta);
  });
});

describe("the walk over a store", () => {
  test("finds nothing wrong with a good one, and counts what is there", () => {
    const store = open();
    fill(store, 150);
    expect(checkStore(store.meta).items).toBe(150);
  });

  const words: [string, (c: number) => number, number][] = [
    ["an item too many", (c) => c + ST_ITEMS, 1],
    ["live granules too few", (c) => c + ST_LOG_LIVE, -1],
    ["a page of the log too many", (c) => c + ST_LOG_HELD, 1],
    ["a page of bodies too many", (c) => c + ST_BODIES, 1],
    ["a ghost too many", (c) => c + ST_NR_GHOSTS, 1],
    ["a free segment that is none", (c) => c + ST_FREE_SEG, 1],
    ["an overflow line that never was", (c) => c + ST_LINES_FREE, 1000],
    ["a segment open for a stream that is not", (c) => c + ST_OPEN + 28, 1],
    ["an item too many in a segment", (c) => segAddr(c, 0) + SG_ITEMS, 1],
    ["a segment in a state that it is not in", (c) => segAddr(c, 0) + SG_STATE, 1],
    ["a segment with more bytes than were written", (c) => segAddr(c, 0) + SG_USED, 4096],
  ];
  test.each(words)("finds %s", (_, where, by) => {
    const store = open();
    fill(store, 150);
    const at = where(store.c);
    st(at, ld(at) + by);
    expect(() => checkStore(store.meta)).toThrow(/^EBUG: broken invariant of a store: /);
    st(at, ld(at) - by);
    checkStore(store.meta);
  });

  test("finds a time that comes too late", () => {
    const store = open();
    fill(store, 10);
    const { calls, vm } = store.engine;
    vm.segment.h32[storeKeyAddr() >>> 2] = 3;
    calls.storeSet(store.meta, 4, 100, 0, 0, 5000);
    checkStore(store.meta);
    stf(store.c + ST_NEXT_EXPIRY, 6000);
    expect(() => checkStore(store.meta)).toThrow("expires before");
  });
});
