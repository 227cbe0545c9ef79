/**
 * Scrubbing the index of entries that name items on lost pages: as long as there may be such an entry, the segment that the
 * page was of is not used again (log.ts).
 */
import { ld, st } from "../mm/machine.ts";
import { sweepOrphans } from "./body.ts";
import { nrBuckets, scrubBucket } from "./directory.ts";
import { add, SG_CURSOR, SG_NEXT, ST_QUARANTINED, ST_SCRUB_HAND, ST_SCRUB_PASS, seg, setSeg } from "./layout.ts";
import { freeSeg } from "./log.ts";

/** Buckets scrubbed for each item stored while a segment waits for it. */
const SCRUB_BATCH: i32 = 8;

/** Go on scrubbing the index of stale entries, as far as one item stored pays for, or through all of it. */
export function scrub(c: i32, all: boolean): void {
  if (ld(c + ST_QUARANTINED) === 0) return;
  const passes = all ? 2 : 1;
  for (let pass: i32 = 0; pass < passes; pass++) {
    for (let n: i32 = all ? 0x7fffffff : SCRUB_BATCH; n > 0; n--) {
      const hand = ld(c + ST_SCRUB_HAND);
      if (hand >= nrBuckets(c)) {
        st(c + ST_SCRUB_HAND, 0);
        add(c + ST_SCRUB_PASS, 1);
        leaveQuarantine(c);
        break;
      }
      scrubBucket(c, hand);
      st(c + ST_SCRUB_HAND, hand + 1);
    }
  }
}
/** A pass has ended: free the segments that were there when it began. */
function leaveQuarantine(c: i32): void {
  // Bodies whose heads were there must go before something else is.
  sweepOrphans(c);
  const pass = ld(c + ST_SCRUB_PASS);
  let at: i32 = ld(c + ST_QUARANTINED);
  st(c + ST_QUARANTINED, 0);
  while (at !== 0) {
    const s = at - 1;
    at = seg(c, s, SG_NEXT);
    if (pass - seg(c, s, SG_CURSOR) >= 2) freeSeg(c, s);
    else {
      setSeg(c, s, SG_NEXT, ld(c + ST_QUARANTINED));
      st(c + ST_QUARANTINED, s + 1);
    }
  }
}
