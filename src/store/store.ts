/**
 * A store's operations, as a cache calls them. The key is in the key area (its tail padded with zeros to a whole word);
 * `key` is its length and kind. What an operation has to say beyond its result stands in the out area:
 *
 *   +0 location   +4 length of the value   +8 the item's bits   +12 address of the value if it lies in one piece, or -1
 *   +16 address of the key   +20 virtual page   +24 start f64   +32 time to live f64
 */
import { pte, refs, storeKeyAddr, storeOutAddr, storeValueAddr } from "../mm/layout.ts";
import { copyShort, hostSampled, ld, ldf, st, stf } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { outdate } from "./above.ts";
import { countHit, keepHistory, noteAccess, noteNear } from "./access.ts";
import { bodyVpn, nextPage } from "./body.ts";
import { bring } from "./bring.ts";
import { outdateCopy } from "./copies.ts";
import { slotOf } from "./directory.ts";
import { evictSome } from "./evict.ts";
import { expire } from "./expire.ts";
import { find, foundItem, foundSlot, HIT, loseHead, MISS, STALE, whole } from "./find.ts";
import { warmGhost } from "./ghost.ts";
import { passTime } from "./guard.ts";
import { hashKey } from "./hash.ts";
import { lastAge } from "./history.ts";
import {
  BIT_BELOW,
  BIT_BODY,
  BIT_DEAD,
  BIT_ROUND_UP,
  BIT_TTL,
  belowOffset,
  bits,
  expiryOf,
  HEAD_BYTES,
  hasExpired,
  I_BODY,
  I_HASH,
  I_LENGTH,
  inlineGranules,
  KEY_KIND_SHIFT,
  KEY_LENGTH_MASK,
  keyOffset,
  setBits,
  ttlOffset,
  VALUE_KIND_MASK,
  VALUE_KIND_SHIFT,
} from "./item.ts";
import {
  add,
  addf,
  controlOf,
  FLAG_TTL,
  locAddr,
  pageOfLoc,
  ST_FLAGS,
  ST_FRESH_SEG,
  ST_LOG_PAGES,
  ST_LOST,
  ST_MISSES,
  ST_SEG_SHIFT,
  ST_UNANSWERED,
  vpnOfLoc,
} from "./layout.ts";
import { giveBack, LEFT_TURN } from "./left.ts";
import { countPageOut, segBytes } from "./log.ts";
import { held } from "./meta.ts";
import { mayHold, place } from "./place.ts";
import { isPresent, look, losePage } from "./present.ts";
import { copyIn, copyNear, copyOut, describe, describeAt, lastAccessed, setAccessed } from "./read.ts";
import { loseBodyPage, releaseIfEmpty, removeItem } from "./remove.ts";
import {
  countAge,
  isSampled,
  isSampledOf,
  SAMPLED_AGE_SHIFT,
  SAMPLED_EXPIRED,
  SAMPLED_GET,
  SAMPLED_GONE,
  SAMPLED_SET,
} from "./sampled.ts";
import { SCRUB_BATCH, SCRUB_TURN, scrub } from "./scrub.ts";
import { ttlStream } from "./stream.ts";
import { noteExpiry } from "./timers.ts";
import { pickFresh, pickVictim } from "./victim.ts";

/** Misses that may be waiting for their values at once, as far as the policy's clock is concerned. */
const MAX_UNANSWERED: i32 = 1024;
/** Items that setting one, and one call of storeExpire(), drop at most because they have expired. */
const EXPIRE_AT_SET: i32 = 16;
const EXPIRE_AT_TICK: i32 = 1000;
/**
 * Bytes beside whole pages that stand with the head at most: what is left of their page would be less than the holes in segments of heads
 * come to for as many, and they would be copied each time that one of them goes.
 */
const MOST_REST: i32 = 3072;
/** The search is an access: it counts, and warms the item. */
export const AS_ACCESS: i32 = 1;
/** Copy the value to the value area, unless it has a body. */
export const WITH_VALUE: i32 = 2;
/** An expired item will do; looking for it as an access, it is a miss all the same. */
export const EVEN_STALE: i32 = 4;
/** An access begins the item's time to live anew, now. */
export const RENEW: i32 = 8;

