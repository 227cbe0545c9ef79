/**
 * The engine's operations: faults, unmapping, advice, placement changes, proactive reclaim. This is what the world
 * outside src/mm calls (through exports.ts); everything below it is a part with one job.
 */
import { allocPages, reclaimMemcg, tryCharge } from "./alloc.ts";
import { checksum } from "./checksum.ts";
import { EAGAIN, EBUSY, EIO, EINVAL, ENOMEM } from "./errno.ts";
import {
  clearFlag,
  folioGet,
  folioHead,
  folioNid,
  folioNr,
  folioOrder,
  PG_ACTIVE,
  PG_FILE,
  PG_LRU,
  PG_REFERENCED,
  PG_UNEVICTABLE,
  setFlag,
  test,
} from "./folio.ts";
import { GFP_NORETRY, GFP_NOWAIT, GFP_USER } from "./gfp.ts";
import {
  frameAddr,
  hasBytes,
  hdr,
  next,
  ownerMemcg,
  PAGE_SIZE,
  pte,
  refs,
  SC_IGNORE_REFERENCES,
  SC_MAY_DEMOTE,
  SC_MAY_EVICT,
  SC_MEMCG,
  scanHead,
  setOwner,
  setPriv,
  setPte,
  setRefs,
  setSc,
  setShadow,
  setVma,
  setVpnOf,
  shadow,
  slotSum,
  S_START,
  swapDev,
  V_ACTIVE,
  V_FILE,
  V_LOCKED,
  V_MEMCG,
  V_NODEMASK,
  V_ORDER,
  V_PAGES,
  V_POLICY,
  V_RESIDENT,
  V_START,
  V_SWAPPED,
  vma,
  memcg,
  setMemcg,
  C_MEMS,
  H_NR_VMAS,
} from "./layout.ts";
import { listAdd, listDel, listEmpty } from "./list.ts";
import { lruAdd, lruDel } from "./lruvec.ts";
import { hostSwapRead, zeroBytes } from "./machine.ts";
import { charge, isDescendant } from "./memcg.ts";
import { nearest } from "./memory-tiers.ts";
import { placementMask, noteInterleave, policyChoosesNode, policyNode } from "./mempolicy.ts";
import { folioPut, isolate, migrateFolio, putback, splitFolio, unisolate } from "./migrate.ts";
import { freeBlock } from "./page-alloc.ts";
import { mapFolio, PTE_ACCESSED, PTE_DIRTY, PTE_HINT, PTE_PRESENT, PTE_SWAP, pteIndex, touch, unmapFolio, setPolicy } from "./page-table.ts";
import { hintFault } from "./promote.ts";
import { ACTOR_PROACTIVE, LIST_RET, LIST_SCAN, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { discardSwapped, freeSlot, slotDevice } from "./swap.ts";
import {
  count,
  PGFAULT,
  PGMAJFAULT,
  PGSCAN_PROACTIVE,
  PGSTEAL_PROACTIVE,
  PSWPIN,
  SWAP_READ_ERROR,
  THP_FAULT_ALLOC,
  THP_FAULT_FALLBACK,
} from "./vmstat.ts";
import { shrinkFolioList, tryToFree } from "./vmscan.ts";
import { workingsetRefault } from "./workingset.ts";

/** Fault modes: what the access is. */
export const FAULT_READ: i32 = 0;
export const FAULT_WRITE: i32 = 1;
/** A write that will cover the whole page: no need to zero or read it first. */
export const FAULT_OVERWRITE: i32 = 2;

/** Nothing is there: a cache's page that was never filled, or was discarded. */
export const ENOENT: i32 = -2;

/**
 * Make page `vpn` of mapping `v` present and mark the access (handle_mm_fault). Returns 0, -ENOMEM, -EIO, or -ENOENT for
 * a read of a cache page that is not there.
 */
export function fault(v: i32, vpn: i32, mode: i32): i32 {
  let r: i32 = EAGAIN;
  while (r === EAGAIN) r = faultOnce(v, vpn, mode);
  return r;
}
function faultOnce(v: i32, vpn: i32, mode: i32): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) !== 0) {
    if ((p & PTE_HINT) !== 0) hintFault(vpn);
    touch(vpn, mode);
    return 0;
  }
  count(PGFAULT, -1, vma(v, V_MEMCG), 1);
  if ((p & PTE_SWAP) !== 0) return mode === FAULT_OVERWRITE ? faultOverwrite(v, vpn, p) : faultSwap(v, vpn, p, mode);
  if (mode === FAULT_READ && vma(v, V_FILE) !== 0) return ENOENT;
  return faultAnonymous(v, vpn, mode);
}

