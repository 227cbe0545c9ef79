/**
 * Which of a cache's own pages leave the fast node. The engine would take its coldest pages by its lists; a cache knows
 * better, as it knows what each item is worth. So a cache that fills a node relieves it by itself, just ahead of what it is
 * about to allocate: of a few candidates there, the one worth least goes one tier down, as whole pages. What comes up
 * again must be worth more than what has to go for it.
 *
 * A cache that has only a small part of the node leaves this to the engine, which weighs it against the others' pages.
 */
import { demoteNow } from "../mm/demote.ts";
import { folioHead, folioNid } from "../mm/folio.ts";
import {
  H_HEADROOM,
  H_HEADROOM_WANTED,
  hdr,
  N_FREE,
  N_PAGES,
  N_WMARK_LOW,
  node,
  pte,
  setHdr,
  V_MEMCG,
  vma,
} from "../mm/layout.ts";
import { ld, lowestBit, st } from "../mm/machine.ts";
import { nodeDemotionMask } from "../mm/memory-tiers.ts";
import { placementMask, policyNode } from "../mm/mempolicy.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { swapAvailable } from "../mm/swap.ts";
import { bodyOwner, bodyVpn, nextPage } from "./body.ts";
import { BIT_DEAD, bits, bodyPages } from "./item.ts";
import {
  locAddr,
  SEG_OPEN,
  SG_CURSOR,
  SG_ITEMS,
  SG_LIVE,
  SG_STATE,
  SG_USED,
  ST_BODIES,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_LOG_HELD,
  ST_SEG_SHIFT,
  ST_SINK,
  STREAM_HEADS,
  seg,
  streamOf,
  vpnOfLoc,
} from "./layout.ts";
import { inNodes } from "./meta.ts";
import { randomBelow } from "./random.ts";
import { density, NO_THETA } from "./rank.ts";
import { randomBodyPage, randomSeg, segScore } from "./sample.ts";
import { skim } from "./skim.ts";

/** Candidates for each choice, and how often one may be picked that is not on the node. */
const CANDIDATES: i32 = 16;
const MISSES: i32 = 96;
/** Items worth this much more than what sinks are carried back: an octave. */
const HOT: i32 = 65536;
/** An item's inline part is mostly head if it has fewer granules. */
const HEAD_GRANULES: i32 = 24;
/** Pages of {@link headroom}: what a few segments take; and what is written while a thread has its turn. */
const MIN_HEADROOM: i32 = 16;
const MAX_HEADROOM: i32 = 1024;
/** Choices that may come to nothing before it is left to the engine. */
const PATIENCE: i32 = 8;

/** The node that the store's new pages go to, as long as there is room. */
export function homeNode(c: i32): i32 {
  const data = ld(c + ST_DATA_VMA);
  return policyNode(data, ld(c + ST_DATA_START), 0, placementMask(data));
}

/** Pages above low that are kept free of a home node where room is made ahead (headroom.ts): a 64th of it, within bounds. */
export function headroom(nid: i32): i32 {
  const part = node(nid, N_PAGES) >> 6;
  return part < MIN_HEADROOM ? MIN_HEADROOM : part > MAX_HEADROOM ? MAX_HEADROOM : part;
}

/** Relieving moves items, which takes room itself: once is enough. */
let sinking: boolean = false;

/**
 * `pages` pages are about to be allocated: see that they find room on the home node without anybody reclaiming. Returns false
 * if there is none to be made, as the nodes below are full too.
 */
export function relieve(c: i32, pages: i32): boolean {
  const nid = homeNode(c);
  const data = ld(c + ST_DATA_VMA);
  const spare = pages + (1 << ld(c + ST_SEG_SHIFT));
  if (hdr(H_HEADROOM) !== 0 && node(nid, N_FREE) - spare <= node(nid, N_WMARK_LOW) + headroom(nid)) {
    setHdr(H_HEADROOM_WANTED, 1);
  }
  if (sinking || node(nid, N_FREE) - spare > node(nid, N_WMARK_LOW)) return true;
  const below = nodeDemotionMask(nid, vma(data, V_MEMCG));
  if (below === 0 && !swapAvailable(1)) return true;
  if (inNodes(c) << 2 < node(nid, N_PAGES)) return true;
  sinking = true;
  let tries: i32 = PATIENCE;
  let room: boolean = true;
  while (tries > 0 && room && node(nid, N_FREE) - spare <= node(nid, N_WMARK_LOW)) {
    room = roomBelow(c, below);
    const moved = room ? sinkOne(c, nid) : 0;
    if (moved === 0) tries--;
    else if (moved < 0) tries = 0;
  }
  sinking = false;
  return room;
}
/** Whether some node of `mask` takes a segment without falling under its low watermark. */
export function roomBelow(c: i32, mask: i32): boolean {
  const pages = 2 << ld(c + ST_SEG_SHIFT);
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (node(t, N_FREE) - pages > node(t, N_WMARK_LOW)) return true;
  }
  return false;
}

