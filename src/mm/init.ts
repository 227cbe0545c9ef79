/** Setting up a segment: header, nodes, tiers. Everything starts from zeroed memory. */
import { everythingChanged } from "./hopeless.ts";
import {
  attach,
  freeHead,
  H_DATA,
  H_DEPTH,
  H_HINT_PERIOD,
  H_HINT_SIZE,
  H_HOME,
  H_HOT_THRESHOLD,
  H_MAGIC,
  H_NR_FRAMES,
  H_NR_NODES,
  H_NR_PINS,
  H_NR_SLOTS,
  H_NR_VPNS,
  H_OPTIONS,
  H_PRESSURE,
  H_RATE_LIMIT,
  H_RNG,
  H_SWAPPINESS,
  H_VERSION,
  H_ZPOOL_PAGES,
  hdr,
  LAYOUT_VERSION,
  lruHead,
  MAGIC,
  MAX_MEMCG,
  MAX_ORDER,
  N_ADISTANCE,
  N_DISTANCE,
  N_KSWAPD_PRIORITY,
  N_MOVABLE,
  N_PAGES,
  N_START,
  setHdr,
  setNode,
} from "./layout.ts";
import { listInit } from "./list.ts";
import { createMemcg } from "./memcg.ts";
import { buildTiers } from "./memory-tiers.ts";
import { allNodes, buildZonelists } from "./node.ts";
import { freeNode } from "./page-alloc.ts";
import { defaultPrices } from "./prices.ts";
import { initZpool } from "./zsmalloc.ts";

/**
 * Write the header of a fresh segment. `zpages`: pages of the pool of compressed ones, behind the frames; `pins`: records of whose pins are
 * (pins.ts), 0 where they are nobody's; `data`: byte address
 * of frame 0's bytes, 0 if frames have none.
 */
export function initMemory(
  nodes: i32,
  frames: i32,
  vpns: i32,
  slots: i32,
  zpages: i32,
  pins: i32,
  data: i32,
  options: i32,
  seed: i32,
): void {
  setHdr(H_MAGIC, MAGIC);
  setHdr(H_VERSION, LAYOUT_VERSION);
  setHdr(H_NR_NODES, nodes);
  setHdr(H_NR_FRAMES, frames);
  setHdr(H_NR_VPNS, vpns);
  setHdr(H_NR_SLOTS, slots);
  setHdr(H_ZPOOL_PAGES, zpages);
  setHdr(H_NR_PINS, pins);
  setHdr(H_DATA, data);
  setHdr(H_OPTIONS, options);
  setHdr(H_RNG, seed !== 0 ? seed : 1);
  setHdr(H_SWAPPINESS, 60);
  setHdr(H_PRESSURE, -1);
  setHdr(H_DEPTH, -1);
  setHdr(H_HOME, 0);
  setHdr(H_HINT_PERIOD, 1000);
  setHdr(H_HINT_SIZE, 65536);
  setHdr(H_HOT_THRESHOLD, 1000);
  setHdr(H_RATE_LIMIT, 16777216);
  attach();
  if (zpages > 0) initZpool(zpages);
}
/** Describe node `nid`: frames [start, start + pages). Its distances are set by setDistance(). */
export function initNode(nid: i32, start: i32, pages: i32, adistance: i32, movable: i32): void {
  setNode(nid, N_START, start);
  setNode(nid, N_PAGES, pages);
  setNode(nid, N_ADISTANCE, adistance);
  setNode(nid, N_MOVABLE, movable);
  setNode(nid, N_KSWAPD_PRIORITY, -1);
}
/** NUMA distance from one node to another: 10 = local. */
export function setDistance(from: i32, to: i32, distance: i32): void {
  setNode(from, N_DISTANCE + (to << 2), distance);
}
/** All nodes are described: build tiers, zonelists and free lists, and the root group. */
export function finishNodes(): void {
  const n = hdr(H_NR_NODES);
  for (let nid: i32 = 0; nid < n; nid++) {
    for (let o: i32 = 0; o <= MAX_ORDER; o++) listInit(freeHead(nid, o));
    for (let head: i32 = lruHead(nid, 0, 0); head < lruHead(nid, MAX_MEMCG, 0); head++) listInit(head);
    freeNode(nid);
  }
  buildZonelists();
  buildTiers();
  defaultPrices();
  createMemcg(-1, allNodes());
}
/** Set a tunable: one of the H_ words that hold no state (see runtime/engine.ts). */
export function tune(field: i32, value: i32): void {
  setHdr(field, value);
  everythingChanged();
}
