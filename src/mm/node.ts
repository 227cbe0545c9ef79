/**
 * Nodes: a range of frames, its watermarks, and who has asked its kswapd for help.
 */
import { everythingChanged, nodeIsHopeless } from "./hopeless.ts";
import {
  H_KSWAPD,
  H_NR_NODES,
  H_PRESSURE,
  hdr,
  N_DISTANCE,
  N_KSWAPD_FAILURES,
  N_KSWAPD_PRIORITY,
  N_MOVABLE,
  N_PAGES,
  N_WAKERS,
  N_WMARK_HIGH,
  N_WMARK_LOW,
  N_WMARK_MIN,
  N_WMARK_PROMO,
  N_ZONELIST,
  node,
  setHdr,
  setNode,
} from "./layout.ts";
import { toI32 } from "./machine.ts";

/** Fruitless kswapd runs after which a node is hopeless and left to direct reclaim (MAX_RECLAIM_RETRIES). */
export const MAX_KSWAPD_FAILURES: i32 = 16;

/** min_free_kbytes as Linux computes it: sqrt(16 x lowmem kB), within 128 and 262144 (calculate_min_free_kbytes). */
export function minFreeKbytes(lowmemPages: i32): i32 {
  const lowmem: f64 = lowmemPages;
  const kb = toI32(Math.floor(Math.sqrt(lowmem * 4 * 16)));
  return kb < 128 ? 128 : kb > 262144 ? 262144 : kb;
}

/**
 * Set min, low, high and promo of every node (__setup_per_zone_wmarks): min is the node's share of min_free_kbytes,
 * or managed/1024 within 32 and 128 for a movable node; the gap between marks is the larger of a quarter of the share
 * and `scale` ten-thousandths of the node.
 */
export function setupWatermarks(minFreeKb: i32, scale: i32): void {
  const n = hdr(H_NR_NODES);
  let lowmem: i32 = 0;
  for (let nid: i32 = 0; nid < n; nid++) if (node(nid, N_MOVABLE) === 0) lowmem += node(nid, N_PAGES);
  const kb = minFreeKb > 0 ? minFreeKb : minFreeKbytes(lowmem);
  const pagesMin: f64 = kb >> 2;
  for (let nid: i32 = 0; nid < n; nid++) {
    const pages = node(nid, N_PAGES);
    const managed: f64 = pages;
    const share = toI32(Math.floor((pagesMin * managed) / lowmem));
    const byScale = toI32(Math.floor((managed * scale) / 10000));
    let min: i32 = share;
    if (node(nid, N_MOVABLE) !== 0) {
      min = pages >> 10;
      min = min < 32 ? 32 : min > 128 ? 128 : min;
    }
    const gap = share >> 2 > byScale ? share >> 2 : byScale;
    setWatermarks(nid, min, min + gap, min + 2 * gap, min + 3 * gap);
  }
}

export function setWatermarks(nid: i32, min: i32, low: i32, high: i32, promo: i32): void {
  setNode(nid, N_WMARK_MIN, min);
  setNode(nid, N_WMARK_LOW, low);
  setNode(nid, N_WMARK_HIGH, high);
  setNode(nid, N_WMARK_PROMO, promo);
  everythingChanged();
}

/** Wake a node's kswapd on behalf of group `cg` (wakeup_kswapd). A hopeless node's stays asleep. */
export function wakeKswapd(nid: i32, cg: i32): void {
  if (node(nid, N_KSWAPD_FAILURES) >= MAX_KSWAPD_FAILURES || nodeIsHopeless(nid)) return;
  const woken = hdr(H_KSWAPD);
  if ((woken & (1 << nid)) === 0) {
    setHdr(H_KSWAPD, woken | (1 << nid));
    setNode(nid, N_KSWAPD_PRIORITY, -1);
    setNode(nid, N_WAKERS, 0);
    setNode(nid, N_WAKERS + 4, 0);
  }
  if (cg >= 0) {
    const field = N_WAKERS + ((cg >> 5) << 2);
    setNode(nid, field, node(nid, field) | (1 << (cg & 31)));
  }
}

/** Whether group `cg` is one of those whose allocations woke this node's kswapd. */
export function isWaker(nid: i32, cg: i32): boolean {
  return (node(nid, N_WAKERS + ((cg >> 5) << 2)) & (1 << (cg & 31))) !== 0;
}

/** Whether the pressure under which reclaim now works was made by group `cg`. */
export function madePressure(cg: i32): boolean {
  const by = hdr(H_PRESSURE);
  return by < -1 ? isWaker(-2 - by, cg) : by === cg;
}

/** Wake node `nid`'s kswapd on behalf of whoever made the pressure under which pages are moved there. */
export function passPressureOn(nid: i32): void {
  const by = hdr(H_PRESSURE);
  wakeKswapd(nid, by);
  if (by >= -1 || (hdr(H_KSWAPD) & (1 << nid)) === 0) return;
  for (let field: i32 = N_WAKERS; field <= N_WAKERS + 4; field += 4) {
    setNode(nid, field, node(nid, field) | node(-2 - by, field));
  }
}

/** Order all nodes by distance from each, ties by number (build_zonelists). */
export function buildZonelists(): void {
  const n = hdr(H_NR_NODES);
  for (let nid: i32 = 0; nid < n; nid++) {
    let used: i32 = 0;
    for (let i: i32 = 0; i < n; i++) {
      let best: i32 = -1;
      for (let c: i32 = 0; c < n; c++) {
        if ((used & (1 << c)) !== 0) continue;
        if (best < 0 || node(nid, N_DISTANCE + (c << 2)) < node(nid, N_DISTANCE + (best << 2))) best = c;
      }
      used |= 1 << best;
      setNode(nid, N_ZONELIST + (i << 2), best);
    }
  }
}

/** The i-th nearest node to `nid`, itself first. */
export function zone(nid: i32, i: i32): i32 {
  return node(nid, N_ZONELIST + (i << 2));
}

/** All nodes of this memory, a bit each. */
export function allNodes(): i32 {
  return (1 << hdr(H_NR_NODES)) - 1;
}
