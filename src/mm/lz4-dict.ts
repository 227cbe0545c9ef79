/**
 * LZ4 blocks of pages that begin with something known: a dictionary (LZ4_compress_fast_usingDict). Pages of one cache have the same
 * field names, tags and words in them; a block of 4 KiB is too short to learn them, and finds them here instead.
 *
 * The dictionary lies in front of the page, as far as distances go: position -1 is its last byte. A match is in one of the two, never
 * across both. Where four bytes are in the dictionary is in a table of its own, made once, of as many bytes as the dictionary has.
 *
 * Of the places where four bytes have been, a table knows the last, and of a dictionary's many the last is seldom the best. So there are a
 * second table of each, by seven bytes, which is asked first, as in LZ4's level 2; and a match waits for a longer one that begins a byte
 * later. That is about a twelfth less for a third more time.
 */
import {
  HASH_SHIFT,
  LAST_LITERALS,
  LZ4_TABLE_SIZE,
  lengthBytes,
  MATCH_LIMIT,
  MIN_MATCH,
  PRIME,
  putLength,
  putLiterals,
  SKIP_SHIFT,
} from "./lz4.ts";
import { equalBytes, ld8, ld16, ld32, leadingZeros, mul, st16, zeroBytes } from "./machine.ts";

/** Bytes of the two tables that compression needs. */
export const LZ4_DICT_TABLE_SIZE: i32 = 2 * LZ4_TABLE_SIZE;
/** What the bytes from the fifth to the seventh are multiplied with for a hash of seven. */
const PRIME_BEHIND: i32 = -2048144777;
/** A match by seven bytes of so many is not compared with one by four. */
const LONG: i32 = 8;

/** What seek() has found: a position of the page, or one of the dictionary, less than 0; and of how many bytes. */
let found: i32 = 0;
let foundLength: i32 = 0;

/** The hash of seven bytes: that of the first four, and the four behind them. */
export function longHash(hash: i32, behind: i32): i32 {
  const both = hash + mul(behind << 8, PRIME_BEHIND);
  return mul(both ^ (both >>> 15), PRIME);
}
/** How far the hash of four bytes is shifted for a table of `bytes` / 2 entries, `bytes` being a power of two. */
export function shiftOf(bytes: i32): i32 {
  return leadingZeros(bytes) + 2;
}

/** Make the two tables at `table`, `bytes` bytes each, of the dictionary at `dict`, as many: 2 KiB to 32 KiB, a power of two. */
export function lz4LoadDict(dict: i32, bytes: i32, table: i32): void {
  const shift = shiftOf(bytes);
  zeroBytes(table, bytes << 1);
  for (let at: i32 = 0; at <= bytes - 8; at++) {
    const hash = mul(ld32(dict + at), PRIME);
    st16(table + ((hash >>> shift) << 1), at);
    st16(table + bytes + ((longHash(hash, ld32(dict + at + 4)) >>> shift) << 1), at);
  }
}

/**
 * Compress the `n` bytes at `from`, at most 16 KiB, to at most `room` bytes at `to`, with the `dictBytes` bytes at `dict` and their
 * tables before them. `table`: LZ4_DICT_TABLE_SIZE bytes. What is returned: as for lz4Compress().
 */
