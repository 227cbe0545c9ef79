/**
 * Which of a cache's own pages leave the fast node. The engine would take its coldest pages by its lists; a cache knows
 * better, as it knows what each item is worth. So a cache that fills a node relieves it by itself, just ahead of what it is
 * about to allocate: of a few candidates there, the one of which the most is worth less than a threshold goes one tier down. The threshold
 * moves so that rather more than half of it does (threshold.ts). What comes up again must be worth more than that.
 *
 * A cache that has only a small part of the node leaves this to the engine, which weighs it against the others' pages.
 *
 * All this is for the difference of latencies (mm/prices.ts). Where the nodes below are as fast as the home node there is nothing to be
 * gained: they are one pool, new pages go where room is (mm/settle.ts), and nothing moves.
 */
import { demoteNow } from "../mm/demote.ts";
import { folioHead, folioNid } from "../mm/folio.ts";
import { pinPage, unpinFrame } from "../mm/gup.ts";
import {
  H_HEADROOM,
  H_HEADROOM_WANTED,
  HEADROOM_WANTED,
  hdr,
  N_FREE,
  N_PAGES,
  N_START,
  N_TIER,
  N_WMARK_LOW,
  node,
  pte,
  setHdr,
  V_MEMCG,
  vma,
} from "../mm/layout.ts";
import { ld, lowestBit, st } from "../mm/machine.ts";
import { makeWay } from "../mm/make-way.ts";
import { nodeDemotionMask } from "../mm/memory-tiers.ts";
import { placementMask, policyNode } from "../mm/mempolicy.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { isFaster } from "../mm/prices.ts";
import { SWAP_CLUSTER_MAX } from "../mm/scan-control.ts";
import { swapAvailable } from "../mm/swap.ts";
import { needBreak, writesLater } from "../mm/writeback.ts";
import { bodyOwner, bodyVpn, firstOfBody, nextPage } from "./body.ts";
import { carryWithin } from "./carry.ts";
import { takeCut } from "./cut-short.ts";
import { slotOf } from "./directory.ts";
import { lastAge } from "./history.ts";
import { BIT_DEAD, bits, bodyPages, I_HASH } from "./item.ts";
import {
  LOW,
  locAddr,
  PAGE_GRANULES,
  pageOfLoc,
  SEG_CLOSED,
  SG_CURSOR,
  SG_LIVE,
  SG_STATE,
  SG_USED,
  ST_BUSY,
  ST_CUT_MOST,
  ST_CUT_SORT,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_LOG_PAGES,
  ST_SEG_SHIFT,
  ST_SINK,
  ST_SINK_PAGE,
  ST_SINK_WORTH,
  STREAM_HEADS,
  seg,
  streamOf,
  vpnOfLoc,
} from "./layout.ts";
import { inNodes, isOn } from "./meta.ts";
import { neededSooner } from "./pace.ts";
import { risePays } from "./pays.ts";
import { randomBelow } from "./random.ts";
import { density, NO_THETA } from "./rank.ts";
import { releaseIfEmpty } from "./remove.ts";
import { lastScore, othersColdest, randomPageOn, segBelow } from "./sample.ts";
import { skim } from "./skim.ts";
import { holesIfSunk, regrettedPart, sortSeg, stayingPart } from "./sort.ts";
import { movedBy } from "./threshold.ts";

/** Candidates for each choice, how often one may be picked that is none, and frames looked at for one of the store's pages. */
const CANDIDATES: i32 = 16;
const MISSES: i32 = 96;
const LOOKS: i32 = 64;
/** Of a segment of which fewer 256ths would go, half goes: the threshold is put to what it is worth on average. Scores of samples are rounded down to the second. */
const LEAST_GOING: i32 = 64;
const SCORE_STEP: i32 = 64;
/** Granules that are carried back at most for each page that went down: all, or three quarters of them. */
const ALL: i32 = 512;
const MOST: i32 = 384;
/** The 256ths of a segment that would be holes below from which on it is sorted: as many as it would be compacted for there (evict.ts). */
const MANY_HOLES: i32 = 24;
/** Of so many items that are not brought up one has the home node looked at: that costs about as much as a rise. */
const TURNED_DOWN: i32 = 32;
/** Pages of a body that are gone through at once. */
const STEP: i32 = 1024;
/** Pages of {@link headroom}: what a few segments take; and what is written while a thread has its turn. */
const MIN_HEADROOM: i32 = 16;
const MAX_HEADROOM: i32 = 1024;
/** Pages of {@link spareOf} at least. */
const LEAST_SPARE: i32 = 4;
/** Choices that may come to nothing before it is left to the engine. */
const PATIENCE: i32 = 8;

