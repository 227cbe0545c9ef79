/**
 * Swap slots (mm/swapfile.c). Devices are filled by priority, equal priorities in turn. Slot numbers run through all
 * devices. A device's slots are handed out by a hand that goes round (next fit): neighbours in time are neighbours on
 * the device, so that a batch is one write; and where the hand stands is the oldest content.
 *
 * There is no swap cache: every device answers synchronously, so a page that is read back gives up its slot, and what
 * was swapped out less what was swapped in is what is in swap.
 *
 * Device 0 may be the pool of compressed pages (zswap.ts), which is in front of the others: its slots are handed out, freed and
 * counted here, but nobody gets one from allocSlot(), and they are not among those that are free (H_SWAP_FREE).
 *
 * A device may be for caches' pages alone (S_CACHES): one that may lose what it was given. A region's page never goes there.
 *
 * A slot keeps the checksum of what was written. Cache pages in slots may be discarded, oldest first, when a page needs
 * room and no slot is free (under OPT_SWAP_FILE).
 */
import { checksum } from "./checksum.ts";
import { BUG_SLOT, EIO } from "./errno.ts";
import { changed, WHY_SWAP } from "./hopeless.ts";
import {
  addVma,
  frameAddr,
  H_LOOKED,
  H_NR_SWAP,
  H_OPTIONS,
  H_SWAP_DISCARDABLE,
  H_SWAP_FREE,
  H_SWAP_FREE_CACHES,
  H_SWAP_ROTOR,
  H_SWAP_TRIED,
  H_ZPOOL_HELD,
  H_ZPOOL_PAGES,
  H_ZPOOL_STORED,
  H_ZSWAP_FULL,
  hasBytes,
  hdr,
  hdrf,
  S_CACHES,
  S_DISCARDABLE,
  S_FAILED,
  S_FREE,
  S_HAND,
  S_PRIORITY,
  S_SLOTS,
  S_START,
  scratch,
  setHdr,
  setPte,
  setSlotVpn,
  setSwapDev,
  slotSum,
  slotVpn,
  swapDev,
  V_FILE,
  V_MEMCG,
  V_SWAPPED,
  vma,
} from "./layout.ts";
import { hostBug, hostDiscard, hostSwapFree, hostSwapRead, hostSwapWrite, st } from "./machine.ts";
import { chargeSwap, chargeZswap } from "./memcg.ts";
import { OPT_SWAP_FILE } from "./options.ts";
import { addSlot, addSlots, DISCARDABLE_SLOTS, FREE_SLOTS, nextAround, POOL_SLOTS, removeSlot } from "./slot-sets.ts";
import { findVma } from "./vma.ts";
import { count, PGDISCARD, SWAP_DISCARD } from "./vmstat.ts";
import { zsFree, zsUnits } from "./zsmalloc.ts";

/** Of a slot: its page is a cache's. */
export const DISCARDABLE: i32 = 1 << 31;
/** Of a slot of the pool: its page is one word, repeated; the word is in place of a handle. */
export const SAME_FILLED: i32 = 1 << 30;
/** Bytes of a page of the pool that objects take, about, when it is full: fifteen sixteenths. */
const PACKED: f64 = 3840;
const VPN_MASK: i32 = 0x3fffffff;

