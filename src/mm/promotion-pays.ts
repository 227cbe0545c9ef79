/**
 * Whether promotions pay (OPT_PROMOTION_PAYS), judged by what they push out. A program that goes round more pages than the
 * fast node holds touches each of them soon after it was marked, so that all look hot; and each that comes up pushes out one
 * that is needed as soon. Linux has one rate limit for all programs; here two times are compared, for each node:
 *
 *   arrivals   how long after a look a page that was found hot is used again: some of those that are found hot are not
 *              promoted at once but looked at a second time, which tells, as the first look chose them and this one did not
 *   victims    how long after it was demoted from the node a page is used again, where it lies now
 *
 * Both are averages of the logarithm, so that one page in a thousand that sleeps for an hour does not outweigh the rest;
 * a victim that stays untouched for CENSOR hot thresholds counts as that. A promotion pays if victims sleep two and a half times
 * as long as arrivals. While it does not, a page that was itself used
 * far sooner than victims, twice in a row, is promoted; and one hot page in 64 whatever it is, so that there are victims to learn
 * from when that changes. What comes up into room that nobody has to leave is not judged.
 *
 * The word that goes with PG_WATCHED, priv(): since when (26 bits of milliseconds) | SHORT | the node that is judged | the sign bit:
 * a second look at a page found hot, else a victim.
 */
import { PG_WATCHED, setFlag } from "./folio.ts";
import {
  clock,
  H_HOT_THRESHOLD,
  H_OPTIONS,
  hdr,
  N_PROMO_ARRIVALS,
  N_PROMO_REFAULTS,
  N_PROMO_TRIALS,
  N_PROMO_VICTIMS,
  node,
  priv,
  setNode,
  setPriv,
} from "./layout.ts";
import { leadingZeros, toI32 } from "./machine.ts";
import { OPT_PROMOTION_PAYS } from "./options.ts";
import { randomBelow } from "./random.ts";

const TIME_MASK: i32 = 0x3ffffff;
/** The first look found the page used far sooner than victims are. */
const SHORT: i32 = 1 << 26;
const NID_SHIFT: i32 = 27;
const SECOND_LOOK: i32 = 1 << 31;
/** Marks are not let grow older than this, or they would look young again. */
const OLDEST: i32 = 0x1ffffff;

/** Verdicts of promotionPays(). */
export const PAYS_NOT: i32 = 0;
export const PAYS: i32 = 1;
/** Look at the page a second time. */
export const PAYS_PERHAPS: i32 = 2;

/** Hot thresholds after which a victim that nobody has touched is counted. */
const CENSOR: i32 = 2;
/** Samples that a verdict takes; samples that an average goes back. */
const ENOUGH: i32 = 32;
const MEMORY: i32 = 64;
/** Promotions before anything is known of victims. */
const TRIALS: i32 = 64;
/** While promotions do not pay one of so many is made; while they do, one of so many waits for a second look. */
const EXPLORE: i32 = 64;
const SAMPLE: i32 = 8;
/** log2, in 256ths, by which victims must sleep longer: five times what chance makes of 64 samples. */
const MARGIN: i32 = 320;
/** The same of one page alone, twice in a row. */
const FAR: i32 = 448;

