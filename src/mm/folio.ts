/**
 * Folios: one or more contiguous frames (2^order, head aligned) that live, move and die together. The head's flags,
 * references, owner and reverse map speak for all; tail frames only say that they are tails.
 *
 * References: a mapped folio has one for being mapped; whoever isolates it from its list holds one; each pin holds one.
 * Migration and reclaim go on only at the expected count (mapped + isolated), so a folio that a reader holds stays.
 */
import { BUG_REFS } from "./errno.ts";
import { flags, refs, setFlags, setRefs } from "./layout.ts";
import { hostBug } from "./machine.ts";

export const ORDER_MASK: i32 = 15;
const NID_SHIFT: i32 = 4;
/** Free, head of a block in the buddy allocator. */
export const PG_BUDDY: i32 = 1 << 8;
/** Head of an allocated folio. */
export const PG_HEAD: i32 = 1 << 9;
export const PG_TAIL: i32 = 1 << 10;
/** On an LRU list. */
export const PG_LRU: i32 = 1 << 11;
export const PG_ACTIVE: i32 = 1 << 12;
export const PG_REFERENCED: i32 = 1 << 13;
export const PG_DIRTY: i32 = 1 << 14;
/** Clean and discardable (a cache's page); otherwise anonymous (a region's). */
export const PG_FILE: i32 = 1 << 15;
export const PG_UNEVICTABLE: i32 = 1 << 16;
export const PG_LOCKED: i32 = 1 << 17;
export const PG_WRITEBACK: i32 = 1 << 18;
/** Was in the working set (active) when it was last deactivated or evicted. */
export const PG_WORKINGSET: i32 = 1 << 19;
export const PG_ISOLATED: i32 = 1 << 20;
/** To be reclaimed as soon as its writeback ends. */
export const PG_RECLAIM: i32 = 1 << 21;
/** 3 bits: in how many looks the folio was found referenced, less those in which it was not (OPT_FREQUENCY). */
export const PG_HEAT: i32 = 7 << 28;
export const PG_HEAT_ONE: i32 = 1 << 28;
/** Where a folio on a multi-generational list stands: its generation's slot plus 1, 0 = on none (LRU_GEN_MASK). */
export const LRU_GEN_SHIFT: i32 = 22;
export const LRU_GEN_MASK: i32 = 7 << 22;
/** Accesses beyond the first that did not go through the page table (LRU_REFS_MASK). */
export const LRU_REFS_SHIFT: i32 = 25;
export const LRU_REFS_MASK: i32 = 3 << 25;
/** Was in use at a look that was not reclaim's, which took the mark off: reclaim is still to be told (Linux's young flag of idle page tracking). */
export const PG_YOUNG: i32 = 1 << 27;
/** Unmapped while somebody held it, and counted as such (V_HELD). */
export const PG_DETACHED: i32 = 1 << 31;
/** What migration copies to the new folio. */
export const PG_KEPT: i32 =
  PG_ACTIVE | PG_REFERENCED | PG_DIRTY | PG_FILE | PG_UNEVICTABLE | PG_WORKINGSET | PG_YOUNG | PG_HEAT;

export function makeFlags(nid: i32, order: i32, bits: i32): i32 {
  return bits | (nid << NID_SHIFT) | order;
}
export function folioOrder(f: i32): i32 {
  return flags(f) & ORDER_MASK;
}
export function folioNr(f: i32): i32 {
  return 1 << (flags(f) & ORDER_MASK);
}
export function folioNid(f: i32): i32 {
  return (flags(f) >>> NID_SHIFT) & 15;
}
/** The head of the folio that frame `f` is part of. */
export function folioHead(f: i32): i32 {
  const w = flags(f);
  return (w & PG_TAIL) !== 0 ? f & ~((1 << (w & ORDER_MASK)) - 1) : f;
}
export function test(f: i32, bit: i32): boolean {
  return (flags(f) & bit) !== 0;
}
export function setFlag(f: i32, bit: i32): void {
  setFlags(f, flags(f) | bit);
}
export function clearFlag(f: i32, bit: i32): void {
  setFlags(f, flags(f) & ~bit);
}
export function isFile(f: i32): i32 {
  return (flags(f) & PG_FILE) !== 0 ? 1 : 0;
}

/** Take a reference. The caller knows that the folio is alive. */
export function folioGet(f: i32): void {
  setRefs(f, refs(f) + 1);
}
/** Take a reference unless the folio is dead or frozen (folio_try_get). */
export function folioTryGet(f: i32): i32 {
  if (refs(f) <= 0) return 0;
  setRefs(f, refs(f) + 1);
  return 1;
}
/** Drop a reference; returns 1 if it was the last, and the caller must free the folio (folio_put_testzero). */
export function folioPutTestZero(f: i32): i32 {
  const n = refs(f) - 1;
  if (n < 0) hostBug(BUG_REFS, f, n);
  setRefs(f, n);
  return n === 0 ? 1 : 0;
}
