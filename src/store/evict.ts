/**
 * Making room: which segment or large item gives way.
 *
 * A few candidates are picked at random, in proportion to the room that segments and bodies take, and the one with the
 * most garbage goes first: the share of its bytes that are dead or worth less than the threshold. A segment is cleaned
 * (clean.ts): what is worth more is carried forward to a segment of its like. The threshold moves so that rather more than half of
 * what is looked at can go: lower, and cleaning would free nothing; higher, and it would drop what is worth keeping.
 */
import { pte, V_RESIDENT, V_SWAPPED, vma } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { needBreak } from "../mm/writeback.ts";
import { bodyOf, bodyOwner, bodyVpn, ownerOf, sweepOrphan } from "./body.ts";
import {
  ALL,
  cleanSegPage,
  DROP_ALL,
  DROP_WORST,
  dropItem,
  droppedGranules,
  droppedItems,
  KEEP_ALL,
  lookedGranules,
  regrettedGranules,
  startCount,
} from "./clean.ts";
import { noteCut, takeCut } from "./cut-short.ts";
import { dropExpired } from "./expire.ts";
import { loseHead } from "./find.ts";
import { guardStep } from "./guard.ts";
import { bits } from "./item.ts";
import {
  kindOf,
  locAddr,
  PAGE_GRANULES,
  SEG_CLOSED,
  SEG_SUNK,
  SG_CURSOR,
  SG_ITEMS,
  SG_LIVE,
  SG_STATE,
  SG_USED,
  ST_BODIES,
  ST_BUSY,
  ST_CUT_CLEAN,
  ST_CUT_HOLES,
  ST_DATA_VMA,
  ST_FRUITLESS,
  ST_HEADS,
  ST_HOLE_PRICE,
  ST_ITEMS,
  ST_LOG_HELD,
  ST_LOG_LIVE,
  ST_LOG_PAGES,
  ST_NR_BODIES,
  ST_PICKS,
  ST_SEG_SHIFT,
  ST_SUNK_LIVE,
  ST_SUNK_PAGES,
  ST_THETA,
  ST_TOUCHED,
  ST_VICTIM_HAND,
  STREAM_HEADS,
  seg,
  vpnOfLoc,
} from "./layout.ts";
import { anyLeft, giveBack } from "./left.ts";
import { nextUsed, releaseSeg } from "./log.ts";
import { inNodes, sunkBodies } from "./meta.ts";
import { isPresent, look } from "./present.ts";
import { randomBelow } from "./random.ts";
import { NO_THETA, rebuildIfDue, score } from "./rank.ts";
import { lastScore, randomBodyPage, randomPagePresent, randomSeg, segGarbage } from "./sample.ts";
import { leastSunk, settleSunk } from "./sunk.ts";
import { movedBy } from "./threshold.ts";

/** Pages that a clear left behind, to give back when somebody needs room. */
export const LEFT_BATCH: i32 = 64;
/** Candidates for each choice. */
export const CANDIDATES: i32 = 16;
/** Frames that are looked at for one of the store's. */
const LOOKS: i32 = 64;
/** Segments in use that are searched for one that holds anything, or nothing: nearly all hold something. */
const SEARCH: i32 = 4096;
/** After so many choices that freed nothing, it moves faster. */
const IMPATIENT: i32 = 8;
/** After so many, a large item goes whatever it is worth. */
const MAX_FRUITLESS: i32 = 65;
/** A log is compacted once more than 2^-this of it is dead. */
const HOLES: i32 = 5;
/** Or, as long as that is less than 2^-this of what the store has in the nodes, more than 2^-that of the log. */
const FEW_HOLES: i32 = 6;
const MOST_HOLES: i32 = 2;
/** Pages that compacting goes through at most for each page that it frees, and the 256ths of a segment that must be dead for that: as one is of so many pages. */
const COMPACT_PAGES: i32 = 32;
const LEAST_HOLES: i32 = 24;
/** The 256ths of a segment of heads that must be dead for it to be chosen before anything else; and the score of what is chosen last. */
const HEAD_HOLES: i32 = 64;
const LAST: i32 = 0x7ffffffe;
/** Pages that are cleaned at least before somebody who waits has his turn. */
const PIECE: i32 = 2;
/** Pages that are carried as a whole before the threshold goes where something can go. Samples' scores are rounded down to the second. */
const MOST_IN_VAIN: i32 = 32;
const SCORE_STEP: i32 = 64;
/** What a segment that was begun may hold in reserve: not dead, not live. */
const OPEN_PAGES: i32 = 8;

