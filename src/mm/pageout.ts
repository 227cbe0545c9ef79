/**
 * The end of a batch (pageout, shrink_folio_list): what was not demoted is swapped out, or discarded, or kept; pages for a
 * device go out in runs of neighbours, or are queued to be written while nobody waits (writeback.ts).
 */
import { checksum } from "./checksum.ts";
import { folioNid, folioNr, folioOrder, isFile } from "./folio.ts";
import { noteWhy, WHY_BUSY, WHY_SWAP } from "./hopeless.ts";
import { noteUse } from "./last-use.ts";
import {
  frameAddr,
  H_OPTIONS,
  hasBytes,
  hdr,
  next,
  ownerMemcg,
  ownerVma,
  prev,
  priv,
  refs,
  S_START,
  SC_DISTANT,
  SC_MAY_EVICT,
  SC_MAY_SWAP,
  SC_NR_PAGEOUT,
  SC_NR_RECLAIMED,
  SC_NR_TO_RECLAIM,
  SC_QUEUED,
  SC_SPARED,
  sc,
  scanHead,
  scratch,
  setPriv,
  setRefs,
  setSc,
  setShadow,
  setSlotSum,
  swapDev,
  vpnOf,
} from "./layout.ts";
import { listAdd, listAddTail, listDel, listEmpty } from "./list.ts";
import { lruDistant, lruEviction } from "./lru.ts";
import { hostDiscard, hostSwapWrite, st } from "./machine.ts";
import { charge } from "./memcg.ts";
import { splitFolio, unisolate } from "./migrate.ts";
import { OPT_SWAP_FILE } from "./options.ts";
import { swapEntry, unmapFolio } from "./page-table.ts";
import { noteSample } from "./promotion-pays.ts";
import { keepInMemory, ROOM_HERE, ROOM_SPLIT } from "./relocate.ts";
import { noteLoss, roomFirst } from "./room.ts";
import { LIST_RET, LIST_SCAN, LIST_SPARED, LIST_SWAP, WRITE_MAX } from "./scan-control.ts";
import { activate } from "./shrink-list.ts";
import { still } from "./still.ts";
import { allocSlot, cancelSlot, noteSwappedOut, noteWrite, poolDevice, slotDevice, swapAvailable } from "./swap.ts";
import { count, PGDISCARD, PSWPOUT, SWAP_WRITE_ERROR, THP_SWPOUT_FALLBACK } from "./vmstat.ts";
import { startWriteback, writebackIsFull, writesLater } from "./writeback.ts";
import { zswapStore } from "./zswap.ts";

/** Outcomes of evictOne(); a positive one is the pages freed. */
const EVICT_KEPT: i32 = 0;
const EVICT_QUEUED: i32 = -1;

/**
 * Swap out or discard what is on LIST_SCAN; what can be neither goes to LIST_RET. Returns the pages freed.
 * Folios whose demotion failed arrive here through LIST_FAILED: reclaimed in the same call as though demotion were off,
 * unless the request is proactive, which puts them back. Under OPT_ROOM_FIRST a folio is lost only if there is no room for it
 * (room.ts), and no more of them than is wanted: `done` pages of this batch are gone already.
 */
