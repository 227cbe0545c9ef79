/**
 * What happens to the folios of one list in one batch (the heart of mm/vmscan.c). The order is the contract:
 *
 *   unevictable or locked -> writeback -> references -> demote -> swap out -> discard
 *
 * isolateInactive() does the first three while it walks the tail of a list. A kept folio is never isolated: runs of
 * neighbours that stay are moved to the front of the list as one, which gives the order that putting each back would.
 * pageout.ts does the last two, after demote.ts had its turn.
 */

import {
  clearFlag,
  folioNr,
  ORDER_MASK,
  PG_ACTIVE,
  PG_DIRTY,
  PG_FILE,
  PG_HEAT,
  PG_HEAT_ONE,
  PG_LOCKED,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_UNEVICTABLE,
  PG_WORKINGSET,
  PG_WRITEBACK,
  PG_YOUNG,
  setFlag,
  test,
} from "./folio.ts";
import { noteTried, noteWhy, WHY_BUSY } from "./hopeless.ts";
import { before, knowsLastUse, lastUse, lruClock, noteUse } from "./last-use.ts";
import {
  flags,
  H_OPTIONS,
  hdr,
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lruHead,
  lruvecOf,
  next,
  ownerVma,
  prev,
  SC_ACTOR,
  SC_IGNORE_REFERENCES,
  SC_LIMIT,
  SC_LIMITED,
  SC_MAY_DEMOTE,
  SC_NR_RECLAIMED,
  SC_NR_TO_RECLAIM,
  SC_PRIORITY,
  SC_TRADE,
  sc,
  scanHead,
  setFlags,
  setShadow,
  V_LOCKED,
  vma,
  vpnOf,
} from "./layout.ts";
import { listAdd, listAddRun, listAddTail, listCut, listDel, listEmpty, listSpliceTail } from "./list.ts";
import { lruAddTail, lruPutback } from "./lru.ts";
import { addSize, lruvecAdd, lruvecDel } from "./lruvec.ts";
import { balanceMask, demotionMask } from "./memory-tiers.ts";
import { isolate, unisolate } from "./migrate.ts";
import { OPT_COLDEST, OPT_FREQUENCY } from "./options.ts";
import { clearAccessed, PTE_ACCESSED, PTE_DIRTY, testClearReferenced } from "./page-table.ts";
import {
  ACTOR_KSWAPD,
  LIST_DEMOTE,
  LIST_FAILED,
  LIST_RET,
  LIST_SCAN,
  LIST_SPARED,
  SWAP_CLUSTER_MAX,
} from "./scan-control.ts";
import { isSpared, sparesSome } from "./spare.ts";
import {
  count,
  PGACTIVATE,
  PGDEACTIVATE,
  PGREFILL,
  PGSCAN_ANON,
  PGSCAN_KSWAPD,
  UNEVICTABLE_PGS_CULLED,
} from "./vmstat.ts";
import { ageNonresident } from "./workingset.ts";

const REFS_RECLAIM: i32 = 0;
const REFS_KEEP: i32 = 1;
const REFS_ACTIVATE: i32 = 2;
/** Kept for another reason than a reference. */
const REFS_BUSY: i32 = 3;

/**
 * Referenced once: keep and flag; twice: activate (folio_check_references). Clears the marks that it counts. Under
 * OPT_FREQUENCY a folio that was not referenced now, but was in more looks than not, is kept for this time.
 */
function checkReferences(f: i32, flagsBefore: i32, options: i32, now: i32, desperate: boolean): i32 {
  const vpn = vpnOf(f);
  const marks = clearAccessed(vpn, 1 << (flagsBefore & ORDER_MASK));
  const w = (marks & PTE_DIRTY) !== 0 ? flagsBefore | PG_DIRTY : flagsBefore;
  const young = (marks & PTE_ACCESSED) !== 0 || (w & PG_YOUNG) !== 0 ? 1 : 0;
  // Most folios are as warm or as cold as can be.
  const looked = (w & PG_HEAT) === (young !== 0 ? PG_HEAT : 0) ? w : afterLook(f, w, young, options);
  if (young === 0) {
    setFlags(f, looked & ~PG_REFERENCED);
    // When little else is left, everybody may go.
    return looked !== w && !desperate ? REFS_KEEP : REFS_RECLAIM;
  }
  setFlags(f, (looked & ~PG_YOUNG) | PG_REFERENCED);
  if ((options & OPT_COLDEST) !== 0 && (marks & PTE_ACCESSED) !== 0) setShadow(vpn, now);
  return (w & PG_REFERENCED) !== 0 ? REFS_ACTIVATE : REFS_KEEP;
}

