/**
 * Bringing pages in from swap, for whoever is to write on them or hold them. Nothing is written below, so what has gone meanwhile is
 * marked as dead only now.
 */
import { pte } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { FAULT_READ, fault } from "../mm/mm.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { slotOf } from "./directory.ts";
import { BIT_DEAD, bits, END_OF_PAGE, I_HASH, I_LENGTH, inlineGranules, setBits } from "./item.ts";
import {
  locAddr,
  nextLife,
  PAGE_GRANULES,
  pageInfo,
  SG_USED,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_LOG_PAGES,
  ST_SEG_SHIFT,
  seg,
  vpnOfLoc,
} from "./layout.ts";

/** See that the page of a location is present; false = it is lost. */
export function bring(c: i32, loc: i32): boolean {
  return bringPage(c, vpnOfLoc(c, loc));
}
/** The same of a page of the data mapping, one of a body, too. */
export function bringPage(c: i32, vpn: i32): boolean {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) !== 0) return true;
  if (p === 0 || fault(ld(c + ST_DATA_VMA), vpn, FAULT_READ) < 0) return false;
  const page = vpn - ld(c + ST_DATA_START);
  if (page < ld(c + ST_LOG_PAGES)) markDead(c, page);
  return true;
}
/** Mark the items of a log page that the index does not name. */
function markDead(c: i32, page: i32): void {
  const s = page >>> ld(c + ST_SEG_SHIFT);
  const used = (seg(c, s, SG_USED) - ((page - (s << ld(c + ST_SEG_SHIFT))) << 12)) >>> 3;
  const end = used < PAGE_GRANULES ? used : PAGE_GRANULES;
  let marked: boolean = false;
  for (let g: i32 = pageInfo(c, page) & 0xffff; g < end; ) {
    const loc = (page << 9) + g + 1;
    const item = locAddr(c, loc);
    if (ld(item + I_LENGTH) === END_OF_PAGE) break;
    if ((bits(item) & BIT_DEAD) === 0 && slotOf(c, ld(item + I_HASH), loc) === 0) {
      setBits(item, bits(item) | BIT_DEAD);
      marked = true;
    }
    g += inlineGranules(item);
  }
  // Nobody shall take what was marked for a copy of what came up from here (carry.ts).
  if (marked) nextLife(c, s);
}
