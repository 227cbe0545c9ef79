/**
 * Agings: when the youngest generation is closed and a younger one opened, and when the oldest ones are closed. Eviction asks
 * for one when it would run out of generations, or when the young are too many or the old too few for the pages to be told apart.
 */
import { L_MAX_SEQ, lruGenHead, lruvecOf, MAX_NR_GENS, prev, setLru } from "./layout.ts";
import { listAddTail, listDel, listEmpty } from "./list.ts";
import {
  countInactive,
  genOf,
  genPages,
  incGen,
  LRU_GEN_ANON,
  LRU_GEN_FILE,
  MIN_NR_GENS,
  maxSeq,
  minSeq,
  nrGens,
  olderSeq,
  setMinSeq,
} from "./lru-gen.ts";
import { noteBirth } from "./lru-gen-age.ts";
import { resetCtrl } from "./lru-gen-ctrl.ts";
import { walkGroup } from "./lru-gen-walk.ts";

/** The type whose generations eviction goes by: anonymous if it may evict those, else file. */
function leading(canSwap: boolean): i32 {
  return canSwap ? LRU_GEN_ANON : LRU_GEN_FILE;
}

/**
 * Close the oldest generation of a type although it has folios: they are the next one's from now on, and the first to go
 * there (inc_min_seq). Linux leaves anonymous ones that cannot be evicted where they are and lets them turn young.
 */
function incMinSeq(nid: i32, cg: i32, type: i32): void {
  const lv = lruvecOf(nid, cg);
  const head = lruGenHead(nid, cg, genOf(minSeq(lv, type)), type);
  while (!listEmpty(head)) {
    const f = prev(head);
    const gen = incGen(f, lv);
    listDel(f);
    listAddTail(lruGenHead(nid, cg, gen, type), f);
  }
  resetCtrl(lv, type);
  setMinSeq(lv, type, minSeq(lv, type) + 1);
}

/**
 * Close the oldest generations that are empty (try_to_inc_min_seq). The oldest file generation is never older than the
 * oldest anonymous one, and, where both can be evicted, no younger than that needs. Returns 1 if any was closed.
 */
export function tryToIncMinSeq(nid: i32, cg: i32, canSwap: boolean): i32 {
  const lv = lruvecOf(nid, cg);
  let anon: i32 = minSeq(lv, LRU_GEN_ANON);
  let file: i32 = oldestInUse(nid, cg, LRU_GEN_FILE);
  if (canSwap) {
    anon = oldestInUse(nid, cg, LRU_GEN_ANON);
    if (olderSeq(file, anon)) anon = file;
    const was = minSeq(lv, LRU_GEN_FILE);
    file = olderSeq(was, anon) ? anon : was;
  }
  return advance(lv, LRU_GEN_ANON, anon) + advance(lv, LRU_GEN_FILE, file) > 0 ? 1 : 0;
}
function oldestInUse(nid: i32, cg: i32, type: i32): i32 {
  const lv = lruvecOf(nid, cg);
  let seq: i32 = minSeq(lv, type);
  let left: i32 = nrGens(lv, type) - MIN_NR_GENS;
  while (left > 0 && listEmpty(lruGenHead(nid, cg, genOf(seq), type))) {
    seq = (seq + 1) | 0;
    left--;
  }
  return seq;
}
function advance(lv: i32, type: i32, seq: i32): i32 {
  if (seq === minSeq(lv, type)) return 0;
  resetCtrl(lv, type);
  setMinSeq(lv, type, seq);
  return 1;
}

/** Open a new youngest generation (inc_max_seq). */
function incMaxSeq(nid: i32, cg: i32): void {
  const lv = lruvecOf(nid, cg);
  // File first: its oldest generation must not be older than the anonymous one.
  if (nrGens(lv, LRU_GEN_FILE) === MAX_NR_GENS) incMinSeq(nid, cg, LRU_GEN_FILE);
  if (nrGens(lv, LRU_GEN_ANON) === MAX_NR_GENS) incMinSeq(nid, cg, LRU_GEN_ANON);
  const before = genOf(maxSeq(lv) - 1);
  countInactive(lv, before, LRU_GEN_ANON);
  countInactive(lv, before, LRU_GEN_FILE);
  setLru(lv, L_MAX_SEQ, maxSeq(lv) + 1);
  noteBirth(lv);
}

/**
 * Age a lruvec: what was accessed becomes the youngest generation's, and then a younger one is opened
 * (try_to_inc_max_seq). `force`: look at all of the group's page table.
 */
export function tryToIncMaxSeq(nid: i32, cg: i32, canSwap: boolean, force: boolean): void {
  walkGroup(nid, cg, canSwap, force);
  incMaxSeq(nid, cg);
}

/** Evictable pages of a lruvec, in all generations. */
export function evictablePages(lv: i32, canSwap: boolean): i32 {
  let total: i32 = 0;
  for (let type: i32 = leading(canSwap); type <= LRU_GEN_FILE; type++) {
    for (let gen: i32 = 0; gen < MAX_NR_GENS; gen++) total += genPages(lv, gen, type);
  }
  return total;
}
/** Whether eviction has run out of generations. */
export function outOfGenerations(lv: i32, canSwap: boolean): boolean {
  return nrGens(lv, leading(canSwap)) <= MIN_NR_GENS;
}
/** Whether to age before evicting more (should_run_aging). */
export function shouldRunAging(lv: i32, canSwap: boolean): boolean {
  const max = maxSeq(lv);
  const gens = nrGens(lv, leading(canSwap));
  if (gens <= MIN_NR_GENS) return true;
  if (gens > MIN_NR_GENS + 1) return false;
  let young: i32 = 0;
  let old: i32 = 0;
  for (let type: i32 = leading(canSwap); type <= LRU_GEN_FILE; type++) {
    young += genPages(lv, genOf(max), type);
    if (nrGens(lv, type) > MIN_NR_GENS) old += genPages(lv, genOf(max - MIN_NR_GENS), type);
  }
  const total = evictablePages(lv, canSwap);
  return young * MIN_NR_GENS > total || old * (MIN_NR_GENS + 2) < total;
}
