/**
 * A guard against being worse than LRU. It reckons what an LRU cache of the same bytes would have hit: the bytes whose most
 * recent access lies in each stretch of time are kept in at most 256 bins, so the age at which LRU would have dropped an item
 * is known, and with it whether a request whose history is known would have been a hit. When LRU gets ahead by more than
 * chance, items are judged by recency for a while.
 *
 * Bins are as wide as it takes for them to reach back that far, up to 2^31 requests in all; beyond that the first one holds
 * whatever is older. While nothing has to go, that is as far back as anything was last asked for; when then a stream of new
 * items has LRU drop far younger ones, bins are made narrower again, and what was asked for since they were begun is right. They
 * move with the clock at every request, so that no two ages are taken for one when it wraps.
 */

import { V_SWAPPED, vma } from "../mm/layout.ts";
import { copyBytes, ld, ldf, ltu, st, stf, toI32, unsigned } from "../mm/machine.ts";
import { forgetSizes, noteSize } from "./fair.ts";
import { nearItems } from "./history.ts";
import {
  add,
  addf,
  metaAddr,
  ST_AHEAD,
  ST_BIN_COUNT,
  ST_BIN_FIRST,
  ST_BIN_SHIFT,
  ST_BINS,
  ST_BODIES,
  ST_DATA_VMA,
  ST_DEFICIT,
  ST_DROP_SAVED,
  ST_DROP_WORTH,
  ST_GUARD_AT,
  ST_GUARD_SEEN,
  ST_ITEMS,
  ST_LOG_LIVE,
  ST_LRU_AGE,
  ST_LRU_FULL_AGE,
  ST_LRU_LENGTH,
  ST_LRU_MODE,
  ST_LRU_SINCE,
  ST_MAX_PAGES,
  ST_NOW,
  ST_NR_GHOSTS,
  ST_SINK,
  ST_SINK_SAVED,
  ST_SINK_WORTH,
  ST_SUNK_ITEMS,
  ST_SUNK_LIVE,
  ST_THETA,
  ST_THETA_SAVED,
} from "./layout.ts";
import { log2 } from "./log2.ts";
import { inNodes, sunkBodies } from "./meta.ts";
import { NO_THETA } from "./rank.ts";

export const NR_BINS: i32 = 256;
export const BINS_SIZE: i32 = NR_BINS * 8;
/** The widest bins: all of them together are half of what a stamp can tell. */
export const MAX_SHIFT: i32 = 23;
/** The narrowest. */
export const MIN_SHIFT: i32 = 3;
/** Granules that an item's head and key take, about. */
const OVERHEAD: i32 = 5;
/** By what part of the requests LRU may be ahead in the long run, and how far what is won counts against what is lost later. */
const PROMISE: f64 = 0.005;
const LEAD: f64 = 0.02;
/** Requests beyond which the guard does not look back whatever the store's size. */
const MAX_HORIZON: f64 = 1e9;

/** The address of the bin that is `i` after the first: granules, f64. */
function bin(c: i32, i: i32): i32 {
  return metaAddr(c, ld(c + ST_BINS)) + (i << 3);
}
/** Which bin after the first a stamp belongs to, without a sign; stamps wrap, and so do the numbers of bins. */
function binOf(c: i32, stamp: i32): i32 {
  const shift = ld(c + ST_BIN_SHIFT);
  return (((stamp >>> shift) - ld(c + ST_BIN_FIRST)) << shift) >>> shift;
}
/** The first bin is `n` further on. */
function skipBins(c: i32, n: i32): void {
  const shift = ld(c + ST_BIN_SHIFT);
  st(c + ST_BIN_FIRST, ((ld(c + ST_BIN_FIRST) + n) << shift) >>> shift);
}

