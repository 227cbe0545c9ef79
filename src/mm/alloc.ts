/**
 * The allocator's slow path (__alloc_pages_slowpath): which node, wake whom, reclaim when.
 *
 * Linux (and the rfc2020 and linux presets) tries every allowed node at its low watermark, nearest first, so that a full
 * DRAM node lets new pages fall through to slower memory before anything is demoted. lieu (OPT_TIER_FIRST) takes the
 * tiers one by one: at low, waking kswapd; at min; then by reclaiming in that tier, which demotes; and only then
 * falls back, because a page that is being touched is a better guess at hot than one that has not been for a while.
 *
 * A node that a policy wishes for goes before all tiers, but making room there is worth it only by sending pages down: where
 * none could go, and another node has room above high, the new page goes there (OPT_ROOM_FIRST).
 */
import { ENOMEM } from "./errno.ts";
import { folioNid } from "./folio.ts";
import { GFP_COLD, GFP_DIRECT_RECLAIM, GFP_KSWAPD_RECLAIM, GFP_LOW, GFP_MEMALLOC, GFP_SETTLE } from "./gfp.ts";
import {
  H_KSWAPD_BATCH,
  H_NR_NODES,
  H_OPTIONS,
  H_PRESSURE,
  hdr,
  N_FREE,
  N_TIER,
  N_WMARK_HIGH,
  N_WMARK_LOW,
  N_WMARK_MIN,
  N_WMARK_PROMO,
  node,
  setHdr,
} from "./layout.ts";
import { lowestBit } from "./machine.ts";
import { nearest, nextDemotionNode, nodeDemotionMask } from "./memory-tiers.ts";
import { pagesOf } from "./middle.ts";
import { allocTarget, demoteGfp } from "./migrate.ts";
import { wakeKswapd, zone } from "./node.ts";
import { loseOlder, losesByAge, lostOn, takeLost } from "./older-half.ts";
import { OPT_TIER_FIRST } from "./options.ts";
import { takeBlock, watermarkOk } from "./page-alloc.ts";
import { roomBelow, roomFirst } from "./room.ts";
import { ACTOR_DIRECT, MAX_RECLAIM_RETRIES, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { tryToFree } from "./vmscan.ts";
import { ALLOCSTALL_NORMAL, COMPACT_FAIL, count, NUMA_FOREIGN, NUMA_HIT, NUMA_MISS, OOM } from "./vmstat.ts";

/**
 * Take 2^order frames for group `cg` on a node of `mask`, starting from node `first`; `chosen`: first was named by a
 * policy and goes before faster ones. Returns the head frame or -ENOMEM.
 */
export function allocPages(order: i32, gfp: i32, first: i32, chosen: boolean, mask: i32, cg: i32): i32 {
  const outer = hdr(H_PRESSURE);
  setHdr(H_PRESSURE, cg);
  let f: i32 = (gfp & GFP_LOW) !== 0 ? allocLow(order, first, mask, cg) : -1;
  const low = f >= 0;
  if ((gfp & GFP_MEMALLOC) !== 0) f = takeReserve(first, mask);
  else if (f < 0 && (hdr(H_OPTIONS) & OPT_TIER_FIRST) !== 0) f = allocByTier(order, gfp, first, chosen, mask, cg);
  else if (f < 0) f = allocWithin(order, gfp, first, mask, cg);
  setHdr(H_PRESSURE, outer);
  if (f < 0) {
    if (order > 0) count(COMPACT_FAIL, -1, cg, 1);
    else if ((gfp & GFP_DIRECT_RECLAIM) !== 0) count(OOM, -1, cg, 1);
    return ENOMEM;
  }
  noteNode(low ? folioNid(f) : first, f, order, cg);
  return f;
}

/** The fastest tier first, but for what is to be elsewhere (OPT_TIER_FIRST). Returns the head frame or a negative number. */
function allocByTier(order: i32, gfp: i32, first: i32, chosen: boolean, mask: i32, cg: i32): i32 {
  let f: i32 = (gfp & GFP_SETTLE) !== 0 ? allocWhereRoomIs(order, first, mask, cg) : -1;
  let left: i32 = mask;
  if (f < 0 && (gfp & (GFP_COLD | GFP_SETTLE)) !== 0) f = allocCold(order, gfp, first, mask, cg);
  else if (f < 0 && chosen) {
    f = allocChosen(order, gfp, first, mask, cg);
    left &= ~(1 << first);
  }
  while (f < 0 && left !== 0) {
    const tier = fastestTier(left);
    f = allocWithin(order, gfp, first, tier, cg);
    left &= ~tier;
  }
  return f;
}

/** Take frames on the node to which pages go down from node `first`, as one that comes down would. Returns the head frame or a negative number. */
function allocLow(order: i32, first: i32, mask: i32, cg: i32): i32 {
  const below = nodeDemotionMask(first, cg) & mask;
  return below !== 0 ? allocTarget(nextDemotionNode(first, below), order, demoteGfp()) : -1;
}

/** Whether no node of `mask` has a frame above its min watermark. */
export function isAtMin(mask: i32): boolean {
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const nid = lowestBit(m);
    if (watermarkOk(nid, 0, node(nid, N_WMARK_MIN))) return false;
  }
  return true;
}
/** Take a frame of what the nodes of `mask` keep in reserve, half of it at most, the nearest first. Returns it or -1. */
function takeReserve(first: i32, mask: i32): i32 {
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(first, i);
    if ((mask & (1 << nid)) !== 0 && watermarkOk(nid, 0, node(nid, N_WMARK_MIN) >> 1)) return takeBlock(nid, 0);
  }
  return -1;
}
/** A frame of node `nid`'s reserve was taken for group `cg`, and what it needs to be filled up again is there now: reclaim as much. */
export function fillReserve(nid: i32, cg: i32): void {
  const outer = hdr(H_PRESSURE);
  setHdr(H_PRESSURE, cg);
  count(ALLOCSTALL_NORMAL, -1, cg, 1);
  pushScan(ACTOR_DIRECT, 1);
  tryToFree(1 << nid, false);
  popScan();
  setHdr(H_PRESSURE, outer);
}

