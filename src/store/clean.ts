/**
 * Cleaning: going through a page of a segment, item by item. What is worth keeping is carried forward to a fresh segment of
 * its like; the rest is dropped, and the page given back. So the heat that counts is each item's own, though space is
 * reclaimed by the page.
 */
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { clock, pte } from "../mm/layout.ts";
import { copyBytes, hostEvict, ld, ldf, st } from "../mm/machine.ts";
import { FAULT_READ, fault } from "../mm/mm.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { slotDevice } from "../mm/swap.ts";
import { freeBody, setBodyOwner } from "./body.ts";
import { bucketAddr, bucketOf, slotOf } from "./directory.ts";
import { addGhost, ghostLine } from "./ghost.ts";
import {
  BIT_BODY,
  BIT_DEAD,
  BIT_TTL,
  bits,
  bodyPages,
  freq,
  gap,
  HEAD_BYTES,
  headBytes,
  I_BODY,
  I_HASH,
  I_LAST,
  I_LENGTH,
  inlineBytes,
  inlineGranules,
  setBits,
  ttlOffset,
} from "./item.ts";
import {
  add,
  addf,
  FLAG_TELL,
  locAddr,
  NR_BANDS,
  PAGE_GRANULES,
  pageInfo,
  SEG_CLOSED,
  SEG_OPEN,
  SG_CURSOR,
  SG_HEADS,
  SG_ITEMS,
  SG_LIVE,
  SG_STATE,
  SG_STREAM,
  SG_TORN,
  SG_USED,
  ST_BODIES,
  ST_BUSY,
  ST_CARRIED,
  ST_CARRIED_BYTES,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_DROPPED,
  ST_EXPIRED,
  ST_FLAGS,
  ST_HEADS,
  ST_ITEMS,
  ST_LOG_LIVE,
  ST_LOST,
  ST_META_START,
  ST_ORPHANS,
  ST_SEG_SHIFT,
  ST_THETA,
  STREAM_BANDS,
  STREAM_TTL,
  seg,
  segAddr,
  setPageInfo,
  setSeg,
  vpnOfLoc,
} from "./layout.ts";
import {
  closeSeg,
  countHead,
  countIn,
  countOut,
  countSkipped,
  END_OF_PAGE,
  releaseSeg,
  reserve,
  zapLogPage,
} from "./log.ts";
import { ONE } from "./log2.ts";
import { NO_THETA, score } from "./rank.ts";

/** Live granules of the log for each band of heat that is told apart: a small log has few. */
const BAND_GRANULES: i32 = 16 * 512;
/** A band of heat is this wide, in the scores' logarithms: a factor of 1.96. */
const BAND_WIDTH: i32 = 63626;
/** No bound to the items dropped. */
export const ALL: i32 = 0x7fffffff;
/** Why an item goes, for the host (cache/cache-core.ts). */
export const GONE_EVICTED: i32 = 0;
export const GONE_EXPIRED: i32 = 1;

/** When an item expires, ms; Infinity if never. */
export function expiryOf(item: i32): f64 {
  const w = bits(item);
  if ((w & BIT_TTL) === 0) return Infinity;
  const at = item + ttlOffset(w);
  return ldf(at) + ldf(at + 8);
}

/** Take the item at `loc` out, index slot and all. Its bytes stay until its page is cleaned. */
export function removeItem(c: i32, loc: i32, item: i32, slot: i32): void {
  st(slot, 0);
  add(c + ST_ITEMS, -1);
  countOut(c, loc, inlineGranules(item));
  const nr = bodyPages(item);
  setBits(item, bits(item) | BIT_DEAD);
  if (nr === 0) return;
  add(c + ST_BODIES, -nr);
  countHead(c, loc, -inlineGranules(item));
  freeBody(c, ld(item + I_BODY), nr);
}
/** Give a closed segment back at once when its last item is gone. */
export function releaseIfEmpty(c: i32, loc: i32): void {
  if (ld(c + ST_BUSY) !== 0) return;
  const s = ((loc - 1) >>> 9) >>> ld(c + ST_SEG_SHIFT);
  const state = seg(c, s, SG_STATE);
  if ((state === SEG_OPEN || state === SEG_CLOSED) && seg(c, s, SG_ITEMS) === 0) releaseSeg(c, s);
}

// What cleaning has come to since startCount().
let keepAll: boolean = false;
let items: i32 = 0;
let looked: i32 = 0;
let dropped: i32 = 0;