/** The node that the store's new pages go to, as long as there is room. */
export function homeNode(c: i32): i32 {
  const data = ld(c + ST_DATA_VMA);
  return policyNode(data, ld(c + ST_DATA_START), 0, placementMask(data));
}

/** Whether an access to the nodes below the home node, where the store's pages may go, costs no more than one to that. */
export function isPool(c: i32): boolean {
  const nid = homeNode(c);
  const below = nodeDemotionMask(nid, vma(ld(c + ST_DATA_VMA), V_MEMCG));
  for (let m: i32 = below; m !== 0; m &= m - 1) if (isFaster(nid, lowestBit(m))) return false;
  return below !== 0;
}

/** Pages above low that are kept free of a home node where room is made ahead (headroom.ts): a 64th of it, within bounds. */
export function headroom(nid: i32): i32 {
  const part = node(nid, N_PAGES) >> 6;
  return part < MIN_HEADROOM ? MIN_HEADROOM : part > MAX_HEADROOM ? MAX_HEADROOM : part;
}

/** And below so many programs help to make some. */
export function leastHeadroom(nid: i32): i32 {
  return headroom(nid) >> 1;
}

/** Pages that are kept free of a node for what moves: of a segment, or of a small node a 64th. */
function spareOf(c: i32, nid: i32): i32 {
  const all = 1 << ld(c + ST_SEG_SHIFT);
  const part = node(nid, N_PAGES) >> 6;
  const some = part < LEAST_SPARE ? LEAST_SPARE : part;
  return some < all ? some : all;
}

/** Pages above low that may be free of a node that the store fills: what is kept so, and what comes free with a segment that sinks. More is room that nobody needs. */
function keptFree(c: i32, nid: i32): i32 {
  if (inNodes(c) << 2 < node(nid, N_PAGES)) return 0;
  return spareOf(c, nid) + (2 << ld(c + ST_SEG_SHIFT)) + (hdr(H_HEADROOM) !== 0 ? headroom(nid) : 0);
}

/** Relieving moves items, which takes room itself: once is enough. */
let sinking: boolean = false;

/** `pages` pages are about to be taken of a node, of which so many above low are free then: if that is little, say so; if it is by who does not make room himself, he is to help. */
function askForHeadroom(nid: i32, above: i32, pages: i32): void {
  if (above <= leastHeadroom(nid) && !writesLater()) setHdr(H_HEADROOM_WANTED, HEADROOM_WANTED + pages);
  else if (above <= headroom(nid) && hdr(H_HEADROOM_WANTED) === 0) setHdr(H_HEADROOM_WANTED, HEADROOM_WANTED);
}
/**
 * `pages` pages are about to be allocated: see that they find room on the home node without anybody reclaiming. Returns false
 * if there is none to be made, as the nodes below are full too.
 */
export function relieve(c: i32, pages: i32): boolean {
  const nid = homeNode(c);
  const data = ld(c + ST_DATA_VMA);
  const spare = pages + spareOf(c, nid);
  if (hdr(H_HEADROOM) !== 0) askForHeadroom(nid, node(nid, N_FREE) - spare - node(nid, N_WMARK_LOW), pages);
  if (sinking || node(nid, N_FREE) - spare > node(nid, N_WMARK_LOW)) return true;
  const below = nodeDemotionMask(nid, vma(data, V_MEMCG));
  if (below === 0 && !swapAvailable(1)) return true;
  if (isPool(c)) return roomBelow(c, below);
  if (inNodes(c) << 2 < node(nid, N_PAGES)) return true;
  sinking = true;
  let tries: i32 = PATIENCE;
  let room: boolean = true;
  let first: boolean = true;
  while (tries > 0 && room && (first || !needBreak()) && node(nid, N_FREE) - spare <= node(nid, N_WMARK_LOW)) {
    first = false;
    // What is others', and has not earned the node, goes first: the engine takes the coldest, whosoever it is.
    if (othersColdest(c, node(nid, N_START), node(nid, N_PAGES)) >= 0) {
      makeWay(nid, N_WMARK_LOW, spare + 1, vma(data, V_MEMCG), SWAP_CLUSTER_MAX);
      tries--;
      continue;
    }
    room = roomBelow(c, below);
    const moved = room ? sinkOne(c, nid) : 0;
    if (moved === 0) tries--;
    else if (moved < 0) tries = 0;
  }
  sinking = false;
  return room;
}
/** Whether {@link relieve} would have something go down to another node. */
export function willSink(c: i32, pages: i32): boolean {
  const nid = homeNode(c);
  const spare = pages + spareOf(c, nid);
  if (sinking || node(nid, N_FREE) - spare > node(nid, N_WMARK_LOW)) return false;
  if (nodeDemotionMask(nid, vma(ld(c + ST_DATA_VMA), V_MEMCG)) === 0 || isPool(c)) return false;
  return inNodes(c) << 2 >= node(nid, N_PAGES);
}
/** Whether some node of `mask` takes a segment without falling under its low watermark. */
export function roomBelow(c: i32, mask: i32): boolean {
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (node(t, N_FREE) - 2 * spareOf(c, t) > node(t, N_WMARK_LOW)) return true;
  }
  return false;
}