/** Take frames on node `first`, or else, rather than push pages out of it, where there is room. Returns the head frame or -1. */
function allocChosen(order: i32, gfp: i32, first: i32, mask: i32, cg: i32): i32 {
  const others = mask & ~(1 << first);
  if (roomFirst() && others !== 0) {
    let f = takeAbove(order, first, 1 << first, N_WMARK_LOW);
    if (f < 0 && !roomBelow(first)) f = takeAbove(order, first, others, N_WMARK_HIGH);
    if (f >= 0) return f;
  }
  return allocWithin(order, gfp, first, 1 << first, cg);
}

/**
 * Take frames where nobody has to make room, on the fastest tier first. A node that others took below its low watermark is not
 * left there. Returns the head frame or -1.
 */
function allocWhereRoomIs(order: i32, first: i32, mask: i32, cg: i32): i32 {
  let f: i32 = -1;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    if ((mask & (1 << nid)) !== 0 && node(nid, N_FREE) < node(nid, N_WMARK_LOW)) wakeKswapd(nid, cg);
  }
  for (let left: i32 = mask; f < 0 && left !== 0; ) {
    const tier = fastestTier(left);
    f = takeAbove(order, first, tier, N_WMARK_LOW);
    left &= ~tier;
  }
  return f;
}

/**
 * Take frames for a page that is known to be cold. Where the top tier has more free than kswapd keeps for promotions, they
 * are its; otherwise the slowest tier makes room, and only if it cannot, those above. A slowest tier that is small beside
 * the top one is no place to wait in: pages would leave it again before they could be found hot. Returns the head frame or -1.
 */
function allocCold(order: i32, gfp: i32, first: i32, mask: i32, cg: i32): i32 {
  const slow = slowestTier(mask);
  let f = takeAbove(order, first, fastestTier(mask), N_WMARK_PROMO);
  if (pagesOf(slow) < pagesOf(fastestTier(mask)) >> 2) return f;
  // Any room goes before making some.
  for (let left: i32 = roomFirst() ? mask : 0; f < 0 && left !== 0; ) {
    const tier = slowestTier(left);
    f = takeAbove(order, nearest(first, tier), tier, left === mask ? N_WMARK_LOW : N_WMARK_HIGH);
    left &= ~tier;
  }
  // Down to min, which a thread makes room on meanwhile: the program waits for no device as long as there is some.
  if (f < 0 && reclaimsBeside()) f = allocWithin(order, gfp & ~GFP_DIRECT_RECLAIM, nearest(first, slow), slow, cg);
  if (f < 0 && order === 0) f = takeFromOlder(first, mask);
  for (let left: i32 = mask; f < 0 && left !== 0; ) {
    const tier = slowestTier(left);
    f = allocWithin(order, gfp, nearest(first, tier), tier, cg);
    left &= ~tier;
  }
  return f;
}

