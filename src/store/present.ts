/**
 * Whether the pages of the data mapping are there: fetching those that are in swap, and taking note of those that are lost.
 */
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { FAULT_READ, fault } from "../mm/mm.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { slotDevice } from "../mm/swap.ts";
import { outdateSeg } from "./above.ts";
import {
  add,
  addf,
  PAGE_GRANULES,
  pageInfo,
  SEG_TORN,
  SG_FLAGS,
  SG_HEADS,
  SG_ITEMS,
  SG_LIVE,
  ST_DATA_VMA,
  ST_HEADS,
  ST_ITEMS,
  ST_LOG_LIVE,
  ST_LOST,
  ST_ORPHANS,
  ST_SEG_SHIFT,
  segAddr,
  setPageInfo,
  vpnOfLoc,
} from "./layout.ts";

let readFrom: i32 = -1;
export function noneReadFrom(): boolean {
  return readFrom < 0;
}
/** The swap device that a page was last read from since last asked; -1 = none. */
export function takeReadFrom(): i32 {
  const dev = readFrom;
  readFrom = -1;
  return dev;
}
/** See that the page of a location is present; false = it is lost. */
export function bring(c: i32, loc: i32): boolean {
  const vpn = vpnOfLoc(c, loc);
  const p = pte(vpn);
  if ((p & PTE_PRESENT) !== 0) return true;
  if ((p & PTE_SWAP) !== 0) readFrom = slotDevice(pteIndex(p));
  return p !== 0 && fault(ld(c + ST_DATA_VMA), vpn, FAULT_READ) === 0;
}

/**
 * A page of the data mapping is gone, or is not to be had any more. The items whose heads were on it are lost; their index
 * entries are stale until somebody meets them. What it was of the queue's size is reckoned from the segment's average.
 */
export function losePage(c: i32, logPage: i32): void {
  const s = logPage >>> ld(c + ST_SEG_SHIFT);
  const p = segAddr(c, s);
  const lost = pageInfo(c, logPage) >>> 16;
  outdateSeg(p);
  st(p + SG_FLAGS, ld(p + SG_FLAGS) | SEG_TORN);
  if (lost === 0) return;
  const live = ((ld(p + SG_LIVE) * lost) / ld(p + SG_ITEMS)) | 0;
  const heads = ((ld(p + SG_HEADS) * lost) / ld(p + SG_ITEMS)) | 0;
  add(p + SG_ITEMS, -lost);
  add(p + SG_LIVE, -live);
  add(p + SG_HEADS, -heads);
  add(c + ST_HEADS, -heads);
  add(c + ST_LOG_LIVE, -live);
  add(c + ST_ITEMS, -lost);
  addf(c + ST_LOST, lost);
  setPageInfo(c, logPage, PAGE_GRANULES);
  // The pass of the scrubber that goes on, and one from the start.
  st(c + ST_ORPHANS, 2);
}
