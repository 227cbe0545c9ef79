/**
 * What an item is worth: how likely a byte of it is to be hit soon, learned from what happened to others like it (after
 * N. Beckmann, H. Chen and A. Cidon, LHD: Improving cache hit rate by maximizing hit density, NSDI 2018).
 *
 * Items are put in classes by how often they were hit and by the time between their last two accesses. For each class, two
 * tables count at which age (requests since the last access) items were hit, and at which they were given up without (or
 * are now, still waiting). From these comes the hazard: how likely an item that has reached an age is to be hit then. An
 * item's rank is the best that keeping it from now until some age promises: hits per request of waiting, over all ages (its
 * Gittins index). Its score is the rank per byte.
 *
 * Ages go by four buckets an octave, counts in fixed point. Scores are logarithms to base 2.
 */
import { pte } from "../mm/layout.ts";
import { ld, ld16, ldf, ltu, st, st16, stf, toI32 } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { needBreak, writesLater } from "../mm/writeback.ts";
import { bodyVpn } from "./body.ts";
import { randomItem } from "./directory.ts";
import { weightOfSize } from "./fair.ts";
import { ghostSample } from "./ghost.ts";
import {
  ALL_HAZARDS,
  ageOf,
  bucketOfAge,
  CLASS_EVENTS,
  cell,
  classOf,
  EVENT,
  GHOST_WEIGHT,
  GIVEN_UP,
  HAZARDS,
  HITS,
  ITEM_WEIGHT,
  LOOKED_AT,
  NR_AGES,
  NR_CLASSES,
  NR_LOOKED_AT,
  NR_RANKED,
  nearItems,
  RANKS,
  WIDTHS,
} from "./history.ts";
import { BIT_BODY, bits, freq, gap, I_BODY, totalGranules } from "./item.ts";
import {
  add,
  locAddr,
  metaAddr,
  PAGE_GRANULES,
  ST_AGE_SHIFT,
  ST_AWAY,
  ST_ITEMS,
  ST_LRU_MODE,
  ST_MAX_PAGES,
  ST_NEW_BYTES,
  ST_NOW,
  ST_NR_GHOSTS,
  ST_REBUILT,
  ST_REBUILT_BYTES,
  ST_RNG,
  ST_SUNK_ITEMS,
  ST_TABLES,
} from "./layout.ts";
import { log2, log2Whole } from "./log2.ts";

/** The threshold of scores before anything had to go (evict.ts). */
export const NO_THETA: i32 = -0x7fffffff;
/** Weight of those that still wait: less than an event, as what they will come to is open. */
const WAITING_WEIGHT: f64 = 0.05;
/** What share of the bodies is in swap follows each look by this power of a half. */
const AWAY_SHIFT: i32 = 2;
/** In place of a class and age: none was met. */
const NONE: i32 = NR_CLASSES * NR_AGES;
/** Requests between two times of learning: a quarter of the items, within these bounds. */
const MIN_INTERVAL: i32 = 256;
export const MAX_INTERVAL: i32 = 8192;
/** And at least so many, if values are so large that fewer requests turn the store over. */
const LEAST_INTERVAL: i32 = 16;
/** Events that the prior, and the average of all classes, count for. */
const PRIOR_WEIGHT: f64 = 16;
const PRIOR_HAZARD: f64 = 0.03;
const CLASS_WEIGHT: f64 = 8;

/** The address of what is not in the three tables; that does not lie across pages. */
function part(c: i32, at: i32): i32 {
  return metaAddr(c, ld(c + ST_TABLES) + at);
}
/** The address of a row's f64 for an age bucket. */
function row(c: i32, at: i32, bucket: i32): i32 {
  return part(c, at + (bucket << 3));
}

/** The first age of a bucket. */
function firstAge(b: i32): f64 {
  if (b < 4) return b;
  let width: f64 = 1;
  for (let l: i32 = (b - 4) >> 2; l > 0; l--) width *= 2;
  return (4 + ((b - 4) & 3)) * width;
}
function widthOf(b: i32): f64 {
  return b + 1 < NR_AGES ? firstAge(b + 1) - firstAge(b) : firstAge(b) / 4;
}

/** What a byte of an item is worth: a logarithm in units of 2^-16. */
export function score(c: i32, item: i32): i32 {
  const age = ageOf(c, item);
  if (ld(c + ST_LRU_MODE) !== 0) return -log2Whole(ltu(age, 0x7fffffff) ? age + 1 : 0x7fffffff);
  return ld(cell(c, RANKS, classOf(freq(item), gap(item)), bucketOfAge(c, age))) - weightOfSize(c, totalGranules(item));
}

/** The same where it is not a matter of having a value at all, but of where: no size is favoured, so that the most hits are on the fastest node. */
export function density(c: i32, item: i32): i32 {
  const granules = totalGranules(item);
  const fair = granules >= PAGE_GRANULES && ld(c + ST_LRU_MODE) === 0;
  return score(c, item) + (fair ? weightOfSize(c, granules) - log2Whole(granules) : 0);
}