/** Begin to count; with `all`, nothing is dropped but what has expired. */
export function startCount(all: boolean): void {
  keepAll = all;
  items = 0;
  looked = 0;
  dropped = 0;
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
  const held = pinPage(vpn);
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
  unpinFrame(held);
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
  touched = sum;
}
let touched: i32 = 0;
/** What was touched; so that it is not found to be of no use, and left out. */
export function lastTouched(): i32 {
  return touched;
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
    if (keep && carry(c, large || stream >= STREAM_TTL ? stream : bandOf(c, worth), loc, item, slot)) return 0;
    if (!large) dropped += granules;
    remember(c, item);
  }
  items++;
  leave(c, loc, item, slot, expired);
  return 1;
}
/** Drop an item whose head is present: it becomes a ghost. */
export function dropItem(c: i32, loc: i32, item: i32): void {
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0) return;
  const expired = hasExpired(item);
  if (!expired) remember(c, item);
  const held = pinPage(vpnOfLoc(c, loc));
  leave(c, loc, item, slot, expired);
  unpinFrame(held);
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
/** The stream of inline items that are worth so much: the first is for less than half of what the threshold asks. */
export function bandOf(c: i32, worth: i32): i32 {
  const theta = ld(c + ST_THETA);
  const bands = (ld(c + ST_LOG_LIVE) / BAND_GRANULES) | 0;
  const most = bands < 1 ? 0 : bands < NR_BANDS ? bands : NR_BANDS - 1;
  if (theta === NO_THETA) return STREAM_BANDS + (most > 1 ? 1 : most);
  let b: i32 = 0;
  for (let limit: i32 = theta - ONE; b < most && worth > limit; limit += BAND_WIDTH) b++;
  return STREAM_BANDS + b;
}
export function hasExpired(item: i32): boolean {
  return (bits(item) & BIT_TTL) !== 0 && expiryOf(item) <= clock();
}
/** Let the host have a last look at an item that goes. */
export function tell(c: i32, loc: i32, why: i32): void {
  if ((ld(c + ST_FLAGS) & FLAG_TELL) !== 0) hostEvict(ld(c + ST_META_START), loc, why);
}

/** Append an item that is at `loc`, on a page that is held, to a stream; its index slot follows. Returns whether there was room. */
export function carry(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const head = headBytes(bits(item));
  const bytes = head + inlineBytes(item);
  const granules = (bytes + 7) >>> 3;
  const made = reserve(c, stream, head, granules << 3);
  if (made === 0) return false;
  // Making room may have carried this very item already.
  if (ld(slot) !== loc) {
    abandon(c, made, granules);
    return false;
  }
  if (!copyItem(c, made, loc, bytes)) {
    abandon(c, made, granules);
    return false;
  }
  st(slot, made);
  countOut(c, loc, granules);
  countIn(c, made, granules, expiryOf(item));
  const nr = bodyPages(item);
  if (nr > 0) {
    countHead(c, loc, -granules);
    countHead(c, made, granules);
    setBodyOwner(c, ld(item + I_BODY), nr, made);
  }
  // What stays behind is no item any more.
  setBits(item, bits(item) | BIT_DEAD);
  addf(c + ST_CARRIED, 1);
  addf(c + ST_CARRIED_BYTES, bytes);
  return true;
}
/** What was reserved at `loc` holds no item after all: one that is dead, of the same size. */
function abandon(c: i32, loc: i32, granules: i32): void {
  if (!bring(c, loc)) {
    // What it would read as, if it came back after all, nobody knows.
    zapLogPage(c, vpnOfLoc(c, loc));
    losePage(c, (loc - 1) >>> 9);
    return;
  }
  const item = locAddr(c, loc);
  st(item + I_HASH, 0);
  st(item + I_LENGTH, (granules << 3) - HEAD_BYTES);
  setBits(item, BIT_DEAD);
  countSkipped(c, loc);
}
/** Copy `bytes` bytes between two places in the log. The page of `from` is held; others are fetched if they have to be. */
function copyItem(c: i32, to: i32, from: i32, bytes: i32): boolean {
  let done: i32 = 0;
  while (done < bytes) {
    const src = from + (done >>> 3);
    const dst = to + (done >>> 3);
    if (!bring(c, src)) return false;
    const held = pinPage(vpnOfLoc(c, src));
    const there = bring(c, dst);
    if (there) {
      let n: i32 = bytes - done;
      const a = (PAGE_GRANULES - ((src - 1) & 511)) << 3;
      const b = (PAGE_GRANULES - ((dst - 1) & 511)) << 3;
      if (n > a) n = a;
      if (n > b) n = b;
      copyBytes(locAddr(c, dst), locAddr(c, src), n);
      done += n;
    }
    unpinFrame(held);
    if (!there) return false;
  }
  return true;
}
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
  st(p + SG_TORN, 1);
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
  st(c + ST_ORPHANS, 1);
}