// The candidate that is ahead: a segment, or else a body; -1 = it is none.
let bestSeg: i32 = -1;
let bestBody: i32 = -1;
let bestGarbage: i32 = 0;
let bestScore: i32 = 0;

/** Make some room, or drop at least `drops` items. Returns 0 if there is nothing to drop. */
export function evictSome(c: i32, drops: i32): i32 {
  if (ld(c + ST_BUSY) !== 0) return 0;
  if (anyLeft(c)) {
    giveBack(c, LEFT_BATCH);
    return 1;
  }
  if (makeUse(c, drops)) return 1;
  if (ld(c + ST_ITEMS) === 0) return releaseAny(c);
  if (drops !== ALL && ld(c + ST_SUNK_PAGES) > 0) {
    const s = leastSunk(c);
    if (s >= 0 && dropFrom(c, s, drops) > 0) return 1;
  }
  if (!choose(c, false)) return releaseAny(c);
  if (bestSeg < 0) return evictBody(c, bestBody);
  cleanChosen(c, bestSeg, drops, DROP_WORST);
  return 1;
}
/** What comes before giving anything up: learning, what has expired, and room in holes. Returns whether that made room. */
export function makeUse(c: i32, drops: i32): boolean {
  if (rebuildIfDue(c)) guardStep(c);
  if (dropExpired(c, drops)) return true;
  return drops === ALL && hasHoles(c) && compact(c);
}
/** Whether so much of the log is dead that it is worth compacting: where that is a small part of the store, mere heads, what it loses by holes is little. */
function hasHoles(c: i32): boolean {
  const held = ld(c + ST_LOG_HELD) - ld(c + ST_SUNK_PAGES);
  const dead = (held - OPEN_PAGES) * PAGE_GRANULES - (ld(c + ST_LOG_LIVE) - ld(c + ST_SUNK_LIVE));
  const part = (inNodes(c) * PAGE_GRANULES) >> FEW_HOLES;
  const most = (held * PAGE_GRANULES) >> MOST_HOLES;
  return dead > (held * PAGE_GRANULES) >> HOLES && dead > (part < most ? part : most);
}

