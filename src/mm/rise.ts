/**
 * Where a page may rise to: topology and policy answer, promotion decides.
 *
 * Under OPT_RISE any faster node will do that policy and group allow, whichever tier it is in: the middle tier too when the
 * top is full of what is hotter. A policy that names nodes is a wish; a page that is where it is wished, or on a node as
 * fast, stays there, and one that an overflow put lower down may come up. Without (Linux) it is the top tier alone, and no
 * mapping whose policy names nodes.
 */

import { nodeIsHopeless } from "./hopeless.ts";
import {
  H_HOME,
  H_NR_MEMCG,
  H_NR_NODES,
  H_OPTIONS,
  H_RISE_OPEN,
  hdr,
  LRU_UNEVICTABLE,
  lruvecOf,
  N_FREE,
  N_KSWAPD_FAILURES,
  N_LATENCY,
  N_PAGES,
  N_TIER,
  N_WMARK_LOW,
  N_WMARK_PROMO,
  node,
  setHdr,
  V_FILE,
  V_ORDER,
  vma,
} from "./layout.ts";
import { lruSize } from "./lruvec.ts";
import { lowestBit } from "./machine.ts";
import { isTopTier } from "./memory-tiers.ts";
import { placementMask, policyChoosesNode, policyNode } from "./mempolicy.ts";
import { MAX_KSWAPD_FAILURES, zone } from "./node.ts";
import { OPT_COLDEST, OPT_DEMOTION, OPT_PROMOTION, OPT_RISE, OPT_ROOM_FIRST, OPT_SMALL_NODES } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { PTE_WATCH } from "./page-table.ts";
import { countsUses } from "./uses.ts";

const GIB_PAGES: i32 = 262144;

/** The nodes of tiers faster than node `nid`'s, a bit each; where prices decide, of those whose accesses are: to no other does anything come up. */
function fasterThan(nid: i32): i32 {
  const priced = countsUses();
  let mask: i32 = 0;
  for (let t: i32 = 0; t < hdr(H_NR_NODES); t++) {
    if (node(t, N_TIER) < node(nid, N_TIER) && (!priced || node(t, N_LATENCY) < node(nid, N_LATENCY))) mask |= 1 << t;
  }
  return mask;
}

/** Whether anything on node `nid` could ever come up. */
export function anyFaster(nid: i32): boolean {
  return fasterThan(nid) !== 0;
}
/** The nodes that page `vpn` of mapping `v`, which is on node `nid`, may be promoted to, whether they have room or not. */
export function riseMask(v: i32, vpn: i32, nid: i32): i32 {
  const options = hdr(H_OPTIONS);
  if ((options & OPT_PROMOTION) === 0 || isTopTier(nid)) return 0;
  const may = placementMask(v);
  const faster = may & fasterThan(nid);
  if (faster === 0) return 0;
  if ((options & OPT_RISE) === 0) return policyChoosesNode(v) ? 0 : faster & topTier();
  if (!policyChoosesNode(v)) return faster;
  return node(policyNode(v, vpn, vma(v, V_ORDER), may), N_TIER) < node(nid, N_TIER) ? faster : 0;
}
function topTier(): i32 {
  let mask: i32 = 0;
  for (let t: i32 = 0; t < hdr(H_NR_NODES); t++) if (isTopTier(t)) mask |= 1 << t;
  return mask;
}

/** The tier of `mask` to try first for page `vpn`: the one that its policy wishes for, else the fastest. `mask` is not empty. */
export function firstTier(v: i32, vpn: i32, mask: i32): i32 {
  let tier: i32 = 0x7fffffff;
  for (let m: i32 = mask; m !== 0; m &= m - 1) if (node(lowestBit(m), N_TIER) < tier) tier = node(lowestBit(m), N_TIER);
  if (policyChoosesNode(v)) {
    const wish = policyNode(v, vpn, vma(v, V_ORDER), placementMask(v));
    if ((mask & (1 << wish)) !== 0) tier = node(wish, N_TIER);
  }
  let nodes: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    if (node(lowestBit(m), N_TIER) === tier) nodes |= 1 << lowestBit(m);
  }
  return nodes;
}

