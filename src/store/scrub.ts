/**
 * Scrubbing what names items on lost pages: entries of the index, and bodies. As long as there may be such an entry, the
 * segment that the page was of is not used again (log.ts); as long as there is such a body, its pages are of no use. A pass
 * goes through all buckets, upwards as new ones come at the end, then through all bodies, downwards as the last fills the
 * place of one that goes.
 */
import { ld, st } from "../mm/machine.ts";
import { sweepOrphan } from "./body.ts";
import { nrBuckets, scrubBucket } from "./directory.ts";
import {
  add,
  SG_CURSOR,
  SG_NEXT,
  ST_NR_BODIES,
  ST_ORPHAN_HAND,
  ST_ORPHANS,
  ST_QUARANTINED,
  ST_SCRUB_HAND,
  ST_SCRUB_PASS,
  seg,
  setSeg,
} from "./layout.ts";
import { freeSeg } from "./log.ts";

/** Buckets and bodies looked at for each item stored while something waits for it; and in a turn of the memory's tick. */
export const SCRUB_BATCH: i32 = 8;
export const SCRUB_TURN: i32 = 2048;

/** Go on scrubbing: `steps` buckets or bodies. Returns whether there is more to do. */
export function scrub(c: i32, steps: i32): boolean {
  for (let n: i32 = steps; n > 0; n--) {
    if (ld(c + ST_QUARANTINED) === 0 && ld(c + ST_ORPHANS) === 0) return false;
    const hand = ld(c + ST_SCRUB_HAND);
    const buckets = nrBuckets(c);
    if (hand < buckets) {
      scrubBucket(c, hand);
      st(c + ST_SCRUB_HAND, hand + 1);
      if (hand + 1 === buckets) st(c + ST_ORPHAN_HAND, ld(c + ST_NR_BODIES));
      continue;
    }
    // Some may have gone meanwhile; those that came are no orphans.
    const left = ld(c + ST_ORPHAN_HAND) < ld(c + ST_NR_BODIES) ? ld(c + ST_ORPHAN_HAND) : ld(c + ST_NR_BODIES);
    if (left > 0) {
      st(c + ST_ORPHAN_HAND, left - 1);
      sweepOrphan(c, left - 1);
    } else endPass(c);
  }
  return ld(c + ST_QUARANTINED) !== 0 || ld(c + ST_ORPHANS) !== 0;
}
/** A pass has ended: free the segments that were there when it began. */
function endPass(c: i32): void {
  st(c + ST_SCRUB_HAND, 0);
  add(c + ST_SCRUB_PASS, 1);
  if (ld(c + ST_ORPHANS) > 0) add(c + ST_ORPHANS, -1);
  const pass = ld(c + ST_SCRUB_PASS);
  let at: i32 = ld(c + ST_QUARANTINED);
  st(c + ST_QUARANTINED, 0);
  while (at !== 0) {
    const s = at - 1;
    at = seg(c, s, SG_NEXT);
    // The count of passes wraps.
    if (((pass - seg(c, s, SG_CURSOR)) | 0) >= 2) freeSeg(c, s);
    else {
      setSeg(c, s, SG_NEXT, ld(c + ST_QUARANTINED));
      st(c + ST_QUARANTINED, s + 1);
    }
  }
}