/** First touch of a page: a large folio if the mapping asks for one and there is one, else a base page. */
function faultAnonymous(v: i32, vpn: i32, mode: i32): i32 {
  const order = vma(v, V_ORDER);
  if (order > 0) {
    const at = vpn - vma(v, V_START);
    const first = vpn - (at & ((1 << order) - 1));
    if (first + (1 << order) <= vma(v, V_START) + vma(v, V_PAGES) && untouched(first, 1 << order)) {
      const f = newFolio(v, first, order, GFP_NOWAIT | GFP_NORETRY, true);
      if (f >= 0) {
        enter(f, mode === FAULT_READ ? 0 : PTE_DIRTY);
        touch(vpn, mode);
        count(THP_FAULT_ALLOC, folioNid(f), vma(v, V_MEMCG), 1);
        return 0;
      }
    }
    count(THP_FAULT_FALLBACK, -1, vma(v, V_MEMCG), 1);
  }
  const f = newFolio(v, vpn, 0, GFP_USER, mode !== FAULT_OVERWRITE);
  if (f < 0) return f;
  if (shadow(vpn) !== 0) {
    workingsetRefault(f, shadow(vpn));
    setShadow(vpn, 0);
  }
  enter(f, PTE_ACCESSED | (mode === FAULT_READ ? 0 : PTE_DIRTY));
  return 0;
}
function untouched(first: i32, nr: i32): boolean {
  for (let i: i32 = 0; i < nr; i++) if (pte(first + i) !== 0 || shadow(first + i) !== 0) return false;
  return true;
}
/** A swapped page that will be overwritten whole: give up the slot instead of reading it. */
function faultOverwrite(v: i32, vpn: i32, p: i32): i32 {
  const f = newFolio(v, vpn, 0, GFP_USER, false);
  if (f < 0) return f;
  if (pte(vpn) !== p) return changedMeanwhile(f, v);
  freeSlot(pteIndex(p), v);
  refault(f, vpn);
  enter(f, PTE_ACCESSED | PTE_DIRTY);
  return 0;
}
/** Read a page back from its slot (do_swap_page). On any error it stays where it is. */
function faultSwap(v: i32, vpn: i32, p: i32, mode: i32): i32 {
  const slot = pteIndex(p);
  const f = newFolio(v, vpn, 0, GFP_USER, false);
  if (f < 0) return f;
  // Making room may have dropped the very page from its slot, if it is a cache's.
  if (pte(vpn) !== p) return changedMeanwhile(f, v);
  const dev = slotDevice(slot);
  let failed = hostSwapRead(dev, slot - swapDev(dev, S_START), frameAddr(f)) < 0;
  if (!failed && hasBytes()) failed = checksum(frameAddr(f)) !== slotSum(slot);
  if (failed) {
    count(SWAP_READ_ERROR, -1, vma(v, V_MEMCG), 1);
    dropNew(f, v);
    return EIO;
  }
  freeSlot(slot, v);
  count(PGMAJFAULT, -1, vma(v, V_MEMCG), 1);
  count(PSWPIN, folioNid(f), vma(v, V_MEMCG), 1);
  refault(f, vpn);
  enter(f, PTE_ACCESSED | (mode === FAULT_READ ? 0 : PTE_DIRTY));
  return 0;
}
function refault(f: i32, vpn: i32): void {
  workingsetRefault(f, shadow(vpn));
  setShadow(vpn, 0);
}
function changedMeanwhile(f: i32, v: i32): i32 {
  dropNew(f, v);
  return EAGAIN;
}
/** Free a folio that was never entered. */
function dropNew(f: i32, v: i32): void {
  charge(vma(v, V_MEMCG), -folioNr(f));
  setRefs(f, 0);
  freeBlock(f);
}
/** Allocate and charge a folio for pages from `vpn` on, owned and zeroed but not mapped. Returns it or -ENOMEM. */
function newFolio(v: i32, vpn: i32, order: i32, gfp: i32, zero: boolean): i32 {
  const cg = vma(v, V_MEMCG);
  const mask = placementMask(v);
  if (mask === 0) return ENOMEM;
  if (tryCharge(cg, 1 << order) < 0) return ENOMEM;
  const first = policyNode(v, vpn, mask);
  const f = allocPages(order, gfp, first, policyChoosesNode(v), mask, cg);
  if (f < 0) {
    charge(cg, -(1 << order));
    return ENOMEM;
  }
  noteInterleave(v, first, folioNid(f), cg);
  if (zero && hasBytes()) zeroBytes(frameAddr(f), PAGE_SIZE << order);
  setOwner(f, v, cg);
  setVpnOf(f, vpn);
  setPriv(f, 0);
  if (vma(v, V_FILE) !== 0) setFlag(f, PG_FILE);
  if (vma(v, V_LOCKED) !== 0) setFlag(f, PG_UNEVICTABLE);
  return f;
}
/** Map a new folio and put it on its list. */
function enter(f: i32, bits: i32): void {
  mapFolio(f, PTE_PRESENT | bits);
  lruAdd(f);
}

