/**
 * Room, where it is needed: in the nodes for what comes, in swap for what leaves them, and within the store's limit.
 *
 * What leaves the nodes is what {@link evictSome} would drop if there were no swap, chosen by the same scores, threshold and guard; only
 * that it goes to swap instead (sunk.ts), with its like. So a tier below costs the nodes nothing: they hold what they would hold alone.
 */

import { pinPage, unpinFrame } from "../mm/gup.ts";
import { H_NR_FRAMES, H_SWAP_DISCARDABLE, hdr, pte, V_SWAPPED, vma } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { PTE_PRESENT, PTE_SWAP } from "../mm/page-table.ts";
import { slotsFree, swapAvailable } from "../mm/swap.ts";
import { finishing, writesLater } from "../mm/writeback.ts";
import { bodyOf, bodyOwner, bodyVpn, firstPageOf, isCopy, ownerOf } from "./body.ts";
import { ALL, lookedGranules, remember, SINK_WORST, sinkItem } from "./clean.ts";
import { dropCopy, sinkToCopy } from "./copies.ts";
import { takeCut } from "./cut-short.ts";
import { slotOf } from "./directory.ts";
import {
  CANDIDATES,
  choose,
  chosenBody,
  chosenSeg,
  clean,
  cleanChosen,
  dropBody,
  dropFrom,
  evictSome,
  foundNone,
  LEFT_BATCH,
  makeUse,
  threshold,
  worthLess,
} from "./evict.ts";
import { useHoles } from "./holes.ts";
import { BIT_TTL, bits, I_HASH, inlineGranules } from "./item.ts";
import { knowsTooMuch } from "./known.ts";
import {
  FLAG_TELL,
  kindOf,
  locAddr,
  SEG_CLOSED,
  SG_CURSOR,
  SG_STATE,
  SG_USED,
  ST_BUSY,
  ST_CUT_CLEAN,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FLAGS,
  ST_MAX_PAGES,
  ST_NR_BODIES,
  ST_OPEN,
  ST_SEG_SHIFT,
  ST_SUNK_PAGES,
  STREAM_COLD,
  STREAM_TTL,
  seg,
  streamOf,
  vpnOfLoc,
} from "./layout.ts";
import { anyLeft, giveBack } from "./left.ts";
import { fewSegments } from "./log.ts";
import { held, inNodes, sunkBodies } from "./meta.ts";
import { isPresent } from "./present.ts";
import { randomBelow } from "./random.ts";
import { NO_THETA, score } from "./rank.ts";
import { releaseIfEmpty } from "./remove.ts";
import { othersColdest, randomBodyPage } from "./sample.ts";
import { homeNode, isPool, relieve, sinkHead, willSink } from "./sink.ts";
import { skim } from "./skim.ts";
import { dropSunkSeg, leastSunk, maySink, sinkPages, sinkSeg } from "./sunk.ts";

/** An item's inline part is mostly head if it has fewer granules. */
const HEAD_GRANULES: i32 = 24;
/** Pages that carrying it may take: of a new segment, and of its record. */
const SPARE: i32 = 3;
/** Turns of sending something out to make room for an item, beside two for each page of it. */
export const MOST_TURNS: i32 = 64;

/** The store is at its limit: make some room, first of all in swap. Returns 0 if there is nothing to drop. */
export function evictAnywhere(c: i32): i32 {
  if (ld(c + ST_BUSY) !== 0) return 0;
  if (anyLeft(c)) return evictSome(c, ALL);
  if (dropCopy(c) || useHoles(c) || makeUse(c, ALL) || dropSunk(c)) return 1;
  return evictSome(c, ALL);
}
/** Make room in swap, first of all of what nobody needs. Returns false if nothing of the store is there that could go. */
function dropSunk(c: i32): boolean {
  return dropCopy(c) || useHoles(c) || giveUpSunk(c);
}
/** Give up a large item in swap, or a segment. Returns false if there is none. */
function giveUpSunk(c: i32): boolean {
  const bodies = sunkBodies(c);
  const log = ld(c + ST_SUNK_PAGES);
  if (log + bodies <= 0) return false;
  if (bodies > 0 && ld(c + ST_NR_BODIES) > 0 && randomBelow(c, log + bodies) >= log && dropSunkBody(c)) return true;
  return dropSunkLog(c);
}
/** Give up a segment in swap. Returns false if there is none. */
function dropSunkLog(c: i32): boolean {
  const s = leastSunk(c);
  if (s < 0) return false;
  if ((ld(c + ST_FLAGS) & FLAG_TELL) !== 0) dropFrom(c, s, ALL);
  else dropSunkSeg(c, s);
  return true;
}
/**
 * A segment will be begun. What came up from swap leaves holes in the segments there, which cost no slot, but keep their addresses: these
 * may run out long before slots do. Then one with little left is given up, in time, as it takes the scrubber a while to set it free.
 */
