/**
 * What things cost, in nanoseconds: the one place that placement, promotion and refaults ask. The words are set when a memory
 * is opened (memory/prices.ts says from what).
 *
 * A use that the engine sees is a look-up of a page; how many accesses to memory follow it is said by whoever looks it up (uses.ts), or
 * for all (H_PRICE_TOUCH). What a use costs more on node `a` than on node `b` is their difference of latency so many times.
 */
import {
  H_NR_NODES,
  H_PRICE_LOOK,
  H_PRICE_MOVE,
  H_PRICE_TOUCH,
  H_USE_LIMIT,
  hdr,
  N_LATENCY,
  N_SEARCH_FOUND,
  N_SEARCH_LOOKS,
  N_TIER,
  N_WMARK_HIGH,
  node,
  setHdr,
  setNode,
} from "./layout.ts";
import { toI32 } from "./machine.ts";
import { watermarkOk } from "./page-alloc.ts";
import { SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { countsUses, MAX_USES } from "./uses.ts";

const MAX_PRICE: i32 = 0x3fffffff;
/** ns: an access to the fastest node, and how much slower each tier below is; a move, a look. */
const LATENCY: i32 = 100;
const SLOWER: i32 = 3;
const MOVE: i32 = 2000;
const LOOK: i32 = 50;

/** What a counted use of a page on node `from` costs more than on node `to`, ns; less than nothing if it is the other way round. */
export function gainOfUse(from: i32, to: i32): f64 {
  const each: f64 = node(from, N_LATENCY) - node(to, N_LATENCY);
  return hdr(H_PRICE_TOUCH) !== 0 ? each * hdr(H_PRICE_TOUCH) : each;
}
/** Whether accesses to node `to` are faster than those to node `from`. */
export function isFaster(to: i32, from: i32): boolean {
  return node(to, N_LATENCY) < node(from, N_LATENCY);
}
/** What it costs to move `pages` to another node, ns. */
export function priceOfMove(pages: i32): f64 {
  const each: f64 = hdr(H_PRICE_MOVE);
  return each * pages;
}

/** What things cost until it is said: round figures, each tier three times as slow as the one above it. */
export function defaultPrices(): void {
  let fastest: i32 = 0x7fffffff;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) if (node(nid, N_TIER) < fastest) fastest = node(nid, N_TIER);
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    let ns: i32 = LATENCY;
    for (let t: i32 = fastest; t < node(nid, N_TIER) && ns < MAX_PRICE / SLOWER; t++) ns *= SLOWER;
    setNode(nid, N_LATENCY, ns);
  }
  setPrices(MOVE, LOOK, 0);
}
/** Latency of node `nid`, ns. */
export function setLatency(nid: i32, ns: i32): void {
  setNode(nid, N_LATENCY, ns);
}
/** What a move of a page and a look at one cost, ns, and how many accesses to memory a use stands for; 0: each for those that it is said to be. */
export function setPrices(move: i32, look: i32, touch: i32): void {
  setHdr(H_PRICE_LOOK, look);
  setHdr(H_PRICE_MOVE, move);
  setHdr(H_PRICE_TOUCH, touch);
  notePrices();
}
/** Pages that can be looked at for the price of moving one. */
export function looksPerMove(): i32 {
  const look = hdr(H_PRICE_LOOK) > 0 ? hdr(H_PRICE_LOOK) : 1;
  const looks = (hdr(H_PRICE_MOVE) / look) | 0;
  return looks > 1 ? looks : 1;
}
/**
 * What it costs to find a page on node `nid` that can make way, as of late, ns: all looks by all that were found, `least` if fewer. A lap that found nothing
 * took the marks off what it passed, and is paid for by what is found after it.
 */
function priceOfSearch(nid: i32, least: i32): f64 {
  const looks: f64 = node(nid, N_SEARCH_LOOKS);
  const found = node(nid, N_SEARCH_FOUND);
  return (looks * hdr(H_PRICE_LOOK)) / (found > least ? found : least);
}
/** What it costs to make room for `pages` on node `nid`: to find as many that make way, and to move them. */
export function priceOfRoom(nid: i32, pages: i32): f64 {
  return priceOfMove(pages) + priceOfSearch(nid, 1) * pages;
}
/**
 * In accesses, what a place on node `to`, not on node `below`, is worth at most to a page of which nothing is known, and each use of which is `by` accesses: if it begins below it
 * comes up when it has cost the price of that, and for that price. However much it is used afterwards says nothing of where it is to begin.
 */
export function mostWorth(to: i32, below: i32, by: i32): f64 {
  return 2 * ((priceOfMove(1) + priceOfRoom(to, 1)) / gainOfUse(below, to) + by);
}
/** The same of pages of which there are always more to come, as new ones: what is looked for is a batch, and whatever was in vain is paid for by as many. */
export function priceInBatch(nid: i32, pages: i32): f64 {
  return priceOfMove(pages) + priceOfSearch(nid, SWAP_CLUSTER_MAX) * pages;
}
/** A period has passed: what was dear to find may not be any more. */
export function forgetSearches(): void {
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++)
    setNode(nid, N_SEARCH_LOOKS, node(nid, N_SEARCH_LOOKS) - (node(nid, N_SEARCH_LOOKS) >> 3));
}
/** So many looks on node `nid` found so many pages that could make way. What was before counts for seven eighths. */
export function noteSearch(nid: i32, looks: f64, found: i32): void {
  setNode(nid, N_SEARCH_LOOKS, recent(node(nid, N_SEARCH_LOOKS), looks));
  setNode(nid, N_SEARCH_FOUND, recent(node(nid, N_SEARCH_FOUND), found));
}
function recent(sum: i32, more: f64): i32 {
  const now = sum - (sum >> 3) + more;
  return now < MAX_PRICE ? toI32(now) : MAX_PRICE;
}
/** Whether `pages` that come to node `to` push nothing out: room far above high is nobody's; a batch above it kswapd may have just made. */
export function hasSpare(to: i32, pages: i32): boolean {
  return watermarkOk(to, 0, node(to, N_WMARK_HIGH) + 2 * SWAP_CLUSTER_MAX + pages - 1);
}
/** Note from how many uses on a page may be worth a move to any faster node, and another one a move down for it. */
export function notePrices(): void {
  let limit: f64 = MAX_USES;
  for (let from: i32 = 0; from < hdr(H_NR_NODES); from++) {
    for (let to: i32 = 0; to < hdr(H_NR_NODES); to++) {
      if (node(to, N_TIER) >= node(from, N_TIER)) continue;
      const uses = (priceOfMove(1) + (hasSpare(to, 1) ? 0 : priceOfRoom(to, 1))) / gainOfUse(from, to);
      if (uses > 0 && uses < limit) limit = Math.ceil(uses);
    }
  }
  if (!countsUses()) setHdr(H_USE_LIMIT, 0);
  else setHdr(H_USE_LIMIT, toI32(limit));
}
