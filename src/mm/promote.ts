/**
 * Promotion (NUMA balancing mode 2, kernel/sched/fair.c): pages on slower tiers are marked now and then so that their
 * next access faults; a page that is touched soon after it was marked is hot, and moves straight to the top tier.
 *
 *   free room   a destination with plenty free takes every page that is touched
 *   threshold   otherwise the time from mark to touch must be under a threshold
 *   rate limit  and the pages offered in this second must be under a limit
 *
 * The threshold follows the limit: each period, it is lowered by an eighth of its base if more than 110 % of the limit
 * was offered, and raised by as much if less than 90 % was, within an eighth and twice the base.
 */
import {
  folioNid,
  folioNr,
  folioOrder,
  PG_ACTIVE,
  PG_LOCKED,
  PG_LRU,
  PG_UNEVICTABLE,
  PG_WRITEBACK,
  setFlag,
  test,
} from "./folio.ts";
import {
  clock,
  H_HINT_DUE,
  H_HINT_PERIOD,
  H_HINT_SIZE,
  H_HINT_VMA,
  H_HINT_VPN,
  H_HOME,
  H_HOT_THRESHOLD,
  H_NR_NODES,
  H_NR_VMAS,
  H_OPTIONS,
  H_PRESSURE,
  H_RATE_LIMIT,
  hdr,
  hdrf,
  N_ADJUST_CANDIDATES,
  N_ADJUST_START,
  N_PAGES,
  N_PROMO_THRESHOLD,
  N_RATE_CANDIDATES,
  N_RATE_START,
  N_WMARK_HIGH,
  N_WMARK_LOW,
  N_WMARK_PROMO,
  node,
  nodef,
  ownerMemcg,
  ownerVma,
  priv,
  pte,
  refs,
  setHdr,
  setHdrf,
  setNode,
  setNodef,
  setPriv,
  setPte,
  V_ACTIVE,
  V_FILE,
  V_MEMCG,
  V_PAGES,
  V_START,
  vma,
} from "./layout.ts";
import { lruDel } from "./lru.ts";
import { ltu, toI32 } from "./machine.ts";
import { isTopTier } from "./memory-tiers.ts";
import { placementMask, policyChoosesNode } from "./mempolicy.ts";
import { headAt, isolate, migrateFolio, putback } from "./migrate.ts";
import { wakeKswapd, zone } from "./node.ts";
import { OPT_LEAN, OPT_PROMOTION, OPT_SMALL_NODES } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { PTE_HINT, PTE_PRESENT } from "./page-table.ts";
import { promotedArrives, promotionPays } from "./promotion-pays.ts";
import { ACTOR_DIRECT, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { tryToFree } from "./vmscan.ts";
import {
  count,
  NUMA_HINT_FAULTS,
  NUMA_PAGES_MIGRATED,
  NUMA_PTE_UPDATES,
  nodeCount,
  PGPROMOTE_CANDIDATE,
  PGPROMOTE_CANDIDATE_NRL,
  PGPROMOTE_SUCCESS,
} from "./vmstat.ts";

/** How often the threshold is adjusted, ms (numa_balancing_scan_period_max). */
const ADJUST_PERIOD: f64 = 60000;
const GIB_PAGES: i32 = 262144;
/** The longest threshold, and the longest whose double is none longer. */
const MAX_MS: i32 = 0x7fffffff;
const MAX_BASE: i32 = 0x3fffffff;

/**
 * Mark the next pages on slower tiers if a scan is due (task_numa_work): once a period, `size` virtual pages onward.
 * Returns the pages marked.
 */
export function hintScan(): i32 {
  if ((hdr(H_OPTIONS) & OPT_PROMOTION) === 0 || clock() < hdrf(H_HINT_DUE)) return 0;
  setHdrf(H_HINT_DUE, clock() + hdr(H_HINT_PERIOD));
  const now = toI32(Math.floor(clock()));
  const n = hdr(H_NR_VMAS);
  let left: i32 = hdr(H_HINT_SIZE);
  let marked: i32 = 0;
  let id: i32 = hdr(H_HINT_VMA);
  let at: i32 = hdr(H_HINT_VPN);
  for (let visits: i32 = 0; visits <= n && left > 0; visits++) {
    if (id >= n) {
      id = 0;
      at = 0;
    }
    // A policy that names where to be is not second-guessed (vma_policy_mof); bind only bounds where to go.
    // Caches know what is hot in them and move it themselves.
    if (id < n && vma(id, V_ACTIVE) !== 0 && vma(id, V_FILE) === 0 && !policyChoosesNode(id)) {
      const pages = vma(id, V_PAGES);
      const end = pages - at < left ? pages : at + left;
      left -= end - at;
      marked += markRange(vma(id, V_START) + at, vma(id, V_START) + end, vma(id, V_MEMCG), now);
      at = end;
      if (at < pages) break;
    }
    id++;
    at = 0;
  }
  setHdr(H_HINT_VMA, id);
  setHdr(H_HINT_VPN, at);
  return marked;
}
function markRange(from: i32, to: i32, cg: i32, now: i32): i32 {
  let marked: i32 = 0;
  for (let vpn: i32 = from; vpn < to; vpn++) {
    const p = pte(vpn);
    if ((p & (PTE_PRESENT | PTE_HINT)) !== PTE_PRESENT) continue;
    const f = headAt(vpn);
    const nid = folioNid(f);
    if (isTopTier(nid)) continue;
    setPte(vpn, p | PTE_HINT);
    setPriv(f, now);
    count(NUMA_PTE_UPDATES, nid, cg, 1);
    marked++;
  }
  return marked;
}

/** The page at `vpn`, marked, was touched: unmark it and promote it if it is hot (do_numa_page). */
export function hintFault(vpn: i32): void {
  setPte(vpn, pte(vpn) & ~PTE_HINT);
  const f = headAt(vpn);
  const from = folioNid(f);
  count(NUMA_HINT_FAULTS, from, ownerMemcg(f), 1);
  if (isTopTier(from) || !test(f, PG_LRU) || test(f, PG_LOCKED | PG_WRITEBACK | PG_UNEVICTABLE) || refs(f) !== 1)
    return;
  const to = promotionTarget(ownerVma(f));
  if (to < 0 || !isHot(f, to) || !promotionPays(to)) return;
  promote(f, from, to);
}
/**
 * Move the page at `vpn` up now, because its owner knows it to be hot: nothing is asked of hints, threshold or rate. Room is
 * made for it by reclaiming on the way, that is by demoting colder pages. Returns 1 if it moved.
 */
export function promoteNow(vpn: i32): i32 {
  if ((pte(vpn) & PTE_PRESENT) === 0) return 0;
  const f = headAt(vpn);
  const from = folioNid(f);
  const busy = !test(f, PG_LRU) || test(f, PG_LOCKED | PG_WRITEBACK | PG_UNEVICTABLE) || refs(f) !== 1;
  const to = busy || !mayRise(ownerVma(f), from) ? -1 : promotionTarget(ownerVma(f));
  if (to < 0) return 0;
  const cg = ownerMemcg(f);
  const order = folioOrder(f);
  lruDel(f);
  isolate(f);
  if (!watermarkOk(to, order, node(to, N_WMARK_LOW))) makeRoomFor(to, cg);
  setFlag(f, PG_ACTIVE);
  if (migrateFolio(f, to) < 0) {
    putback(f);
    return 0;
  }
  count(PGPROMOTE_SUCCESS, to, cg, 1 << order);
  return 1;
}
function makeRoomFor(to: i32, cg: i32): void {
  const outer = hdr(H_PRESSURE);
  setHdr(H_PRESSURE, cg);
  pushScan(ACTOR_DIRECT, SWAP_CLUSTER_MAX);
  tryToFree(1 << to, false);
  popScan();
  setHdr(H_PRESSURE, outer);
}

/**
 * Whether pages of mapping `v` that are on node `nid` may come up: promotion is on, no policy says where they are to be, and
 * they may be on a node of the top tier.
 */
export function mayRise(v: i32, nid: i32): boolean {
  if ((hdr(H_OPTIONS) & OPT_PROMOTION) === 0 || isTopTier(nid)) return false;
  return !policyChoosesNode(v) && promotionTarget(v) >= 0;
}
/** The top-tier node nearest to home that pages of mapping `v` may be on; -1 if none. */
function promotionTarget(v: i32): i32 {
  const mask = placementMask(v);
  const home = hdr(H_HOME);
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(home, i);
    if ((mask & (1 << nid)) !== 0 && isTopTier(nid)) return nid;
  }
  return -1;
}
/** Whether a folio just touched deserves a move to `to` (should_numa_migrate_memory). */
function isHot(f: i32, to: i32): boolean {
  const nr = folioNr(f);
  const cg = ownerMemcg(f);
  if (watermarkOk(to, 0, node(to, N_WMARK_PROMO) + plenty(to))) {
    setNode(to, N_PROMO_THRESHOLD, 0);
    count(PGPROMOTE_CANDIDATE_NRL, to, cg, nr);
    return true;
  }
  const latency = (toI32(Math.floor(clock())) - priv(f)) | 0;
  // A page that was marked 2^32 ms ago, 50 days, is taken for one that was just marked: once.
  if (!ltu(latency, threshold(to))) return false;
  return withinRate(to, nr, cg);
}
/** Free pages above promo that count as plenty. */
function plenty(to: i32): i32 {
  const part = node(to, N_PAGES) >> 4;
  return (hdr(H_OPTIONS) & OPT_SMALL_NODES) !== 0 || part > GIB_PAGES ? part : GIB_PAGES;
}
/** The node's hot threshold in ms, adjusted if a period has passed (numa_promotion_adjust_threshold). */
function threshold(to: i32): i32 {
  const base = hdr(H_HOT_THRESHOLD);
  let t: i32 = node(to, N_PROMO_THRESHOLD);
  if (t === 0) t = base;
  const now = clock();
  if (now - nodef(to, N_ADJUST_START) > ADJUST_PERIOD) {
    const limit: f64 = (hdr(H_RATE_LIMIT) * ADJUST_PERIOD) / 1000;
    const offered = nodeCount(to, PGPROMOTE_CANDIDATE) - nodef(to, N_ADJUST_CANDIDATES);
    const step = base >> 3 > 0 ? base >> 3 : 1;
    if (offered > limit * 1.1) t = t - step > step ? t - step : step;
    else if (offered < limit * 0.9) {
      const most = base > MAX_BASE ? MAX_MS : base * 2;
      t = t < most - step ? t + step : most;
    }
    setNodef(to, N_ADJUST_START, now);
    setNodef(to, N_ADJUST_CANDIDATES, nodeCount(to, PGPROMOTE_CANDIDATE));
  }
  setNode(to, N_PROMO_THRESHOLD, t);
  return t;
}
/** Offer `nr` pages to the rate limiter (numa_promotion_rate_limit). */
function withinRate(to: i32, nr: i32, cg: i32): boolean {
  count(PGPROMOTE_CANDIDATE, to, cg, nr);
  const offered = nodeCount(to, PGPROMOTE_CANDIDATE);
  if (clock() - nodef(to, N_RATE_START) > 1000) {
    setNodef(to, N_RATE_START, clock());
    setNodef(to, N_RATE_CANDIDATES, offered - nr);
  }
  return offered - nodef(to, N_RATE_CANDIDATES) <= hdr(H_RATE_LIMIT);
}
/** Move a hot folio up, into room above the destination's high watermark only, or low (migrate_misplaced_folio). */
function promote(f: i32, from: i32, to: i32): void {
  const order = folioOrder(f);
  const nr = folioNr(f);
  const cg = ownerMemcg(f);
  const mark = (hdr(H_OPTIONS) & OPT_LEAN) !== 0 ? N_WMARK_LOW : N_WMARK_HIGH;
  if (!watermarkOk(to, order, node(to, mark))) {
    wakeKswapd(to, cg);
    return;
  }
  lruDel(f);
  isolate(f);
  const up = migrateFolio(f, to);
  if (up < 0) {
    putback(f);
    return;
  }
  promotedArrives(up);
  count(PGPROMOTE_SUCCESS, to, cg, nr);
  count(NUMA_PAGES_MIGRATED, from, cg, nr);
}
