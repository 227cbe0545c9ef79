/**
 * Memory policies (mm/mempolicy.c): where a mapping's pages are allocated, and where they may be at all. Only bind
 * forbids nodes; the others say where to start looking.
 */
import { memsOf } from "./cpuset.ts";
import {
  H_HOME,
  hdr,
  ownerMemcg,
  ownerVma,
  V_MEMCG,
  V_MOVE_TO,
  V_NODEMASK,
  V_POLICY,
  V_START,
  V_WEIGHTS,
  vma,
} from "./layout.ts";
import { countBits, lowestBit } from "./machine.ts";
import { allNodes, zone } from "./node.ts";
import { count, NUMA_INTERLEAVE, POLICY_VIOLATIONS } from "./vmstat.ts";

export const MPOL_DEFAULT: i32 = 0;
export const MPOL_BIND: i32 = 1;
export const MPOL_PREFERRED: i32 = 2;
export const MPOL_INTERLEAVE: i32 = 3;
export const MPOL_WEIGHTED_INTERLEAVE: i32 = 4;

/** The nodes that the policy of a mapping allows, a bit each; while it is being moved, those where it is to be, of these. */
export function policyAllowed(vmaId: i32): i32 {
  const allowed = vma(vmaId, V_POLICY) === MPOL_BIND ? vma(vmaId, V_NODEMASK) : allNodes();
  const moving = vma(vmaId, V_MOVE_TO);
  return moving !== 0 ? allowed & moving : allowed;
}

/** The nodes that a mapping's pages may be on: policy and group together. */
export function placementMask(vmaId: i32): i32 {
  return policyAllowed(vmaId) & memsOf(vma(vmaId, V_MEMCG));
}

/** Whether the policy names a node to start from; otherwise allocation starts at the fastest tier. */
export function policyChoosesNode(vmaId: i32): boolean {
  return vma(vmaId, V_POLICY) >= MPOL_PREFERRED;
}

/** The node that a folio of this order at virtual page `vpn` should be on first, out of `mask`. */
export function policyNode(vmaId: i32, vpn: i32, order: i32, mask: i32): i32 {
  const policy = vma(vmaId, V_POLICY);
  const named = vma(vmaId, V_NODEMASK) & mask;
  if (policy >= MPOL_PREFERRED && named !== 0) {
    if (policy === MPOL_PREFERRED) return lowestBit(named);
    const at = (vpn - vma(vmaId, V_START)) >> order;
    return policy === MPOL_INTERLEAVE ? interleaveNode(at, named) : weightedNode(vmaId, at, named);
  }
  const home = hdr(H_HOME);
  let i: i32 = 0;
  while ((mask & (1 << zone(home, i))) === 0) i++;
  return zone(home, i);
}

/** By offset into the mapping, in folios, so that the same one always asks for the same node (interleave_nid). */
function interleaveNode(at: i32, mask: i32): i32 {
  let m: i32 = mask;
  for (let skip: i32 = at % countBits(mask); skip > 0; skip--) m &= m - 1;
  return lowestBit(m);
}

function weightedNode(vmaId: i32, offset: i32, mask: i32): i32 {
  let total: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) total += vma(vmaId, V_WEIGHTS + (lowestBit(m) << 2));
  let at: i32 = offset % total;
  let m: i32 = mask;
  while (at >= vma(vmaId, V_WEIGHTS + (lowestBit(m) << 2))) {
    at -= vma(vmaId, V_WEIGHTS + (lowestBit(m) << 2));
    m &= m - 1;
  }
  return lowestBit(m);
}

/** Count it if folio `f`, of `nr` pages, now stands on a node that it is not allowed on. */
export function notePlacement(f: i32, nid: i32, nr: i32): void {
  const v = ownerVma(f);
  if ((placementMask(v) & (1 << nid)) === 0) count(POLICY_VIOLATIONS, nid, ownerMemcg(f), nr);
}

/** Count an allocation that an interleaving policy got where it wanted. */
export function noteInterleave(vmaId: i32, wanted: i32, nid: i32, cg: i32): void {
  if (vma(vmaId, V_POLICY) >= MPOL_INTERLEAVE && wanted === nid) count(NUMA_INTERLEAVE, nid, cg, 1);
}
