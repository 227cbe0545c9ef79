/**
 * The seam between the engine and its lists. Two designs stand behind it, and a memory has one of them from when it is
 * opened (OPT_LRU_GEN):
 *
 *   classic      active and inactive lists           lruvec.ts, shrink-list.ts, workingset.ts
 *   mglru        generations                         lru-gen.ts and the files that it names
 *
 * Everybody who puts a folio on a list or takes one off goes through here. What the designs share is everything else: the
 * unevictable list, isolation, what becomes of a batch (shrinkFolioList), kswapd, watermarks, groups and their protection.
 * The only other places that ask which design it is are shrinkLruvec() and shrinkNode() of vmscan.ts.
 *
 * In either design a folio on its way to a list is wanted young if it is PG_ACTIVE, and lruDel() leaves the flag so that
 * adding the folio again, perhaps elsewhere, keeps about its place.
 */
import { folioNid, isFile, PG_ACTIVE, PG_UNEVICTABLE, PG_YOUNG, setFlag, test } from "./folio.ts";
import { before, knowsLastUse, lastUse, noteUse } from "./last-use.ts";
import { flags, LRU_ACTIVE_ANON, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE, lruHead, ownerMemcg, prev } from "./layout.ts";
import {
  genOf,
  lruGenAdd,
  lruGenAddTail,
  lruGenDel,
  lruGenEnabled,
  lruGenIsActive,
  maxSeq,
  updateGen,
} from "./lru-gen.ts";
import { lruGenAddByAge } from "./lru-gen-place.ts";
import { lruGenEviction, lruGenFaulted, lruGenRefault, lruGenRefaultIsDistant } from "./lru-gen-refault.ts";
import { folioLruvec, lruListOf, lruvecAdd, lruvecAddTail, lruvecDel } from "./lruvec.ts";
import { testClearReferenced } from "./page-table.ts";
import { refaultIsDistant, workingsetEviction, workingsetRefault } from "./workingset.ts";

/** Half of the round that an age in a shadow counts, in either design (workingset.ts, lru-gen-refault.ts). */
const LONG_AGO: i32 = 1 << 31;
/** Pages at the end of a list that tell of those behind them. */
const NEXT: i32 = 9;

function inGenerations(f: i32): boolean {
  return lruGenEnabled() && !test(f, PG_UNEVICTABLE);
}
/** Put a folio on the list that its flags say, as most recently used (lruvec_add_folio). */
export function lruAdd(f: i32): void {
  if (inGenerations(f)) lruGenAdd(f);
  else lruvecAdd(f);
}
/**
 * Put a folio on its list that has come from another node: among its equals there, for it has been on a list already. One
 * that was last used before all that are there is the next to be scanned.
 */
export function lruAddMoved(f: i32): void {
  if (!knowsLastUse() || test(f, PG_ACTIVE | PG_UNEVICTABLE)) lruAdd(f);
  else if (lruGenEnabled()) lruGenAddByAge(f);
  else if (isBeforeTail(f, folioNid(f), ownerMemcg(f))) lruvecAddTail(f);
  else lruvecAdd(f);
}
/**
 * Whether folio `f` was last used before most of the next pages to be scanned of its type, on node `nid` and of group `cg`. Not the very next alone:
 * some stand there that were spared (spare.ts).
 */
function isBeforeTail(f: i32, nid: i32, cg: i32): boolean {
  const list = isFile(f) !== 0 ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
  return mostAreSince(lruHead(nid, cg, list), (lastUse(f) + 1) | 0);
}
/** Whether most of the last pages of a list were last used at `time` or later. */
export function mostAreSince(head: i32, time: i32): boolean {
  let younger: i32 = 0;
  let n: i32 = 0;
  for (let f: i32 = prev(head); f !== head && n < NEXT; f = prev(f)) {
    if (!before(lastUse(f), time)) younger++;
    n++;
  }
  return younger << 1 > n;
}
/** Put a folio where it is the next to be scanned. */
export function lruAddTail(f: i32): void {
  if (inGenerations(f)) lruGenAddTail(f);
  else lruvecAddTail(f);
}
/** Take a folio off its list (lruvec_del_folio). */
export function lruDel(f: i32): void {
  if (inGenerations(f)) lruGenDel(f, false);
  else lruvecDel(f);
}
/** Look at folio `f` alone, which is on a list: whether it was used since somebody looked. That is noted, and its marks are cleared. */
export function lruLook(f: i32): boolean {
  if (testClearReferenced(f) === 0) return false;
  const lv = folioLruvec(f);
  noteUse(f);
  if (lruGenEnabled()) updateGen(f, lv, genOf(maxSeq(lv)));
  else setFlag(f, PG_YOUNG);
  return true;
}
/** Put a folio on its list that a fault has just mapped (folio_add_lru_vma). */
export function lruAddFaulted(f: i32): void {
  if (lruGenEnabled()) lruGenFaulted(f);
  lruAdd(f);
}
/** Put a folio back that reclaim isolated and then had no use for. */
export function lruPutback(f: i32): void {
  // Not to the oldest generation, or it would be met again at once.
  if (inGenerations(f)) setFlag(f, PG_ACTIVE);
  lruAdd(f);
}
/** The classic list that a folio on a list counts with: its generation's, or the one that it is on (folio_lru_list). */
export function folioLruList(f: i32): i32 {
  const list = lruListOf(flags(f));
  return inGenerations(f) && lruGenIsActive(f) ? list + LRU_ACTIVE_ANON : list;
}
/** The shadow that an evicted folio leaves (workingset_eviction). */
export function lruEviction(f: i32): i32 {
  return lruGenEnabled() ? lruGenEviction(f) : workingsetEviction(f);
}
/** A page that left `shadow` is back as folio `f`, which is on no list yet (workingset_refault). */
export function lruRefault(f: i32, shadow: i32): void {
  if (lruGenEnabled()) lruGenRefault(f, shadow);
  else workingsetRefault(f, shadow);
}
/** The same shadow, of a page that is to be known as one that was away for long. */
export function lruDistant(shadow: i32): i32 {
  return shadow ^ LONG_AGO;
}
/** Whether a page that left `shadow`, of a file or not, has been away for longer than the working set (workingset_test_recent). */
export function lruRefaultIsDistant(shadow: i32, file: i32): boolean {
  return lruGenEnabled() ? lruGenRefaultIsDistant(shadow, file) : refaultIsDistant(shadow, file);
}
