/**
 * The log: segments of a few pages, each filled from its start by appending items, and cleaned as a whole page by page
 * (clean.ts). What is appended to one stream shares segments: heads of large items, inline items of about the same heat,
 * items of about the same time to live, so that a segment cools or expires as one.
 *
 * A page of a segment may be lost (dropped by the engine, or unreadable in swap) and the index still name items on it. Such
 * a segment is torn; when it is done with, it waits in quarantine until the scrubber has gone through the whole index.
 */

import { EAGAIN, ENOMEM } from "../mm/errno.ts";
import { pte } from "../mm/layout.ts";
import { ld, st, stf } from "../mm/machine.ts";
import { FAULT_COLD, FAULT_LOW, FAULT_OVERWRITE, fault } from "../mm/mm.ts";
import { zapPages } from "../mm/mmap.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { slotsFree } from "../mm/swap.ts";
import { bring } from "./bring.ts";
import { queueFresh } from "./heat.ts";
import { END_OF_PAGE, I_LENGTH } from "./item.ts";
import {
  add,
  addSeg,
  LOG_PARTS,
  LOW,
  locAddr,
  PAGE_GRANULES,
  PAGE_HELD,
  PAGE_SUNK,
  pageCounts,
  pageInfo,
  SEG_CLOSED,
  SEG_FREE,
  SEG_OPEN,
  SEG_QUARANTINE,
  SEG_RECORD_SHIFT,
  SEG_SUNK,
  SEG_TORN,
  SG_CURSOR,
  SG_EXPIRY,
  SG_FLAGS,
  SG_HEADS,
  SG_ITEMS,
  SG_LIVE,
  SG_NEXT,
  SG_PAGES,
  SG_STATE,
  SG_STREAM,
  SG_USED,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FREE_SEG,
  ST_FRESH_SEG,
  ST_HEADS,
  ST_LEFT_SEGS,
  ST_LOG_HELD,
  ST_LOG_LIVE,
  ST_MAX_PAGES,
  ST_META_START,
  ST_NOW,
  ST_NR_SEGS,
  ST_OPEN,
  ST_PART_SEGS,
  ST_PART_SHIFT,
  ST_QUARANTINED,
  ST_SCRUB_PASS,
  ST_SEG_SHIFT,
  ST_SEGS,
  ST_SUNK_ITEMS,
  ST_SUNK_LIVE,
  ST_SUNK_PAGES,
  STREAM_COLD,
  STREAM_HEADS,
  seg,
  segAddr,
  setPageCounts,
  setPageInfo,
  setSeg,
  streamOf,
} from "./layout.ts";
import { ensureMeta, held } from "./meta.ts";
import { cancelTimer, noteExpiry } from "./timers.ts";

/** An item that would leave no more than this on its page starts on the next one rather than lie across. */
const SLACK: i32 = 128;
/**
 * The same of what goes to swap: an item that lies across pages costs two reads, so a third of a page may be left, as long as more than a 2^-this of
 * the store's limit, and slots for as much of what it has in swap, are free: what is left costs values where room is short, and writes before.
 */
const COLD_SLACK: i32 = 1365;
const SHORT: i32 = 3;

export function segBytes(c: i32): i32 {
  return 4096 << ld(c + ST_SEG_SHIFT);
}
/** The segment that a stream goes on in; -1 = none is open. */
function openSeg(c: i32, stream: i32): i32 {
  return ld(c + ST_OPEN + (stream << 2)) - 1;
}
export function closeSeg(c: i32, s: i32): void {
  if (seg(c, s, SG_STATE) !== SEG_OPEN) return;
  setSeg(c, s, SG_STATE, SEG_CLOSED);
  st(c + ST_OPEN + (streamOf(c, s) << 2), 0);
}
function firstVpn(c: i32, s: i32): i32 {
  return ld(c + ST_DATA_START) + (s << ld(c + ST_SEG_SHIFT));
}