/** Take a reference on the folio that holds page `vpn`, which must be present. Returns the page's frame. */
export function pinPage(vpn: i32): i32 {
  const frame = pteIndex(pte(vpn));
  folioGet(folioHead(frame));
  return frame;
}
/** Drop a reference taken by pinPage(). */
export function unpinFrame(frame: i32): void {
  folioPut(folioHead(frame));
}

/** Whether any page of a range is held by a pin. */
function anyPinned(from: i32, to: i32): boolean {
  for (let vpn: i32 = from; vpn < to; vpn++) {
    const p = pte(vpn);
    if ((p & PTE_PRESENT) !== 0 && refs(folioHead(pteIndex(p))) > 1) return true;
  }
  return false;
}
/** Take a page's folio off its list, isolated, split to base pages first if it is large. Returns 0 or -EBUSY. */
function isolatePage(vpn: i32): i32 {
  const f = folioHead(pteIndex(pte(vpn)));
  if (refs(f) !== 1 || !test(f, PG_LRU)) return EBUSY;
  if (folioOrder(f) > 0) {
    lruDel(f);
    isolate(f);
    pushScan(ACTOR_PROACTIVE, 1);
    const list = scanHead(LIST_RET);
    splitFolio(f, list);
    while (!listEmpty(list)) {
      const piece = next(list);
      listDel(piece);
      putback(piece);
    }
    popScan();
  }
  const page = pteIndex(pte(vpn));
  lruDel(page);
  isolate(page);
  return 0;
}
/** Drop `nr` pages of mapping `v` from `vpn` on, wherever they are (zap_page_range). Returns 0 or -EBUSY if any is pinned. */
export function zapRange(v: i32, vpn: i32, nr: i32): i32 {
  if (anyPinned(vpn, vpn + nr)) return EBUSY;
  for (let at: i32 = vpn; at < vpn + nr; at++) {
    const p = pte(at);
    setShadow(at, 0);
    if ((p & PTE_SWAP) !== 0) {
      setPte(at, 0);
      freeSlot(pteIndex(p), v);
    } else if ((p & PTE_PRESENT) !== 0) zapFolio(at, vpn, nr);
  }
  return 0;
}
function zapFolio(at: i32, vpn: i32, nr: i32): void {
  let f: i32 = folioHead(pteIndex(pte(at)));
  if (folioOrder(f) > 0 && (f !== pteIndex(pte(at)) || at + folioNr(f) > vpn + nr)) {
    isolatePage(at);
    f = pteIndex(pte(at));
    unisolate(f);
  } else lruDel(f);
  charge(ownerMemcg(f), -folioNr(f));
  unmapFolio(f);
  folioPut(f);
}
/** Unmap a whole mapping and forget it. Returns 0 or -EBUSY if any of its pages is pinned. */
export function destroyVma(v: i32): i32 {
  const r = zapRange(v, vma(v, V_START), vma(v, V_PAGES));
  if (r < 0) return r;
  if (vma(v, V_RESIDENT) !== 0 || vma(v, V_SWAPPED) !== 0) return EINVAL;
  setVma(v, V_ACTIVE, 0);
  return 0;
}

/** Make a range's pages the next to be reclaimed, without reclaiming them (MADV_COLD). Returns the pages concerned. */
export function adviseCold(vpn: i32, nr: i32): i32 {
  let done: i32 = 0;
  for (let at: i32 = vpn; at < vpn + nr; at++) {
    const p = pte(at);
    if ((p & PTE_PRESENT) === 0) continue;
    const f = folioHead(pteIndex(p));
    setPte(at, p & ~PTE_ACCESSED);
    if (!test(f, PG_LRU) || test(f, PG_UNEVICTABLE)) continue;
    lruDel(f);
    clearFlag(f, PG_ACTIVE | PG_REFERENCED);
    lruAdd(f);
    done++;
  }
  return done;
}
/**
 * Reclaim a range's pages now, whoever referenced them, without demoting (MADV_PAGEOUT). Returns the pages reclaimed;
 * pinned and locked ones stay.
 */
