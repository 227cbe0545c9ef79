/**
 * What has happened to items: each carries its own history (hits, the time between the last two accesses), and the tables
 * count, for each class of history, at which age items were hit and at which they were given up. rank.ts learns from them.
 *
 * Ages are in requests and go by four buckets an octave, counts are in fixed point.
 *
 * The clock counts requests, in a word that wraps, as do the stamps of it in items and ghosts. An age is a difference of two,
 * without a sign: right up to 2^32 requests. What nobody has asked for in longer is taken for younger than it is, once in a
 * while, and is judged again a cleaning later.
 */
import { ld, leadingZeros, ltu, st } from "../mm/machine.ts";
import { bits, FREQ_MASK, FREQ_MAX, FREQ_SHIFT, GAP_MASK, GAP_SHIFT, I_LAST, setBits } from "./item.ts";
import {
  add,
  metaAddr,
  ST_AGE_SHIFT,
  ST_AWAY,
  ST_EVENTS,
  ST_ITEMS,
  ST_NOW,
  ST_SUNK_ITEMS,
  ST_TABLES,
} from "./layout.ts";

export const NR_CLASSES: i32 = 16;
export const NR_AGES: i32 = 88;
export const TABLE: i32 = NR_CLASSES * NR_AGES * 4;
/** Rows of f64 that do not lie across pages: the hazards of all classes together, those of one, and the widths of ages. */
export const ALL_HAZARDS: i32 = 0;
export const HAZARDS: i32 = NR_AGES * 8;
export const WIDTHS: i32 = NR_AGES * 16;
/** A word for each class: events of it in the tables, when the ranks were last learned. */
export const CLASS_EVENTS: i32 = NR_AGES * 24;
/**
 * What was looked at when the ranks were last learned (rank.ts), a halfword each: the class and age of an item that waits and, beside it, of a ghost. Then what
 * one of each stands for, in the tables' fixed point, and how many classes have been ranked by it.
 */
export const NR_LOOKED_AT: i32 = 128;
export const LOOKED_AT: i32 = CLASS_EVENTS + NR_CLASSES * 4;
export const ITEM_WEIGHT: i32 = LOOKED_AT + NR_LOOKED_AT * 4;
export const GHOST_WEIGHT: i32 = ITEM_WEIGHT + 4;
export const NR_RANKED: i32 = ITEM_WEIGHT + 8;
/** Tables of a word for each class and age: hits, given up, and the ranks that come of them. */
export const HITS: i32 = 3072;
export const GIVEN_UP: i32 = HITS + TABLE;
export const RANKS: i32 = GIVEN_UP + TABLE;
export const TABLES_SIZE: i32 = RANKS + TABLE;
/** One event, in the tables' fixed point. */
export const EVENT: i32 = 256;
/** Events after which what was learned counts for half: as many as there are items, within these bounds. */
const MIN_EVENTS: i32 = 8192;
export const MAX_EVENTS: i32 = 1 << 22;
/** In a store of up to 2^this pages each request counts in an age; the last bucket is then at 2^8 requests a page. */
const FINE_PAGES: i32 = 15;

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

/** The bucket of an age in requests: in a large store they are told apart less finely, so that the last one is as far off. */
export function bucketOfAge(c: i32, age: i32): i32 {
  return ageBucket(age >>> ld(c + ST_AGE_SHIFT));
}
/** How many low bits of an age do not matter in a store of so many pages. */
export function ageShift(pages: i32): i32 {
  const l = 31 - leadingZeros(pages | 1);
  return l > FINE_PAGES ? l - FINE_PAGES : 0;
}

