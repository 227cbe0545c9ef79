/** Where a store's items are: how many of its pages, and of its items by the lowest place of their heads and bodies' beginnings, are on each node and swap device. */

import { folioHead, folioNid } from "../mm/folio.ts";
import { MAX_NODES, MAX_SWAP, pte, statGlobal, storeValueAddr } from "../mm/layout.ts";
import { ld, ldf, stf } from "../mm/machine.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { slotDevice } from "../mm/swap.ts";
import { PGDISCARD, PGMIGRATE_SUCCESS, PSWPIN, PSWPOUT } from "../mm/vmstat.ts";
import { bodyVpn, firstPageOf, ownerOf } from "./body.ts";
import {
  controlOf,
  pageInfo,
  ST_BODY_FRESH,
  ST_CARRIED,
  ST_DATA_START,
  ST_DROPPED,
  ST_EXPIRED,
  ST_FRESH_SEG,
  ST_LOST,
  ST_NEW_BYTES,
  ST_NR_BODIES,
  ST_SEG_SHIFT,
  vpnOfLoc,
} from "./layout.ts";

/** Segments, and pages of bodies, that are looked at; of more, as many spread evenly stand for all. */
const LOOKS: i32 = 4096;
export const PLACES: i32 = MAX_NODES + MAX_SWAP;

/** How much has happened that may move items or pages, so that who counts often need not do so anew each time. */
export function storeActivity(meta: i32): f64 {
  const c = controlOf(meta);
  const moved = ldf(statGlobal(PGMIGRATE_SUCCESS)) + ldf(statGlobal(PSWPOUT)) + ldf(statGlobal(PSWPIN));
  const gone = ldf(c + ST_DROPPED) + ldf(c + ST_EXPIRED) + ldf(c + ST_LOST) + ldf(statGlobal(PGDISCARD));
  return moved + gone + ldf(c + ST_CARRIED) + ldf(c + ST_NEW_BYTES) / 256;
}
/** The value area is given, for each node and then each device, f64: pages | items. */
export function storeCensus(meta: i32): void {
  const c = controlOf(meta);
  for (let i: i32 = 0; i < 2 * PLACES; i++) stf(storeValueAddr() + (i << 3), 0);
  const segs = ld(c + ST_FRESH_SEG);
  const shift = ld(c + ST_SEG_SHIFT);
  const step = stepFor(segs);
  for (let s: i32 = 0; s < segs; s += step) {
    for (let page: i32 = s << shift; page < (s + 1) << shift; page++) {
      countPage(ld(c + ST_DATA_START) + page, step, pageInfo(c, page) >>> 16);
    }
  }
  const bodies = ld(c + ST_BODY_FRESH);
  const stride = stepFor(bodies);
  for (let page: i32 = 0; page < bodies; page += stride) countPage(bodyVpn(c, page), stride, 0);
  // What has a body was counted where its head is.
  const large = ld(c + ST_NR_BODIES);
  const each = stepFor(large);
  for (let n: i32 = 0; n < large; n += each) {
    const head = placeOf(vpnOfLoc(c, ownerOf(c, n)));
    const body = placeOf(bodyVpn(c, firstPageOf(c, n)));
    if (head < 0 || body <= head) continue;
    addItems(body, each);
    addItems(head, -each);
  }
}
function stepFor(n: i32): i32 {
  return n <= LOOKS ? 1 : (n / LOOKS) | 0;
}
/** A node, or behind all of them a device; higher is lower down. -1: it is nowhere. */
function placeOf(vpn: i32): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) !== 0) return folioNid(folioHead(pteIndex(p)));
  return (p & PTE_SWAP) !== 0 ? MAX_NODES + slotDevice(pteIndex(p)) : -1;
}
function countPage(vpn: i32, weight: f64, items: i32): void {
  const place = placeOf(vpn);
  if (place < 0) return;
  const at = storeValueAddr() + (place << 4);
  stf(at, ldf(at) + weight);
  stf(at + 8, ldf(at + 8) + weight * items);
}
function addItems(place: i32, n: i32): void {
  const at = storeValueAddr() + (place << 4) + 8;
  // Of a sample there may be fewer heads than bodies.
  stf(at, Math.max(0, ldf(at) + n));
}
