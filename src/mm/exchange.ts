/**
 * Exchange: two pages of different nodes change places, so that a page can move where there is no room, and nothing is lost
 * for it. Who has to go to a node that is full finds a partner there, a page that may be where he comes from.
 *
 * Each of the two moves is a migration like any other, one after the other. All that it takes is one free frame on either
 * node, from below the min watermark if need be, for as many are given back at once. So a reader who takes hold of a page meanwhile sees
 * what every migration shows him. Where neither node has a frame left, the bytes change places in place, which nobody can
 * see: a page that is held is not exchanged.
 *
 * Partners are the pages that a node can do without best: where they go down, the coldest and those that are not in use; where
 * they go up, the hottest. Locked pages are partners for places as fast as theirs alone: nobody's move makes them
 * slower. A large folio gives as many base pages as are wanted, and is split for it only where there are no others.
 */
import { EAGAIN } from "./errno.ts";
import {
  folioNid,
  folioNr,
  folioOrder,
  makeFlags,
  PG_ACTIVE,
  PG_HEAD,
  PG_KEPT,
  PG_LOCKED,
  PG_LRU,
  PG_UNEVICTABLE,
  PG_WRITEBACK,
  test,
} from "./folio.ts";
import { endHold, holdChanges } from "./hopeless.ts";
import {
  addNode,
  C_ACTIVE,
  flags,
  frameAddr,
  H_EXCHANGING,
  H_EXCHANGING_WITH,
  H_LOOKED,
  H_NR_MEMCG,
  H_OPTIONS,
  hasBytes,
  hdr,
  LRU_UNEVICTABLE,
  lookAddr,
  lruGenHead,
  lruHead,
  lruvecOf,
  MAX_NR_GENS,
  memcg,
  N_COMING,
  N_FREE,
  N_GIVING,
  N_TIER,
  NR_LRU_LISTS,
  next,
  node,
  ownerMemcg,
  ownerVma,
  PAGE_SIZE,
  prev,
  priv,
  pte,
  refs,
  scanHead,
  setFlags,
  setHdr,
  setOwner,
  setPriv,
  setPte,
  setVpnOf,
  vpnOf,
} from "./layout.ts";
import { listAddTail, listDel, listEmpty } from "./list.ts";
import { lruAdd, lruAddTail, lruDel } from "./lru.ts";
import { genOf, lruGenEnabled, maxSeq } from "./lru-gen.ts";
import { copyBytes, lowestBit } from "./machine.ts";
import { placementMask } from "./mempolicy.ts";
import { isolate, migrateInto, migratePublish, migrateUnmap, putback, splitFolio, unisolate } from "./migrate.ts";
import { allNodes } from "./node.ts";
import { OPT_ROOM_FIRST } from "./options.ts";
import { mkPte, PTE_ACCESSED, PTE_FLAGS, pteIndex } from "./page-table.ts";
import { LIST_PARTNERS, LIST_SCAN } from "./scan-control.ts";
import { count, PGEXCHANGE, PGMIGRATE_SUCCESS } from "./vmstat.ts";

/** Looks at a list for partners: base pages in the right state, any base pages, large folios. */
const PASSES: i32 = 3;

/** Whether pages change places at all. */
export function exchanges(): boolean {
  return (hdr(H_OPTIONS) & OPT_ROOM_FIRST) !== 0;
}

/** Whether folio `f` can move to node `to`, its owner may be there, and it has not to move itself. */
function mayExchange(f: i32, to: i32): boolean {
  if (refs(f) !== 1 || !test(f, PG_LRU) || test(f, PG_LOCKED | PG_WRITEBACK)) return false;
  const both = (1 << to) | (1 << folioNid(f));
  if ((placementMask(ownerVma(f)) & both) !== both) return false;
  return !test(f, PG_UNEVICTABLE) || node(to, N_TIER) <= node(folioNid(f), N_TIER);
}

/**
 * Isolate up to `nr` base pages on the nodes of `from` that may be on node `to`, to LIST_PARTNERS. Returns how many.
 * N_GIVING of their nodes and N_COMING of `to` count them.
 */
