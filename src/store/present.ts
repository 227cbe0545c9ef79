/** Whether the pages of the data mapping are there: looking at those that are in swap, and taking note of those that are lost. */
import { frameAddr, pte } from "../mm/layout.ts";
import { lookAtSwapped } from "../mm/look.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT, PTE_SWAP } from "../mm/page-table.ts";
import { outdateSeg } from "./above.ts";
import {
  add,
  addf,
  PAGE_GRANULES,
  pageInfo,
  SEG_SUNK,
  SEG_TORN,
  SG_FLAGS,
  SG_HEADS,
  SG_ITEMS,
  SG_LIVE,
  SG_STATE,
  ST_DATA_VMA,
  ST_HEADS,
  ST_ITEMS,
  ST_LOG_LIVE,
  ST_LOST,
  ST_ORPHANS,
  ST_SEG_SHIFT,
  ST_SUNK_ITEMS,
  ST_SUNK_LIVE,
  segAddr,
  setPageInfo,
  vpnOfLoc,
} from "./layout.ts";

/**
 * The address of a location, to be read: if its page is in swap, of a copy (mm/look.ts), and the page stays there. Good until a
 * page moves, or another two are looked at. 0 = it is lost.
 */
export function look(c: i32, loc: i32): i32 {
  const page = lookAtPage(c, vpnOfLoc(c, loc));
  return page === 0 ? 0 : page + (((loc - 1) & 511) << 3);
}
/** The same of the start of a page of the data mapping, one of a body, too. */
export function lookAtPage(c: i32, vpn: i32): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) !== 0) return frameAddr(p >>> 6);
  return (p & PTE_SWAP) === 0 ? 0 : lookAtSwapped(ld(c + ST_DATA_VMA), vpn);
}
/** Whether the page of a location is in a frame. */
export function isPresent(c: i32, loc: i32): boolean {
  return (pte(vpnOfLoc(c, loc)) & PTE_PRESENT) !== 0;
}
/**
 * A page of the data mapping is gone, or is not to be had any more. The items whose heads were on it are lost; their index
 * entries are stale until somebody meets them. What it was of the queue's size is reckoned from the segment's average.
 */
export function losePage(c: i32, logPage: i32): void {
  addf(c + ST_LOST, forgetPage(c, logPage));
}
/** The same of one that is given up rather than lost. Returns the items that were on it. */
export function forgetPage(c: i32, logPage: i32): i32 {
  const s = logPage >>> ld(c + ST_SEG_SHIFT);
  const p = segAddr(c, s);
  const lost = pageInfo(c, logPage) >>> 16;
  outdateSeg(p);
  st(p + SG_FLAGS, ld(p + SG_FLAGS) | SEG_TORN);
  if (lost === 0) return 0;
  const live = ((ld(p + SG_LIVE) * lost) / ld(p + SG_ITEMS)) | 0;
  const heads = ((ld(p + SG_HEADS) * lost) / ld(p + SG_ITEMS)) | 0;
  add(p + SG_ITEMS, -lost);
  add(p + SG_LIVE, -live);
  add(p + SG_HEADS, -heads);
  add(c + ST_HEADS, -heads);
  add(c + ST_LOG_LIVE, -live);
  add(c + ST_ITEMS, -lost);
  if (ld(p + SG_STATE) === SEG_SUNK) {
    add(c + ST_SUNK_LIVE, -live);
    add(c + ST_SUNK_ITEMS, -lost);
  }
  setPageInfo(c, logPage, PAGE_GRANULES);
  // The pass of the scrubber that goes on, and one from the start.
  st(c + ST_ORPHANS, 2);
  return lost;
}
