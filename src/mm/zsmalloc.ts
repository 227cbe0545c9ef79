/**
 * The allocator of compressed pages (mm/zsmalloc.c): objects of any size up to a page, packed without regard to page
 * boundaries.
 *
 * Sizes are rounded up to a class, a multiple of 16 bytes. The objects of a class lie in zspages: one to eight pages, as many
 * as waste least, that need not be neighbours; so an object may lie across two of them. Classes that have as many objects in as
 * many pages are one. Free objects are linked through their first word. A class's zspages are on four lists by how full they
 * are, and a new object goes to one of the fullest, so that the emptiest drain and give their pages back; compact() helps.
 *
 * An object begins with the number of its owner, a swap slot, whose word (layout.ts, slotSum) holds the object's handle; that is how an
 * object can be moved. Objects of a whole page have no room for it: the page's descriptor has their owner. Above the owner's number, in the
 * same word, is that of the dictionary that the content needs, plus 1 (zdict.ts).
 *
 * A handle is (first page of the zspage << 10) + the object's index, and 2^30 at most.
 */
import {
  H_ZPOOL_FREE,
  H_ZPOOL_FREE_LIST,
  H_ZPOOL_HELD,
  H_ZPOOL_PAGES,
  H_ZPOOL_STORED,
  hdr,
  hdrf,
  MAX_INDEX,
  NR_ZS_CLASSES,
  PAGE_SHIFT,
  PAGE_SIZE,
  setHdr,
  setHdrf,
  setSlotSum,
  setZclass,
  setZpage,
  ZC_LISTS,
  ZC_MERGED,
  ZC_OBJECTS,
  ZC_PAGES,
  ZC_SIZE,
  ZP_CLASS,
  ZP_FIRST,
  ZP_FREE,
  ZP_INUSE,
  ZP_LIST_NEXT,
  ZP_NEXT,
  zclass,
  zpage,
  zpageAddr,
} from "./layout.ts";
import { copyBytes, ld, st, toI32 } from "./machine.ts";
import { zdictRelease } from "./zdict.ts";
import { emptiestOf, FULL, fullestOf, LISTS, list, listOf, relist, unlist } from "./zs-lists.ts";

/** Most pages of a zspage (ZSMALLOC_CHAIN_SIZE). */
const MAX_CHAIN: i32 = 8;
/** Bytes before an object's content: its owner. */
const HEADER: i32 = 4;
/** The class of whole pages. */
export const HUGE: i32 = NR_ZS_CLASSES - 1;
export const INDEX_BITS: i32 = 10;
const INDEX_MASK: i32 = (1 << INDEX_BITS) - 1;
/** Slots' numbers are of 26 bits (MAX_INDEX). */
const DICT_SHIFT: i32 = 26;

/** Set up a pool of `pages` pages, all free. The header has their number already. */
export function initZpool(pages: i32): void {
  let above: i32 = HUGE;
  for (let c: i32 = HUGE; c > 1; c--) {
    const size = c << 4;
    const chain = chainOf(size);
    const objects = ((chain << PAGE_SHIFT) / size) | 0;
    if (zclass(above, ZC_PAGES) !== chain || zclass(above, ZC_OBJECTS) !== objects) above = c;
    setZclass(c, ZC_SIZE, size);
    setZclass(c, ZC_PAGES, chain);
    setZclass(c, ZC_OBJECTS, objects);
    setZclass(c, ZC_MERGED, above);
    for (let list: i32 = 0; list < LISTS; list++) setZclass(c, ZC_LISTS + (list << 2), 0);
  }
  for (let p: i32 = 0; p < pages; p++) setZpage(p, ZP_NEXT, p + 1 < pages ? p + 2 : 0);
  setHdr(H_ZPOOL_FREE_LIST, pages > 0 ? 1 : 0);
  setHdr(H_ZPOOL_FREE, pages);
  setHdrf(H_ZPOOL_STORED, 0);
}
/** How many pages waste the smallest share (calculate_zspage_chain_size). */
function chainOf(size: i32): i32 {
  let best: i32 = 1;
  let least: i32 = PAGE_SIZE % size;
  for (let pages: i32 = 2; pages <= MAX_CHAIN; pages++) {
    const waste = (pages << PAGE_SHIFT) % size;
    // Less for each page?
    if (waste * best < least * pages) {
      least = waste;
      best = pages;
    }
  }
  return best;
}