export function takePartners(from: i32, to: i32, nr: i32): i32 {
  let taken: i32 = 0;
  if (!exchanges()) return 0;
  for (let pass: i32 = 0; pass < PASSES; pass++) {
    for (let m: i32 = from; m !== 0 && taken < nr; m &= m - 1) taken += takeFrom(lowestBit(m), to, nr - taken, pass);
  }
  addNode(to, N_COMING, taken);
  return taken;
}
/** Lists of a node and group: those of evictable pages from the coldest on, then the unevictable one. */
function nrLists(): i32 {
  return lruGenEnabled() ? 2 * MAX_NR_GENS + 1 : NR_LRU_LISTS;
}
function listHead(nid: i32, cg: i32, i: i32): i32 {
  if (i === nrLists() - 1) return lruHead(nid, cg, LRU_UNEVICTABLE);
  if (!lruGenEnabled()) return lruHead(nid, cg, ((i & 1) << 1) | (i >> 1));
  const seq: i32 = (maxSeq(lruvecOf(nid, cg)) - MAX_NR_GENS + 1 + (i >> 1)) | 0;
  return lruGenHead(nid, cg, genOf(seq), i & 1);
}
function takeFrom(nid: i32, to: i32, nr: i32, pass: i32): i32 {
  const up = node(to, N_TIER) < node(nid, N_TIER);
  const last = nrLists() - 1;
  let taken: i32 = 0;
  for (let i: i32 = 0; i <= last; i++) {
    const at = up && i < last ? last - 1 - i : i;
    for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG) && taken < nr; cg++) {
      if (memcg(cg, C_ACTIVE) !== 0) taken += takeFromList(listHead(nid, cg, at), to, nr - taken, pass, up);
    }
  }
  return taken;
}
function takeFromList(head: i32, to: i32, nr: i32, pass: i32, up: boolean): i32 {
  let taken: i32 = 0;
  let f: i32 = up ? next(head) : prev(head);
  while (f !== head && taken < nr) {
    const following = up ? next(f) : prev(f);
    if (suits(f, pass, up) && mayExchange(f, to)) taken += take(f, nr - taken);
    f = following;
  }
  return taken;
}
function suits(f: i32, pass: i32, up: boolean): boolean {
  if (pass < PASSES - 1 && folioOrder(f) > 0) return false;
  return pass > 0 || ((pte(vpnOf(f)) & PTE_ACCESSED) !== 0) === up;
}
/** Isolate up to `nr` pages of a folio. Returns how many. */
function take(f: i32, nr: i32): i32 {
  const pages = folioNr(f);
  const nid = folioNid(f);
  lruDel(f);
  isolate(f);
  const pieces = scanHead(LIST_SCAN);
  if (pages > 1) splitFolio(f, pieces);
  else listAddTail(pieces, f);
  const taken = pages < nr ? pages : nr;
  for (let i: i32 = 0; i < pages; i++) {
    const piece = next(pieces);
    listDel(piece);
    if (i < taken) listAddTail(scanHead(LIST_PARTNERS), piece);
    else putback(piece);
  }
  addNode(nid, N_GIVING, taken);
  return taken;
}

/** The first partner on the nodes of `on` that may go to node `to`; -1 if there is none. Others go to the end of the list. */
export function partnerFor(to: i32, on: i32): i32 {
  const list = scanHead(LIST_PARTNERS);
  const last = prev(list);
  while (!listEmpty(list)) {
    const f = next(list);
    if ((on & (1 << folioNid(f))) !== 0 && mayGo(f, to)) return f;
    listDel(f);
    listAddTail(list, f);
    if (f === last) return -1;
  }
  return -1;
}
function mayGo(f: i32, to: i32): boolean {
  return folioNid(f) !== to && (placementMask(ownerVma(f)) & (1 << to)) !== 0;
}
/** Up to `nr` partners on the nodes of `on` move to node `to`, which has been left by as many pages. */
export function bringPartners(to: i32, on: i32, nr: i32): void {
  for (let left: i32 = nr; left > 0; left--) {
    const f = partnerFor(to, on);
    if (f < 0) return;
    leaveList(f, to);
    if (moveTo(f, to) < 0) putback(f);
  }
}
/** Put back `nr` of the partners that would go to node `to`. */
export function dismissPartners(to: i32, nr: i32): void {
  for (let left: i32 = nr; left > 0; left--) {
    const f = partnerFor(to, allNodes());
    if (f < 0) return;
    leaveList(f, to);
    putback(f);
  }
}
/** Isolated page `f` changes places with partner `q`. Returns 0 or a negative errno: `f` is where it was, and still isolated. */
export function changePlaces(f: i32, q: i32): i32 {
  leaveList(q, folioNid(f));
  const r = exchangePages(f, q);
  if (r < 0) putback(q);
  return r;
}
function leaveList(f: i32, to: i32): void {
  listDel(f);
  addNode(folioNid(f), N_GIVING, -1);
  addNode(to, N_COMING, -1);
}
/** Put back the partners that nobody needed, each about where it was. */
export function putbackPartners(): void {
  const list = scanHead(LIST_PARTNERS);
  while (!listEmpty(list)) {
    const f = prev(list);
    listDel(f);
    if (unisolate(f) !== 0) continue;
    if (test(f, PG_ACTIVE | PG_UNEVICTABLE)) lruAdd(f);
    else lruAddTail(f);
  }
}

