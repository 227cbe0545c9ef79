/**
 * Bodies: the whole pages of large values, in the part of the data mapping behind the log. A run of neighbouring virtual pages
 * belongs to one item. Each page that is taken names its item's location, so that bodies whose item's head was lost can be
 * found.
 */
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { FAULT_OVERWRITE, fault } from "../mm/mm.ts";
import { zapPages } from "../mm/mmap.ts";
import { queueFresh } from "./heat.ts";
import {
  add,
  metaAddr,
  ST_BODIES,
  ST_BODY_HAND,
  ST_BODY_OWNERS,
  ST_BODY_PAGES,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_LOG_PAGES,
  ST_ORPHANS,
  vpnOfLoc,
} from "./layout.ts";

/** The virtual page of body page `page`. */
export function bodyVpn(c: i32, page: i32): i32 {
  return ld(c + ST_DATA_START) + ld(c + ST_LOG_PAGES) + page;
}
function ownerAddr(c: i32, page: i32): i32 {
  return metaAddr(c, ld(c + ST_BODY_OWNERS) + (page << 2));
}
/** The location of the item that a body page belongs to; 0 = it is free. */
export function bodyOwner(c: i32, page: i32): i32 {
  return ld(ownerAddr(c, page));
}

/** `nr` neighbouring pages that are free, next fit; -1 = there are none. */
function findRun(c: i32, nr: i32): i32 {
  const pages = ld(c + ST_BODY_PAGES);
  const hand = ld(c + ST_BODY_HAND);
  let run: i32 = 0;
  let at: i32 = hand;
  for (let seen: i32 = 0; seen < pages + nr; ) {
    if (at >= pages) {
      at = 0;
      run = 0;
    }
    run = bodyOwner(c, at) !== 0 ? 0 : run + 1;
    at++;
    seen++;
    if (run === nr) return at - nr;
  }
  return -1;
}

/** Take a body of `nr` pages for the item at `loc`, its pages present but not written. Returns its first page, or -ENOMEM. */
export function takeBody(c: i32, nr: i32, loc: i32): i32 {
  const first = findRun(c, nr);
  if (first < 0) return -12;
  const v = ld(c + ST_DATA_VMA);
  for (let i: i32 = 0; i < nr; i++) {
    const vpn = bodyVpn(c, first + i);
    if (fault(v, vpn, FAULT_OVERWRITE) < 0) {
      freeBody(c, first, i);
      return -12;
    }
    queueFresh(vpn);
    st(ownerAddr(c, first + i), loc);
  }
  st(c + ST_BODY_HAND, first + nr);
  return first;
}
/** The item has moved in the log. */
export function setBodyOwner(c: i32, first: i32, nr: i32, loc: i32): void {
  for (let i: i32 = 0; i < nr; i++) st(ownerAddr(c, first + i), loc);
}
export function freeBody(c: i32, first: i32, nr: i32): void {
  if (nr > 0) zapPages(ld(c + ST_DATA_VMA), bodyVpn(c, first), nr);
  for (let i: i32 = 0; i < nr; i++) st(ownerAddr(c, first + i), 0);
}
/** Whether every page of a body still is somewhere. */
export function bodyWhole(c: i32, first: i32, nr: i32): boolean {
  const vpn = bodyVpn(c, first);
  for (let i: i32 = 0; i < nr; i++) if (pte(vpn + i) === 0) return false;
  return true;
}
/** Give back the bodies of items whose heads were lost. */
export function sweepOrphans(c: i32): void {
  if (ld(c + ST_ORPHANS) === 0) return;
  st(c + ST_ORPHANS, 0);
  const pages = ld(c + ST_BODY_PAGES);
  for (let page: i32 = 0; page < pages; page++) {
    const owner = bodyOwner(c, page);
    if (owner === 0 || pte(vpnOfLoc(c, owner)) !== 0) continue;
    add(c + ST_BODIES, -1);
    freeBody(c, page, 1);
  }
}