/** The class of an object with `bytes` of content. */
function classOf(bytes: i32): i32 {
  const c = (bytes + HEADER + 15) >> 4;
  return c > HUGE ? HUGE : zclass(c < 2 ? 2 : c, ZC_MERGED);
}
/**
 * The class that an object with `bytes` of content goes to: its own, or, while free places are more than a thirty-second of the pool, one that
 * is larger by a sixteenth at most, or by as great a part as they are of the pool, and has one. In a small pool each class's last zspage,
 * hardly begun, would else be a good part of it.
 */
function classFor(bytes: i32): i32 {
  const own = classOf(bytes);
  if (own === HUGE || fullestOf(own) >= 0) return own;
  const most = own + longer(own);
  let c: i32 = own + 1;
  while (c <= most && c < HUGE) {
    c = zclass(c, ZC_MERGED);
    if (c < HUGE && fullestOf(c) >= 0) return c;
    c++;
  }
  return own;
}
/** By how many classes an object of class `c` may be larger. */
function longer(c: i32): i32 {
  const pages: f64 = hdr(H_ZPOOL_PAGES) - hdr(H_ZPOOL_HELD) - hdr(H_ZPOOL_FREE);
  const used = pages * PAGE_SIZE;
  const free = used - hdrf(H_ZPOOL_STORED);
  if (free * 32 <= used) return 0;
  const part = toI32((free / used) * c);
  return part > c >> 4 ? part : c >> 4;
}

/** Bytes that content of this size takes in the pool, its share of its zspage's waste included. */
export function zsCost(bytes: i32): i32 {
  const c = classOf(bytes);
  return ((zclass(c, ZC_PAGES) << PAGE_SHIFT) / zclass(c, ZC_OBJECTS)) | 0;
}

/** Whether content of this size can be stored without more pages than are free. */
export function zsFits(bytes: i32): boolean {
  const c = classFor(bytes);
  return fullestOf(c) >= 0 || hdr(H_ZPOOL_FREE) >= zclass(c, ZC_PAGES);
}
/** Whether an object is a whole page. */
export function zsIsWhole(handle: i32): boolean {
  return zpage(handle >>> INDEX_BITS, ZP_CLASS) === HUGE;
}

/**
 * Room for `bytes` of content, at most PAGE_SIZE, of `owner` (zsOwnerUsing); its handle, or -1 if that takes more pages than are free.
 */
export function zsMalloc(bytes: i32, owner: i32): i32 {
  const c = classFor(bytes);
  let first: i32 = fullestOf(c);
  if (first < 0) first = newZspage(c);
  if (first < 0) return -1;
  const handle = takeObject(c, first);
  setOwner(handle, owner);
  setHdrf(H_ZPOOL_STORED, hdrf(H_ZPOOL_STORED) + zclass(c, ZC_SIZE));
  return handle;
}
/** The owner of an object whose content needs dictionary `d`; -1: none. */
export function zsOwnerUsing(owner: i32, d: i32): i32 {
  return owner | ((d + 1) << DICT_SHIFT);
}
/** Give an object back, and its zspage's pages with the last. */
export function zsFree(handle: i32): void {
  const c = zpage(handle >>> INDEX_BITS, ZP_CLASS);
  zdictRelease(zsDict(handle));
  setHdrf(H_ZPOOL_STORED, hdrf(H_ZPOOL_STORED) - zclass(c, ZC_SIZE));
  giveObject(c, handle);
}

/** Copy `bytes` bytes from `from` to an object's content. */
export function zsWrite(handle: i32, from: i32, bytes: i32): void {
  writeAt(handle, 0, from, bytes);
}
/**
 * Byte address of the content of an object; if it lies across two pages, it is copied to `buffer` first, which has room for a page.
 * How far it may be read: {@link zsContentSize}.
 */
