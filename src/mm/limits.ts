/**
 * Reclaim that somebody asked for: a group over its limit, or a request (mm/memcontrol.c: try_charge, memory.reclaim).
 */
import { ENOMEM } from "./errno.ts";
import { GFP_DIRECT_RECLAIM } from "./gfp.ts";
import {
  C_HIGH,
  C_MAX,
  C_USAGE,
  H_OPTIONS,
  hdr,
  memcg,
  SC_MAY_DEMOTE,
  SC_MAY_EVICT,
  SC_MAY_SWAP,
  SC_MEMCG,
  SC_VACATE,
  setSc,
} from "./layout.ts";
import { hostShare } from "./machine.ts";
import { charge, overHigh, overMax } from "./memcg.ts";
import { allNodes } from "./node.ts";
import { OPT_MEMCG_DEMOTES, OPT_TIER_FIRST } from "./options.ts";
import {
  ACTOR_DIRECT,
  ACTOR_PROACTIVE,
  MAX_RECLAIM_RETRIES,
  popScan,
  pushScan,
  SWAP_CLUSTER_MAX,
} from "./scan-control.ts";
import { tryToFree } from "./vmscan.ts";
import { count, HIGH, MAX, OOM } from "./vmstat.ts";

/** What other shards may be asked for (Host.share): what they do not use; to reclaim their part of it; to reclaim all of it. */
export const SHARE_UNUSED: i32 = 0;
export const SHARE_TURNS: i32 = 1;
export const SHARE_ALL: i32 = 2;

/** Pages that are many for one allocation (PAGE_ALLOC_COSTLY_ORDER). */
const COSTLY_NR: i32 = 8;

/**
 * Charge `nr` pages to group `cg`, reclaiming from whichever ancestor is at its max, if `gfp` allows it
 * (try_charge_memcg). Returns 0 or -ENOMEM, with nothing charged.
 */
export function tryCharge(cg: i32, nr: i32, gfp: i32): i32 {
  for (let i: i32 = 0; ; i++) {
    const over = overMax(cg, nr);
    if (over < 0) break;
    const mayReclaim = (gfp & GFP_DIRECT_RECLAIM) !== 0;
    if (hostShare(over, C_MAX, nr, mayReclaim ? SHARE_TURNS : SHARE_UNUSED) !== 0) continue;
    if (!mayReclaim) return ENOMEM;
    count(MAX, -1, over, 1);
    // Progress may be demotion, which leaves less to demote next time but no room yet. Few pages are worth any number of
    // tries that make some.
    const tries = nr > COSTLY_NR ? i : 0;
    if (tries === MAX_RECLAIM_RETRIES || reclaimMemcg(over, atLeastBatch(nr), 1) === 0) {
      if (hostShare(over, C_MAX, nr, SHARE_ALL) !== 0) continue;
      count(OOM, -1, cg, 1);
      return ENOMEM;
    }
  }
  charge(cg, nr);
  const over = overHigh(cg);
  if (over >= 0 && hostShare(over, C_HIGH, 0, SHARE_TURNS) === 0) {
    count(HIGH, -1, over, 1);
    reclaimMemcg(over, atLeastBatch(memcg(over, C_USAGE) - memcg(over, C_HIGH)), 1);
  }
  return 0;
}
function atLeastBatch(nr: i32): i32 {
  return nr > SWAP_CLUSTER_MAX ? nr : SWAP_CLUSTER_MAX;
}

/**
 * Reclaim from group `cg` until it is under its max and high again, which were set under its usage (memory_max_write,
 * memory_high_write), or nothing more can be reclaimed.
 */
export function enforceLimits(cg: i32): void {
  const high = memcg(cg, C_HIGH);
  const max = memcg(cg, C_MAX);
  const limit = high < max ? high : max;
  let fruitless: i32 = 0;
  while (memcg(cg, C_USAGE) > limit && fruitless < MAX_RECLAIM_RETRIES) {
    const before = memcg(cg, C_USAGE);
    // A quarter at a time, as each call may overshoot by as much as it was asked for.
    reclaimMemcg(cg, atLeastBatch((before - limit) >> 2), 1);
    if (memcg(cg, C_USAGE) >= before) fruitless++;
  }
}

/**
 * Reclaim from a group for its own limit (try_to_free_mem_cgroup_pages). Demotion does not lower a group's usage, so
 * lieu does not demote here, and takes the lowest tier first; Linux demotes and counts that as progress
 * (OPT_MEMCG_DEMOTES). With `maySwap` 0 only discardable pages are taken, and dropped.
 */
function reclaimMemcg(cg: i32, nr: i32, maySwap: i32): i32 {
  const demotes = (hdr(H_OPTIONS) & OPT_MEMCG_DEMOTES) !== 0;
  pushScan(ACTOR_DIRECT, nr);
  setSc(SC_MEMCG, cg);
  // What is to leave a group leaves memory, whatever room there is.
  setSc(SC_VACATE, allNodes());
  setSc(SC_MAY_SWAP, maySwap);
  setSc(SC_MAY_DEMOTE, demotes && maySwap !== 0 ? 1 : 0);
  const reclaimed = tryToFree(allNodes(), (hdr(H_OPTIONS) & OPT_TIER_FIRST) !== 0);
  popScan();
  return reclaimed;
}

/** Modes of proactive reclaim; 0 is any. */
export const RECLAIM_DEMOTE_ONLY: i32 = 1;

export const RECLAIM_NO_DEMOTE: i32 = 2;

/**
 * Reclaim up to `nr` pages on request from the nodes of `mask` and group `cg` (-1: all), as memory.reclaim does: a page
 * that should have been demoted but could not be is put back, not evicted. Demote-only and reclaim-only requests are
 * what the kernel lacks. Returns the pages demoted and freed.
 */
export function reclaimProactive(nr: i32, mask: i32, cg: i32, mode: i32): i32 {
  let done: i32 = 0;
  for (let retries: i32 = MAX_RECLAIM_RETRIES; retries > 0 && done < nr; ) {
    const quarter = (nr - done) >> 2;
    pushScan(
      ACTOR_PROACTIVE,
      quarter > SWAP_CLUSTER_MAX ? quarter : nr - done < SWAP_CLUSTER_MAX ? nr - done : SWAP_CLUSTER_MAX,
    );
    setSc(SC_MEMCG, cg);
    // The nodes that are to be emptied are no place to go to; nor is any, if it is not to be demoted but to be gone.
    setSc(SC_VACATE, mode === RECLAIM_NO_DEMOTE ? allNodes() : mask);
    setSc(SC_MAY_DEMOTE, mode === RECLAIM_NO_DEMOTE ? 0 : 1);
    setSc(SC_MAY_EVICT, mode === RECLAIM_DEMOTE_ONLY ? 0 : 1);
    const r = tryToFree(mask, mode === RECLAIM_NO_DEMOTE);
    popScan();
    done += r;
    if (r === 0) retries--;
  }
  return done;
}