/** Whether room below is short, for the store or for all. */
function isShort(c: i32): boolean {
  const most = ld(c + ST_MAX_PAGES);
  return held(c) > most - (most >> SHORT) || !slotsFree((ld(c + ST_SUNK_PAGES) >> SHORT) + 1);
}
/** Where in an open segment an item would start; -1 = it does not fit. */
function placeIn(c: i32, s: i32, head: i32, bytes: i32): i32 {
  const used = seg(c, s, SG_USED);
  const within = used & 4095;
  const slack = streamOf(c, s) === STREAM_COLD && !isShort(c) ? COLD_SLACK : SLACK;
  let at: i32 = used;
  if (within > 0) {
    const across = within + bytes > 4096;
    if (within + head > 4096 || (across && 4096 - within <= slack)) at = (used + 4095) & ~4095;
  }
  if (at + bytes > segBytes(c) || (at > 0 && (at & 4095) === 0 && isHollow(c, s))) return -1;
  // The page that was written last may be in swap or lost: neither what follows nor where it ends can be written there.
  return within > 0 && (pte(firstVpn(c, s) + (used >>> 12)) & PTE_PRESENT) === 0 ? -1 : at;
}

/**
 * Whether less than half of what was written to a segment of heads is left: their bodies have gone, and they after them. As long as it is open nothing of it
 * is gathered, and it would hold more than all that are alive.
 */
function isHollow(c: i32, s: i32): boolean {
  if (streamOf(c, s) !== STREAM_HEADS) return false;
  return seg(c, s, SG_LIVE) << 1 < (seg(c, s, SG_USED) >>> 3) - seg(c, s, SG_CURSOR);
}
/** Whether an open segment takes another item. */
export function fitsSeg(c: i32, s: i32, head: i32, bytes: i32): boolean {
  return placeIn(c, s, head, bytes) >= 0;
}

/** Pages that are not there yet of the place that reserve() would choose, and of what it would note it in. */
export function newPages(c: i32, stream: i32, head: i32, bytes: i32): i32 {
  const s = openSeg(c, stream);
  const at = s < 0 ? -1 : placeIn(c, s, head, bytes);
  if (at < 0) return ((bytes + 4095) >>> 12) + newRecordPages(c);
  let n: i32 = 0;
  for (let page: i32 = at >>> 12; page <= (at + bytes - 1) >>> 12; page++) if (pte(firstVpn(c, s) + page) === 0) n++;
  return n;
}

/** Meta pages that a new segment's record needs: 0 or 1. */
function newRecordPages(c: i32): i32 {
  if (ld(c + ST_FREE_SEG) !== 0) return 0;
  const at = ld(c + ST_SEGS) + (ld(c + ST_FRESH_SEG) << SEG_RECORD_SHIFT);
  return (pte(ld(c + ST_META_START) + (at >>> 12)) & PTE_PRESENT) !== 0 ? 0 : 1;
}

/**
 * Find room in a stream for an item of `bytes` bytes, `head` of them before its value, its pages present. Returns its
 * location, or 0 if there is no room. Nothing is counted yet, and no two are reserved at once.
 */
