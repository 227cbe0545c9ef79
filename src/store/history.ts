/**
 * What has happened to items: each carries its own history (hits, the time between the last two accesses), and the tables
 * count, for each class of history, at which age items were hit and at which they were given up. rank.ts learns from them.
 *
 * Ages are in requests and go by four buckets an octave, counts are in fixed point.
 */
import { ld, leadingZeros, st } from "../mm/machine.ts";
import { bits, FREQ_MASK, FREQ_MAX, FREQ_SHIFT, freq, GAP_MASK, GAP_SHIFT, gap, I_LAST, setBits } from "./item.ts";
import { add, metaAddr, ST_EVENTS, ST_ITEMS, ST_NOW, ST_TABLES } from "./layout.ts";

export const NR_CLASSES: i32 = 16;
export const NR_AGES: i32 = 88;
export const TABLE: i32 = NR_CLASSES * NR_AGES * 4;
/** Rows of f64 that do not lie across pages: the hazards of all classes together, those of one, and the widths of ages. */
export const ALL_HAZARDS: i32 = 0;
export const HAZARDS: i32 = NR_AGES * 8;
export const WIDTHS: i32 = NR_AGES * 16;
/** Tables of a word for each class and age: hits, given up, still waiting, and the ranks that come of them. */
export const HITS: i32 = 3072;
export const GIVEN_UP: i32 = HITS + TABLE;
export const WAITING: i32 = GIVEN_UP + TABLE;
export const RANKS: i32 = WAITING + TABLE;
export const TABLES_SIZE: i32 = RANKS + TABLE;
/** One event, in the tables' fixed point. */
export const EVENT: i32 = 256;

/** The address of a table's word for class and age. */
export function cell(c: i32, table: i32, cls: i32, bucket: i32): i32 {
  return metaAddr(c, ld(c + ST_TABLES) + table + ((cls * NR_AGES + bucket) << 2));
}

/** The bucket of an age: 0 to 3 as they are, then four an octave. */
export function ageBucket(age: i32): i32 {
  if (age >= 0 && age < 4) return age;
  const l = 31 - leadingZeros(age);
  const b = 4 + ((l - 2) << 2) + ((age >>> (l - 2)) & 3);
  return b < NR_AGES ? b : NR_AGES - 1;
}

/** The class of an item with that many hits and that gap class. */
export function classOf(hits: i32, gapClass: i32): i32 {
  return hits === 0 ? 0 : 1 + (hits === 1 ? 0 : hits < 4 ? 5 : 10) + gapClass;
}
/** The class of a time between two accesses: by what part of the items were asked for meanwhile. */
export function gapOf(c: i32, age: i32): i32 {
  const items = ld(c + ST_ITEMS);
  const n = items > 16 ? items : 16;
  const a: f64 = age >>> 0;
  if (a * 64 < n) return 0;
  if (a * 16 < n) return 1;
  if (a * 4 < n) return 2;
  return a < n ? 3 : 4;
}

function count(c: i32, table: i32, cls: i32, age: i32): void {
  add(cell(c, table, cls, ageBucket(age)), EVENT);
  add(c + ST_EVENTS, 1);
}
/** An item of that history was hit at that age. */
export function noteReuse(c: i32, hits: i32, gapClass: i32, age: i32): void {
  count(c, HITS, classOf(hits, gapClass), age);
}
/** The last that was known of an item is forgotten. */
export function noteForgotten(c: i32, hits: i32, gapClass: i32, age: i32): void {
  count(c, GIVEN_UP, classOf(hits, gapClass), age);
}
export function ageOf(c: i32, item: i32): i32 {
  return (ld(c + ST_NOW) - ld(item + I_LAST)) | 0;
}
/** A live item is accessed. */
export function noteHit(c: i32, item: i32): void {
  const age = ageOf(c, item);
  noteReuse(c, freq(item), gap(item), age);
  const n = freq(item) < FREQ_MAX ? freq(item) + 1 : FREQ_MAX;
  setHistory(item, n, gapOf(c, age), ld(c + ST_NOW));
}
export function setHistory(item: i32, hits: i32, gapClass: i32, last: i32): void {
  const rest = bits(item) & ~(FREQ_MASK | GAP_MASK);
  setBits(item, rest | (hits << FREQ_SHIFT) | (gapClass << GAP_SHIFT));
  st(item + I_LAST, last);
}
