/**
 * Memory tiers (mm/memory-tiers.c): this file only answers questions about topology; reclaim decides.
 *
 * Nodes are grouped into tiers by abstract distance, 128 units a tier; DRAM is 576, memory at five times its latency
 * 2880, smaller is faster. Pages are demoted to a strictly lower (slower) tier:
 *
 *   preferred: the nodes of the next lower tier at the smallest NUMA distance; ties are broken at random
 *   allowed:   every node of every lower tier, nearest first, for when none of the preferred may be used
 *
 * so demotion can never run in a circle and nodes of one tier never demote to each other:
 *
 *   node 0 (DRAM) --20--> node 2 (CXL)        0: preferred {2}, allowed {2, 3}
 *   node 1 (DRAM) --20--> node 3 (CXL)        1: preferred {3}, allowed {2, 3}
 *                                             2, 3: the lowest tier, no target
 *
 * Peers of one tier exchange pages only if the user names them for balancing (the RFC's third use), and then only such
 * pages as belong to the group that made the pressure, and only into room above the peer's high watermark, so that no
 * group's pressure ever reaches another group's pages.
 */

import { memsOf } from "./cpuset.ts";
import { folioNid, folioNr } from "./folio.ts";
import { everythingChanged } from "./hopeless.ts";
import {
  H_NR_NODES,
  H_OPTIONS,
  H_TOP_TIER,
  hdr,
  N_ADISTANCE,
  N_BALANCE,
  N_DEMOTE_ALLOWED,
  N_DEMOTE_PREFERRED,
  N_DISTANCE,
  N_FREE,
  N_TIER,
  N_WMARK_HIGH,
  node,
  ownerMemcg,
  ownerVma,
  setHdr,
  setNode,
} from "./layout.ts";
import { countBits, lowestBit } from "./machine.ts";
import { policyAllowed } from "./mempolicy.ts";
import { madePressure } from "./node.ts";
import { OPT_DEMOTION, OPT_HONOUR_CPUSET, OPT_HONOUR_MEMPOLICY } from "./options.ts";
import { randomBelow } from "./random.ts";

/** Abstract distance units in one tier (MEMTIER_CHUNK_SIZE). */
export const MEMTIER_CHUNK_BITS: i32 = 7;

/** Derive tiers and demotion targets of all nodes from their abstract and NUMA distances (establish_demotion_targets). */
export function buildTiers(): void {
  const n = hdr(H_NR_NODES);
  let top: i32 = 0x7fffffff;
  for (let nid: i32 = 0; nid < n; nid++) {
    const tier = node(nid, N_ADISTANCE) >> MEMTIER_CHUNK_BITS;
    setNode(nid, N_TIER, tier);
    if (tier < top) top = tier;
  }
  setHdr(H_TOP_TIER, top);
  for (let nid: i32 = 0; nid < n; nid++) {
    const tier = node(nid, N_TIER);
    let allowed: i32 = 0;
    let nextTier: i32 = 0x7fffffff;
    for (let t: i32 = 0; t < n; t++) {
      if (node(t, N_TIER) <= tier) continue;
      allowed |= 1 << t;
      if (node(t, N_TIER) < nextTier) nextTier = node(t, N_TIER);
    }
    let best: i32 = 0x7fffffff;
    let preferred: i32 = 0;
    for (let t: i32 = 0; t < n; t++) {
      if (node(t, N_TIER) !== nextTier) continue;
      const d = node(nid, N_DISTANCE + (t << 2));
      if (d > best) continue;
      if (d < best) preferred = 0;
      best = d;
      preferred |= 1 << t;
    }
    setNode(nid, N_DEMOTE_PREFERRED, preferred);
    setNode(nid, N_DEMOTE_ALLOWED, allowed);
  }
}

/** Targets given by the user in place of the derived ones; the caller has checked that they are of lower tiers. */
export function setDemotionTargets(nid: i32, preferred: i32, allowed: i32): void {
  setNode(nid, N_DEMOTE_PREFERRED, preferred);
  setNode(nid, N_DEMOTE_ALLOWED, allowed);
  everythingChanged();
}

export function setBalance(nid: i32, peers: i32): void {
  everythingChanged();
  setNode(nid, N_BALANCE, peers);
}

/** Whether the node is in the fastest tier (node_is_toptier). */
export function isTopTier(nid: i32): boolean {
  return node(nid, N_TIER) === hdr(H_TOP_TIER);
}

/** The nodes that group `cg`'s pages may be demoted to from `nid`, as far as that can be said without a page (can_demote). */
export function nodeDemotionMask(nid: i32, cg: i32): i32 {
  const options = hdr(H_OPTIONS);
  if ((options & OPT_DEMOTION) === 0) return 0;
  const allowed = node(nid, N_DEMOTE_ALLOWED);
  return (options & OPT_HONOUR_CPUSET) !== 0 && cg >= 0 ? allowed & memsOf(cg) : allowed;
}

/** The nodes that folio `f` may be demoted to: used both to check and to choose. */
export function demotionMask(f: i32): i32 {
  let mask = nodeDemotionMask(folioNid(f), ownerMemcg(f));
  if ((hdr(H_OPTIONS) & OPT_HONOUR_MEMPOLICY) !== 0) mask &= policyAllowed(ownerVma(f));
  return mask;
}

/** One of the preferred targets that `mask` leaves, at random; else the nearest other one; else -1 (next_demotion_node). */
export function nextDemotionNode(nid: i32, mask: i32): i32 {
  let pick = node(nid, N_DEMOTE_PREFERRED) & mask;
  if (pick === 0) return nearest(nid, node(nid, N_DEMOTE_ALLOWED) & mask);
  const bits = countBits(pick);
  if (bits > 1) for (let skip: i32 = randomBelow(bits); skip > 0; skip--) pick &= pick - 1;
  return lowestBit(pick);
}

/** The node of `mask` at the smallest distance from `nid`; -1 if the mask is empty. */
export function nearest(nid: i32, mask: i32): i32 {
  let best: i32 = -1;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (best < 0 || node(nid, N_DISTANCE + (t << 2)) < node(nid, N_DISTANCE + (best << 2))) best = t;
  }
  return best;
}

/** The peers that folio `f` may be moved to by balancing now. */
export function balanceMask(f: i32): i32 {
  const nid = folioNid(f);
  const peers = node(nid, N_BALANCE);
  if (peers === 0) return 0;
  const cg = ownerMemcg(f);
  if (!madePressure(cg)) return 0;
  let mask: i32 = 0;
  const allowed = peers & memsOf(cg) & policyAllowed(ownerVma(f));
  for (let m: i32 = allowed; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (node(t, N_FREE) - folioNr(f) > node(t, N_WMARK_HIGH)) mask |= 1 << t;
  }
  return mask;
}