/** Isolated base pages `p` and `q` change nodes. Returns 0, or -EAGAIN if either is held. */
export function exchangePages(p: i32, q: i32): i32 {
  const from = folioNid(p);
  const to = folioNid(q);
  if (refs(p) !== 2 || refs(q) !== 2 || test(p, PG_LOCKED | PG_WRITEBACK) || test(q, PG_LOCKED | PG_WRITEBACK))
    return EAGAIN;
  holdChanges();
  if (node(from, N_FREE) > 0) {
    moveTo(q, from);
    migrateInto(p, to, 0);
  } else if (node(to, N_FREE) > 0) {
    migrateInto(p, to, 0);
    moveTo(q, from);
  } else exchangeInPlace(p, q);
  endHold();
  return 0;
}
/** A partner moves, down to the last frame. Returns its new frame or a negative errno. */
function moveTo(q: i32, to: i32): i32 {
  const nid = folioNid(q);
  const cg = ownerMemcg(q);
  const r = migrateInto(q, to, 0);
  if (r >= 0) count(PGEXCHANGE, nid, cg, 1);
  return r;
}
/**
 * The same where neither node has a free frame: bytes and all that is known of either page change places. Nobody holds them,
 * so nobody sees it.
 */
function exchangeInPlace(p: i32, q: i32): void {
  migrateUnmap(p);
  migrateUnmap(q);
  exchangeEntries(p, q);
  unisolate(p);
  unisolate(q);
  const kept = flags(p) & PG_KEPT;
  const v = ownerVma(p);
  const cg = ownerMemcg(p);
  const vpn = vpnOf(p);
  const word = priv(p);
  become(p, flags(q) & PG_KEPT, ownerVma(q), ownerMemcg(q), vpnOf(q), priv(q));
  become(q, kept, v, cg, vpn, word);
  migratePublish(p);
  migratePublish(q);
  count(PGMIGRATE_SUCCESS, folioNid(p), cg, 1);
  count(PGMIGRATE_SUCCESS, folioNid(q), ownerMemcg(p), 1);
  count(PGEXCHANGE, folioNid(q), ownerMemcg(p), 1);
}
function become(f: i32, kept: i32, v: i32, cg: i32, vpn: i32, word: i32): void {
  setFlags(f, makeFlags(folioNid(f), 0, PG_HEAD | kept));
  setOwner(f, v, cg);
  setVpnOf(f, vpn);
  setPriv(f, word);
}
/**
 * The bytes and the entries of frames `p` and `q`, which nobody may touch, change places, so that it can be ended whenever it is cut short
 * (finishExchange): one page's bytes are kept aside as long as its frame is written to.
 */
function exchangeEntries(p: i32, q: i32): void {
  setHdr(H_LOOKED, 0);
  setHdr(H_LOOKED + 4, 0);
  copyFrame(lookAddr(), frameAddr(p));
  setHdr(H_EXCHANGING_WITH, q + 1);
  setHdr(H_EXCHANGING, p + 1);
  copyFrame(frameAddr(p), frameAddr(q));
  moveEntry(vpnOf(q), p);
  copyFrame(frameAddr(q), lookAddr());
  moveEntry(vpnOf(p), q);
  setHdr(H_EXCHANGING, 0);
}
function moveEntry(vpn: i32, f: i32): void {
  setPte(vpn, mkPte(f, pte(vpn) & PTE_FLAGS));
}
function copyFrame(to: i32, from: i32): void {
  if (hasBytes()) copyBytes(to, from, PAGE_SIZE);
}
/** Somebody died while two frames changed places: they do, or have not begun to. */
export function finishExchange(): void {
  if (hdr(H_EXCHANGING) === 0) return;
  const p = hdr(H_EXCHANGING) - 1;
  const q = hdr(H_EXCHANGING_WITH) - 1;
  if (pteIndex(pte(vpnOf(q))) === q) copyFrame(frameAddr(p), lookAddr());
  else {
    copyFrame(frameAddr(q), lookAddr());
    moveEntry(vpnOf(p), q);
  }
  setHdr(H_EXCHANGING, 0);
}
