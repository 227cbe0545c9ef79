/**
 * Bodies: the whole pages of large values, in the part of the data mapping behind the log. A body is a chain of pages,
 * whichever are free: a value needs room, not neighbours. So a page is found at once, and what is free is never in pieces
 * too small to be of use.
 *
 *   record of a page    next page of its body, or next free one, plus 1 | its body's first page, plus 1
 *   record of a body    location of the item | first page
 *
 * In the record of a first page, the place of its body among the bodies stands for the second word, as -1 - place; in that of a
 * free page, 0. The pages of a body's copy in swap (copies.ts) are a chain as its own are: in the record of its last page, -1 - the copy's first
 * page stands for the next one, and in that of the copy's first page COPY + its first for the second word. Bodies that have a copy are the first of their table. Bodies lie close together in their table, the last filling the place of one that goes: one is found at random
 * without a search, and the scrubber finds those whose item's head was lost.
 */
import { ENOMEM } from "../mm/errno.ts";
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { FAULT_OVERWRITE, fault } from "../mm/mm.ts";
import { zapPages } from "../mm/mmap.ts";
import { wishFor } from "../mm/page-alloc.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { queueFresh } from "./heat.ts";
import {
  add,
  metaAddr,
  ST_AT_BODY,
  ST_AT_NUMBER,
  ST_AT_PAGE,
  ST_BODIES,
  ST_BODY_FREE,
  ST_BODY_FRESH,
  ST_BODY_PAGES,
  ST_BODY_RECORDS,
  ST_BODY_TABLE,
  ST_COPIED,
  ST_COPIES,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_LEFT_BODIES,
  ST_LOG_PAGES,
  ST_NR_BODIES,
  ST_SINK_PAGE,
} from "./layout.ts";
import { ensureMeta, newMeta } from "./meta.ts";

/** Bytes of a record, of a page or a body, as a power of two. */
export const BODY_RECORD: i32 = 3;
const COPY: i32 = 0x40000000;

/** The virtual page of body page `page`. */
export function bodyVpn(c: i32, page: i32): i32 {
  return ld(c + ST_DATA_START) + ld(c + ST_LOG_PAGES) + page;
}
function recordAddr(c: i32, page: i32): i32 {
  return metaAddr(c, ld(c + ST_BODY_RECORDS) + (page << BODY_RECORD));
}
function tableAddr(c: i32, n: i32): i32 {
  return metaAddr(c, ld(c + ST_BODY_TABLE) + (n << BODY_RECORD));
}
/** The page after this one in its body; negative: it is the last. */
export function nextPage(c: i32, page: i32): i32 {
  return ld(recordAddr(c, page)) - 1;
}
/** Where the body of this page, which is in use, stands among the bodies. */
export function bodyOf(c: i32, page: i32): i32 {
  const w = ld(recordAddr(c, firstOfBody(c, page)) + 4);
  return -1 - (w < 0 ? w : ld(recordAddr(c, w - COPY) + 4));
}
/** The location of the item that a body page belongs to; 0 = it is free. */
export function bodyOwner(c: i32, page: i32): i32 {
  return page >= ld(c + ST_BODY_FRESH) || ld(recordAddr(c, page) + 4) === 0 ? 0 : ownerOf(c, bodyOf(c, page));
}
/** The location of the item that the n-th body belongs to, and its first page. */
export function ownerOf(c: i32, n: i32): i32 {
  return ld(tableAddr(c, n));
}
export function firstPageOf(c: i32, n: i32): i32 {
  return ld(tableAddr(c, n) + 4);
}
/** The last page of a body. */
function lastOf(c: i32, first: i32): i32 {
  let page: i32 = first;
  for (let next: i32 = nextPage(c, page); next >= 0; next = nextPage(c, page)) page = next;
  return page;
}
/** The first page of the n-th body's copy; -1 = it has none. */
export function copyOf(c: i32, n: i32): i32 {
  return n < ld(c + ST_COPIED) ? -1 - ld(recordAddr(c, lastOf(c, firstPageOf(c, n)))) : -1;
}
/** Whether a page, which is in use, is of a copy. */
export function isCopy(c: i32, page: i32): boolean {
  return ld(recordAddr(c, firstOfBody(c, page)) + 4) >= COPY;
}
/** The item of the body has moved in the log. */
export function setBodyOwner(c: i32, first: i32, loc: i32): void {
  st(tableAddr(c, bodyOf(c, first)), loc);
}

