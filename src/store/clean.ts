/**
 * Cleaning: going through a page of a segment, item by item. What is worth keeping is carried forward to a fresh segment of
 * its like; the rest is dropped, and the page given back. So the heat that counts is each item's own, though space is
 * reclaimed by the page.
 */
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { pte } from "../mm/layout.ts";
import { hostEvict, ld, st } from "../mm/machine.ts";
import { FAULT_READ, fault } from "../mm/mm.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { carry } from "./carry.ts";
import { bucketAddr, bucketOf, slotOf } from "./directory.ts";
import { addGhost, ghostLine } from "./ghost.ts";
import {
  BIT_BODY,
  BIT_DEAD,
  bits,
  freq,
  gap,
  hasExpired,
  headBytes,
  I_HASH,
  I_LAST,
  I_LENGTH,
  inlineGranules,
} from "./item.ts";
import {
  addf,
  FLAG_TELL,
  locAddr,
  PAGE_GRANULES,
  pageInfo,
  SG_CURSOR,
  SG_STREAM,
  SG_USED,
  ST_BUSY,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_DROP_WORTH,
  ST_DROPPED,
  ST_EXPIRED,
  ST_FLAGS,
  ST_META_START,
  ST_SEG_SHIFT,
  ST_THETA,
  ST_TOUCHED,
  STREAM_TTL,
  seg,
  setPageInfo,
  setSeg,
  vpnOfLoc,
} from "./layout.ts";
import { closeSeg, END_OF_PAGE, newPages, releaseSeg, zapLogPage } from "./log.ts";
import { ONE } from "./log2.ts";
import { losePage } from "./present.ts";
import { score } from "./rank.ts";
import { releaseIfEmpty, removeItem } from "./remove.ts";
import { relieve } from "./sink.ts";
import { bandOf } from "./stream.ts";

/** The average worth of what is dropped follows each item by this power of a half. */
const DROP_SHIFT: i32 = 6;
/** No bound to the items dropped. */
export const ALL: i32 = 0x7fffffff;
/** Why an item goes, for the host (cache/cache-core.ts). */
export const GONE_EVICTED: i32 = 0;
export const GONE_EXPIRED: i32 = 1;

// What cleaning has come to since startCount().
let keepAll: boolean = false;
let items: i32 = 0;
let looked: i32 = 0;
let dropped: i32 = 0;
let regretted: i32 = 0;

/** Begin to count; with `all`, nothing is dropped but what has expired. */
export function startCount(all: boolean): void {
  keepAll = all;
  items = 0;
  looked = 0;
  dropped = 0;
  regretted = 0;
}
export function droppedItems(): i32 {
  return items;
}
/** Granules of the live inline items that were judged, and of those of them that were dropped. */
export function lookedGranules(): i32 {
  return looked;
}
export function droppedGranules(): i32 {
  return dropped;
}
/** Of those dropped, the granules that were worth twice as much as what is dropped on average. */
export function regrettedGranules(): i32 {
  return regretted;
}

/** Clean the next page of segment `s`, or until `drops` items have been dropped. Returns whether anything of it is left. */
export function cleanSegPage(c: i32, s: i32, drops: i32): boolean {
  closeSeg(c, s);
  const page = seg(c, s, SG_CURSOR) >>> 9;
  const pages = (seg(c, s, SG_USED) + 4095) >>> 12;
  if (page < pages) {
    st(c + ST_BUSY, 1);
    const left = cleanItems(c, s, page, drops);
    st(c + ST_BUSY, 0);
    setSeg(c, s, SG_CURSOR, left > 0 ? (page << 9) + left : (page + 1) << 9);
    if (left > 0) return true;
  }
  if (page + 1 < pages) return true;
  releaseSeg(c, s);
  return false;
}

