/** An item that would be among the next to go, for who wants to take one out (cache.pop). */

import { clock } from "../mm/layout.ts";
import { ld, ldf, st } from "../mm/machine.ts";
import { randomItem, slotOf } from "./directory.ts";
import { loseHead } from "./find.ts";
import { BIT_DEAD, bits, END_OF_PAGE, hasExpired, I_HASH, I_LENGTH, inlineGranules } from "./item.ts";
import {
  locAddr,
  pageInfo,
  pageOfLoc,
  SEG_CLOSED,
  SEG_OPEN,
  SEG_SUNK,
  SG_EXPIRY,
  SG_ITEMS,
  SG_STATE,
  ST_FRESH_SEG,
  ST_ITEMS,
  ST_SEG_SHIFT,
  ST_VICTIM_HAND,
  seg,
  segAddr,
} from "./layout.ts";
import { nextUsed } from "./log.ts";
import { look } from "./present.ts";
import { score } from "./rank.ts";

/** Items looked at for each choice. */
const CANDIDATES: i32 = 16;
/** Segments in use that are searched for one that holds anything: nearly all do. */
const SEARCH: i32 = 4096;
/** Records of segments, and items, that are looked at for one that has not expired: so many take about a millisecond. */
const WORK: i32 = 1 << 16;

/** Items that {@link firstItem} has gone through, and what is left of {@link WORK}. */
let passed: i32 = 0;
let work: i32 = 0;

/** An item that would be among the next to go; 0 = there is none. */
export function pickVictim(c: i32): i32 {
  if (ld(c + ST_ITEMS) === 0) return 0;
  let best: i32 = 0;
  let least: i32 = 0x7fffffff;
  let found: i32 = 0;
  for (let i: i32 = 0; i < 6 * CANDIDATES && found < CANDIDATES; i++) {
    const loc = randomItem(c);
    if (loc === 0) continue;
    const item = locAddr(c, loc);
    if ((bits(item) & BIT_DEAD) !== 0) continue;
    found++;
    const w = score(c, item);
    if (w >= least) continue;
    least = w;
    best = loc;
  }
  return best !== 0 ? best : anyItem(c);
}
/** Any item, where few are left or their pages are in swap: the first of the next segment that holds one. */
function anyItem(c: i32): i32 {
  let s: i32 = ld(c + ST_VICTIM_HAND);
  for (let i: i32 = 0; i < SEARCH; i++) {
    s = nextUsed(c, s);
    if (s < 0) return 0;
    const loc = seg(c, s, SG_ITEMS) > 0 ? firstItem(c, s, false) : 0;
    if (loc !== 0) {
      st(c + ST_VICTIM_HAND, s);
      return loc;
    }
    s++;
  }
  return 0;
}
/** The first live item of a segment, with `fresh` the first that has not expired; 0 if all of them turn out to be lost, or to have. */
function firstItem(c: i32, s: i32, fresh: boolean): i32 {
  for (let page: i32 = 0; page < 1 << ld(c + ST_SEG_SHIFT); page++) {
    const logPage = (s << ld(c + ST_SEG_SHIFT)) + page;
    if (pageInfo(c, logPage) >>> 16 === 0) continue;
    let loc: i32 = (logPage << 9) + (pageInfo(c, logPage) & 0xffff) + 1;
    let item: i32 = look(c, loc);
    if (item === 0) {
      loseHead(c, loc);
      continue;
    }
    // What has gone since the page went to swap is not marked there (bring.ts).
    let left: i32 = pageInfo(c, logPage) >>> 16;
    while (left > 0 && pageOfLoc(loc) === logPage && ld(item + I_LENGTH) !== END_OF_PAGE) {
      if ((bits(item) & BIT_DEAD) === 0 && slotOf(c, ld(item + I_HASH), loc) !== 0) {
        if (!fresh || !hasExpired(item)) return loc;
        left--;
      }
      const size = inlineGranules(item);
      loc += size;
      item += size << 3;
      passed++;
    }
  }
  return 0;
}

/**
 * An item that has not expired, where those picked at random all have: of a segment that says that something in it will expire later, or never. 0
 * = none was found with so much work that it takes about a millisecond, what was done for those before included if it goes `on` from them; the
 * next search goes on from there.
 */
export function pickFresh(c: i32, on: boolean): i32 {
  const n = ld(c + ST_FRESH_SEG);
  const now = clock();
  let s: i32 = ld(c + ST_VICTIM_HAND);
  let found: i32 = 0;
  if (!on) work = WORK;
  for (let i: i32 = n; i > 0 && work > 0 && found === 0; i--) {
    if (s >= n) s = 0;
    const p = segAddr(c, s);
    work--;
    if (ld(p + SG_ITEMS) > 0 && inUse(ld(p + SG_STATE)) && ldf(p + SG_EXPIRY) > now) {
      passed = 0;
      found = firstItem(c, s, true);
      work -= passed;
    }
    if (found === 0) s++;
  }
  st(c + ST_VICTIM_HAND, s);
  return found;
}
function inUse(state: i32): boolean {
  return state === SEG_OPEN || state === SEG_CLOSED || state === SEG_SUNK;
}
