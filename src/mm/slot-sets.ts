/**
 * Sets of swap slots, so that the next one that is free, in use or may be discarded is found without a walk over all that are not: a bit a slot, and above it, level
 * by level, a bit for each word that has any, up to a single word. To find one takes a word or two a level, five levels for sixteen million slots; Linux has lists of
 * clusters for it (struct swap_cluster_info). A full device finds the one slot that came free as soon as an empty one its next.
 */
import { H_NR_SLOTS, hdr, SLOT_SET_BITS, slotSet } from "./layout.ts";
import { ld, lowestBit, st } from "./machine.ts";

/** Slots that hold nothing. */
export const FREE_SLOTS: i32 = 0;
/** Slots of the pool of compressed pages that hold something. Of devices nobody asks. */
export const POOL_SLOTS: i32 = 1;
/** Slots whose content is a cache's, and may be discarded. */
export const DISCARDABLE_SLOTS: i32 = 2;

/** Put a slot into a set. */
export function addSlot(set: i32, slot: i32): void {
  let at: i32 = slotSet(set);
  let i: i32 = slot;
  for (let n: i32 = wordsOf(hdr(H_NR_SLOTS)); ; n = wordsOf(n)) {
    const p = at + ((i >>> SLOT_SET_BITS) << 2);
    const was = ld(p);
    st(p, was | (1 << i));
    if (was !== 0 || n === 1) return;
    at += n << 2;
    i >>>= SLOT_SET_BITS;
  }
}
/** Take a slot out of a set. */
export function removeSlot(set: i32, slot: i32): void {
  let at: i32 = slotSet(set);
  let i: i32 = slot;
  for (let n: i32 = wordsOf(hdr(H_NR_SLOTS)); ; n = wordsOf(n)) {
    const p = at + ((i >>> SLOT_SET_BITS) << 2);
    const rest = ld(p) & ~(1 << i);
    st(p, rest);
    if (rest !== 0 || n === 1) return;
    at += n << 2;
    i >>>= SLOT_SET_BITS;
  }
}
/** Put slots [from, to) into a set. */
export function addSlots(set: i32, from: i32, to: i32): void {
  if (from >= to) return;
  let at: i32 = slotSet(set);
  let first: i32 = from;
  let last: i32 = to - 1;
  for (let n: i32 = wordsOf(hdr(H_NR_SLOTS)); ; n = wordsOf(n)) {
    const end = last >>> SLOT_SET_BITS;
    for (let word: i32 = first >>> SLOT_SET_BITS; word <= end; word++) {
      const low = word === first >>> SLOT_SET_BITS ? -1 << first : -1;
      const high = word === end ? -1 >>> (31 - (last & 31)) : -1;
      st(at + (word << 2), ld(at + (word << 2)) | (low & high));
    }
    if (n === 1) return;
    at += n << 2;
    first >>>= SLOT_SET_BITS;
    last >>>= SLOT_SET_BITS;
  }
}
/** The first slot of a set in [from, to); -1 if there is none. */
export function nextSlot(set: i32, from: i32, to: i32): i32 {
  const slot = from < to ? nextBit(slotSet(set), wordsOf(hdr(H_NR_SLOTS)), from) : -1;
  return slot < to ? slot : -1;
}
/** The first slot of a set of those of [start, start + slots) from offset `hand` on, round to it; -1 if there is none. */
export function nextAround(set: i32, start: i32, slots: i32, hand: i32): i32 {
  const slot = nextSlot(set, start + hand, start + slots);
  return slot >= 0 ? slot : nextSlot(set, start, start + hand);
}
/** The first bit from `from` on in the level of `words` words at `at`; -1 if there is none. */
function nextBit(at: i32, words: i32, from: i32): i32 {
  const word = from >>> SLOT_SET_BITS;
  if (word >= words) return -1;
  const bits = ld(at + (word << 2)) & (-1 << from);
  if (bits !== 0) return (word << SLOT_SET_BITS) + lowestBit(bits);
  if (word + 1 >= words) return -1;
  const next = nextBit(at + (words << 2), wordsOf(words), word + 1);
  return next < 0 ? -1 : (next << SLOT_SET_BITS) + lowestBit(ld(at + (next << 2)));
}
/** Words of a level of `n` bits. */
function wordsOf(n: i32): i32 {
  return ((n - 1) >>> SLOT_SET_BITS) + 1;
}
