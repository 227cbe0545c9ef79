/**
 * Fairness between sizes. By hits per byte, a large value must be asked for as often as all the small ones in its place
 * together; that gives the most hits in all, and none to large values. So no class of large sizes is served worse than an LRU
 * cache would serve it: each time that one would have had a value that is not here, values of its class count as smaller by
 * a part of an octave; each time that it is the other way round, as larger, up to what they are.
 *
 * Classes are values under a page, which are judged by their bytes, and from there on octaves.
 */
import { ld, leadingZeros, st } from "../mm/machine.ts";
import { PAGE_GRANULES, ST_FAIR } from "./layout.ts";
import { log2Whole, ONE } from "./log2.ts";

export const NR_SIZES: i32 = 24;
/** What one request is worth, in octaves; how far values of a class may at most be taken for smaller ones. */
const STEP: i32 = ONE >> 4;
const MOST: i32 = 20 * ONE;

/** The class of values of so many granules. */
export function sizeClass(granules: i32): i32 {
  if (granules < PAGE_GRANULES) return 0;
  const cls = 1 + (31 - leadingZeros(granules) - 9);
  return cls < NR_SIZES ? cls : NR_SIZES - 1;
}
/** A value of so many granules was asked for: LRU would have had it, or else this cache had. */
export function noteSize(c: i32, granules: i32, inLru: boolean): void {
  if (granules < PAGE_GRANULES) return;
  const p = c + ST_FAIR + (sizeClass(granules) << 2);
  const v = ld(p) + (inLru ? STEP : -STEP);
  st(p, v < 0 ? 0 : v > MOST ? MOST : v);
}
/** The size that an item of so many granules is judged by: a logarithm in units of 2^-16. */
export function weightOfSize(c: i32, granules: i32): i32 {
  const size = log2Whole(granules);
  if (granules < PAGE_GRANULES) return size;
  const less = size - ld(c + ST_FAIR + (sizeClass(granules) << 2));
  return less > 0 ? less : 0;
}
