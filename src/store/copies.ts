/**
 * Copies: what a body that came up from swap leaves there. Its value is read into new pages, and the old ones keep their slots; if it sinks
 * again unchanged, they are its pages again, and nothing is written. So of a value each page goes to a device once, as an item's place in
 * the log does (carry.ts).
 *
 * A copy costs room in swap alone, and never any that something else needs: it is made if the store's limit allows, goes before any item
 * when there must be room in swap or within the limit, and with the value, if that is written anew. What is lost of it costs a write.
 */
import { frameAddr, pte, refs } from "../mm/layout.ts";
import { copyBytes, ld, st } from "../mm/machine.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { poolDevice, slotDevice } from "../mm/swap.ts";
import {
  addPages,
  bodyOf,
  bodyVpn,
  copyOf,
  fallBack,
  firstOfBody,
  freeBody,
  freeCopy,
  newBodyMeta,
  nextPage,
  ownerOf,
  takeOver,
} from "./body.ts";
import { touchPage } from "./heat.ts";
import { BIT_BODY, bits, bodyPages, I_BODY } from "./item.ts";
import { locAddr, ST_BUSY, ST_COPIED, ST_MAX_PAGES } from "./layout.ts";
import { held } from "./meta.ts";
import { isPresent, lookAtPage } from "./present.ts";
import { randomBelow } from "./random.ts";

/**
 * Read the body of the item at `loc`, whose page is held, into new pages, its own staying in swap as a copy. Returns false, with nothing done, if
 * not all of it is on devices, or there is no room for both.
 */
export function riseWithCopy(c: i32, loc: i32): boolean {
  const first = ld(locAddr(c, loc) + I_BODY);
  const nr = bodyPages(locAddr(c, loc));
  if (held(c) + nr + newBodyMeta(c, nr) > ld(c + ST_MAX_PAGES) || !onDevices(c, first)) return false;
  freeCopy(c, bodyOf(c, first));
  // Nothing is cleaned meanwhile: the new body is nobody's yet.
  st(c + ST_BUSY, 1);
  let last: i32 = -1;
  let page: i32 = first;
  for (; page >= 0; page = nextPage(c, page)) {
    const end = addPages(c, last, 1, loc);
    if (end < 0) break;
    last = end;
    const from = lookAtPage(c, bodyVpn(c, page));
    if (from === 0) break;
    copyBytes(frameAddr(pte(bodyVpn(c, end)) >>> 6), from, 4096);
    touchPage(bodyVpn(c, end));
  }
  st(c + ST_BUSY, 0);
  if (page >= 0) {
    if (last >= 0) freeBody(c, firstOfBody(c, last));
    return false;
  }
  st(locAddr(c, loc) + I_BODY, firstOfBody(c, last));
  takeOver(c, bodyOf(c, first), nr);
  return true;
}
/** Whether all pages of a chain are in slots of devices: compressed ones would take the room that the copy is to save. */
function onDevices(c: i32, first: i32): boolean {
  for (let page: i32 = first; page >= 0; page = nextPage(c, page)) {
    const p = pte(bodyVpn(c, page));
    if ((p & PTE_PRESENT) !== 0 || (p & PTE_SWAP) === 0 || slotDevice(pteIndex(p)) === poolDevice()) return false;
  }
  return true;
}

/** If the n-th body has a whole copy, that is its body from now on. Returns how many pages that gives back; 0 if it has none, or somebody holds it. */
export function sinkToCopy(c: i32, n: i32): i32 {
  const loc = ownerOf(c, n);
  const copy = copyOf(c, n);
  if (copy < 0 || !isPresent(c, loc)) return 0;
  const item = locAddr(c, loc);
  for (let page: i32 = copy; page >= 0; page = nextPage(c, page)) {
    if ((pte(bodyVpn(c, page)) & PTE_SWAP) !== 0) continue;
    freeCopy(c, n);
    return 0;
  }
  let nr: i32 = 0;
  for (let page: i32 = ld(item + I_BODY); page >= 0; page = nextPage(c, page)) {
    const p = pte(bodyVpn(c, page));
    if ((p & PTE_PRESENT) === 0) continue;
    if (refs(p >>> 6) !== 1) return 0;
    nr++;
  }
  st(item + I_BODY, fallBack(c, n));
  return nr;
}

/** Make room in swap by giving up a copy. Returns false if there is none. */
export function dropCopy(c: i32): boolean {
  const nr = ld(c + ST_COPIED);
  return nr > 0 && freeCopy(c, randomBelow(c, nr)) > 0;
}
/** The value of an item is written anew: its copy is of another one. */
export function outdateCopy(c: i32, item: i32): void {
  if ((bits(item) & BIT_BODY) !== 0 && ld(c + ST_COPIED) > 0) freeCopy(c, bodyOf(c, ld(item + I_BODY)));
}