/** A request was made. Returns its bin. */
export function passTime(c: i32): i32 {
  const now = (ld(c + ST_NOW) + 1) | 0;
  st(c + ST_NOW, now);
  return binNow(c, now);
}
/** `n` requests were made of which nothing else is known. */
export function passRequests(c: i32, n: i32): void {
  const now = (ld(c + ST_NOW) + n) | 0;
  st(c + ST_NOW, now);
  binNow(c, now);
}
/** The bin of now, opened if it has to be. */
function binNow(c: i32, now: i32): i32 {
  const at = binOf(c, now);
  if (ltu(at, ld(c + ST_BIN_COUNT))) return at;
  openBins(c, now);
  return binOf(c, now);
}
/** A request for a value of `granules`, last asked for at `last` if that is `known`, was a hit or not. */
export function noteRequest(c: i32, granules: i32, known: boolean, last: i32, hit: boolean): void {
  const now = ld(c + ST_NOW);
  const to = binNow(c, now);
  let from: i32 = -1;
  let inLru: boolean = false;
  let inFull: boolean = false;
  if (known) {
    from = binOf(c, last);
    if (!ltu(from, ld(c + ST_BIN_COUNT))) from = folded(c) ? 0 : -1;
    const age = ld(c + ST_LRU_AGE);
    inLru = age < 0 || ltu((now - last) | 0, age);
    const full = ld(c + ST_LRU_FULL_AGE);
    inFull = full < 0 || ltu((now - last) | 0, full);
  }
  if (inLru !== hit) addf(c + ST_AHEAD, inLru ? 1 : -1);
  // No size pays for what heads, index and holes take: they are not its fault.
  noteSize(c, granules, inFull === hit ? 0 : inFull ? 1 : -1);
  if (from === to) return;
  const bins = bin(c, 0);
  if (from >= 0) addf(bins + (from << 3), -granules);
  addf(bins + (to << 3), granules);
}
/** Whether the first bin stands for all that is older, too. */
function folded(c: i32): boolean {
  return ld(c + ST_BIN_SHIFT) === MAX_SHIFT && ld(c + ST_BIN_COUNT) === NR_BINS;
}
/** Open the bins up to now, which are wider if there would be too many. */
function openBins(c: i32, now: i32): void {
  findAge(c);
  while (!ltu(binOf(c, now), NR_BINS)) {
    if (ld(c + ST_BIN_SHIFT) < MAX_SHIFT) mergeBins(c);
    else foldBin(c);
  }
  const n = binOf(c, now) + 1;
  for (let i: i32 = ld(c + ST_BIN_COUNT); i < n; i++) stf(bin(c, i), 0);
  st(c + ST_BIN_COUNT, n);
}
/** Make each bin twice as wide. */
function mergeBins(c: i32): void {
  const odd = ld(c + ST_BIN_FIRST) & 1;
  const n = ld(c + ST_BIN_COUNT);
  for (let i: i32 = 0; i < n; i++) {
    const to = bin(c, (odd + i) >>> 1);
    // What is written lies at most where was just read.
    if (i === 0 || ((odd + i) & 1) === 0) stf(to, ldf(bin(c, i)));
    else addf(to, ldf(bin(c, i)));
  }
  st(c + ST_BIN_FIRST, ld(c + ST_BIN_FIRST) >>> 1);
  st(c + ST_BIN_COUNT, (odd + n + 1) >>> 1);
  add(c + ST_BIN_SHIFT, 1);
}
/** Add the first bin to the next. */
function foldBin(c: i32): void {
  const n = ld(c + ST_BIN_COUNT);
  if (n > 1) {
    addf(bin(c, 1), ldf(bin(c, 0)));
    copyBytes(bin(c, 0), bin(c, 1), (n - 1) << 3);
  }
  if (n > 0) st(c + ST_BIN_COUNT, n - 1);
  skipBins(c, 1);
}
/** Forget the first `n` bins. */
function dropBins(c: i32, n: i32): void {
  if (n <= 0) return;
  copyBytes(bin(c, 0), bin(c, n), (ld(c + ST_BIN_COUNT) - n) << 3);
  skipBins(c, n);
  add(c + ST_BIN_COUNT, -n);
}
/** Make each bin half as wide. What is in one is taken to have come evenly over the time that it has had. */
function splitBins(c: i32): void {
  const shift = ld(c + ST_BIN_SHIFT) - 1;
  const n = ld(c + ST_BIN_COUNT);
  const last = ((ld(c + ST_BIN_FIRST) + n - 1) << shift) << 1;
  const had = unsigned((ld(c + ST_NOW) - last) | 0) + 1;
  const span: i32 = 1 << shift;
  const half: f64 = span;
  const bins = bin(c, 0);
  for (let i: i32 = n - 1; i >= 0; i--) {
    const all = ldf(bins + (i << 3));
    const share: f64 = i < n - 1 || had >= 2 * half ? 0.5 : had > half ? half / had : 1;
    const part = Math.floor(all * share);
    // What is written lies at least where was just read.
    stf(bins + (i << 4), part);
    stf(bins + (i << 4) + 8, all - part);
  }
  st(c + ST_BIN_SHIFT, shift);
  st(c + ST_BIN_FIRST, ((ld(c + ST_BIN_FIRST) << 1) << shift) >>> shift);
  st(c + ST_BIN_COUNT, had > half ? n << 1 : (n << 1) - 1);
}
/** Pages that the store may hold in the nodes, as far as is known: with some in swap, no more than it does. */
function pagesInNodes(c: i32): i32 {
  return vma(ld(c + ST_DATA_VMA), V_SWAPPED) > 0 ? inNodes(c) : ld(c + ST_MAX_PAGES);
}
/** The bytes of values that LRU would have room for, in granules. */
function lruRoom(c: i32): f64 {
  let room: f64 = pagesInNodes(c);
  room *= 512;
  // Of what the store really holds in values, so that the cost of its heads is not held against it: judged by recency, it
  // would have them too.
  let values: f64 = ld(c + ST_ITEMS) - ld(c + ST_SUNK_ITEMS);
  values = ld(c + ST_LOG_LIVE) - ld(c + ST_SUNK_LIVE) - values * OVERHEAD;
  const bodies: f64 = ld(c + ST_BODIES) - sunkBodies(c);
  const held: f64 = values + bodies * 512 + room * 0.003;
  return held < room ? held : room;
}
/**
 * The age at which LRU would drop an item: as old as the newest bins together are large. Older bins are dropped, and empty ones;
 * if few are left, they are made narrower.
 */