/** Drop what is in a segment, item by item. Returns how many. */
export function dropFrom(c: i32, s: i32, drops: i32): i32 {
  startCount(DROP_ALL);
  let left: i32 = drops;
  while (left > 0 && cleanSegPage(c, s, left)) if (drops !== ALL) left = drops - droppedItems();
  return droppedItems();
}
/** What {@link choose} has chosen; -1 = it is none. */
export function chosenSeg(): i32 {
  return bestSeg;
}
export function chosenBody(): i32 {
  return bestBody;
}
/** Pick candidates and keep the best one; with `near`, of what is in the nodes. Returns false if none was found. */
export function choose(c: i32, near: boolean): boolean {
  bestSeg = -1;
  bestBody = -1;
  bestGarbage = -1;
  bestScore = 0x7fffffff;
  const inline = ld(c + ST_LOG_LIVE) - ld(c + ST_SUNK_LIVE) - ld(c + ST_HEADS);
  const bodies = ld(c + ST_BODIES) - (near ? sunkBodies(c) : 0);
  const logPages = inline > 0 ? ((inline + PAGE_GRANULES - 1) / PAGE_GRANULES) | 0 : 0;
  // Where most is in swap, a pick of all hardly ever hits what is not.
  const few = near && vma(ld(c + ST_DATA_VMA), V_SWAPPED) > vma(ld(c + ST_DATA_VMA), V_RESIDENT);
  let sum: i32 = 0;
  for (let i: i32 = 0; i < CANDIDATES; i++) {
    const present = few ? randomPagePresent(c, LOOKS) : -1;
    const ofLog = present < 0 && logPages + bodies > 0 && randomBelow(c, logPages + bodies) < logPages;
    const pick = present >= 0 ? pickOf(c, present) : ofLog ? randomSeg(c) + 1 : pickBody(c, near);
    st(c + ST_PICKS + (i << 2), pick);
    // Their fetches overlap here, where they would wait for one another there.
    if (pick < 0) sum ^= headOf(c, ownerOf(c, -1 - pick));
  }
  st(c + ST_TOUCHED, sum);
  for (let i: i32 = 0; i < CANDIDATES; i++) {
    const pick = ld(c + ST_PICKS + (i << 2));
    // One that was picked twice may be found to have sunk.
    if (pick > 0 && seg(c, pick - 1, SG_STATE) !== SEG_SUNK) offerSeg(c, pick - 1);
    else if (pick < 0) offerBody(c, -1 - pick);
  }
  if (bestSeg < 0 && bestBody < 0 && ld(c + ST_LOG_HELD) > 0) for (let i: i32 = 0; i < CANDIDATES; i++) lookAtSeg(c);
  return bestSeg >= 0 || bestBody >= 0;
}
/** The candidate that a page in the nodes belongs to: a segment, plus 1, or -1 - body; 0 = it is none. */
function pickOf(c: i32, page: i32): i32 {
  const log = ld(c + ST_LOG_PAGES);
  if (page >= log) return bodyOwner(c, page - log) !== 0 ? -1 - bodyOf(c, page - log) : 0;
  const s = page >>> ld(c + ST_SEG_SHIFT);
  return seg(c, s, SG_STATE) === SEG_CLOSED ? s + 1 : 0;
}
/** A body picked at random, as -1 - body; with `near`, 0 if its page is not in the nodes. */
function pickBody(c: i32, near: boolean): i32 {
  const n = ld(c + ST_NR_BODIES);
  if (n === 0) return 0;
  if (!near) return -1 - randomBelow(c, n);
  const page = randomBodyPage(c);
  return page < 0 || (pte(bodyVpn(c, page)) & PTE_PRESENT) === 0 ? 0 : -1 - bodyOf(c, page);
}
/** A word of the item at `loc`, if it is in the nodes. */
function headOf(c: i32, loc: i32): i32 {
  return isPresent(c, loc) ? bits(locAddr(c, loc)) : 0;
}
function lookAtSeg(c: i32): void {
  const s = randomSeg(c);
  if (s >= 0) offerSeg(c, s);
}
function offerSeg(c: i32, s: i32): void {
  const garbage = segGarbage(c, s);
  // Heads stay as long as their bodies do: to carry them together makes room only where there are holes.
  if (garbage >= 0 && garbage < HEAD_HOLES && kindOf(c, s) === STREAM_HEADS) offer(s, -1, 0, LAST);
  else if (garbage >= 0) offer(s, -1, garbage, lastScore());
  else if (settleSunk(c, s)) return;
  // All its pages are gone: better than anything that is worth keeping.
  else if (seg(c, s, SG_USED) > (seg(c, s, SG_CURSOR) >>> 9) << 12) offer(s, -1, 200, NO_THETA);
}
function offerBody(c: i32, body: i32): void {
  const loc = ownerOf(c, body);
  if ((pte(vpnOfLoc(c, loc)) & PTE_PRESENT) === 0) {
    offer(-1, body, 200, NO_THETA);
    return;
  }
  const w = score(c, locAddr(c, loc));
  offer(-1, body, w < ld(c + ST_THETA) ? 256 : 0, w);
}
function offer(s: i32, body: i32, garbage: i32, worth: i32): void {
  if (garbage < bestGarbage || (garbage === bestGarbage && worth >= bestScore)) return;
  bestSeg = s;
  bestBody = body;
  bestGarbage = garbage;
  bestScore = worth;
}

/** Drop a large item if it is worth less than the threshold, and move that. Returns 1. */
function evictBody(c: i32, body: i32): i32 {
  const loc = ownerOf(c, body);
  if (isPresent(c, loc) && !worthLess(c, score(c, locAddr(c, loc)))) return 1;
  dropBody(c, body);
  return 1;
}
/** Whether a large item worth `w` goes; that moves the threshold. */
export function worthLess(c: i32, w: i32): boolean {
  if (ld(c + ST_THETA) === NO_THETA) st(c + ST_THETA, w);
  const go = w <= ld(c + ST_THETA) || ld(c + ST_FRUITLESS) === MAX_FRUITLESS;
  adjust(c, go ? 256 : 0, 256);
  return go;
}
/** Nothing of the segment that was chosen could go: the threshold moves, so that more of the next one can. */
export function foundNone(c: i32): void {
  adjust(c, 0, 256);
}
/**
 * The threshold. If there is none yet, it is what the segment that was chosen is worth on average; and if that is worth more, as all candidates are,
 * when some segments were carried as a whole already while it moved step by step: it may have far to go, as nothing had to for a while.
 */