/** Whether a page is on a slower node than the store's new ones. */
export function isLow(c: i32, vpn: i32): boolean {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) === 0) return false;
  const nid = folioNid(folioHead(pteIndex(p)));
  return node(nid, N_TIER) > node(homeNode(c), N_TIER) && isFaster(homeNode(c), nid);
}
/** Demote the least worth of a few candidates on a node. Returns the pages that moved; -1 if none was found there. */
function sinkOne(c: i32, nid: i32): i32 {
  const rest = ld(c + ST_SINK_PAGE) - 1;
  if (rest >= 0) {
    const moved = sinkBody(c, rest, nid);
    if (moved > 0) return moved;
  }
  const begun = ld(c + ST_BUSY) === 0 ? takeCut(c, ST_CUT_SORT) : -1;
  // Sorting goes by whole pages, which cleaning meanwhile may not have.
  if (begun >= 0 && (seg(c, begun, SG_CURSOR) & (PAGE_GRANULES - 1)) === 0) {
    return sortOn(c, begun, nid, ld(c + ST_CUT_MOST));
  }
  if (!pickOn(c, nid)) return -1;
  if (pickedSeg >= 0) return sinkSeg(c, pickedSeg, nid, streamOf(c, pickedSeg) === STREAM_HEADS ? ALL : MOST);
  learn(c, pickedShare, 256);
  const pages = bodyPages(locAddr(c, bodyOwner(c, pickedPage)));
  return sinkBody(c, pages <= STEP ? firstOfBody(c, pickedPage) : pickedPage, nid);
}
/** `gone` 256ths of what was chosen could go, and `regretted` of it was worth more than the rest: the threshold follows. */
function learn(c: i32, gone: i32, regretted: i32): void {
  st(c + ST_SINK, movedBy(ld(c + ST_SINK), gone, regretted, 1));
}
// What was picked: a segment, or if that is -1, a page of a body; how many 256ths of it are worth less than the threshold, -1 = it is a segment of heads; and its mean score.
let pickedSeg: i32 = -1;
let pickedPage: i32 = 0;
let pickedShare: i32 = 0;
let pickedScore: i32 = 0;
function offer(s: i32, page: i32, share: i32, worth: i32): void {
  if (share < pickedShare || (share === pickedShare && worth >= pickedScore)) return;
  pickedSeg = s;
  pickedPage = page;
  pickedShare = share;
  pickedScore = worth;
}
/** Of a few candidates on a node pick the one of which the most is worth less than the threshold. Returns whether one was found. */
function pickOn(c: i32, nid: i32): boolean {
  const log = ld(c + ST_LOG_PAGES);
  const limit = ld(c + ST_SINK);
  let found: i32 = 0;
  pickedShare = -1;
  pickedScore = 0x7fffffff;
  for (let i: i32 = 0; i < MISSES && found < CANDIDATES; i++) {
    const page = randomPageOn(c, nid, LOOKS);
    if (page < 0) break;
    if (page < log) {
      const s = page >>> ld(c + ST_SEG_SHIFT);
      if (seg(c, s, SG_STATE) !== SEG_CLOSED) continue;
      // Heads of bodies that are here: those that sank have left holes.
      if (streamOf(c, s) === STREAM_HEADS) {
        const used = (seg(c, s, SG_USED) >>> 3) - seg(c, s, SG_CURSOR);
        if (seg(c, s, SG_LIVE) > used - (used >> 2)) continue;
        pickedSeg = s;
        pickedShare = -1;
        return true;
      }
      found++;
      const share = segBelow(c, s, limit);
      offer(s, 0, share, lastScore());
    } else {
      const loc = bodyOwner(c, page - log);
      if (loc === 0 || (pte(vpnOfLoc(c, loc)) & PTE_PRESENT) === 0) continue;
      const item = locAddr(c, loc);
      // One that is just being written is no item yet.
      if ((bits(item) & BIT_DEAD) !== 0) continue;
      found++;
      const w = density(c, item);
      offer(-1, page - log, w < limit ? 256 : 0, w);
    }
  }
  if (found === 0) return false;
  if (limit === NO_THETA) {
    st(c + ST_SINK, pickedScore + SCORE_STEP);
    st(c + ST_SINK_WORTH, pickedScore);
  }
  return true;
}
/** The first page of a segment that is not cleaned yet. */
function firstVpn(c: i32, s: i32): i32 {
  return ld(c + ST_DATA_START) + (s << ld(c + ST_SEG_SHIFT)) + (seg(c, s, SG_CURSOR) >>> 9);
}
function sinkSeg(c: i32, s: i32, nid: i32, most: i32): i32 {
  const pages = ((seg(c, s, SG_USED) + 4095) >>> 12) - (seg(c, s, SG_CURSOR) >>> 9);
  const holes = ld(c + ST_BUSY) === 0 ? holesNow(c, s, nid) : -1;
  const limit = ld(c + ST_SINK);
  if (holes >= 0 && pickedShare >= 0) learn(c, 256 - stayingPart(), regrettedPart());
  if (holes >= MANY_HOLES) return sortOn(c, s, nid, pages * most);
  const vpn = firstVpn(c, s);
  let moved: i32 = 0;
  for (let i: i32 = 0; i < pages; i++) if (isOn(vpn + i, nid)) moved += demoteNow(vpn + i);
  // Those of its items that are hot all the same come straight back, in part of the room that this has made.
  skim(c, s, limit, moved * most, true);
  return moved;
}
/** Sort a segment, or go on with it. Returns the pages that came free. */
function sortOn(c: i32, s: i32, nid: i32, most: i32): i32 {
  const free = node(nid, N_FREE);
  sortSeg(c, s, ld(c + ST_SINK), most);
  return node(nid, N_FREE) > free ? node(nid, N_FREE) - free : 0;
}
/** The holes that the segment which was picked would have below; the threshold has to let some of it go. */
function holesNow(c: i32, s: i32, nid: i32): i32 {
  const holes = holesIfSunk(c, s, nid, ld(c + ST_SINK));
  if (holes < 0 || pickedShare < 0 || stayingPart() <= 256 - LEAST_GOING || pickedScore < ld(c + ST_SINK)) return holes;
  st(c + ST_SINK, pickedScore + SCORE_STEP);
  return holesIfSunk(c, s, nid, ld(c + ST_SINK));
}
/** A part of a body, and the rest of it when next a page has to go: what is there of a value only in part serves nobody. */
function sinkBody(c: i32, from: i32, nid: i32): i32 {
  const most = 1 << ld(c + ST_SEG_SHIFT);
  let moved: i32 = 0;
  let page: i32 = from;
  for (let i: i32 = 0; page >= 0 && moved < most && i < STEP; i++) {
    const vpn = bodyVpn(c, page);
    if (isOn(vpn, nid)) moved += demoteNow(vpn);
    page = nextPage(c, page);
  }
  st(c + ST_SINK_PAGE, page < 0 ? 0 : page + 1);
  if (page < 0 && ld(c + ST_BUSY) === 0) sinkHead(c, bodyOwner(c, from), nid);
  return moved;
}
/** A body has sunk: what of the value is beside its head goes after it, with others of the kind. */
export function sinkHead(c: i32, loc: i32, nid: i32): void {
  const item = locAddr(c, loc);
  const stream = streamOf(c, pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT));
  if (!isOn(vpnOfLoc(c, loc), nid) || stream >= LOW) return;
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0) return;
  const pinned = pinPage(vpnOfLoc(c, loc));
  const went = carryWithin(c, LOW + stream, loc, item, slot);
  unpinFrame(pinned);
  if (went) releaseIfEmpty(c, loc);
}

/** Whether an item that was just accessed, and counted as a hit, on node `from` should come up to the home node: that is faster, and there is room, or it is worth more than what sinks. */
export function worthRising(c: i32, loc: i32, from: i32): boolean {
  const nid = homeNode(c);
  if (!isFaster(nid, from)) return false;
  if (node(nid, N_FREE) > node(nid, N_WMARK_LOW) + keptFree(c, nid) + bodyPages(locAddr(c, loc)) + 2) return true;
  const sink = ld(c + ST_SINK);
  const item = locAddr(c, loc);
  if (sink !== NO_THETA && !risePays(c, item, from, nid, sink)) {
    // Where nothing rises nothing sinks, and what is up there would never be known to have cooled.
    if (randomBelow(c, TURNED_DOWN) === 0 && pickOn(c, nid) && pickedShare >= 0) learn(c, pickedShare, 256);
    return false;
  }
  if (sink === NO_THETA || density(c, item) > sink) return true;
  // Or it is needed sooner than what others leave unused there.
  const idle = othersColdest(c, node(nid, N_START), node(nid, N_PAGES));
  return idle >= 0 && neededSooner(c, lastAge(), idle);
}
