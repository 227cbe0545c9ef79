/**
 * LZ4 blocks (github.com/lz4/lz4, doc/lz4_Block_format.md) of one page at a time, for compressed pages (zswap.ts).
 *
 * A block is a row of sequences: a token (length of literals, length of match), the literals, and the distance back to the
 * match. The last sequence has literals alone. Positions within a page fit 12 bits, so the table of where each hash was last
 * seen is 4096 entries of 2 bytes; it is cleared for each page, which costs less than a page's last cache miss.
 *
 * Compression is greedy with a look at the next position (a longer match that begins one byte later wins), and matches grow
 * backwards. Decompression trusts nothing: a length or distance that leads outside ends it.
 *
 * Positions are offsets from where a block or a page begins: addresses may pass 2^31, where signed order ends.
 */
import { copyBytes, copySteps, equalBytes, ld8, ld16, ld32, mul, st8, st16, zeroBytes } from "./machine.ts";

/** Bytes of the table that compression needs. */
export const LZ4_TABLE_SIZE: i32 = 8192;

/** What four bytes are multiplied with for their hash (Knuth). */
export const PRIME: i32 = -1640531535;
export const HASH_SHIFT: i32 = 20;
export const MIN_MATCH: i32 = 4;
/** The last 5 bytes are literals, and no match begins in the last 12. */
export const LAST_LITERALS: i32 = 5;
export const MATCH_LIMIT: i32 = 12;
/** After 2^this positions without a match, the search goes on in longer steps. */
export const SKIP_SHIFT: i32 = 6;
/** Literals up to here are copied in two steps of 8 where there is room for both. */
const SHORT: i32 = 16;

/** Where the table keeps the last position of four bytes like `word`. */
function slotOf(table: i32, word: i32): i32 {
  return table + ((mul(word, PRIME) >>> HASH_SHIFT) << 1);
}

/** Write a length beyond what a token holds. Returns the address behind. */
export function putLength(to: i32, length: i32): i32 {
  let at: i32 = to;
  let left: i32 = length;
  while (left >= 255) {
    st8(at, 255);
    at++;
    left -= 255;
  }
  st8(at, left);
  return at + 1;
}

/** Bytes that `length` takes beyond its token. */
export function lengthBytes(length: i32): i32 {
  return length < 15 ? 0 : 1 + (((length - 15) / 255) | 0);
}

/** A sequence's token and literals. Returns the address behind. */
export function putLiterals(to: i32, from: i32, literals: i32, match: i32): i32 {
  let at: i32 = to + 1;
  const high = literals < 15 ? literals : 15;
  st8(to, (high << 4) | (match < 15 ? match : 15));
  if (literals >= 15) at = putLength(at, literals - 15);
  copyBytes(at, from, literals);
  return at + literals;
}

/**
 * Compress the `n` bytes at `from`, at most 65,535, to at most `room` bytes at `to`. `table`: LZ4_TABLE_SIZE bytes to work
 * with. Returns the block's bytes, or 0 if it does not fit; what is at `to` is then undefined.
 */
