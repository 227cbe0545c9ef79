/**
 * An access: the item is warmed, the places it was found in are counted, and what lies on a slow node comes up, item by item:
 * the inline part is carried forward to fresh memory in the fastest tier that the cache may use, and the pages of a body
 * move there.
 */
import { folioHead, folioNid } from "../mm/folio.ts";
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { H_NR_FRAMES, H_NR_NODES, hdr, N_FREE, N_WMARK_LOW, node, pte } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { FAULT_READ, fault } from "../mm/mm.ts";
import { PTE_ACCESSED, PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { mayRise, promoteNow } from "../mm/promote.ts";
import { slotDevice } from "../mm/swap.ts";
import { bodyVpn, nextPage } from "./body.ts";
import { bring } from "./bring.ts";
import { carryUp, carryWithin } from "./carry.ts";
import { riseWithCopy } from "./copies.ts";
import { onOnePage } from "./find.ts";
import { addGhost, ghostLast, takeGhost } from "./ghost.ts";
import { noteRequest, passTime } from "./guard.ts";
import { touchPage } from "./heat.ts";
import { gapOf, lastAge, noteHit, noteReuse, setHistory, setLastAge } from "./history.ts";
import {
  BIT_BODY,
  BIT_TTL,
  bits,
  bodyPages,
  FREQ_MAX,
  freq,
  gap,
  I_BODY,
  I_HASH,
  I_LAST,
  I_LENGTH,
  inlineGranules,
  totalGranules,
} from "./item.ts";
import {
  add,
  addf,
  kindOf,
  locAddr,
  pageOfLoc,
  ST_DATA_VMA,
  ST_MAX_PAGES,
  ST_NOW,
  ST_PROMOTED,
  ST_SEG_SHIFT,
  ST_SWAP_HITS,
  ST_THETA,
  ST_TIER_HITS,
  STREAM_HEADS,
  vpnOfLoc,
} from "./layout.ts";
import { held } from "./meta.ts";
import { neededSooner } from "./pace.ts";
import { isPresent, look } from "./present.ts";
import { NO_THETA, score, worthOf } from "./rank.ts";
import { evictAnywhere, makeRoom } from "./room.ts";
import { othersColdest } from "./sample.ts";
import { homeNode, isLow, worthRising } from "./sink.ts";
import { bandOf } from "./stream.ts";

/** Pages that carrying an item may take: of a new segment, and of its record. */
const SPARE: i32 = 3;

/** The counter of hits by place that the last access belongs to. */
let place: i32 = 0;

/** The last access was a hit (by 1), or was none after all, because a part of the value could not be had (by -1). */
export function countHit(c: i32, by: i32): void {
  addf(c + place, by);
}

/** Note an access to the item at `loc`, whose index slot is `slot`; its head was just looked at. Returns where it is now. */
export function noteAccess(c: i32, loc: i32, slot: i32): i32 {
  passTime(c);
  if (!isPresent(c, loc)) return noteBelow(c, loc, slot);
  const item = locAddr(c, loc);
  let worst: i32 = touch(vpnOfLoc(c, loc));
  const whole = onOnePage(loc, item);
  inlineWorst = worst;
  if (!whole) worst = touchRest(c, loc, item, worst);
  place = placeOf(worst);
  if (worst < 0) return noteApart(c, loc, item, slot);
  noteRequest(c, (ld(item + I_LENGTH) + 7) >>> 3, true, ld(item + I_LAST), true);
  noteHit(c, item);
  // On the first node: nearly all accesses are.
  if (worst === 0) return loc;
  const data = ld(c + ST_DATA_VMA);
  if (!worthRising(c, loc, worst) || !mayRise(data, worst)) return loc;
  return up(c, loc, slot, inlineWorst > 0 && mayRise(data, inlineWorst));
}
/**
 * The same of an item that was just looked at, if it has no body, lies on one page, and that page on the first node: then there is nothing else to be
 * done, and the item stays where it is. Returns whether it was.
 */
export function noteNear(c: i32, loc: i32, item: i32): boolean {
  const vpn = vpnOfLoc(c, loc);
  const p = pte(vpn);
  if ((p & PTE_PRESENT) === 0 || !onOnePage(loc, item)) return false;
  if (hdr(H_NR_NODES) !== 1 && folioNid(folioHead(pteIndex(p))) !== 0) return false;
  if ((p & PTE_ACCESSED) === 0) touchPage(vpn);
  add(c + ST_NOW, 1);
  noteRequest(c, (ld(item + I_LENGTH) + 7) >>> 3, true, ld(item + I_LAST), true);
  noteHit(c, item);
  place = ST_TIER_HITS;
  return true;
}
function placeOf(worst: i32): i32 {
  return worst >= 0 ? ST_TIER_HITS + (worst << 3) : ST_SWAP_HITS + ((-2 - worst) << 3);
}
/** The lowest place of the inline part of what was last touched. */
let inlineWorst: i32 = 0;
/** Mark the other pages of an item accessed. Returns the lowest place of all of it. */
function touchRest(c: i32, loc: i32, item: i32, first: i32): i32 {
  let worst: i32 = first;
  const last = pageOfLoc(loc + inlineGranules(item) - 1);
  for (let page: i32 = pageOfLoc(loc) + 1; page <= last; page++)
    worst = worse(worst, touch(vpnOfLoc(c, (page << 9) + 1)));
  inlineWorst = worst;
  const body = (bits(item) & BIT_BODY) !== 0 ? ld(item + I_BODY) : -1;
  for (let page: i32 = body; page >= 0; page = nextPage(c, page)) worst = worse(worst, touch(bodyVpn(c, page)));
  return worst;
}

/** The same of an item of which a part is in swap, but not its head: what is learned of it is what is of any other there. */
function noteApart(c: i32, loc: i32, item: i32, slot: i32): i32 {
  const past = noteReturn(c, item);
  setHistory(item, past >>> 3, past & 7, ld(c + ST_NOW));
  return fetchRest(c, loc, slot);
}
/** An item was asked for of which a part is in swap. Returns its history from now on: hits << 3 | gap class. */
function noteReturn(c: i32, item: i32): i32 {
  const known = takeHistory(c, item);
  const age = (ld(c + ST_NOW) - pastLast) | 0;
  setLastAge(age);
  noteRequest(c, (ld(item + I_LENGTH) + 7) >>> 3, known, pastLast, false);
  if (known) noteReuse(c, pastHits, pastGap, age);
  return ((pastHits < FREQ_MAX ? pastHits + 1 : FREQ_MAX) << 3) | gapOf(c, age);
}
/**
 * The same of an item whose head is in swap. It comes up by itself if it is worth more than what makes way in the nodes, and what is left
 * behind is a hole; else it stays, and what was learned of it is kept in a ghost, as nothing is written below.
 */
function noteBelow(c: i32, loc: i32, slot: i32): i32 {
  const item = look(c, loc);
  place = placeOf(-2 - slotDevice(pteIndex(pte(vpnOfLoc(c, loc)))));
  const past = noteReturn(c, item);
  const hash = ld(item + I_HASH);
  const worth = worthOf(c, past, totalGranules(item));
  const at = comesUp(c, worth, inlineGranules(item) >>> 9) ? riseFromSwap(c, loc, slot, worth, past) : loc;
  if (at === loc) addGhost(c, hash, past >>> 3, past & 7, ld(c + ST_NOW));
  return at;
}
// What is known of an item in swap: hits, gap class, last access.
let pastHits: i32 = 0;
let pastGap: i32 = 0;
let pastLast: i32 = 0;
/**
 * Take up what is known of an item in swap. Returns whether it still has a ghost: of one that has not, it was already counted that it was
 * given up, and to count its hit, too, would make those that have waited as long look as though all of them were hit.
 */
function takeHistory(c: i32, item: i32): boolean {
  pastHits = freq(item);
  pastGap = gap(item);
  pastLast = ld(item + I_LAST);
  const ghost = takeGhost(c, ld(item + I_HASH));
  if (ghost < 0) return false;
  pastHits = (ghost >>> 3) & 15;
  pastGap = ghost & 7;
  pastLast = ghostLast();
  return true;
}
/** An item in swap is replaced: what takes its place finds what is known of it. */
export function keepHistory(c: i32, item: i32): void {
  takeHistory(c, item);
  addGhost(c, ld(item + I_HASH), pastHits, pastGap, pastLast);
}
/** Whether what was just read from swap, and is worth so much now, deserves its place in the nodes: there is room, or it is worth more than what goes. */
function comesUp(c: i32, worth: i32, pages: i32): boolean {
  const theta = ld(c + ST_THETA);
  if (theta === NO_THETA || worth >= theta) return true;
  const nid = homeNode(c);
  if (node(nid, N_FREE) > node(nid, N_WMARK_LOW) + pages + 2 * SPARE) return true;
  // Or it is needed sooner than what others leave unused in the nodes.
  const idle = othersColdest(c, 0, hdr(H_NR_FRAMES));
  return idle >= 0 && neededSooner(c, lastAge(), idle);
}
/** Carry the item at `loc`, which is in swap, to the nodes. Returns where it is; 0 if it was dropped meanwhile. */
function riseFromSwap(c: i32, loc: i32, slot: i32, worth: i32, past: i32): i32 {
  if (!makeRoom(c, SPARE, SPARE, false) || ld(slot) !== loc) return ld(slot);
  let more: boolean = held(c) + SPARE > ld(c + ST_MAX_PAGES);
  while (more) more = evictAnywhere(c) !== 0 && held(c) + SPARE > ld(c + ST_MAX_PAGES);
  const item = ld(slot) === loc ? look(c, loc) : 0;
  if (item === 0) return ld(slot) === loc ? loc : ld(slot);
  const w = bits(item);
  const stream =
    (w & BIT_TTL) !== 0
      ? kindOf(c, pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT))
      : (w & BIT_BODY) !== 0
        ? STREAM_HEADS
        : bandOf(c, worth);
  if (!carryUp(c, stream, loc, item, slot)) return ld(slot);
  const at = ld(slot);
  if (isPresent(c, at)) setHistory(locAddr(c, at), past >>> 3, past & 7, ld(c + ST_NOW));
  addf(c + ST_PROMOTED, 1);
  return (w & BIT_BODY) !== 0 && isPresent(c, at) ? fetchRest(c, at, slot) : at;
}
/** Parts of an item are in swap, its head is not: fetch them, if it is worth that. Returns where it is. */
function fetchRest(c: i32, loc: i32, slot: i32): i32 {
  const item = locAddr(c, loc);
  const nr = bodyPages(item) + SPARE;
  if (!comesUp(c, score(c, item), nr) || !makeRoom(c, nr, nr, false)) return ld(slot);
  if (ld(slot) !== loc || !bring(c, loc)) return ld(slot);
  const pinned = pinPage(vpnOfLoc(c, loc));
  const at = locAddr(c, loc);
  const data = ld(c + ST_DATA_VMA);
  const last = pageOfLoc(loc + inlineGranules(at) - 1);
  for (let page: i32 = pageOfLoc(loc) + 1; page <= last; page++) bring(c, (page << 9) + 1);
  const body = (bits(at) & BIT_BODY) !== 0 && !riseWithCopy(c, loc) ? ld(at + I_BODY) : -1;
  for (let page: i32 = body; page >= 0; page = nextPage(c, page)) {
    if ((pte(bodyVpn(c, page)) & PTE_SWAP) !== 0) fault(data, bodyVpn(c, page), FAULT_READ);
  }
  // Its head waited further down.
  if (isLow(c, vpnOfLoc(c, loc))) rise(c, loc, locAddr(c, loc), slot);
  unpinFrame(pinned);
  return ld(slot);
}
/** Bring the item at `loc` to the home node: its body, and its inline part if `inline`. Returns where it is. */
function up(c: i32, loc: i32, slot: i32, inline: boolean): i32 {
  // Carrying takes new pages before the old ones are given back; so may making room for that.
  let more: boolean = inline && held(c) + SPARE > ld(c + ST_MAX_PAGES);
  while (more) more = evictAnywhere(c) !== 0 && held(c) > ld(c + ST_MAX_PAGES);
  if (ld(slot) !== loc || !isPresent(c, loc)) return ld(slot);
  const nr = bodyPages(locAddr(c, loc)) + SPARE;
  if (!makeRoom(c, nr, nr, false) || ld(slot) !== loc || !isPresent(c, loc)) return ld(slot);
  // Making more room up there must not take the item away.
  const pinned = pinPage(vpnOfLoc(c, loc));
  const item = locAddr(c, loc);
  const body = (bits(item) & BIT_BODY) !== 0 ? ld(item + I_BODY) : -1;
  for (let page: i32 = body; page >= 0; page = nextPage(c, page)) promoteNow(bodyVpn(c, page));
  if (inline) rise(c, loc, item, slot);
  unpinFrame(pinned);
  return ld(slot);
}
/** Mark a page accessed. Returns where it is: a node, or -2 - a swap device. */
function touch(vpn: i32): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) === 0) return (p & PTE_SWAP) !== 0 ? -2 - slotDevice(pteIndex(p)) : 0;
  if ((p & PTE_ACCESSED) === 0) touchPage(vpn);
  // With one node there is no need to look at the frame.
  return hdr(H_NR_NODES) === 1 ? 0 : folioNid(folioHead(pteIndex(p)));
}
/** The lower of two places. */
function worse(a: i32, b: i32): i32 {
  if (a < 0) return b < a ? b : a;
  return b < 0 || b > a ? b : a;
}
/** Carry the item, whose page is held, to fresh memory, if there is room. */
function rise(c: i32, loc: i32, item: i32, slot: i32): void {
  const same = (bits(item) & (BIT_BODY | BIT_TTL)) !== 0;
  const stream = same ? kindOf(c, pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT)) : bandOf(c, score(c, item));
  if (carryWithin(c, stream, loc, item, slot)) addf(c + ST_PROMOTED, 1);
}