/** Whether a thread reclaims beside the program: it has said how much it does at once (runtime/kswapd.ts). */
function reclaimsBeside(): boolean {
  return hdr(H_KSWAPD_BATCH) > 0;
}
/** Take a frame for one of the older half of all, wherever it is, that is lost for it (older-half.ts). Returns it or -1. */
function takeFromOlder(first: i32, mask: i32): i32 {
  const slow = slowestTier(mask);
  if (slow === mask) return -1;
  let f = takeOfLost(first, mask);
  if (f >= 0 || !losesByAge(mask)) return f;
  loseOlder(mask, slow);
  f = takeAbove(0, nearest(first, slow), slow, N_WMARK_LOW);
  return f >= 0 ? f : takeOfLost(first, mask);
}
function takeOfLost(first: i32, mask: i32): i32 {
  const on = lostOn() & mask;
  if (on === 0) return -1;
  const f = takeAbove(0, first, on, N_WMARK_LOW);
  takeLost(f >= 0);
  return f;
}

/** The nodes of `mask` that share its slowest tier. */
function slowestTier(mask: i32): i32 {
  let left: i32 = mask;
  let tier: i32 = mask;
  while (left !== 0) {
    tier = fastestTier(left);
    left &= ~tier;
  }
  return tier;
}

/** The nodes of `mask` that share its fastest tier. */
function fastestTier(mask: i32): i32 {
  let best: i32 = 0x7fffffff;
  let nodes: i32 = 0;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    if ((mask & (1 << nid)) === 0 || node(nid, N_TIER) > best) continue;
    if (node(nid, N_TIER) < best) nodes = 0;
    best = node(nid, N_TIER);
    nodes |= 1 << nid;
  }
  return nodes;
}

/** Take frames on the nodes of `mask` alone, by all means that `gfp` allows. Returns the head frame or -1. */
function allocWithin(order: i32, gfp: i32, first: i32, mask: i32, cg: i32): i32 {
  let f = takeAbove(order, first, mask, N_WMARK_LOW);
  if (f >= 0) return f;
  if ((gfp & GFP_KSWAPD_RECLAIM) !== 0) wakeAll(mask, cg);
  f = takeAbove(order, first, mask, N_WMARK_MIN);
  if (f >= 0 || (gfp & GFP_DIRECT_RECLAIM) === 0) return f;
  for (let i: i32 = 0; i < MAX_RECLAIM_RETRIES; i++) {
    const progress = directReclaim(order, mask, cg);
    f = takeAbove(order, first, mask, N_WMARK_MIN);
    if (f >= 0 || progress === 0) return f;
  }
  return -1;
}

/** Take frames on the nearest node of `mask` whose free pages stay above a watermark (get_page_from_freelist). */
function takeAbove(order: i32, first: i32, mask: i32, wmark: i32): i32 {
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(first, i);
    if ((mask & (1 << nid)) === 0 || !watermarkOk(nid, order, node(nid, wmark))) continue;
    const f = takeBlock(nid, order);
    if (f >= 0) return f;
  }
  return -1;
}

function wakeAll(mask: i32, cg: i32): void {
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    if ((mask & (1 << nid)) !== 0 && node(nid, N_FREE) <= node(nid, N_WMARK_LOW)) wakeKswapd(nid, cg);
  }
}

/** Reclaim a batch from the nodes of `mask` in the caller's time (try_to_free_pages). Returns the pages reclaimed. */
function directReclaim(order: i32, mask: i32, cg: i32): i32 {
  count(ALLOCSTALL_NORMAL, -1, cg, 1);
  const want = 1 << order > SWAP_CLUSTER_MAX ? 1 << order : SWAP_CLUSTER_MAX;
  pushScan(ACTOR_DIRECT, want);
  const reclaimed = tryToFree(mask, false);
  popScan();
  return reclaimed;
}

function noteNode(first: i32, f: i32, order: i32, cg: i32): void {
  const nid = folioNid(f);
  if (nid === first) {
    count(NUMA_HIT, nid, cg, 1 << order);
    return;
  }
  count(NUMA_MISS, nid, cg, 1 << order);
  count(NUMA_FOREIGN, first, cg, 1 << order);
}
