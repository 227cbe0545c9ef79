/**
 * Reclaim (mm/vmscan.c): how much of which list to scan, one node at a time; kswapd's steps; direct, group and
 * proactive reclaim.
 *
 * The lists of a node are scanned at a falling priority: first a 4096th of each, then twice that, until enough was
 * reclaimed. Anonymous and file lists share the work by swappiness and by what reclaiming either has cost lately.
 *
 * When the demotion target of a batch is full, its own coldest pages go down first (OPT_CASCADE): reclaim nests one
 * level, on the target, and the batch is tried once more. Only what still finds no room is swapped out or dropped here.
 */
import { makeRoomOn } from "./cascade.ts";
import { coldestGroup, goesByAge, listed, shrinkByAge } from "./coldest.ts";
import { demoteBatch } from "./demote.ts";
import { folioNr } from "./folio.ts";
import { hopeful, noteFutile, remembersFailure } from "./futile.ts";
import { noteWhy, WHY_LIMIT } from "./hopeless.ts";
import {
  C_ACTIVE,
  H_KSWAPD_BATCH,
  H_MEMCG_ROTOR,
  H_NR_MEMCG,
  H_NR_NODES,
  H_OPTIONS,
  hdr,
  L_ACTIVATIONS,
  L_REFAULTS,
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lru,
  lruvecOf,
  memcg,
  N_KSWAPD_FAILURES,
  next,
  prev,
  SC_ACTOR,
  SC_FORCE_DEACTIVATE,
  SC_FULL,
  SC_MAY_DEACTIVATE,
  SC_MEMCG,
  SC_MEMCG_LOW_RECLAIM,
  SC_MEMCG_LOW_SKIPPED,
  SC_NR,
  SC_NR_PAGEOUT,
  SC_NR_RECLAIMED,
  SC_NR_SCANNED,
  SC_NR_TO_RECLAIM,
  SC_PRIORITY,
  SC_PROACTIVE,
  SC_SKIPPED_DEACTIVATE,
  SC_SPARED,
  SC_TRADE,
  SC_TRIED,
  SC_VACATE,
  sc,
  scanHead,
  setHdr,
  setLru,
  setNode,
  setSc,
} from "./layout.ts";
import { listAddTail, listDel, listEmpty, listSpliceTail } from "./list.ts";
import { lruGenEnabled } from "./lru-gen.ts";
import { lruGenInitialPriority, lruGenShouldAbort, lruGenShrinkLruvec } from "./lru-gen-evict.ts";
import { lruSize } from "./lruvec.ts";
import { lowestBit } from "./machine.ts";
import { isDescendant, PROTECTED_LOW, PROTECTED_MIN, protection } from "./memcg.ts";
import { noteMigrationFailure } from "./migrate.ts";
import { OPT_ANY_LOWER, OPT_CASCADE, OPT_LEAN } from "./options.ts";
import { evictBatch } from "./pageout.ts";
import { roomFirst, stillWanted } from "./room.ts";
import {
  ACTOR_KSWAPD,
  DEF_PRIORITY,
  LIST_DEMOTE,
  LIST_FAILED,
  LIST_RET,
  LIST_SCAN,
  SWAP_CLUSTER_MAX,
} from "./scan-control.ts";
import {
  DEACTIVATE_ANON,
  DEACTIVATE_FILE,
  getScanCount,
  inactiveIsLow,
  keepProportion,
  nrLeft,
  prepareScan,
  shareOfBatch,
} from "./scan-count.ts";
import { canReclaimAnon } from "./scan-scope.ts";
import { isolateInactive, putbackBatch, queueDemotions, shrinkActive } from "./shrink-list.ts";
import { beginHalf, endHalf } from "./stand-back.ts";
import { tryDevices } from "./swap.ts";
import { count, LOW, PGSTEAL_ANON, PGSTEAL_KSWAPD } from "./vmstat.ts";
import { balanced } from "./watermark.ts";
import { noteCost } from "./workingset.ts";
import { nrWriteback } from "./writeback.ts";

