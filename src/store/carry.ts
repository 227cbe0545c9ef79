/** Carrying an item forward: to the end of a stream, where it shares fresh pages with its like; its index slot follows. */

import { pinPage, unpinFrame } from "../mm/gup.ts";
import { pte } from "../mm/layout.ts";
import { copyBytes, ld, st } from "../mm/machine.ts";
import { markSeg } from "./above.ts";
import { setBodyOwner } from "./body.ts";
import { bring } from "./bring.ts";
import {
  BELOW_BYTES,
  BELOW_TOLD,
  BIT_ABOVE,
  BIT_BELOW,
  BIT_DEAD,
  BIT_TTL,
  belowOffset,
  bits,
  bodyPages,
  expiryOf,
  HEAD_BYTES,
  headBytes,
  I_BODY,
  I_BODY_BELOW,
  I_HASH,
  I_LENGTH,
  inlineBytes,
  inlineGranules,
  setBits,
} from "./item.ts";
import {
  addf,
  lifeOf,
  locAddr,
  PAGE_GRANULES,
  pageOfLoc,
  SEG_SUNK,
  SG_STATE,
  ST_CARRIED,
  ST_CARRIED_BYTES,
  ST_MAX_PAGES,
  ST_SEG_SHIFT,
  seg,
  vpnOfLoc,
} from "./layout.ts";
import { countHead, countIn, countOut, countSkipped, newPages, reserve, segBytes, zapLogPage } from "./log.ts";
import { held } from "./meta.ts";
import { isPresent, look, losePage } from "./present.ts";

/** Append an item that is at `loc`, on a page that is held or was just looked at, to a stream; its index slot follows. Returns whether there was room. */
export function carry(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const head = headBytes(bits(item));
  const bytes = head + inlineBytes(item);
  const granules = (bytes + 7) >>> 3;
  // Once there is room, a page that was looked at is not to be had any more under this address.
  const w = bits(item);
  const expiry = expiryOf(item);
  const body = bodyPages(item) > 0 ? ld(item + I_BODY) : -1;
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
  countIn(c, made, granules, expiry);
  if (body >= 0) moveHead(c, body, loc, granules, made, granules);
  if ((w & BIT_ABOVE) !== 0) markSeg(c, made);
  // What stays behind is no item any more; in swap, it is marked as such when it comes in (bring.ts).
  if (isPresent(c, loc)) setBits(locAddr(c, loc), w | BIT_DEAD);
  addf(c + ST_CARRIED, 1);
  addf(c + ST_CARRIED_BYTES, bytes);
  return true;
}
/** The same outside of cleaning, where the pages that it takes must be within the store's limit. */
export function carryWithin(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const head = headBytes(bits(item));
  const pages = newPages(c, stream, head, (head + inlineBytes(item) + 7) & ~7);
  return held(c) + pages <= ld(c + ST_MAX_PAGES) && carry(c, stream, loc, item, slot);
}
/**
 * The same of an item in swap, which leaves a copy of it there: where that is, it says itself, so that it need not be written again if it
 * sinks unchanged.
 */
export function carryUp(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const w = bits(item);
  const s = pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT);
  const size = headBytes(w) + inlineBytes(item);
  const plain = (w & BIT_TTL) === 0 && seg(c, s, SG_STATE) === SEG_SUNK;
  const told = (w & BIT_BELOW) !== 0;
  const body = bodyPages(item) > 0 ? ld(item + I_BODY) : -1;
  if (!plain || size + 2 * BELOW_BYTES > segBytes(c)) return carryWithin(c, stream, loc, item, slot);
  if (told) {
    if (!carryWithin(c, stream, loc, item, slot)) return false;
  } else {
    const bytes = (size + BELOW_BYTES + 7) & ~7;
    const head = headBytes(w) + BELOW_BYTES;
    if (held(c) + newPages(c, stream, head, bytes) > ld(c + ST_MAX_PAGES)) return false;
    const made = reserve(c, stream, head, bytes);
    if (made === 0) return false;
    if (ld(slot) !== loc || !copyItem(c, made + (BELOW_BYTES >> 3), loc, size) || !bring(c, made)) {
      abandon(c, made, bytes >>> 3);
      return false;
    }
    // Its head moves to the front, and leaves the place between.
    const to = locAddr(c, made);
    copyBytes(to, to + BELOW_BYTES, belowOffset(w));
    setBits(to, w | BIT_BELOW);
    if ((w & BIT_ABOVE) !== 0) markSeg(c, made);
    st(slot, made);
    countOut(c, loc, (size + 7) >>> 3);
    countIn(c, made, bytes >>> 3, Infinity);
    if (body >= 0) moveHead(c, body, loc, (size + 7) >>> 3, made, bytes >>> 3);
    addf(c + ST_CARRIED, 1);
    addf(c + ST_CARRIED_BYTES, size);
  }
  if (!isPresent(c, ld(slot))) return true;
  const there = locAddr(c, ld(slot));
  const field = there + belowOffset(w);
  st(field, loc);
  st(field + 4, lifeOf(c, s) | (told ? BELOW_TOLD : 0));
  if (body >= 0) st(there + I_BODY_BELOW, body + 1);
  return true;
}
/** The head of a body is at `to` now, of so many granules. */
function moveHead(c: i32, body: i32, from: i32, granules: i32, to: i32, now: i32): void {
  countHead(c, from, -granules);
  countHead(c, to, now);
  setBodyOwner(c, body, to);
}
/** If the item at `loc` is still in swap as it is here, that is where it is from now on. Returns whether it is. */
export function sinkBack(c: i32, loc: i32, item: i32, slot: i32): boolean {
  const w = bits(item);
  if ((w & BIT_BELOW) === 0) return false;
  const below = ld(item + belowOffset(w));
  if (below === 0) return false;
  const body = bodyPages(item) > 0 ? ld(item + I_BODY) : -1;
  if (body >= 0 && ld(item + I_BODY_BELOW) !== body + 1) return false;
  const s = pageOfLoc(below) >>> ld(c + ST_SEG_SHIFT);
  const life = ld(item + belowOffset(w) + 4);
  if (seg(c, s, SG_STATE) !== SEG_SUNK || lifeOf(c, s) !== (life & (BELOW_TOLD - 1))) return false;
  if (pte(vpnOfLoc(c, below)) === 0) return false;
  const granules = inlineGranules(item);
  st(slot, below);
  countOut(c, loc, granules);
  const then = (life & BELOW_TOLD) !== 0 ? granules : granules - (BELOW_BYTES >> 3);
  countIn(c, below, then, Infinity);
  if (body >= 0) moveHead(c, body, loc, granules, below, then);
  setBits(item, w | BIT_DEAD);
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
/** Copy `bytes` bytes between two places in the log. What of `from` is in swap stays there. */
function copyItem(c: i32, to: i32, from: i32, bytes: i32): boolean {
  let done: i32 = 0;
  while (done < bytes) {
    const src = from + (done >>> 3);
    const dst = to + (done >>> 3);
    const at = look(c, src);
    if (at === 0) return false;
    const pinned = isPresent(c, src) ? pinPage(vpnOfLoc(c, src)) : -1;
    const there = bring(c, dst);
    if (there) {
      let n: i32 = bytes - done;
      const a = (PAGE_GRANULES - ((src - 1) & 511)) << 3;
      const b = (PAGE_GRANULES - ((dst - 1) & 511)) << 3;
      if (n > a) n = a;
      if (n > b) n = b;
      copyBytes(locAddr(c, dst), at, n);
      done += n;
    }
    if (pinned >= 0) unpinFrame(pinned);
    if (!there) return false;
  }
  return true;
}