export function reserve(c: i32, stream: i32, head: i32, bytes: i32): i32 {
  let s: i32 = openSeg(c, stream);
  let at: i32 = s < 0 ? -1 : placeIn(c, s, head, bytes);
  if (at < 0) {
    if (s >= 0) closeSeg(c, s);
    s = newSeg(c, stream);
    if (s < 0) return 0;
    at = 0;
  }
  endPage(c, s, at);
  for (let tries: i32 = 0; tries < 4; tries++) {
    const r = bringIn(c, s, at, bytes);
    if (r === 0) {
      setSeg(c, s, SG_USED, at + bytes);
      return (((s << ld(c + ST_SEG_SHIFT)) << 9) + (at >>> 3) + 1) | 0;
    }
    if (r !== EAGAIN) return 0;
  }
  return 0;
}
/** See that the pages for [at, at + bytes) of a segment are present. Returns 0, -EAGAIN if one went again, or -ENOMEM. */
function bringIn(c: i32, s: i32, at: i32, bytes: i32): i32 {
  const vpn = firstVpn(c, s);
  const first = at >>> 12;
  const last = (at + bytes - 1) >>> 12;
  const v = ld(c + ST_DATA_VMA);
  const stream = streamOf(c, s);
  const mode = stream === STREAM_COLD ? FAULT_COLD : stream >= LOW ? FAULT_LOW : FAULT_OVERWRITE;
  for (let page: i32 = first; page <= last; page++) {
    if ((pte(vpn + page) & PTE_PRESENT) !== 0) continue;
    const begun = page === first && (at & 4095) !== 0;
    if (begun && pte(vpn + page) === 0) return ENOMEM;
    const fresh = pte(vpn + page) === 0;
    if (begun ? !bring(c, locOfPage(c, vpn + page)) : fault(v, vpn + page, mode) < 0) return ENOMEM;
    if (fresh) countPageIn(c, (s << ld(c + ST_SEG_SHIFT)) + page);
    if (begun) continue;
    queueFresh(vpn + page);
    setPageInfo(c, (s << ld(c + ST_SEG_SHIFT)) + page, PAGE_GRANULES);
  }
  for (let page: i32 = first; page <= last; page++) if ((pte(vpn + page) & PTE_PRESENT) === 0) return EAGAIN;
  return 0;
}
/** The location of the start of a page of the log. */
function locOfPage(c: i32, vpn: i32): i32 {
  return ((vpn - ld(c + ST_DATA_START)) << 9) + 1;
}
/** The next item starts at `at`: if that leaves a gap at the end of a page, which is present, say so there. */
function endPage(c: i32, s: i32, at: i32): void {
  const used = seg(c, s, SG_USED);
  if (at === used || (used & 4095) === 0) return;
  const loc = ((s << ld(c + ST_SEG_SHIFT)) << 9) + (used >>> 3) + 1;
  st(locAddr(c, loc) + I_LENGTH, END_OF_PAGE);
}

/** A segment is used or no longer: so many more of its part of the log are. */
function countUsed(c: i32, s: i32, d: i32): void {
  add(c + ST_PART_SEGS + ((s >> ld(c + ST_PART_SHIFT)) << 2), d);
}
/** The first segment in use from `s` on, all the way round; -1 = there is none. It costs no more than the segments of a part. */
export function nextUsed(c: i32, s: i32): i32 {
  const n = ld(c + ST_FRESH_SEG);
  const shift = ld(c + ST_PART_SHIFT);
  let at: i32 = s < n ? s : 0;
  // The part that it begins in comes up twice: from there on, and up to there.
  for (let i: i32 = 0; i <= LOG_PARTS; i++) {
    const part = at >> shift;
    const to = (part + 1) << shift;
    const end = to < n ? to : n;
    if (ld(c + ST_PART_SEGS + (part << 2)) > 0)
      for (; at < end; at++) {
        const state = seg(c, at, SG_STATE);
        if (state === SEG_OPEN || state === SEG_CLOSED || state === SEG_SUNK) return at;
      }
    at = end < n ? end : 0;
  }
  return -1;
}

/** Open a new segment for a stream. Returns it, or -1. */
function newSeg(c: i32, stream: i32): i32 {
  let s: i32 = ld(c + ST_FREE_SEG) - 1;
  if (s >= 0) st(c + ST_FREE_SEG, seg(c, s, SG_NEXT));
  else {
    s = ld(c + ST_FRESH_SEG);
    const shift = SEG_RECORD_SHIFT;
    if (s >= ld(c + ST_NR_SEGS) || ensureMeta(c, ld(c + ST_SEGS) + (s << shift), 1 << shift) < 0) return -1;
    add(c + ST_FRESH_SEG, 1);
    if (s < ld(c + ST_LEFT_SEGS)) zapPages(ld(c + ST_DATA_VMA), firstVpn(c, s), 1 << ld(c + ST_SEG_SHIFT));
  }
  countUsed(c, s, 1);
  const p = segAddr(c, s);
  st(p + SG_STATE, SEG_OPEN);
  st(p + SG_STREAM, ((ld(p + SG_STREAM) + 256) & ~255) | stream);
  st(p + SG_USED, 0);
  st(p + SG_ITEMS, 0);
  st(p + SG_LIVE, 0);
  st(p + SG_HEADS, 0);
  st(p + SG_CURSOR, 0);
  st(p + SG_FLAGS, 0);
  stf(p + SG_EXPIRY, 0);
  st(p + SG_NEXT, 0);
  for (let i: i32 = 0; i < 1 << ld(c + ST_SEG_SHIFT); i++) st(p + SG_PAGES + (i << 2), PAGE_GRANULES);
  st(c + ST_OPEN + (stream << 2), s + 1);
  return s;
}