/** The class of an item with that many hits and that gap class. */
export function classOf(hits: i32, gapClass: i32): i32 {
  return hits === 0 ? 0 : 1 + (hits === 1 ? 0 : hits < 4 ? 5 : 10) + gapClass;
}
/** Items that are in the nodes, about: of a value whose body is in swap the head alone is there. */
export function nearItems(c: i32): i32 {
  const items = ld(c + ST_ITEMS) - ld(c + ST_SUNK_ITEMS);
  const away = ld(c + ST_AWAY);
  return items - (items >> 8) * away - (((items & 255) * away) >> 8);
}
/** The class of a time between two accesses: by what part of the items in the nodes were asked for meanwhile. */
export function gapOf(c: i32, age: i32): i32 {
  const items = nearItems(c);
  const n = items > 16 ? items : 16;
  if (!ltu(age, n)) return 4;
  // Rounded up: age * 64 < n, and so on.
  if (age < (n + 63) >>> 6) return 0;
  if (age < (n + 15) >>> 4) return 1;
  return age < (n + 3) >>> 2 ? 2 : 3;
}

function count(c: i32, table: i32, cls: i32, age: i32): void {
  add(cell(c, table, cls, bucketOfAge(c, age)), EVENT);
  const events = ld(c + ST_EVENTS) + 1;
  st(c + ST_EVENTS, events);
  // Here rather than when it is learned from: while nothing has to go, that is never.
  if (events > within(ld(c + ST_ITEMS), MIN_EVENTS, MAX_EVENTS)) decay(c);
}
function within(n: i32, least: i32, most: i32): i32 {
  return n < least ? least : n < most ? n : most;
}
function decay(c: i32): void {
  const to = ld(c + ST_TABLES) + RANKS;
  for (let off: i32 = ld(c + ST_TABLES) + HITS; off < to; ) {
    // A page at a time: neighbours in the mapping are no neighbours in memory.
    const end = (off & ~4095) + 4096 < to ? (off & ~4095) + 4096 : to;
    const p = metaAddr(c, off) - off;
    for (; off < end; off += 4) st(p + off, ld(p + off) >> 1);
  }
  const events = metaAddr(c, ld(c + ST_TABLES) + CLASS_EVENTS);
  for (let k: i32 = 0; k < NR_CLASSES; k++) st(events + (k << 2), ld(events + (k << 2)) >> 1);
  st(c + ST_EVENTS, ld(c + ST_EVENTS) >> 1);
}
/** An item of that history was hit at that age. */
export function noteReuse(c: i32, hits: i32, gapClass: i32, age: i32): void {
  count(c, HITS, classOf(hits, gapClass), age);
}
/** The last that was known of an item is forgotten. */
export function noteForgotten(c: i32, hits: i32, gapClass: i32, age: i32): void {
  count(c, GIVEN_UP, classOf(hits, gapClass), age);
}
/** Requests since the last access, a word without a sign. */
export function ageOf(c: i32, item: i32): i32 {
  return (ld(c + ST_NOW) - ld(item + I_LAST)) | 0;
}
/** How long ago what was accessed last had been accessed before: requests, a word without a sign. */
export function lastAge(): i32 {
  return age0;
}
export function setLastAge(age: i32): void {
  age0 = age;
}
let age0: i32 = 0;
/** A live item is accessed. */
export function noteHit(c: i32, item: i32): void {
  const now = ld(c + ST_NOW);
  const w = bits(item);
  const age = (now - ld(item + I_LAST)) | 0;
  age0 = age;
  const hits = (w & FREQ_MASK) >>> FREQ_SHIFT;
  noteReuse(c, hits, (w & GAP_MASK) >>> GAP_SHIFT, age);
  const more = hits < FREQ_MAX ? 1 << FREQ_SHIFT : 0;
  setBits(item, ((w & ~GAP_MASK) + more) | (gapOf(c, age) << GAP_SHIFT));
  st(item + I_LAST, now);
}
export function setHistory(item: i32, hits: i32, gapClass: i32, last: i32): void {
  const rest = bits(item) & ~(FREQ_MASK | GAP_MASK);
  setBits(item, rest | (hits << FREQ_SHIFT) | (gapClass << GAP_SHIFT));
  st(item + I_LAST, last);
}