/** A folio's flags `w`, a look warmer or cooler. Caches' pages have none of it: caches know what is hot in them. */
function afterLook(f: i32, w: i32, young: i32, options: i32): i32 {
  if ((w & PG_HEAT) === (young !== 0 ? PG_HEAT : 0)) return w;
  if ((options & OPT_FREQUENCY) === 0 || (w & PG_FILE) !== 0 || demotionMask(f) === 0) return w;
  return young !== 0 ? w + PG_HEAT_ONE : w - PG_HEAT_ONE;
}

/** Verdict on a folio at the tail of an inactive list, with flags `w`, that is locked or being written. */
function judgeBusy(f: i32, w: i32): i32 {
  noteWhy(WHY_BUSY);
  if ((w & PG_LOCKED) !== 0) return REFS_BUSY;
  setFlags(f, w | PG_RECLAIM);
  return REFS_ACTIVATE;
}

/**
 * Walk up to `nrToScan` pages from the tail of an inactive list: move what must stay to the front, what is in use to the
 * active list, and isolate the rest to LIST_SCAN. Returns the pages looked at.
 */
export function isolateInactive(nid: i32, cg: i32, list: i32, nrToScan: i32): i32 {
  const head = lruHead(nid, cg, list);
  let scanned: i32 = 0;
  let inUse: i32 = 0;
  let runFirst: i32 = -1;
  const limited = sc(SC_LIMITED) !== 0;
  const limit = sc(SC_LIMIT);
  const most = wanted();
  const spares = sparesSome(nid, cg, list === LRU_INACTIVE_FILE ? 1 : 0);
  // What does not change meanwhile is read once: this loop is what reclaim spends its time in.
  const ignore = sc(SC_IGNORE_REFERENCES) !== 0;
  const desperate = sc(SC_PRIORITY) <= 1;
  const options = hdr(H_OPTIONS);
  const now = lruClock();
  let taken: i32 = 0;
  let runLast: i32 = -1;
  let f: i32 = prev(head);
  const stop = next(head);
  let more: i32 = f !== head ? 1 : 0;
  while (more !== 0 && scanned < nrToScan && taken < most) {
    const following = prev(f);
    if (f === stop) more = 0;
    const w = flags(f);
    const nr = 1 << (w & ORDER_MASK);
    scanned += nr;
    let verdict: i32 = REFS_RECLAIM;
    if (vma(ownerVma(f), V_LOCKED) !== 0) verdict = REFS_ACTIVATE;
    else if ((w & (PG_LOCKED | PG_WRITEBACK)) !== 0) verdict = judgeBusy(f, w);
    else if (!ignore) verdict = checkReferences(f, w, options, now, desperate);
    if (limited && verdict === REFS_RECLAIM && !before(lastUse(f), limit)) verdict = REFS_KEEP;
    if (spares && verdict === REFS_RECLAIM && isSpared()) verdict = REFS_KEEP;
    if (verdict === REFS_KEEP || verdict === REFS_BUSY) {
      if (verdict === REFS_KEEP) inUse += nr;
      if (runLast < 0) runLast = f;
      runFirst = f;
    } else {
      if (runLast >= 0) rotate(head, runFirst, runLast);
      runLast = -1;
      lruvecDel(f);
      if (verdict === REFS_RECLAIM) {
        isolate(f);
        taken += nr;
        listAdd(scanHead(LIST_SCAN), f);
      } else {
        inUse += nr;
        activate(f, nid, cg);
        lruvecAdd(f);
      }
    }
    f = following;
  }
  if (runLast >= 0) rotate(head, runFirst, runLast);
  const file = list === LRU_INACTIVE_FILE ? 1 : 0;
  count(PGSCAN_KSWAPD + sc(SC_ACTOR), nid, cg, scanned);
  count(PGSCAN_ANON + file, nid, cg, scanned);
  noteTried(scanned - inUse);
  return scanned;
}
/** Pages that a batch may take: a kswapd that goes by age takes no more than are missing, an exchange one. */
function wanted(): i32 {
  if (sc(SC_TRADE) !== 0) return 1;
  if (sc(SC_ACTOR) !== ACTOR_KSWAPD || !knowsLastUse()) return SWAP_CLUSTER_MAX;
  const left = sc(SC_NR_TO_RECLAIM) - sc(SC_NR_RECLAIMED);
  return left > 1 ? left : 1;
}
function rotate(head: i32, first: i32, last: i32): void {
  if (prev(first) === head) return;
  listCut(first, last);
  listAddRun(head, first, last);
}
/** In use: to the active list; or, if its mapping is locked, to the unevictable one. */
export function activate(f: i32, nid: i32, cg: i32): void {
  if (vma(ownerVma(f), V_LOCKED) !== 0) {
    clearFlag(f, PG_ACTIVE);
    setFlag(f, PG_UNEVICTABLE);
    count(UNEVICTABLE_PGS_CULLED, nid, cg, folioNr(f));
    return;
  }
  setFlag(f, PG_ACTIVE);
  count(PGACTIVATE, nid, cg, folioNr(f));
  ageNonresident(lruvecOf(nid, cg), folioNr(f));
}