export function lz4Compress(from: i32, n: i32, to: i32, room: i32, table: i32): i32 {
  zeroBytes(table, LZ4_TABLE_SIZE);
  const last = n - MATCH_LIMIT;
  let out: i32 = 0;
  let anchor: i32 = 0;
  let at: i32 = 1;
  let tries: i32 = 1 << SKIP_SHIFT;
  while (at <= last) {
    const word = ld32(from + at);
    const slot = slotOf(table, word);
    let match: i32 = ld16(slot);
    st16(slot, at);
    if (ld32(from + match) !== word) {
      at += tries >>> SKIP_SHIFT;
      tries++;
      continue;
    }
    let length: i32 = matchLength(from, at, match, n);
    const nextWord = ld32(from + at + 1);
    const nextSlot = slotOf(table, nextWord);
    const nextMatch = ld16(nextSlot);
    if (at < last && nextMatch < at && ld32(from + nextMatch) === nextWord) {
      const nextLength = matchLength(from, at + 1, nextMatch, n);
      if (nextLength > length + 1) {
        at++;
        st16(nextSlot, at);
        match = nextMatch;
        length = nextLength;
      }
    }
    while (at > anchor && match > 0 && ld8(from + at - 1) === ld8(from + match - 1)) {
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
    // What lies just before the end of a match is often where the next begins.
    if (at <= last) st16(slotOf(table, ld32(from + at - 2)), at - 2);
  }
  const literals = n - anchor;
  if (out + 1 + literals + lengthBytes(literals) > room) return 0;
  return putLiterals(to + out, from + anchor, literals, 0) - to;
}
function matchLength(from: i32, at: i32, match: i32, n: i32): i32 {
  const most = n - LAST_LITERALS - at - MIN_MATCH;
  return MIN_MATCH + equalBytes(from + at + MIN_MATCH, from + match + MIN_MATCH, most);
}

/**
 * Decompress the block at `from`, of at most `bytes` bytes, to the `n` bytes at `to`. It ends with its last literals, so that
 * a block need not know its own length. Returns the block's bytes, or -1 if this is not a block of `n` bytes; what is at `to`
 * is then undefined. Nothing is written, nor read, beyond either.
 */
export function lz4Decompress(from: i32, bytes: i32, to: i32, n: i32): i32 {
  return lz4DecompressUsing(from, bytes, to, n, 0, 0);
}
/** The same for a block that was made with a dictionary, the `dictBytes` bytes at `dict` (lz4-dict.ts). */
export function lz4DecompressUsing(from: i32, bytes: i32, to: i32, n: i32, dict: i32, dictBytes: i32): i32 {
  let at: i32 = 0;
  let out: i32 = 0;
  while (at < bytes) {
    const token = ld8(from + at);
    at++;
    let literals: i32 = token >>> 4;
    if (literals === 15) {
      let more: i32 = 255;
      while (more === 255 && at < bytes) {
        more = ld8(from + at);
        at++;
        literals += more;
      }
    }
    if (literals > bytes - at || literals > n - out) return -1;
    if (literals <= SHORT && bytes - at >= SHORT && n - out >= SHORT) copySteps(to + out, from + at, literals);
    else copyBytes(to + out, from + at, literals);
    at += literals;
    out += literals;
    if (out === n) return at;
    if (bytes - at < 2) return -1;
    const distance = ld16(from + at);
    at += 2;
    let length: i32 = token & 15;
    if (length === 15) {
      let more: i32 = 255;
      while (more === 255 && at < bytes) {
        more = ld8(from + at);
        at++;
        length += more;
      }
    }
    length += MIN_MATCH;
    if (distance === 0 || length > n - out) return -1;
    if (distance <= out) copyMatch(to + out, distance, length, n - out);
    else {
      const back = distance - out;
      if (back > dictBytes || length > back) return -1;
      if (n - out >= ((length + 7) & ~7)) copySteps(to + out, dict + dictBytes - back, length);
      else copyBytes(to + out, dict + dictBytes - back, length);
    }
    out += length;
  }
  return -1;
}

/** Repeat the `length` bytes from `distance` back at `to`, where there is room for `room` bytes. */
function copyMatch(to: i32, distance: i32, length: i32, room: i32): void {
  let done: i32 = 0;
  let back: i32 = distance;
  // A period shorter than a step is doubled until it is not.
  while (back < 8 && done < length) {
    const part = back < length - done ? back : length - done;
    for (let i: i32 = done; i < done + part; i++) st8(to + i, ld8(to + i - back));
    done += part;
    back <<= 1;
  }
  const left = length - done;
  const steps = room - done >= ((left + 7) & ~7) ? left : left & ~7;
  if (steps > 0) copySteps(to + done, to + done - back, steps);
  for (let i: i32 = done + steps; i < length; i++) st8(to + i, ld8(to + i - back));
}