/** Passes over everything, at most, before it is said that nothing can be taken. */
const MAX_WHOLE_PASSES: i32 = 6;
/** Pages looked at for each that a batch is to take, at most. */
const SCAN_PER_PAGE: i32 = 64;
/** Of SC_FORCE_DEACTIVATE: nothing is left on the active lists. */
const ALL: i32 = 2;
/** Reclaim from one list of a node and group. Returns the pages reclaimed. */
export function shrinkList(nid: i32, cg: i32, lv: i32, list: i32, nrToScan: i32): i32 {
  const file = list >= LRU_INACTIVE_FILE ? 1 : 0;
  if (list === LRU_ACTIVE_ANON || list === LRU_ACTIVE_FILE) {
    const bit = file !== 0 ? DEACTIVATE_FILE : DEACTIVATE_ANON;
    if ((sc(SC_MAY_DEACTIVATE) & bit) !== 0) shrinkActive(nid, cg, list, nrToScan);
    else setSc(SC_SKIPPED_DEACTIVATE, 1);
    return 0;
  }
  const scanned = isolateInactive(nid, cg, list, nrToScan);
  if (scanned === 0) return 0;
  setSc(SC_NR_SCANNED, sc(SC_NR_SCANNED) + scanned);
  setSc(SC_NR_PAGEOUT, 0);
  const reclaimed = shrinkFolioList(nid);
  setSc(SC_NR_RECLAIMED, sc(SC_NR_RECLAIMED) + reclaimed);
  count(PGSTEAL_KSWAPD + sc(SC_ACTOR), nid, cg, reclaimed);
  count(PGSTEAL_ANON + file, nid, cg, reclaimed);
  noteCost(lv, file, sc(SC_NR_PAGEOUT), scanned > reclaimed ? scanned - reclaimed : 0);
  return reclaimed;
}

/**
 * Demote, swap out or discard the isolated folios on LIST_SCAN and put back the rest (shrink_folio_list). Returns the
 * pages reclaimed, demoted ones included.
 */
export function shrinkFolioList(nid: i32): i32 {
  let reclaimed: i32 = 0;
  queueDemotions();
  if (!listEmpty(scanHead(LIST_DEMOTE))) {
    const options = hdr(H_OPTIONS);
    const anyLower = (options & OPT_ANY_LOWER) !== 0;
    const cascade = (options & OPT_CASCADE) !== 0 && sc(SC_TRADE) === 0;
    reclaimed += demoteBatch(nid, anyLower && !cascade, 0);
    let more: boolean = cascade;
    while (more && !listEmpty(scanHead(LIST_FAILED))) {
      const failed = listPages(scanHead(LIST_FAILED));
      const wanted = roomFirst() ? stillWanted(nid, reclaimed) : failed;
      if (wanted <= 0) break;
      more = makeRoomOn(sc(SC_FULL), wanted < failed ? wanted : failed);
      listSpliceTail(scanHead(LIST_FAILED), scanHead(LIST_DEMOTE));
      const moved = demoteBatch(nid, anyLower, reclaimed);
      reclaimed += moved;
      if (moved === 0) break;
    }
    // What failed is reclaimed here and now as though demotion were off; a proactive request puts it back instead.
    // So it is where what makes room for it below is on its way to a device.
    const stays = sc(SC_PROACTIVE) !== 0 || (cascade && nrWriteback() > 0 && sc(SC_ACTOR) === ACTOR_KSWAPD);
    takeFailed(scanHead(stays ? LIST_RET : LIST_SCAN));
  }
  reclaimed += evictBatch(reclaimed);
  putbackBatch();
  return reclaimed;
}
/** Move LIST_FAILED, whose first is the oldest, to `list`, whose last is. */
function takeFailed(list: i32): void {
  const failed = scanHead(LIST_FAILED);
  while (!listEmpty(failed)) {
    const f = prev(failed);
    noteMigrationFailure(f);
    listDel(f);
    listAddTail(list, f);
  }
}

