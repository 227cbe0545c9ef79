/**
 * How old the pages in the middle are, by last use: half of all regions' pages on some nodes were used later (last-use.ts). Told from pages at
 * random, as often as time moves on and somebody asks. One that has been used since it was last looked at was so at some time in between.
 * What is taken for the middle is a little before it, as far as samples err: two standard errors.
 */
import { folioHead, isFile, PG_LRU, PG_UNEVICTABLE, test } from "./folio.ts";
import { before, lastUse, lruClock } from "./last-use.ts";
import { H_MIDDLE_AGE, H_MIDDLE_AT, H_MIDDLE_OF, hdr, N_PAGES, N_START, node, scratch, setHdr } from "./layout.ts";
import { lruLook } from "./lru.ts";
import { ld, lowestBit, st } from "./machine.ts";
import { allNodes } from "./node.ts";
import { randomBelow } from "./random.ts";

/** Pages of a sample, frames that are picked for it at most; and which of them, from the oldest on, stands for the middle: of 63, half are 4 off by chance. */
const SAMPLES: i32 = 63;
const PICKS: i32 = 126;
const MIDDLE: i32 = 24;
/** Fewer tell nothing. */
const FEW: i32 = 16;
/** How long an age is worth something, in ticks; its fractions of a tick, in bits; and one that hardly any page has. */
const LASTS: i32 = 16;
const FINE: i32 = 4;
const OLD: i32 = 1 << 25;

/**
 * When pages in the middle of those on the nodes of `mask` were last used. A sample errs, so the age goes a quarter of the way to the last one's; three
 * eighths where it grows, as where a working set has moved: what is taken for older than the middle, and is not, is lost.
 */
export function middleUse(mask: i32): i32 {
  const now = lruClock();
  if (hdr(H_MIDDLE_OF) !== mask || hdr(H_MIDDLE_AT) !== now) {
    const age = sampleAge(mask) << FINE;
    const known = hdr(H_MIDDLE_AGE);
    const goesOn = hdr(H_MIDDLE_OF) === mask && asksMiddle();
    setHdr(H_MIDDLE_AGE, goesOn ? known + (((age - known) * (age > known ? 3 : 2)) >> 3) : age);
    setHdr(H_MIDDLE_AT, now);
    setHdr(H_MIDDLE_OF, mask);
  }
  return middleKnown();
}
/** The same of the nodes that somebody has asked for of late; if nobody has, of all. */
export function middleLately(): i32 {
  return middleUse(asksMiddle() ? hdr(H_MIDDLE_OF) : allNodes());
}
/** Whether somebody has asked of late. */
export function asksMiddle(): boolean {
  return hdr(H_MIDDLE_OF) !== 0 && ((lruClock() - hdr(H_MIDDLE_AT)) | 0) >>> 0 <= LASTS;
}
/** The answer that was given last, of the nodes that were asked for. */
export function middleKnown(): i32 {
  return (lruClock() - (hdr(H_MIDDLE_AGE) >> FINE)) | 0;
}

/** The age in the middle of a sample, 0 to OLD. */
function sampleAge(mask: i32): i32 {
  const pages = pagesOf(mask);
  let n: i32 = 0;
  for (let i: i32 = 0; i < PICKS && n < SAMPLES; i++) {
    const f = frameOf(mask, randomBelow(pages));
    if (!isOrdinary(f)) continue;
    insert(n, look(f));
    n++;
  }
  if (n < FEW) return OLD;
  const age = (lruClock() - ld(scratch() + ((((n * MIDDLE) / SAMPLES) | 0) << 2))) | 0;
  return age < 0 || age > OLD ? OLD : age;
}
/** When folio `f` was last used, as likely as not: half of the way from the last look to this one, which takes its marks off, if it was in between. */
function look(f: i32): i32 {
  const use = lastUse(f);
  return lruLook(f) ? (use + (((lruClock() - use) | 0) >> 1)) | 0 : use;
}
/** Put a time among the first `n` words of the scratch, which are in order. */
function insert(n: i32, time: i32): void {
  let i: i32 = n;
  while (i > 0 && before(time, ld(scratch() + ((i - 1) << 2)))) {
    st(scratch() + (i << 2), ld(scratch() + ((i - 1) << 2)));
    i--;
  }
  st(scratch() + (i << 2), time);
}

/** Whether a folio is a region's, on a list that is reclaimed from. Caches know what they can do without. */
export function isOrdinary(f: i32): boolean {
  return test(f, PG_LRU) && !test(f, PG_UNEVICTABLE) && isFile(f) === 0;
}
export function pagesOf(mask: i32): i32 {
  let pages: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) pages += node(lowestBit(m), N_PAGES);
  return pages;
}
/** The head of the folio of the `i`-th frame of the nodes of `mask`. */
export function frameOf(mask: i32, i: i32): i32 {
  let left: i32 = i;
  let m: i32 = mask;
  while (left >= node(lowestBit(m), N_PAGES)) {
    left -= node(lowestBit(m), N_PAGES);
    m &= m - 1;
  }
  return folioHead(node(lowestBit(m), N_START) + left);
}