/** Describe device `dev`, whose slots are [start, start + slots). Devices come in order of falling priority. */
export function addSwapDevice(dev: i32, start: i32, slots: i32, priority: i32): void {
  setSwapDev(dev, S_START, start);
  setSwapDev(dev, S_SLOTS, slots);
  setSwapDev(dev, S_FREE, slots);
  setSwapDev(dev, S_PRIORITY, priority);
  addSlots(FREE_SLOTS, start, start + slots);
  if (dev !== poolDevice()) setHdr(H_SWAP_FREE, hdr(H_SWAP_FREE) + slots);
  if (dev >= hdr(H_NR_SWAP)) setHdr(H_NR_SWAP, dev + 1);
}
/** Keep a device that was just described for caches' pages. */
export function keepForCaches(dev: i32): void {
  setSwapDev(dev, S_CACHES, 1);
  setHdr(H_SWAP_FREE_CACHES, hdr(H_SWAP_FREE_CACHES) + swapDev(dev, S_SLOTS));
}
/** The number of the pool of compressed pages; -1 if there is none. */
export function poolDevice(): i32 {
  return hdr(H_ZPOOL_PAGES) > 0 ? 0 : -1;
}
/** The first device that pages are written to. */
function firstDevice(): i32 {
  return poolDevice() + 1;
}
/** The device that a slot is on. */
export function slotDevice(slot: i32): i32 {
  let dev: i32 = 0;
  while (slot >= swapDev(dev, S_START) + swapDev(dev, S_SLOTS)) dev++;
  return dev;
}
/** Whether a page could be given a slot now; `file`: 1 for a cache's, 0 for a region's. */
export function swapAvailable(file: i32): boolean {
  if (deviceHasRoom(file) || (poolDevice() >= 0 && hdr(H_ZSWAP_FULL) === 0)) return true;
  if (hdr(H_SWAP_DISCARDABLE) <= 0 || (hdr(H_OPTIONS) & OPT_SWAP_FILE) === 0) return false;
  for (let dev = firstDevice(); dev < hdr(H_NR_SWAP); dev++) {
    if (swapDev(dev, S_DISCARDABLE) > 0 && mayHold(dev, file)) return true;
  }
  return false;
}
/** Whether a device has a free slot for such a page. */
export function deviceHasRoom(file: i32): boolean {
  return hdr(H_SWAP_FREE) > (file !== 0 ? 0 : hdr(H_SWAP_FREE_CACHES));
}
function mayHold(dev: i32, file: i32): boolean {
  return file !== 0 || swapDev(dev, S_CACHES) === 0;
}
/** 1 for a page of a cache, 0 for one of a region. Asked only where that makes a difference. */
function isCaches(vpn: i32): i32 {
  return vma(findVma(vpn), V_FILE);
}
/** Whether so many of a cache's pages could be given slots, or a place in the pool, without dropping any. */
export function slotsFree(pages: i32): boolean {
  return hdr(H_SWAP_FREE) >= pages || poolHasRoom(pages);
}
/** Whether the pool could take so many pages that compress as those in it do, when it is packed as well as it mostly is. */
function poolHasRoom(pages: i32): boolean {
  const dev = poolDevice();
  if (dev < 0 || hdr(H_ZSWAP_FULL) !== 0 || swapDev(dev, S_FREE) < pages) return false;
  const stored = hdrf(H_ZPOOL_STORED);
  const held = swapDev(dev, S_SLOTS) - swapDev(dev, S_FREE);
  const room: f64 = (hdr(H_ZPOOL_PAGES) - hdr(H_ZPOOL_HELD)) * PACKED;
  return held === 0 || stored + (stored * pages) / held <= room;
}
/** Whether a cache's page could be given a slot now, on a device that did not fail the last write, or in the pool. */
export function swapWorks(): boolean {
  if (!swapAvailable(1)) return false;
  for (let dev = firstDevice(); dev < hdr(H_NR_SWAP); dev++) if (swapDev(dev, S_FAILED) === 0) return true;
  return poolDevice() >= 0 && hdr(H_ZSWAP_FULL) === 0;
}
/** The virtual page whose content a slot holds. */
export function slotPage(slot: i32): i32 {
  return (slotVpn(slot) & VPN_MASK) - 1;
}
/** Take a slot of the pool for virtual page `vpn`; one must be free. `flag`: SAME_FILLED or 0. */
export function takePoolSlot(vpn: i32, flag: i32): i32 {
  const dev = poolDevice();
  const slot = freeSlotAtHand(dev);
  enter(dev, slot, vpn);
  setSlotVpn(slot, (vpn + 1) | flag);
  return slot;
}
/** What is in a slot of the pool has been written to slot `to`, which was allocated for it. */
export function moveSlot(from: i32, to: i32): void {
  if (slotVpn(from) < 0) markDiscardable(to);
  giveBack(from, vma(findVma(slotPage(from)), V_MEMCG));
  cancelSlot(from);
}

/**
 * Take a slot for virtual page `vpn`; -1 if there is none (folio_alloc_swap). Until noteSwappedOut() its content may not
 * be discarded: the page is still in its frame, and the slot queued to be written.
 */
