/**
 * Cleaning: going through a page of a segment, item by item. What is worth keeping is carried forward to a fresh segment of
 * its like; the rest is dropped, and the page given back. So the heat that counts is each item's own, though space is
 * reclaimed by the page.
 */

import { pinPage, unpinFrame } from "../mm/gup.ts";
import { pte } from "../mm/layout.ts";
import { hostEvict, ld, st } from "../mm/machine.ts";
import { outdate } from "./above.ts";
import { bring } from "./bring.ts";
import { carry, sinkBack } from "./carry.ts";
import { bucketAddr, bucketOf, slotOf } from "./directory.ts";
import { addGhost, ghostLine } from "./ghost.ts";
import {
  BIT_BODY,
  BIT_DEAD,
  bits,
  END_OF_PAGE,
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
  kindOf,
  LOW,
  locAddr,
  PAGE_GRANULES,
  pageInfo,
  SG_CURSOR,
  SG_USED,
  ST_BUSY,
  ST_DATA_START,
  ST_DROP_WORTH,
  ST_DROPPED,
  ST_EXPIRED,
  ST_FLAGS,
  ST_META_START,
  ST_OPEN,
  ST_SEG_SHIFT,
  ST_THETA,
  ST_TOUCHED,
  STREAM_COLD,
  STREAM_HEADS,
  STREAM_TTL,
  seg,
  setPageInfo,
  setSeg,
  vpnOfLoc,
} from "./layout.ts";
import { closeSeg, fitsSeg, newPages, releaseSeg, zapLogPage } from "./log.ts";
import { ONE } from "./log2.ts";
import { isPresent, losePage } from "./present.ts";
import { score } from "./rank.ts";
import { releaseIfEmpty, removeItem } from "./remove.ts";
import { isLow, relieve } from "./sink.ts";
import { bandOf } from "./stream.ts";
import { sinkSeg } from "./sunk.ts";

/** The average worth of what is dropped follows each item by this power of a half. */
const DROP_SHIFT: i32 = 6;
/** No bound to the items dropped. */
export const ALL: i32 = 0x7fffffff;
/** Why an item goes, for the host (cache/cache-core.ts). */
export const GONE_EVICTED: i32 = 0;
export const GONE_EXPIRED: i32 = 1;

/** What becomes of the items that cleaning goes through: the worst are dropped, none, all, or the worst go to swap. */
export const DROP_WORST: i32 = 0;
export const KEEP_ALL: i32 = 1;
export const DROP_ALL: i32 = 2;
export const SINK_WORST: i32 = 3;

// What cleaning has come to since startCount().
let mode: i32 = 0;
let items: i32 = 0;
let looked: i32 = 0;
let dropped: i32 = 0;
let regretted: i32 = 0;

/** Begin to count, and to clean in one of these ways; what has expired is dropped in any. */
export function startCount(how: i32): void {
  mode = how;
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
  if (!bring(c, (logPage << 9) + 1)) zapLogPage(c, vpn);
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
    const keep = mode !== DROP_ALL && (mode === KEEP_ALL || large || worth >= ld(c + ST_THETA));
    const kind = kindOf(c, s);
    const to = kind >= STREAM_TTL ? kind : large ? STREAM_HEADS : bandOf(c, worth);
    // Nobody has asked for it: where it is, it stays.
    const low = isLow(c, vpnOfLoc(c, loc)) ? LOW : 0;
    if (keep && carryOn(c, to + low, loc, item, slot)) return 0;
    if (!large) countDropped(c, granules, worth);
    remember(c, item);
    if (mode === SINK_WORST && sinkItem(c, loc, item, slot)) return 0;
  }
  items++;
  leave(c, loc, item, slot, expired);
  return 1;
}
/** Put an item with its like, which goes to swap together. Returns false if there is no room for that. */
export function sinkItem(c: i32, loc: i32, item: i32, slot: i32): boolean {
  // Nobody holds it above any more: what goes from there may go unread.
  outdate(item);
  if (sinkBack(c, loc, item, slot)) return true;
  const bytes = inlineGranules(item) << 3;
  const open = ld(c + ST_OPEN + (STREAM_COLD << 2)) - 1;
  if (open >= 0 && !fitsSeg(c, open, headBytes(bits(item)), bytes)) sinkSeg(c, open);
  return carry(c, STREAM_COLD, loc, item, slot);
}
/** Carry an item forward; room on the home node, if it is to be there, is made as cleaning goes, before a place is chosen. */
function carryOn(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const fresh = stream < LOW ? newPages(c, stream, headBytes(bits(item)), inlineGranules(item) << 3) : 0;
  if (fresh > 0) relieve(c, fresh);
  return carry(c, stream, loc, item, slot);
}
function countDropped(c: i32, granules: i32, worth: i32): void {
  dropped += granules;
  const mean = ld(c + ST_DROP_WORTH);
  if (worth > mean + ONE) regretted += granules;
  st(c + ST_DROP_WORTH, mean + ((worth - mean) >> DROP_SHIFT));
}
/** Drop an item whose head is present, or was just looked at: it becomes a ghost. */
export function dropItem(c: i32, loc: i32, item: i32): void {
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0) return;
  const expired = hasExpired(item);
  if (!expired) remember(c, item);
  const pinned = isPresent(c, loc) ? pinPage(vpnOfLoc(c, loc)) : -1;
  leave(c, loc, item, slot, expired);
  if (pinned >= 0) unpinFrame(pinned);
  releaseIfEmpty(c, loc);
}
/** An item goes from the nodes: it has a ghost. */
export function remember(c: i32, item: i32): void {
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