export function zsRead(handle: i32, buffer: i32): i32 {
  const at = contentOffset(handle);
  const size = zsContentSize(handle);
  const rest = PAGE_SIZE - (at & (PAGE_SIZE - 1));
  if (size <= rest) return addressOf(handle, at);
  copyBytes(buffer, addressOf(handle, at), rest);
  copyBytes(buffer + rest, addressOf(handle, at + rest), size - rest);
  return buffer;
}
/** Bytes that the content of an object may take. */
export function zsContentSize(handle: i32): i32 {
  const c = zpage(handle >>> INDEX_BITS, ZP_CLASS);
  return c === HUGE ? PAGE_SIZE : zclass(c, ZC_SIZE) - HEADER;
}
/** What an object takes, in units of 16 bytes: its class's size, without its share of what its zspage wastes. */
export function zsUnits(handle: i32): i32 {
  return zclass(zpage(handle >>> INDEX_BITS, ZP_CLASS), ZC_SIZE) >> 4;
}
/** The same for content that is not stored yet. */
export function zsUnitsOf(bytes: i32): i32 {
  return zclass(classFor(bytes), ZC_SIZE) >> 4;
}
/** Whose object it is; of one that is free, less than 0. */
export function zsOwner(handle: i32): i32 {
  const word = ownerWord(handle);
  return word < 0 ? word : word & MAX_INDEX;
}
/** The dictionary that an object's content needs; -1: none. */
export function zsDict(handle: i32): i32 {
  return (ownerWord(handle) >>> DICT_SHIFT) - 1;
}
function ownerWord(handle: i32): i32 {
  const first = handle >>> INDEX_BITS;
  if (zpage(first, ZP_CLASS) === HUGE) return zpage(first, ZP_FREE);
  return ld(addressOf(handle, offsetOf(handle)));
}
function setOwner(handle: i32, owner: i32): void {
  const first = handle >>> INDEX_BITS;
  if (zpage(first, ZP_CLASS) === HUGE) setZpage(first, ZP_FREE, owner);
  else st(addressOf(handle, offsetOf(handle)), owner);
}

/**
 * Move the objects of the emptiest zspages of each class to the fuller ones (zs_compact), until `pages` pages are free that were
 * not, or no class gains by it. Returns how many are.
 */
export function zsCompact(pages: i32): i32 {
  const before = hdr(H_ZPOOL_FREE);
  for (let c: i32 = 2; c < HUGE; c++) {
    while (hdr(H_ZPOOL_FREE) - before < pages) {
      const from = emptiestOf(c);
      if (from < 0 || !drains(c, from)) break;
      drain(c, from);
    }
  }
  return hdr(H_ZPOOL_FREE) - before;
}
/** Whether the other zspages of the class have room for what is in this one. Looks no further than it must. */
function drains(c: i32, from: i32): boolean {
  const wanted = zpage(from, ZP_INUSE);
  let room: i32 = 0;
  for (let list: i32 = FULL - 1; list >= 0; list--) {
    for (let p: i32 = zclass(c, ZC_LISTS + (list << 2)); p !== 0; p = zpage(p - 1, ZP_LIST_NEXT)) {
      if (p - 1 !== from) room += zclass(c, ZC_OBJECTS) - zpage(p - 1, ZP_INUSE);
      if (room >= wanted) return true;
    }
  }
  return false;
}
function drain(c: i32, from: i32): void {
  unlist(c, from, listOf(c, from));
  const objects = zclass(c, ZC_OBJECTS);
  for (let i: i32 = 0; i < objects; i++) {
    const old = (from << INDEX_BITS) | i;
    const owner = ld(addressOf(old, offsetOf(old)));
    if (owner < 0) continue;
    const handle = takeObject(c, fullestOf(c));
    setOwner(handle, owner);
    moveContent(old, handle, zclass(c, ZC_SIZE) - HEADER);
    setSlotSum(owner & MAX_INDEX, handle);
  }
  freePages(from);
}
function moveContent(from: i32, to: i32, bytes: i32): void {
  const at = contentOffset(from);
  const rest = PAGE_SIZE - (at & (PAGE_SIZE - 1));
  const here = bytes < rest ? bytes : rest;
  writeAt(to, 0, addressOf(from, at), here);
  if (here < bytes) writeAt(to, here, addressOf(from, at + here), bytes - here);
}

// ---- objects ---------------------------------------------------------------------------------------------------------

