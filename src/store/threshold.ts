/**
 * Thresholds that follow what there is. What is chosen to make way is gone through item by item: what is worth less than a threshold goes, the rest is
 * carried. So that this is neither in vain nor takes what is worth keeping, rather more than half of it should go: where less can, the
 * threshold rises, and where more can, and some of it is worth more than the rest, it falls.
 */
import { ONE } from "./log2.ts";

/** The threshold moves by this part of an octave for each half of a chosen segment's bytes too many or too few. */
const GAIN: i32 = 4727;
/** So many 256ths of what is looked at should be free to go: more would cost hits, fewer would cost copies. */
const WANTED: i32 = 160;
/** No score is as far from 0: 2^96 in either direction. */
const MAX_THETA: i32 = 96 * ONE;

/**
 * The threshold after `theta`, where `freed` 256ths of what was looked at could go. If that was more than enough, a lower threshold would have saved some of it; but
 * what is worth as little as the rest, all of `regretted` not, is not worth carrying. It moves `times` as far.
 */
export function movedBy(theta: i32, freed: i32, regretted: i32, times: i32): i32 {
  const over = freed - WANTED;
  const by = over > regretted ? regretted : over;
  const from = theta > -MAX_THETA ? theta : -MAX_THETA;
  const to = from - (((by * GAIN) / 128) | 0) * times;
  return to < -MAX_THETA ? -MAX_THETA : to > MAX_THETA ? MAX_THETA : to;
}