export function storeHeld(meta: i32): i32 {
  return held(controlOf(meta));
}
/** A word of the control block. */
export function storeWord(meta: i32, field: i32): i32 {
  return ld(controlOf(meta) + field);
}
/** A counter of the control block. */
export function storeCount(meta: i32, field: i32): f64 {
  return ldf(controlOf(meta) + field);
}

/** Look a key up. Returns MISS, HIT or STALE. `time`: now, for RENEW. */
export function storeGet(meta: i32, key: i32, flags: i32, time: f64): i32 {
  const c = controlOf(meta);
  const hash = hashKey(c, storeKeyAddr(), key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT);
  const found = get(c, hash, key, flags, time);
  if ((flags & AS_ACCESS) === 0) return found;
  const length = ld(storeOutAddr() + 4) + (key & KEY_LENGTH_MASK);
  const age = found === HIT ? countAge(c, lastAge(), length) + 1 : 0;
  if (isSampledOf(c, hash, found === HIT ? ld(storeOutAddr() + 4) : -1)) {
    const bytes = found === HIT ? length : 0;
    hostSampled(meta, hash, bytes, (found === STALE ? SAMPLED_EXPIRED : SAMPLED_GET) | (age << SAMPLED_AGE_SHIFT));
  }
  return found;
}
function get(c: i32, hash: i32, key: i32, flags: i32, time: f64): i32 {
  setAccessed(0);
  const loc = find(c, hash, key);
  // Of most gets this is all.
  if (loc !== 0 && (flags & AS_ACCESS) !== 0 && (bits(foundItem()) & (BIT_TTL | BIT_BODY)) === 0) {
    const item = foundItem();
    if (noteNear(c, loc, item)) {
      countHit(c, 1);
      setAccessed(loc);
      if ((flags & WITH_VALUE) !== 0) copyNear(item);
      describeAt(loc, item);
      return HIT;
    }
  }
  if (loc === 0 || !whole(c, loc, foundSlot())) {
    if ((flags & AS_ACCESS) !== 0) noteMiss(c);
    return MISS;
  }
  const timed = (bits(foundItem()) & BIT_TTL) !== 0;
  const stale = timed && hasExpired(foundItem());
  let at: i32 = loc;
  if (timed && !stale && (flags & RENEW) !== 0 && !renew(c, loc, time)) {
    if ((flags & AS_ACCESS) !== 0) noteMiss(c);
    lose(c, loc);
    return MISS;
  }
  if (!stale && (flags & AS_ACCESS) !== 0) {
    at = noteAccess(c, loc, foundSlot());
    if (at === 0) {
      // Dropped, to make room for it further up.
      noteMiss(c);
      return MISS;
    }
    countHit(c, 1);
    setAccessed(at);
  } else if ((flags & AS_ACCESS) !== 0) noteMiss(c);
  if (
    (!stale || (flags & EVEN_STALE) !== 0) &&
    (look(c, at) === 0 || ((flags & WITH_VALUE) !== 0 && !copyOut(c, at)))
  ) {
    lose(c, at);
    return MISS;
  }
  describe(c, at);
  return stale ? STALE : HIT;
}
function noteMiss(c: i32): void {
  addf(c + ST_MISSES, 1);
  passTime(c);
  if (ld(c + ST_UNANSWERED) < MAX_UNANSWERED) add(c + ST_UNANSWERED, 1);
}
/** The item's time to live begins at `time`. Returns false if it cannot be had. */
function renew(c: i32, loc: i32, time: f64): boolean {
  if (!bring(c, loc)) return false;
  const item = locAddr(c, loc);
  outdate(item);
  stf(item + ttlOffset(bits(item)), time);
  noteExpiry(c, pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT), expiryOf(item));
  return true;
}

/** With the kind of value: the value is in the value area. */
export const FROM_AREA: i32 = 8;

/**
 * Store a value of `length` bytes, of the host's kind `kind`, under the key. Unless it is in the value area, the host writes
 * it afterwards, piece by piece or at the address in the out area. `ttl` 0: for ever. Returns its location;
 * 0 if there is no room, the old value being gone then too.
 */