export function lz4CompressUsing(
  from: i32,
  n: i32,
  to: i32,
  room: i32,
  table: i32,
  dict: i32,
  dictBytes: i32,
  dictTable: i32,
): i32 {
  zeroBytes(table, LZ4_DICT_TABLE_SIZE);
  const shift = shiftOf(dictBytes);
  const dictEnd = dict + dictBytes;
  const last = n - MATCH_LIMIT;
  let out: i32 = 0;
  let anchor: i32 = 0;
  let at: i32 = 0;
  let tries: i32 = 1 << SKIP_SHIFT;
  while (at <= last) {
    seek(from, at, n, table, dict, dictBytes, dictTable, shift);
    if (foundLength === 0) {
      at += tries >>> SKIP_SHIFT;
      tries++;
      continue;
    }
    let match: i32 = found;
    let length: i32 = foundLength;
    while (at < last) {
      seek(from, at + 1, n, table, dict, dictBytes, dictTable, shift);
      if (foundLength <= length) break;
      at++;
      match = found;
      length = foundLength;
    }
    const base = match < 0 ? dictEnd : from;
    const least = match < 0 ? -dictBytes : 0;
    while (at > anchor && match > least && ld8(from + at - 1) === ld8(base + match - 1)) {
      at--;
      match--;
      length++;
    }
    const literals = at - anchor;
    const code = length - MIN_MATCH;
    if (out + 3 + literals + lengthBytes(literals) + lengthBytes(code) > room) return 0;
    let end: i32 = putLiterals(to + out, from + anchor, literals, code);
    st16(end, at - match);
    end += 2;
    if (code >= 15) end = putLength(end, code - 15);
    out = end - to;
    at += length;
    anchor = at;
    tries = 1 << SKIP_SHIFT;
    if (at <= last) {
      const hash = mul(ld32(from + at - 2), PRIME);
      st16(table + ((hash >>> HASH_SHIFT) << 1), at - 2);
      st16(longSlot(table, hash, ld32(from + at + 2)), at - 2);
    }
  }
  const literals = n - anchor;
  if (out + 1 + literals + lengthBytes(literals) > room) return 0;
  return putLiterals(to + out, from + anchor, literals, 0) - to;
}
function longSlot(table: i32, hash: i32, behind: i32): i32 {
  return table + LZ4_TABLE_SIZE + ((longHash(hash, behind) >>> HASH_SHIFT) << 1);
}
/** Find where the bytes at `at` have been before, in the page or in the dictionary: `found`, of `foundLength` bytes; 0: nowhere. The tables are told of them. */
function seek(from: i32, at: i32, n: i32, table: i32, dict: i32, dictBytes: i32, dictTable: i32, shift: i32): void {
  const word = ld32(from + at);
  const behind = ld32(from + at + 4);
  const hash = mul(word, PRIME);
  const slot = table + ((hash >>> HASH_SHIFT) << 1);
  const near = ld16(slot);
  st16(slot, at);
  const long = longHash(hash, behind);
  const slot7 = table + LZ4_TABLE_SIZE + ((long >>> HASH_SHIFT) << 1);
  const near7 = ld16(slot7);
  st16(slot7, at);
  foundLength = 0;
  const dictEnd = dict + dictBytes;
  if (near7 < at && ld32(from + near7) === word) take(near7, lengthAt(from, at, near7, n, dictEnd));
  const far7 = ld16(dictTable + dictBytes + ((long >>> shift) << 1));
  if (ld32(dict + far7) === word) take(far7 - dictBytes, lengthAt(from, at, far7 - dictBytes, n, dictEnd));
  if (foundLength >= LONG) return;
  if (near < at && near !== near7 && ld32(from + near) === word) take(near, lengthAt(from, at, near, n, dictEnd));
  const far = ld16(dictTable + ((hash >>> shift) << 1));
  if (ld32(dict + far) === word) take(far - dictBytes, lengthAt(from, at, far - dictBytes, n, dictEnd));
}
function take(match: i32, length: i32): void {
  if (length <= foundLength) return;
  found = match;
  foundLength = length;
}
function lengthAt(from: i32, at: i32, match: i32, n: i32, dictEnd: i32): i32 {
  const most = n - LAST_LITERALS - at - MIN_MATCH;
  if (match >= 0) return MIN_MATCH + equalBytes(from + at + MIN_MATCH, from + match + MIN_MATCH, most);
  const left = -match - MIN_MATCH;
  return MIN_MATCH + equalBytes(from + at + MIN_MATCH, dictEnd + match + MIN_MATCH, most < left ? most : left);
}
