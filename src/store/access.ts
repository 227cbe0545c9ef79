/**
 * An access: the item is warmed, the places it was found in are counted, and what lies on a slow node comes up, item by item:
 * the inline part is carried forward to fresh memory in the fastest tier that the cache may use, and the pages of a body
 * move there.
 */
import { folioHead, folioNid } from "../mm/folio.ts";
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { H_NR_NODES, hdr, pte } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { PTE_ACCESSED, PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { mayRise, promoteNow } from "../mm/promote.ts";
import { slotDevice } from "../mm/swap.ts";
import { bodyVpn, nextPage } from "./body.ts";
import { carryWithin } from "./carry.ts";
import { ALL } from "./clean.ts";
import { evictSome } from "./evict.ts";
import { onOnePage } from "./find.ts";
import { noteRequest, passTime } from "./guard.ts";
import { touchPage } from "./heat.ts";
import { noteHit } from "./history.ts";
import { BIT_BODY, BIT_TTL, bits, bodyPages, I_BODY, I_LAST, I_LENGTH, inlineGranules } from "./item.ts";
import {
  addf,
  locAddr,
  pageOfLoc,
  SG_STREAM,
  ST_DATA_VMA,
  ST_MAX_PAGES,
  ST_PROMOTED,
  ST_SEG_SHIFT,
  ST_SWAP_HITS,
  ST_TIER_HITS,
  seg,
  vpnOfLoc,
} from "./layout.ts";
import { held } from "./meta.ts";
import { bring, noneReadFrom, takeReadFrom } from "./present.ts";
import { score } from "./rank.ts";
import { relieve, worthRising } from "./sink.ts";
import { bandOf } from "./stream.ts";

/** Pages that carrying an item may take: of a new segment, and of its record. */
const SPARE: i32 = 3;

/** The counter of hits by place that the last access belongs to. */
let place: i32 = 0;

/** The last access was a hit (by 1), or was none after all, because a part of the value could not be had (by -1). */
export function countHit(c: i32, by: i32): void {
  addf(c + place, by);
}

/** Note an access to the item at `loc`, whose index slot is `slot`. Returns where it is now. */
export function noteAccess(c: i32, loc: i32, slot: i32): i32 {
  const item = locAddr(c, loc);
  passTime(c);
  noteRequest(c, (ld(item + I_LENGTH) + 7) >>> 3, true, ld(item + I_LAST), true);
  noteHit(c, item);
  const vpn = vpnOfLoc(c, loc);
  let worst: i32 = touch(vpn);
  if (worst === 0 && onOnePage(loc, item) && noneReadFrom()) {
    // On the first node, in one piece: nearly all accesses are.
    place = ST_TIER_HITS;
    return loc;
  }
  const last = pageOfLoc(loc + inlineGranules(item) - 1);
  for (let page: i32 = pageOfLoc(loc) + 1; page <= last; page++)
    worst = worse(worst, touch(vpnOfLoc(c, (page << 9) + 1)));
  const inline = worst;
  const body = (bits(item) & BIT_BODY) !== 0 ? ld(item + I_BODY) : -1;
  for (let page: i32 = body; page >= 0; page = nextPage(c, page)) worst = worse(worst, touch(bodyVpn(c, page)));
  const dev = takeReadFrom();
  if (dev >= 0) worst = worse(worst, -2 - dev);
  place = worst >= 0 ? ST_TIER_HITS + (worst << 3) : ST_SWAP_HITS + ((-2 - worst) << 3);
  const data = ld(c + ST_DATA_VMA);
  if (worst <= 0 || !mayRise(data, worst) || !worthRising(c, loc)) return loc;
  return up(c, loc, slot, inline > 0 && mayRise(data, inline));
}
/** Bring the item at `loc` to the home node: its body, and its inline part if `inline`. Returns where it is. */
function up(c: i32, loc: i32, slot: i32, inline: boolean): i32 {
  // Carrying takes new pages before the old ones are given back; so may making room for that.
  let more: boolean = inline && held(c) + SPARE > ld(c + ST_MAX_PAGES);
  while (more) more = evictSome(c, ALL) !== 0 && held(c) > ld(c + ST_MAX_PAGES);
  if (ld(slot) !== loc || !relieve(c, bodyPages(locAddr(c, loc)) + SPARE) || ld(slot) !== loc || !bring(c, loc))
    return ld(slot);
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
  const stream = same ? seg(c, pageOfLoc(loc) >>> ld(c + ST_SEG_SHIFT), SG_STREAM) : bandOf(c, score(c, item));
  if (carryWithin(c, stream, loc, item, slot)) addf(c + ST_PROMOTED, 1);
}
