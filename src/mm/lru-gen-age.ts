/**
 * How old what stands in generations is, in the time of last-use.ts. A page carries the time of the last look that found it
 * in use, as everywhere; and the pages of a generation were last used before the next was opened, which is what tells of a list
 * whose next page has been found in use since it came there.
 */
import { before, lastUse, lruClock } from "./last-use.ts";
import { flags, L_GEN_BIRTH, lru, lruGenHead, lruvecOf, prev, setLru } from "./layout.ts";
import { flagsGen, genOf, MIN_NR_GENS, maxSeq, minSeq } from "./lru-gen.ts";

/** The youngest generation has just been opened. */
export function noteBirth(lv: i32): void {
  setLru(lv, L_GEN_BIRTH + (genOf(maxSeq(lv)) << 2), lruClock());
}
function birth(lv: i32, seq: i32): i32 {
  return lru(lv, L_GEN_BIRTH + (genOf(seq) << 2));
}
/** When the youngest generation was opened. */
export function youngestSince(lv: i32): i32 {
  return birth(lv, maxSeq(lv));
}
/** When the next page of a type to go was last used, at most. */
export function lruGenOldest(nid: i32, cg: i32, type: i32): i32 {
  const lv = lruvecOf(nid, cg);
  const end: i32 = (maxSeq(lv) + 1) | 0;
  for (let seq: i32 = minSeq(lv, type); seq !== end; seq = (seq + 1) | 0) {
    const head = lruGenHead(nid, cg, genOf(seq), type);
    const f = prev(head);
    if (f === head) continue;
    return flagsGen(flags(f)) === genOf(seq) ? lastUse(f) : birth(lv, seq + 1);
  }
  return lruClock();
}
/**
 * The generation for a page last used at `time`, at most the second youngest: the one before the first whose next page to go
 * is younger.
 */
export function seqOfTime(nid: i32, cg: i32, type: i32, time: i32): i32 {
  const lv = lruvecOf(nid, cg);
  const end: i32 = (maxSeq(lv) - MIN_NR_GENS + 1) | 0;
  const oldest = minSeq(lv, type);
  for (let seq: i32 = oldest; seq !== end; seq = (seq + 1) | 0) {
    if (startsAfter(nid, cg, type, seq, time)) return seq === oldest ? oldest : (seq - 1) | 0;
  }
  return startsAfter(nid, cg, type, end, time) && end !== oldest ? (end - 1) | 0 : end;
}
/** Whether the next page to go of generation `seq` was last used after `time`. */
export function startsAfter(nid: i32, cg: i32, type: i32, seq: i32, time: i32): boolean {
  const head = lruGenHead(nid, cg, genOf(seq), type);
  const f = prev(head);
  return f !== head && flagsGen(flags(f)) === genOf(seq) && before(time, lastUse(f));
}
