/**
 * Segments in swap. What sinks to swap does so by the segment: items that are cold together, written at once. Such a segment is sunk: it
 * is no candidate of those that give way in the nodes, and nothing of it is written again. An item that is read comes up by itself
 * (access.ts) or stays; what it leaves is a hole. When there must be room in swap, or within the store's limit, a segment goes whole,
 * without reading it: the one of a few where the least is left, which has been there the longest.
 */
import { H_OPTIONS, hdr, pte } from "../mm/layout.ts";
import { ld, st, unsigned } from "../mm/machine.ts";
import { advisePageout } from "../mm/madvise.ts";
import { OPT_SWAP_FILE } from "../mm/options.ts";
import { PTE_PRESENT, PTE_SWAP } from "../mm/page-table.ts";
import { ACTOR_PROACTIVE, popScan, pushScan } from "../mm/scan-control.ts";
import { swapAvailable, swapWorks, tryDevices } from "../mm/swap.ts";
import { bodyVpn, nextPage } from "./body.ts";
import {
  add,
  addf,
  SEG_CLOSED,
  SEG_SUNK,
  SG_CURSOR,
  SG_FLAGS,
  SG_LIVE,
  SG_STATE,
  SG_USED,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_DROPPED,
  ST_FRESH_SEG,
  ST_NOW,
  ST_SEG_SHIFT,
  ST_SINK_PAUSE,
  ST_SINK_WAIT,
  ST_SUNK_IN_ALL,
  ST_SUNK_PAGES,
  seg,
} from "./layout.ts";
import { closeSeg, countSunk, releaseSeg, zapLogPage } from "./log.ts";
import { forgetPage, losePage } from "./present.ts";
import { randomBelow } from "./random.ts";

/** Candidates for each choice, and picks for them. */
const CANDIDATES: i32 = 16;
const PICKS: i32 = 256;
/** The most tries that are left out after swap has failed time and again, as a power of two. */
const LONGEST_PAUSE: i32 = 10;

/** Whether items may be sent to swap now. A device that fails is asked again, ever more seldom. */
export function maySink(c: i32): boolean {
  // Where caches' pages are not swapped, what is sent is dropped.
  if ((hdr(H_OPTIONS) & OPT_SWAP_FILE) === 0 || !swapAvailable(1)) return false;
  if (ld(c + ST_SINK_WAIT) > 0) {
    add(c + ST_SINK_WAIT, -1);
    return false;
  }
  if (swapWorks()) return true;
  pushScan(ACTOR_PROACTIVE, 1);
  tryDevices();
  popScan();
  if (swapWorks()) return true;
  pause(c);
  return false;
}
/** Swap did not take what was sent. */
function pause(c: i32): void {
  const n = ld(c + ST_SINK_PAUSE);
  st(c + ST_SINK_WAIT, 1 << n);
  if (n < LONGEST_PAUSE) st(c + ST_SINK_PAUSE, n + 1);
}

/** Write a segment to swap and give back its frames. Returns the pages that went; what could not stays, and the segment with it. */
export function sinkSeg(c: i32, s: i32): i32 {
  closeSeg(c, s);
  const from = seg(c, s, SG_CURSOR) >>> 9;
  const pages = ((seg(c, s, SG_USED) + 4095) >>> 12) - from;
  const first = ld(c + ST_DATA_START) + (s << ld(c + ST_SEG_SHIFT)) + from;
  const gone = pages > 0 ? advisePageout(ld(c + ST_DATA_VMA), first, pages) : 0;
  addf(c + ST_SUNK_IN_ALL, gone);
  let left: i32 = 0;
  let there: i32 = 0;
  for (let i: i32 = 0; i < pages; i++) {
    if ((pte(first + i) & PTE_PRESENT) !== 0) left++;
    else if ((pte(first + i) & PTE_SWAP) !== 0) there++;
  }
  if (left === 0 && there > 0) countSunk(c, s);
  if (gone > 0) st(c + ST_SINK_PAUSE, 0);
  else if (left > 0 && !swapWorks()) pause(c);
  return gone;
}

/** If a closed segment has been swapped out by others' doing, it is sunk, too. Returns whether it was. */
export function settleSunk(c: i32, s: i32): boolean {
  if (seg(c, s, SG_STATE) !== SEG_CLOSED) return false;
  const first = ld(c + ST_DATA_START) + (s << ld(c + ST_SEG_SHIFT));
  let there: i32 = 0;
  for (let i: i32 = 0; i < 1 << ld(c + ST_SEG_SHIFT); i++) {
    if ((pte(first + i) & PTE_PRESENT) !== 0) return false;
    if ((pte(first + i) & PTE_SWAP) !== 0) there++;
  }
  if (there > 0) countSunk(c, s);
  return there > 0;
}
/** Write the pages of a body that are on nodes to swap. Returns how many went. */
export function sinkPages(c: i32, first: i32): i32 {
  const v = ld(c + ST_DATA_VMA);
  let gone: i32 = 0;
  let from: i32 = first;
  let n: i32 = 0;
  for (let page: i32 = first; page >= 0; page = nextPage(c, page)) {
    if (page !== from + n) {
      gone += advisePageout(v, bodyVpn(c, from), n);
      from = page;
      n = 0;
    }
    n++;
  }
  gone += advisePageout(v, bodyVpn(c, from), n);
  addf(c + ST_SUNK_IN_ALL, gone);
  if (gone === 0 && !swapWorks()) pause(c);
  return gone;
}
/** Of a few sunk segments, the one that least is lost with; -1 = there is none. */
export function leastSunk(c: i32): i32 {
  if (ld(c + ST_SUNK_PAGES) <= 0) return -1;
  const n = ld(c + ST_FRESH_SEG);
  let best: i32 = -1;
  let least: f64 = Infinity;
  let found: i32 = 0;
  for (let i: i32 = 0; i < PICKS && found < CANDIDATES; i++) {
    const s = randomBelow(c, n);
    if (seg(c, s, SG_STATE) !== SEG_SUNK) continue;
    found++;
    const live: f64 = seg(c, s, SG_LIVE);
    const worth = live / (unsigned((ld(c + ST_NOW) - (seg(c, s, SG_FLAGS) & ~3)) | 0) + 1);
    if (worth >= least) continue;
    least = worth;
    best = s;
  }
  return best;
}
/** Give up all that is in a segment, without reading it. */
export function dropSunkSeg(c: i32, s: i32): void {
  const first = s << ld(c + ST_SEG_SHIFT);
  const end = first + ((seg(c, s, SG_USED) + 4095) >>> 12);
  for (let page = first + (seg(c, s, SG_CURSOR) >>> 9); page < end; page++) {
    const vpn = ld(c + ST_DATA_START) + page;
    if (pte(vpn) === 0) {
      // What the engine has dropped, it may not have said yet; then it is too late for its items to be counted.
      losePage(c, page);
      continue;
    }
    addf(c + ST_DROPPED, forgetPage(c, page));
    zapLogPage(c, vpn);
  }
  releaseSeg(c, s);
}
