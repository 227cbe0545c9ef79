/** How the writeback of a page ends (end_swap_bio_write): it lives in its slot alone, or nothing has happened. See writeback.ts. */
import { checksum } from "./checksum.ts";
import { clearFlag, folioHead, folioNid, isFile, PG_RECLAIM, PG_WRITEBACK, test } from "./folio.ts";
import { changed, WHY_BUSY, WHY_SWAP } from "./hopeless.ts";
import {
  frameAddr,
  H_ZSWAP_FULL,
  hdr,
  ownerMemcg,
  pte,
  S_START,
  setHdr,
  setPriv,
  setSlotSum,
  swapDev,
  vpnOf,
  writebackCountAddr,
} from "./layout.ts";
import { lruDel } from "./lru.ts";
import { hostSwapFree, st } from "./machine.ts";
import { isolate } from "./migrate.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "./page-table.ts";
import { finishSwapOut } from "./pageout.ts";
import { ACTOR_KSWAPD, popScan, pushScan } from "./scan-control.ts";
import { cancelSlot, noteWrite, slotDevice, slotPage } from "./swap.ts";
import { count, PGSTEAL_ANON, PGSTEAL_KSWAPD, SWAP_WRITE_ERROR } from "./vmstat.ts";
import { nrWriteback, writebackActor, writebackFolio, writebackSlot } from "./writeback.ts";

/** What became of a page's write: it was never made, it failed, the slot holds what the page held, or what it still holds. */
export const WRITE_NONE: i32 = 0;
export const WRITE_FAILED: i32 = 1;
export const WRITE_STALE: i32 = 2;
export const WRITE_DONE: i32 = 3;

/** End the writeback of the last page of the table, which is shorter by it. Returns 1 if the page has left memory. */
export function endWriteback(what: i32): i32 {
  const i = nrWriteback() - 1;
  const gone = end(i, what);
  // Not before: a slot that is being written to is in use as long as it stands there.
  st(writebackCountAddr(), i);
  return gone;
}
function end(i: i32, what: i32): i32 {
  const slot = writebackSlot(i);
  const dev = slotDevice(slot);
  const f = writebackFolio(i);
  if (what === WRITE_DONE && f >= 0 && !wanted(f)) {
    setSlotSum(slot, checksum(frameAddr(f)));
    clearFlag(f, PG_WRITEBACK | PG_RECLAIM);
    pushScan(ACTOR_KSWAPD, 1);
    lruDel(f);
    isolate(f);
    setPriv(f, slot);
    const freed = finishSwapOut(f);
    popScan();
    changed(WHY_BUSY);
    return freed;
  }
  takeBack(i, what === WRITE_FAILED);
  if (what >= WRITE_STALE) hostSwapFree(dev, slot - swapDev(dev, S_START));
  cancelSlot(slot);
  if (hdr(H_ZSWAP_FULL) !== 0) setHdr(H_ZSWAP_FULL, 0);
  changed(WHY_BUSY | WHY_SWAP);
  return 0;
}
/** Whether a region's page has been used since it was queued. A cache knows what is hot in it. */
function wanted(f: i32): boolean {
  return isFile(f) === 0 && (pte(vpnOf(f)) & PTE_ACCESSED) !== 0;
}
/** The i-th page stays, wherever it is now: it was not reclaimed after all. */
function takeBack(i: i32, failed: boolean): void {
  const vpn = slotPage(writebackSlot(i));
  const p = pte(vpn);
  const there = (p & PTE_PRESENT) !== 0;
  const f = there ? folioHead(pteIndex(p)) : -1;
  if (!there || !test(f, PG_WRITEBACK)) return;
  clearFlag(f, PG_WRITEBACK | PG_RECLAIM);
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  count(PGSTEAL_KSWAPD + writebackActor(i), nid, cg, -1);
  count(PGSTEAL_ANON + isFile(f), nid, cg, -1);
  if (failed) count(SWAP_WRITE_ERROR, nid, cg, 1);
}
/** Nothing is under writeback any more. */
export function clearWriteback(): void {
  st(writebackCountAddr(), 0);
}
/** Whoever was writing is dead: nothing of it has happened. */
export function abandonWriteback(): void {
  while (nrWriteback() > 0) endWriteback(WRITE_NONE);
}
/** Device `dev` was written to while nobody waited. */
export function noteWritten(dev: i32, failed: i32): void {
  noteWrite(dev, failed !== 0);
}
