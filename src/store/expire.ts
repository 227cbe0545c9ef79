/**
 * Expiry. What has expired goes by itself when its grace is over, a bounded part at each call; before that, it is the first
 * to go when somebody needs room, whatever else shares its segment.
 */
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { clock, pte } from "../mm/layout.ts";
import { ld, ldf, st } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { bring } from "./bring.ts";
import { ALL, cleanSegPage, DROP_WORST, dropItem, droppedItems, KEEP_ALL, startCount } from "./clean.ts";
import { BIT_DEAD, BIT_TTL, bits, END_OF_PAGE, expiryOf, hasExpired, I_LENGTH, inlineGranules } from "./item.ts";
import {
  locAddr,
  PAGE_GRANULES,
  pageInfo,
  SG_CURSOR,
  SG_ITEMS,
  SG_LIVE,
  SG_USED,
  ST_BUSY,
  ST_NEXT_EXPIRY,
  ST_NOW,
  ST_SEG_SHIFT,
  ST_SWEPT,
  ST_SWEPT_AT,
  seg,
  vpnOfLoc,
} from "./layout.ts";
import { zapLogPage } from "./log.ts";
import { losePage } from "./present.ts";
import { releaseIfEmpty } from "./remove.ts";
import { cancelTimer, firstDue, firstRipe, isRipe, reclaimTime, ripen, setDue, unripe } from "./timers.ts";

/** Segments that one call looks at, at most. */
const LOOKS: i32 = 64;
/** Items that have not expired that are looked at for one request, about; and how many a page counts for that is read from swap. */
const MOST_LIVE: i32 = 8192;
const READ_COST: i32 = 256;

/** Drop what has expired and is not kept for grace, about `most` items. Returns 1 if there may be more. */
export function expire(c: i32, most: i32): i32 {
  if (clock() < ldf(c + ST_NEXT_EXPIRY) || ld(c + ST_BUSY) !== 0) return 0;
  startCount(DROP_WORST);
  let left: i32 = most;
  for (let i: i32 = 0; i < LOOKS && left > 0; i++) {
    if (clock() < ldf(c + ST_NEXT_EXPIRY)) return 0;
    const s = firstDue(c);
    const time = reclaimTime(c, s);
    if (!isRipe(c, s)) ripen(c, s);
    else if (time > clock()) setDue(c, s, time);
    else {
      let more: i32 = 1;
      while (more !== 0 && left > 0) {
        more = cleanSegPage(c, s, left) ? 1 : 0;
        left = most - droppedItems();
      }
    }
  }
  return clock() < ldf(c + ST_NEXT_EXPIRY) ? 0 : 1;
}

/**
 * Somebody needs room: drop what has expired, `drops` items at most. Returns whether anything had, of as much as is looked at for one request:
 * where most lives began anew, there may be any number of segments in which little has expired, or nothing.
 */
export function dropExpired(c: i32, drops: i32): boolean {
  if (ld(c + ST_SWEPT_AT) !== ld(c + ST_NOW)) {
    st(c + ST_SWEPT_AT, ld(c + ST_NOW));
    st(c + ST_SWEPT, 0);
  }
  while (ld(c + ST_SWEPT) < MOST_LIVE) {
    const s = nextRipe(c);
    if (s < 0) return false;
    live = 0;
    const any = sweep(c, s, drops) > 0;
    st(c + ST_SWEPT, ld(c + ST_SWEPT) + live);
    if (any) return true;
  }
  return false;
}
/** A segment in which something may have expired; -1 = there is none. */
function nextRipe(c: i32): i32 {
  const s = firstRipe(c);
  if (s >= 0 || clock() < ldf(c + ST_NEXT_EXPIRY)) return s;
  const due = firstDue(c);
  ripen(c, due);
  return due;
}

// What a sweep has found, and what it looked at that had not expired.
let live: i32 = 0;
let swept: i32 = 0;
let remain: boolean = false;
let first: f64 = Infinity;

/** Drop what has expired in a segment, `drops` items at most. Returns how many. */
function sweep(c: i32, s: i32, drops: i32): i32 {
  const pages = (seg(c, s, SG_USED) + 4095) >>> 12;
  swept = 0;
  remain = false;
  first = Infinity;
  // Its pages are given back when it has been gone through, not meanwhile.
  st(c + ST_BUSY, 1);
  for (let page: i32 = seg(c, s, SG_CURSOR) >>> 9; page < pages && !remain; page++) sweepPage(c, s, page, drops);
  st(c + ST_BUSY, 0);
  if (seg(c, s, SG_ITEMS) === 0) {
    unripe(c, s);
    cancelTimer(c, s);
    releaseIfEmpty(c, ((s << ld(c + ST_SEG_SHIFT)) << 9) + 1);
  } else if (!remain) {
    unripe(c, s);
    if (first === Infinity) cancelTimer(c, s);
    else setDue(c, s, first);
    // Where much of it is free now, the rest moves together, as what is needed is pages.
    if (drops === ALL && swept > 0 && seg(c, s, SG_LIVE) << 3 < seg(c, s, SG_USED) - (seg(c, s, SG_USED) >> 2)) {
      startCount(KEEP_ALL);
      let more: i32 = 1;
      while (more !== 0) more = cleanSegPage(c, s, ALL) ? 1 : 0;
    }
  }
  return swept;
}
function sweepPage(c: i32, s: i32, page: i32, drops: i32): void {
  const logPage = (s << ld(c + ST_SEG_SHIFT)) + page;
  const vpn = vpnOfLoc(c, (logPage << 9) + 1);
  if (pte(vpn) === 0) return;
  live += (pte(vpn) & PTE_PRESENT) !== 0 ? 1 : READ_COST;
  if (!bring(c, (logPage << 9) + 1)) {
    zapLogPage(c, vpn);
    losePage(c, logPage);
    return;
  }
  const pinned = pinPage(vpn);
  const base = locAddr(c, (logPage << 9) + 1);
  const used = (seg(c, s, SG_USED) - (page << 12)) >>> 3;
  const end = used < PAGE_GRANULES ? used : PAGE_GRANULES;
  const cursor = page === seg(c, s, SG_CURSOR) >>> 9 ? seg(c, s, SG_CURSOR) & 511 : 0;
  for (let g: i32 = cursor !== 0 ? cursor : pageInfo(c, logPage) & 0xffff; g < end; ) {
    const item = base + (g << 3);
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    const size = inlineGranules(item);
    if ((bits(item) & BIT_DEAD) === 0) {
      if (!hasExpired(item)) {
        live++;
        if ((bits(item) & BIT_TTL) !== 0 && expiryOf(item) < first) first = expiryOf(item);
      } else if (swept < drops) {
        dropItem(c, (logPage << 9) + g + 1, item);
        swept++;
      } else {
        remain = true;
        break;
      }
    }
    g += size;
  }
  unpinFrame(pinned);
}
