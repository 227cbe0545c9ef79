/**
 * Room made by the one that needs it, for as much as it is worth (OPT_PROMOTION_PAYS): a batch of the coldest pages goes, found
 * within so many looks as their moves are worth. What it took is noted, and is part of the price of the next (prices.ts).
 */
import { shrinkByAge } from "./coldest.ts";
import { knowsLastUse } from "./last-use.ts";
import { H_PRESSURE, hdr, N_FREE, node, SC_NR_RECLAIMED, sc, setHdr } from "./layout.ts";
import { looksPerMove, noteSearch } from "./prices.ts";
import { ACTOR_DIRECT, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { tryToFree } from "./vmscan.ts";
import { nodeCount, PGREFILL, PGSCAN_KSWAPD } from "./vmstat.ts";

/** Pages of node `nid` that callers' reclaim has looked at. */
function looksAt(nid: i32): f64 {
  return nodeCount(nid, PGSCAN_KSWAPD + ACTOR_DIRECT) + nodeCount(nid, PGREFILL);
}
/** Send down a batch from node `nid`, and what is missing there to `nr` free pages above mark `mark`, in the name of group `cg`. */
export function makeWay(nid: i32, mark: i32, nr: i32, cg: i32): void {
  const missing = node(nid, mark) + nr - node(nid, N_FREE);
  const pages = missing > SWAP_CLUSTER_MAX ? missing : SWAP_CLUSTER_MAX;
  const outer = hdr(H_PRESSURE);
  setHdr(H_PRESSURE, cg);
  pushScan(ACTOR_DIRECT, pages);
  const before = looksAt(nid);
  if (knowsLastUse()) shrinkByAge(1 << nid, pages * looksPerMove());
  else tryToFree(1 << nid, false);
  noteSearch(nid, looksAt(nid) - before, sc(SC_NR_RECLAIMED));
  popScan();
  setHdr(H_PRESSURE, outer);
}
