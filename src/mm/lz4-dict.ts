/**
 * LZ4 blocks of pages that begin with something known: a dictionary (LZ4_compress_fast_usingDict). Pages of one cache have the same
 * field names, tags and words in them; a block of 4 KiB is too short to learn them, and finds them here instead.
 *
 * The dictionary lies in front of the page, as far as distances go: position -1 is its last byte. A match is in one of the two, never
 * across both. Where four bytes are in the dictionary is in a table of its own, made once, of as many bytes as the dictionary has; so
 * a page costs one more look for each position that has no match in the page itself.
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

/** How far the hash of four bytes is shifted for a table of `bytes` / 2 entries, `bytes` being a power of two. */
function shiftOf(bytes: i32): i32 {
  return leadingZeros(bytes) + 2;
}

/** Make the table at `table`, `bytes` bytes, of the dictionary at `dict`, as many: 2 KiB to 32 KiB, a power of two. */
export function lz4LoadDict(dict: i32, bytes: i32, table: i32): void {
  const shift = shiftOf(bytes);
  zeroBytes(table, bytes);
  for (let at: i32 = 0; at <= bytes - MIN_MATCH; at++) st16(table + ((mul(ld32(dict + at), PRIME) >>> shift) << 1), at);
}

/**
 * Compress the `n` bytes at `from`, at most 16 KiB, to at most `room` bytes at `to`, with the `dictBytes` bytes at `dict` and their
 * table before them. `table` and what is returned: as for lz4Compress().
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
  zeroBytes(table, LZ4_TABLE_SIZE);
  const shift = shiftOf(dictBytes);
  const dictEnd = dict + dictBytes;
  const last = n - MATCH_LIMIT;
  let out: i32 = 0;
  let anchor: i32 = 0;
  let at: i32 = 0;
  let tries: i32 = 1 << SKIP_SHIFT;
  while (at <= last) {
    let match: i32 = seek(from, at, table, dict, dictBytes, dictTable, shift);
    if (match === at) {
      at += tries >>> SKIP_SHIFT;
      tries++;
      continue;
    }
    let length: i32 = lengthAt(from, at, match, n, dictEnd);
    if (at < last) {
      const nextMatch = seek(from, at + 1, table, dict, dictBytes, dictTable, shift);
      if (nextMatch !== at + 1) {
        const nextLength = lengthAt(from, at + 1, nextMatch, n, dictEnd);
        if (nextLength > length + 1) {
          at++;
          match = nextMatch;
          length = nextLength;
        }
      }
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
    if (at <= last) st16(table + ((mul(ld32(from + at - 2), PRIME) >>> HASH_SHIFT) << 1), at - 2);
  }
  const literals = n - anchor;
  if (out + 1 + literals + lengthBytes(literals) > room) return 0;
  return putLiterals(to + out, from + anchor, literals, 0) - to;
}
/**
 * Where the four bytes at `at` have been before: a position of the page, or one of the dictionary, less than 0; `at`: nowhere. The
 * table is told of them.
 */
function seek(from: i32, at: i32, table: i32, dict: i32, dictBytes: i32, dictTable: i32, shift: i32): i32 {
  const word = ld32(from + at);
  const hash = mul(word, PRIME);
  const slot = table + ((hash >>> HASH_SHIFT) << 1);
  const match = ld16(slot);
  st16(slot, at);
  if (match < at && ld32(from + match) === word) return match;
  const far = ld16(dictTable + ((hash >>> shift) << 1));
  return ld32(dict + far) === word ? far - dictBytes : at;
}
function lengthAt(from: i32, at: i32, match: i32, n: i32, dictEnd: i32): i32 {
  const most = n - LAST_LITERALS - at - MIN_MATCH;
  if (match >= 0) return MIN_MATCH + equalBytes(from + at + MIN_MATCH, from + match + MIN_MATCH, most);
  const left = -match - MIN_MATCH;
  return MIN_MATCH + equalBytes(from + at + MIN_MATCH, dictEnd + match + MIN_MATCH, most < left ? most : left);
}