/** Bytes from the beginning of its zspage to an object, and to its content. */
function offsetOf(handle: i32): i32 {
  return (handle & INDEX_MASK) * zclass(zpage(handle >>> INDEX_BITS, ZP_CLASS), ZC_SIZE);
}
function contentOffset(handle: i32): i32 {
  return zpage(handle >>> INDEX_BITS, ZP_CLASS) === HUGE ? 0 : offsetOf(handle) + HEADER;
}
/** Byte address of an object's first word. */
export function wordOf(handle: i32): i32 {
  return addressOf(handle, offsetOf(handle));
}
/** Byte address of what lies `offset` bytes into an object's zspage. */
function addressOf(handle: i32, offset: i32): i32 {
  let p: i32 = handle >>> INDEX_BITS;
  for (let i: i32 = offset >>> PAGE_SHIFT; i > 0; i--) p = zpage(p, ZP_NEXT) - 1;
  return zpageAddr(p) + (offset & (PAGE_SIZE - 1));
}
/** Copy `bytes` bytes from `from` to an object's content, from its byte `begin` on. */
function writeAt(handle: i32, begin: i32, from: i32, bytes: i32): void {
  const at = contentOffset(handle) + begin;
  const rest = PAGE_SIZE - (at & (PAGE_SIZE - 1));
  const here = bytes < rest ? bytes : rest;
  copyBytes(addressOf(handle, at), from, here);
  if (here < bytes) copyBytes(addressOf(handle, at + here), from + here, bytes - here);
}

/** Take a free object of a zspage that has one. */
function takeObject(c: i32, first: i32): i32 {
  const before = listOf(c, first);
  setZpage(first, ZP_INUSE, zpage(first, ZP_INUSE) + 1);
  relist(c, first, before);
  if (c === HUGE) return first << INDEX_BITS;
  const handle = (first << INDEX_BITS) | (zpage(first, ZP_FREE) - 1);
  setZpage(first, ZP_FREE, nextFree(ld(addressOf(handle, offsetOf(handle)))));
  return handle;
}
function giveObject(c: i32, handle: i32): void {
  const first = handle >>> INDEX_BITS;
  const before = listOf(c, first);
  const left = zpage(first, ZP_INUSE) - 1;
  if (left === 0) {
    unlist(c, first, before);
    freePages(first);
    return;
  }
  setZpage(first, ZP_INUSE, left);
  st(addressOf(handle, offsetOf(handle)), freeLink(zpage(first, ZP_FREE)));
  setZpage(first, ZP_FREE, (handle & INDEX_MASK) + 1);
  relist(c, first, before);
}
/** A free object's first word: negative, as no owner is. */
export function freeLink(next: i32): i32 {
  return -1 - next;
}
function nextFree(link: i32): i32 {
  return -1 - link;
}

// ---- zspages ---------------------------------------------------------------------------------------------------------

/** Make a zspage of free pages. Returns its first page, or -1 if there are too few. */
function newZspage(c: i32): i32 {
  const pages = zclass(c, ZC_PAGES);
  if (hdr(H_ZPOOL_FREE) < pages) return -1;
  const first = hdr(H_ZPOOL_FREE_LIST) - 1;
  let p: i32 = first;
  for (let i: i32 = 1; i < pages; i++) {
    setZpage(p, ZP_FIRST, first);
    p = zpage(p, ZP_NEXT) - 1;
  }
  setZpage(p, ZP_FIRST, first);
  setHdr(H_ZPOOL_FREE_LIST, zpage(p, ZP_NEXT));
  setZpage(p, ZP_NEXT, 0);
  setHdr(H_ZPOOL_FREE, hdr(H_ZPOOL_FREE) - pages);
  setZpage(first, ZP_CLASS, c);
  setZpage(first, ZP_INUSE, 0);
  setZpage(first, ZP_FREE, 0);
  if (c !== HUGE) {
    for (let i: i32 = zclass(c, ZC_OBJECTS) - 1; i >= 0; i--) {
      const handle = (first << INDEX_BITS) | i;
      st(addressOf(handle, offsetOf(handle)), freeLink(zpage(first, ZP_FREE)));
      setZpage(first, ZP_FREE, i + 1);
    }
  }
  list(c, first, 0);
  return first;
}
function freePages(first: i32): void {
  const pages = zclass(zpage(first, ZP_CLASS), ZC_PAGES);
  let p: i32 = first;
  for (let i: i32 = 1; i < pages; i++) p = zpage(p, ZP_NEXT) - 1;
  setZpage(p, ZP_NEXT, hdr(H_ZPOOL_FREE_LIST));
  setHdr(H_ZPOOL_FREE_LIST, first + 1);
  setHdr(H_ZPOOL_FREE, hdr(H_ZPOOL_FREE) + pages);
}