/** Whether less than an eighth of all segments are not in use; of those some may wait for the scrubber. */
export function fewSegments(c: i32): boolean {
  const all = ld(c + ST_NR_SEGS);
  const spare = all >> 3;
  if (ld(c + ST_FRESH_SEG) < all - spare) return false;
  let used: i32 = 0;
  for (let part: i32 = 0; part < LOG_PARTS; part++) used += ld(c + ST_PART_SEGS + (part << 2));
  return used > all - spare;
}
/** Whether no segment can be begun before the scrubber has set one free. */
export function noSegment(c: i32): boolean {
  return ld(c + ST_FREE_SEG) === 0 && ld(c + ST_FRESH_SEG) >= ld(c + ST_NR_SEGS);
}
/** Log page `page` is there now. */
function countPageIn(c: i32, page: i32): void {
  const counts = pageCounts(c, page);
  // The engine has dropped it, has not said so yet, and it has come back.
  if ((counts & PAGE_HELD) !== 0) return;
  setPageCounts(c, page, counts | PAGE_HELD);
  add(c + ST_LOG_HELD, 1);
}
/** Log page `page` is no longer there. Of one that the engine has dropped it may be found out before the engine says so, and after that again. */
export function countPageOut(c: i32, page: i32): void {
  const counts = pageCounts(c, page);
  if ((counts & PAGE_HELD) !== 0) add(c + ST_LOG_HELD, -1);
  if ((counts & PAGE_SUNK) !== 0) add(c + ST_SUNK_PAGES, -1);
  setPageCounts(c, page, 0);
}
/** A closed segment's pages have gone to swap, all that were there. */
export function countSunk(c: i32, s: i32): void {
  const p = segAddr(c, s);
  const vpn = firstVpn(c, s);
  const first = s << ld(c + ST_SEG_SHIFT);
  let pages: i32 = 0;
  for (let i: i32 = 0; i < 1 << ld(c + ST_SEG_SHIFT); i++) {
    if (pte(vpn + i) === 0) continue;
    setPageCounts(c, first + i, pageCounts(c, first + i) | PAGE_SUNK);
    pages++;
  }
  st(p + SG_STATE, SEG_SUNK);
  st(p + SG_FLAGS, (ld(p + SG_FLAGS) & 3) | (ld(c + ST_NOW) & ~3));
  add(c + ST_SUNK_PAGES, pages);
  add(c + ST_SUNK_LIVE, ld(p + SG_LIVE));
  add(c + ST_SUNK_ITEMS, ld(p + SG_ITEMS));
}
/** Give back a page of the log, if it is there. */
export function zapLogPage(c: i32, vpn: i32): void {
  countPageOut(c, vpn - ld(c + ST_DATA_START));
  if (pte(vpn) !== 0) zapPages(ld(c + ST_DATA_VMA), vpn, 1);
}
/** Give back a segment that holds nothing any more, and its pages. */
export function releaseSeg(c: i32, s: i32): void {
  closeSeg(c, s);
  cancelTimer(c, s);
  countUsed(c, s, -1);
  const p = segAddr(c, s);
  // Where pages were lost, what was reckoned for them may be off by a little.
  add(c + ST_LOG_LIVE, -ld(p + SG_LIVE));
  add(c + ST_HEADS, -ld(p + SG_HEADS));
  const pages = 1 << ld(c + ST_SEG_SHIFT);
  const vpn = firstVpn(c, s);
  const written = (ld(p + SG_USED) + 4095) >>> 12;
  for (let i: i32 = ld(p + SG_CURSOR) >>> 9; i < written; i++) {
    if (pte(vpn + i) === 0) st(p + SG_FLAGS, ld(p + SG_FLAGS) | SEG_TORN);
  }
  for (let i: i32 = 0; i < pages; i++) zapLogPage(c, vpn + i);
  if (ld(p + SG_STATE) === SEG_SUNK) {
    add(c + ST_SUNK_LIVE, -ld(p + SG_LIVE));
    add(c + ST_SUNK_ITEMS, -ld(p + SG_ITEMS));
  }
  if ((ld(p + SG_FLAGS) & SEG_TORN) === 0) {
    freeSeg(c, s);
    return;
  }
  st(p + SG_STATE, SEG_QUARANTINE);
  st(p + SG_FLAGS, ld(p + SG_FLAGS) & 3);
  st(p + SG_CURSOR, ld(c + ST_SCRUB_PASS));
  st(p + SG_NEXT, ld(c + ST_QUARANTINED));
  st(c + ST_QUARANTINED, s + 1);
}
/** A segment that nothing names any more may be used again. */
export function freeSeg(c: i32, s: i32): void {
  setSeg(c, s, SG_STATE, SEG_FREE);
  setSeg(c, s, SG_NEXT, ld(c + ST_FREE_SEG));
  st(c + ST_FREE_SEG, s + 1);
}