function on(vpn: i32, nid: i32): boolean {
  const p = pte(vpn);
  return (p & PTE_PRESENT) !== 0 && folioNid(folioHead(pteIndex(p))) === nid;
}

/** Demote the least worth of a few candidates on a node. Returns the pages that moved; -1 if none was found there. */
function sinkOne(c: i32, nid: i32): i32 {
  const log = ld(c + ST_LOG_HELD);
  const all = log + ld(c + ST_BODIES);
  if (all === 0) return -1;
  let best: i32 = 0;
  let bestSeg: i32 = -1;
  let least: i32 = 0x7fffffff;
  let found: i32 = 0;
  for (let i: i32 = 0; i < MISSES && found < CANDIDATES; i++) {
    if (randomBelow(c, all) < log) {
      const s = randomSeg(c);
      if (s < 0 || seg(c, s, SG_STATE) === SEG_OPEN || mostlyHeads(c, s) || !on(firstVpn(c, s), nid)) continue;
      found++;
      const w = segScore(c, s);
      if (w >= least) continue;
      least = w;
      bestSeg = s;
      best = 0;
    } else {
      const page = randomBodyPage(c);
      if (page < 0 || !on(bodyVpn(c, page), nid)) continue;
      const loc = bodyOwner(c, page);
      if ((pte(vpnOfLoc(c, loc)) & PTE_PRESENT) === 0) continue;
      const item = locAddr(c, loc);
      // One that is just being written is no item yet.
      if ((bits(item) & BIT_DEAD) !== 0) continue;
      found++;
      const w = density(c, item);
      if (w >= least) continue;
      least = w;
      bestSeg = -1;
      best = page;
    }
  }
  if (found === 0) return -1;
  const sink = ld(c + ST_SINK);
  st(c + ST_SINK, sink === NO_THETA ? least : sink + (((least - sink) / 16) | 0));
  return bestSeg >= 0 ? sinkSeg(c, bestSeg) : sinkBody(c, best, nid);
}
/** Heads of large items without much of their values are as good as index: they stay. */
function mostlyHeads(c: i32, s: i32): boolean {
  return streamOf(c, s) === STREAM_HEADS && seg(c, s, SG_LIVE) < seg(c, s, SG_ITEMS) * HEAD_GRANULES;
}
/** The first page of a segment that is not cleaned yet. */
function firstVpn(c: i32, s: i32): i32 {
  return ld(c + ST_DATA_START) + (s << ld(c + ST_SEG_SHIFT)) + (seg(c, s, SG_CURSOR) >>> 9);
}
function sinkSeg(c: i32, s: i32): i32 {
  const pages = ((seg(c, s, SG_USED) + 4095) >>> 12) - (seg(c, s, SG_CURSOR) >>> 9);
  const vpn = firstVpn(c, s);
  let moved: i32 = 0;
  for (let i: i32 = 0; i < pages; i++) moved += demoteNow(vpn + i);
  // Those of its items that are hot all the same come straight back, in part of the room that this has made.
  skim(c, s, ld(c + ST_SINK) + HOT, (moved << 9) >> 1);
  return moved;
}
/** Of a body a part at a time, from a page on. */
function sinkBody(c: i32, from: i32, nid: i32): i32 {
  const most = 1 << ld(c + ST_SEG_SHIFT);
  let moved: i32 = 0;
  let page: i32 = from;
  for (let i: i32 = 0; i < most && page >= 0; i++) {
    const vpn = bodyVpn(c, page);
    if (on(vpn, nid)) moved += demoteNow(vpn);
    page = nextPage(c, page);
  }
  return moved;
}

/** Whether an item that was just accessed should come up to the home node: there is room, or it is worth more than what sinks. */
export function worthRising(c: i32, loc: i32): boolean {
  const nid = homeNode(c);
  if (node(nid, N_FREE) > node(nid, N_WMARK_LOW) + bodyPages(locAddr(c, loc)) + 2) return true;
  const sink = ld(c + ST_SINK);
  return sink === NO_THETA || density(c, locAddr(c, loc)) > sink;
}
