/** Segments in swap: what is counted of them, whenever the engine says that it has dropped a page of theirs. */
import { afterEach, expect, test } from "vitest";
import { bootEngine, type TestEngine } from "../../test/support/engine.ts";
import { pte, storeKeyAddr } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { advisePageout } from "../mm/madvise.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { discardSlot } from "../mm/swap.ts";
import { checkStore } from "./debug-store.ts";
import {
  controlOf,
  SEG_CLOSED,
  SEG_SUNK,
  SG_STATE,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FRESH_SEG,
  ST_LOG_HELD,
  ST_SUNK_PAGES,
  seg,
} from "./layout.ts";
import { closeSeg } from "./log.ts";
import { dropSunkSeg, settleSunk, sinkSeg } from "./sunk.ts";

const PAGES = 400;
const SHIFT = 2;

interface Store {
  readonly meta: number;
  readonly c: number;
  readonly e: TestEngine;
  /** Pages that the engine has dropped and the store has not heard of. */
  readonly dropped: number[];
}
const stores: Store[] = [];
// All that was dropped is told at the end, and then every count is right.
afterEach(() => {
  for (const { meta, e, dropped } of stores.splice(0)) {
    for (const vpn of dropped) e.calls.storeLost(meta, vpn);
    e.vm.inspect();
    checkStore(meta);
  }
});

/** A store with a few segments of four pages, each page full of items. */
function filled(): Store {
  const e = bootEngine({ nodes: [{ pages: 1024 }], swap: 256, vpns: 65_536 });
  const data = e.map(2 * PAGES, { file: true });
  const meta = e.map(e.calls.storeMetaPages(PAGES, 2 * PAGES, PAGES, SHIFT), { locked: true });
  expect(e.calls.storeInit(meta.id, data.id, PAGES, 0, PAGES, SHIFT, 0)).toBe(0);
  const dropped: number[] = [];
  e.vm.onDiscard(data.id, (vpn) => dropped.push(vpn));
  const { h32 } = e.vm.segment;
  for (let i = 0; i < 200; i++) {
    h32[storeKeyAddr() >>> 2] = i;
    expect(e.calls.storeSet(meta.start, 4, 400, 0, 0, 0)).not.toBe(0);
  }
  e.vm.inspect();
  const store = { meta: meta.start, c: controlOf(meta.start), e, dropped };
  stores.push(store);
  return store;
}
/** The first segment with four pages, closed. */
function full({ c }: Store): number {
  for (let s = 0; s < ld(c + ST_FRESH_SEG); s++) {
    closeSeg(c, s);
    const whole = [0, 1, 2, 3].every((i) => (pte(vpnOf(c, s) + i) & PTE_PRESENT) !== 0);
    if (whole && seg(c, s, SG_STATE) === SEG_CLOSED) return s;
  }
  throw new Error("no segment is full");
}
const vpnOf = (c: number, s: number) => ld(c + ST_DATA_START) + (s << SHIFT);
/** The engine needs the slot of a page for another's, as it does when there are no more. */
function discard({ c }: Store, vpn: number): void {
  if ((pte(vpn) & PTE_SWAP) === 0) advisePageout(ld(c + ST_DATA_VMA), vpn, 1);
  expect(pte(vpn) & PTE_SWAP).not.toBe(0);
  discardSlot(pteIndex(pte(vpn)));
  expect(pte(vpn)).toBe(0);
}

test.each(["sunk", "swapped out by the engine"])("a page is dropped just before its segment is %s", (how) => {
  const store = filled();
  const { c } = store;
  const s = full(store);
  discard(store, vpnOf(c, s) + 1);
  if (how === "sunk") sinkSeg(c, s);
  else {
    advisePageout(ld(c + ST_DATA_VMA), vpnOf(c, s), 4);
    expect(settleSunk(c, s)).toBe(true);
  }
  expect([seg(c, s, SG_STATE), ld(c + ST_SUNK_PAGES), store.dropped.length]).toEqual([SEG_SUNK, 3, 1]);
});

test.each(["given up", "kept"])(
  "pages of a segment in swap are dropped, and it is %s before the store hears of it",
  (how) => {
    const store = filled();
    const { c } = store;
    const s = full(store);
    sinkSeg(c, s);
    discard(store, vpnOf(c, s));
    discard(store, vpnOf(c, s) + 3);
    expect(ld(c + ST_SUNK_PAGES)).toBe(4);
    if (how === "given up") dropSunkSeg(c, s);
    expect([ld(c + ST_SUNK_PAGES), store.dropped.length]).toEqual([how === "given up" ? 0 : 4, 2]);
  },
);

test("the place of a segment is taken by another before the store hears that a page there was dropped", () => {
  const store = filled();
  const { c, e, meta } = store;
  const s = full(store);
  const held = ld(c + ST_LOG_HELD);
  discard(store, vpnOf(c, s) + 2);
  dropSunkSeg(c, s);
  expect(ld(c + ST_LOG_HELD)).toBe(held - 4);
  const { h32 } = e.vm.segment;
  for (let i = 1000; seg(c, s, SG_STATE) !== SEG_CLOSED; i++) {
    h32[storeKeyAddr() >>> 2] = i;
    expect(e.calls.storeSet(meta, 4, 400, 0, 0, 0)).not.toBe(0);
  }
  sinkSeg(c, s);
  expect([seg(c, s, SG_STATE), ld(c + ST_SUNK_PAGES), store.dropped.length]).toEqual([SEG_SUNK, 4, 1]);
});