function now(): i32 {
  return toI32(Math.floor(clock())) & TIME_MASK;
}
/** Milliseconds since the folio was marked. */
export function sinceMarked(f: i32): i32 {
  return (now() - priv(f)) & TIME_MASK;
}
/** The folio is being marked: note when; what it is watched for stays. */
export function stamp(f: i32, watched: boolean): void {
  setPriv(f, watched ? (priv(f) & ~TIME_MASK) | now() : now());
}
/** A marked folio is met by a scan: keep its mark from growing so old that it wraps. */
export function keepMark(f: i32): void {
  if (sinceMarked(f) > OLDEST) setPriv(f, (priv(f) & ~TIME_MASK) | ((now() - OLDEST) & TIME_MASK));
}
/** Folio `f` was demoted from node `from`: its next use tells whether that was right. */
export function watchVictim(f: i32, from: i32): void {
  setFlag(f, PG_WATCHED);
  setPriv(f, now() | (from << NID_SHIFT));
}
/** Folio `f`, back from swap, was put below node `to`: its next use after the next mark tells whether that was right. */
export function watchRefault(f: i32, to: i32): void {
  setFlag(f, PG_WATCHED);
  setPriv(f, now() | (to << NID_SHIFT) | SHORT);
}
/** Folio `f` was found hot, `after` ms after it was marked, and may go to node `to`: its next use after the next mark tells how hot. */
export function watchArrival(f: i32, to: i32, after: i32): void {
  setFlag(f, PG_WATCHED);
  setPriv(f, now() | (to << NID_SHIFT) | SECOND_LOOK | (isShort(to, after) ? SHORT : 0));
}
/** Whether folio `f`, which is watched, is a page found hot before. */
export function isSecondLook(f: i32): boolean {
  return (priv(f) & SECOND_LOOK) !== 0;
}
/** Whether folio `f`, which is watched, was used far sooner than victims of the node are: both at its first look and now, `after` ms. */
export function twiceShort(f: i32, after: i32): boolean {
  return (priv(f) & (SECOND_LOOK | SHORT)) === (SECOND_LOOK | SHORT) && isShort(watchedNode(f), after);
}
function isShort(to: i32, after: i32): boolean {
  return log2(after) + FAR <= node(to, N_PROMO_VICTIMS) >>> 16;
}
/** The node that the watched folio `f` tells something about. */
export function watchedNode(f: i32): i32 {
  return (priv(f) >>> NID_SHIFT) & 15;
}
/** A watched folio was touched `ms` after it was marked, or was not for so long. */
export function noteSample(f: i32, ms: i32): void {
  const refault = (priv(f) & SHORT) !== 0 ? N_PROMO_REFAULTS : N_PROMO_VICTIMS;
  const field = isSecondLook(f) ? N_PROMO_ARRIVALS : refault;
  const nid = watchedNode(f);
  const word = node(nid, field);
  const nr = word & 0xffff;
  const old = word >>> 16;
  const most = nr < MEMORY ? nr + 1 : MEMORY;
  const average = old + (((log2(ms) - old) / most) | 0);
  setNode(nid, field, (average << 16) | (nr < MEMORY ? nr + 1 : MEMORY));
}
/** Whether the victim `f` has slept so long that it can be counted. */
export function sleepsLong(f: i32): boolean {
  return !isSecondLook(f) && sinceMarked(f) >= censored();
}
/** What is counted for a victim that nobody has touched, ms. */
export function censored(): i32 {
  const ms = hdr(H_HOT_THRESHOLD);
  return ms < OLDEST >> 2 ? ms * CENSOR : OLDEST >> 1;
}
/** log2(1 + ms) in 256ths, by straight lines between powers of two. */
function log2(ms: i32): i32 {
  const x = ms < OLDEST ? ms + 1 : OLDEST;
  const whole = 31 - leadingZeros(x);
  const part = whole > 8 ? x >> (whole - 8) : x << (8 - whole);
  return (whole << 8) + (part & 255);
}

/** Whether to promote one more hot folio to node `to`, where something will have to go for it. */
export function promotionPays(to: i32, second: boolean, short: boolean): i32 {
  if ((hdr(H_OPTIONS) & OPT_PROMOTION_PAYS) === 0) return PAYS;
  const arrivals = node(to, N_PROMO_ARRIVALS);
  const victims = node(to, N_PROMO_VICTIMS);
  if ((victims & 0xffff) < ENOUGH) {
    const trials = node(to, N_PROMO_TRIALS);
    if (trials >= TRIALS) return randomBelow(EXPLORE) === 0 ? PAYS : PAYS_PERHAPS;
    setNode(to, N_PROMO_TRIALS, trials + 1);
    return PAYS;
  }
  if ((arrivals & 0xffff) < ENOUGH) return PAYS_PERHAPS;
  if ((victims >>> 16) - (arrivals >>> 16) < MARGIN) return short || randomBelow(EXPLORE) === 0 ? PAYS : PAYS_PERHAPS;
  return second || randomBelow(SAMPLE) !== 0 ? PAYS : PAYS_PERHAPS;
}

/**
 * Whether pages back from swap, put below node `to`, are used again there far sooner than what has to leave that node is. One of
 * them in SAMPLE goes below all the same, to learn when that changes.
 */
export function refaultsPay(to: i32): boolean {
  const refaults = node(to, N_PROMO_REFAULTS);
  const victims = node(to, N_PROMO_VICTIMS);
  if ((refaults & 0xffff) < ENOUGH || (victims & 0xffff) < ENOUGH) return false;
  return (victims >>> 16) - (refaults >>> 16) >= MARGIN && randomBelow(SAMPLE) !== 0;
}