export function storeSet(meta: i32, key: i32, length: i32, kind: i32, start: f64, ttl: f64): i32 {
  const c = controlOf(meta);
  const hash = hashKey(c, storeKeyAddr(), key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT);
  if (isSampledOf(c, hash, length)) hostSampled(meta, hash, length + (key & KEY_LENGTH_MASK), SAMPLED_SET);
  const loc = set(c, hash, key, length, kind & VALUE_KIND_MASK, start, ttl);
  if (loc === 0 || (kind & FROM_AREA) === 0) return loc;
  const address = ld(storeOutAddr() + 12);
  if (address !== -1) copyShort(address, storeValueAddr(), length);
  else if (!copyIn(controlOf(meta), loc, length)) {
    remove(controlOf(meta), loc);
    return 0;
  }
  return loc;
}
function set(c: i32, hash: i32, key: i32, length: i32, kind: i32, start: f64, ttl: f64): i32 {
  const want = key | (kind << VALUE_KIND_SHIFT) | (ttl > 0 ? BIT_TTL : 0) | shapeFor(c, key, length, ttl);
  if (!mayHold(c, want, length)) {
    forget(c, hash, key);
    return 0;
  }
  // Its fetch overlaps with the index's.
  warmGhost(c, hash);
  const old = find(c, hash, key);
  if (old !== 0) {
    const item = foundItem();
    if (
      ld(item + I_LENGTH) === length &&
      sameShape(bits(item), want) &&
      sameClass(item, ttl) &&
      whole(c, old, foundSlot()) &&
      !isHeld(c, old)
    ) {
      const at = noteAccess(c, old, foundSlot());
      // Room that was made for it may have sent it to swap.
      if (at !== 0 && !isHeld(c, at)) return overwrite(c, at, want, start, ttl);
    } else if (!isPresent(c, old)) keepHistory(c, item);
    forget(c, hash, key);
  }
  if (ld(c + ST_FLAGS) !== 0) expire(c, EXPIRE_AT_SET);
  scrub(c, SCRUB_BATCH);
  const made = place(c, hash, want, length, start, ttl);
  if (made === 0) return 0;
  copyShort(locAddr(c, made) + keyOffset(want), storeKeyAddr(), ((key & KEY_LENGTH_MASK) + 3) & ~3);
  return overwrite(c, made, want, start, ttl);
}
/** What the value's size makes of the item's bits: with a body, and of which kind. */
function shapeFor(c: i32, key: i32, length: i32, ttl: f64): i32 {
  const head = HEAD_BYTES + 8 + (ttl > 0 ? 16 : 0) + (((key & KEY_LENGTH_MASK) + 3) & ~3);
  if (length < 4096) return head + length + 7 <= segBytes(c) ? 0 : BIT_BODY | BIT_ROUND_UP;
  const rest = length & 4095;
  return rest <= MOST_REST && head + rest + 7 <= segBytes(c) ? BIT_BODY : BIT_BODY | BIT_ROUND_UP;
}
function sameShape(a: i32, b: i32): boolean {
  return ((a ^ b) & (BIT_TTL | BIT_BODY | BIT_ROUND_UP)) === 0;
}
/** Whether items that live as long as this one and `ttl` share segments. */
function sameClass(item: i32, ttl: f64): boolean {
  return ttl === 0 || ttlStream(ldf(item + ttlOffset(bits(item)) + 8)) === ttlStream(ttl);
}
/** Whether somebody holds a page that an overwrite would write to, or one of them is in swap. */
function isHeld(c: i32, loc: i32): boolean {
  if (!isFree(vpnOfLoc(c, loc))) return true;
  const item = locAddr(c, loc);
  const last = pageOfLoc(loc + inlineGranules(item) - 1);
  for (let page: i32 = pageOfLoc(loc); page <= last; page++) if (!isFree(vpnOfLoc(c, (page << 9) + 1))) return true;
  const body = (bits(item) & BIT_BODY) !== 0 ? ld(item + I_BODY) : -1;
  for (let page: i32 = body; page >= 0; page = nextPage(c, page)) if (!isFree(bodyVpn(c, page))) return true;
  return false;
}
function isFree(vpn: i32): boolean {
  return (pte(vpn) & PTE_PRESENT) !== 0 && refs(pte(vpn) >>> 6) === 1;
}
/** Remove the item of a key, if there is one. Returns whether there was. */
function forget(c: i32, hash: i32, key: i32): boolean {
  const loc = find(c, hash, key);
  if (loc === 0) return false;
  removeItem(c, loc, foundItem(), foundSlot());
  releaseIfEmpty(c, loc);
  return true;
}
/** Give the item at `loc` its bits and its times. */
function overwrite(c: i32, loc: i32, want: i32, start: f64, ttl: f64): i32 {
  const item = locAddr(c, loc);
  outdate(item);
  const mask = (VALUE_KIND_MASK << VALUE_KIND_SHIFT) | 0;
  setBits(item, (bits(item) & ~mask) | (want & mask));
  // Whatever is in swap is another value now.
  if ((bits(item) & BIT_BELOW) !== 0) st(item + belowOffset(bits(item)), 0);
  outdateCopy(c, item);
  if (ttl > 0) {
    stf(item + ttlOffset(want) + 8, ttl);
    st(c + ST_FLAGS, ld(c + ST_FLAGS) | FLAG_TTL);
    renew(c, loc, start);
  }
  describe(c, loc);
  return loc;
}

