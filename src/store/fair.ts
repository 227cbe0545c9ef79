/**
 * Fairness between sizes. By hits per byte, a large value must be asked for as often as all the small ones in its place
 * together; that gives the most hits in all, and none to large values. So values of a page or more are judged as if they were
 * smaller, by a handicap that is learned: each time that an LRU cache would have had a value that is not here, values of about its
 * size count as smaller; each time that it is the other way round, as larger, up to what they are.
 *
 * The handicap is a curve over the logarithm of sizes, straight between knots an octave apart: with steps in it, the smaller half of
 * an octave would be served at the cost of the larger one. It never falls as sizes grow, as what little is known of rare
 * large values is no reason to favour others that are even larger less. And it has an end: where a few values fill the cache, each
 * hit on one may cost any number of hits on small ones. It has to reach far enough for large values to take the place of small ones that nobody
 * asks for any more.
 *
 * A knot moves by the share of the requests near it that LRU would have served better, per turnover of the cache: what it does shows
 * only when the cache has been turned over, so to go faster where values are asked for often would be to swing about.
 */
import { ld, ldf, st, stf, toI32 } from "../mm/machine.ts";
import { PAGE_GRANULES, ST_FAIR, ST_FAIR_ASKED } from "./layout.ts";
import { log2Whole, ONE } from "./log2.ts";

/** Knots of the curve, and the size that the first one stands for, as a logarithm: a page. */
export const NR_KNOTS: i32 = 21;
const FIRST: i32 = 9 * ONE;
/** Octaves that a knot moves by in a turnover in which LRU would have served all requests, and none were served here. */
const GAIN: f64 = 4;
/** Requests in a turnover below which one of them is not worth more. */
const FEW: f64 = 3;
/** What a request counts for that LRU would not have served: so much less, as no size is to be served worse, rather than each about as well. */
const GOOD: f64 = 0.85;
/** A hit on a large value counts at most as 2^this hits on small ones. */
const MOST: i32 = 7 * ONE;

function knot(c: i32, i: i32): i32 {
  return c + ST_FAIR + (i << 2);
}
/** How far along the curve a size, a page or more, is, of which this is the logarithm: knots, in units of 2^-16. */
function along(size: i32): i32 {
  const x = size - FIRST;
  const most = (NR_KNOTS - 1) * ONE - 1;
  return x < 0 ? 0 : x < most ? x : most;
}
function asked(c: i32, i: i32): i32 {
  return c + ST_FAIR_ASKED + (i << 3);
}
/** A value of so many granules was asked for. `lead` is 1 if LRU would have had it and it was not here, -1 the other way round, else 0. */
export function noteSize(c: i32, granules: i32, lead: i32): void {
  if (granules < PAGE_GRANULES) return;
  const x = along(log2Whole(granules));
  let part: f64 = x & (ONE - 1);
  part /= ONE;
  const i = x >> 16;
  move(c, i, 1 - part, lead);
  move(c, i + 1, part, lead);
}
/** Count a request near knot `i`, by `part` of one, and move it. */
function move(c: i32, i: i32, part: f64, lead: i32): void {
  const n = ldf(asked(c, i)) + part;
  stf(asked(c, i), n);
  if (lead === 0) return;
  const share: f64 = lead > 0 ? 1 : -GOOD;
  const v = ld(knot(c, i)) + toI32(Math.floor((GAIN * ONE * share * part) / (n + FEW)));
  const least = i > 0 ? ld(knot(c, i - 1)) : 0;
  const set = v < least ? least : v < MOST ? v : MOST;
  st(knot(c, i), set);
  for (let j: i32 = i + 1; j < NR_KNOTS && ld(knot(c, j)) < set; j++) st(knot(c, j), set);
}
/** Time has passed: `part` of a turnover of the cache. */
export function forgetSizes(c: i32, part: f64): void {
  const keep: f64 = part < 1 ? 1 - part : 0;
  for (let i: i32 = 0; i < NR_KNOTS; i++) stf(asked(c, i), ldf(asked(c, i)) * keep);
}
/** The size that an item of so many granules is judged by: a logarithm in units of 2^-16. */
export function weightOfSize(c: i32, granules: i32): i32 {
  const size = log2Whole(granules);
  if (granules < PAGE_GRANULES) return size;
  const x = along(size);
  const p = knot(c, x >> 16);
  const low = ld(p);
  return size - low - ((ld(p + 4) - low) >> 8) * ((x & (ONE - 1)) >> 8);
}
