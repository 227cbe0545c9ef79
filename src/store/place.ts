/** Finding a place for a new item: its history, its stream, room for it, its body, and its entry in the index. */
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { V_HELD, V_RESIDENT, vma } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { firstOfBody, freeBody, growBody, newBodyMeta } from "./body.ts";
import { ALL } from "./clean.ts";
import { growFor, insert, newLinePages, tidyFor } from "./directory.ts";
import { evictSome } from "./evict.ts";
import { ghostLast, takeGhost } from "./ghost.ts";
import { noteRequest, passTime } from "./guard.ts";
import { gapOf, noteReuse, setHistory } from "./history.ts";
import {
  BIT_BODY,
  BIT_DEAD,
  bodyPagesFor,
  FREQ_MAX,
  headBytes,
  I_BODY,
  I_HASH,
  I_LENGTH,
  inlineFor,
  inlineGranules,
  MAX_VALUE,
  setBits,
} from "./item.ts";
import {
  add,
  addf,
  locAddr,
  ST_BUSY,
  ST_DATA_VMA,
  ST_GHOST_HITS,
  ST_ITEMS,
  ST_LEFT_META_PAGES,
  ST_MAX_ITEMS,
  ST_MAX_PAGES,
  ST_META_VMA,
  ST_NEW_BYTES,
  ST_NOW,
  ST_UNANSWERED,
  STREAM_HEADS,
  vpnOfLoc,
} from "./layout.ts";
import { countHead, countIn, newPages, noSegment, reserve } from "./log.ts";
import { held, inNodes } from "./meta.ts";
import { worthOf } from "./rank.ts";
import { evictAnywhere, keepLimit, keepSegments, MOST_TURNS, makeRoom, sinkSome } from "./room.ts";
import { SCRUB_TURN, scrub } from "./scrub.ts";
import { relieve } from "./sink.ts";
import { bandOf, ttlStream } from "./stream.ts";

/** Pages that the index may come to need for one item more: a bucket, a line, a segment's record. */
const INDEX_GROWTH: i32 = 3;
/** Pages of a body that room on the home node is made for at once. */
const RELIEF: i32 = 64;

/** How often room is made in the nodes for one item, as much as it takes. */
const TRIES: i32 = 4;

/**
 * Whether the store could hold a value with these bits at all: its pages beside what the index takes, little more of it, and what is held of items that are gone.
 * Drops nothing, whatever the answer.
 */
export function mayHold(c: i32, want: i32, length: i32): boolean {
  if (length < 0 || length > MAX_VALUE) return false;
  const nr = bodyPagesFor(want, length);
  const pages = nr + ((headBytes(want) + inlineFor(want, length) + 4095) >>> 12) + newBodyMeta(c, nr);
  return (
    pages +
      INDEX_GROWTH +
      vma(ld(c + ST_META_VMA), V_RESIDENT) -
      ld(c + ST_LEFT_META_PAGES) +
      vma(ld(c + ST_DATA_VMA), V_HELD) <=
    ld(c + ST_MAX_PAGES)
  );
}

/** Make room for an item that the store may hold, take it, and enter it in the index. Returns its location, or 0. */
export function place(c: i32, hash: i32, want: i32, length: i32, start: f64, ttl: f64): i32 {
  const loc = makePlace(c, hash, want, length, start, ttl);
  // What went down for it may have taken more pages than it left.
  if (loc === 0) keepLimit(c);
  return loc;
}
function makePlace(c: i32, hash: i32, want: i32, length: i32, start: f64, ttl: f64): i32 {
  const head = headBytes(want);
  const nr = bodyPagesFor(want, length);
  const granules = (head + inlineFor(want, length) + 7) >>> 3;
  const past = noteInsert(c, hash, length);
  const most = ld(c + ST_MAX_PAGES);
  // While nobody holds on to a slot: entries move.
  growFor(c, ld(c + ST_ITEMS) + 1);
  tidyFor(c, hash);
  const worth = worthOf(c, past, granules + (nr << 9));
  const large = (want & BIT_BODY) !== 0;
  const stream = ttl > 0 ? ttlStream(ttl) : large ? STREAM_HEADS : bandOf(c, worth);
  const items = ld(c + ST_MAX_ITEMS);
  while (items > 0 && ld(c + ST_ITEMS) >= items) if (evictSome(c, ld(c + ST_ITEMS) - items + 1) === 0) return 0;
  // Where the nodes are full from top to bottom, what goes is chosen here rather than found by reclaim.
  const fresh = newPages(c, stream, head, granules << 3);
  if (fresh > 0) keepSegments(c);
  relieveFor(c, nr + fresh);
  for (let tries: i32 = 0; tries < TRIES; tries++) {
    // As relieving takes new pages too: an item that fits on a page that is there takes none.
    for (let more: i32 = 1; more > 0; ) {
      more =
        held(c) + nr + newPages(c, stream, head, granules << 3) + newLinePages(c, hash) + newBodyMeta(c, nr) - most;
      if (more > 0 && evictAnywhere(c) === 0) return 0;
    }
    const loc = reserve(c, stream, head, granules << 3);
    if (loc !== 0) {
      const made = enter(c, loc, hash, want, length, nr, ttl > 0 ? start + ttl : Infinity);
      if (made !== 0) {
        setHistory(locAddr(c, made), past >>> 3, past & 7, ld(c + ST_NOW));
        return made;
      }
    } else if (noSegment(c)) scrub(c, SCRUB_TURN);
    // The nodes are full of what is others', or hold too little: make up for it.
    const before = inNodes(c);
    // What sinks may take as much as it makes room for, time and again: then something is dropped.
    let turns: i32 = MOST_TURNS + 2 * nr;
    while (before - inNodes(c) <= nr) {
      const sank = turns-- > 0 && sinkSome(c) !== 0;
      if (!sank && evictSome(c, ALL) === 0) return 0;
    }
  }
  return 0;
}

