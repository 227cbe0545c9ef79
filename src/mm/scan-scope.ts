/** What a scan may take, whatever the design of the lists: which types, and how much of a group. */
import { memsOf } from "./cpuset.ts";
import { SC_MAY_DEMOTE, SC_MAY_EVICT, SC_MAY_SWAP, SC_MEMCG, SC_MEMCG_LOW_RECLAIM, sc } from "./layout.ts";
import { toI32 } from "./machine.ts";
import { protectedPages, protectedUsage } from "./memcg.ts";
import { nodeDemotionMask } from "./memory-tiers.ts";
import { allNodes } from "./node.ts";
import { hasRefuge } from "./room.ts";
import { SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { swapAvailable } from "./swap.ts";

/** Whether anonymous pages of a node and group can go anywhere (can_reclaim_anon_pages). */
export function canReclaimAnon(nid: i32, cg: i32): boolean {
  if (sc(SC_MAY_SWAP) !== 0 && sc(SC_MAY_EVICT) !== 0 && swapAvailable(0)) return true;
  if (sc(SC_MAY_EVICT) !== 0 && hasRefuge(nid, cg >= 0 ? memsOf(cg) : allNodes())) return true;
  return sc(SC_MAY_DEMOTE) !== 0 && nodeDemotionMask(nid, cg) !== 0;
}

/** Scale a list's size down by the part of its group that is protected. */
export function protectedScan(cg: i32, size: i32): i32 {
  const kept = protectedPages(cg, sc(SC_MEMCG), sc(SC_MEMCG_LOW_RECLAIM));
  if (kept === 0) return size;
  const usage = protectedUsage(cg);
  const part: f64 = kept < usage ? kept : usage;
  const scan = size - toI32(Math.floor((size * part) / (usage + 1)));
  return scan > SWAP_CLUSTER_MAX ? scan : SWAP_CLUSTER_MAX;
}
