/**
 * Changing where pages may be (mbind with MPOL_MF_MOVE, cpuset.memory_migrate): the pages that a new policy or a group's
 * new mems forbid are moved before the change takes effect.
 */
import { EBUSY, EINVAL, ENOMEM } from "./errno.ts";
import { folioHead, folioNid, folioOrder, PG_LRU, test } from "./folio.ts";
import { isolatePage } from "./gup.ts";
import {
  C_MEMS,
  H_NR_VMAS,
  hdr,
  memcg,
  pte,
  refs,
  setMemcg,
  V_ACTIVE,
  V_MEMCG,
  V_NODEMASK,
  V_PAGES,
  V_POLICY,
  V_START,
  vma,
} from "./layout.ts";
import { lruDel } from "./lruvec.ts";
import { advisePageout } from "./madvise.ts";
import { isDescendant } from "./memcg.ts";
import { nearest } from "./memory-tiers.ts";
import { MPOL_BIND, placementMask } from "./mempolicy.ts";
import { isolate, migrateFolio, putback } from "./migrate.ts";
import { PTE_PRESENT, pteIndex, setPolicy } from "./page-table.ts";
import { ACTOR_PROACTIVE, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { tryToFree } from "./vmscan.ts";

/**
 * Move every page of mapping `v` that stands on a node outside `allowed` to a node of `targets`, or else out of memory
 * (as mbind with MPOL_MF_MOVE, cpuset.memory_migrate). Returns 0, -EBUSY for a pinned page, or -ENOMEM; a page that
 * could not be moved stays where it is.
 */
function evacuate(v: i32, allowed: i32, targets: i32): i32 {
  const end = vma(v, V_START) + vma(v, V_PAGES);
  for (let at: i32 = vma(v, V_START); at < end; at++) {
    if ((pte(at) & PTE_PRESENT) === 0) continue;
    const f = folioHead(pteIndex(pte(at)));
    if ((allowed & (1 << folioNid(f))) !== 0) continue;
    const r = evacuateFolio(f, at, v, targets);
    if (r < 0) return r;
  }
  return 0;
}

function evacuateFolio(f: i32, at: i32, v: i32, targets: i32): i32 {
  if (refs(f) !== 1 || !test(f, PG_LRU)) return EBUSY;
  for (let left: i32 = targets; left !== 0; ) {
    const t = nearest(folioNid(f), left);
    left &= ~(1 << t);
    lruDel(f);
    isolate(f);
    if (migrateFolio(f, t) >= 0) return 0;
    putback(f);
  }
  if (folioOrder(f) > 0) {
    // No room for all of it: try page by page, from the first.
    const r = isolatePage(at);
    if (r < 0) return r;
    const page = pteIndex(pte(at));
    putback(page);
    return evacuateFolio(page, at, v, targets);
  }
  // Make room on the targets, or send this page out.
  if (targets !== 0) {
    pushScan(ACTOR_PROACTIVE, SWAP_CLUSTER_MAX);
    const made = tryToFree(targets, false);
    popScan();
    // Making room may have moved this very page, or sent it out.
    if ((pte(at) & PTE_PRESENT) === 0 || pteIndex(pte(at)) !== f) return 0;
    if (made > 0) {
      lruDel(f);
      isolate(f);
      if (migrateFolio(f, nearest(folioNid(f), targets)) >= 0) return 0;
      putback(f);
    }
  }
  return advisePageout(v, at, 1) > 0 ? 0 : ENOMEM;
}

/**
 * Change a mapping's policy and move its pages to where the new one allows them. Meanwhile both are in force, so that
 * making room here does not put a page there; a failure leaves the old one in force with no page out of place. Returns
 * 0, -EBUSY or -ENOMEM.
 */
export function changePolicy(v: i32, policy: i32, mask: i32): i32 {
  const oldPolicy = vma(v, V_POLICY);
  const oldMask = vma(v, V_NODEMASK);
  const before = placementMask(v);
  setPolicy(v, policy, mask);
  const after = placementMask(v);
  setPolicy(v, oldPolicy, oldMask);
  if (after === 0) return EINVAL;
  setPolicy(v, MPOL_BIND, before & after);
  const r = evacuate(v, after, before & after);
  if (r === 0) setPolicy(v, policy, mask);
  else setPolicy(v, oldPolicy, oldMask);
  return r;
}

/** Change a group's mems likewise. Returns 0, -EINVAL if a mapping would be left without any node, -EBUSY or -ENOMEM. */
export function changeMems(cg: i32, mems: i32): i32 {
  const old = memcg(cg, C_MEMS);
  const n = hdr(H_NR_VMAS);
  for (let v: i32 = 0; v < n; v++) {
    if (vma(v, V_ACTIVE) === 0 || !isDescendant(vma(v, V_MEMCG), cg)) continue;
    setMemcg(cg, C_MEMS, mems);
    const after = placementMask(v);
    setMemcg(cg, C_MEMS, old);
    if (after === 0) return EINVAL;
  }
  for (let v: i32 = 0; v < n; v++) {
    if (vma(v, V_ACTIVE) === 0 || !isDescendant(vma(v, V_MEMCG), cg)) continue;
    setMemcg(cg, C_MEMS, mems);
    const after = placementMask(v);
    setMemcg(cg, C_MEMS, old & mems);
    const r = evacuate(v, after, placementMask(v));
    if (r < 0) {
      setMemcg(cg, C_MEMS, old);
      return r;
    }
  }
  setMemcg(cg, C_MEMS, mems);
  return 0;
}
