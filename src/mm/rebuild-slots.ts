/** Slots of devices, when it is known which of them entries name (rebuild-entries.ts): the others are free, but for those that are being written to. */
import {
  clearSlotSets,
  H_NR_SWAP,
  H_SWAP_DISCARDABLE,
  H_SWAP_FREE,
  H_SWAP_FREE_CACHES,
  hdr,
  pte,
  S_CACHES,
  S_DISCARDABLE,
  S_FREE,
  S_SLOTS,
  S_START,
  setHdr,
  setSlotVpn,
  setSwapDev,
  slotVpn,
  swapDev,
} from "./layout.ts";
import { hostSwapFree } from "./machine.ts";
import { PTE_SWAP, pteIndex } from "./page-table.ts";
import { addSlot, DISCARDABLE_SLOTS, FREE_SLOTS, POOL_SLOTS } from "./slot-sets.ts";
import { poolDevice, SAME_FILLED, slotPage } from "./swap.ts";
import { nrWriteback, writebackSlot } from "./writeback.ts";
import { clearWriteback } from "./written.ts";

/** See the file's head. `writing`: as rebuild() has it. */
export function rebuildSlots(writing: i32): void {
  if (writing === 0) clearWriteback();
  setHdr(H_SWAP_FREE, 0);
  setHdr(H_SWAP_FREE_CACHES, 0);
  setHdr(H_SWAP_DISCARDABLE, 0);
  for (let dev: i32 = 0; dev < hdr(H_NR_SWAP); dev++) if (dev !== poolDevice()) unmark(dev);
  // No slot of a device is of one word: here that says that it is being written to.
  for (let i: i32 = 0; i < nrWriteback(); i++) {
    const slot = writebackSlot(i);
    setSlotVpn(slot, slotVpn(slot) | SAME_FILLED);
  }
  clearSlotSets();
  for (let dev: i32 = 0; dev < hdr(H_NR_SWAP); dev++) rebuildDevice(dev, dev === poolDevice());
}
function unmark(dev: i32): void {
  const start = swapDev(dev, S_START);
  for (let slot: i32 = start; slot < start + swapDev(dev, S_SLOTS); slot++)
    if ((slotVpn(slot) & SAME_FILLED) !== 0) setSlotVpn(slot, slotVpn(slot) & ~SAME_FILLED);
}
function rebuildDevice(dev: i32, pool: boolean): void {
  const start = swapDev(dev, S_START);
  const end = start + swapDev(dev, S_SLOTS);
  let free: i32 = 0;
  let discardable: i32 = 0;
  for (let slot: i32 = start; slot < end; slot++) {
    const word = slotVpn(slot);
    if (word !== 0 && !isNamed(slot)) {
      const written = !pool && (word & SAME_FILLED) !== 0;
      setSlotVpn(slot, written ? (slotPage(slot) + 1) | 0 : 0);
      if (!pool && !written) hostSwapFree(dev, slot - start);
    }
    if (slotVpn(slot) === 0) {
      addSlot(FREE_SLOTS, slot);
      free++;
    } else if (pool) addSlot(POOL_SLOTS, slot);
    if (slotVpn(slot) < 0) {
      addSlot(DISCARDABLE_SLOTS, slot);
      discardable++;
    }
  }
  setSwapDev(dev, S_FREE, free);
  setSwapDev(dev, S_DISCARDABLE, discardable);
  if (pool) return;
  setHdr(H_SWAP_FREE, hdr(H_SWAP_FREE) + free);
  setHdr(H_SWAP_DISCARDABLE, hdr(H_SWAP_DISCARDABLE) + discardable);
  if (swapDev(dev, S_CACHES) !== 0) setHdr(H_SWAP_FREE_CACHES, hdr(H_SWAP_FREE_CACHES) + free);
}
function isNamed(slot: i32): boolean {
  const p = pte(slotPage(slot));
  return (p & PTE_SWAP) !== 0 && pteIndex(p) === slot;
}
