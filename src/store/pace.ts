/**
 * What has earned its place, an item of the store or a page of somebody else's: the store counts requests, the engine ticks of its own time
 * (mm/last-use.ts), and how many of these pass in a request is learned as they pass. What was last needed so long ago will be needed again in as
 * long, as far as anybody knows who has not asked its owner.
 */
import { lastUse, lruClock } from "../mm/last-use.ts";
import { ld, ldf, st, stf, unsigned } from "../mm/machine.ts";
import { ST_NOW, ST_PACE, ST_PACE_NOW, ST_PACE_TICK } from "./layout.ts";

/** Requests over which ticks are counted, and the part of what was known that a count takes the place of. */
const STRETCH: f64 = 1024;
const PART: f64 = 4;

/** Whether an item that was asked for after `age` requests is needed sooner than folio `f` was used: that has waited for longer. */
export function neededSooner(c: i32, age: i32, f: i32): boolean {
  learn(c);
  const idle: f64 = (lruClock() - lastUse(f)) | 0;
  const pace = ldf(c + ST_PACE);
  return pace >= 0 && unsigned(age) * pace < idle;
}
function learn(c: i32): void {
  const requests = unsigned((ld(c + ST_NOW) - ld(c + ST_PACE_NOW)) | 0);
  if (requests < STRETCH) return;
  const ticks = unsigned((lruClock() - ld(c + ST_PACE_TICK)) | 0);
  const known = ldf(c + ST_PACE);
  const pace = ticks / requests;
  stf(c + ST_PACE, known < 0 ? pace : known + (pace - known) / PART);
  st(c + ST_PACE_NOW, ld(c + ST_NOW));
  st(c + ST_PACE_TICK, lruClock());
}
/** Nothing is known yet. */
export function initPace(c: i32): void {
  stf(c + ST_PACE, -1);
  st(c + ST_PACE_NOW, ld(c + ST_NOW));
  st(c + ST_PACE_TICK, lruClock());
}
