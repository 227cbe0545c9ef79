/**
 * A search without the memory's lock, for a thread that shares it: it changes nothing but the thread's own lane of the segment, and what it finds
 * counts only if nobody had the lock from before its first load to after its last. The number of turns that the lock has had tells: it is odd
 * while somebody has it, and never what it was before (a sequence lock, as Linux's seqlock.h has it).
 *
 * What it reads may be half changed, or no store any more. So it believes nothing: it goes round no circle, copies no more than the lane has
 * room for, and may be led to any address; where that is none, a load ends in a trap, which its caller takes for an answer like others.
 *
 * It finds what a get has nothing else to do with but to give it: a value of up to a page, on the first node, that has not expired. All
 * else is left to who takes the lock. Of the hits the store learns when somebody has it ({@link storeSeen}).
 */
import { folioHead, folioNid } from "../mm/folio.ts";
import {
  clock,
  frameAddr,
  H_NR_NODES,
  hdr,
  LANE_KEY,
  LANE_NOTES,
  LANE_OUT,
  LANE_RING,
  LANE_VALUE,
  pte,
  turnsAddr,
} from "../mm/layout.ts";
import { copyShort, ld, ldf, ldfOrdered, st, toI32 } from "../mm/machine.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { countHit, noteAccess } from "./access.ts";
import { bucketAddr, bucketOf, locAt, nextLine, SLOTS, tagAt, tagOf } from "./directory.ts";
import { onOnePage, whole } from "./find.ts";
import { noteRequest, passTime } from "./guard.ts";
import { hashKey } from "./hash.ts";
import { touchPage } from "./heat.ts";
import { lastAge, noteHit } from "./history.ts";
import {
  BIT_BODY,
  BIT_TTL,
  bits,
  hasExpired,
  headBytes,
  I_BITS,
  I_HASH,
  I_LAST,
  I_LENGTH,
  inlineGranules,
  KEY_KIND_SHIFT,
  KEY_LENGTH_MASK,
  KEY_MASK,
  keyOffset,
  ttlOffset,
} from "./item.ts";
import { addf, controlOf, locAddr, ST_ITEMS, ST_NR_GHOSTS, ST_TIER_HITS, vpnOfLoc } from "./layout.ts";
import { isPresent } from "./present.ts";
import { setAccessed } from "./read.ts";
import { countAge } from "./sampled.ts";

/** There is nothing to be found without the lock. */
export const NO_GLIMPSE: i32 = -1;
/** Somebody had the lock meanwhile. */
export const DISTURBED: i32 = -2;

/** Entries of a cache under which each get matters for what goes next: what others have got is heard of before each operation. */
export const SMALL: i32 = 1024;
/**
 * Of a cache that is not small, while nothing was ever dropped from it, one hit in so many (a power of two) is learned from; the others are counted. What is learned
 * decides nothing as long as nothing has to go, and to write it costs other threads the lines that they read items from.
 */
const THIN: i32 = 4;
/** Lines of a bucket that are looked at: more than the index lets any have, but not for ever. */
const MOST_LINES: i32 = 64;

/**
 * Find the key in the lane at byte address `lane`; `key` is its length and kind. Returns the bytes of the value, which are in the lane
 * then, location, bits and hash in its words; or one of the two above. `time`: now, or 0 if it is not known, for items with a time to live.
 */
export function storeGlimpse(meta: i32, key: i32, lane: i32, time: f64): i32 {
  const turns = ldfOrdered(turnsAddr());
  if ((toI32(turns) & 1) !== 0) return DISTURBED;
  const length = search(controlOf(meta), key, lane, time);
  return ldfOrdered(turnsAddr()) === turns ? length : DISTURBED;
}
function search(c: i32, key: i32, lane: i32, time: f64): i32 {
  const hash = hashKey(c, lane + LANE_KEY, key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT);
  const tag = tagOf(c, hash);
  const pair = tag | (tag << 16);
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  for (let n: i32 = 0; line !== 0 && n < MOST_LINES; n++) {
    for (let w: i32 = 0; w < 5; w++) {
      const x = ld(line + (w << 2)) ^ pair;
      if ((x & 0xffff) === 0 && isIt(c, locAt(line, w << 1), hash, key, lane))
        return take(c, locAt(line, w << 1), lane, time);
      if (x >>> 16 === 0 && isIt(c, locAt(line, (w << 1) | 1), hash, key, lane))
        return take(c, locAt(line, (w << 1) | 1), lane, time);
    }
    line = nextLine(c, line);
  }
  return NO_GLIMPSE;
}
/** The address of the item that was compared last. */
let item: i32 = 0;

/** The address of a page on the first node; 0: it is not there. */
function nearPage(vpn: i32): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) === 0) return 0;
  // With one node there is no need to look at the frame.
  return hdr(H_NR_NODES) === 1 || folioNid(folioHead(pteIndex(p))) === 0 ? frameAddr(pteIndex(p)) : 0;
}