/** Clean page `page` of segment `s`. Returns the granule of the first item not looked at, or 0 when the page is done with. */
function cleanItems(c: i32, s: i32, page: i32, drops: i32): i32 {
  const logPage = (s << ld(c + ST_SEG_SHIFT)) + page;
  const vpn = ld(c + ST_DATA_START) + logPage;
  if (pte(vpn) !== 0 && (pte(vpn) & PTE_PRESENT) === 0 && fault(ld(c + ST_DATA_VMA), vpn, FAULT_READ) < 0) {
    zapLogPage(c, vpn);
  }
  if (pte(vpn) === 0) {
    losePage(c, logPage);
    return 0;
  }
  const pinned = pinPage(vpn);
  const base = locAddr(c, (logPage << 9) + 1);
  const used = (seg(c, s, SG_USED) - (page << 12)) >>> 3;
  const end = used < PAGE_GRANULES ? used : PAGE_GRANULES;
  const cursor = seg(c, s, SG_CURSOR) & 511;
  let g: i32 = cursor !== 0 ? cursor : pageInfo(c, logPage) & 0xffff;
  warm(c, base, g, end);
  let left: i32 = drops;
  while (g < end && left > 0) {
    const item = base + (g << 3);
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    const size = inlineGranules(item);
    if ((bits(item) & BIT_DEAD) === 0) left -= cleanItem(c, s, (logPage << 9) + g + 1, item);
    g += size;
  }
  unpinFrame(pinned);
  if (left === 0 && g < end) return g;
  zapLogPage(c, vpn);
  setPageInfo(c, logPage, PAGE_GRANULES);
  return 0;
}

/**
 * Touch the lines of the index and of the ghosts that the items of a page will need: their fetches overlap here, where they
 * would wait for one another there.
 */
function warm(c: i32, base: i32, from: i32, end: i32): void {
  let sum: i32 = 0;
  for (let g: i32 = from; g < end; ) {
    const item = base + (g << 3);
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    const hash = ld(item + I_HASH);
    sum ^= ld(bucketAddr(c, bucketOf(c, hash))) ^ ld(ghostLine(c, hash));
    g += inlineGranules(item);
  }
  st(c + ST_TOUCHED, sum);
}

/** Judge an item. Returns 1 if it was dropped, 0 if it was carried forward. */
function cleanItem(c: i32, s: i32, loc: i32, item: i32): i32 {
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0) return 0;
  const granules = inlineGranules(item);
  const expired = hasExpired(item);
  const large = (bits(item) & BIT_BODY) !== 0;
  if (!expired) {
    const worth = large ? 0 : score(c, item);
    if (!large) looked += granules;
    const keep = keepAll || large || worth >= ld(c + ST_THETA);
    const stream = seg(c, s, SG_STREAM);
    if (keep && carryOn(c, large || stream >= STREAM_TTL ? stream : bandOf(c, worth), loc, item, slot)) return 0;
    if (!large) countDropped(c, granules, worth);
    remember(c, item);
  }
  items++;
  leave(c, loc, item, slot, expired);
  return 1;
}
/** Carry an item forward; room on the home node is made as cleaning goes, before a place is chosen. */
function carryOn(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const head = headBytes(bits(item));
  const fresh = newPages(c, stream, head, inlineGranules(item) << 3);
  if (fresh > 0) relieve(c, fresh);
  return carry(c, stream, loc, item, slot);
}
function countDropped(c: i32, granules: i32, worth: i32): void {
  dropped += granules;
  const mean = ld(c + ST_DROP_WORTH);
  if (worth > mean + ONE) regretted += granules;
  st(c + ST_DROP_WORTH, mean + ((worth - mean) >> DROP_SHIFT));
}
/** Drop an item whose head is present: it becomes a ghost. */
export function dropItem(c: i32, loc: i32, item: i32): void {
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0) return;
  const expired = hasExpired(item);
  if (!expired) remember(c, item);
  const pinned = pinPage(vpnOfLoc(c, loc));
  leave(c, loc, item, slot, expired);
  unpinFrame(pinned);
  releaseIfEmpty(c, loc);
}
function remember(c: i32, item: i32): void {
  addGhost(c, ld(item + I_HASH), freq(item), gap(item), ld(item + I_LAST));
}
function leave(c: i32, loc: i32, item: i32, slot: i32, expired: boolean): void {
  addf(c + (expired ? ST_EXPIRED : ST_DROPPED), 1);
  tell(c, loc, expired ? GONE_EXPIRED : GONE_EVICTED);
  // The host may have found a part of it lost, and removed it.
  if (ld(slot) === loc) removeItem(c, loc, item, slot);
}
/** Let the host have a last look at an item that goes. */
export function tell(c: i32, loc: i32, why: i32): void {
  if ((ld(c + ST_FLAGS) & FLAG_TELL) !== 0) hostEvict(ld(c + ST_META_START), loc, why);
}