/**
 * Move up to `nrToScan` pages from the tail of an active list to the front of the inactive one, their marks cleared
 * (shrink_active_list). As in Linux, references do not save them: they get their second chance on the inactive list.
 */
export function shrinkActive(nid: i32, cg: i32, list: i32, nrToScan: i32): void {
  const head = lruHead(nid, cg, list);
  let scanned: i32 = 0;
  const last = prev(head);
  let first: i32 = last;
  const options = hdr(H_OPTIONS);
  for (let f: i32 = last; f !== head && scanned < nrToScan; f = prev(f)) {
    const used = testClearReferenced(f);
    const young = used !== 0 || test(f, PG_YOUNG) ? 1 : 0;
    const w = young !== 0 ? afterLook(f, flags(f), young, options) : flags(f);
    if (used !== 0) noteUse(f);
    setFlags(f, (w & ~(PG_ACTIVE | PG_YOUNG)) | PG_WORKINGSET);
    scanned += folioNr(f);
    first = f;
  }
  if (scanned === 0) return;
  listCut(first, last);
  listAddRun(lruHead(nid, cg, list - LRU_ACTIVE_ANON), first, last);
  const lv = lruvecOf(nid, cg);
  addSize(lv, list, -scanned);
  addSize(lv, list - LRU_ACTIVE_ANON, scanned);
  count(PGREFILL, nid, cg, scanned);
  count(PGDEACTIVATE, nid, cg, scanned);
}

/** Move what may be demoted from LIST_SCAN to LIST_DEMOTE, oldest first. */
export function queueDemotions(): void {
  if (sc(SC_MAY_DEMOTE) === 0) return;
  const from = scanHead(LIST_SCAN);
  const to = scanHead(LIST_DEMOTE);
  let f: i32 = prev(from);
  while (f !== from) {
    const following = prev(f);
    if (demotionMask(f) !== 0 || balanceMask(f) !== 0) {
      listDel(f);
      listAddTail(to, f);
    }
    f = following;
  }
}

/** Put everything on LIST_RET and LIST_FAILED back on its LRU list, and what is on LIST_SPARED where it was. */
export function putbackBatch(): void {
  listSpliceTail(scanHead(LIST_FAILED), scanHead(LIST_RET));
  const list = scanHead(LIST_RET);
  while (!listEmpty(list)) {
    const f = prev(list);
    listDel(f);
    if (unisolate(f) === 0) lruPutback(f);
  }
  // The coldest last, so that it is the next to go.
  const spared = scanHead(LIST_SPARED);
  while (!listEmpty(spared)) {
    const f = prev(spared);
    listDel(f);
    if (unisolate(f) === 0) lruAddTail(f);
  }
}
