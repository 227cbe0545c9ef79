/** Expiry in bulk, and the bodies that lost heads leave behind. */
import { clock } from "../mm/layout.ts";
import { ld, ldf, stf } from "../mm/machine.ts";
import { ALL, cleanSegPage, startCount } from "./clean.ts";
import {
  SEG_CLOSED,
  SEG_OPEN,
  SG_EXPIRY,
  SG_STATE,
  ST_BUSY,
  ST_FRESH_SEG,
  ST_NEXT_EXPIRY,
  seg,
  segAddr,
} from "./layout.ts";

/** Segments that one call of expire() drops at most. */
const EXPIRE_BATCH: i32 = 8;

/** Drop segments in which everything has expired, a few at a time. Returns 1 if there may be more. */
export function expire(c: i32): i32 {
  if (clock() < ldf(c + ST_NEXT_EXPIRY) || ld(c + ST_BUSY) !== 0) return 0;
  let next: f64 = Infinity;
  let left: i32 = EXPIRE_BATCH;
  startCount(false);
  for (let s: i32 = 0; s < ld(c + ST_FRESH_SEG); s++) {
    const state = seg(c, s, SG_STATE);
    if (state !== SEG_OPEN && state !== SEG_CLOSED) continue;
    const expiry = ldf(segAddr(c, s) + SG_EXPIRY);
    if (expiry > clock()) {
      if (expiry < next) next = expiry;
      continue;
    }
    if (left === 0) return 1;
    left--;
    let more: i32 = 1;
    while (more !== 0) more = cleanSegPage(c, s, ALL) ? 1 : 0;
  }
  stf(c + ST_NEXT_EXPIRY, next);
  return 0;
}
