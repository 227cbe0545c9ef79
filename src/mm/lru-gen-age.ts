/** How old generations are, in the time of last-use.ts: the pages of one were last used before the next was opened. */
import { before, lruClock } from "./last-use.ts";
import { L_GEN_BIRTH, lru, setLru } from "./layout.ts";
import { genOf, MIN_NR_GENS, maxSeq, minSeq } from "./lru-gen.ts";

/** The youngest generation has just been opened. */
export function noteBirth(lv: i32): void {
  setLru(lv, L_GEN_BIRTH + (genOf(maxSeq(lv)) << 2), lruClock());
}
function birth(lv: i32, seq: i32): i32 {
  return lru(lv, L_GEN_BIRTH + (genOf(seq) << 2));
}
/** When the pages of the oldest generation of a type were last used, at most. */
export function lruGenOldest(lv: i32, type: i32): i32 {
  return birth(lv, minSeq(lv, type) + 1);
}
/** The generation of a page last used at `time` among those that are there, at most the second youngest. */
export function seqOfTime(lv: i32, type: i32, time: i32): i32 {
  let seq: i32 = maxSeq(lv) - MIN_NR_GENS + 1;
  while (seq > minSeq(lv, type) && before(time, birth(lv, seq))) seq--;
  return seq;
}
