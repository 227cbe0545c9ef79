/**
 * Items as they lie in the log, from a multiple of 8 bytes on:
 *
 *   hash | length | bits | stamp | [body | body of the copy below, plus 1] | [start f64 | ttl f64] | [place in swap | life] | key, padded to 4 | inline value, padded to 8
 *
 * The head (all but the value) lies on one page; the inline value may run on over the next ones. A value that does not fit
 * inline has its whole pages in a body of its own, which moves between nodes by itself and is never copied by cleaning;
 * only what is left over stands inline.
 */
import { clock } from "../mm/layout.ts";
import { ld, ldf, st } from "../mm/machine.ts";

export const I_HASH: i32 = 0;
/** Bytes of the value, body and inline part. */
export const I_LENGTH: i32 = 4;
/** In place of the length: nothing follows on this page. */
export const END_OF_PAGE: i32 = -1;
export const I_BITS: i32 = 8;
/** Request at which it was last accessed (rank.ts). */
export const I_LAST: i32 = 12;
export const HEAD_BYTES: i32 = 16;
/** First page of the body, counted within the body area. */
export const I_BODY: i32 = 16;
/** The same of the copy in swap that the item names (BIT_BELOW), plus 1. */
export const I_BODY_BELOW: i32 = 20;

/** Bytes of the key, and what kind of key it is (KEY_): both must agree for two keys to be the same. */
export const KEY_MASK: i32 = 0x3fff;
export const KEY_LENGTH_MASK: i32 = 0xfff;
export const KEY_KIND_SHIFT: i32 = 12;
/** What kind of value it is: the host's business. */
export const VALUE_KIND_SHIFT: i32 = 14;
export const VALUE_KIND_MASK: i32 = 7;
export const BIT_TTL: i32 = 1 << 17;
export const BIT_BODY: i32 = 1 << 18;
/** Deleted or replaced; its space is given back when its page is cleaned. */
export const BIT_DEAD: i32 = 1 << 19;
/** Somebody above the store may hold the value, decoded (above.ts). */
export const BIT_ABOVE: i32 = 1 << 27;
/** Hits in all, up to 15. */
export const FREQ_SHIFT: i32 = 20;
export const FREQ_MAX: i32 = 15;
export const FREQ_MASK: i32 = 15 << 20;
/** Class of the time between the last two accesses (rank.ts). */
export const GAP_SHIFT: i32 = 24;
export const GAP_MASK: i32 = 7 << 24;

export const MAX_KEY: i32 = 2048;
/** Bytes of the largest value: its pages, and the address of its last byte within it, are counted in words. */
export const MAX_VALUE: i32 = 0x7ffff000;

export function bits(item: i32): i32 {
  return ld(item + I_BITS);
}
export function setBits(item: i32, v: i32): void {
  st(item + I_BITS, v);
}
export function freq(item: i32): i32 {
  return (bits(item) & FREQ_MASK) >>> FREQ_SHIFT;
}
/** Bytes before the key. */
export function keyOffset(w: i32): i32 {
  const below = (w & BIT_BELOW) !== 0 ? BELOW_BYTES : 0;
  return HEAD_BYTES + below + ((w & BIT_BODY) !== 0 ? 8 : 0) + ((w & BIT_TTL) !== 0 ? 16 : 0);
}
/** Where start and ttl stand, in an item that has them. */
export function ttlOffset(w: i32): i32 {
  return HEAD_BYTES + ((w & BIT_BODY) !== 0 ? 8 : 0);
}
/** Bytes before the inline value. */
export function headBytes(w: i32): i32 {
  return keyOffset(w) + (((w & KEY_LENGTH_MASK) + 3) & ~3);
}
/** Whole pages of the value that are in the body, of a value of `length` bytes. */
export function bodyPages(item: i32): i32 {
  return bodyPagesFor(bits(item), ld(item + I_LENGTH));
}
/** Whether an item that has no time to live says where it was in swap. */
export const BIT_BELOW: i32 = 1 << 28;
/** Bytes of that, behind the word of the body: the location (0 = the value is another one now), and which life of its segment (layout.ts) that was. */
export const BELOW_BYTES: i32 = 8;
/** Where that stands, in an item that has it. */
export function belowOffset(w: i32): i32 {
  return HEAD_BYTES + ((w & BIT_BODY) !== 0 ? 8 : 0);
}
/** In the second word: the copy there says where it was, too. */
export const BELOW_TOLD: i32 = 1 << 24;
/** Bit 31 of the bits: the last part of the value has a page of its own in the body, too. */
export const BIT_ROUND_UP: i32 = 1 << 31;
/** The same of a value of `length` bytes, by the item's bits. */
export function bodyPagesFor(w: i32, length: i32): i32 {
  if ((w & BIT_BODY) === 0) return 0;
  return ((w & BIT_ROUND_UP) !== 0 ? length + 4095 : length) >>> 12;
}
/** Bytes of a value that stand inline. */
export function inlineFor(w: i32, length: i32): i32 {
  if ((w & BIT_BODY) === 0) return length;
  return (w & BIT_ROUND_UP) !== 0 ? 0 : length & 4095;
}
export function inlineBytes(item: i32): i32 {
  return inlineFor(bits(item), ld(item + I_LENGTH));
}
/** Granules that the item takes in the log. */
export function inlineGranules(item: i32): i32 {
  return (headBytes(bits(item)) + inlineBytes(item) + 7) >>> 3;
}
export function gap(item: i32): i32 {
  return (bits(item) & GAP_MASK) >>> GAP_SHIFT;
}
/** Granules in all, body included. */
export function totalGranules(item: i32): i32 {
  return inlineGranules(item) + (bodyPages(item) << 9);
}

/** When an item expires, ms; Infinity if never. */
export function expiryOf(item: i32): f64 {
  const w = bits(item);
  if ((w & BIT_TTL) === 0) return Infinity;
  const at = item + ttlOffset(w);
  return ldf(at) + ldf(at + 8);
}
export function hasExpired(item: i32): boolean {
  return (bits(item) & BIT_TTL) !== 0 && expiryOf(item) <= clock();
}
