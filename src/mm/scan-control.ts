/**
 * Who reclaims, and the scan controls (struct scan_control). Reclaim may nest: making room on a demotion target while
 * its source is being shrunk. Each depth has its own control and list heads in the segment.
 */
import { BUG_DEPTH } from "./errno.ts";
import {
  H_DEPTH,
  H_SWAP_TRIED,
  hdr,
  MAX_DEPTH,
  NR_SCAN_LISTS,
  SC_ACTOR,
  SC_DISTANT,
  SC_FORCE_DEACTIVATE,
  SC_HOPELESS,
  SC_IGNORE_REFERENCES,
  SC_LIMITED,
  SC_MAY_DEMOTE,
  SC_MAY_EVICT,
  SC_MAY_SWAP,
  SC_MEMCG,
  SC_MEMCG_LOW_RECLAIM,
  SC_MEMCG_LOW_SKIPPED,
  SC_NR_PAGEOUT,
  SC_NR_RECLAIMED,
  SC_NR_SCANNED,
  SC_NR_TO_RECLAIM,
  SC_PRIORITY,
  SC_PROACTIVE,
  SC_QUEUED,
  SC_SKIPPED_DEACTIVATE,
  SC_SPARED,
  SC_TRADE,
  SC_TRIED,
  SC_VACATE,
  SC_WHY,
  scanHead,
  setHdr,
  setSc,
} from "./layout.ts";
import { listInit } from "./list.ts";
import { hostBug } from "./machine.ts";

export const ACTOR_KSWAPD: i32 = 0;
export const ACTOR_DIRECT: i32 = 1;
export const ACTOR_PROACTIVE: i32 = 2;

/** Scanning starts at a 4096th of each list and doubles (DEF_PRIORITY). */
export const DEF_PRIORITY: i32 = 12;
/** Pages in one batch (SWAP_CLUSTER_MAX). */
export const SWAP_CLUSTER_MAX: i32 = 32;
/** Pages that are written together at most, of a request for more than a batch: as many as scratch() has words. */
export const WRITE_MAX: i32 = 64;
/** Fruitless rounds of reclaim after which an allocation, charge or request gives up. */
export const MAX_RECLAIM_RETRIES: i32 = 16;

// List heads of one depth.
export const LIST_SCAN: i32 = 0;
export const LIST_DEMOTE: i32 = 1;
export const LIST_RET: i32 = 2;
export const LIST_SWAP: i32 = 3;
export const LIST_FAILED: i32 = 4;
/** Need not go after all, coldest first. */
export const LIST_SPARED: i32 = 5;
/** Will change places with pages that have to come (exchange.ts). */
export const LIST_PARTNERS: i32 = 6;

/** Enter reclaim: a fresh control that may do everything, for everyone. */
export function pushScan(actor: i32, nrToReclaim: i32): void {
  const depth = hdr(H_DEPTH) + 1;
  if (depth >= MAX_DEPTH) hostBug(BUG_DEPTH, depth, 0);
  setHdr(H_DEPTH, depth);
  // A new request: devices that failed the last one are tried again.
  if (depth === 0) setHdr(H_SWAP_TRIED, 0);
  for (let i: i32 = 0; i < NR_SCAN_LISTS; i++) listInit(scanHead(i));
  setSc(SC_ACTOR, actor);
  setSc(SC_NR_TO_RECLAIM, nrToReclaim);
  setSc(SC_NR_RECLAIMED, 0);
  setSc(SC_NR_SCANNED, 0);
  setSc(SC_NR_PAGEOUT, 0);
  setSc(SC_PRIORITY, DEF_PRIORITY);
  setSc(SC_MAY_SWAP, 1);
  setSc(SC_MAY_DEMOTE, 1);
  setSc(SC_MAY_EVICT, 1);
  setSc(SC_PROACTIVE, actor === ACTOR_PROACTIVE ? 1 : 0);
  setSc(SC_MEMCG, -1);
  setSc(SC_FORCE_DEACTIVATE, 0);
  setSc(SC_IGNORE_REFERENCES, 0);
  setSc(SC_MEMCG_LOW_RECLAIM, 0);
  setSc(SC_MEMCG_LOW_SKIPPED, 0);
  setSc(SC_SKIPPED_DEACTIVATE, 0);
  setSc(SC_HOPELESS, 0);
  setSc(SC_WHY, 0);
  setSc(SC_TRIED, 0);
  setSc(SC_VACATE, 0);
  setSc(SC_SPARED, 0);
  setSc(SC_QUEUED, 0);
  setSc(SC_LIMITED, 0);
  setSc(SC_TRADE, 0);
  setSc(SC_DISTANT, 0);
}
export function popScan(): void {
  setHdr(H_DEPTH, hdr(H_DEPTH) - 1);
}
