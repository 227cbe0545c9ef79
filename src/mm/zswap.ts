/**
 * Compressed pages in front of the swap devices (mm/zswap.c). A page on its way to swap is compressed into a pool in the
 * segment (zsmalloc.ts) and comes back without I/O. The pool has a number among the devices, the first, and slots as they
 * have; the word that is a checksum for a device's slot is the handle of the pool's. Linux gives a compressed page the slot
 * that it would be written to; here pages that stay in the pool take none of a device, so that the pool also works alone.
 *
 * Blocks are LZ4's; pages of a group that has a dictionary (zdict.ts) are compressed with it.
 *
 *   all of one word     a note in the slot, and nothing in the pool (same-filled)
 *   compresses badly    to a device, if one has a slot; else into the pool as it is
 *   the pool is full    its oldest pages are written back to a device, a batch at a time, until there is room; with no slot
 *                       there, the oldest of caches' pages are dropped; else the page stays where it is
 *
 * Slots are handed out by a hand that goes round, so the first slot in use from the hand on is the oldest page.
 */
import { checksum } from "./checksum.ts";
import { EIO } from "./errno.ts";
import { folioNid, isFile } from "./folio.ts";
import {
  C_ZSWAP,
  C_ZSWAP_HAND,
  frameAddr,
  H_ZSWAP_FULL,
  hdr,
  memcg,
  ownerMemcg,
  PAGE_SIZE,
  S_FREE,
  S_HAND,
  S_SLOTS,
  S_START,
  scratch,
  setHdr,
  setMemcg,
  setPte,
  setSlotSum,
  slotSum,
  slotVpn,
  swapDev,
  V_MEMCG,
  vma,
  vpnOf,
  ZBOUNCE_PAGES,
  zbounceAddr,
  zbufferAddr,
  zdictAddr,
  zdictSize,
  zreadAddr,
} from "./layout.ts";
import { lz4DecompressUsing } from "./lz4.ts";
import { copyBytes, hostSwapWrite, ld, st, zeroBytes } from "./machine.ts";
import { chargeZswap, isDescendant, overZswapMax } from "./memcg.ts";
import { mkPte, PTE_SWAP } from "./page-table.ts";
import { nextSlot, POOL_SLOTS } from "./slot-sets.ts";
import {
  allocSlot,
  cancelSlot,
  deviceHasRoom,
  discardSlot,
  moveSlot,
  noteWrite,
  poolDevice,
  SAME_FILLED,
  slotDevice,
  slotPage,
  takePoolSlot,
} from "./swap.ts";
import { findVma } from "./vma.ts";
import {
  count,
  PSWPOUT,
  SWAP_WRITE_ERROR,
  ZSWAP_POOL_LIMIT_HIT,
  ZSWAP_REJECT_COMPRESS_POOR,
  ZSWPOUT,
  ZSWPWB,
} from "./vmstat.ts";
import { zdictCompress, zdictHold, zdictLearn, zdictOf } from "./zdict.ts";
import {
  zsCompact,
  zsContentSize,
  zsCost,
  zsDict,
  zsFits,
  zsIsWhole,
  zsMalloc,
  zsOwnerUsing,
  zsRead,
  zsUnits,
  zsUnitsOf,
  zsWrite,
} from "./zsmalloc.ts";

/** Slots that are looked at for a page of a group that is to be written back. */
const GROUP_LOOKS: i32 = 1024;
/** A block of more bytes goes to a device that has a slot: three quarters of a page. */
const WORTH_KEEPING: i32 = 3072;

/**
 * Compress folio `f`, a base page, into the pool (zswap_store). Returns its slot, or -1 if it should go to a device, or
 * stay.
 */
