/** How much of which list one pass over a lruvec scans: priority, swappiness, protection, what reclaim has cost lately. */
import {
  H_SWAPPINESS,
  hdr,
  L_ACTIVATIONS,
  L_ANON_COST,
  L_FILE_COST,
  L_REFAULTS,
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lru,
  lruf,
  N_FREE,
  N_WMARK_HIGH,
  node,
  SC_CACHE_TRIM_MODE,
  SC_FILE_IS_TINY,
  SC_FORCE_DEACTIVATE,
  SC_MAY_DEACTIVATE,
  SC_MEMCG,
  SC_NR,
  SC_PRIORITY,
  SC_TARGETS,
  sc,
  setSc,
} from "./layout.ts";
import { lruSize } from "./lruvec.ts";
import { toI32 } from "./machine.ts";
import { SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { canReclaimAnon, protectedScan } from "./scan-scope.ts";

export const DEACTIVATE_ANON: i32 = 1;
export const DEACTIVATE_FILE: i32 = 2;

/** Whether the inactive list is too short for its active one: 1 : sqrt(10 x GiB) (inactive_is_low). */
export function inactiveIsLow(lv: i32, inactive: i32): boolean {
  const i = lruSize(lv, inactive);
  const a = lruSize(lv, inactive + LRU_ACTIVE_ANON);
  const gb = (i + a) >>> 18;
  const ratio: f64 = gb > 0 ? Math.floor(Math.sqrt(10 * gb)) : 1;
  return i * ratio < a;
}
/** Decide for one lruvec which types to deactivate and whether file pages alone will do (prepare_scan_control). */
export function prepareScan(nid: i32, lv: i32): void {
  let may: i32 = DEACTIVATE_ANON | DEACTIVATE_FILE;
  if (sc(SC_FORCE_DEACTIVATE) === 0) {
    may = 0;
    if (lru(lv, L_ACTIVATIONS) !== lru(lv, L_REFAULTS) || inactiveIsLow(lv, LRU_INACTIVE_ANON)) may |= DEACTIVATE_ANON;
    if (lru(lv, L_ACTIVATIONS + 4) !== lru(lv, L_REFAULTS + 4) || inactiveIsLow(lv, LRU_INACTIVE_FILE)) {
      may |= DEACTIVATE_FILE;
    }
  }
  setSc(SC_MAY_DEACTIVATE, may);
  const file = lruSize(lv, LRU_INACTIVE_FILE);
  const trim = file >> sc(SC_PRIORITY) > 0 && (may & DEACTIVATE_FILE) === 0;
  setSc(SC_CACHE_TRIM_MODE, trim ? 1 : 0);
  const cached = file + lruSize(lv, LRU_ACTIVE_FILE);
  const tiny =
    sc(SC_MEMCG) < 0 &&
    cached + node(nid, N_FREE) <= node(nid, N_WMARK_HIGH) &&
    (may & DEACTIVATE_ANON) === 0 &&
    lruSize(lv, LRU_INACTIVE_ANON) >> sc(SC_PRIORITY) > 0;
  setSc(SC_FILE_IS_TINY, tiny ? 1 : 0);
}

const SCAN_EQUAL: i32 = 0;
const SCAN_FRACT: i32 = 1;
const SCAN_ANON: i32 = 2;
const SCAN_FILE: i32 = 3;

/** Fill SC_NR with the pages to scan on each list (get_scan_count). */
export function getScanCount(nid: i32, cg: i32, lv: i32): void {
  const swappiness = hdr(H_SWAPPINESS);
  let balance: i32 = SCAN_FRACT;
  if (!canReclaimAnon(nid, cg)) balance = SCAN_FILE;
  else if (sc(SC_MEMCG) >= 0 && swappiness === 0) balance = SCAN_FILE;
  else if (sc(SC_PRIORITY) === 0 && swappiness !== 0) balance = SCAN_EQUAL;
  else if (sc(SC_FILE_IS_TINY) !== 0) balance = SCAN_ANON;
  else if (sc(SC_CACHE_TRIM_MODE) !== 0) balance = SCAN_FILE;
  const total = lruf(lv, L_ANON_COST) + lruf(lv, L_FILE_COST);
  const anonCost = total + lruf(lv, L_ANON_COST);
  const fileCost = total + lruf(lv, L_FILE_COST);
  const all = anonCost + fileCost;
  const ap: f64 = Math.floor((swappiness * (all + 1)) / (anonCost + 1));
  const fp: f64 = Math.floor(((200 - swappiness) * (all + 1)) / (fileCost + 1));
  for (let list: i32 = 0; list <= LRU_ACTIVE_FILE; list++) {
    const file = list >= LRU_INACTIVE_FILE;
    let scan: i32 = protectedScan(cg, lruSize(lv, list)) >> sc(SC_PRIORITY);
    if (balance === SCAN_FRACT) scan = toI32(Math.floor((scan * (file ? fp : ap)) / (ap + fp)));
    else if (balance === SCAN_ANON && file) scan = 0;
    else if (balance === SCAN_FILE && !file) scan = 0;
    setSc(SC_NR + (list << 2), scan);
    setSc(SC_TARGETS + (list << 2), scan);
  }
}
/**
 * Pages of a list to scan in one turn: of the type that is to be scanned more a batch, of the other as many as keep the
 * proportion, so that it holds wherever the scan ends (OPT_LEAN; Linux goes on until it holds: keepProportion).
 */
export function shareOfBatch(list: i32): i32 {
  const anon = target(LRU_INACTIVE_ANON);
  const file = target(LRU_INACTIVE_FILE);
  const mine = list < LRU_INACTIVE_FILE ? anon : file;
  const other = list < LRU_INACTIVE_FILE ? file : anon;
  if (mine === 0 || mine >= other) return SWAP_CLUSTER_MAX;
  const most: f64 = other;
  const part: f64 = mine;
  const share = toI32(Math.floor((part * SWAP_CLUSTER_MAX) / most));
  return share > 0 ? share : 1;
}
export function nrLeft(list: i32): i32 {
  return sc(SC_NR + (list << 2));
}
function target(list: i32): i32 {
  return sc(SC_TARGETS + (list << 2));
}
/**
 * Enough was reclaimed: stop scanning the smaller type, and scan the larger one only as far as keeps the proportion that
 * was planned. Returns false when one type is done.
 */
export function keepProportion(): boolean {
  const file = nrLeft(LRU_INACTIVE_FILE) + nrLeft(LRU_ACTIVE_FILE);
  const anon = nrLeft(LRU_INACTIVE_ANON) + nrLeft(LRU_ACTIVE_ANON);
  if (file === 0 || anon === 0) return false;
  const small = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
  const large = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
  const rest = file > anon ? anon : file;
  const whole: f64 = target(small) + target(small + 1) + 1;
  const left: f64 = rest;
  const percentage = toI32(Math.floor((left * 100) / whole));
  setSc(SC_NR + (small << 2), 0);
  setSc(SC_NR + ((small + 1) << 2), 0);
  for (let list: i32 = large; list <= large + 1; list++) {
    const scanned = target(list) - nrLeft(list);
    const planned: f64 = target(list);
    const goal = toI32(Math.floor((planned * (100 - percentage)) / 100));
    setSc(SC_NR + (list << 2), goal > scanned ? goal - scanned : 0);
  }
  return true;
}
