/**
 * Changing where pages may be (mbind with MPOL_MF_MOVE, cpuset.memory_migrate): the pages that a new policy or a group's
 * new mems forbid are moved before the change is done (evacuate.ts). Until it is known that all of them can be, old and new are
 * both in force, so that a failure leaves the old one with no page out of place; should one show later all the same (what there
 * is room for is known as a sum, not page by page), those that have moved go back.
 */
import { EINVAL } from "./errno.ts";
import { beginMove, endMove, moveBack, moveStrays, prepareMove } from "./evacuate.ts";
import { everythingChanged } from "./hopeless.ts";
import {
  C_MEMS,
  H_INTENT,
  H_INTENT_OF,
  H_INTENT_OLD,
  H_INTENT_OLD_MASK,
  H_NR_VMAS,
  hdr,
  INTENT_MEMS,
  INTENT_POLICY,
  memcg,
  setHdr,
  setMemcg,
  setVma,
  V_ACTIVE,
  V_MEMCG,
  V_MOVE_TO,
  V_NODEMASK,
  V_POLICY,
  vma,
} from "./layout.ts";
import { isDescendant } from "./memcg.ts";
import { placementMask } from "./mempolicy.ts";
import { setPolicy } from "./vma.ts";

/**
 * Change a mapping's policy and move its pages to where the new one allows them. Where there is room for all of them, or for
 * those with whom they change places, nothing goes out of memory; else as many as there is no room for. Returns 0, -EINVAL if
 * no node would be left, -EBUSY if a page that has to move is held, or -ENOMEM; a page that could not be moved stays.
 */
export function changePolicy(v: i32, policy: i32, mask: i32): i32 {
  const oldPolicy = vma(v, V_POLICY);
  const oldMask = vma(v, V_NODEMASK);
  begin(INTENT_POLICY, v, oldPolicy, oldMask);
  setPolicy(v, policy, mask);
  const after = placementMask(v);
  setPolicy(v, oldPolicy, oldMask);
  if (after === 0) {
    setHdr(H_INTENT, 0);
    return EINVAL;
  }
  setVma(v, V_MOVE_TO, after);
  beginMove();
  let r = prepareMove();
  if (r === 0) {
    setPolicy(v, policy, mask);
    r = moveStrays();
    if (r < 0) {
      setPolicy(v, oldPolicy, oldMask);
      goBack(v);
      moveBack();
    }
  }
  endMove();
  setHdr(H_INTENT, 0);
  return r;
}

/** Note what the places of mapping or group `whose` were, as long as they are being changed. */
function begin(what: i32, whose: i32, old: i32, oldMask: i32): void {
  setHdr(H_INTENT_OF, whose);
  setHdr(H_INTENT_OLD, old);
  setHdr(H_INTENT_OLD_MASK, oldMask);
  setHdr(H_INTENT, what);
}
/** Somebody died while places were being changed: nothing of it has happened, and what has moved goes back, as after any failure. */
export function undoPlacement(): void {
  const what = hdr(H_INTENT);
  if (what === 0) return;
  const whose = hdr(H_INTENT_OF);
  if (what === INTENT_POLICY) {
    setPolicy(whose, hdr(H_INTENT_OLD), hdr(H_INTENT_OLD_MASK));
    if (vma(whose, V_ACTIVE) !== 0) goBack(whose);
  } else {
    setMemcg(whose, C_MEMS, hdr(H_INTENT_OLD));
    for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++) if (concerns(v, whose)) goBack(v);
  }
  beginMove();
  moveBack();
  endMove();
  setHdr(H_INTENT, 0);
}

/** The pages of mapping `v` are to be where they were allowed before. */
function goBack(v: i32): void {
  setVma(v, V_MOVE_TO, 0);
  setVma(v, V_MOVE_TO, placementMask(v));
}

/** Whether changing the mems of `cg` concerns mapping `v`. */
function concerns(v: i32, cg: i32): boolean {
  return vma(v, V_ACTIVE) !== 0 && isDescendant(vma(v, V_MEMCG), cg);
}
/** The nodes that mapping `v` could be on if the mems of `cg` were `mems`. */
function placementUnder(v: i32, cg: i32, mems: i32): i32 {
  const now = memcg(cg, C_MEMS);
  begin(INTENT_MEMS, cg, now, 0);
  setMemcg(cg, C_MEMS, mems);
  const mask = placementMask(v);
  setMemcg(cg, C_MEMS, now);
  setHdr(H_INTENT, 0);
  return mask;
}

/** Change a group's mems likewise. Returns 0, -EINVAL if a mapping would be left without any node, -EBUSY or -ENOMEM. */
export function changeMems(cg: i32, mems: i32): i32 {
  const old = memcg(cg, C_MEMS);
  const n = hdr(H_NR_VMAS);
  for (let v: i32 = 0; v < n; v++) if (concerns(v, cg) && placementUnder(v, cg, mems) === 0) return EINVAL;
  for (let v: i32 = 0; v < n; v++) if (concerns(v, cg)) setVma(v, V_MOVE_TO, placementUnder(v, cg, mems));
  begin(INTENT_MEMS, cg, old, 0);
  beginMove();
  let r = prepareMove();
  if (r === 0) {
    setMemcg(cg, C_MEMS, mems);
    everythingChanged();
    r = moveStrays();
    if (r < 0) {
      setMemcg(cg, C_MEMS, old);
      for (let v: i32 = 0; v < n; v++) if (concerns(v, cg)) goBack(v);
      moveBack();
    }
  }
  endMove();
  setHdr(H_INTENT, 0);
  return r;
}
