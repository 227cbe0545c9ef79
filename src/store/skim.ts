/** Bringing the hot items of a segment forward when the rest of it goes down a tier. */
import { folioHead, folioNid } from "../mm/folio.ts";
import { pinPage, unpinFrame } from "../mm/gup.ts";
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { bodyVpn } from "./body.ts";
import { carryWithin } from "./carry.ts";
import { slotOf } from "./directory.ts";
import { BIT_BODY, BIT_DEAD, bits, END_OF_PAGE, I_BODY, I_HASH, I_LENGTH, inlineGranules } from "./item.ts";
import {
  kindOf,
  locAddr,
  PAGE_GRANULES,
  pageInfo,
  SG_CURSOR,
  SG_ITEMS,
  SG_USED,
  ST_BUSY,
  ST_DATA_START,
  ST_SEG_SHIFT,
  STREAM_TTL,
  seg,
} from "./layout.ts";
import { releaseSeg } from "./log.ts";
import { density, score } from "./rank.ts";
import { bandOf } from "./stream.ts";

/**
 * Carry those items of segment `s` forward, the inline part of each, that are worth more than `limit`, up to `most` granules of
 * them and as far as the store's limit allows. The rest stays where it is. With `near` it is a matter of which node they are on (rank.ts).
 * Returns the granules that were carried.
 */
export function skim(c: i32, s: i32, limit: i32, most: i32, near: boolean): i32 {
  if (ld(c + ST_BUSY) !== 0) return 0;
  st(c + ST_BUSY, 1);
  const pages = (seg(c, s, SG_USED) + 4095) >>> 12;
  let left: i32 = most;
  for (let page: i32 = (seg(c, s, SG_CURSOR) + 511) >>> 9; page < pages && left > 0; page++) {
    const logPage = (s << ld(c + ST_SEG_SHIFT)) + page;
    if ((pte(ld(c + ST_DATA_START) + logPage) & PTE_PRESENT) === 0) continue;
    left -= skimPage(c, s, logPage, limit, left, near);
  }
  st(c + ST_BUSY, 0);
  if (seg(c, s, SG_ITEMS) === 0) releaseSeg(c, s);
  return most - left;
}
function skimPage(c: i32, s: i32, logPage: i32, limit: i32, most: i32, near: boolean): i32 {
  const pinned = pinPage(ld(c + ST_DATA_START) + logPage);
  const base = locAddr(c, (logPage << 9) + 1);
  const used = (seg(c, s, SG_USED) - ((logPage & ((1 << ld(c + ST_SEG_SHIFT)) - 1)) << 12)) >>> 3;
  const stream = kindOf(c, s);
  let carried: i32 = 0;
  let g: i32 = pageInfo(c, logPage) & 0xffff;
  while (g < PAGE_GRANULES && g < used && carried < most) {
    const item = base + (g << 3);
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    const size = inlineGranules(item);
    const loc = (logPage << 9) + g + 1;
    if ((bits(item) & BIT_DEAD) === 0) {
      const worth = near ? density(c, item) : score(c, item);
      const keep = worth > limit || (near && isApart(c, logPage, item));
      const slot = keep ? slotOf(c, ld(item + I_HASH), loc) : 0;
      const same = stream >= STREAM_TTL || (bits(item) & BIT_BODY) !== 0;
      if (slot !== 0 && carryWithin(c, same ? stream : bandOf(c, worth), loc, item, slot)) carried += size;
    }
    g += size;
  }
  unpinFrame(pinned);
  return carried;
}
/** Whether the body of an item is on another node than its head. */
function isApart(c: i32, logPage: i32, item: i32): boolean {
  if ((bits(item) & BIT_BODY) === 0) return false;
  const p = pte(bodyVpn(c, ld(item + I_BODY)));
  const head = pte(ld(c + ST_DATA_START) + logPage);
  return (p & PTE_PRESENT) !== 0 && folioNid(folioHead(pteIndex(p))) !== folioNid(folioHead(pteIndex(head)));
}
