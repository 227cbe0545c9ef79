/**
 * A guard against being worse than LRU. It reckons what an LRU cache of the same bytes would have hit: the bytes whose most
 * recent access lies in each stretch of time are kept in at most 256 bins, so the age at which LRU would have dropped an item
 * is known, and with it whether a request whose history is known would have been a hit. When LRU gets ahead by more than
 * chance, items are judged by recency for a while.
 */
import { copyBytes, ld, ldf, st, stf, toI32 } from "../mm/machine.ts";
import {
  add,
  metaAddr,
  ST_BIN_COUNT,
  ST_BIN_FIRST,
  ST_BIN_SHIFT,
  ST_BINS,
  ST_BODIES,
  ST_DEFICIT,
  ST_GUARD_AT,
  ST_ITEMS,
  ST_LOG_LIVE,
  ST_LRU_AGE,
  ST_LRU_HITS,
  ST_LRU_LENGTH,
  ST_LRU_MODE,
  ST_LRU_TILL,
  ST_MAX_PAGES,
  ST_NOW,
  ST_NR_GHOSTS,
  ST_OUR_HITS,
  ST_THETA,
  ST_THETA_SAVED,
} from "./layout.ts";
import { log2 } from "./log2.ts";

const NR_BINS: i32 = 256;
export const BINS_SIZE: i32 = NR_BINS * 4;
/** Granules that an item's head and key take, about. */
const OVERHEAD: i32 = 5;

/** The bin that is `i` after the first. */
function bin(c: i32, i: i32): i32 {
  return metaAddr(c, ld(c + ST_BINS)) + (i << 2);
}

/** A request for a value of `granules`, last asked for at `last` if that is `known`, was a hit or not. */
export function noteRequest(c: i32, granules: i32, known: boolean, last: i32, hit: boolean): void {
  const shift = ld(c + ST_BIN_SHIFT);
  const now = ld(c + ST_NOW);
  if (known) {
    const at = (last >>> shift) - ld(c + ST_BIN_FIRST);
    if (at >= 0 && at < ld(c + ST_BIN_COUNT)) add(bin(c, at), -granules);
    const age = ld(c + ST_LRU_AGE);
    if (age < 0 || ((now - last) | 0) < age) add(c + ST_LRU_HITS, 1);
  }
  if (hit) add(c + ST_OUR_HITS, 1);
  if ((now >>> shift) - ld(c + ST_BIN_FIRST) >= ld(c + ST_BIN_COUNT)) openBins(c);
  add(bin(c, (now >>> ld(c + ST_BIN_SHIFT)) - ld(c + ST_BIN_FIRST)), granules);
}
function openBins(c: i32): void {
  findAge(c);
  while ((ld(c + ST_NOW) >>> ld(c + ST_BIN_SHIFT)) - ld(c + ST_BIN_FIRST) >= NR_BINS) mergeBins(c);
  const now = ld(c + ST_NOW) >>> ld(c + ST_BIN_SHIFT);
  while (now - ld(c + ST_BIN_FIRST) >= ld(c + ST_BIN_COUNT)) {
    st(bin(c, ld(c + ST_BIN_COUNT)), 0);
    add(c + ST_BIN_COUNT, 1);
  }
}
/** Make each bin twice as wide. */
function mergeBins(c: i32): void {
  const first = ld(c + ST_BIN_FIRST);
  const n = ld(c + ST_BIN_COUNT);
  const to = first >>> 1;
  for (let i: i32 = 0; i < n; i++) {
    const at = ((first + i) >>> 1) - to;
    const bytes = ld(bin(c, i));
    // What is written lies at most where was just read.
    if (i === 0 || ((first + i) & 1) === 0) st(bin(c, at), bytes);
    else add(bin(c, at), bytes);
  }
  st(c + ST_BIN_FIRST, to);
  st(c + ST_BIN_COUNT, n === 0 ? 0 : ((first + n - 1) >>> 1) - to + 1);
  add(c + ST_BIN_SHIFT, 1);
}
/** The age at which LRU would drop an item: as old as the newest bins together are large. Older bins are dropped. */
function findAge(c: i32): void {
  let room: f64 = ld(c + ST_MAX_PAGES);
  room *= 512;
  // Of what the store really holds in values, so that the cost of its heads is not held against it.
  const values: f64 = ld(c + ST_LOG_LIVE) - ld(c + ST_ITEMS) * OVERHEAD;
  const bodies: f64 = ld(c + ST_BODIES);
  const held: f64 = values + bodies * 512;
  if (ld(c + ST_NR_GHOSTS) > 0 && held + room * 0.003 < room) room = held + room * 0.003;
  const n = ld(c + ST_BIN_COUNT);
  let sum: f64 = 0;
  let i: i32 = n;
  st(c + ST_LRU_AGE, -1);
  while (i > 0) {
    const bytes: f64 = ld(bin(c, i - 1));
    sum += bytes;
    if (sum >= room) {
      const shift = ld(c + ST_BIN_SHIFT);
      const start = (ld(c + ST_BIN_FIRST) + i - 1) << shift;
      const span: i32 = 1 << shift;
      const width: f64 = span;
      const over: f64 = bytes > 0 ? (sum - room) / bytes : 0;
      st(c + ST_LRU_AGE, ld(c + ST_NOW) - start - toI32(Math.floor(over * width)));
      break;
    }
    i--;
  }
  if (i <= 2) return;
  const drop = i - 2;
  copyBytes(bin(c, 0), bin(c, drop), (n - drop) << 2);
  add(c + ST_BIN_FIRST, drop);
  add(c + ST_BIN_COUNT, -drop);
}