function findAge(c: i32): void {
  st(c + ST_LRU_AGE, -1);
  st(c + ST_LRU_FULL_AGE, -1);
  const n = ld(c + ST_BIN_COUNT);
  if (n === 0) return;
  const bins = bin(c, 0);
  if (ld(c + ST_NR_GHOSTS) === 0) {
    // As long as nothing was dropped, it would not have dropped anything either.
    let empty: i32 = 0;
    while (empty < n - 1 && ldf(bins + (empty << 3)) === 0) empty++;
    dropBins(c, empty);
    return;
  }
  let all: f64 = pagesInNodes(c);
  all *= 512;
  const room = lruRoom(c);
  let sum: f64 = 0;
  let i: i32 = n;
  while (i > 0 && sum < room) sum += ldf(bins + (--i << 3));
  if (sum < room) return;
  st(c + ST_LRU_AGE, ageWithin(c, i, sum - room));
  while (i > 0 && sum < all) sum += ldf(bins + (--i << 3));
  if (sum >= all) st(c + ST_LRU_FULL_AGE, ageWithin(c, i, sum - all));
  dropBins(c, i - 1);
  while (ld(c + ST_BIN_COUNT) < NR_BINS / 4 && ld(c + ST_BIN_SHIFT) > MIN_SHIFT) splitBins(c);
}
/** The age within bin `i` beyond which it holds `over` granules. */
function ageWithin(c: i32, i: i32, over: f64): i32 {
  const bytes = ldf(bin(c, i));
  const start = (ld(c + ST_BIN_FIRST) + i) << ld(c + ST_BIN_SHIFT);
  const span: i32 = 1 << ld(c + ST_BIN_SHIFT);
  const had = unsigned((ld(c + ST_NOW) - start) | 0);
  let width: f64 = span;
  if (had < width) width = had;
  const part: f64 = bytes > 0 ? over / bytes : 0;
  const age = had - Math.floor(part * width);
  return age < 0 ? 0 : age < 0x7fffffff ? toI32(age) : 0x7fffffff;
}

