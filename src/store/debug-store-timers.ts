/** The walk over a store, continued: the timers of its segments (timers.ts). */

import { ld, ldf } from "../mm/machine.ts";
import { holds } from "./debug-store-facts.ts";
import {
  SEG_CLOSED,
  SEG_OPEN,
  SEG_SUNK,
  SG_DUE,
  SG_EXPIRY,
  SG_HEAP,
  SG_NEXT,
  SG_PLACE,
  SG_PREV,
  SG_STATE,
  ST_FRESH_SEG,
  ST_NEXT_EXPIRY,
  ST_NR_TIMERS,
  ST_RIPE,
  ST_RIPE_TAIL,
  seg,
  segAddr,
} from "./layout.ts";

/** The heap is one, names each segment once, and says when the first is due; the ripe ones are in it and in one list. */
export function checkTimers(c: number): void {
  const n = ld(c + ST_NR_TIMERS);
  const due = (s: number): number => ldf(segAddr(c, s) + SG_DUE);
  for (let i = 0; i < n; i++) {
    const s = seg(c, i, SG_HEAP);
    const state = seg(c, s, SG_STATE);
    holds(seg(c, s, SG_PLACE) === i + 1, () => `segment ${s} is at place ${i + 1} of the timers, says another`);
    const inUse = state === SEG_OPEN || state === SEG_CLOSED || state === SEG_SUNK;
    holds(inUse, () => `segment ${s} has a timer in state ${state}`);
    if (i > 0) holds(due(seg(c, (i - 1) >> 1, SG_HEAP)) <= due(s), () => `segment ${s} is due before its parent`);
  }
  const next = n === 0 ? Number.POSITIVE_INFINITY : due(seg(c, 0, SG_HEAP));
  holds(ldf(c + ST_NEXT_EXPIRY) === next, () => `something is due at ${next}, not expires before that`);
  let last = 0;
  let ripe = 0;
  for (let s = ld(c + ST_RIPE) - 1; s >= 0; s = seg(c, s, SG_NEXT) - 1) {
    holds(seg(c, s, SG_PREV) === (last === 0 ? -1 : last), () => `the list of ripe segments is broken at ${s}`);
    holds(seg(c, s, SG_PLACE) > 0, () => `the ripe segment ${s} has no timer`);
    last = s + 1;
    ripe++;
    holds(ripe <= n, () => "the list of ripe segments has no end");
  }
  holds(ld(c + ST_RIPE_TAIL) === last, () => `the last ripe segment is ${last - 1}, not the one that is named`);
  const fresh = ld(c + ST_FRESH_SEG);
  let timers = 0;
  for (let s = 0; s < fresh; s++) {
    if (seg(c, s, SG_PLACE) !== 0) timers++;
    if (seg(c, s, SG_PREV) !== 0) ripe--;
  }
  holds(timers === n && ripe === 0, () => `${timers} segments have timers, ${n} counted, ${ripe} ripe ones too many`);
}
/** An item of segment `s` expires then: its segment knows. */
export function checkExpiry(c: number, s: number, expiry: number, what: () => string): void {
  const last = ldf(segAddr(c, s) + SG_EXPIRY);
  holds(expiry <= last, () => `${what()} expires at ${expiry}, its segment says ${last}`);
  if (expiry === Number.POSITIVE_INFINITY || seg(c, s, SG_PREV) !== 0) return;
  const due = ldf(segAddr(c, s) + SG_DUE);
  holds(
    seg(c, s, SG_PLACE) !== 0 && due <= expiry,
    () => `${what()} expires at ${expiry}, its segment is due at ${due}`,
  );
}