/** Compare, and change between learned ranks and recency where it shows that one is better. Called now and then. */
export function guardStep(c: i32): void {
  const now = ld(c + ST_NOW);
  const ahead: f64 = ld(c + ST_LRU_HITS) - ld(c + ST_OUR_HITS);
  st(c + ST_LRU_HITS, 0);
  st(c + ST_OUR_HITS, 0);
  const passed: f64 = now - ld(c + ST_GUARD_AT);
  st(c + ST_GUARD_AT, now);
  // While nothing was dropped yet both would have hit the same.
  if (ld(c + ST_NR_GHOSTS) === 0) return;
  const items = ld(c + ST_ITEMS);
  const window = items > 1024 ? items : 1024;
  const horizon: f64 = 8 * window;
  const inLru = ld(c + ST_LRU_MODE) !== 0;
  let d: f64 = ldf(c + ST_DEFICIT) * (passed < horizon ? 1 - passed / horizon : 0);
  if (!inLru) d += ahead;
  const requests: f64 = now & 0x7fffffff;
  const seen: f64 = requests < horizon ? requests : horizon;
  if (d < -0.003 * seen) d = -0.003 * seen;
  const limit: f64 = 0.001 * seen + 2 * Math.sqrt(0.02 * seen);
  if (!inLru && d > limit) enterLru(c, window);
  else if (!inLru && d < 0 && ld(c + ST_LRU_LENGTH) > window) {
    st(c + ST_LRU_LENGTH, ld(c + ST_LRU_LENGTH) - ((ld(c + ST_LRU_LENGTH) / 20) | 0));
  } else if (inLru && (d < limit / 2 || ((now - ld(c + ST_LRU_TILL)) | 0) >= 0)) {
    st(c + ST_LRU_MODE, 0);
    st(c + ST_THETA, ld(c + ST_THETA_SAVED));
    if (d > limit / 2) d = 0;
  }
  stf(c + ST_DEFICIT, d);
}
function enterLru(c: i32, window: i32): void {
  const twice = ld(c + ST_LRU_LENGTH) * 2;
  const length = twice < window ? window : twice > 32 * window ? 32 * window : twice;
  const age = ld(c + ST_LRU_AGE);
  st(c + ST_LRU_LENGTH, length);
  st(c + ST_LRU_TILL, ld(c + ST_NOW) + length);
  st(c + ST_LRU_MODE, 1);
  st(c + ST_THETA_SAVED, ld(c + ST_THETA));
  st(c + ST_THETA, -log2(age > 0 ? age : 2 * ld(c + ST_ITEMS) + 2));
}
