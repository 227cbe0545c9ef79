/**
 * Which segments something expires in, and when. Items with a time to live share segments by its length (stream.ts), so there
 * is a timer for each segment rather than for each item: a heap of segments by the time when they are due,
 *
 *   first    when the first of its items may have expired: it is ripe from then on, which means that whoever needs room
 *            finds some in it;
 *   ripe     when the last of them has, and its grace is over: then it is reclaimed, needed or not.
 *
 * Times are bounds from below: an item that is deleted, or whose life begins anew, moves no timer; who finds a segment due too
 * early sets it right. The heap lies in the segments' records, place n in the n-th.
 */
import { ld, ldf, st, stf } from "../mm/machine.ts";
import {
  kindOf,
  SG_DUE,
  SG_EXPIRY,
  SG_HEAP,
  SG_NEXT,
  SG_PLACE,
  SG_PREV,
  ST_GRACE,
  ST_NEXT_EXPIRY,
  ST_NR_TIMERS,
  ST_RIPE,
  ST_RIPE_TAIL,
  STREAM_TTL,
  seg,
  segAddr,
  setSeg,
} from "./layout.ts";

/** The longest time to live of the first class, ms; each further one has twice as long ones. */
export const FIRST_CLASS_MS: f64 = 1000;

/** When a segment is reclaimed though nobody needs its room: all that is in it has expired, and its grace is over. */
export function reclaimTime(c: i32, s: i32): f64 {
  const grace = ldf(c + ST_GRACE);
  if (grace >= 0) return ldf(segAddr(c, s) + SG_EXPIRY) + grace;
  let longest: f64 = FIRST_CLASS_MS;
  for (let cls = kindOf(c, s) - STREAM_TTL; cls > 0; cls--) longest *= 2;
  return ldf(segAddr(c, s) + SG_EXPIRY) + longest;
}

/** An item of segment `s` expires at this time. */
export function noteExpiry(c: i32, s: i32, expiry: f64): void {
  const p = segAddr(c, s);
  if (expiry > ldf(p + SG_EXPIRY)) stf(p + SG_EXPIRY, expiry);
  if (expiry === Infinity || isRipe(c, s)) return;
  if (ld(p + SG_PLACE) === 0) {
    const n = ld(c + ST_NR_TIMERS);
    st(c + ST_NR_TIMERS, n + 1);
    stf(p + SG_DUE, expiry);
    putAt(c, n, s);
    up(c, n);
  } else if (expiry < ldf(p + SG_DUE)) setDue(c, s, expiry);
}
/** The segment is due at another time. */
export function setDue(c: i32, s: i32, time: f64): void {
  const p = segAddr(c, s);
  stf(p + SG_DUE, time);
  const place = ld(p + SG_PLACE) - 1;
  up(c, place);
  down(c, ld(segAddr(c, s) + SG_PLACE) - 1);
  noteNext(c);
}
/** The segment is empty, or about to be. */
export function cancelTimer(c: i32, s: i32): void {
  const place = seg(c, s, SG_PLACE) - 1;
  if (place < 0) return;
  if (isRipe(c, s)) unripe(c, s);
  const n = ld(c + ST_NR_TIMERS) - 1;
  st(c + ST_NR_TIMERS, n);
  setSeg(c, s, SG_PLACE, 0);
  if (place < n) {
    const last = at(c, n);
    putAt(c, place, last);
    up(c, place);
    down(c, seg(c, last, SG_PLACE) - 1);
  }
  noteNext(c);
}
/** The segment that is due first; there must be one. */
export function firstDue(c: i32): i32 {
  return at(c, 0);
}

export function isRipe(c: i32, s: i32): boolean {
  return seg(c, s, SG_PREV) !== 0;
}
/** The segment has been ripe the longest; -1 = none is. */
export function firstRipe(c: i32): i32 {
  return ld(c + ST_RIPE) - 1;
}
/** Something in the segment may have expired. */
export function ripen(c: i32, s: i32): void {
  const tail = ld(c + ST_RIPE_TAIL);
  setSeg(c, s, SG_PREV, tail === 0 ? -1 : tail);
  setSeg(c, s, SG_NEXT, 0);
  if (tail === 0) st(c + ST_RIPE, s + 1);
  else setSeg(c, tail - 1, SG_NEXT, s + 1);
  st(c + ST_RIPE_TAIL, s + 1);
  setDue(c, s, reclaimTime(c, s));
}
/** Nothing in the segment has expired. */
export function unripe(c: i32, s: i32): void {
  const prev = seg(c, s, SG_PREV);
  const next = seg(c, s, SG_NEXT);
  if (prev < 0) st(c + ST_RIPE, next);
  else setSeg(c, prev - 1, SG_NEXT, next);
  if (next === 0) st(c + ST_RIPE_TAIL, prev < 0 ? 0 : prev);
  else setSeg(c, next - 1, SG_PREV, prev);
  setSeg(c, s, SG_PREV, 0);
  setSeg(c, s, SG_NEXT, 0);
}

// ---- the heap --------------------------------------------------------------------------------------------------------
function at(c: i32, place: i32): i32 {
  return ld(segAddr(c, place) + SG_HEAP);
}
function putAt(c: i32, place: i32, s: i32): void {
  st(segAddr(c, place) + SG_HEAP, s);
  st(segAddr(c, s) + SG_PLACE, place + 1);
}
function dueOf(c: i32, s: i32): f64 {
  return ldf(segAddr(c, s) + SG_DUE);
}
function noteNext(c: i32): void {
  stf(c + ST_NEXT_EXPIRY, ld(c + ST_NR_TIMERS) === 0 ? Infinity : dueOf(c, at(c, 0)));
}
function up(c: i32, from: i32): void {
  const s = at(c, from);
  const due = dueOf(c, s);
  let place: i32 = from;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const other = at(c, parent);
    if (dueOf(c, other) <= due) break;
    putAt(c, place, other);
    place = parent;
  }
  putAt(c, place, s);
  if (place === 0) noteNext(c);
}
function down(c: i32, from: i32): void {
  const n = ld(c + ST_NR_TIMERS);
  const s = at(c, from);
  const due = dueOf(c, s);
  let place: i32 = from;
  for (let child: i32 = 2 * place + 1; child < n; child = 2 * place + 1) {
    if (child + 1 < n && dueOf(c, at(c, child + 1)) < dueOf(c, at(c, child))) child++;
    const other = at(c, child);
    if (due <= dueOf(c, other)) break;
    putAt(c, place, other);
    place = child;
  }
  putAt(c, place, s);
}
