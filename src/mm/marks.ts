/**
 * Marks are read in turn, some with every tick of the time that last uses are told in (last-use.ts), as long as somebody asks how old pages are (middle.ts).
 *
 * A mark says that a page has been used since it was last looked at, not when. Where nobody had looked for long, which is where pages are that are seldom
 * scanned, as on the faster nodes, what had been used once since seemed to have been used just now, and those that were looked at more often went in its place.
 * So no mark is older than a lap, in which a sixteenth of the frames may be filled anew. Linux walks page tables for it where lists are
 * generations (lru-gen-walk.ts); the lists are told of what is found, and keep their order.
 */
import { folioHead } from "./folio.ts";
import { FAULTS_PER_TICK } from "./last-use.ts";
import { frames, H_MARK_FRAME, hdr, setHdr } from "./layout.ts";
import { lruLook } from "./lru.ts";
import { asksMiddle, isOrdinary } from "./middle.ts";

/** Frames to a fault. */
const PER_FAULT: i32 = 16;

/** Time has moved on by a tick. */
export function readMarks(): void {
  if (!asksMiddle()) return;
  const all = frames();
  let f: i32 = hdr(H_MARK_FRAME);
  for (let left: i32 = all < PER_FAULT * FAULTS_PER_TICK ? all : PER_FAULT * FAULTS_PER_TICK; left > 0; left--) {
    f = f + 1 < all ? f + 1 : 0;
    if (folioHead(f) === f && isOrdinary(f)) lruLook(f);
  }
  setHdr(H_MARK_FRAME, f);
}
