/**
 * Failure has a memory, and it ends (OPT_HOPELESS). A scope, that is a node or a group, in which a whole scan found nothing
 * to take is hopeless: it is not scanned again, by anybody, until something in it has changed. Linux has kswapd give up
 * after 16 fruitless runs, until somebody else reclaims a page, and has everybody else scan anew each time: a fault that
 * has to go to another node then pays for a look at every page of the first.
 *
 * What a change is follows from why the scan failed. It leaves a set of reasons (WHY_ bits), and only what takes one of
 * them away ends the state, at once:
 *
 *   WHY_BUSY    pinned, locked or being written    an unpin, an unlock
 *   WHY_ROOM    the target of a demotion is full   a page freed there; one there, or below, that can go after all
 *   WHY_SWAP    no slot, or a device that fails    a slot given back; a write that succeeds (swap.ts tries one page each time)
 *   WHY_POLICY  nowhere to go at all               a policy, a group's mems
 *   WHY_LIMIT   protected                          a limit; usage that passes it
 *
 * and a page that arrives, by a fault or a move, and could go. Changes of limits, policies, mems, targets, watermarks and
 * tunables are rare: they end all of it. There is no timer and no back-off: nothing is left that could outlast its cause.
 *
 * "Whole" is counted, not assumed: a scan has to have tried as many pages as there are in the scope. Pages that it passed
 * over because they were in use do not count, so a scope is never hopeless for being warm.
 */
import { folioNid, isFile, PG_LOCKED, PG_LRU, PG_UNEVICTABLE, PG_WRITEBACK, test } from "./folio.ts";
import {
  C_ACTIVE,
  C_HOPELESS,
  C_LOW,
  C_MIN,
  C_PARENT,
  C_WHY,
  H_HOPELESS,
  H_NR_MEMCG,
  H_OPTIONS,
  hdr,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lruvecOf,
  memcg,
  N_FREE,
  N_HOPELESS,
  N_KSWAPD_FAILURES,
  N_WHY,
  N_WMARK_MIN,
  node,
  nodes,
  ownerMemcg,
  refs,
  SC_MAY_DEMOTE,
  SC_MAY_EVICT,
  SC_MAY_SWAP,
  SC_MEMCG,
  SC_PROACTIVE,
  SC_TRIED,
  SC_WHY,
  sc,
  setHdr,
  setMemcg,
  setNode,
  setSc,
} from "./layout.ts";
import { lruSize } from "./lruvec.ts";
import { lowestBit } from "./machine.ts";
import { isDescendant, PROTECTED_MIN, protection } from "./memcg.ts";
import { demotionMask } from "./memory-tiers.ts";
import { allNodes } from "./node.ts";
import { OPT_HOPELESS } from "./options.ts";
import { canReclaimAnon } from "./scan-scope.ts";
import { swapAvailable } from "./swap.ts";

export const WHY_BUSY: i32 = 1;
export const WHY_ROOM: i32 = 2;
export const WHY_SWAP: i32 = 4;
export const WHY_POLICY: i32 = 8;
export const WHY_LIMIT: i32 = 16;

// Ways to reclaim, a bit each: a scope may be hopeless for one and not for another.
const TO_RECLAIM: i32 = 1;
const TO_DEMOTE: i32 = 2;
const TO_EVICT: i32 = 4;
/** A request that puts back what it cannot demote. */
const TO_REQUEST: i32 = 8;

/** Note why the scan under way could not take something. */
export function noteWhy(bits: i32): void {
  setSc(SC_WHY, sc(SC_WHY) | bits);
}
/** The scan under way tried `nr` pages (negative: did not after all). */
export function noteTried(nr: i32): void {
  setSc(SC_TRIED, sc(SC_TRIED) + nr);
}

/** The way that the current scan control reclaims; 0 if none of those that are remembered. */
function way(): i32 {
  if ((hdr(H_OPTIONS) & OPT_HOPELESS) === 0 || sc(SC_MAY_SWAP) === 0) return 0;
  if (sc(SC_MAY_EVICT) === 0) return TO_DEMOTE;
  if (sc(SC_MAY_DEMOTE) === 0) return TO_EVICT;
  return sc(SC_PROACTIVE) !== 0 ? TO_REQUEST : TO_RECLAIM;
}

/** The nodes of `mask` on which the scan that the current control describes may find something. */
export function hopeful(mask: i32): i32 {
  if (hdr(H_HOPELESS) === 0) return mask;
  const by = way();
  const cg = sc(SC_MEMCG);
  if (cg >= 0) return (memcg(cg, C_HOPELESS) & by) !== 0 ? 0 : mask;
  let left: i32 = mask;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const nid = lowestBit(m);
    if ((node(nid, N_HOPELESS) & by) !== 0) left &= ~(1 << nid);
  }
  return left;
}
/** Whether reclaim on node `nid` is hopeless for everybody, kswapd with them. */
export function nodeIsHopeless(nid: i32): boolean {
  return (node(nid, N_HOPELESS) & TO_RECLAIM) !== 0;
}

/**
 * The scan that the current control describes found nothing on the nodes of `mask`: remember it, if it looked at everything.
 * Returns whether there is no sense in looking on.
 */
