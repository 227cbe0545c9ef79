/**
 * Holes of segments in swap: what came up from there, was replaced or removed leaves its bytes, and they count as long as the page is there. So
 * they are room, and are found before anything that is alive goes: a segment a good part of which is dead is given up, what is left
 * of it being read and put with its like. Of no page is anything read of which nothing is alive.
 *
 * Not all that is dead is room: an item that goes to swap lies on one page if that leaves no more than a third of another (log.ts), so values of
 * just over two thirds of a page leave a third of each dead for good. What counts is the pages that come free; where none do, that much of what is
 * dead is taken for what cannot be used, until there is more of it, or less.
 */
import { ld, st } from "../mm/machine.ts";
import { carry } from "./carry.ts";
import { dropItem } from "./clean.ts";
import { slotOf } from "./directory.ts";
import { loseHead } from "./find.ts";
import { BIT_DEAD, bits, END_OF_PAGE, hasExpired, headBytes, I_HASH, I_LENGTH, inlineGranules } from "./item.ts";
import {
  kindOf,
  LOW,
  PAGE_GRANULES,
  pageInfo,
  SEG_SUNK,
  SG_CURSOR,
  SG_LIVE,
  SG_STATE,
  SG_USED,
  ST_BUSY,
  ST_DATA_START,
  ST_FRESH_SEG,
  ST_LOG_HELD,
  ST_OPEN,
  ST_SEG_SHIFT,
  ST_SUNK_LIVE,
  ST_SUNK_PAGES,
  ST_VAIN_HOLES,
  STREAM_COLD,
  STREAM_TTL,
  seg,
  setPageInfo,
  setSeg,
} from "./layout.ts";
import { fitsSeg, releaseSeg, zapLogPage } from "./log.ts";
import { look } from "./present.ts";
import { randomBelow } from "./random.ts";
import { sinkSeg } from "./sunk.ts";

/** Candidates for each choice, and picks for them. */
const CANDIDATES: i32 = 16;
const PICKS: i32 = 256;
/** Where less than 2^-this of all that is in swap is dead, hardly any segment is for a good part: a 4th. For less, three pages and more would be written for each that comes free. */
const FEW: i32 = 4;
const PART: i32 = 2;
/** Pages that are gathered at most for one that comes free: of segments of a page or two, a good part is less than a page. */
const GATHER_PAGES: i32 = 16;

/** Make room in swap of holes, a page at least. Returns false if there are too few. */
export function useHoles(c: i32): boolean {
  const all = ld(c + ST_SUNK_PAGES) * PAGE_GRANULES;
  if (ld(c + ST_BUSY) !== 0 || all <= 0) return false;
  const dead = all - ld(c + ST_SUNK_LIVE);
  if (dead < ld(c + ST_VAIN_HOLES)) st(c + ST_VAIN_HOLES, dead > 0 ? dead : 0);
  if (dead - ld(c + ST_VAIN_HOLES) < all >> FEW) return false;
  const before = ld(c + ST_LOG_HELD);
  for (let left: i32 = GATHER_PAGES; left > 0; left -= 1 << ld(c + ST_SEG_SHIFT)) {
    const s = emptiest(c);
    const gathered = s >= 0 && gather(c, s);
    if (ld(c + ST_LOG_HELD) < before) return true;
    if (!gathered) return false;
  }
  st(c + ST_VAIN_HOLES, dead);
  return false;
}
/** Of a few segments in swap the one of which most is dead; -1 = there is none of which a good part is. */
function emptiest(c: i32): i32 {
  const n = ld(c + ST_FRESH_SEG);
  let best: i32 = -1;
  let most: i32 = 0;
  let found: i32 = 0;
  for (let i: i32 = 0; i < PICKS && found < CANDIDATES; i++) {
    const s = randomBelow(c, n);
    if (seg(c, s, SG_STATE) !== SEG_SUNK) continue;
    found++;
    const used = (seg(c, s, SG_USED) >>> 3) - seg(c, s, SG_CURSOR);
    const dead = used - seg(c, s, SG_LIVE);
    if (dead <= most || dead < used >> PART) continue;
    most = dead;
    best = s;
  }
  return best;
}
/** Put what is alive of a segment in swap with its like, and give the segment up, page by page. Returns false if there was no room for that. */
function gather(c: i32, s: i32): boolean {
  const pages = (seg(c, s, SG_USED) + 4095) >>> 12;
  const first = s << ld(c + ST_SEG_SHIFT);
  const stream = kindOf(c, s) >= STREAM_TTL ? LOW + kindOf(c, s) : STREAM_COLD;
  let room: boolean = true;
  st(c + ST_BUSY, 1);
  for (let page: i32 = seg(c, s, SG_CURSOR) >>> 9; page < pages && room; page++) {
    room = gatherPage(c, s, first + page, stream);
    if (!room) continue;
    zapLogPage(c, ld(c + ST_DATA_START) + first + page);
    setPageInfo(c, first + page, PAGE_GRANULES);
    setSeg(c, s, SG_CURSOR, (page + 1) << 9);
  }
  st(c + ST_BUSY, 0);
  if (room) releaseSeg(c, s);
  return room;
}
function gatherPage(c: i32, s: i32, logPage: i32, stream: i32): boolean {
  const used = (seg(c, s, SG_USED) - ((logPage - (s << ld(c + ST_SEG_SHIFT))) << 12)) >>> 3;
  const end = used < PAGE_GRANULES ? used : PAGE_GRANULES;
  for (let g: i32 = pageInfo(c, logPage) & 0xffff; g < end && pageInfo(c, logPage) >>> 16 > 0; ) {
    const loc = (logPage << 9) + g + 1;
    const item = look(c, loc);
    if (item === 0) {
      loseHead(c, loc);
      return true;
    }
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    g += inlineGranules(item);
    const slot = (bits(item) & BIT_DEAD) === 0 ? slotOf(c, ld(item + I_HASH), loc) : 0;
    if (slot === 0) continue;
    if (hasExpired(item)) dropItem(c, loc, item);
    else if (!moveOn(c, stream, loc, item, slot)) return ld(slot) !== loc;
  }
  return true;
}
function moveOn(c: i32, stream: i32, loc: i32, item: i32, slot: i32): boolean {
  const open = ld(c + ST_OPEN + (stream << 2)) - 1;
  if (stream === STREAM_COLD && open >= 0 && !fitsSeg(c, open, headBytes(bits(item)), inlineGranules(item) << 3)) {
    sinkSeg(c, open);
  }
  // What was sent down may have taken the place of what was looked at.
  const at = look(c, loc);
  return at !== 0 && ld(slot) === loc && carry(c, stream, loc, at, slot);
}