export function keepSegments(c: i32): void {
  if (ld(c + ST_BUSY) === 0 && fewSegments(c) && !useHoles(c)) dropSunkLog(c);
}
/** Drop the large item worth least of a few that have pages in swap. Returns false if none was found. */
function dropSunkBody(c: i32): boolean {
  let best: i32 = -1;
  let least: i32 = 0x7fffffff;
  for (let i: i32 = 0; i < CANDIDATES; i++) {
    const page = randomBodyPage(c);
    if (page < 0 || (pte(bodyVpn(c, page)) & PTE_SWAP) === 0 || isCopy(c, page)) continue;
    const loc = bodyOwner(c, page);
    const w = isPresent(c, loc) ? score(c, locAddr(c, loc)) : NO_THETA;
    if (w >= least) continue;
    least = w;
    best = bodyOf(c, page);
  }
  if (best < 0) return false;
  dropBody(c, best);
  return true;
}

/** Whether the engine should make room, rather than the store in its own pages: what has not been used for the longest is somebody else's. */
export function isOthersTurn(c: i32): boolean {
  return swapAvailable(1) && othersColdest(c, 0, hdr(H_NR_FRAMES)) >= 0;
}
/**
 * See that the home node takes `pages` pages. Where the nodes below are full, too, items go to swap, or, with `drop`, are dropped if it
 * takes none, until `wanted` pages have left the nodes: those of others' may be in the way. Returns false if there is no room.
 */
export function makeRoom(c: i32, pages: i32, wanted: i32, drop: boolean): boolean {
  const made = leaveNodes(c, pages, wanted, drop);
  keepLimit(c);
  return made;
}
function leaveNodes(c: i32, pages: i32, wanted: i32, drop: boolean): boolean {
  const before = inNodes(c);
  // What is sent down may bring as much up, and what is compacted may sink in pieces: there is an end to it, and the engine makes room.
  let turns: i32 = MOST_TURNS + 2 * wanted;
  if (willSink(c, pages + 1)) leaveSpare(c);
  while (!relieve(c, pages + 1)) {
    if (before - inNodes(c) >= wanted || turns-- === 0 || isOthersTurn(c)) return true;
    if (sinkSome(c) === 0 && !(drop && evictSome(c, ALL) !== 0)) return false;
  }
  return true;
}
/** What went down may have taken pages that it did not give back as many of: see that the store holds no more than it may. */
export function keepLimit(c: i32): void {
  const most = ld(c + ST_MAX_PAGES);
  let more: boolean = held(c) > most;
  const before = finishing(true);
  while (more) more = evictAnywhere(c) !== 0 && held(c) > most;
  finishing(before);
}
/** Something is about to go down: what of it is hot takes new pages at first, and these must be within the store's limit. */
function leaveSpare(c: i32): void {
  const most = ld(c + ST_MAX_PAGES) - (1 << ld(c + ST_SEG_SHIFT));
  let more: boolean = held(c) > most;
  while (more) more = evictAnywhere(c) !== 0 && held(c) > most;
}
/**
 * Make some room in the nodes by sending to swap what is worth least there, as {@link evictSome} would choose it; what is worth more
 * stays. Returns 0 if swap takes nothing, or there is nothing to send.
 */