export function zswapStore(f: i32): i32 {
  const dev = poolDevice();
  if (dev < 0 || hdr(H_ZSWAP_FULL) !== 0) return -1;
  // Compaction gives pages of the pool, not slots.
  if (swapDev(dev, S_FREE) === 0 && writeBack(-1) === 0) return full(f);
  const addr = frameAddr(f);
  if (sameFilled(addr)) {
    const slot = takePoolSlot(vpnOf(f), SAME_FILLED);
    setSlotSum(slot, ld(addr));
    chargeZswap(ownerMemcg(f), 1, 0);
    count(ZSWPOUT, folioNid(f), ownerMemcg(f), 1);
    return slot;
  }
  // The smallest object takes two: a group at its limit needs no page compressed to find out.
  if (!groupMay(ownerMemcg(f), 2)) return overLimit(f);
  const hasDevice = deviceHasRoom(isFile(f));
  const dict = zdictOf(ownerMemcg(f));
  let bytes: i32 = zdictCompress(dict, addr, WORTH_KEEPING);
  if (bytes === 0 && hasDevice) {
    zdictLearn(ownerMemcg(f), addr, PAGE_SIZE, dict);
    count(ZSWAP_REJECT_COMPRESS_POOR, folioNid(f), ownerMemcg(f), 1);
    return -1;
  }
  // Without a device a block that is hardly smaller than its page is no gain, but room is room.
  const whole = bytes === 0 || zsCost(bytes) >= PAGE_SIZE;
  if (whole) bytes = PAGE_SIZE;
  if (!groupMay(ownerMemcg(f), zsUnitsOf(bytes))) return overLimit(f);
  while (!zsFits(bytes)) if (!makeRoom()) return full(f);
  // What has made way may have left room in a larger class only.
  if (overZswapMax(ownerMemcg(f), zsUnitsOf(bytes)) >= 0) return overLimit(f);
  const slot = takePoolSlot(vpnOf(f), 0);
  const handle = zsMalloc(bytes, whole ? slot : zsOwnerUsing(slot, dict));
  zsWrite(handle, whole ? addr : zbufferAddr(), bytes);
  setSlotSum(slot, handle);
  chargeZswap(ownerMemcg(f), 1, zsUnits(handle));
  if (!whole) zdictHold(dict);
  zdictLearn(ownerMemcg(f), addr, bytes, dict);
  count(ZSWPOUT, folioNid(f), ownerMemcg(f), 1);
  return slot;
}
/** Whether a group may have `units` more in the pool, after its oldest pages have made way if they must and can (memory.zswap.max). */
function groupMay(cg: i32, units: i32): boolean {
  let over: i32 = overZswapMax(cg, units);
  while (over >= 0) {
    if (memcg(over, C_ZSWAP) === 0 || writeBack(over) === 0) return false;
    over = overZswapMax(cg, units);
  }
  return true;
}
/** The folio's group has as much in the pool as it may. Others' pages may still go there. */
function overLimit(f: i32): i32 {
  count(ZSWAP_POOL_LIMIT_HIT, folioNid(f), ownerMemcg(f), 1);
  return -1;
}
function full(f: i32): i32 {
  setHdr(H_ZSWAP_FULL, 1);
  count(ZSWAP_POOL_LIMIT_HIT, folioNid(f), ownerMemcg(f), 1);
  return -1;
}

/** Decompress what slot `slot` of the pool holds to the page at byte address `addr` (zswap_load). Returns 0 or -EIO. */
export function zswapLoad(slot: i32, addr: i32): i32 {
  const word = slotSum(slot);
  if ((slotVpn(slot) & SAME_FILLED) !== 0) {
    if (word === 0) zeroBytes(addr, PAGE_SIZE);
    else for (let i: i32 = 0; i < PAGE_SIZE; i += 4) st(addr + i, word);
    return 0;
  }
  // Not where a page may lie compressed that waits for the room that this read is to make.
  const at = zsRead(word, zreadAddr());
  if (zsIsWhole(word)) {
    copyBytes(addr, at, PAGE_SIZE);
    return 0;
  }
  const dict = zsDict(word);
  const known = dict < 0 ? 0 : zdictSize();
  return lz4DecompressUsing(at, zsContentSize(word), addr, PAGE_SIZE, zdictAddr(dict), known) < 0 ? EIO : 0;
}

function sameFilled(addr: i32): boolean {
  const word = ld(addr);
  // The end first: pages that are zero but for their head are common.
  if (ld(addr + PAGE_SIZE - 4) !== word) return false;
  for (let i: i32 = 4; i < PAGE_SIZE; i += 4) if (ld(addr + i) !== word) return false;
  return true;
}

// ---- writeback --------------------------------------------------------------------------------------------------------

/** Make room in the pool: by compaction if it has pages to give, else by what is oldest in it. Returns whether it did. */
export function makeRoom(): boolean {
  if (zsCompact(1) > 0) return true;
  return writeBack(-1) > 0;
}

/**
 * The oldest slot of the pool in use from `from` on, both as offsets from the hand; -1 if there is none up to the hand. Of group `cg` and
 * those below it (-1: anybody's); then it looks no further than up to `to`.
 */
function nextOldest(dev: i32, from: i32, to: i32, cg: i32): i32 {
  for (let i: i32 = nextUsed(dev, from, to); i >= 0; i = nextUsed(dev, i + 1, to)) {
    const slot = slotAfterHand(dev, i);
    if (cg < 0 || isDescendant(vma(findVma(slotPage(slot)), V_MEMCG), cg)) return i;
  }
  return -1;
}