export function advisePageout(v: i32, vpn: i32, nr: i32): i32 {
  let done: i32 = 0;
  let at: i32 = vpn;
  while (at < vpn + nr) {
    pushScan(ACTOR_PROACTIVE, SWAP_CLUSTER_MAX);
    setSc(SC_MAY_DEMOTE, 0);
    setSc(SC_IGNORE_REFERENCES, 1);
    let nid: i32 = 0;
    let taken: i32 = 0;
    while (at < vpn + nr && taken < SWAP_CLUSTER_MAX) {
      if ((pte(at) & PTE_PRESENT) !== 0 && !test(folioHead(pteIndex(pte(at))), PG_UNEVICTABLE) && isolatePage(at) === 0) {
        const f = pteIndex(pte(at));
        setPte(at, pte(at) & ~PTE_ACCESSED);
        clearFlag(f, PG_ACTIVE | PG_REFERENCED);
        nid = folioNid(f);
        listAdd(scanHead(LIST_SCAN), f);
        taken++;
      }
      at++;
    }
    if (taken > 0) {
      const reclaimed = shrinkFolioList(nid);
      count(PGSCAN_PROACTIVE, -1, vma(v, V_MEMCG), taken);
      count(PGSTEAL_PROACTIVE, -1, vma(v, V_MEMCG), reclaimed);
      done += reclaimed;
    }
    popScan();
  }
  return done;
}

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
 * Change a mapping's policy and move its pages to where the new one allows them. Pages only go where old and new both
 * allow, or out to swap, so a failure leaves the old policy in force with no page out of place. Returns 0, -EBUSY or
 * -ENOMEM.
 */
export function changePolicy(v: i32, policy: i32, mask: i32): i32 {
  const oldPolicy = vma(v, V_POLICY);
  const oldMask = vma(v, V_NODEMASK);
  const before = placementMask(v);
  setPolicy(v, policy, mask);
  const after = placementMask(v);
  setPolicy(v, oldPolicy, oldMask);
  if (after === 0) return EINVAL;
  // Placed under the old policy, which still allows every target.
  const r = evacuate(v, after, before & after);
  if (r === 0) setPolicy(v, policy, mask);
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
    const before = placementMask(v);
    setMemcg(cg, C_MEMS, mems);
    const after = placementMask(v);
    setMemcg(cg, C_MEMS, old);
    const r = evacuate(v, after, before & after);
    if (r < 0) return r;
  }
  setMemcg(cg, C_MEMS, mems);
  return 0;
}

/** Modes of proactive reclaim. */
export const RECLAIM_ANY: i32 = 0;
export const RECLAIM_DEMOTE_ONLY: i32 = 1;
export const RECLAIM_NO_DEMOTE: i32 = 2;

/**
 * Reclaim up to `nr` pages on request from the nodes of `mask` and group `cg` (-1: all), as memory.reclaim does: a page
 * that should have been demoted but could not be is put back, not evicted. Demote-only and reclaim-only requests are
 * what the kernel lacks. Returns the pages demoted and freed.
 */
export function reclaimProactive(nr: i32, mask: i32, cg: i32, mode: i32): i32 {
  let done: i32 = 0;
  for (let retries: i32 = 16; retries > 0 && done < nr; ) {
    const quarter = (nr - done) >> 2;
    pushScan(ACTOR_PROACTIVE, quarter > SWAP_CLUSTER_MAX ? quarter : nr - done < SWAP_CLUSTER_MAX ? nr - done : SWAP_CLUSTER_MAX);
    setSc(SC_MEMCG, cg);
    setSc(SC_MAY_DEMOTE, mode === RECLAIM_NO_DEMOTE ? 0 : 1);
    setSc(SC_MAY_EVICT, mode === RECLAIM_DEMOTE_ONLY ? 0 : 1);
    const r = tryToFree(mask, mode === RECLAIM_NO_DEMOTE);
    popScan();
    done += r;
    if (r === 0) retries--;
  }
  return done;
}
/**
 * Drop about `nr` pages of cache mapping `v` and group `cg`, coldest first: from swap, then from the lowest tier up.
 * Returns the pages dropped.
 */
export function discardCold(v: i32, cg: i32, nr: i32): i32 {
  const swapped = discardSwapped(v, nr);
  return swapped >= nr ? swapped : swapped + reclaimMemcg(cg, nr - swapped);
}
