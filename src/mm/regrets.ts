/**
 * What is lost comes back, or does not: which of the older half is lost is learned from that (older-half.ts).
 *
 * The oldest first is the best order for a program that uses a page the less likely the longer it has not, and the worst there is for one that goes round
 * more than there is room for, or whose working set moves on to what has not been used for longest. No order is right for all of them. So pages that may go are told apart
 * by kinds: by their age among the others, and by whether they have been found in use again since they came. Of those that are lost some are remembered, with
 * their kind, until they are back or as many pages as there are frames have come in. A kind is the worse to lose the more of it are back by the time that they have
 * been out, together.
 *
 * Some are lost whatever their kind, or nothing would be learned of the others; and an eighth of what was learned is forgotten each time that an eighth of
 * the frames has been filled anew.
 */
import { FAULTS_PER_TICK, lruClock } from "./last-use.ts";
import {
  frames,
  H_GONE,
  H_GONE_BACK,
  H_GONE_HAND,
  H_GONE_OUT,
  H_GONE_TIME,
  hdr,
  NR_GONE,
  NR_KINDS,
  setHdr,
} from "./layout.ts";
import { mul, st, toI32 } from "./machine.ts";
import { randomBelow } from "./random.ts";

/** One page in so many is lost whatever its kind. */
const EXPLORE: i32 = 4;
/** What a page that is back counts, so that it can be forgotten in parts. */
const ONE: i32 = 256;
/** Of each kind so many are taken to be back after as long as any: a few say little. */
const PRIOR: i32 = 2 * ONE;
/** Bits of the second word of a page that is remembered: its kind; the others are the time. */
const KIND_BITS: i32 = 3;
const TIME_MASK: i32 = 0x1fffffff;
/** Entries are looked at so often in the time in which as many pages come in as there are frames. */
const LAPS: i32 = 4;
/** Rates: so many parts of one, and more than any. */
const PARTS: f64 = 65536;
const MAX_RATE: i32 = 1 << 30;
/** The golden ratio, of 2^32. */
const GOLDEN: i32 = -1640531527;

function add(field: i32, n: i32): void {
  setHdr(field, hdr(field) + n);
}
/** Ticks in which as many pages come in as there are frames. */
function round(): i32 {
  return ((frames() / FAULTS_PER_TICK) | 0) + 1;
}
function entryOf(vpn: i32): i32 {
  return H_GONE + (((mul(vpn, GOLDEN) >>> 16) % NR_GONE) << 3);
}
function kindOf(at: i32): i32 {
  return hdr(at + 4) & (NR_KINDS - 1);
}
/** What entry `at` remembers is back, or will not be soon. */
function forget(at: i32): void {
  if (hdr(at) === 0) return;
  add(H_GONE_OUT + (kindOf(at) << 2), -1);
  setHdr(at, 0);
}
/** Page `vpn`, of kind `kind`, is lost: it may be remembered, so that about half of the entries are in use. */
export function noteGone(vpn: i32, kind: i32): void {
  if (randomBelow((((frames() * 2) / NR_GONE) | 0) + 1) !== 0) return;
  const at = entryOf(vpn);
  forget(at);
  setHdr(at + 4, (lruClock() << KIND_BITS) | kind);
  setHdr(at, vpn + 1);
  add(H_GONE_OUT + (kind << 2), 1);
}
/** Page `vpn` is back from swap. */
export function noteBack(vpn: i32): void {
  const at = entryOf(vpn);
  if (hdr(at) !== vpn + 1) return;
  add(H_GONE_BACK + (kindOf(at) << 2), ONE);
  forget(at);
}
/** Time has moved on by a tick. */
export function ageGone(): void {
  const lap = round();
  const fades = lruClock() % ((lap >> 3) + 1) === 0;
  for (let kind: i32 = 0; kind < NR_KINDS; kind++) {
    const time = H_GONE_TIME + (kind << 2);
    const back = H_GONE_BACK + (kind << 2);
    add(time, hdr(H_GONE_OUT + (kind << 2)));
    if (!fades) continue;
    setHdr(time, hdr(time) - (hdr(time) >> 3));
    setHdr(back, hdr(back) - (hdr(back) >> 3));
  }
  let hand: i32 = hdr(H_GONE_HAND);
  for (let left: i32 = (((NR_GONE * LAPS) / lap) | 0) + 1; left > 0; left--) {
    hand = (hand + 1) % NR_GONE;
    const at = H_GONE + (hand << 3);
    if (((lruClock() - (hdr(at + 4) >> KIND_BITS)) & TIME_MASK) > lap) forget(at);
  }
  setHdr(H_GONE_HAND, hand);
}
/** Nothing is remembered: counts and entries may differ where somebody died between the two. */
export function forgetGone(): void {
  for (let kind: i32 = 0; kind < NR_KINDS; kind++) setHdr(H_GONE_OUT + (kind << 2), 0);
  for (let i: i32 = 0; i < NR_GONE; i++) setHdr(H_GONE + (i << 3), 0);
}

/** Whether a page is to be lost whatever its kind. */
export function triesAny(): boolean {
  return randomBelow(EXPLORE) === 0;
}
/**
 * Write NR_KINDS words to `at`: how many of each kind are back by the time that they have been out, beside those of all, in parts; of one of which
 * little is known, about as many. Where nothing is known, 0.
 */
export function rateKinds(at: i32): void {
  const back = sum(H_GONE_BACK);
  const time = sum(H_GONE_TIME);
  for (let kind: i32 = 0; kind < NR_KINDS; kind++) {
    const p = at + (kind << 2);
    if (back < ONE || time < 1) {
      st(p, 0);
      continue;
    }
    const seen: f64 = hdr(H_GONE_BACK + (kind << 2)) + PRIOR;
    const due: f64 = (hdr(H_GONE_TIME + (kind << 2)) * back) / time + PRIOR;
    const rate = (seen * PARTS) / due;
    st(p, rate < MAX_RATE ? toI32(rate) : MAX_RATE);
  }
}
function sum(field: i32): f64 {
  let all: f64 = 0;
  for (let kind: i32 = 0; kind < NR_KINDS; kind++) all += hdr(field + (kind << 2));
  return all;
}