/** The next slot in use of those from `from` on and before `to`, all as offsets from the hand; -1 if there is none. */
function nextUsed(dev: i32, from: i32, to: i32): i32 {
  const start = swapDev(dev, S_START);
  // Those before the end of the slots, which lie `ahead` of where the hand would begin anew, and the others.
  const ahead = swapDev(dev, S_SLOTS) - swapDev(dev, S_HAND);
  const hand = start + swapDev(dev, S_HAND);
  if (from < ahead) {
    const slot = nextSlot(POOL_SLOTS, hand + from, hand + (to < ahead ? to : ahead));
    if (slot >= 0) return slot - hand;
  }
  if (to <= ahead) return -1;
  const slot = nextSlot(POOL_SLOTS, start + (from > ahead ? from - ahead : 0), start + to - ahead);
  return slot >= 0 ? slot - start + ahead : -1;
}
/** The slot at offset `i` from the hand. */
function slotAfterHand(dev: i32, i: i32): i32 {
  return swapDev(dev, S_START) + ((swapDev(dev, S_HAND) + i) % swapDev(dev, S_SLOTS));
}

/**
 * Write the oldest pages of the pool to their slots on a device, at most a batch; caches' pages that find none are dropped
 * (zswap_writeback_entry). Of group `cg` (-1: anybody's): a group has a hand of its own, which goes round and looks at so many slots
 * in one call, whoever's they are. Returns how many have left the pool.
 */
function writeBack(cg: i32): i32 {
  const dev = poolDevice();
  const slots = swapDev(dev, S_SLOTS);
  let from: i32 = 0;
  let to: i32 = slots;
  if (cg >= 0) {
    // The group's hand, as an offset from the pool's.
    from = (memcg(cg, C_ZSWAP_HAND) - swapDev(dev, S_HAND) + slots) % slots;
    if (from + GROUP_LOOKS < slots) to = from + GROUP_LOOKS;
    setMemcg(cg, C_ZSWAP_HAND, (swapDev(dev, S_HAND) + to) % slots);
  }
  return writeBackFrom(dev, from, to, cg);
}
function writeBackFrom(dev: i32, from: i32, to: i32, cg: i32): i32 {
  const slots = swapDev(dev, S_SLOTS);
  let gone: i32 = 0;
  let queued: i32 = 0;
  let first: i32 = -1;
  let i: i32 = nextOldest(dev, from, to, cg);
  while (i >= 0 && queued + gone < ZBOUNCE_PAGES) {
    const slot = slotAfterHand(dev, i);
    const at = allocSlot(slotPage(slot));
    if (at < 0) {
      // No room below: the oldest of caches' goes; a region's stays, and with it what is younger.
      if (slotVpn(slot) >= 0) break;
      discardSlot(slot);
      gone++;
    } else if (zswapLoad(slot, zbounceAddr(queued)) < 0 || (queued > 0 && at !== first + queued)) {
      cancelSlot(at);
      break;
    } else {
      if (queued === 0) first = at;
      setSlotSum(at, checksum(zbounceAddr(queued)));
      st(sources() + (queued << 2), slot);
      queued++;
    }
    i = nextOldest(dev, i + 1, to, cg);
  }
  // What it did not come to is where the group's hand goes on.
  if (i >= 0 && cg >= 0) setMemcg(cg, C_ZSWAP_HAND, (swapDev(dev, S_HAND) + i) % slots);
  return gone + (queued > 0 ? flush(first, queued) : 0);
}
/** Byte address of the words that name the slots of the batch under way: the second half of the arguments' room. */
function sources(): i32 {
  return scratch() + 128;
}
/** Write a batch from the bounce pages to the slots from `first` on, and let go of where they were. */
function flush(first: i32, nr: i32): i32 {
  for (let i: i32 = 0; i < nr; i++) st(scratch() + (i << 2), zbounceAddr(i));
  const dev = slotDevice(first);
  const failed = hostSwapWrite(dev, first - swapDev(dev, S_START), nr, scratch()) < 0;
  noteWrite(dev, failed);
  for (let i: i32 = 0; i < nr; i++) {
    const from = ld(sources() + (i << 2));
    const vpn = slotPage(from);
    const cg = vma(findVma(vpn), V_MEMCG);
    if (failed) {
      cancelSlot(first + i);
      count(SWAP_WRITE_ERROR, -1, cg, 1);
      continue;
    }
    setPte(vpn, mkPte(first + i, PTE_SWAP));
    moveSlot(from, first + i);
    count(ZSWPWB, -1, cg, 1);
    count(PSWPOUT, -1, cg, 1);
  }
  return failed ? 0 : nr;
}