/** Forget a key. Returns whether it had a value. */
export function storeDelete(meta: i32, key: i32): i32 {
  const c = controlOf(meta);
  const hash = hashKey(c, storeKeyAddr(), key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT);
  if (isSampled(c, hash)) hostSampled(meta, hash, 0, SAMPLED_GONE);
  return forget(c, hash, key) ? 1 : 0;
}
/** Forget the item at `loc`. */
export function storeRemove(meta: i32, loc: i32): void {
  remove(controlOf(meta), loc);
}
/** The same: a part of its value could not be read or written. If the last search found it, that was a miss after all. */
export function storeLose(meta: i32, loc: i32): void {
  lose(controlOf(meta), loc);
}
function lose(c: i32, loc: i32): void {
  if (lastAccessed() === loc) {
    countHit(c, -1);
    addf(c + ST_MISSES, 1);
    setAccessed(0);
  }
  if (remove(c, loc)) addf(c + ST_LOST, 1);
}
/** Returns whether it was there. */
function remove(c: i32, loc: i32): boolean {
  const item = look(c, loc);
  if (item === 0) {
    loseHead(c, loc);
    return false;
  }
  const slot = (bits(item) & BIT_DEAD) !== 0 ? 0 : slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0) return false;
  removeItem(c, loc, item, slot);
  releaseIfEmpty(c, loc);
  return true;
}
/** Drop what has expired, in part, and scrub what lost pages left behind. Returns 1 if there may be more. */
export function storeExpire(meta: i32): i32 {
  const c = controlOf(meta);
  const left = giveBack(c, LEFT_TURN);
  const more = scrub(c, SCRUB_TURN) || left;
  return expire(c, EXPIRE_AT_TICK) !== 0 || more ? 1 : 0;
}
/** Drop at least one item, or a page of them, as room for a new one would. Returns 0 if there is none. */
export function storeClean(meta: i32, drops: i32): i32 {
  return evictSome(controlOf(meta), drops);
}
/** The engine has dropped page `vpn` of the data mapping. */
export function storeLost(meta: i32, vpn: i32): void {
  const c = controlOf(meta);
  const page = vpn - vpnOfLoc(c, 1);
  // One that a clear left behind is nobody's.
  if (page >= ld(c + ST_LOG_PAGES)) loseBodyPage(c, page - ld(c + ST_LOG_PAGES));
  if (page >= ld(c + ST_LOG_PAGES) || page >>> ld(c + ST_SEG_SHIFT) >= ld(c + ST_FRESH_SEG)) return;
  // If it has come back it was lost and found by somebody else meanwhile.
  if (pte(vpn) !== 0) return;
  countPageOut(c, page);
  losePage(c, page);
}
/**
 * The location of an item that would be the next to go if room were needed; with `fresh` 1, of any that has not expired, with 2, of another such,
 * as far as the work for the first one left some. 0 if there is none.
 */
export function storeVictim(meta: i32, fresh: i32): i32 {
  return fresh !== 0 ? pickFresh(controlOf(meta), fresh === 2) : pickVictim(controlOf(meta));
}