/** Compare, and change between learned ranks and recency where it shows that one is better. Called now and then. */
export function guardStep(c: i32): void {
  findAge(c);
  const now = ld(c + ST_NOW);
  const ahead = ldf(c + ST_AHEAD);
  stf(c + ST_AHEAD, 0);
  const passed = unsigned((now - ld(c + ST_GUARD_AT)) | 0);
  st(c + ST_GUARD_AT, now);
  const age = ld(c + ST_LRU_AGE);
  if (age >= 0) forgetSizes(c, passed / (age + 1));
  const items = nearItems(c);
  const window = items > 1024 ? items : 1024;
  let horizon: f64 = window;
  horizon *= 8;
  const since = ldf(c + ST_GUARD_SEEN) + passed;
  const seen: f64 = since < horizon ? since : horizon;
  stf(c + ST_GUARD_SEEN, since < MAX_HORIZON ? since : MAX_HORIZON);
  // While nothing was dropped yet both would have hit the same.
  if (ld(c + ST_NR_GHOSTS) === 0) return;
  const inLru = ld(c + ST_LRU_MODE) !== 0;
  let d: f64 = ldf(c + ST_DEFICIT) * (passed < horizon ? 1 - passed / horizon : 0);
  if (!inLru) d += ahead;
  if (d < -LEAD * seen) d = -LEAD * seen;
  const limit: f64 = PROMISE * seen + 2 * Math.sqrt(0.02 * seen);
  const length = ld(c + ST_LRU_LENGTH);
  if (!inLru && d > limit) enterLru(c, window);
  else if (!inLru && d < 0 && length > window) st(c + ST_LRU_LENGTH, length - ((length / 20) | 0));
  else if (inLru && (d < limit / 2 || !ltu((now - ld(c + ST_LRU_SINCE)) | 0, length))) {
    st(c + ST_LRU_MODE, 0);
    st(c + ST_THETA, ld(c + ST_THETA_SAVED));
    st(c + ST_DROP_WORTH, ld(c + ST_DROP_SAVED));
    st(c + ST_SINK, ld(c + ST_SINK_SAVED));
    st(c + ST_SINK_WORTH, ld(c + ST_SINK_SAVED));
    if (d > limit / 2) d = 0;
  }
  stf(c + ST_DEFICIT, d);
}
function enterLru(c: i32, window: i32): void {
  let length: f64 = ld(c + ST_LRU_LENGTH);
  const least: f64 = window;
  length *= 2;
  if (length < least) length = least;
  else if (length > least * 32) length = least * 32;
  const age = ld(c + ST_LRU_AGE);
  st(c + ST_LRU_LENGTH, length < 0x7fffffff ? toI32(length) : 0x7fffffff);
  st(c + ST_LRU_SINCE, ld(c + ST_NOW));
  st(c + ST_LRU_MODE, 1);
  st(c + ST_THETA_SAVED, ld(c + ST_THETA));
  st(c + ST_DROP_SAVED, ld(c + ST_DROP_WORTH));
  st(c + ST_SINK_SAVED, ld(c + ST_SINK));
  // What was learned of scores is of the other scale.
  const theta = -log2(age > 0 ? age : unsigned(ld(c + ST_ITEMS)) * 2 + 2);
  st(c + ST_THETA, theta);
  st(c + ST_DROP_WORTH, theta);
  st(c + ST_SINK, NO_THETA);
}
