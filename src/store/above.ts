/**
 * What is held above the store: values that a cache keeps decoded on its thread's JavaScript heap (cache/front.ts), and how whoever
 * holds one learns that the store would not give it any more.
 *
 * By versions: words of the segment, found by an item's hash, beside one that counts for all. Who takes a value up marks the item
 * (BIT_ABOVE) and keeps the sum of both words; the value is good as long as the sum is the same: two loads and a compare, from any
 * thread that has the segment, with no list of holders. Whatever ends a value moves the item's word on and takes the mark away:
 * it is overwritten, removed, dropped, lost, its time to live begins anew. Moving the item in the log does not: the mark goes along.
 *
 * Only marked items move a word, so a store that replaces a million items a second does not outdate what is held of others, but
 * for those few that share a word with one. A mark that nobody's value belongs to any more costs as much. When a page is lost, it
 * cannot be read which items were on it: if any of its segment may be marked (SEG_ABOVE), the word for all moves on. A clear
 * moves that, too. Versions wrap: a value that is not looked at for a multiple of 2^32 changes to its word would be taken for good.
 */
import { allVersionsAddr, pte, storeOutAddr, versionAddr } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { BIT_ABOVE, bits, I_HASH, setBits } from "./item.ts";
import { add, controlOf, locAddr, pageOfLoc, SEG_ABOVE, SG_FLAGS, ST_SEG_SHIFT, segAddr, vpnOfLoc } from "./layout.ts";

/**
 * The value of the item at `loc`, which the last call has found, is about to be held above. Returns the address of its version;
 * its hash stands in the out area at +40. 0: it is in swap, where it cannot be marked.
 */
export function storeAbove(meta: i32, loc: i32): i32 {
  const c = controlOf(meta);
  if ((pte(vpnOfLoc(c, loc)) & PTE_PRESENT) === 0) return 0;
  const item = locAddr(c, loc);
  setBits(item, bits(item) | BIT_ABOVE);
  markSeg(c, loc);
  st(storeOutAddr() + 40, ld(item + I_HASH));
  return versionAddr(ld(item + I_HASH));
}
/** The segment of `loc` has a marked item. */
export function markSeg(c: i32, loc: i32): void {
  const p = segAddr(c, pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT)) + SG_FLAGS;
  st(p, ld(p) | SEG_ABOVE);
}

/** The item changes or goes. */
export function outdate(item: i32): void {
  if ((bits(item) & BIT_ABOVE) === 0) return;
  setBits(item, bits(item) & ~BIT_ABOVE);
  add(versionAddr(ld(item + I_HASH)), 1);
}
/** Nothing that is held above is good any more. */
export function outdateAll(): void {
  add(allVersionsAddr(), 1);
}
/** A page of the segment whose record is at `p` is lost. */
export function outdateSeg(p: i32): void {
  if ((ld(p + SG_FLAGS) & SEG_ABOVE) !== 0) outdateAll();
}
