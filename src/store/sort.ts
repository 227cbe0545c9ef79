/**
 * Sorting a segment that is to leave the home node: item by item, what is worth more stays there and the rest goes one node down, each to
 * the end of a segment of its like, so that neither leaves a hole. Where next to nothing stays, and next to nothing is dead, its pages go
 * down as they are, which is cheaper (sink.ts).
 */
import { folioHead, folioNid } from "../mm/folio.ts";
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { needBreak } from "../mm/writeback.ts";
import { bodyVpn } from "./body.ts";
import { carryWithin } from "./carry.ts";
import { noteCut } from "./cut-short.ts";
import { slotOf } from "./directory.ts";
import { BIT_BODY, BIT_DEAD, bits, END_OF_PAGE, I_BODY, I_HASH, I_LENGTH, inlineGranules } from "./item.ts";
import {
  kindOf,
  LOW,
  locAddr,
  PAGE_GRANULES,
  pageInfo,
  SG_CURSOR,
  SG_USED,
  ST_BUSY,
  ST_CUT_MOST,
  ST_CUT_SORT,
  ST_DATA_START,
  ST_SEG_SHIFT,
  ST_SINK_WORTH,
  STREAM_TTL,
  seg,
  setPageInfo,
  setSeg,
} from "./layout.ts";
import { releaseSeg, zapLogPage } from "./log.ts";
import { ONE } from "./log2.ts";
import { isOn } from "./meta.ts";
import { density, score } from "./rank.ts";
import { bandOf } from "./stream.ts";

/** Granules that have been found to stay, or carried to stay. */
let staying: i32 = 0;
let going: i32 = 0;
/** Of those that go, what is worth twice as much as what goes on average. */
let regretted: i32 = 0;
/** Of all of a segment that was looked at. */
let looked: i32 = 0;
/** Pages that are sorted at least before somebody who waits has his turn. */
const PIECE: i32 = 2;
/** What goes is followed by this power of a half. */
const FOLLOW: i32 = 6;

/** The page of a segment that is not done with yet, and the one behind its last. */
function firstPage(c: i32, s: i32): i32 {
  return (seg(c, s, SG_CURSOR) + PAGE_GRANULES - 1) >>> 9;
}
function endPage(c: i32, s: i32): i32 {
  return (seg(c, s, SG_USED) + 4095) >>> 12;
}
/** How many 256ths of a segment would be holes if it sank without what is worth more than `limit`; -1 = not all of it is on node `nid`. */
export function holesIfSunk(c: i32, s: i32, nid: i32, limit: i32): i32 {
  const end = endPage(c, s);
  const from = firstPage(c, s);
  if (from >= end || (seg(c, s, SG_CURSOR) & (PAGE_GRANULES - 1)) !== 0) return -1;
  staying = 0;
  going = 0;
  regretted = 0;
  for (let page: i32 = from; page < end; page++) {
    if (!isOn(ld(c + ST_DATA_START) + (s << ld(c + ST_SEG_SHIFT)) + page, nid)) return -1;
    walk(c, s, page, limit, 0);
  }
  looked = (seg(c, s, SG_USED) >>> 3) - (from << 9);
  return (((looked - going) * 256) / (looked + 1)) | 0;
}
/** How many 256ths of the segment of the last {@link holesIfSunk} are worth more than the limit; and of what goes, those that are worth twice as much as what does on average. */
export function stayingPart(): i32 {
  return ((staying * 256) / (looked + 1)) | 0;
}
export function regrettedPart(): i32 {
  return ((regretted * 256) / (looked + 1)) | 0;
}
/**
 * Sort a segment, all of it on node `nid`, until `most` granules have stayed there; what is left then goes. What there is
 * no room for stays where it is.
 */
export function sortSeg(c: i32, s: i32, limit: i32, most: i32): void {
  const end = endPage(c, s);
  let room: boolean = true;
  let pages: i32 = 0;
  staying = 0;
  going = 0;
  st(c + ST_BUSY, 1);
  for (let page: i32 = firstPage(c, s); page < end && room; page++) {
    const logPage = (s << ld(c + ST_SEG_SHIFT)) + page;
    const vpn = ld(c + ST_DATA_START) + logPage;
    if (++pages > PIECE && needBreak()) {
      noteCut(c, ST_CUT_SORT, s);
      st(c + ST_CUT_MOST, most > staying ? most - staying : 1);
      break;
    }
    // Making room for those before it may have sent it away.
    if ((pte(vpn) & PTE_PRESENT) === 0) break;
    const pinned = pinPage(vpn);
    room = walk(c, s, page, limit, most);
    unpinFrame(pinned);
    if (!room) continue;
    zapLogPage(c, vpn);
    setPageInfo(c, logPage, PAGE_GRANULES);
    setSeg(c, s, SG_CURSOR, (page + 1) << 9);
  }
  st(c + ST_BUSY, 0);
  if (firstPage(c, s) >= end) releaseSeg(c, s);
}
/** Go through the live items of a page: count those that stay, and those that go, or with `most` carry them. Returns false if there was no room for one. */
function walk(c: i32, s: i32, page: i32, limit: i32, most: i32): boolean {
  const logPage = (s << ld(c + ST_SEG_SHIFT)) + page;
  const base = locAddr(c, (logPage << 9) + 1);
  const used = (seg(c, s, SG_USED) - (page << 12)) >>> 3;
  const kind = kindOf(c, s);
  for (let g: i32 = pageInfo(c, logPage) & 0xffff; g < PAGE_GRANULES && g < used; ) {
    const item = base + (g << 3);
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    const size = inlineGranules(item);
    const loc = (logPage << 9) + g + 1;
    g += size;
    if ((bits(item) & BIT_DEAD) !== 0) continue;
    const large = (bits(item) & BIT_BODY) !== 0;
    const worth = large ? 0 : density(c, item);
    const stays = (most === 0 || staying < most) && (large ? !isApart(c, logPage, item) : worth > limit);
    if (stays) staying += size;
    else going += size;
    if (most === 0 && !stays && !large) noteGoing(c, worth, size);
    const slot = most !== 0 ? slotOf(c, ld(item + I_HASH), loc) : 0;
    if (slot === 0) continue;
    const to = kind >= STREAM_TTL || large ? kind : bandOf(c, score(c, item));
    if (!carryWithin(c, stays ? to : LOW + to, loc, item, slot) && ld(slot) === loc) return false;
  }
  return true;
}
function noteGoing(c: i32, worth: i32, size: i32): void {
  const mean = ld(c + ST_SINK_WORTH);
  if (worth > mean + ONE) regretted += size;
  st(c + ST_SINK_WORTH, mean + ((worth - mean) >> FOLLOW));
}
/** Whether the body of an item is not on the node that its head is on. */
function isApart(c: i32, logPage: i32, item: i32): boolean {
  const head = pte(ld(c + ST_DATA_START) + logPage);
  return !isOn(bodyVpn(c, ld(item + I_BODY)), folioNid(folioHead(pteIndex(head))));
}