/** The node of `mask` to promote a page to: the nearest to home with room above `mark`, else the nearest that can make some; -1. Linux asks no such thing. */
export function riseTarget(mask: i32, mark: i32): i32 {
  let open: i32 = -1;
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(hdr(H_HOME), i);
    if ((mask & (1 << nid)) === 0) continue;
    if ((hdr(H_OPTIONS) & OPT_RISE) === 0) return nid;
    if (watermarkOk(nid, 0, node(nid, mark))) return nid;
    if (open < 0 && (hdr(H_RISE_OPEN) & (1 << nid)) !== 0) open = nid;
  }
  return open;
}

/** Whether node `nid` has so much room that everything that is touched may come. */
export function isRoomy(nid: i32): boolean {
  const part = node(nid, N_PAGES) >> 4;
  const plenty = (hdr(H_OPTIONS) & OPT_SMALL_NODES) !== 0 || part > GIB_PAGES ? part : GIB_PAGES;
  return watermarkOk(nid, 0, node(nid, N_WMARK_PROMO) + plenty);
}
/** The nodes that are, a bit each. */
export function roomyTiers(): i32 {
  let roomy: i32 = 0;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) if (isRoomy(nid)) roomy |= 1 << nid;
  return roomy;
}
/** Find out which nodes have room for pages that come up, or can make some. Returns them, a bit each. */
export function noteOpenNodes(): i32 {
  let open: i32 = 0;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    if (node(nid, N_FREE) > node(nid, N_WMARK_LOW) || canMakeRoom(nid)) open |= 1 << nid;
  }
  setHdr(H_RISE_OPEN, open);
  return open;
}
/** Whether a page may come up in exchange for another, where nothing can leave the faster node otherwise (trade.ts). */
export function mayTrade(): boolean {
  const all = OPT_ROOM_FIRST | OPT_DEMOTION | OPT_COLDEST;
  return (hdr(H_OPTIONS) & all) === all && countsUses();
}
/** Whether anything on the node can give way. */
function canMakeRoom(nid: i32): boolean {
  const stuck = nodeIsHopeless(nid) || node(nid, N_KSWAPD_FAILURES) >= MAX_KSWAPD_FAILURES;
  if (stuck && !mayTrade()) return false;
  let evictable: i32 = node(nid, N_PAGES) - node(nid, N_FREE);
  for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG); cg++) evictable -= lruSize(lruvecOf(nid, cg), LRU_UNEVICTABLE);
  return evictable > 0;
}

/**
 * What the entry of page `vpn` of mapping `v` gets on its way to node `nid`: PTE_WATCH if it could be on a faster one, so
 * that those who read the page table themselves count their hits on it and let time pass now and then.
 */
export function watchBit(v: i32, vpn: i32, nid: i32): i32 {
  if ((hdr(H_OPTIONS) & OPT_RISE) === 0 || isTopTier(nid) || vma(v, V_FILE) !== 0) return 0;
  return riseMask(v, vpn, nid) !== 0 ? PTE_WATCH : 0;
}
/** The fastest node that pages of mapping `v` may be on, nearest to home. */
export function topFor(v: i32): i32 {
  const may = placementMask(v);
  let best: i32 = -1;
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(hdr(H_HOME), i);
    if ((may & (1 << nid)) !== 0 && (best < 0 || node(nid, N_TIER) < node(best, N_TIER))) best = nid;
  }
  return best < 0 ? hdr(H_HOME) : best;
}
/** The fastest node of a slower tier than node `to` that pages of mapping `v` may be on; -1 if none. */
export function belowFor(v: i32, to: i32): i32 {
  const may = placementMask(v);
  let best: i32 = -1;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    if ((may & (1 << nid)) === 0 || node(nid, N_TIER) <= node(to, N_TIER)) continue;
    if (best < 0 || node(nid, N_TIER) < node(best, N_TIER)) best = nid;
  }
  return best;
}
