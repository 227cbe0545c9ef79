/**
 * What a dictionary of compressed pages is filled with (zdict.ts): the pieces of pages that have most in them of what many pages have, as zstd's
 * FastCover chooses them (Liao, Petri, Moffat, Wirth: Effective construction of relative Lempel-Ziv dictionaries, 2016), of pages that go by once.
 *
 * Some pages are only counted: how often there were the seven bytes of each hash. From each of those that follow one piece is taken, the one with the highest
 * sum of counts; what is in it counts no more. The counts lie where the tables will be that compression needs.
 */
import { PAGE_SIZE, setZdict, ZD_FILL, zdict, zdictAddr, zdictSize } from "./layout.ts";
import { PRIME } from "./lz4.ts";
import { longHash, shiftOf } from "./lz4-dict.ts";
import { copyBytes, ld16, ld32, mul, st16, zeroBytes } from "./machine.ts";

/** Bytes of a piece, and of what is counted. */
const PIECE: i32 = 256;
const GRAM: i32 = 8;
/** Counts end here, so that a page of one thing over and over does not outweigh what many pages have. */
const MOST: i32 = 255;

/** How many pages it takes to fill a dictionary. */
export function zdictFillPages(): i32 {
  return counted() + ((zdictSize() / PIECE) | 0);
}
/** Pages that are counted. */
function counted(): i32 {
  return (zdictSize() / (2 * PIECE)) | 0;
}
function countsOf(d: i32): i32 {
  return zdictAddr(d) + zdictSize();
}
/** Begin dictionary `d`. */
export function zdictEmpty(d: i32): void {
  zeroBytes(countsOf(d), zdictSize() << 1);
}
/** Let dictionary `d` see the page at `addr`, the `turn`-th from 0 on. Returns whether it is full. */
export function zdictFill(d: i32, addr: i32, turn: i32): boolean {
  const shift = shiftOf(zdictSize() << 1);
  const counts = countsOf(d);
  if (turn < counted()) {
    countGrams(counts, addr, shift);
    return false;
  }
  const piece = bestPiece(counts, addr, shift);
  const fill = zdict(d, ZD_FILL);
  copyBytes(zdictAddr(d) + fill, piece, PIECE);
  for (let at: i32 = 0; at <= PIECE - GRAM; at++) st16(slotOf(counts, piece + at, shift), 0);
  setZdict(d, ZD_FILL, fill + PIECE);
  return fill + PIECE >= zdictSize();
}
/** Byte address of the count of the seven bytes at `at`. */
function slotOf(counts: i32, at: i32, shift: i32): i32 {
  return counts + ((longHash(mul(ld32(at), PRIME), ld32(at + 4)) >>> shift) << 1);
}
function countGrams(counts: i32, addr: i32, shift: i32): void {
  let before: i32 = 0;
  for (let at: i32 = addr; at !== addr + PAGE_SIZE - GRAM + 1; at++) {
    const slot = slotOf(counts, at, shift);
    // One byte over and over is no text.
    if (slot !== before && ld16(slot) < MOST) st16(slot, ld16(slot) + 1);
    before = slot;
  }
}
/** Byte address of the piece of the page at `addr` with the highest sum of counts. */
function bestPiece(counts: i32, addr: i32, shift: i32): i32 {
  let sum: i32 = 0;
  for (let at: i32 = 0; at <= PIECE - GRAM; at++) sum += ld16(slotOf(counts, addr + at, shift));
  let best: i32 = 0;
  let most: i32 = sum;
  for (let at: i32 = 1; at <= PAGE_SIZE - PIECE; at++) {
    sum += ld16(slotOf(counts, addr + at + PIECE - GRAM, shift)) - ld16(slotOf(counts, addr + at - 1, shift));
    if (sum <= most) continue;
    most = sum;
    best = at;
  }
  return addr + best;
}