/** An item of `granules` granules now lies at `loc`. */
export function countIn(c: i32, loc: i32, granules: i32, expiry: f64): void {
  const page = (loc - 1) >>> 9;
  const s = page >>> ld(c + ST_SEG_SHIFT);
  addSeg(c, s, SG_ITEMS, 1);
  addSeg(c, s, SG_LIVE, granules);
  add(c + ST_LOG_LIVE, granules);
  const info = pageInfo(c, page);
  const first = info & 0xffff;
  setPageInfo(c, page, ((info & ~0xffff) + 0x10000) | (first === PAGE_GRANULES ? (loc - 1) & 511 : first));
  if (seg(c, s, SG_STATE) === SEG_SUNK) {
    add(c + ST_SUNK_LIVE, granules);
    add(c + ST_SUNK_ITEMS, 1);
  }
  noteExpiry(c, s, expiry);
}
/** The item at `loc`, which has a body, is so many granules more of its segment. */
export function countHead(c: i32, loc: i32, granules: i32): void {
  addSeg(c, ((loc - 1) >>> 9) >>> ld(c + ST_SEG_SHIFT), SG_HEADS, granules);
  add(c + ST_HEADS, granules);
}
/** A dead item now lies at `loc`: if it is the first on its page, cleaning must start there. */
export function countSkipped(c: i32, loc: i32): void {
  const page = (loc - 1) >>> 9;
  const info = pageInfo(c, page);
  if ((info & 0xffff) === PAGE_GRANULES) setPageInfo(c, page, (info & ~0xffff) | ((loc - 1) & 511));
}
/** The item at `loc` lives there no longer. */
export function countOut(c: i32, loc: i32, granules: i32): void {
  const page = (loc - 1) >>> 9;
  const s = page >>> ld(c + ST_SEG_SHIFT);
  addSeg(c, s, SG_ITEMS, -1);
  addSeg(c, s, SG_LIVE, -granules);
  add(c + ST_LOG_LIVE, -granules);
  setPageInfo(c, page, pageInfo(c, page) - 0x10000);
  if (seg(c, s, SG_STATE) !== SEG_SUNK) return;
  add(c + ST_SUNK_LIVE, -granules);
  add(c + ST_SUNK_ITEMS, -1);
}
