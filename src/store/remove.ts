/** Taking an item out, and giving its segment back when it was the last. */
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { outdate } from "./above.ts";
import { bodyOf, bodyOwner, bodyVpn, firstOfBody, freeBody, freeCopy, isCopy } from "./body.ts";
import { slotOf } from "./directory.ts";
import { BIT_DEAD, bits, bodyPages, I_BODY, I_HASH, inlineGranules, setBits } from "./item.ts";
import {
  add,
  addf,
  PAGE_GRANULES,
  pageInfo,
  pageOfLoc,
  SEG_CLOSED,
  SEG_OPEN,
  SEG_SUNK,
  SG_CURSOR,
  SG_ITEMS,
  SG_STATE,
  SG_USED,
  ST_BUSY,
  ST_DATA_START,
  ST_ITEMS,
  ST_LOST,
  ST_SEG_SHIFT,
  seg,
  setPageInfo,
  setSeg,
  vpnOfLoc,
} from "./layout.ts";
import { countHead, countOut, releaseSeg, zapLogPage } from "./log.ts";
import { look, losePage } from "./present.ts";

/** Take the item at `loc` out, index slot and all. Its bytes stay until its page is cleaned. */
export function removeItem(c: i32, loc: i32, item: i32, slot: i32): void {
  st(slot, 0);
  add(c + ST_ITEMS, -1);
  outdate(item);
  countOut(c, loc, inlineGranules(item));
  const nr = bodyPages(item);
  setBits(item, bits(item) | BIT_DEAD);
  if (nr === 0) return;
  countHead(c, loc, -inlineGranules(item));
  freeBody(c, ld(item + I_BODY));
}
/** Give a segment back at once when its last item is gone; and of one in the nodes the pages at its start as soon as nothing on them is left. */
export function releaseIfEmpty(c: i32, loc: i32): void {
  if (ld(c + ST_BUSY) !== 0) return;
  const s = ((loc - 1) >>> 9) >>> ld(c + ST_SEG_SHIFT);
  const state = seg(c, s, SG_STATE);
  const near = state === SEG_OPEN || state === SEG_CLOSED;
  if (near || state === SEG_SUNK) {
    if (seg(c, s, SG_ITEMS) === 0) releaseSeg(c, s);
    else if (near) trim(c, s);
  }
}
/** What was written first is often gone first: an open segment of heads would hold as many pages as it may have for the few on its last one. */
function trim(c: i32, s: i32): void {
  const from = seg(c, s, SG_CURSOR);
  if ((from & (PAGE_GRANULES - 1)) !== 0) return;
  const first = s << ld(c + ST_SEG_SHIFT);
  // Not the page that is being written. What lies across pages is counted where its head is, so nothing alive reaches from here to the next.
  const end = seg(c, s, SG_USED) >>> 12;
  let page: i32 = from >>> 9;
  while (page < end && pageInfo(c, first + page) >>> 16 === 0) {
    zapLogPage(c, ld(c + ST_DATA_START) + first + page);
    setPageInfo(c, first + page, PAGE_GRANULES);
    page++;
  }
  setSeg(c, s, SG_CURSOR, page << 9);
}
/** Page `page` of the bodies is lost: so is the item that it belongs to, and what is left of that is given back. */
export function loseBodyPage(c: i32, page: i32): void {
  const loc = pte(bodyVpn(c, page)) === 0 ? bodyOwner(c, page) : 0;
  if (loc === 0) return;
  if (isCopy(c, page)) {
    freeCopy(c, bodyOf(c, page));
    return;
  }
  const item = look(c, loc);
  const slot = item !== 0 ? slotOf(c, ld(item + I_HASH), loc) : 0;
  if (slot === 0) {
    // Without its head the body is nobody's any more; if the head is there but could not be read, it must not be found again. One that is
    // gone was counted when it went, and its segment may be nobody's by now.
    if (item === 0 && pte(vpnOfLoc(c, loc)) !== 0) {
      zapLogPage(c, vpnOfLoc(c, loc));
      losePage(c, pageOfLoc(loc));
    }
    freeBody(c, firstOfBody(c, page));
    return;
  }
  addf(c + ST_LOST, 1);
  removeItem(c, loc, item, slot);
  releaseIfEmpty(c, loc);
}