/** Page `n` of the body that begins at `first`. Asked for one after the other, each is found at once. */
export function pageOfBody(c: i32, first: i32, n: i32): i32 {
  let at: i32 = 0;
  let page: i32 = first;
  if (ld(c + ST_AT_BODY) === first + 1 && ld(c + ST_AT_NUMBER) <= n) {
    at = ld(c + ST_AT_NUMBER);
    page = ld(c + ST_AT_PAGE);
  }
  for (; at < n; at++) page = nextPage(c, page);
  st(c + ST_AT_BODY, first + 1);
  st(c + ST_AT_NUMBER, n);
  st(c + ST_AT_PAGE, page);
  return page;
}

/** Meta pages that are not there yet of what it takes to note a body of `nr` pages. */
export function newBodyMeta(c: i32, nr: i32): i32 {
  if (nr === 0) return 0;
  const fresh = ld(c + ST_BODY_FRESH);
  const free = fresh - ld(c + ST_BODIES);
  const table = newMeta(c, ld(c + ST_BODY_TABLE) + (ld(c + ST_NR_BODIES) << BODY_RECORD), 1 << BODY_RECORD);
  if (nr <= free) return table;
  return table + newMeta(c, ld(c + ST_BODY_RECORDS) + (fresh << BODY_RECORD), (nr - free) << BODY_RECORD);
}

/** A free page, its record there; -1 = there is none. */
function takePage(c: i32): i32 {
  const free = ld(c + ST_BODY_FREE) - 1;
  if (free >= 0) {
    st(c + ST_BODY_FREE, ld(recordAddr(c, free)));
    return free;
  }
  const page = ld(c + ST_BODY_FRESH);
  const at = ld(c + ST_BODY_RECORDS) + (page << BODY_RECORD);
  if (page >= ld(c + ST_BODY_PAGES) || ensureMeta(c, at, 1 << BODY_RECORD) < 0) return -1;
  if (page < ld(c + ST_LEFT_BODIES)) zapPages(ld(c + ST_DATA_VMA), bodyVpn(c, page), 1);
  st(c + ST_BODY_FRESH, page + 1);
  return page;
}
function putPage(c: i32, page: i32): void {
  const p = recordAddr(c, page);
  st(p, ld(c + ST_BODY_FREE));
  st(p + 4, 0);
  st(c + ST_BODY_FREE, page + 1);
}

/**
 * Add `nr` pages, present but not written, to the body whose last page is `last`; -1 = begin a body, of the item at `loc`.
 * Returns its last page now, or -ENOMEM; a body that was begun is then given back, one that was there keeps what it has got.
 */