/** See that the home node takes `pages` pages, or send out or drop as many to make up for what the nodes below do not take. */
function relieveFor(c: i32, pages: i32): void {
  if (pages === 0) return;
  const most = pages < RELIEF ? pages : RELIEF;
  makeRoom(c, most, pages, true);
}

/** A value is about to be stored: take up what is known of its key. Returns its hits and gap class, `hits << 3 | gap`. */
function noteInsert(c: i32, hash: i32, length: i32): i32 {
  if (ld(c + ST_UNANSWERED) > 0) add(c + ST_UNANSWERED, -1);
  else passTime(c);
  const ghost = takeGhost(c, hash);
  const granules = (length + 7) >>> 3;
  if (ghost < 0) {
    noteRequest(c, granules, false, 0, false);
    return 0;
  }
  const last = ghostLast();
  const age = (ld(c + ST_NOW) - last) | 0;
  noteRequest(c, granules, true, last, false);
  addf(c + ST_GHOST_HITS, 1);
  const hits = (ghost >>> 3) & 15;
  noteReuse(c, hits, ghost & 7, age);
  return ((hits < FREQ_MAX ? hits + 1 : FREQ_MAX) << 3) | gapOf(c, age);
}

/** An item's place is reserved: take its body and enter it in the index. Returns its location, or 0 with nothing done. */
function enter(c: i32, loc: i32, hash: i32, want: i32, length: i32, nr: i32, expiry: f64): i32 {
  const item = locAddr(c, loc);
  st(item + I_HASH, hash);
  st(item + I_LENGTH, length);
  // Until it is entered, cleaning passes it over.
  setBits(item, want | BIT_DEAD);
  // A body's pages and a line of the index may cost others.
  const pinned = pinPage(vpnOfLoc(c, loc));
  // Nothing is cleaned meanwhile: the head is nobody's yet.
  st(c + ST_BUSY, 1);
  let body: i32 = -1;
  let there: boolean = true;
  for (let left: i32 = nr; left > 0 && there; left -= RELIEF) {
    const n = left < RELIEF ? left : RELIEF;
    relieve(c, n);
    const end = growBody(c, body, n, loc);
    there = end >= 0;
    if (there || body < 0) body = end;
  }
  const entered = there && insert(c, hash, loc) === 0;
  st(c + ST_BUSY, 0);
  unpinFrame(pinned);
  if (!entered) {
    if (body >= 0) freeBody(c, firstOfBody(c, body));
    return 0;
  }
  if (nr > 0) {
    st(locAddr(c, loc) + I_BODY, firstOfBody(c, body));
    countHead(c, loc, inlineGranules(locAddr(c, loc)));
  }
  setBits(locAddr(c, loc), want);
  countIn(c, loc, inlineGranules(locAddr(c, loc)), expiry);
  add(c + ST_ITEMS, 1);
  // Both together may be 2^31 and more.
  addf(c + ST_NEW_BYTES, inlineGranules(locAddr(c, loc)) << 3);
  addf(c + ST_NEW_BYTES, nr << 12);
  return loc;
}