export function allocSlot(vpn: i32): i32 {
  const slot = freeSlotByPriority(vpn);
  if (slot >= 0) return slot;
  return (hdr(H_OPTIONS) & OPT_SWAP_FILE) !== 0 && hdr(H_SWAP_DISCARDABLE) > 0 ? discardedSlot(vpn) : -1;
}
/** A free slot of the first device in order of priority that has one. */
function freeSlotByPriority(vpn: i32): i32 {
  const n = hdr(H_NR_SWAP);
  let first: i32 = firstDevice();
  while (first < n) {
    const priority = swapDev(first, S_PRIORITY);
    let last: i32 = first + 1;
    while (last < n && swapDev(last, S_PRIORITY) === priority) last++;
    const rotor = hdr(H_SWAP_ROTOR);
    for (let i: i32 = 0; i < last - first; i++) {
      const dev = first + ((rotor + i) % (last - first));
      if (swapDev(dev, S_FREE) === 0 || (swapDev(dev, S_CACHES) !== 0 && isCaches(vpn) === 0) || !works(dev)) continue;
      const slot = freeSlotAtHand(dev);
      enter(dev, slot, vpn);
      // Neighbours in time stay together: the turn passes on after a batch, not after a page.
      if ((slot & 31) === 31) setHdr(H_SWAP_ROTOR, (rotor + i + 1) & 0xffff);
      return slot;
    }
    first = last;
  }
  return -1;
}
function discardableDevice(vpn: i32): i32 {
  if ((hdr(H_OPTIONS) & OPT_SWAP_FILE) === 0) return -1;
  for (let dev: i32 = firstDevice(); dev < hdr(H_NR_SWAP); dev++) {
    if (swapDev(dev, S_DISCARDABLE) === 0 || swapDev(dev, S_FAILED) !== 0) continue;
    if (swapDev(dev, S_CACHES) === 0 || isCaches(vpn) !== 0) return dev;
  }
  return -1;
}
/** The slot of the oldest cache page, which is dropped. */
function discardedSlot(vpn: i32): i32 {
  const dev = discardableDevice(vpn);
  if (dev < 0) return -1;
  const slot = passHand(dev, nextFrom(dev, DISCARDABLE_SLOTS));
  discardSlot(slot);
  enter(dev, slot, vpn);
  return slot;
}
/** Whether pages may be written to a device: one that failed the last write has to pass a trial, once in each request. */
function works(dev: i32): boolean {
  if (swapDev(dev, S_FAILED) === 0) return true;
  if ((hdr(H_SWAP_TRIED) & (1 << dev)) !== 0) return false;
  const slot = freeSlotAtHand(dev);
  st(scratch(), frameAddr(0));
  const failed = hostSwapWrite(dev, slot - swapDev(dev, S_START), 1, scratch()) < 0;
  noteWrite(dev, failed);
  if (!failed) hostSwapFree(dev, slot - swapDev(dev, S_START));
  return !failed;
}
/** Try the devices that failed the last time. */
export function tryDevices(): void {
  for (let dev: i32 = firstDevice(); dev < hdr(H_NR_SWAP); dev++) if (swapDev(dev, S_FREE) > 0) works(dev);
}
/** The next free slot of a device, which has some. The hand moves past it. */
function freeSlotAtHand(dev: i32): i32 {
  return passHand(dev, nextFrom(dev, FREE_SLOTS));
}
/** The next slot of a set from a device's hand on, of which it has some. */
function nextFrom(dev: i32, set: i32): i32 {
  return nextAround(set, swapDev(dev, S_START), swapDev(dev, S_SLOTS), swapDev(dev, S_HAND));
}
/** Move a device's hand past a slot, which is given back. */
function passHand(dev: i32, slot: i32): i32 {
  const at = slot - swapDev(dev, S_START) + 1;
  setSwapDev(dev, S_HAND, at === swapDev(dev, S_SLOTS) ? 0 : at);
  return slot;
}
/** Read what a device keeps in a slot to the page at byte address `addr`. Returns 0, or -EIO for what is not what was written, too. */
export function readDevice(slot: i32, addr: i32): i32 {
  const dev = slotDevice(slot);
  if (hostSwapRead(dev, slot - swapDev(dev, S_START), addr) < 0) return EIO;
  return hasBytes() && checksum(addr) !== slotSum(slot) ? EIO : 0;
}
/** Drop the cache page in a slot. */
export function discardSlot(slot: i32): void {
  const vpn = slotPage(slot);
  const v = findVma(vpn);
  setPte(vpn, 0);
  freeSlot(slot, v);
  count(SWAP_DISCARD, -1, vma(v, V_MEMCG), 1);
  count(PGDISCARD, -1, vma(v, V_MEMCG), 1);
  hostDiscard(v, vpn);
}
function enter(dev: i32, slot: i32, vpn: i32): void {
  setSlotVpn(slot, vpn + 1);
  removeSlot(FREE_SLOTS, slot);
  if (dev === poolDevice()) addSlot(POOL_SLOTS, slot);
  setSwapDev(dev, S_FREE, swapDev(dev, S_FREE) - 1);
  if (dev !== poolDevice()) countFree(dev, -1);
}
function countFree(dev: i32, change: i32): void {
  setHdr(H_SWAP_FREE, hdr(H_SWAP_FREE) + change);
  if (swapDev(dev, S_CACHES) !== 0) setHdr(H_SWAP_FREE_CACHES, hdr(H_SWAP_FREE_CACHES) + change);
}
/** Give back a slot that was taken but never came to hold a page. */
export function cancelSlot(slot: i32): void {
  const dev = slotDevice(slot);
  const was = slotVpn(slot);
  if (was === 0) hostBug(BUG_SLOT, slot, dev);
  // Copies of what slots held (look.ts).
  setHdr(H_LOOKED, 0);
  setHdr(H_LOOKED + 4, 0);
  setSlotVpn(slot, 0);
  addSlot(FREE_SLOTS, slot);
  setSwapDev(dev, S_FREE, swapDev(dev, S_FREE) + 1);
  const pool = dev === poolDevice();
  if (pool) removeSlot(POOL_SLOTS, slot);
  else countFree(dev, 1);
  if (was > 0) return;
  removeSlot(DISCARDABLE_SLOTS, slot);
  setSwapDev(dev, S_DISCARDABLE, swapDev(dev, S_DISCARDABLE) - 1);
  if (!pool) setHdr(H_SWAP_DISCARDABLE, hdr(H_SWAP_DISCARDABLE) - 1);
}
/** The page of mapping `v` now lives in its slot alone. */
export function noteSwappedOut(v: i32, slot: i32): void {
  addVma(v, V_SWAPPED, 1);
  chargeSwap(vma(v, V_MEMCG), 1);
  if (vma(v, V_FILE) !== 0) markDiscardable(slot);
}
function markDiscardable(slot: i32): void {
  const dev = slotDevice(slot);
  setSlotVpn(slot, slotVpn(slot) | DISCARDABLE);
  addSlot(DISCARDABLE_SLOTS, slot);
  setSwapDev(dev, S_DISCARDABLE, swapDev(dev, S_DISCARDABLE) + 1);
  if (dev !== poolDevice()) setHdr(H_SWAP_DISCARDABLE, hdr(H_SWAP_DISCARDABLE) + 1);
}
/** Give back the slot that held a page of mapping `v` (swap_free). */
export function freeSlot(slot: i32, v: i32): void {
  giveBack(slot, vma(v, V_MEMCG));
  cancelSlot(slot);
  addVma(v, V_SWAPPED, -1);
  chargeSwap(vma(v, V_MEMCG), -1);
  setHdr(H_ZSWAP_FULL, 0);
  const dev = slotDevice(slot);
  if (swapDev(dev, S_FAILED) === 0 && swapDev(dev, S_CACHES) === 0) changed(WHY_SWAP);
}
/** Tell who keeps a slot's content, a page of group `cg`, that it is no longer needed. */
function giveBack(slot: i32, cg: i32): void {
  const dev = slotDevice(slot);
  if (dev !== poolDevice()) {
    hostSwapFree(dev, slot - swapDev(dev, S_START));
    return;
  }
  const same = (slotVpn(slot) & SAME_FILLED) !== 0;
  chargeZswap(cg, -1, same ? 0 : -zsUnits(slotSum(slot)));
  if (!same) zsFree(slotSum(slot));
}
/**
 * A write succeeded or failed. Only a write can tell whether a device is well again, so one that failed is tried with a page
 * of no importance in each request that would use it, and with no other until that succeeds.
 */
export function noteWrite(dev: i32, failed: boolean): void {
  if (failed) {
    setSwapDev(dev, S_FAILED, 1);
    setHdr(H_SWAP_TRIED, hdr(H_SWAP_TRIED) | (1 << dev));
  } else if (swapDev(dev, S_FAILED) !== 0) {
    setSwapDev(dev, S_FAILED, 0);
    setHdr(H_ZSWAP_FULL, 0);
    changed(WHY_SWAP);
  }
}
