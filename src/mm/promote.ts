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
import { isolatePage } from "./gup.ts";
import { unmarkFolio } from "./hint-scan.ts";
import { noteUse } from "./last-use.ts";
import {
  addNode,
  clock,
  H_HOT_THRESHOLD,
  H_OPTIONS,
  H_PRESSURE,
  H_PRICE_TOUCH,
  H_RATE_LIMIT,
  hdr,
  N_ADJUST_CANDIDATES,
  N_ADJUST_START,
  N_PROMO_THRESHOLD,
  N_RATE_CANDIDATES,
  N_RATE_START,
  N_RISEN,
  N_WMARK_HIGH,
  N_WMARK_LOW,
  node,
  nodef,
  ownerMemcg,
  ownerVma,
  priv,
  pte,
  refs,
  setHdr,
  setNode,
  setNodef,
  setPte,
  setRefs,
  V_START,
  vma,
  vpnOf,
} from "./layout.ts";
import { lruDel } from "./lru.ts";
import { ltu, toI32 } from "./machine.ts";
import { isStuck, makeWay, takePlace } from "./make-way.ts";
import { isTopTier } from "./memory-tiers.ts";
import { policyChoosesNode } from "./mempolicy.ts";
import { headAt, isolate, migrateFolio, noteMigrationFailure, putback } from "./migrate.ts";
import { firstUsePays, knowsVictims, probesRipe } from "./newcomers.ts";
import { wakeKswapd } from "./node.ts";
import { OPT_LEAN, OPT_PROMOTION, OPT_RISE, OPT_SPLIT } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { PTE_HINT, PTE_PRESENT, PTE_WATCH, pteIndex } from "./page-table.ts";
import { isFaster } from "./prices.ts";
import { noteSample, PAYS, promotionPays, STAYS, TRIES } from "./promotion-pays.ts";
import { firstTier, isRoomy, riseMask, riseTarget } from "./rise.ts";
import { ACTOR_DIRECT, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { accessesOf, askAgain, countsUses, countUse, SAMPLE_RIPE, sampleOf } from "./uses.ts";
import { tryToFree } from "./vmscan.ts";
import {
  count,
  NUMA_HINT_FAULTS,
  NUMA_PAGES_MIGRATED,
  nodeCount,
  PGPROMOTE_CANDIDATE,
  PGPROMOTE_CANDIDATE_NRL,
  PGPROMOTE_JUDGED,
  PGPROMOTE_SUCCESS,
} from "./vmstat.ts";

/** How often the threshold is adjusted, ms (numa_balancing_scan_period_max). */
const ADJUST_PERIOD: f64 = 60000;
/** The longest threshold, and the longest whose double is none longer. */
const MAX_MS: i32 = 0x7fffffff;
const MAX_BASE: i32 = 0x3fffffff;

/** The page at `vpn`, marked, was touched, `lines` lines of it: unmark it and promote it if it is hot (do_numa_page). */
export function hintFault(vpn: i32, lines: i32): void {
  const f = headAt(vpn);
  const rise = (hdr(H_OPTIONS) & OPT_RISE) !== 0;
  // A large folio was marked as one.
  if (rise) unmarkFolio(f);
  else setPte(vpn, pte(vpn) & ~PTE_HINT);
  const from = folioNid(f);
  const counted = countsUses();
  const after = counted ? -1 : (toI32(Math.floor(clock())) - priv(f)) | 0;
  if (counted) countUse(pteIndex(pte(vpn)), lines);
  count(NUMA_HINT_FAULTS, from, ownerMemcg(f), 1);
  noteUse(f);
  if (!mayMove(f, from)) return;
  if (rise) {
    rises(f, vpn, from, after, lines);
    return;
  }
  if (test(f, PG_UNEVICTABLE)) return;
  const to = riseTarget(riseMask(ownerVma(f), vpn, from), N_WMARK_HIGH);
  if (to >= 0 && isHot(f, to, after)) promote(f, vpn, from, to, PAYS);
}
/** The page at `vpn` was used again, `lines` lines of it, so often that it may pay for its way up. */
export function useFault(vpn: i32, lines: i32): void {
  const f = headAt(vpn);
  const from = folioNid(f);
  count(PGPROMOTE_JUDGED, from, ownerMemcg(f), 1);
  noteUse(f);
  if (mayMove(f, from)) rises(f, vpn, from, -1, lines);
}
/** Whether folio `f`, on node `from`, is where others may be faster, and held by nobody. */
function mayMove(f: i32, from: i32): boolean {
  return !isTopTier(from) && test(f, PG_LRU) && !test(f, PG_LOCKED | PG_WRITEBACK) && refs(f) === 1;
}
/** Offer a folio to the tiers that it may rise to, one after the other, until one takes it. `after`: ms from its mark to its use; -1: uses are counted. */
function rises(f: i32, vpn: i32, from: i32, after: i32, lines: i32): void {
  const v = ownerVma(f);
  let mask: i32 = riseMask(v, vpn, from);
  while (mask !== 0) {
    const tier = firstTier(v, vpn, mask);
    mask &= ~tier;
    const to = riseTarget(tier, promotionMark());
    if (to < 0) continue;
    const verdict = after < 0 ? deserves(f, vpn, to, lines) : isHotHere(f, to, after) ? PAYS : STAYS;
    if (verdict === STAYS) continue;
    promote(f, vpn, from, to, verdict);
    return;
  }
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
  const to = busy || !mayRise(ownerVma(f), from) ? -1 : promotionTarget(ownerVma(f), from);
  if (to < 0) return 0;
  const cg = ownerMemcg(f);
  const order = folioOrder(f);
  lruDel(f);
  isolate(f);
  if (!watermarkOk(to, order, node(to, N_WMARK_LOW))) makeRoomFor(to, cg);
  setFlag(f, PG_ACTIVE);
  if (migrateFolio(f, to) < 0) {
    noteMigrationFailure(f);
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
/** Send down what folio `f` pays for, so that it finds room on node `to`, in the name of group `cg`. What only tries (promotion-pays.ts) gets room for itself. */
function exchange(f: i32, to: i32, cg: i32, verdict: i32): void {
  // It must not be moved on the way.
  setRefs(f, refs(f) + 1);
  makeWay(to, promotionMark(), folioNr(f), cg, verdict === TRIES ? folioNr(f) : roomToMake(f, to));
  setRefs(f, refs(f) - 1);
}
/**
 * Pages for which room is made on node `to` when folio `f` comes up. Others take their part of what is left of it, new pages above all, since they go where there is room.
 * If the very use that a new page begins with is worth a move, as where pages are used whole, it is two batches. Else it is for the folio and for twice
 * as many as have come up since, a batch at most: where one comes up after the other a search for each would cost more than the moves.
 */
function roomToMake(f: i32, to: i32): i32 {
  const risen = node(to, N_RISEN);
  setNode(to, N_RISEN, 0);
  if (!knowsVictims(to)) return SWAP_CLUSTER_MAX;
  if (firstUsePays(ownerVma(f), folioNid(f), to)) return 2 * SWAP_CLUSTER_MAX;
  const few = folioNr(f) + 2 * risen;
  return few < SWAP_CLUSTER_MAX ? few : SWAP_CLUSTER_MAX;
}
/**
 * Whether pages of mapping `v` that are on node `nid` may come up: promotion is on, no policy says where they are to be, and
 * they may be on a node of the top tier.
 */
export function mayRise(v: i32, nid: i32): boolean {
  if ((hdr(H_OPTIONS) & OPT_PROMOTION) === 0 || isTopTier(nid)) return false;
  return !policyChoosesNode(v) && promotionTarget(v, nid) >= 0;
}
/** The top-tier node that pages of mapping `v` on node `from` go to; -1 if none may or can take them. */
function promotionTarget(v: i32, from: i32): i32 {
  const mask = riseMask(v, vma(v, V_START), from);
  return mask === 0 ? -1 : riseTarget(firstTier(v, vma(v, V_START), mask), promotionMark());
}
/** Free pages that promotion leaves. */
function promotionMark(): i32 {
  return (hdr(H_OPTIONS) & OPT_LEAN) !== 0 ? N_WMARK_LOW : N_WMARK_HIGH;
}
/** Whether a folio just used pays for a move to `to`, within the rate that is allowed (STAYS, TRIES, PAYS). */
function deserves(f: i32, vpn: i32, to: i32, lines: i32): i32 {
  if (isFaster(to, folioNid(f)) && hasPlenty(f, to)) return PAYS;
  const verdict = promotionPays(f, to, accessesOf(lines, hdr(H_PRICE_TOUCH)));
  if (verdict === STAYS || withinAllowance(to, folioNr(f), ownerMemcg(f))) return verdict;
  askAgain(pteIndex(pte(vpn)));
  return STAYS;
}
/** Whether a folio just touched, `after` ms after it was marked, is hot. */
function isHotHere(f: i32, to: i32, after: i32): boolean {
  return hasPlenty(f, to) || (after < threshold(to) && withinAllowance(to, folioNr(f), ownerMemcg(f)));
}
/** Whether a folio just touched deserves a move to `to` (should_numa_migrate_memory). */
function isHot(f: i32, to: i32, after: i32): boolean {
  if (hasPlenty(f, to)) return true;
  // A page that was marked 2^32 ms ago, 50 days, is taken for one that was just marked: once.
  return ltu(after, threshold(to)) && withinRate(to, folioNr(f), ownerMemcg(f));
}
/** Whether there is so much room that everything that is touched may come. */
function hasPlenty(f: i32, to: i32): boolean {
  if (!isRoomy(to)) return false;
  setNode(to, N_PROMO_THRESHOLD, 0);
  count(PGPROMOTE_CANDIDATE_NRL, to, ownerMemcg(f), folioNr(f));
  return true;
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
/**
 * The same under OPT_RISE: offers that were turned down do not use up what others may have, and a folio larger than the
 * limit passes too, on account of the seconds to come.
 */
function withinAllowance(to: i32, nr: i32, cg: i32): boolean {
  count(PGPROMOTE_CANDIDATE, to, cg, nr);
  const limit: f64 = hdr(H_RATE_LIMIT);
  const passed = clock() - nodef(to, N_RATE_START);
  if (passed > 1000) {
    const left = nodef(to, N_RATE_CANDIDATES) - (limit * passed) / 1000;
    setNodef(to, N_RATE_START, clock());
    setNodef(to, N_RATE_CANDIDATES, left > 0 ? left : 0);
  }
  if (nodef(to, N_RATE_CANDIDATES) >= limit) return false;
  setNodef(to, N_RATE_CANDIDATES, nodef(to, N_RATE_CANDIDATES) + nr);
  return true;
}
/**
 * Move a hot folio up, into room above the destination's high watermark only, or low (migrate_misplaced_folio). Under
 * OPT_RISE a large one for which there are pages, but not so many in a row, is split, and the page that was touched moves.
 */
function promote(f: i32, vpn: i32, from: i32, to: i32, verdict: i32): void {
  const mark = node(to, promotionMark());
  const cg = ownerMemcg(f);
  let order: i32 = folioOrder(f);
  let moving: i32 = f;
  if (countsUses() && !watermarkOk(to, order, mark)) {
    if (isStuck(to)) {
      takePlaceOn(to, f, vpn, from, cg);
      return;
    }
    exchange(f, to, cg, verdict);
  }
  if (watermarkOk(to, order, mark)) {
    lruDel(f);
    isolate(f);
  } else {
    const split = order > 0 && (hdr(H_OPTIONS) & (OPT_RISE | OPT_SPLIT)) === (OPT_RISE | OPT_SPLIT);
    if (!split || !watermarkOk(to, 0, mark)) {
      // Where uses are counted, enough was sent down for it, or nothing cold was found.
      if (!countsUses()) wakeKswapd(to, cg);
      return;
    }
    if (isolatePage(vpn) < 0) return;
    order = 0;
    moving = headAt(vpn);
  }
  const ripe = countsUses() && sampleOf(moving) === SAMPLE_RIPE;
  if (!ripe) noteSample(moving, true);
  const moved = migrateFolio(moving, to);
  if (moved < 0) {
    noteMigrationFailure(moving);
    putback(moving);
    return;
  }
  if (ripe && probesRipe(moved)) setPte(vpnOf(moved), pte(vpnOf(moved)) | PTE_WATCH);
  if (node(to, N_RISEN) < SWAP_CLUSTER_MAX) addNode(to, N_RISEN, 1 << order);
  count(PGPROMOTE_SUCCESS, to, cg, 1 << order);
  count(NUMA_PAGES_MIGRATED, from, cg, 1 << order);
}
/** The page at `vpn` of folio `f` comes to node `to` in exchange for another, if any can be found for it. */
function takePlaceOn(to: i32, f: i32, vpn: i32, from: i32, cg: i32): void {
  lruDel(f);
  isolate(f);
  if (!takePlace(to, vpn, cg)) {
    putback(headAt(vpn));
    return;
  }
  const moved = headAt(vpn);
  if (sampleOf(moved) === SAMPLE_RIPE && probesRipe(moved)) setPte(vpn, pte(vpn) | PTE_WATCH);
  count(PGPROMOTE_SUCCESS, to, cg, 1);
  count(NUMA_PAGES_MIGRATED, from, cg, 1);
}