/** The same of an item of `granules` that is accessed now, with a history of `past`: hits << 3 | gap class. */
export function worthOf(c: i32, past: i32, granules: i32): i32 {
  if (ld(c + ST_LRU_MODE) !== 0) return 0;
  return ld(cell(c, RANKS, classOf(past >>> 3, past & 7), 0)) - weightOfSize(c, granules);
}

/**
 * How likely an item that is accessed now is to be asked for again before a byte of it is worth less than `limit` where it is a matter of which node
 * it is on: what became of those of its class. Of a class of which nothing is known it is certain.
 */
export function chanceAbove(c: i32, item: i32, limit: i32): f64 {
  const k = classOf(freq(item), gap(item));
  const size = log2Whole(totalGranules(item));
  const byAge = ld(c + ST_LRU_MODE) !== 0;
  let hits: f64 = EVENT;
  for (let b: i32 = 0; b < NR_AGES; b++) {
    const worth = byAge ? -log2(firstAge(b) + 1) - (ld(c + ST_AGE_SHIFT) << 16) : ld(cell(c, RANKS, k, b)) - size;
    if (worth < limit) break;
    hits += ld(cell(c, HITS, k, b));
  }
  const all: f64 = ld(part(c, CLASS_EVENTS) + (k << 2)) + EVENT;
  return hits < all ? hits / all : 1;
}

/** Learn again from the tables, if it is time, or rank the classes that were left then. Returns whether all are ranked now that were not. */
export function rebuildIfDue(c: i32): boolean {
  if (writesLater() && ld(part(c, NR_RANKED)) < NR_CLASSES) return rankClasses(c);
  const quarter = nearItems(c) >> 2;
  const interval = quarter < MIN_INTERVAL ? MIN_INTERVAL : quarter < MAX_INTERVAL ? quarter : MAX_INTERVAL;
  const passed = (ld(c + ST_NOW) - ld(c + ST_REBUILT)) | 0;
  if (ltu(passed, interval) && (ltu(passed, LEAST_INTERVAL) || !turned(c))) return false;
  st(c + ST_REBUILT, ld(c + ST_NOW));
  stf(c + ST_REBUILT_BYTES, ldf(c + ST_NEW_BYTES));
  lookAtSome(c);
  weighAll(c);
  return rankClasses(c);
}
/** Whether a quarter of what the store may hold has come since then: if sizes have grown, that is far fewer requests than there are items. */
function turned(c: i32): boolean {
  let quarter: f64 = ld(c + ST_MAX_PAGES);
  quarter *= 1024;
  return ldf(c + ST_NEW_BYTES) - ldf(c + ST_REBUILT_BYTES) >= quarter;
}
/** A sample of the items and ghosts, by which to estimate how many of each class wait at each age. */
function lookAtSome(c: i32): void {
  const p = part(c, 0);
  st(p + ITEM_WEIGHT, weightOf(ld(c + ST_ITEMS) - ld(c + ST_SUNK_ITEMS)));
  st(p + GHOST_WEIGHT, weightOf(ld(c + ST_NR_GHOSTS)));
  let seen: i32 = 0;
  let away: i32 = 0;
  for (let i: i32 = 0; i < NR_LOOKED_AT; i++) {
    let item: i32 = NONE;
    let ghost: i32 = NONE;
    const loc = randomItem(c);
    if (loc !== 0) seen++;
    // For one whose body is in swap a ghost waits.
    if (loc !== 0 && isAway(c, locAddr(c, loc))) away++;
    else if (loc !== 0) {
      const at = locAddr(c, loc);
      item = classOf(freq(at), gap(at)) * NR_AGES + bucketOfAge(c, ageOf(c, at));
    }
    const g = ghostSample(c);
    if (g !== 0) {
      const w = ld(g + 4);
      ghost = classOf((w >>> 3) & 15, w & 7) * NR_AGES + bucketOfAge(c, (ld(c + ST_NOW) - ld(g)) | 0);
    }
    st16(p + LOOKED_AT + (i << 2), item);
    st16(p + LOOKED_AT + (i << 2) + 2, ghost);
  }
  const known = ld(c + ST_AWAY);
  const now = seen > 0 ? ((away * 256) / seen) | 0 : 0;
  st(c + ST_AWAY, known + ((now - known) >> AWAY_SHIFT));
}
/** Whether the body of an item is in swap. */
function isAway(c: i32, item: i32): boolean {
  return (bits(item) & BIT_BODY) !== 0 && (pte(bodyVpn(c, ld(item + I_BODY))) & PTE_PRESENT) === 0;
}
function weightOf(n: i32): i32 {
  let w: f64 = n;
  w = (w * EVENT * WAITING_WEIGHT) / NR_LOOKED_AT;
  return w < 8000000 ? toI32(Math.floor(w)) : 8000000;
}
/** How many of class `k` (-1: of all) wait at each age, in fixed point, into the row of hazards. */
function countWaiting(c: i32, k: i32): void {
  const p = part(c, 0);
  for (let b: i32 = 0; b < NR_AGES; b++) stf(p + HAZARDS + (b << 3), 0);
  const first = k < 0 ? 0 : k * NR_AGES;
  const n = k < 0 ? NONE : NR_AGES;
  const end = p + LOOKED_AT + NR_LOOKED_AT * 4;
  for (let half: i32 = 0; half < 4; half += 2) {
    const weight: f64 = ld(p + (half === 0 ? ITEM_WEIGHT : GHOST_WEIGHT));
    for (let q: i32 = p + LOOKED_AT + half; q < end; q += 4) {
      const at = ld16(q) - first;
      if (at < 0 || at >= n) continue;
      const r = p + HAZARDS + ((at % NR_AGES) << 3);
      stf(r, ldf(r) + weight);
    }
  }
}