export function growBody(c: i32, last: i32, nr: i32, loc: i32): i32 {
  const end = addPages(c, last, nr, loc);
  if (end >= 0) return end;
  // The last of the bodies is the one that was just begun, if one was.
  const n = ld(c + ST_NR_BODIES) - 1;
  if (last < 0 && n >= 0 && ownerOf(c, n) === loc) freeBody(c, firstPageOf(c, n));
  return ENOMEM;
}
/** The same, but that a body that was begun stays, with what it has got: of one page, none is. */
export function addPages(c: i32, last: i32, nr: i32, loc: i32): i32 {
  let end: i32 = last;
  for (let i: i32 = 0; i < nr; i++) {
    const n = ld(c + ST_NR_BODIES);
    if (end < 0 && ensureMeta(c, ld(c + ST_BODY_TABLE) + (n << BODY_RECORD), 1 << BODY_RECORD) < 0) return ENOMEM;
    const page = takePage(c);
    if (page < 0) return ENOMEM;
    const vpn = bodyVpn(c, page);
    // What is read together lies together, as far as there is room for that.
    wishFor(end >= 0 ? behind(bodyVpn(c, end)) : -1, nr - i);
    const failed = fault(ld(c + ST_DATA_VMA), vpn, FAULT_OVERWRITE) < 0;
    wishFor(-1, 0);
    if (failed) {
      putPage(c, page);
      return ENOMEM;
    }
    queueFresh(vpn);
    const p = recordAddr(c, page);
    st(p, 0);
    if (end < 0) {
      st(p + 4, -1 - n);
      st(tableAddr(c, n), loc);
      st(tableAddr(c, n) + 4, page);
      st(c + ST_NR_BODIES, n + 1);
    } else {
      const before = ld(recordAddr(c, end) + 4);
      st(p + 4, before < 0 ? end + 1 : before);
      st(recordAddr(c, end), page + 1);
    }
    add(c + ST_BODIES, 1);
    end = page;
  }
  return end;
}
/** The frame behind that of a page; -1 = it is in none. */
function behind(vpn: i32): i32 {
  return (pte(vpn) & PTE_PRESENT) !== 0 ? pteIndex(pte(vpn)) + 1 : -1;
}
/** The first page of the body, or the copy, that `page` belongs to. */
export function firstOfBody(c: i32, page: i32): i32 {
  const w = ld(recordAddr(c, page) + 4);
  return w < 0 || w >= COPY ? page : w - 1;
}
/** Give a body back, and its copy. */
export function freeBody(c: i32, first: i32): void {
  freeCopy(c, bodyOf(c, first));
  leaveTable(c, bodyOf(c, first));
  freePages(c, first);
}
/** Give the copy of the n-th body, which may get another place by it, back, if it has one. Returns how many pages that were. */
export function freeCopy(c: i32, n: i32): i32 {
  const first = copyOf(c, n);
  if (first < 0) return 0;
  st(recordAddr(c, lastOf(c, firstPageOf(c, n))), 0);
  const nr = freePages(c, first);
  noCopy(c, n, nr);
  return nr;
}
/** The n-th body no longer has its copy, of `nr` pages: it is no more among the first. */
function noCopy(c: i32, n: i32, nr: i32): void {
  add(c + ST_COPIES, -nr);
  add(c + ST_COPIED, -1);
  exchange(c, n, ld(c + ST_COPIED));
}
/** Two bodies change places. */
function exchange(c: i32, n: i32, m: i32): void {
  if (n === m) return;
  const owner = ownerOf(c, n);
  const first = firstPageOf(c, n);
  putAt(c, n, ownerOf(c, m), firstPageOf(c, m));
  putAt(c, m, owner, first);
}
function putAt(c: i32, n: i32, owner: i32, first: i32): void {
  st(tableAddr(c, n), owner);
  st(tableAddr(c, n) + 4, first);
  st(recordAddr(c, first) + 4, -1 - n);
}
/** The `nr` pages of the body that was begun last become those of the n-th, whose own stay as its copy; it has none yet. */
export function takeOver(c: i32, n: i32, nr: i32): void {
  const old = firstPageOf(c, n);
  const first = firstPageOf(c, ld(c + ST_NR_BODIES) - 1);
  leaveTable(c, ld(c + ST_NR_BODIES) - 1);
  st(tableAddr(c, n) + 4, first);
  st(recordAddr(c, first) + 4, -1 - n);
  st(recordAddr(c, lastOf(c, first)), -1 - old);
  st(recordAddr(c, old) + 4, COPY + first);
  add(c + ST_COPIES, nr);
  exchange(c, n, ld(c + ST_COPIED));
  add(c + ST_COPIED, 1);
}
/** The copy of the n-th body becomes its body, whose pages are given back. Returns its first page, and with it where the value begins. */
export function fallBack(c: i32, n: i32): i32 {
  const first = copyOf(c, n);
  const nr = freePages(c, firstPageOf(c, n));
  st(tableAddr(c, n) + 4, first);
  st(recordAddr(c, first) + 4, -1 - n);
  noCopy(c, n, nr);
  return first;
}
/** The body at `place`, which has no copy, is none any more: the last of them takes its place. */
function leaveTable(c: i32, place: i32): void {
  const last = ld(c + ST_NR_BODIES) - 1;
  if (place !== last) putAt(c, place, ownerOf(c, last), firstPageOf(c, last));
  st(c + ST_NR_BODIES, last);
}
/** Give a chain of pages back. Returns how many. */
function freePages(c: i32, first: i32): i32 {
  st(c + ST_AT_BODY, 0);
  const data = ld(c + ST_DATA_VMA);
  let nr: i32 = 0;
  for (let page: i32 = first; page >= 0; nr++) {
    const next = nextPage(c, page);
    if (ld(c + ST_SINK_PAGE) === page + 1) st(c + ST_SINK_PAGE, 0);
    zapPages(data, bodyVpn(c, page), 1);
    putPage(c, page);
    page = next;
  }
  add(c + ST_BODIES, -nr);
  return nr;
}
/** Whether every page of a body still is somewhere. */
export function bodyWhole(c: i32, first: i32): boolean {
  for (let page: i32 = first; page >= 0; page = nextPage(c, page)) if (pte(bodyVpn(c, page)) === 0) return false;
  return true;
}
/** Give the n-th body back if its item's head was lost. */
export function sweepOrphan(c: i32, n: i32): void {
  const page = (ownerOf(c, n) - 1) >>> 9;
  if (pte(ld(c + ST_DATA_START) + page) === 0) freeBody(c, firstPageOf(c, n));
}