export function threshold(c: i32): i32 {
  const theta = ld(c + ST_THETA);
  const inVain = ld(c + ST_FRUITLESS) << ld(c + ST_SEG_SHIFT);
  if (theta === NO_THETA) st(c + ST_THETA, bestScore);
  else if (inVain >= MOST_IN_VAIN && bestGarbage < LEAST_HOLES && theta <= bestScore && bestScore < LAST) {
    st(c + ST_THETA, bestScore + SCORE_STEP);
  }
  return ld(c + ST_THETA);
}
/** Drop the item of a body. */
export function dropBody(c: i32, body: i32): void {
  const loc = ownerOf(c, body);
  const item = look(c, loc);
  if (item === 0) {
    loseHead(c, loc);
    sweepOrphan(c, body);
  } else dropItem(c, loc, item);
}
/** Clean the segment that was chosen, page by page, and move the threshold by what that came to. */
export function cleanChosen(c: i32, s: i32, drops: i32, how: i32): void {
  threshold(c);
  clean(c, s, drops, how);
}
/** Go on with the cleaning of a segment, or begin it. */
export function clean(c: i32, s: i32, drops: i32, how: i32): void {
  startCount(how);
  let left: i32 = drops;
  let pages: i32 = 0;
  let more: boolean = true;
  while (left > 0 && more) {
    if (++pages > PIECE && needBreak()) {
      noteCut(c, ST_CUT_CLEAN, s);
      more = false;
    } else {
      more = cleanSegPage(c, s, left);
      if (drops !== ALL) left = drops - droppedItems();
    }
  }
  const looked = lookedGranules();
  if (looked > 0) adjust(c, ((droppedGranules() * 256) / looked) | 0, ((regrettedGranules() * 256) / looked) | 0);
}
/** `freed` 256ths of what was looked at could go, and `regretted` of it was worth more than the rest. */
function adjust(c: i32, freed: i32, regretted: i32): void {
  if (freed > 0) st(c + ST_FRUITLESS, 0);
  else if (ld(c + ST_FRUITLESS) < MAX_FRUITLESS) st(c + ST_FRUITLESS, ld(c + ST_FRUITLESS) + 1);
  const fast = ld(c + ST_FRUITLESS) > IMPATIENT ? 4 : 1;
  st(c + ST_THETA, movedBy(ld(c + ST_THETA), freed, regretted, fast));
}

/**
 * Carry the live items of segments with many holes to fresh memory until that has freed a page: what they take of it first may be as much as they
 * give back, in segments of a page or two nearly always. Returns false if there is none worth it, or none came free.
 */
function compact(c: i32): boolean {
  startCount(KEEP_ALL);
  const held = ld(c + ST_LOG_HELD);
  for (let left: i32 = COMPACT_PAGES; left > 0; left -= 1 << ld(c + ST_SEG_SHIFT)) {
    const begun = takeCut(c, ST_CUT_HOLES);
    const s = begun >= 0 ? begun : mostHoles(c);
    if (s < 0) return false;
    if (begun < 0) noteHolePrice(c, s);
    let more: i32 = 1;
    for (let pages: i32 = 0; more !== 0; pages++) {
      if (pages >= PIECE && needBreak()) {
        noteCut(c, ST_CUT_HOLES, s);
        return true;
      }
      more = cleanSegPage(c, s, ALL) ? 1 : 0;
    }
    if (ld(c + ST_LOG_HELD) < held || needBreak()) return true;
  }
  return false;
}
/** A segment is about to be compacted: so much is carried for what that frees. What was before counts for seven eighths. */
function noteHolePrice(c: i32, s: i32): void {
  const live = seg(c, s, SG_LIVE);
  const dead = (seg(c, s, SG_USED) >>> 3) - seg(c, s, SG_CURSOR) - live;
  const price = ((live * 256) / (dead > 0 ? dead : 1)) | 0;
  st(c + ST_HOLE_PRICE, ld(c + ST_HOLE_PRICE) + ((price - ld(c + ST_HOLE_PRICE)) >> 3));
}
/** Of a few segments the one with the most holes; -1 = none has enough. */
function mostHoles(c: i32): i32 {
  let worst: i32 = -1;
  let most: i32 = LEAST_HOLES;
  for (let i: i32 = 0; i < 2 * CANDIDATES; i++) {
    const s = randomSeg(c);
    if (s < 0) return -1;
    const used = (seg(c, s, SG_USED) >>> 3) - seg(c, s, SG_CURSOR);
    const dead = (((used - seg(c, s, SG_LIVE)) * 256) / (used + 1)) | 0;
    if (dead < most) continue;
    most = dead;
    worst = s;
  }
  return worst;
}
/** Give back segments that hold nothing. Returns 1 if there were any. */
function releaseAny(c: i32): i32 {
  let any: i32 = 0;
  let s: i32 = ld(c + ST_VICTIM_HAND);
  for (let i: i32 = 0; i < SEARCH && any < CANDIDATES; i++) {
    s = nextUsed(c, s);
    if (s < 0) break;
    st(c + ST_VICTIM_HAND, s + 1);
    if (seg(c, s, SG_ITEMS) === 0) {
      releaseSeg(c, s);
      any++;
    }
    s++;
  }
  return any > 0 ? 1 : 0;
}
