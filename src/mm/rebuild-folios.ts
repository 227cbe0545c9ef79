/**
 * Frames, when it is known which of them page-table entries name (rebuild-entries.ts): which are folios, and which are free. A large folio
 * stays one if its frames still say so and its pages are all there, in order; otherwise its pages are folios of their own, as
 * they are after a split. A frame that no entry names is free unless somebody holds it.
 */
import {
  LRU_GEN_MASK,
  LRU_REFS_MASK,
  makeFlags,
  ORDER_MASK,
  PG_ACTIVE,
  PG_BUDDY,
  PG_DETACHED,
  PG_FILE,
  PG_HEAD,
  PG_KEPT,
  PG_TAIL,
  PG_UNEVICTABLE,
} from "./folio.ts";
import {
  addNode,
  addVma,
  flags,
  freeHead,
  MAX_ORDER,
  MAX_VMAS,
  N_FREE,
  N_PAGES,
  N_START,
  node,
  nodes,
  ownerVma,
  prev,
  setFlags,
  setNode,
  setPrev,
  setRefs,
  V_FILE,
  V_HELD,
  V_LOCKED,
  V_PAGES,
  V_START,
  vma,
  vpnOf,
} from "./layout.ts";
import { listAddTail, listInit } from "./list.ts";
import { pinsOf } from "./pins.ts";

// What `prev` of a frame says while lists are made anew: no entry names it; one does, and it is on no list yet; likewise, but it was met
// where it does not belong; or it is no folio's first.
export const FRAME_UNMAPPED: i32 = -1;
export const FRAME_MAPPED: i32 = -2;
export const FRAME_PASSED: i32 = -3;
export const FRAME_TAIL: i32 = -4;
/** Unmapped, and met. */
export const FRAME_GONE: i32 = -5;

/** Make folios of all frames that are mapped or held, on no list yet; the others are without a block. */
export function rebuildFolios(): void {
  for (let nid: i32 = 0; nid < nodes(); nid++) {
    const end = node(nid, N_START) + node(nid, N_PAGES);
    for (let f: i32 = node(nid, N_START); f < end; ) {
      if (prev(f) === FRAME_MAPPED) f += mappedFolio(nid, f, end);
      else {
        unmappedFrame(nid, f);
        f++;
      }
    }
  }
}
/** Returns the frames of the folio. */
function mappedFolio(nid: i32, f: i32, end: i32): i32 {
  const w = flags(f);
  const v = ownerVma(f);
  const order = wholeOrder(f, end);
  const nr = 1 << order;
  // What is left of a large folio has no history but its head's.
  let bits: i32 = (w & PG_HEAD) !== 0 ? w & (PG_KEPT | LRU_GEN_MASK | LRU_REFS_MASK) & ~(PG_FILE | PG_UNEVICTABLE) : 0;
  if (vma(v, V_FILE) !== 0) bits |= PG_FILE;
  if (vma(v, V_LOCKED) !== 0) bits = (bits | PG_UNEVICTABLE) & ~(PG_ACTIVE | LRU_GEN_MASK);
  setFlags(f, makeFlags(nid, order, PG_HEAD | bits));
  let pins: i32 = pinsOf(f);
  for (let i: i32 = 1; i < nr; i++) {
    pins += pinsOf(f + i);
    setPrev(f + i, FRAME_TAIL);
  }
  setRefs(f, 1 + pins);
  return nr;
}
/** The order of the folio that begins at frame `f`: what its flags say if all of it is there, else 0. */
function wholeOrder(f: i32, end: i32): i32 {
  const w = flags(f);
  const order = w & ORDER_MASK;
  const nr = 1 << order;
  if ((w & PG_HEAD) === 0 || order === 0 || order > MAX_ORDER || (f & (nr - 1)) !== 0 || f + nr > end) return 0;
  const v = ownerVma(f);
  const vpn = vpnOf(f);
  if (vpn + nr > vma(v, V_START) + vma(v, V_PAGES)) return 0;
  for (let i: i32 = 1; i < nr; i++) {
    if (prev(f + i) !== FRAME_MAPPED || vpnOf(f + i) !== vpn + i) return 0;
    if ((flags(f + i) & (PG_TAIL | PG_HEAD | ORDER_MASK)) !== (PG_TAIL | order)) return 0;
  }
  return order;
}
function unmappedFrame(nid: i32, f: i32): void {
  const pins = pinsOf(f);
  setFlags(f, makeFlags(nid, 0, pins > 0 ? PG_HEAD | PG_DETACHED : 0));
  setRefs(f, pins);
  if (pins > 0 && ownerVma(f) < MAX_VMAS) addVma(ownerVma(f), V_HELD, 1);
}

/** Put all frames that are in no folio on their node's free lists, in the largest blocks that there are. Lists of folios are done with. */
export function rebuildFree(): void {
  for (let nid: i32 = 0; nid < nodes(); nid++) {
    for (let o: i32 = 0; o <= MAX_ORDER; o++) listInit(freeHead(nid, o));
    setNode(nid, N_FREE, 0);
    const free = makeFlags(nid, 0, 0);
    const end = node(nid, N_START) + node(nid, N_PAGES);
    for (let f: i32 = node(nid, N_START); f < end; ) {
      if (flags(f) !== free) {
        f += (flags(f) & PG_HEAD) !== 0 ? 1 << (flags(f) & ORDER_MASK) : 1;
        continue;
      }
      const order = freeOrder(f, end, free);
      setFlags(f, makeFlags(nid, order, PG_BUDDY));
      listAddTail(freeHead(nid, order), f);
      addNode(nid, N_FREE, 1 << order);
      f += 1 << order;
    }
  }
}
/** The order of the largest block of free frames that begins at frame `f`. */
function freeOrder(f: i32, end: i32, free: i32): i32 {
  let order: i32 = 0;
  while (order < MAX_ORDER && (f & ((2 << order) - 1)) === 0 && f + (2 << order) <= end) {
    for (let i: i32 = 1 << order; i < 2 << order; i++) if (flags(f + i) !== free) return order;
    order++;
  }
  return order;
}
