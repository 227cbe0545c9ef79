/**
 * Changing where pages may be (mbind with MPOL_MF_MOVE, cpuset.memory_migrate): the pages that a new policy or a group's
 * new mems forbid are moved before the change takes effect.
 */
import { EBUSY, EINVAL, ENOMEM } from "./errno.ts";
import { folioHead, folioNid, folioOrder, PG_LRU, test } from "./folio.ts";
import { isolatePage } from "./gup.ts";
import { everythingChanged } from "./hopeless.ts";
import {
  C_MEMS,
  H_NR_VMAS,
  hdr,
  memcg,
  N_FREE,
  N_WMARK_MIN,
  node,
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
import { lruDel } from "./lru.ts";
import { lowestBit } from "./machine.ts";
import { advisePageout } from "./madvise.ts";
import { isDescendant } from "./memcg.ts";
import { nearest } from "./memory-tiers.ts";
import { MPOL_BIND, placementMask } from "./mempolicy.ts";
import { isolate, migrateFolio, putback } from "./migrate.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex, setPolicy } from "./page-table.ts";
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

/** Pages of mapping `v` on nodes outside `allowed`, or -EBUSY if one of them is held. */
function strays(v: i32, allowed: i32): i32 {
  let nr: i32 = 0;
  const end = vma(v, V_START) + vma(v, V_PAGES);
  for (let at: i32 = vma(v, V_START); at < end; at++) {
    if ((pte(at) & PTE_PRESENT) === 0) continue;
    const f = folioHead(pteIndex(pte(at)));
    if ((allowed & (1 << folioNid(f))) !== 0) continue;
    if (refs(f) !== 1 || !test(f, PG_LRU)) return EBUSY;
    nr++;
  }
  return nr;
}
/** Base pages that a migration may take on the nodes of `mask`. */
function roomOn(mask: i32): i32 {
  let room: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const spare = node(lowestBit(m), N_FREE) - node(lowestBit(m), N_WMARK_MIN);
    if (spare > 0) room += spare;
  }
  return room;
}
/**
 * Reclaim from the nodes of `mask` until `nr` pages find room there, or nothing more can go. What reclaim moves from one of
 * them to another makes no room, so it is room that counts and not what was reclaimed.
 */
function makeRoomFor(nr: i32, mask: i32): void {
  let before: i32 = -1;
  let room: i32 = roomOn(mask);
  while (room > before && room < nr) {
    const missing = nr - room;
    pushScan(ACTOR_PROACTIVE, missing > SWAP_CLUSTER_MAX ? missing : SWAP_CLUSTER_MAX);
    tryToFree(mask, false);
    popScan();
    before = room;
    room = roomOn(mask);
  }
}

/**
 * Send `nr` pages of mapping `v` that are outside `allowed` out of memory, those not in use first, so that there is room for
 * the rest. Returns the pages that went; it stops at the first that cannot.
 */
function sendOut(v: i32, allowed: i32, nr: i32): i32 {
  let gone: i32 = 0;
  const end = vma(v, V_START) + vma(v, V_PAGES);
  for (let pass: i32 = 0; pass < 2; pass++) {
    for (let at: i32 = vma(v, V_START); at < end && gone < nr; at++) {
      const p = pte(at);
      if ((p & PTE_PRESENT) === 0 || (pass === 0 && (p & PTE_ACCESSED) !== 0)) continue;
      if ((allowed & (1 << folioNid(folioHead(pteIndex(p))))) !== 0) continue;
      const sent = advisePageout(v, at, 1);
      if (sent === 0) return gone;
      gone += sent;
    }
  }
  return gone;
}

/**
 * Change a mapping's policy and move its pages to where the new one allows them. Where there is room for all of them,
 * nothing can fail. What there is no room for goes out first, and no more. Where it cannot, old and new are both in force meanwhile: pages go to where both allow, or out, so
 * that a failure leaves the old one in force with no page out of place. Returns 0, -EINVAL, -EBUSY or -ENOMEM.
 */
export function changePolicy(v: i32, policy: i32, mask: i32): i32 {
  const oldPolicy = vma(v, V_POLICY);
  const oldMask = vma(v, V_NODEMASK);
  const before = placementMask(v);
  setPolicy(v, policy, mask);
  const after = placementMask(v);
  setPolicy(v, oldPolicy, oldMask);
  if (after === 0) return EINVAL;
  const nr = strays(v, after);
  if (nr < 0) return nr;
  setPolicy(v, MPOL_BIND, before & after);
  makeRoomFor(nr, after);
  const missing = nr - roomOn(after);
  if (missing <= 0 || sendOut(v, after, missing) >= missing) setPolicy(v, MPOL_BIND, after);
  const r = evacuate(v, after, placementMask(v));
  if (r === 0) setPolicy(v, policy, mask);
  else setPolicy(v, oldPolicy, oldMask);
  return r;
}

/** Whether changing the mems of `cg` concerns mapping `v`. */
function concerns(v: i32, cg: i32): boolean {
  return vma(v, V_ACTIVE) !== 0 && isDescendant(vma(v, V_MEMCG), cg);
}
/** The nodes that mapping `v` could be on if the mems of `cg` were `mems`. */
function placementUnder(v: i32, cg: i32, mems: i32): i32 {
  const now = memcg(cg, C_MEMS);
  setMemcg(cg, C_MEMS, mems);
  const mask = placementMask(v);
  setMemcg(cg, C_MEMS, now);
  return mask;
}

/** Change a group's mems likewise. Returns 0, -EINVAL if a mapping would be left without any node, -EBUSY or -ENOMEM. */
export function changeMems(cg: i32, mems: i32): i32 {
  const old = memcg(cg, C_MEMS);
  const n = hdr(H_NR_VMAS);
  let nr: i32 = 0;
  for (let v: i32 = 0; v < n; v++) if (concerns(v, cg) && placementUnder(v, cg, mems) === 0) return EINVAL;
  for (let v: i32 = 0; v < n; v++) {
    if (!concerns(v, cg)) continue;
    const r = strays(v, placementUnder(v, cg, mems));
    if (r < 0) return r;
    nr += r;
  }
  setMemcg(cg, C_MEMS, old & mems);
  everythingChanged();
  for (let v: i32 = 0; v < n; v++) if (concerns(v, cg)) makeRoomFor(nr, placementUnder(v, cg, mems));
  // Room for all where any of them may go is room enough, in whatever order they go.
  let missing: i32 = 0;
  for (let v: i32 = 0; v < n; v++) {
    if (!concerns(v, cg)) continue;
    const short = nr - roomOn(placementUnder(v, cg, mems));
    if (short > missing) missing = short;
  }
  for (let v: i32 = 0; v < n && missing > 0; v++) {
    if (concerns(v, cg)) missing -= sendOut(v, placementUnder(v, cg, mems), missing);
  }
  if (missing <= 0) setMemcg(cg, C_MEMS, mems);
  everythingChanged();
  for (let v: i32 = 0; v < n; v++) {
    if (!concerns(v, cg)) continue;
    const r = evacuate(v, placementUnder(v, cg, mems), placementMask(v));
    if (r < 0) {
      setMemcg(cg, C_MEMS, old);
      everythingChanged();
      return r;
    }
  }
  setMemcg(cg, C_MEMS, mems);
  everythingChanged();
  return 0;
}