export function sinkSome(c: i32): i32 {
  if (ld(c + ST_BUSY) !== 0) return 0;
  if (anyLeft(c)) return giveBack(c, LEFT_BATCH) ? 1 : 0;
  if (!maySink(c) && !(dropSunk(c) && maySink(c))) return 0;
  makeSlots(c, 2 << ld(c + ST_SEG_SHIFT));
  keepKnown(c);
  if (makeUse(c, ALL)) return 1;
  const rest = takeCut(c, ST_CUT_CLEAN);
  const goesOn =
    rest >= 0 && kindOf(c, rest) < STREAM_TTL && streamOf(c, rest) !== STREAM_COLD && wholeInNodes(c, rest);
  if (!goesOn && !choose(c, true)) return 0;
  const s = goesOn ? rest : chosenSeg();
  if (s < 0) return sinkBody(c, chosenBody());
  const before = inNodes(c);
  if (wholeInNodes(c, s) && kindOf(c, s) < STREAM_TTL) {
    if (streamOf(c, s) === STREAM_COLD) sinkSeg(c, s);
    else if (goesOn) clean(c, s, ALL, SINK_WORST);
    else cleanChosen(c, s, ALL, SINK_WORST);
    if (inNodes(c) < before || writesLater()) return 1;
    // What was gathered takes as much room as was made: it goes as it is, though it would fill its segment later.
    const cold = ld(c + ST_OPEN + (STREAM_COLD << 2)) - 1;
    if (cold >= 0) sinkSeg(c, cold);
    // Looking has moved the threshold at least, so that more goes the next time; or what has holes is less.
    const gone = seg(c, s, SG_STATE) !== SEG_CLOSED;
    return inNodes(c) < before || (streamOf(c, s) !== STREAM_COLD && (lookedGranules() > 0 || gone)) ? 1 : 0;
  }
  // What expires stays with its like; and what is in swap in part is not read for that.
  const carried = skim(c, s, threshold(c), ALL, false);
  if (seg(c, s, SG_STATE) === SEG_CLOSED) sinkSeg(c, s);
  if (inNodes(c) < before || writesLater()) return 1;
  if (carried === 0) return 0;
  // What was worth keeping took as much room as was made.
  foundNone(c);
  return 1;
}
/** See that what is known of what is in swap leaves room in the nodes for the rest: else something there is given up, so much at a time where nodes have become smaller. */
function keepKnown(c: i32): void {
  let turns: i32 = MOST_TURNS;
  while (turns-- > 0 && knowsTooMuch(c)) if (!giveUpSunk(c)) return;
}
/**
 * See that `pages` slots are free, as far as it is for this store to give some up: as often as what could be dropped from slots is its own.
 * The rest is left to the engine, which drops the oldest of all caches' pages, of this one's an item with each.
 */
function makeSlots(c: i32, pages: i32): void {
  const own = vma(ld(c + ST_DATA_VMA), V_SWAPPED);
  const all = hdr(H_SWAP_DISCARDABLE);
  let more: boolean = own > 0 && !slotsFree(pages) && randomBelow(c, all > own ? all : own) < own;
  while (more) more = dropSunk(c) && !slotsFree(pages);
}
function wholeInNodes(c: i32, s: i32): boolean {
  const first = s << ld(c + ST_SEG_SHIFT);
  const pages = (seg(c, s, SG_USED) + 4095) >>> 12;
  for (let i = seg(c, s, SG_CURSOR) >>> 9; i < pages; i++) {
    if ((pte(ld(c + ST_DATA_START) + first + i) & PTE_PRESENT) === 0) return false;
  }
  return true;
}
/** Send a body to swap if it is worth less than the threshold, and move that. Returns whether pages of it went. */
function sinkBody(c: i32, body: i32): i32 {
  const loc = ownerOf(c, body);
  const w = isPresent(c, loc) ? score(c, locAddr(c, loc)) : NO_THETA;
  const go = worthLess(c, w);
  if (!go) return 1;
  const first = firstPageOf(c, body);
  const back = sinkToCopy(c, body);
  const gone = back > 0 ? back : sinkPages(c, first);
  if (gone > 0 && isPresent(c, loc)) remember(c, locAddr(c, loc));
  if (gone > 0) sinkRest(c, loc);
  return gone > 0 ? 1 : 0;
}
/** A body went to swap: what of the value is beside its head goes after it, with what is as cold; of a mere head the node below will do. */
function sinkRest(c: i32, loc: i32): void {
  if (!isPresent(c, loc)) return;
  const item = locAddr(c, loc);
  // What expires stays with its like.
  if (inlineGranules(item) < HEAD_GRANULES || (bits(item) & BIT_TTL) !== 0) {
    if (!isPool(c)) sinkHead(c, loc, homeNode(c));
    return;
  }
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0 || held(c) + SPARE > ld(c + ST_MAX_PAGES)) return;
  const pinned = pinPage(vpnOfLoc(c, loc));
  const went = sinkItem(c, loc, item, slot);
  unpinFrame(pinned);
  if (went) releaseIfEmpty(c, loc);
}
