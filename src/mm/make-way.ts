/**
 * Room made by the one that needs it, for as much as it is worth (OPT_PROMOTION_PAYS): a batch of the coldest pages goes, found
 * within so many looks as their moves are worth. What it took is noted, and is part of the price of the next (prices.ts).
 */
import { shrinkByAge } from "./coldest.ts";
import { knowsLastUse } from "./last-use.ts";
import {
  H_NR_MEMCG,
  H_NR_NODES,
  H_PRESSURE,
  hdr,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_FILE,
  lruvecOf,
  N_FREE,
  N_TIER,
  N_WMARK_MIN,
  node,
  SC_MAY_EVICT,
  SC_NR_RECLAIMED,
  SC_PROACTIVE,
  SC_TRADE,
  sc,
  setHdr,
  setSc,
} from "./layout.ts";
import { lruSize } from "./lruvec.ts";
import { watermarkOk } from "./page-alloc.ts";
import { looksPerMove, noteSearch } from "./prices.ts";
import { mayTrade } from "./rise.ts";
import { ACTOR_DIRECT, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { swapAvailable } from "./swap.ts";
import { tryToFree } from "./vmscan.ts";
import { nodeCount, PGREFILL, PGSCAN_KSWAPD } from "./vmstat.ts";

/** Pages of node `nid` that callers' reclaim has looked at. */
function looksAt(nid: i32): f64 {
  return nodeCount(nid, PGSCAN_KSWAPD + ACTOR_DIRECT) + nodeCount(nid, PGREFILL);
}
/** Send down `batch` pages from node `nid`, or what is missing there to `nr` free pages above mark `mark` if that is more, in the name of group `cg`. */
export function makeWay(nid: i32, mark: i32, nr: i32, cg: i32, batch: i32): void {
  const missing = node(nid, mark) + nr - node(nid, N_FREE);
  const pages = missing > batch ? missing : batch;
  const outer = hdr(H_PRESSURE);
  setHdr(H_PRESSURE, cg);
  pushScan(ACTOR_DIRECT, pages);
  const before = looksAt(nid);
  // A search for few may go as far as one for a batch.
  if (knowsLastUse()) shrinkByAge(1 << nid, (pages > SWAP_CLUSTER_MAX ? pages : SWAP_CLUSTER_MAX) * looksPerMove());
  else tryToFree(1 << nid, false);
  noteSearch(nid, looksAt(nid) - before, sc(SC_NR_RECLAIMED));
  popScan();
  setHdr(H_PRESSURE, outer);
}

/** Whether nothing can leave node `nid` but by exchange: what is below is full, there is no swap, and nothing that could be dropped. */
export function isStuck(nid: i32): boolean {
  if (!mayTrade() || swapAvailable(0)) return false;
  for (let t: i32 = 0; t < hdr(H_NR_NODES); t++) {
    if (t !== nid && node(t, N_TIER) <= node(nid, N_TIER)) continue;
    if (t !== nid && watermarkOk(t, 0, node(t, N_WMARK_MIN))) return false;
    for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG); cg++) {
      for (let list: i32 = LRU_INACTIVE_FILE; list <= LRU_ACTIVE_FILE; list++)
        if (lruSize(lruvecOf(t, cg), list) > 0) return false;
    }
  }
  return true;
}
/**
 * The page at `vpn`, isolated, comes to node `nid` in exchange for the coldest there that is not in use and may be where it is, found within as many
 * looks as a move is worth, in the name of group `cg`. Returns whether it did.
 */
export function takePlace(nid: i32, vpn: i32, cg: i32): boolean {
  const outer = hdr(H_PRESSURE);
  setHdr(H_PRESSURE, cg);
  pushScan(ACTOR_DIRECT, 1);
  // What cannot change places stays where it is.
  setSc(SC_PROACTIVE, 1);
  setSc(SC_MAY_EVICT, 0);
  setSc(SC_TRADE, vpn + 1);
  const before = looksAt(nid);
  shrinkByAge(1 << nid, looksPerMove());
  const done = sc(SC_TRADE) === 0;
  noteSearch(nid, looksAt(nid) - before, done ? 1 : 0);
  popScan();
  setHdr(H_PRESSURE, outer);
  return done;
}
