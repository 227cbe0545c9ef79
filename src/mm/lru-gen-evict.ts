/**
 * Eviction from the oldest generation (evict_folios and what it calls, mm/vmscan.c of Linux 6.12): a batch is isolated
 * from the tail of its list, each folio of it asked for its accessed bit, and what is not in use goes the way of any
 * batch, demotion first (shrinkFolioList in vmscan.ts). What was rejected on that way starts anew as the youngest.
 *
 * A pass scans a part of the lruvec that the priority says, in batches, until enough was reclaimed or, for kswapd, the
 * node is safely above its mark. Where aging is due it takes the place of the pass; the next one will find more to choose.
 */
import {
  clearFlag,
  folioNr,
  folioOrder,
  LRU_REFS_MASK,
  PG_LOCKED,
  PG_RECLAIM,
  PG_REFERENCED,
  PG_UNEVICTABLE,
  PG_WORKINGSET,
  PG_WRITEBACK,
  setFlag,
  test,
} from "./folio.ts";
import { noteTried, noteWhy, WHY_BUSY } from "./hopeless.ts";
import { before, lastUse, noteUse } from "./last-use.ts";
import {
  flags,
  H_NR_MEMCG,
  H_OPTIONS,
  H_SWAPPINESS,
  hdr,
  L_PROTECTED,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lruGenHead,
  lruvecOf,
  N_PAGES,
  N_WMARK_HIGH,
  N_WMARK_PROMO,
  node,
  ownerVma,
  prev,
  pte,
  SC_ACTOR,
  SC_FORCE_DEACTIVATE,
  SC_IGNORE_REFERENCES,
  SC_LIMIT,
  SC_LIMITED,
  SC_MEMCG,
  SC_NR_PAGEOUT,
  SC_NR_RECLAIMED,
  SC_NR_SCANNED,
  SC_NR_TO_RECLAIM,
  SC_PRIORITY,
  SC_SKIPPED_DEACTIVATE,
  SC_SPARED,
  SC_TRADE,
  sc,
  scanHead,
  setSc,
  V_LOCKED,
  vma,
  vpnOf,
} from "./layout.ts";
import { listAdd, listAddTail, listDel, listEmpty } from "./list.ts";
import {
  flagsGen,
  genOf,
  incGen,
  LRU_GEN_ANON,
  LRU_GEN_FILE,
  lruGenDel,
  MAX_LRU_BATCH,
  MIN_LRU_BATCH,
  MIN_NR_GENS,
  minSeq,
  nrGens,
  olderSeq,
} from "./lru-gen.ts";
import { lruGenOldest } from "./lru-gen-age.ts";
import { evictablePages, outOfGenerations, shouldRunAging, tryToIncMaxSeq, tryToIncMinSeq } from "./lru-gen-aging.ts";
import { addTier, MAX_REFS, refsOf, tierAgainst, tierOf, tierToEvict, typeToEvict } from "./lru-gen-ctrl.ts";
import { lookAround } from "./lru-gen-walk.ts";
import { lruSize, lruvecAdd } from "./lruvec.ts";
import { leadingZeros } from "./machine.ts";
import { isTopTier } from "./memory-tiers.ts";
import { isolate } from "./migrate.ts";
import { OPT_LEAN, OPT_PROMOTION } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { PTE_ACCESSED, testClearReferenced } from "./page-table.ts";
import { ACTOR_KSWAPD, DEF_PRIORITY, LIST_RET, LIST_SCAN, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { canReclaimAnon, protectedScan } from "./scan-scope.ts";
import { isSpared, sparesSome } from "./spare.ts";
import { shrinkFolioList } from "./vmscan.ts";
import {
  count,
  PGACTIVATE,
  PGREFILL,
  PGSCAN_ANON,
  PGSCAN_KSWAPD,
  PGSTEAL_ANON,
  PGSTEAL_KSWAPD,
  UNEVICTABLE_PGS_CULLED,
} from "./vmstat.ts";
import { balanced } from "./watermark.ts";

const TYPE_SHIFT: i32 = 1;

/** Pages in one batch: fewer than Linux takes where that would be a good part of a small node; one for an exchange. */
function batchSize(nid: i32): i32 {
  if (sc(SC_TRADE) !== 0) return 1;
  const part = node(nid, N_PAGES) >> 4;
  return part < SWAP_CLUSTER_MAX ? SWAP_CLUSTER_MAX : part < MIN_LRU_BATCH ? part : MIN_LRU_BATCH;
}

/** Put a folio of the oldest generation where it belongs, if that is elsewhere (sort_folio). Returns whether it is. */
function sortFolio(f: i32, nid: i32, cg: i32, type: i32, tierIdx: i32): boolean {
  const lv = lruvecOf(nid, cg);
  const w = flags(f);
  if (vma(ownerVma(f), V_LOCKED) !== 0) {
    lruGenDel(f, true);
    setFlag(f, PG_UNEVICTABLE);
    lruvecAdd(f);
    count(UNEVICTABLE_PGS_CULLED, nid, cg, folioNr(f));
    return true;
  }
  // Found accessed since it came here.
  const gen = flagsGen(w);
  if (gen !== genOf(minSeq(lv, type))) {
    listDel(f);
    listAdd(lruGenHead(nid, cg, gen, type), f);
    return true;
  }
  const refs = refsOf(w);
  const tier = tierOf(refs);
  if (tier > tierIdx || refs === MAX_REFS) {
    addTier(lv, L_PROTECTED, type, tier, folioNr(f));
    listDel(f);
    listAddTail(lruGenHead(nid, cg, incGen(f, lv), type), f);
    return true;
  }
  if ((w & (PG_LOCKED | PG_WRITEBACK)) !== 0) {
    noteWhy(WHY_BUSY);
    noteTried(folioNr(f));
    if ((w & PG_WRITEBACK) !== 0) setFlag(f, PG_RECLAIM);
    listDel(f);
    listAdd(lruGenHead(nid, cg, incGen(f, lv), type), f);
    return true;
  }
  return false;
}

/** Isolate a batch of a type from its oldest generation to LIST_SCAN (scan_folios). Returns the pages looked at; 0: in vain. */
function scanFolios(nid: i32, cg: i32, type: i32, tierIdx: i32): i32 {
  const lv = lruvecOf(nid, cg);
  if (nrGens(lv, type) === MIN_NR_GENS) return 0;
  const limited = sc(SC_LIMITED) !== 0;
  const spares = sparesSome(nid, cg, type);
  const head = lruGenHead(nid, cg, genOf(minSeq(lv, type)), type);
  let scanned: i32 = 0;
  let sorted: i32 = 0;
  let isolated: i32 = 0;
  let remaining: i32 = MAX_LRU_BATCH;
  const batch = batchSize(nid);
  while (!listEmpty(head) && remaining > 0 && isolated < batch) {
    const f = prev(head);
    const nr = folioNr(f);
    remaining--;
    scanned += nr;
    if (sortFolio(f, nid, cg, type, tierIdx)) sorted += nr;
    else if (limited && !before(lastUse(f), sc(SC_LIMIT))) break;
    else if (spares && isSpared()) {
      listDel(f);
      listAdd(lruGenHead(nid, cg, incGen(f, lv), type), f);
      sorted += nr;
    } else {
      lruGenDel(f, true);
      clearFlag(f, LRU_REFS_MASK | PG_REFERENCED | PG_WORKINGSET | PG_RECLAIM);
      isolate(f);
      listAdd(scanHead(LIST_SCAN), f);
      isolated += nr;
    }
  }
  count(PGSCAN_KSWAPD + sc(SC_ACTOR), nid, cg, isolated);
  count(PGSCAN_ANON + type, nid, cg, isolated);
  count(PGREFILL, nid, cg, sorted);
  setSc(SC_NR_SCANNED, sc(SC_NR_SCANNED) + isolated);
  noteTried(isolated);
  return isolated > 0 || remaining === 0 ? scanned : 0;
}

/**
 * Isolate a batch of the type that should go first, or of the other one (isolate_folios). Returns the pages looked at and
 * the type: pages << 1 | type.
 */
function isolateFolios(nid: i32, cg: i32, swappiness: i32): i32 {
  const lv = lruvecOf(nid, cg);
  if (swappiness === 0) return (scanFolios(nid, cg, LRU_GEN_FILE, tierToEvict(lv, LRU_GEN_FILE)) << TYPE_SHIFT) | 1;
  let type: i32 = LRU_GEN_FILE;
  let tier: i32 = -1;
  if (olderSeq(minSeq(lv, LRU_GEN_ANON), minSeq(lv, LRU_GEN_FILE)) || swappiness === 200) type = LRU_GEN_ANON;
  else if (swappiness !== 1) {
    type = typeToEvict(lv, swappiness);
    tier = tierAgainst(lv, type, swappiness);
  }
  let scanned = scanFolios(nid, cg, type, tier >= 0 ? tier : tierToEvict(lv, type));
  if (scanned === 0) {
    type = type === LRU_GEN_FILE ? LRU_GEN_ANON : LRU_GEN_FILE;
    scanned = scanFolios(nid, cg, type, tierToEvict(lv, type));
  }
  return (scanned << TYPE_SHIFT) | type;
}

/** Whether an isolated folio is marked as accessed (folio_check_references); clears the marks that it counts. */
function isYoung(f: i32): boolean {
  let young: i32 = 0;
  if (folioOrder(f) > 0) young = testClearReferenced(f);
  else if ((pte(vpnOf(f)) & PTE_ACCESSED) !== 0) {
    lookAround(f);
    young = 1;
  }
  return young !== 0;
}
/** Sort out of LIST_SCAN what is in use, or has become so by the look-around of another. */
function checkReferences(nid: i32, cg: i32): void {
  if (sc(SC_IGNORE_REFERENCES) !== 0) return;
  const list = scanHead(LIST_SCAN);
  let f: i32 = prev(list);
  while (f !== list) {
    const following = prev(f);
    // Flagged: a neighbour's look-around has been here, and cleared the mark.
    const flagged = test(f, PG_REFERENCED);
    if (flagged || isYoung(f)) {
      listDel(f);
      listAdd(scanHead(LIST_RET), f);
      clearFlag(f, PG_REFERENCED);
      noteUse(f);
      noteTried(-folioNr(f));
      if (!flagged) count(PGACTIVATE, nid, cg, folioNr(f));
    }
    f = following;
  }
}

/** Evict a batch (evict_folios). Returns the pages looked at, 0 if there is nothing to go on with. */
function evictFolios(nid: i32, cg: i32, swappiness: i32): i32 {
  const lv = lruvecOf(nid, cg);
  const canSwap = swappiness > 0;
  const batch = isolateFolios(nid, cg, swappiness);
  let scanned: i32 = (batch >> TYPE_SHIFT) + tryToIncMinSeq(nid, cg, canSwap);
  if (nrGens(lv, canSwap ? LRU_GEN_ANON : LRU_GEN_FILE) === MIN_NR_GENS) scanned = 0;
  if (listEmpty(scanHead(LIST_SCAN))) return scanned;
  checkReferences(nid, cg);
  setSc(SC_NR_PAGEOUT, 0);
  const reclaimed = shrinkFolioList(nid);
  setSc(SC_NR_RECLAIMED, sc(SC_NR_RECLAIMED) + reclaimed);
  count(PGSTEAL_KSWAPD + sc(SC_ACTOR), nid, cg, reclaimed);
  count(PGSTEAL_ANON + (batch & 1), nid, cg, reclaimed);
  return scanned;
}

/**
 * The weight of anonymous folios, 0 if they cannot be evicted (get_swappiness). Swappiness 0 spares them for as long as
 * there are file folios at all.
 */
function swappinessOf(nid: i32, cg: i32): i32 {
  if (!canReclaimAnon(nid, cg)) return 0;
  const swappiness = hdr(H_SWAPPINESS);
  if (swappiness > 0) return swappiness;
  return evictablePages(lruvecOf(nid, cg), false) > 0 ? 0 : 1;
}

/** The pages to scan in this pass; -1 if it was spent on aging, 0 if there are none (get_nr_to_scan). */
function nrToScan(nid: i32, cg: i32, canSwap: boolean): i32 {
  const lv = lruvecOf(nid, cg);
  const priority = sc(SC_PRIORITY);
  const out = outOfGenerations(lv, canSwap);
  if (shouldRunAging(lv, canSwap)) {
    if (out) setSc(SC_SKIPPED_DEACTIVATE, 1);
    if (priority === DEF_PRIORITY) return out ? 0 : protectedScan(cg, evictablePages(lv, canSwap)) >> priority;
    tryToIncMaxSeq(nid, cg, canSwap, sc(SC_FORCE_DEACTIVATE) !== 0);
    // There is hardly a next pass that could do better.
    if (priority > 1) return -1;
    if (outOfGenerations(lv, canSwap)) tryToIncMaxSeq(nid, cg, canSwap, true);
  }
  return protectedScan(cg, evictablePages(lv, canSwap)) >> priority;
}

/** Whether enough was done for all (should_abort_scan). */
export function lruGenShouldAbort(nid: i32): boolean {
  if (sc(SC_SPARED) !== 0) return true;
  const lean = (hdr(H_OPTIONS) & OPT_LEAN) !== 0;
  if (sc(SC_MEMCG) >= 0 && !lean) return false;
  if (sc(SC_NR_RECLAIMED) >= sc(SC_NR_TO_RECLAIM)) return true;
  if (sc(SC_ACTOR) !== ACTOR_KSWAPD) return false;
  if (lean) return balanced(nid);
  const promote = (hdr(H_OPTIONS) & OPT_PROMOTION) !== 0 && isTopTier(nid);
  return watermarkOk(nid, 0, node(nid, promote ? N_WMARK_PROMO : N_WMARK_HIGH) + MIN_LRU_BATCH);
}

/** Whether the oldest pages of a type may go under the limit of the current control. */
function isOld(nid: i32, cg: i32, type: i32): boolean {
  return before(lruGenOldest(nid, cg, type), sc(SC_LIMIT));
}

/** Reclaim from one lruvec (try_to_shrink_lruvec). */
export function lruGenShrinkLruvec(nid: i32, cg: i32): void {
  // Nothing there is old enough; an aging would not make it so.
  if (sc(SC_LIMITED) !== 0 && !isOld(nid, cg, LRU_GEN_ANON) && !isOld(nid, cg, LRU_GEN_FILE)) return;
  const swappiness = swappinessOf(nid, cg);
  let scanned: i32 = 0;
  let more = true;
  while (more) {
    const nr = nrToScan(nid, cg, swappiness > 0);
    const delta = nr > 0 ? evictFolios(nid, cg, swappiness) : 0;
    scanned += delta;
    more = delta > 0 && scanned < nr && !lruGenShouldAbort(nid);
  }
}

/**
 * The priority from which a node is likely to yield what is wanted in one pass, for those who want much
 * (set_initial_priority): where the inactive pages >> priority are about that.
 */
export function lruGenInitialPriority(nid: i32): void {
  const wanted = sc(SC_NR_TO_RECLAIM);
  if (sc(SC_PRIORITY) !== DEF_PRIORITY || wanted < MIN_LRU_BATCH || sc(SC_MEMCG) >= 0) return;
  const anon = canReclaimAnon(nid, -1);
  let reclaimable: i32 = 0;
  for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG); cg++) {
    const lv = lruvecOf(nid, cg);
    reclaimable += lruSize(lv, LRU_INACTIVE_FILE);
    if (anon) reclaimable += lruSize(lv, LRU_INACTIVE_ANON);
  }
  const priority = leadingZeros(wanted - 1) - leadingZeros(reclaimable) - 1;
  const half = DEF_PRIORITY >> 1;
  setSc(SC_PRIORITY, priority < half ? half : priority > DEF_PRIORITY ? DEF_PRIORITY : priority);
}
