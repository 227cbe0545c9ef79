/**
 * Work on a segment that was cut short because somebody waits for the store's lock: whoever has his turn next goes on there, for to choose anew
 * costs as much as the work itself. It stands in the store, as it may be another thread that goes on.
 */
import { ld, st } from "../mm/machine.ts";
import { SEG_CLOSED, SG_STATE, SG_STREAM, ST_FRESH_SEG, seg } from "./layout.ts";

/** Words of a kind of work (ST_CUT_CLEAN, ST_CUT_SORT, ST_CUT_HOLES): the segment plus 1, and which of its lives that was. */
const STREAM: i32 = 4;

/** Work of kind `at` on segment `s` was cut short. */
export function noteCut(c: i32, at: i32, s: i32): void {
  cut = true;
  st(c + at, s + 1);
  st(c + at + STREAM, seg(c, s, SG_STREAM));
}
/** Whether any work was since {@link beginWork}. */
export function wasCut(): boolean {
  return cut;
}
export function beginWork(): void {
  cut = false;
}
let cut: boolean = false;

/** The segment where work of kind `at` was cut short, once, if it is there yet; else -1. */
export function takeCut(c: i32, at: i32): i32 {
  const s = ld(c + at) - 1;
  st(c + at, 0);
  if (s < 0 || s >= ld(c + ST_FRESH_SEG) || seg(c, s, SG_STATE) !== SEG_CLOSED) return -1;
  return seg(c, s, SG_STREAM) === ld(c + at + STREAM) ? s : -1;
}
