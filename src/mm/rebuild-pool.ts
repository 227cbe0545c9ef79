/**
 * The pool of compressed pages, when it is known which of its slots are in use (rebuild-slots.ts). A slot's handle says in which zspage its object is,
 * and a zspage that has one is whole: it was made before the object, and is taken apart after the last. All other pages are free.
 */
import { BUG_SLOT } from "./errno.ts";
import {
  C_ACTIVE,
  H_ZPOOL_FREE,
  H_ZPOOL_FREE_LIST,
  H_ZPOOL_HELD,
  H_ZPOOL_HELD_LIST,
  H_ZPOOL_PAGES,
  H_ZPOOL_STORED,
  hdr,
  memcg,
  NR_ZS_CLASSES,
  S_SLOTS,
  S_START,
  setHdr,
  setHdrf,
  setZclass,
  setZdict,
  setZpage,
  slotSum,
  slotVpn,
  swapDev,
  ZC_LISTS,
  ZC_OBJECTS,
  ZC_PAGES,
  ZC_SIZE,
  ZD_MEMCG,
  ZD_STATE,
  ZD_USERS,
  ZP_CLASS,
  ZP_FIRST,
  ZP_FREE,
  ZP_INUSE,
  ZP_NEXT,
  zclass,
  zdict,
  zdicts,
  zpage,
} from "./layout.ts";
import { hostBug, st } from "./machine.ts";
import { poolDevice, SAME_FILLED } from "./swap.ts";
import { ZDICT_FREE, ZDICT_READY, ZDICT_RETIRED, zdictHold } from "./zdict.ts";
import { LISTS, listZspage } from "./zs-lists.ts";
import { freeLink, HUGE, INDEX_BITS, wordOf, zsDict, zsOwner } from "./zsmalloc.ts";

const NOBODYS: i32 = -1;
const HELD: i32 = -2;

/** See the file's head. */
export function rebuildPool(): void {
  const pages = hdr(H_ZPOOL_PAGES);
  if (pages === 0) return;
  for (let c: i32 = 0; c < NR_ZS_CLASSES; c++)
    for (let list: i32 = 0; list < LISTS; list++) setZclass(c, ZC_LISTS + (list << 2), 0);
  for (let p: i32 = 0; p < pages; p++) setZpage(p, ZP_FIRST, NOBODYS);
  const start = swapDev(poolDevice(), S_START);
  const end = start + swapDev(poolDevice(), S_SLOTS);
  for (let slot: i32 = start; slot < end; slot++) if (hasObject(slot)) claim(slot, slotSum(slot) >>> INDEX_BITS, pages);
  followHeld();
  let free: i32 = 0;
  setHdr(H_ZPOOL_FREE_LIST, 0);
  for (let p: i32 = pages - 1; p >= 0; p--) {
    if (zpage(p, ZP_FIRST) !== NOBODYS) continue;
    setZpage(p, ZP_NEXT, hdr(H_ZPOOL_FREE_LIST));
    setHdr(H_ZPOOL_FREE_LIST, p + 1);
    free++;
  }
  setHdr(H_ZPOOL_FREE, free);
  let stored: f64 = 0;
  for (let d: i32 = 0; d < zdicts(); d++) setZdict(d, ZD_USERS, 0);
  for (let p: i32 = 0; p < pages; p++) if (zpage(p, ZP_FIRST) === p) stored += rebuildZspage(p, start, end);
  setHdrf(H_ZPOOL_STORED, stored);
  for (let d: i32 = 0; d < zdicts(); d++) rebuildDictionary(d);
}
/** Of a dictionary that is whole, its users are known: one that is nobody's any more, or was not yet whole, is free. */
function rebuildDictionary(d: i32): void {
  const state = zdict(d, ZD_STATE);
  const live = state === ZDICT_READY && memcg(zdict(d, ZD_MEMCG), C_ACTIVE) !== 0;
  if (!live) setZdict(d, ZD_STATE, state >= ZDICT_READY && zdict(d, ZD_USERS) > 0 ? ZDICT_RETIRED : ZDICT_FREE);
}
function hasObject(slot: i32): boolean {
  return slotVpn(slot) !== 0 && (slotVpn(slot) & SAME_FILLED) === 0;
}
/** The zspage that begins with page `first` has an object, that of `slot`. */
function claim(slot: i32, first: i32, pages: i32): void {
  if (first >= pages) hostBug(BUG_SLOT, slot, first);
  if (zpage(first, ZP_FIRST) === first) return;
  let p: i32 = first;
  for (let i: i32 = zclass(zpage(first, ZP_CLASS), ZC_PAGES); i > 0; i--) {
    if (p < 0 || p >= pages || zpage(p, ZP_FIRST) !== NOBODYS) hostBug(BUG_SLOT, slot, p);
    setZpage(p, ZP_FIRST, first);
    p = zpage(p, ZP_NEXT) - 1;
  }
}
/** Pages that the pool has to do without stay so: their list is whole at each store (zs-balloon.ts). */
function followHeld(): void {
  let held: i32 = 0;
  for (let p: i32 = hdr(H_ZPOOL_HELD_LIST) - 1; p >= 0 && zpage(p, ZP_FIRST) === NOBODYS; p = zpage(p, ZP_NEXT) - 1) {
    setZpage(p, ZP_FIRST, HELD);
    held++;
  }
  setHdr(H_ZPOOL_HELD, held);
}
/** Find the free objects of a zspage. Returns the bytes of the others. */
function rebuildZspage(first: i32, start: i32, end: i32): f64 {
  const c = zpage(first, ZP_CLASS);
  let inUse: i32 = 0;
  let free: i32 = 0;
  for (let i: i32 = zclass(c, ZC_OBJECTS) - 1; i >= 0; i--) {
    const handle = (first << INDEX_BITS) | i;
    const owner = zsOwner(handle);
    if (owner >= start && owner < end && hasObject(owner) && slotSum(owner) === handle) {
      inUse++;
      zdictHold(zsDict(handle));
    } else if (c !== HUGE) {
      st(wordOf(handle), freeLink(free));
      free = i + 1;
    }
  }
  setZpage(first, ZP_INUSE, inUse);
  if (c !== HUGE) setZpage(first, ZP_FREE, free);
  listZspage(c, first);
  return zclass(c, ZC_SIZE) * inUse;
}
