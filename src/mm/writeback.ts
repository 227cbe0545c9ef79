/**
 * Writeback (PG_writeback): pages that a thread of its own sends to a device while nobody waits for it. Under the lock a page that is
 * to go gets a slot and is queued here; the thread copies it, lets go of the lock, writes, takes the lock again and ends the writeback
 * (written.ts), page by page. So no device's time is anybody's who wants the lock.
 *
 * A page under writeback stays what it was: mapped, on its list, to be read, written, pinned and freed by anyone, without asking. What
 * is written is a copy, and it counts only if, under the lock again, the page is still there and holds the very bytes of the copy.
 * Otherwise the slot is given back and nothing has happened. So nothing has to wait for a write, no writer has to leave a trace, and
 * a bug here costs a write, not a byte. The flag keeps reclaim and migration from wasting work on a page that is about to go;
 * whoever has something of his own to do with a page takes the flag off it (gup.ts, isolatePage()), which calls its writeback off.
 *
 * The slots of pages under writeback are in use until it ends, whatever became of the pages: nobody else may be given one while a
 * write to it is under way. They are the only ones that no page table entry names, and they stand in the table here, so that they can be
 * found when their thread has died.
 */
import { folioNr, PG_LRU, PG_WRITEBACK, setFlag, test } from "./folio.ts";
import {
  frameAddr,
  H_WRITES_LATER,
  hdr,
  NR_WRITEBACK,
  ownerVma,
  pte,
  refs,
  S_START,
  SC_ACTOR,
  sc,
  scratch,
  setPte,
  swapDev,
  vpnOf,
  WRITES_LATER_PIECES,
  wantedAddr,
  writebackAddr,
  writebackCountAddr,
} from "./layout.ts";
import { ld, st } from "./machine.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "./page-table.ts";
import { slotDevice, slotPage } from "./swap.ts";

/** In a word of the table, above the slot's number: who reclaimed. */
const ACTOR_SHIFT: i32 = 28;
const SLOT_MASK: i32 = (1 << ACTOR_SHIFT) - 1;

/** Whether pages for a device are queued now, because whoever reclaims will write them. */
export function writesLater(): boolean {
  return hdr(H_WRITES_LATER) !== 0;
}
/**
 * Whether such a thread, at a point where it may, ends its piece of work because somebody waits for the lock (runtime/shared-lock.ts). Who is cut short has
 * done less than he was asked for, perhaps nothing: what goes on until there is enough must not be ({@link finishing}).
 */
export function needBreak(): boolean {
  if (unbroken || !writesLater()) return false;
  return inPieces() || ld(wantedAddr()) !== 0;
}
/** Whether it is the program that works for such a thread, a piece at a time, with an operation of its own. */
export function inPieces(): boolean {
  return hdr(H_WRITES_LATER) === WRITES_LATER_PIECES;
}
let unbroken: boolean = false;
/** From now on, or no more, a piece of work goes on to its end whoever waits. Returns whether it did before. */
export function finishing(yes: boolean): boolean {
  const before = unbroken;
  unbroken = yes;
  return before;
}
/** How many pages are under writeback. */
export function nrWriteback(): i32 {
  return ld(writebackCountAddr());
}
export function writebackIsFull(): boolean {
  return writesLater() && nrWriteback() >= NR_WRITEBACK;
}
export function writebackSlot(i: i32): i32 {
  return ld(writebackAddr(i)) & SLOT_MASK;
}
export function writebackActor(i: i32): i32 {
  return ld(writebackAddr(i)) >>> ACTOR_SHIFT;
}

/** Queue folio `f`, a base page, to be written to slot `slot`, which is its. The table must have room. */
export function startWriteback(f: i32, slot: i32): void {
  const n = nrWriteback();
  st(writebackAddr(n), slot | (sc(SC_ACTOR) << ACTOR_SHIFT));
  st(writebackCountAddr(), n + 1);
  setFlag(f, PG_WRITEBACK);
  // A mark shall tell of a use from now on.
  setPte(vpnOf(f), pte(vpnOf(f)) & ~PTE_ACCESSED);
}

/** The folio of the i-th page under writeback; -1 if that was called off, or somebody holds it. */
export function writebackFolio(i: i32): i32 {
  const p = pte(slotPage(writebackSlot(i)));
  if ((p & PTE_PRESENT) === 0) return -1;
  const f = pteIndex(p);
  return test(f, PG_WRITEBACK) && test(f, PG_LRU) && refs(f) === 1 && folioNr(f) === 1 ? f : -1;
}
/**
 * Where the i-th page under writeback is, and where it goes: byte address of its bytes (0: called off), device and slot of the device, its
 * virtual page and mapping, in the first words of the room for arguments.
 */
export function lookAtWriteback(i: i32): void {
  const f = writebackFolio(i);
  const slot = writebackSlot(i);
  const dev = slotDevice(slot);
  st(scratch(), f < 0 ? 0 : frameAddr(f));
  st(scratch() + 4, dev);
  st(scratch() + 8, slot - swapDev(dev, S_START));
  st(scratch() + 12, slotPage(slot));
  st(scratch() + 16, f < 0 ? -1 : ownerVma(f));
}