function isIt(c: i32, loc: i32, hash: i32, key: i32, lane: i32): boolean {
  if (loc === 0) return false;
  const page = nearPage(vpnOfLoc(c, loc));
  if (page === 0) return false;
  item = page + (((loc - 1) & 511) << 3);
  const w = ld(item + I_BITS);
  if (ld(item + I_HASH) !== hash || (w & KEY_MASK) !== key) return false;
  const at = item + keyOffset(w);
  const words = ((key & KEY_LENGTH_MASK) + 3) & ~3;
  for (let i: i32 = 0; i < words; i += 4) if (ld(at + i) !== ld(lane + LANE_KEY + i)) return false;
  return true;
}
/** The item's value, to the lane. */
function take(c: i32, loc: i32, lane: i32, time: f64): i32 {
  const w = ld(item + I_BITS);
  const length = ld(item + I_LENGTH);
  const head = headBytes(w);
  const from = (((loc - 1) & 511) << 3) + head;
  if ((w & BIT_BODY) !== 0 || length < 0 || length > 4096 || from > 4096) return NO_GLIMPSE;
  if ((w & BIT_TTL) !== 0) {
    const at = item + ttlOffset(w);
    // Others may have been told a later time since this thread has read its own, and that it has expired.
    const now = clock() > time ? clock() : time;
    if (time === 0 || ldf(at) + ldf(at + 8) <= now) return NO_GLIMPSE;
  }
  const here = from + length <= 4096 ? length : 4096 - from;
  copyShort(lane + LANE_VALUE, item + head, here);
  if (here < length) {
    const more = nearPage(vpnOfLoc(c, loc) + 1);
    if (more === 0) return NO_GLIMPSE;
    copyShort(lane + LANE_VALUE + here, more, length - here);
  }
  st(lane + LANE_OUT, loc);
  st(lane + LANE_OUT + 4, length);
  st(lane + LANE_OUT + 8, w);
  st(lane + LANE_OUT + 12, ld(item + I_HASH));
  return length;
}

/**
 * With the lock: hits that a lane has noted, from the `from`-th to the one before `to`, all of this store. With `quiet` nothing is done that a
 * search without the lock may meet: it stops at the first that takes more. Returns how far it came.
 */
export function storeSeen(meta: i32, lane: i32, from: i32, to: i32, quiet: i32): i32 {
  const c = controlOf(meta);
  setAccessed(0);
  const thin = ld(c + ST_NR_GHOSTS) === 0 && ld(c + ST_ITEMS) >= SMALL;
  for (let i: i32 = from; i !== to; i = (i + 1) | 0) {
    const entry = lane + LANE_RING + ((i & (LANE_NOTES - 1)) << 4);
    const hash = ld(entry + 8);
    if (thin && (i & (THIN - 1)) !== 0) {
      passTime(c);
      addf(c + ST_TIER_HITS, 1);
    } else if (isWhereItWas(c, hash, ld(entry + 12))) noteHere(c, ld(entry + 12));
    else if (quiet !== 0) return i;
    else if (!note(c, hash)) addf(c + ST_TIER_HITS, 1);
  }
  return to;
}
/** Whether the item of this hash still is at `loc`, to be found as it was. */
function isWhereItWas(c: i32, hash: i32, loc: i32): boolean {
  const tag = tagOf(c, hash);
  const pair = tag | (tag << 16);
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  while (line !== 0) {
    for (let w: i32 = 0; w < 5; w++) {
      const x = ld(line + (w << 2)) ^ pair;
      const low = (x & 0xffff) === 0 && locAt(line, w << 1) === loc;
      if (low || (x >>> 16 === 0 && locAt(line, (w << 1) | 1) === loc)) return isNear(c, hash, loc);
    }
    line = nextLine(c, line);
  }
  return false;
}
function isNear(c: i32, hash: i32, loc: i32): boolean {
  const page = nearPage(vpnOfLoc(c, loc));
  if (page === 0) return false;
  const there = page + (((loc - 1) & 511) << 3);
  if (ld(there + I_HASH) !== hash || (bits(there) & BIT_BODY) !== 0 || hasExpired(there)) return false;
  if (onOnePage(loc, there)) return true;
  return ((loc - 1) & 511) + inlineGranules(there) <= 1024 && nearPage(vpnOfLoc(c, loc) + 1) !== 0;
}
/** What an access to an item on the first node comes to (access.ts): no more than its history, and what is learned of it. */
function noteHere(c: i32, loc: i32): void {
  const there = locAddr(c, loc);
  passTime(c);
  markUsed(vpnOfLoc(c, loc));
  if (!onOnePage(loc, there)) markUsed(vpnOfLoc(c, loc) + 1);
  noteRequest(c, (ld(there + I_LENGTH) + 7) >>> 3, true, ld(there + I_LAST), true);
  noteHit(c, there);
  addf(c + ST_TIER_HITS, 1);
  countAge(c, lastAge(), bytesOf(there));
}
/** Of an item's key and value. */
function bytesOf(there: i32): i32 {
  return ld(there + I_LENGTH) + (bits(there) & KEY_LENGTH_MASK);
}
function markUsed(vpn: i32): void {
  if ((pte(vpn) & PTE_ACCESSED) === 0) touchPage(vpn);
}
/** It has moved, or gone. */
function note(c: i32, hash: i32): boolean {
  const tag = tagOf(c, hash);
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      const loc = locAt(line, slot);
      // What has gone to swap meanwhile is not read for that.
      if (loc === 0 || tagAt(line, slot) !== tag || !isPresent(c, loc)) continue;
      const there = locAddr(c, loc);
      if (ld(there + I_HASH) !== hash) continue;
      const at = line + 20 + (slot << 2);
      const bytes = bytesOf(there);
      if (hasExpired(there) || !whole(c, loc, at) || noteAccess(c, loc, at) === 0) return false;
      countHit(c, 1);
      countAge(c, lastAge(), bytes);
      return true;
    }
    line = nextLine(c, line);
  }
  return false;
}
