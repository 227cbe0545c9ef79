/**
 * Which scans are futile (see hopeless.ts): asked before a scan, told after one that found nothing, and told of pages that
 * could be taken now.
 */
import { folioNid, isFile, PG_LOCKED, PG_LRU, PG_UNEVICTABLE, PG_WRITEBACK, test } from "./folio.ts";
import {
  endHopeless,
  nodeIsHopeless,
  noteWhy,
  TO_RECLAIM,
  WHY_BUSY,
  WHY_LIMIT,
  WHY_POLICY,
  WHY_REFUGE,
  WHY_ROOM,
  WHY_SWAP,
  waitFor,
} from "./hopeless.ts";
import {
  C_ACTIVE,
  C_HOPELESS,
  C_WHY,
  H_HOPELESS,
  H_NR_MEMCG,
  H_OPTIONS,
  H_SWAPPINESS,
  hdr,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lruvecOf,
  memcg,
  N_BALANCE,
  N_HOPELESS,
  N_WHY,
  N_WMARK_MIN,
  node,
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
} from "./layout.ts";
import { lruSize } from "./lruvec.ts";
import { lowestBit } from "./machine.ts";
import { isDescendant, PROTECTED_MIN, PROTECTED_NONE, protection } from "./memcg.ts";
import { demotionMask } from "./memory-tiers.ts";
import { allNodes } from "./node.ts";
import { OPT_HOPELESS } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { roomFirst } from "./room.ts";
import { canReclaimAnon } from "./scan-scope.ts";
import { swapAvailable } from "./swap.ts";

// Ways to reclaim, a bit each: a scope may be hopeless for one and not for another.
// TO_RECLAIM is 1.
const TO_DEMOTE: i32 = 2;
const TO_EVICT: i32 = 4;
/** A request that puts back what it cannot demote. */
const TO_REQUEST: i32 = 8;

/** The way that the current scan control reclaims; 0 if none of those that are remembered. */
function way(): i32 {
  if ((hdr(H_OPTIONS) & OPT_HOPELESS) === 0 || sc(SC_MAY_SWAP) === 0) return 0;
  if (sc(SC_MAY_EVICT) === 0) return TO_DEMOTE;
  if (sc(SC_MAY_DEMOTE) === 0) return TO_EVICT;
  return sc(SC_PROACTIVE) !== 0 ? TO_REQUEST : TO_RECLAIM;
}

/** Whether the way that the current control reclaims is one of those whose failure is remembered. */
export function remembersFailure(): boolean {
  return way() !== 0;
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
  const why = sc(SC_WHY) | WHY_POLICY | (roomFirst() ? WHY_REFUGE : 0);
  setHdr(H_HOPELESS, hdr(H_HOPELESS) | why);
  if (cg >= 0) {
    setMemcg(cg, C_HOPELESS, memcg(cg, C_HOPELESS) | by);
    setMemcg(cg, C_WHY, memcg(cg, C_WHY) | why);
    return true;
  }
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const nid = lowestBit(m);
    // What a peer may take depends on whose pressure it is.
    if (node(nid, N_BALANCE) !== 0) continue;
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
      else if (!swapAvailable(0)) noteWhy(WHY_SWAP);
    }
  }
  return pages;
}

/** Whether reclaim could take folio `f` from where it is, if nobody holds it. */
function couldGo(f: i32): boolean {
  if (test(f, PG_UNEVICTABLE)) return false;
  return isFile(f) !== 0 || swapAvailable(0) || demotionMask(f) !== 0;
}
/**
 * Folio `f` has come to where it now is, by a fault or a move. One that could go down if there were room, where it is known that there
 * is none, changes nothing as yet: room would, a slot, or a refuge.
 */
export function noteArrival(f: i32): void {
  if (hdr(H_HOPELESS) === 0 || !couldGo(f)) return;
  if (isFile(f) !== 0 || swapAvailable(0) || mayHaveRoom(demotionMask(f)))
    endHopeless(WHY_ROOM, folioNid(f), ownerMemcg(f));
  else waitFor(WHY_ROOM | WHY_SWAP | WHY_REFUGE, folioNid(f), ownerMemcg(f));
}
/** Whether a node of `mask` has room, or is not known to be unable to make some. */
function mayHaveRoom(mask: i32): boolean {
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (!nodeIsHopeless(t) || watermarkOk(t, 0, node(t, N_WMARK_MIN))) return true;
  }
  return false;
}
/** Somebody let go of folio `f`. Returns whether it is the one page of a hopeless scope that can be taken now. */
export function noteRelease(f: i32): boolean {
  if ((hdr(H_HOPELESS) & (WHY_BUSY | WHY_ROOM)) === 0) return false;
  if (refs(f) !== 1 || !test(f, PG_LRU) || test(f, PG_LOCKED | PG_WRITEBACK) || !couldGo(f)) return false;
  endHopeless(WHY_BUSY | WHY_ROOM, folioNid(f), ownerMemcg(f));
  return true;
}

/** The types of pages of a node and group that the scan under way may take: 1 regions', 2 caches'. Protected groups: none. */
export function hopefulLists(nid: i32, cg: i32): i32 {
  const target = sc(SC_MEMCG);
  if (memcg(cg, C_ACTIVE) === 0 || (target >= 0 && !isDescendant(cg, target))) return 0;
  if (protection(cg, target) !== PROTECTED_NONE) return 0;
  const lv = lruvecOf(nid, cg);
  const file = lruSize(lv, LRU_INACTIVE_FILE) + lruSize(lv, LRU_INACTIVE_FILE + 1) > 0;
  // Swappiness 0 spares regions for as long as there are caches' pages.
  const anon = canReclaimAnon(nid, cg) && (hdr(H_SWAPPINESS) > 0 || !file);
  return (anon ? 1 : 0) | (file ? 2 : 0);
}
