/**
 * Counters, with the names and meanings of /proc/vmstat (and of a node's vmstat and a cgroup's memory.stat). Counts are
 * base pages of 4 KiB unless the name counts events. Each is kept three times: for the whole memory, for the node it
 * concerns, and for the group it concerns. Gauges (nr_*) are read from lists and nodes when asked for, so they cannot
 * drift; see vmstat-names.ts for the names in order.
 */
import { statGlobal, statMemcg, statNode } from "./layout.ts";
import { ldf, stf } from "./machine.ts";

export const PGFAULT: i32 = 0;
export const PGMAJFAULT: i32 = 1;
export const PGALLOC_NORMAL: i32 = 2;
export const PGFREE: i32 = 3;
export const PGACTIVATE: i32 = 4;
export const PGDEACTIVATE: i32 = 5;
export const PGREFILL: i32 = 6;
export const PGSCAN_KSWAPD: i32 = 7;
export const PGSCAN_DIRECT: i32 = 8;
export const PGSCAN_PROACTIVE: i32 = 9;
export const PGSCAN_ANON: i32 = 10;
export const PGSCAN_FILE: i32 = 11;
export const PGSTEAL_KSWAPD: i32 = 12;
export const PGSTEAL_DIRECT: i32 = 13;
export const PGSTEAL_PROACTIVE: i32 = 14;
export const PGSTEAL_ANON: i32 = 15;
export const PGSTEAL_FILE: i32 = 16;
export const PGDEMOTE_KSWAPD: i32 = 17;
export const PGDEMOTE_DIRECT: i32 = 18;
export const PGDEMOTE_PROACTIVE: i32 = 19;
export const PGPROMOTE_SUCCESS: i32 = 20;
export const PGPROMOTE_CANDIDATE: i32 = 21;
export const PGPROMOTE_CANDIDATE_NRL: i32 = 22;
export const PGMIGRATE_SUCCESS: i32 = 23;
export const PGMIGRATE_FAIL: i32 = 24;
export const THP_MIGRATION_SUCCESS: i32 = 25;
export const THP_MIGRATION_FAIL: i32 = 26;
export const THP_MIGRATION_SPLIT: i32 = 27;
export const THP_FAULT_ALLOC: i32 = 28;
export const THP_FAULT_FALLBACK: i32 = 29;
export const THP_SPLIT_PAGE: i32 = 30;
export const THP_SWPOUT_FALLBACK: i32 = 31;
export const PSWPIN: i32 = 32;
export const PSWPOUT: i32 = 33;
export const NUMA_HIT: i32 = 34;
export const NUMA_MISS: i32 = 35;
export const NUMA_FOREIGN: i32 = 36;
export const NUMA_INTERLEAVE: i32 = 37;
export const NUMA_PTE_UPDATES: i32 = 38;
export const NUMA_HINT_FAULTS: i32 = 39;
export const NUMA_PAGES_MIGRATED: i32 = 40;
export const WORKINGSET_REFAULT_ANON: i32 = 41;
export const WORKINGSET_REFAULT_FILE: i32 = 42;
export const WORKINGSET_ACTIVATE_ANON: i32 = 43;
export const WORKINGSET_ACTIVATE_FILE: i32 = 44;
export const WORKINGSET_RESTORE_ANON: i32 = 45;
export const WORKINGSET_RESTORE_FILE: i32 = 46;
export const ALLOCSTALL_NORMAL: i32 = 47;
export const PAGEOUTRUN: i32 = 48;
export const UNEVICTABLE_PGS_CULLED: i32 = 49;
export const COMPACT_FAIL: i32 = 50;
export const OOM: i32 = 51;
export const LOW: i32 = 52;
export const HIGH: i32 = 53;
export const MAX: i32 = 54;
export const PGDISCARD: i32 = 55;
export const PGBALANCE: i32 = 56;
export const SWAP_DISCARD: i32 = 57;
export const SWAP_READ_ERROR: i32 = 58;
export const SWAP_WRITE_ERROR: i32 = 59;
export const POLICY_VIOLATIONS: i32 = 60;
export const ROOM_VIOLATIONS: i32 = 61;
export const PGRELOCATE: i32 = 62;
export const ZSWPIN: i32 = 63;
export const ZSWPOUT: i32 = 64;
export const ZSWPWB: i32 = 65;
export const ZSWAP_REJECT_COMPRESS_POOR: i32 = 66;
export const ZSWAP_POOL_LIMIT_HIT: i32 = 67;
export const PGEXCHANGE: i32 = 68;
export const PSWPREAD: i32 = 69;
export const PGPROMOTE_JUDGED: i32 = 70;
export const TAKEOVER: i32 = 71;
export const NR_VM_EVENTS: i32 = 72;

/** Count `delta` on the whole memory, on node `nid` (unless negative) and on group `cg` (unless negative). */
export function count(item: i32, nid: i32, cg: i32, delta: i32): void {
  const g = statGlobal(item);
  stf(g, ldf(g) + delta);
  if (nid >= 0) {
    const n = statNode(nid, item);
    stf(n, ldf(n) + delta);
  }
  if (cg >= 0) {
    const m = statMemcg(cg, item);
    stf(m, ldf(m) + delta);
  }
}

/** The counter of node `nid`. */
export function nodeCount(nid: i32, item: i32): f64 {
  return ldf(statNode(nid, item));
}
