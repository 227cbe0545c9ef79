/**
 * A store's meta pages, which come when they are first needed; and how many pages it holds in all.
 *
 * A clear leaves most of them behind, as there may be very many: part by part (segments, buckets, lines, records of pages, bodies,
 * ghosts), from the first page that was not taken again up to the last that was in use. As each part is filled from its
 * start, page by page, the first is the one that is taken next, and is zeroed then; the last ones are given back in steps.
 */
import { demoteNow } from "../mm/demote.ts";
import { folioHead, folioNid } from "../mm/folio.ts";
import { frameAddr, N_PAGES, node, pte, V_HELD, V_RESIDENT, V_SWAPPED, vma } from "../mm/layout.ts";
import { ld, st, zeroBytes } from "../mm/machine.ts";
import { FAULT_WRITE, fault } from "../mm/mm.ts";
import { zapPages } from "../mm/mmap.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import {
  add,
  ST_BODIES,
  ST_BODY_RECORDS,
  ST_DATA_VMA,
  ST_ITEMS,
  ST_LEFT_META,
  ST_LEFT_META_PAGES,
  ST_META_START,
  ST_META_VMA,
  ST_SUNK_PAGES,
} from "./layout.ts";

/**
 * Meta pages take up to one in so many of a node where items are small; up to so many times less where they are large, in proportion above
 * this size: a get reads a line of the index and all of the item, so the larger items are, the more an item's room is read than the index's.
 */
const MOST_OF_NODE: i32 = 8;
const LARGE: i32 = 4;
const SMALL_BYTES: f64 = 1024;
/** Parts of the meta mapping that may be left behind. */
export const NR_PARTS: i32 = 6;

/** See that the meta pages of bytes [off, off + bytes) are there, zeroed when new. Returns 0 or -ENOMEM. */
export function ensureMeta(c: i32, off: i32, bytes: i32): i32 {
  const start = ld(c + ST_META_START);
  const last = (off + bytes - 1) >>> 12;
  for (let page: i32 = off >>> 12; page <= last; page++) {
    if ((pte(start + page) & PTE_PRESENT) !== 0) {
      if (ld(c + ST_LEFT_META_PAGES) > 0) takeLeft(c, page);
      continue;
    }
    const r = fault(ld(c + ST_META_VMA), start + page, FAULT_WRITE);
    if (r < 0) return r;
    spread(c, start + page);
  }
  return 0;
}
/**
 * A meta page is new. Where there are many items below, their index would fill the node that it is for: beyond a part of that, it lies
 * further down.
 */
function spread(c: i32, vpn: i32): void {
  const nid = folioNid(folioHead(pteIndex(pte(vpn))));
  const most = node(nid, N_PAGES) / (MOST_OF_NODE * largeness(c));
  // What is known of bodies is read once for a page of them.
  const ofBodies = vpn - ld(c + ST_META_START) >= ld(c + ST_BODY_RECORDS) >>> 12;
  if (ofBodies || vma(ld(c + ST_META_VMA), V_RESIDENT) > most) demoteNow(vpn);
}
function largeness(c: i32): f64 {
  const data = ld(c + ST_DATA_VMA);
  let bytes: f64 = vma(data, V_RESIDENT) + vma(data, V_SWAPPED);
  bytes = (bytes * 4096) / (ld(c + ST_ITEMS) + 1);
  return bytes <= SMALL_BYTES ? 1 : bytes < LARGE * SMALL_BYTES ? bytes / SMALL_BYTES : LARGE;
}

/** If a page is what a clear left behind, it is as good as new now. */
function takeLeft(c: i32, page: i32): void {
  for (let part: i32 = 0; part < NR_PARTS; part++) {
    const p = c + ST_LEFT_META + (part << 3);
    if (page < ld(p) || page >= ld(p + 4)) continue;
    zeroBytes(frameAddr(pte(ld(c + ST_META_START) + page) >>> 6), 4096);
    add(c + ST_LEFT_META_PAGES, ld(p) - page - 1);
    st(p, page + 1);
  }
}
/** Whether a page that is there is what a clear left behind. */
export function isLeft(c: i32, page: i32): boolean {
  for (let part: i32 = 0; part < NR_PARTS; part++) {
    const p = c + ST_LEFT_META + (part << 3);
    if (page >= ld(p) && page < ld(p + 4)) return true;
  }
  return false;
}
/** Pages [from, to) of a part are what a clear leaves behind. */
export function leaveMeta(c: i32, part: i32, from: i32, to: i32): void {
  if (to <= from) return;
  st(c + ST_LEFT_META + (part << 3), from);
  st(c + ST_LEFT_META + (part << 3) + 4, to);
  add(c + ST_LEFT_META_PAGES, to - from);
}
/** Give back up to `pages` meta pages that a clear left behind. Returns how many are not used up. */
export function giveBackMeta(c: i32, pages: i32): i32 {
  let left: i32 = pages;
  for (let part: i32 = 0; part < NR_PARTS && left > 0 && ld(c + ST_LEFT_META_PAGES) > 0; part++) {
    const p = c + ST_LEFT_META + (part << 3);
    const some = ld(p + 4) - ld(p);
    if (some <= 0) continue;
    const n = some < left ? some : left;
    zapPages(ld(c + ST_META_VMA), ld(c + ST_META_START) + ld(p + 4) - n, n);
    st(p + 4, ld(p + 4) - n);
    add(c + ST_LEFT_META_PAGES, -n);
    left -= n;
  }
  return left;
}

/** Meta pages of bytes [off, off + bytes) that are not there yet. */
export function newMeta(c: i32, off: i32, bytes: i32): i32 {
  const start = ld(c + ST_META_START);
  const last = (off + bytes - 1) >>> 12;
  let n: i32 = 0;
  for (let page: i32 = off >>> 12; page <= last; page++) if ((pte(start + page) & PTE_PRESENT) === 0) n++;
  return n;
}

/** Pages that the store holds on nodes, its index included. */
export function inNodes(c: i32): i32 {
  return vma(ld(c + ST_DATA_VMA), V_RESIDENT) + vma(ld(c + ST_META_VMA), V_RESIDENT);
}

/** Pages that the store holds, on nodes and in swap, its index included, and those that are held although their items are gone. */
export function held(c: i32): i32 {
  const data = ld(c + ST_DATA_VMA);
  return vma(data, V_RESIDENT) + vma(data, V_SWAPPED) + vma(data, V_HELD) + vma(ld(c + ST_META_VMA), V_RESIDENT);
}
/** Pages of bodies that are in swap, about: pages of the log that are there without a whole segment are counted, too. */
export function sunkBodies(c: i32): i32 {
  const n = vma(ld(c + ST_DATA_VMA), V_SWAPPED) - ld(c + ST_SUNK_PAGES);
  const bodies = ld(c + ST_BODIES);
  return n < 0 ? 0 : n < bodies ? n : bodies;
}

/** Whether a page is there, on node `nid`. */
export function isOn(vpn: i32, nid: i32): boolean {
  const p = pte(vpn);
  return (p & PTE_PRESENT) !== 0 && folioNid(folioHead(pteIndex(p))) === nid;
}
