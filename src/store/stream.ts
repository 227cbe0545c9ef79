/** Which stream of the log an item is appended to: with those that will cool, or expire, when it does. */
import { ld } from "../mm/machine.ts";
import { NR_BANDS, NR_TTL_CLASSES, ST_LOG_LIVE, ST_THETA, STREAM_BANDS, STREAM_TTL } from "./layout.ts";
import { ONE } from "./log2.ts";
import { NO_THETA } from "./rank.ts";
import { FIRST_CLASS_MS } from "./timers.ts";

/** Live granules of the log for each band of heat that is told apart: a small log has few. */
const BAND_GRANULES: i32 = 16 * 512;
/** A band of heat is this wide, in the scores' logarithms: a factor of 1.96. */
const BAND_WIDTH: i32 = 63626;

/** The stream of inline items that are worth so much: the first is for less than half of what the threshold asks. */
export function bandOf(c: i32, worth: i32): i32 {
  const theta = ld(c + ST_THETA);
  const bands = (ld(c + ST_LOG_LIVE) / BAND_GRANULES) | 0;
  const most = bands < 1 ? 0 : bands < NR_BANDS ? bands : NR_BANDS - 1;
  if (theta === NO_THETA) return STREAM_BANDS + (most > 1 ? 1 : most);
  let b: i32 = 0;
  for (let limit: i32 = theta - ONE; b < most && worth > limit; limit += BAND_WIDTH) b++;
  return STREAM_BANDS + b;
}
/** Times to live of the same power of two, in seconds, share a stream. */
export function ttlStream(ttl: f64): i32 {
  let cls: i32 = 0;
  for (let t: f64 = FIRST_CLASS_MS; t < ttl && cls < NR_TTL_CLASSES - 1; t *= 2) cls++;
  return STREAM_TTL + cls;
}
