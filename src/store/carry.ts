/** Carrying an item forward: to the end of a stream, where it shares fresh pages with its like; its index slot follows. */
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { copyBytes, ld, st } from "../mm/machine.ts";
import { markSeg } from "./above.ts";
import { setBodyOwner } from "./body.ts";
import {
  BIT_ABOVE,
  BIT_DEAD,
  bits,
  bodyPages,
  expiryOf,
  HEAD_BYTES,
  headBytes,
  I_BODY,
  I_HASH,
  I_LENGTH,
  inlineBytes,
  setBits,
} from "./item.ts";
import { addf, locAddr, PAGE_GRANULES, ST_CARRIED, ST_CARRIED_BYTES, ST_MAX_PAGES, vpnOfLoc } from "./layout.ts";
import { countHead, countIn, countOut, countSkipped, newPages, reserve, zapLogPage } from "./log.ts";
import { held } from "./meta.ts";
import { bring, losePage } from "./present.ts";

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
    setBodyOwner(c, ld(item + I_BODY), made);
  }
  if ((bits(item) & BIT_ABOVE) !== 0) markSeg(c, made);
  // What stays behind is no item any more.
  setBits(item, bits(item) | BIT_DEAD);
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
    const pinned = pinPage(vpnOfLoc(c, src));
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
    unpinFrame(pinned);
    if (!there) return false;
  }
  return true;
}
