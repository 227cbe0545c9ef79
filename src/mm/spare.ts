/**
 * Some of what would be lost stays for another round (OPT_COLDEST). Ages near the tail of a list differ by so little that they hardly
 * say which page will be needed first, except to a program that goes round more than there is room for, or whose working set
 * moves round: there the oldest page is the very one that is needed next, and the oldest first is the worst order there is.
 * Pages spared by chance are still there when their turn comes. Elsewhere one is as good as its neighbour.
 *
 * A demotion loses nothing, and promotion undoes it: that goes by age alone. So does what is asked for by name.
 */

import { knowsLastUse } from "./last-use.ts";
import { SC_LIMITED, SC_MAY_DEMOTE, SC_PRIORITY, SC_PROACTIVE, sc } from "./layout.ts";
import { nodeDemotionMask } from "./memory-tiers.ts";
import { randomBelow } from "./random.ts";

/** One page in so many is spared. */
const SPARED: i32 = 8;
/** Whether the current scan of a type of pages on node `nid` and of group `cg` spares some. */
export function sparesSome(nid: i32, cg: i32, file: i32): boolean {
  // When little else is left, everybody may go. Caches know what they can do without.
  if (!knowsLastUse() || file !== 0 || sc(SC_PRIORITY) <= 1) return false;
  if (sc(SC_PROACTIVE) !== 0 || sc(SC_LIMITED) === 1) return false;
  return sc(SC_MAY_DEMOTE) === 0 || nodeDemotionMask(nid, cg) === 0;
}
/** Whether one more page is. */
export function isSpared(): boolean {
  return randomBelow(SPARED) === 0;
}
