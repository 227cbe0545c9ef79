/** Finding a place for a new item: its history, its stream, room for it, its body, and its entry in the index. */
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { ld, st } from "../mm/machine.ts";
import { firstOfBody, freeBody, growBody, newBodyMeta } from "./body.ts";
import { ALL } from "./clean.ts";
import { growFor, insert, newLinePages } from "./directory.ts";
import { evictSome } from "./evict.ts";
import { addGhost, ghostLast, takeGhost } from "./ghost.ts";
import { noteRequest } from "./guard.ts";
import { gapOf, noteReuse, setHistory } from "./history.ts";
import {
  BIT_BODY,
  BIT_DEAD,
  BIT_ROUND_UP,
  bodyPagesFor,
  FREQ_MAX,
  headBytes,
  I_BODY,
  I_HASH,
  I_LENGTH,
  inlineGranules,
  setBits,
} from "./item.ts";
import {
  add,
  addf,
  locAddr,
  ST_BODIES,
  ST_BUSY,
  ST_GHOST_HITS,
  ST_ITEMS,
  ST_LOG_LIVE,
  ST_MAX_ITEMS,
  ST_MAX_PAGES,
  ST_NOW,
  ST_THETA,
  ST_UNANSWERED,
  STREAM_HEADS,
  vpnOfLoc,
} from "./layout.ts";
import { countHead, countIn, newPages, reserve } from "./log.ts";
import { held } from "./meta.ts";
import { worthOf } from "./rank.ts";
import { relieve } from "./sink.ts";
import { bandOf, ttlStream } from "./stream.ts";

/** Pages of a body that room on the home node is made for at once. */
const RELIEF: i32 = 64;

/** Make room for an item, take it, and enter it in the index. Returns its location, or 0. */
export function place(c: i32, hash: i32, want: i32, length: i32, start: f64, ttl: f64): i32 {
  const head = headBytes(want);
  const nr = (want & BIT_BODY) === 0 ? 0 : bodyPagesFor(length, want & BIT_ROUND_UP);
  const inline = (want & BIT_BODY) === 0 ? length : (want & BIT_ROUND_UP) !== 0 ? 0 : length & 4095;
  const granules = (head + inline + 7) >>> 3;
  const past = noteInsert(c, hash, length);
  const most = ld(c + ST_MAX_PAGES);
  growFor(c, ld(c + ST_ITEMS) + 1);
  if (nr + ((granules + 511) >>> 9) + 1 > most) return 0;
  const total = granules + (nr << 9);
  const worth = worthOf(c, past, total);
  // A value that would push out a good part of the cache must be worth it. It is remembered, so one asked for often will be.
  if (total >> 5 > most && farAbove(c, total) && worth < ld(c + ST_THETA) && held(c) + nr + 1 > most) {
    addGhost(c, hash, past >>> 3, past & 7, ld(c + ST_NOW));
    while (held(c) > most && evictSome(c, ALL) !== 0) {}
    return 0;
  }
  const large = (want & BIT_BODY) !== 0;
  const stream = ttl > 0 ? ttlStream(ttl) : large ? STREAM_HEADS : bandOf(c, worth);
  const items = ld(c + ST_MAX_ITEMS);
  while (items > 0 && ld(c + ST_ITEMS) >= items) if (evictSome(c, ld(c + ST_ITEMS) - items + 1) === 0) return 0;
  // Where the nodes are full from top to bottom, what goes is chosen here rather than found by reclaim.
  relieveFor(c, nr + newPages(c, stream, head, granules << 3));
  // Last, as relieving takes new pages too: an item that fits on a page that is there takes none.
  for (let more: i32 = 1; more > 0; ) {
    more = held(c) + nr + newPages(c, stream, head, granules << 3) + newLinePages(c, hash) + newBodyMeta(c, nr) - most;
    if (more > 0 && evictSome(c, ALL) === 0) return 0;
  }
  for (let tries: i32 = 0; tries < 64; tries++) {
    const loc = reserve(c, stream, head, granules << 3);
    if (loc !== 0) {
      const made = enter(c, loc, hash, want, length, nr, ttl > 0 ? start + ttl : Infinity);
      if (made !== 0) {
        setHistory(locAddr(c, made), past >>> 3, past & 7, ld(c + ST_NOW));
        return made;
      }
    }
    // No room in any node: make more.
    if (evictSome(c, ALL) === 0) return 0;
  }
  return 0;
}

/** See that the home node takes `pages` pages, or drop as many to make up for what the nodes below do not take. */
function relieveFor(c: i32, pages: i32): void {
  if (pages === 0) return;
  const most = pages < RELIEF ? pages : RELIEF;
  const before = held(c);
  while (!relieve(c, most + 1) && before - held(c) < pages && evictSome(c, ALL) !== 0) {}
}

/** Whether an item of so many granules is far larger than those that are there. */
function farAbove(c: i32, granules: i32): boolean {
  const all: f64 = ld(c + ST_LOG_LIVE);
  const bodies: f64 = ld(c + ST_BODIES);
  const items: f64 = ld(c + ST_ITEMS);
  const size: f64 = granules;
  return size * items > (all + bodies * 512) * 64;
}

/** A value is about to be stored: take up what is known of its key. Returns its hits and gap class, `hits << 3 | gap`. */
function noteInsert(c: i32, hash: i32, length: i32): i32 {
  if (ld(c + ST_UNANSWERED) > 0) add(c + ST_UNANSWERED, -1);
  else add(c + ST_NOW, 1);
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
  return loc;
}
