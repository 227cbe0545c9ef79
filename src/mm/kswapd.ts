/**
 * kswapd (balance_pgdat), cut into steps so that any runtime can turn the crank: one step is one pass over the node at
 * one priority. It is woken when an allocation misses low, and sleeps when the node is back at high, or at promo on top
 * tiers while promotion is on, so that promoted pages find room.
 */
import { nodeIsHopeless } from "./hopeless.ts";
import { knowsLastUse } from "./last-use.ts";
import {
  C_ACTIVE,
  H_KSWAPD,
  H_KSWAPD_BATCH,
  H_MEMCG_ROTOR,
  H_NR_MEMCG,
  H_OPTIONS,
  H_PRESSURE,
  hdr,
  memcg,
  N_FREE,
  N_KSWAPD_FAILURES,
  N_KSWAPD_PRIORITY,
  N_KSWAPD_RECLAIMED,
  node,
  SC_MEMCG_LOW_RECLAIM,
  SC_MEMCG_LOW_SKIPPED,
  SC_NR_RECLAIMED,
  SC_NR_SCANNED,
  SC_PRIORITY,
  SC_SPARED,
  sc,
  setHdr,
  setNode,
  setSc,
} from "./layout.ts";
import { PROTECTED_NONE, protection } from "./memcg.ts";
import { MAX_KSWAPD_FAILURES } from "./node.ts";
import { loseHalf } from "./older-half.ts";
import { OPT_HOPELESS, OPT_LEAN } from "./options.ts";
import { ACTOR_KSWAPD, DEF_PRIORITY, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { beginHalf, endHalf, standsBack } from "./stand-back.ts";
import { enough, shrinkNode, tryToFree } from "./vmscan.ts";
import { count, PAGEOUTRUN } from "./vmstat.ts";
import { balanced, kswapdGoal } from "./watermark.ts";

/** Low protection overridden in this run: kept in the priority word's second bit field. */
const LOW_RECLAIM: i32 = 64;

/** One step of node `nid`'s kswapd. Returns 1 if there is more to do, 0 if it sleeps. */
export function kswapdStep(nid: i32): i32 {
  if ((hdr(H_KSWAPD) & (1 << nid)) === 0) return 0;
  let state: i32 = node(nid, N_KSWAPD_PRIORITY);
  if (balanced(nid) || nodeIsHopeless(nid) || standsBack(nid)) return sleep(nid);
  if (state < 0) {
    state = DEF_PRIORITY;
    setNode(nid, N_KSWAPD_RECLAIMED, 0);
    count(PAGEOUTRUN, nid, -1, 1);
  }
  const high = kswapdGoal(nid);
  const exact = (hdr(H_OPTIONS) & OPT_LEAN) !== 0;
  const want = exact ? high + 1 - node(nid, N_FREE) : high;
  // Not a batch where less is missing: on a small node full of hot pages the rest of a batch would be those.
  const whole = want > SWAP_CLUSTER_MAX || knowsLastUse() ? want : SWAP_CLUSTER_MAX;
  const most = hdr(H_KSWAPD_BATCH);
  pushScan(ACTOR_KSWAPD, most > 0 && most < whole ? most : whole);
  setSc(SC_PRIORITY, state & 63);
  setSc(SC_MEMCG_LOW_RECLAIM, state >> 6);
  setHdr(H_PRESSURE, -2 - nid);
  if (!loseOfHalf(nid)) shrinkNode(nid);
  setHdr(H_PRESSURE, -1);
  const reclaimed = sc(SC_NR_RECLAIMED);
  const scanned = sc(SC_NR_SCANNED);
  const skipped = sc(SC_MEMCG_LOW_SKIPPED);
  const spared = sc(SC_SPARED);
  // Generations may have been entered at a lower one.
  state = (state & ~63) | sc(SC_PRIORITY);
  popScan();
  if (reclaimed > 0) setNode(nid, N_KSWAPD_RECLAIMED, 1);
  // Nothing more may be lost here: what is missing to a goal above high can wait.
  if (spared !== 0 || balanced(nid)) return sleep(nid);
  // The next pass scans twice as much, unless this one scanned plenty and got something for it.
  if ((scanned < high && (most === 0 || reclaimed < most)) || reclaimed === 0) state--;
  if ((state & 63) === 0 || state < 0) {
    if (node(nid, N_KSWAPD_RECLAIMED) > 0) return restart(nid);
    if (skipped !== 0 && state < LOW_RECLAIM) return again(nid, LOW_RECLAIM | DEF_PRIORITY);
    setNode(nid, N_KSWAPD_FAILURES, node(nid, N_KSWAPD_FAILURES) + 1);
    if (lookAtAll(nid) === 0 && nodeIsHopeless(nid)) return sleep(nid);
    return node(nid, N_KSWAPD_FAILURES) >= MAX_KSWAPD_FAILURES ? sleep(nid) : restart(nid);
  }
  return again(nid, state);
}
/** What can only be lost is of the older half, of the groups in turn, none that is protected. Returns whether that is enough. */
function loseOfHalf(nid: i32): boolean {
  const n = hdr(H_NR_MEMCG);
  const first = hdr(H_MEMCG_ROTOR) % n;
  for (let i: i32 = 0; i < n; i++) {
    const cg = (first + i) % n;
    if (memcg(cg, C_ACTIVE) === 0 || protection(cg, -1) !== PROTECTED_NONE || !beginHalf(nid, cg)) continue;
    const before = sc(SC_NR_RECLAIMED);
    loseHalf(nid, cg);
    endHalf();
    if (sc(SC_NR_RECLAIMED) > before) setNode(nid, N_KSWAPD_FAILURES, 0);
    if (!enough()) continue;
    setHdr(H_MEMCG_ROTOR, cg + 1);
    return true;
  }
  return false;
}
/** A run found nothing: look at everything there is, once, so that it need not be looked at again (hopeless.ts). */
function lookAtAll(nid: i32): i32 {
  // Where it has to let others have their turn there is no looking at everything.
  if ((hdr(H_OPTIONS) & OPT_HOPELESS) === 0 || hdr(H_KSWAPD_BATCH) > 0) return 0;
  pushScan(ACTOR_KSWAPD, SWAP_CLUSTER_MAX);
  setHdr(H_PRESSURE, -2 - nid);
  const reclaimed = tryToFree(1 << nid, false);
  setHdr(H_PRESSURE, -1);
  popScan();
  return reclaimed;
}
function again(nid: i32, state: i32): i32 {
  setNode(nid, N_KSWAPD_PRIORITY, state);
  return 1;
}
/** End this run and begin another. */
function restart(nid: i32): i32 {
  setNode(nid, N_KSWAPD_PRIORITY, -1);
  return 1;
}
function sleep(nid: i32): i32 {
  setHdr(H_KSWAPD, hdr(H_KSWAPD) & ~(1 << nid));
  setNode(nid, N_KSWAPD_PRIORITY, -1);
  return 0;
}