export function noteFutile(mask: i32): boolean {
  const by = way();
  const cg = sc(SC_MEMCG);
  if (by === 0) return true;
  if (sc(SC_TRIED) < pagesInScope(mask, cg)) return false;
  if (cg >= 0 && mask !== allNodes()) return true;
  // Nothing at all to try: what could not even be looked at has nowhere to go, by policy or for want of a slot.
  const why = sc(SC_WHY) | WHY_POLICY;
  setHdr(H_HOPELESS, hdr(H_HOPELESS) | why);
  if (cg >= 0) {
    setMemcg(cg, C_HOPELESS, memcg(cg, C_HOPELESS) | by);
    setMemcg(cg, C_WHY, memcg(cg, C_WHY) | why);
    return true;
  }
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const nid = lowestBit(m);
    setNode(nid, N_HOPELESS, node(nid, N_HOPELESS) | by);
    setNode(nid, N_WHY, node(nid, N_WHY) | why);
  }
  return true;
}
/** Pages that a whole scan of the nodes of `mask` and group `cg` (-1: all) would try. Notes why it would not try others. */
function pagesInScope(mask: i32, cg: i32): i32 {
  let pages: i32 = 0;
  for (let c: i32 = 0; c < hdr(H_NR_MEMCG); c++) {
    if (memcg(c, C_ACTIVE) === 0 || (cg >= 0 && !isDescendant(c, cg))) continue;
    if (protection(c, cg) === PROTECTED_MIN) {
      noteWhy(WHY_LIMIT);
      continue;
    }
    for (let m: i32 = mask; m !== 0; m &= m - 1) {
      const nid = lowestBit(m);
      const lv = lruvecOf(nid, c);
      pages += lruSize(lv, LRU_INACTIVE_FILE) + lruSize(lv, LRU_INACTIVE_FILE + 1);
      if (canReclaimAnon(nid, c)) pages += lruSize(lv, LRU_INACTIVE_ANON) + lruSize(lv, LRU_INACTIVE_ANON + 1);
      else if (!swapAvailable()) noteWhy(WHY_SWAP);
    }
  }
  return pages;
}

/** Something changed that takes away one of the reasons in `why`: scopes that were hopeless for it are no longer. */
export function changed(why: i32): void {
  if ((hdr(H_HOPELESS) & why) !== 0) end(why, -1, -1);
}
/** Everything may have changed. */
export function everythingChanged(): void {
  if (hdr(H_HOPELESS) !== 0) end(-1, -1, -1);
}
/** End what is hopeless for a reason in `why`, and, whatever the reason, node `nid` and group `cg` with its ancestors. */
function end(why: i32, nid: i32, cg: i32): void {
  let left: i32 = 0;
  for (let n: i32 = 0; n < nodes(); n++) {
    if (node(n, N_HOPELESS) === 0) continue;
    if ((node(n, N_WHY) & why) !== 0 || n === nid) {
      setNode(n, N_HOPELESS, 0);
      setNode(n, N_WHY, 0);
      setNode(n, N_KSWAPD_FAILURES, 0);
    }
    left |= node(n, N_WHY);
  }
  for (let c: i32 = 0; c < hdr(H_NR_MEMCG); c++) {
    if (memcg(c, C_HOPELESS) === 0) continue;
    if ((memcg(c, C_WHY) & why) !== 0 || (cg >= 0 && isDescendant(cg, c))) {
      setMemcg(c, C_HOPELESS, 0);
      setMemcg(c, C_WHY, 0);
    }
    left |= memcg(c, C_WHY);
  }
  setHdr(H_HOPELESS, left);
}

/** Whether reclaim could take folio `f` from where it is, if nobody holds it. */
function couldGo(f: i32): boolean {
  if (test(f, PG_UNEVICTABLE)) return false;
  return isFile(f) !== 0 || swapAvailable() || demotionMask(f) !== 0;
}
/** Folio `f` has come to where it now is, by a fault or a move. */
export function noteArrival(f: i32): void {
  if (hdr(H_HOPELESS) !== 0 && couldGo(f)) end(WHY_ROOM, folioNid(f), ownerMemcg(f));
}
/** Somebody let go of folio `f`. Returns whether it is the one page of a hopeless scope that can be taken now. */
export function noteRelease(f: i32): boolean {
  if ((hdr(H_HOPELESS) & (WHY_BUSY | WHY_ROOM)) === 0) return false;
  if (refs(f) !== 1 || !test(f, PG_LRU) || test(f, PG_LOCKED | PG_WRITEBACK) || !couldGo(f)) return false;
  end(WHY_BUSY | WHY_ROOM, folioNid(f), ownerMemcg(f));
  return true;
}
/** A page of node `nid` was freed. */
export function noteFree(nid: i32): void {
  if ((hdr(H_HOPELESS) & WHY_ROOM) !== 0 && node(nid, N_FREE) > node(nid, N_WMARK_MIN)) end(WHY_ROOM, -1, -1);
}
/** Group `cg` or one above it grew: it may have grown past its protection. */
export function noteGrowth(cg: i32): void {
  if ((hdr(H_HOPELESS) & WHY_LIMIT) === 0) return;
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) {
    if (memcg(c, C_MIN) > 0 || memcg(c, C_LOW) > 0) {
      end(WHY_LIMIT, -1, -1);
      return;
    }
  }
}