/** Pages of the folios on a list. */
function listPages(list: i32): i32 {
  let pages: i32 = 0;
  for (let f: i32 = next(list); f !== list; f = next(f)) pages += folioNr(f);
  return pages;
}
/** Reclaim from one lruvec (shrink_lruvec). */
function shrinkLruvec(nid: i32, cg: i32): void {
  if (lruGenEnabled()) {
    lruGenShrinkLruvec(nid, cg);
    return;
  }
  const lv = lruvecOf(nid, cg);
  const half = beginHalf(nid, cg);
  if (sc(SC_FORCE_DEACTIVATE) === ALL) {
    shrinkActive(nid, cg, LRU_ACTIVE_ANON, lruSize(lv, LRU_ACTIVE_ANON));
    shrinkActive(nid, cg, LRU_ACTIVE_FILE, lruSize(lv, LRU_ACTIVE_FILE));
  }
  prepareScan(nid, lv);
  getScanCount(nid, cg, lv);
  const wanted = sc(SC_NR_TO_RECLAIM);
  const lean = (hdr(H_OPTIONS) & OPT_LEAN) !== 0;
  const proportional = sc(SC_MEMCG) < 0 && sc(SC_ACTOR) !== ACTOR_KSWAPD && sc(SC_PRIORITY) === DEF_PRIORITY;
  let reclaimed: i32 = 0;
  while (
    sc(SC_SPARED) === 0 &&
    (nrLeft(LRU_INACTIVE_ANON) !== 0 || nrLeft(LRU_ACTIVE_FILE) !== 0 || nrLeft(LRU_INACTIVE_FILE) !== 0)
  ) {
    for (let list: i32 = 0; list <= LRU_ACTIVE_FILE; list++) {
      const left = nrLeft(list);
      if (left === 0) continue;
      const batch = lean ? shareOfBatch(list) : SWAP_CLUSTER_MAX;
      const nr = left < batch ? left : batch;
      setSc(SC_NR + (list << 2), left - nr);
      reclaimed += shrinkList(nid, cg, lv, list, nr);
    }
    if (lean && enoughOf(nid)) break;
    if (reclaimed < wanted || proportional) continue;
    if (!keepProportion()) break;
  }
  if (canReclaimAnon(nid, cg) && inactiveIsLow(lv, LRU_INACTIVE_ANON)) {
    shrinkActive(nid, cg, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
  }
  setLru(lv, L_REFAULTS, lru(lv, L_ACTIVATIONS));
  setLru(lv, L_REFAULTS + 4, lru(lv, L_ACTIVATIONS + 4));
  if (half) endHalf();
}
/** Whether this reclaim, at work on node `nid`, has come to its end before its plan has. */
function enoughOf(nid: i32): boolean {
  if (sc(SC_SPARED) !== 0 || enough() || hasScannedPlenty()) return true;
  return sc(SC_ACTOR) === ACTOR_KSWAPD && (sc(SC_VACATE) & (1 << nid)) === 0 && balanced(nid);
}
/** Whether a kswapd that others wait for has looked at as much as goes into one turn. */
function hasScannedPlenty(): boolean {
  const most = hdr(H_KSWAPD_BATCH);
  return most > 0 && sc(SC_ACTOR) === ACTOR_KSWAPD && sc(SC_NR_SCANNED) >= most * SCAN_PER_PAGE;
}
/** Reclaim from a node: every group that is in scope and not protected, in turn (shrink_node). */
export function shrinkNode(nid: i32): void {
  const n = hdr(H_NR_MEMCG);
  const first = hdr(H_MEMCG_ROTOR) % n;
  const target = sc(SC_MEMCG);
  const before = sc(SC_NR_RECLAIMED);
  const gen = lruGenEnabled();
  const lean = (hdr(H_OPTIONS) & OPT_LEAN) !== 0;
  if (gen) lruGenInitialPriority(nid);
  const coldest = coldestGroup(nid);
  for (let i: i32 = 0; i < n; i++) {
    const cg = (first + i) % n;
    if (memcg(cg, C_ACTIVE) === 0 || (target >= 0 && !isDescendant(cg, target))) continue;
    if (coldest >= 0 && cg !== coldest) continue;
    const level = protection(cg, target);
    if (level === PROTECTED_MIN) {
      noteWhy(WHY_LIMIT);
      continue;
    }
    if (level === PROTECTED_LOW) {
      if (sc(SC_MEMCG_LOW_RECLAIM) === 0) {
        setSc(SC_MEMCG_LOW_SKIPPED, 1);
        continue;
      }
      count(LOW, nid, cg, 1);
    }
    shrinkLruvec(nid, cg);
    if (sc(SC_NR_RECLAIMED) > before) setNode(nid, N_KSWAPD_FAILURES, 0);
    // Callers that wait stop as soon as they have enough and let the next one start behind; Linux's kswapd treats all alike,
    // unless generations let it know when the node is safe.
    const waits = lean ? enoughOf(nid) : sc(SC_ACTOR) !== ACTOR_KSWAPD && enough();
    if (waits || (gen && lruGenShouldAbort(nid))) {
      setHdr(H_MEMCG_ROTOR, cg + 1);
      return;
    }
  }
}

/**
 * Shrink the nodes of `mask` at falling priority until the control's target is met (do_try_to_free_pages), lowest tier
 * first if `bottomUp`. If nothing was found because groups are under their low protection, that is overridden; if
 * nothing was found because active pages were left alone, they are deactivated. Returns the pages reclaimed.
 */
export function tryToFree(nodes: i32, bottomUp: boolean): i32 {
  const mask = worthScanning(nodes);
  if (mask === 0) return 0;
  if (goesByAge(mask)) {
    shrinkByAge(mask, 2 * listed(mask));
    if (sc(SC_NR_RECLAIMED) > 0 || sc(SC_SPARED) !== 0) return sc(SC_NR_RECLAIMED);
  }
  for (let attempt: i32 = 0; attempt < 3; attempt++) {
    if (bottomUp) shrinkUpwards(mask);
    else shrinkNodes(mask);
    if (sc(SC_NR_RECLAIMED) > 0 || sc(SC_SPARED) !== 0) return sc(SC_NR_RECLAIMED);
    if (sc(SC_SKIPPED_DEACTIVATE) !== 0 && sc(SC_FORCE_DEACTIVATE) === 0) setSc(SC_FORCE_DEACTIVATE, 1);
    else if (sc(SC_MEMCG_LOW_SKIPPED) !== 0 && sc(SC_MEMCG_LOW_RECLAIM) === 0) setSc(SC_MEMCG_LOW_RECLAIM, 1);
    else break;
  }
  // Some of what was passed over because it was in use is not any more, and some was on no list that was scanned. What was tried before is
  // not counted: pages that cannot go were tried at each priority, and would count for those that were not tried at all. So it is with
  // each pass, unless the lists are generations, of which it takes several to come to the youngest.
  let more: boolean = remembersFailure();
  for (let pass: i32 = 0; pass < MAX_WHOLE_PASSES && more; pass++) {
    if (pass === 0 || !lruGenEnabled()) setSc(SC_TRIED, 0);
    setSc(SC_FORCE_DEACTIVATE, ALL);
    shrinkNodesAt(mask, 0);
    if (sc(SC_NR_RECLAIMED) > 0) return sc(SC_NR_RECLAIMED);
    more = !noteFutile(mask);
  }
  return 0;
}
/** The nodes of `mask` that are not hopeless. Where a device that failed is part of the reason, it is asked first. */
function worthScanning(mask: i32): i32 {
  const left = hopeful(mask);
  if (left === mask) return mask;
  tryDevices();
  return hopeful(mask);
}
export function enough(): boolean {
  return sc(SC_SPARED) !== 0 || sc(SC_NR_RECLAIMED) >= sc(SC_NR_TO_RECLAIM);
}
/**
 * All nodes at one priority, then at the next. Each has its turn where the lists are generations, as in Linux: a batch of
 * those is so large that the first node alone would often do, and be all that is ever taken from.
 */
function shrinkNodes(mask: i32): void {
  for (let priority: i32 = DEF_PRIORITY; priority >= 0; priority--) {
    shrinkNodesAt(mask, priority);
    if (enough()) return;
  }
}
function shrinkNodesAt(mask: i32, priority: i32): void {
  const each = lruGenEnabled();
  setSc(SC_PRIORITY, priority);
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    shrinkNode(lowestBit(m));
    if (!each && enough()) return;
  }
}
/** All of one node before the next; nodes are numbered from the fastest tier down. */
function shrinkUpwards(mask: i32): void {
  for (let nid: i32 = hdr(H_NR_NODES) - 1; nid >= 0; nid--) {
    if ((mask & (1 << nid)) !== 0) shrinkNodes(1 << nid);
    if (enough()) return;
  }
}