/** What all classes together are like, and from which class on they are to be ranked by it. */
function weighAll(c: i32): void {
  let risk: f64 = 0;
  const events = part(c, CLASS_EVENTS);
  for (let k: i32 = 0; k < NR_CLASSES; k++) st(events + (k << 2), 0);
  countWaiting(c, -1);
  for (let b: i32 = NR_AGES - 1; b >= 0; b--) {
    let hits: f64 = 0;
    let lost: f64 = ldf(row(c, HAZARDS, b));
    for (let k: i32 = 0; k < NR_CLASSES; k++) {
      const hit = ld(cell(c, HITS, k, b));
      const gone = ld(cell(c, GIVEN_UP, k, b));
      add(events + (k << 2), hit + gone);
      hits += hit;
      lost += gone;
    }
    hits /= EVENT;
    lost /= EVENT;
    risk += hits + lost / 2;
    stf(row(c, ALL_HAZARDS, b), hits);
    stf(row(c, HAZARDS, b), risk);
    risk += lost / 2;
  }
  // What little is known of an age is as it is of those before it: where nobody is hit any more, nobody will be later.
  let before: f64 = PRIOR_HAZARD;
  const least = 0.5 / (ldf(row(c, HAZARDS, 0)) + PRIOR_WEIGHT);
  for (let b: i32 = 0; b < NR_AGES; b++) {
    before = (ldf(row(c, ALL_HAZARDS, b)) + PRIOR_WEIGHT * before) / (ldf(row(c, HAZARDS, b)) + PRIOR_WEIGHT);
    if (before < least) before = least;
    stf(row(c, ALL_HAZARDS, b), before);
  }
  st(part(c, NR_RANKED), 0);
}
/**
 * Rank the classes that are left. Returns whether that are all: where somebody waits meanwhile, the rest come later, and are what they were till then. All that
 * is needed for it lies in the store, so that it is as good whoever has come between.
 */
function rankClasses(c: i32): boolean {
  for (let k: i32 = ld(part(c, NR_RANKED)); k < NR_CLASSES; k++) {
    countWaiting(c, k);
    let risk: f64 = 0;
    for (let b: i32 = NR_AGES - 1; b >= 0; b--) {
      let hits: f64 = ld(cell(c, HITS, k, b));
      hits /= EVENT;
      let lost: f64 = ld(cell(c, GIVEN_UP, k, b));
      lost = (lost + ldf(row(c, HAZARDS, b))) / EVENT;
      risk += hits + lost / 2;
      const prior = ldf(row(c, ALL_HAZARDS, b));
      stf(row(c, HAZARDS, b), (hits + CLASS_WEIGHT * prior) / (risk + CLASS_WEIGHT));
      risk += lost / 2;
    }
    for (let b: i32 = 0; b < NR_AGES; b++) st(cell(c, RANKS, k, b), log2(gittins(c, b)));
    st(part(c, NR_RANKED), k + 1);
    if (k + 1 < NR_CLASSES && needBreak()) return false;
  }
  return true;
}
/** The best ratio of hits to requests waited, over all ages until which to keep an item that has reached bucket `b`. */
function gittins(c: i32, b: i32): f64 {
  let alive: f64 = 1;
  let hits: f64 = 0;
  let waited: f64 = 0;
  let best: f64 = 0;
  for (let j: i32 = b; j < NR_AGES && alive >= 0.001; j++) {
    let width: f64 = ldf(row(c, WIDTHS, j));
    let hazard: f64 = ldf(row(c, HAZARDS, j));
    if (hazard > 0.9999) hazard = 0.9999;
    if (j === b) {
      // It is somewhere within its bucket: half of it is left.
      width /= 2;
      hazard = 1 - Math.sqrt(1 - hazard);
    }
    hits += alive * hazard;
    waited += alive * width * (1 - hazard / 2);
    alive *= 1 - hazard;
    if (hits > best * waited) best = hits / waited;
  }
  return best;
}
/** Ranks before anything was learned: the prior's. */
export function initRanks(c: i32, seed: i32): void {
  st(c + ST_RNG, seed !== 0 ? seed : 1);
  for (let b: i32 = 0; b < NR_AGES; b++) stf(row(c, WIDTHS, b), widthOf(b));
  weighAll(c);
  rankClasses(c);
}