export function evictBatch(done: i32): i32 {
  let freed: i32 = 0;
  const list = scanHead(LIST_SCAN);
  const sparing = roomFirst();
  setSc(SC_QUEUED, 0);
  while (!listEmpty(list)) {
    const f = prev(list);
    listDel(f);
    const gone = done + freed + sc(SC_QUEUED);
    const verdict = sparing ? evictIfWanted(f, gone) : evictOne(f);
    if (verdict > 0) freed += verdict;
    if (verdict === EVICT_QUEUED) setSc(SC_QUEUED, sc(SC_QUEUED) + 1);
    if (sc(SC_QUEUED) === WRITE_MAX) freed += flushSwap();
  }
  return freed + flushSwap();
}
/** The same as evictOne(), if there is no room for the folio, `gone` pages are not yet enough, and it is not more than is missing. */
function evictIfWanted(f: i32, gone: i32): i32 {
  if (sc(SC_MAY_EVICT) === 0 || refs(f) !== 2) return evictOne(f);
  const wanted = sc(SC_NR_TO_RECLAIM) - sc(SC_NR_RECLAIMED) - gone;
  const room = wanted > 0 ? keepInMemory(f) : ROOM_HERE;
  if (room > 0) return room;
  if (room === ROOM_HERE) {
    listAddTail(scanHead(LIST_SPARED), f);
    return EVICT_KEPT;
  }
  if (room === ROOM_SPLIT || folioNr(f) > wanted) {
    splitFolio(f, scanHead(LIST_SCAN));
    return EVICT_KEPT;
  }
  return evictOne(f);
}
function evictOne(f: i32): i32 {
  const file = isFile(f) !== 0;
  const swappable =
    swapAvailable(isFile(f)) && sc(SC_MAY_SWAP) !== 0 && (!file || (hdr(H_OPTIONS) & OPT_SWAP_FILE) !== 0);
  if (refs(f) !== 2) {
    noteWhy(WHY_BUSY);
    noteUse(f);
  }
  if (sc(SC_MAY_EVICT) === 0 || refs(f) !== 2) return keep(f);
  if (!file && !swappable) {
    noteWhy(WHY_SWAP);
    activate(f, folioNid(f), ownerMemcg(f));
    return keep(f);
  }
  if (!swappable) return discardFolio(f);
  if (folioOrder(f) > 0) {
    count(THP_SWPOUT_FALLBACK, folioNid(f), ownerMemcg(f), 1);
    splitFolio(f, scanHead(LIST_SCAN));
    return EVICT_KEPT;
  }
  // From here on its bytes are what is kept of it.
  still(f);
  const pooled = zswapStore(f);
  if (pooled >= 0) {
    setPriv(f, pooled);
    return finishSwapOut(f);
  }
  if (writebackIsFull()) {
    // What is on its way makes room first.
    setSc(SC_SPARED, 1);
    listAddTail(scanHead(LIST_SPARED), f);
    return EVICT_KEPT;
  }
  const slot = allocSlot(vpnOf(f));
  if (slot >= 0) {
    noteLoss(f);
    noteSample(f, true);
    if (writesLater()) {
      startWriteback(f, slot);
      keep(f);
      return 1;
    }
    setPriv(f, slot);
    listAddTail(scanHead(LIST_SWAP), f);
    return EVICT_QUEUED;
  }
  if (file) return discardFolio(f);
  noteWhy(WHY_SWAP);
  activate(f, folioNid(f), ownerMemcg(f));
  return keep(f);
}
function keep(f: i32): i32 {
  listAdd(scanHead(LIST_RET), f);
  return EVICT_KEPT;
}

/** Write the folios on LIST_SWAP to their slots, neighbours in one call. Returns the pages freed. */
function flushSwap(): i32 {
  const list = scanHead(LIST_SWAP);
  let freed: i32 = 0;
  setSc(SC_QUEUED, 0);
  while (!listEmpty(list)) {
    const slot = priv(next(list));
    const dev = slotDevice(slot);
    let n: i32 = 0;
    for (let f: i32 = next(list); f !== list && n < WRITE_MAX; f = next(f)) {
      if (priv(f) !== slot + n || slotDevice(slot + n) !== dev) break;
      st(scratch() + (n << 2), frameAddr(f));
      n++;
    }
    const failed = hostSwapWrite(dev, slot - swapDev(dev, S_START), n, scratch()) < 0;
    noteWrite(dev, failed);
    for (let i: i32 = 0; i < n; i++) {
      const f = next(list);
      listDel(f);
      if (failed) {
        undoSwapOut(f);
        continue;
      }
      // After the write, which has read it into the processor's cache.
      if (hasBytes()) setSlotSum(priv(f), checksum(frameAddr(f)));
      freed += finishSwapOut(f);
    }
  }
  return freed;
}
function undoSwapOut(f: i32): void {
  noteWhy(WHY_SWAP);
  cancelSlot(priv(f));
  setPriv(f, 0);
  count(SWAP_WRITE_ERROR, folioNid(f), ownerMemcg(f), 1);
  keep(f);
}
/** An isolated folio, whose private word names its slot, now lives there alone. Returns the pages freed. */
export function finishSwapOut(f: i32): i32 {
  const slot = priv(f);
  const vpn = vpnOf(f);
  // One store, from the frame to the slot: there is no moment at which the page is nowhere (rebuild.ts).
  swapEntry(f, slot);
  setPriv(f, 0);
  setShadow(vpn, sc(SC_DISTANT) !== 0 ? lruDistant(lruEviction(f)) : lruEviction(f));
  noteSwappedOut(ownerVma(f), slot);
  if (slotDevice(slot) !== poolDevice()) count(PSWPOUT, folioNid(f), ownerMemcg(f), 1);
  setSc(SC_NR_PAGEOUT, sc(SC_NR_PAGEOUT) + 1);
  return release(f);
}
/** Drop a clean, discardable folio: the last resort. */
export function discardFolio(f: i32): i32 {
  const vpn = vpnOf(f);
  const nr = folioNr(f);
  const v = ownerVma(f);
  noteLoss(f);
  const left = lruEviction(f);
  unmapFolio(f);
  count(PGDISCARD, folioNid(f), ownerMemcg(f), nr);
  for (let i: i32 = 0; i < nr; i++) {
    setShadow(vpn + i, left);
    hostDiscard(v, vpn + i);
  }
  return release(f);
}
/** Let go of an unmapped, isolated folio. Returns its pages. */
function release(f: i32): i32 {
  const nr = folioNr(f);
  charge(ownerMemcg(f), -nr);
  setRefs(f, refs(f) - 1);
  unisolate(f);
  return nr;
}
