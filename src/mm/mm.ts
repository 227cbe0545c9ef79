/**
 * Page faults (mm/memory.c): the slow path of an access. A page that is not present is allocated, or read back from its
 * slot; one that is marked for a hint may be promoted.
 */
import { allocPages, fillReserve, isAtMin } from "./alloc.ts";
import { coldness } from "./cold-refaults.ts";
import { EAGAIN, EIO, ENOMEM } from "./errno.ts";
import { folioNid, folioNr, PG_FILE, PG_UNEVICTABLE, setFlag } from "./folio.ts";
import { noteArrival } from "./futile.ts";
import { GFP_COLD, GFP_LOW, GFP_MEMALLOC, GFP_THISNODE, GFP_TRANSHUGE_LIGHT, GFP_USER } from "./gfp.ts";
import { pinPage, unpinFrame } from "./gup.ts";
import { knowsLastUse, noteUse, tickLruClock } from "./last-use.ts";
import {
  frameAddr,
  H_PRICE_TOUCH,
  hasBytes,
  hdr,
  ownerVma,
  PAGE_SIZE,
  pte,
  setOwner,
  setPriv,
  setRefs,
  setShadow,
  setVma,
  setVpnOf,
  shadow,
  V_FILE,
  V_LOCKED,
  V_MEMCG,
  V_ORDER,
  V_PAGES,
  V_START,
  V_USE,
  vma,
  vpnOf,
} from "./layout.ts";
import { tryCharge } from "./limits.ts";
import { lruAddFaulted, lruRefault } from "./lru.ts";
import { zeroBytes } from "./machine.ts";
import { readMarks } from "./marks.ts";
import { charge } from "./memcg.ts";
import { noteInterleave, placementMask, policyChoosesNode, policyNode } from "./mempolicy.ts";
import { probes } from "./newcomers.ts";
import { freeBlock } from "./page-alloc.ts";
import {
  mapFolio,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_HINT,
  PTE_PRESENT,
  PTE_SWAP,
  PTE_WATCH,
  pteIndex,
  touch,
} from "./page-table.ts";
import { hintFault, useFault } from "./promote.ts";
import { ageGone, noteBack } from "./regrets.ts";
import { watchBit } from "./rise.ts";
import { pooling, settling } from "./settle.ts";
import { freeSlot, poolDevice, readDevice, slotDevice, swapAvailable } from "./swap.ts";
import { accessesOf, countsUses, countUse, SAMPLE_NEW, SAMPLE_NONE, startCount } from "./uses.ts";
import {
  count,
  PGFAULT,
  PGMAJFAULT,
  PSWPIN,
  SWAP_READ_ERROR,
  THP_FAULT_ALLOC,
  THP_FAULT_FALLBACK,
  ZSWPIN,
} from "./vmstat.ts";
import { zswapLoad } from "./zswap.ts";

/** Fault modes: what the access is. */
export const FAULT_READ: i32 = 0;

export const FAULT_WRITE: i32 = 1;

/** A write that will cover the whole page: no need to zero or read it first. */
export const FAULT_OVERWRITE: i32 = 2;

/** The same of what its owner knows to be cold: on the slowest tier. */
export const FAULT_COLD: i32 = 3;

/** The same of what its owner knows to be worth less than what is on the fastest tier: on a node to which pages are demoted from there, if it has room. */
export const FAULT_LOW: i32 = 4;

/** Where, in the word of a fault, the number of lines is. */
export const LINES_SHIFT: i32 = 8;

/** Nothing is there: a cache's page that was never filled, or was discarded. */
export const ENOENT: i32 = -2;

/**
 * Make page `vpn` of mapping `v` present and mark the access (handle_mm_fault). Returns 0, -ENOMEM, -EIO, or -ENOENT for
 * a read of a cache page that is not there. `use`: one of the modes above, and from bit LINES_SHIFT on the cache lines of the page that
 * are read or written, 0 if that is not known.
 */
export function fault(v: i32, vpn: i32, use: i32): i32 {
  const mode = use & ((1 << LINES_SHIFT) - 1);
  let r: i32 = EAGAIN;
  while (r === EAGAIN) r = faultOnce(v, vpn, mode, use >> LINES_SHIFT);
  return r;
}

function faultOnce(v: i32, vpn: i32, mode: i32, lines: i32): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) !== 0) {
    if ((p & PTE_HINT) !== 0) hintFault(vpn, lines);
    else if ((p & PTE_WATCH) !== 0 && countsUses() && countUse(pteIndex(p), lines)) useFault(vpn, lines);
    touch(vpn, mode);
    return 0;
  }
  count(PGFAULT, -1, vma(v, V_MEMCG), 1);
  if ((p & PTE_SWAP) !== 0) return mode >= FAULT_OVERWRITE ? faultOverwrite(v, vpn, p) : faultSwap(v, vpn, p, mode);
  if (mode === FAULT_READ && vma(v, V_FILE) !== 0) return ENOENT;
  setVma(v, V_USE, accessesOf(lines, hdr(H_PRICE_TOUCH)));
  return faultAnonymous(v, vpn, mode);
}

/**
 * First touch of a page: a large folio if the mapping asks for one and the local node has one, else a base page. Nobody is woken for
 * it (GFP_TRANSHUGE_LIGHT | __GFP_THISNODE, alloc_pages_mpol).
 */
function faultAnonymous(v: i32, vpn: i32, mode: i32): i32 {
  const order = vma(v, V_ORDER);
  if (order > 0) {
    const at = vpn - vma(v, V_START);
    const first = vpn - (at & ((1 << order) - 1));
    if (first + (1 << order) <= vma(v, V_START) + vma(v, V_PAGES) && untouched(first, 1 << order)) {
      const f = newFolio(v, first, order, GFP_TRANSHUGE_LIGHT, true);
      if (f >= 0) {
        enter(f, mode === FAULT_READ ? 0 : PTE_DIRTY, SAMPLE_NONE);
        touch(vpn, mode);
        count(THP_FAULT_ALLOC, folioNid(f), vma(v, V_MEMCG), 1);
        return 0;
      }
      count(THP_FAULT_FALLBACK, -1, vma(v, V_MEMCG), 1);
    }
  }
  // Of what its owner places, nothing is learned about new pages.
  const sample = shadow(vpn) === 0 && mode !== FAULT_LOW ? SAMPLE_NEW : SAMPLE_NONE;
  const placed = mode === FAULT_COLD ? GFP_COLD : mode === FAULT_LOW ? GFP_LOW : settling(v);
  const gfp = GFP_USER | placed;
  const f = newFolio(v, vpn, 0, gfp, mode < FAULT_OVERWRITE);
  if (f < 0) return f;
  refault(f, vpn);
  enter(f, PTE_ACCESSED | (mode === FAULT_READ ? 0 : PTE_DIRTY), sample);
  return 0;
}

function untouched(first: i32, nr: i32): boolean {
  for (let i: i32 = 0; i < nr; i++) if (pte(first + i) !== 0 || shadow(first + i) !== 0) return false;
  return true;
}

/** A swapped page that will be overwritten whole: give up the slot instead of reading it. */
function faultOverwrite(v: i32, vpn: i32, p: i32): i32 {
  const f = frameToComeBack(v, vpn, pooling(v));
  const lent = isLent;
  if (f < 0) return f;
  if (pte(vpn) !== p) return changedMeanwhile(f, v);
  refault(f, vpn);
  enter(f, PTE_ACCESSED | PTE_DIRTY, SAMPLE_NONE);
  freeSlot(pteIndex(p), v);
  if (lent) makeUpFor(f, vpn, v);
  return 0;
}

/** Read a page back from its slot (do_swap_page). On any error it stays where it is. */
function faultSwap(v: i32, vpn: i32, p: i32, mode: i32): i32 {
  const slot = pteIndex(p);
  const cold = coldness(v, vpn);
  const f = frameToComeBack(v, vpn, cold !== SAMPLE_NONE ? GFP_COLD : pooling(v));
  const lent = isLent;
  if (f < 0) return f;
  // Making room may have dropped the very page from its slot, if it is a cache's.
  if (pte(vpn) !== p) return changedMeanwhile(f, v);
  const pooled = slotDevice(slot) === poolDevice();
  if (readSlot(slot, frameAddr(f)) < 0) {
    count(SWAP_READ_ERROR, -1, vma(v, V_MEMCG), 1);
    dropNew(f, v);
    return EIO;
  }
  count(PGMAJFAULT, -1, vma(v, V_MEMCG), 1);
  count(pooled ? ZSWPIN : PSWPIN, folioNid(f), vma(v, V_MEMCG), 1);
  refault(f, vpn);
  enter(f, PTE_ACCESSED | (mode === FAULT_READ ? 0 : PTE_DIRTY), cold);
  // When the entry names the frame: whoever dies in between has lost nothing (rebuild.ts).
  freeSlot(slot, v);
  if (lent) makeUpFor(f, vpn, v);
  return 0;
}

/**
 * A frame for a page that comes in from swap. Where all is full, nodes and swap, that needs a slot, which is the one that the page leaves itself. So a frame of the
 * reserve is lent to it, and given back once there is that slot: two pages change places. (Linux has an OOM killer for it.) Returns the frame or -ENOMEM.
 */
function frameToComeBack(v: i32, vpn: i32, placed: i32): i32 {
  isLent = false;
  const full = vma(v, V_FILE) === 0 && isAtMin(placementMask(v));
  let f: i32 = full && !swapAvailable(0) ? lend(v, vpn) : ENOMEM;
  if (f < 0) f = newFolio(v, vpn, 0, GFP_USER | placed, false);
  // A pool has to try before it says that it is full.
  return f < 0 && full ? lend(v, vpn) : f;
}
function lend(v: i32, vpn: i32): i32 {
  const f = newFolio(v, vpn, 0, GFP_MEMALLOC, false);
  isLent = f >= 0;
  return f;
}
/** Whether the last {@link frameToComeBack} was lent. */
let isLent: boolean = false;
function makeUpFor(f: i32, vpn: i32, v: i32): void {
  const pinned = pinPage(vpn);
  fillReserve(folioNid(f), vma(v, V_MEMCG));
  unpinFrame(pinned);
}

/** Read what a slot holds to the page at byte address `addr`. Returns 0, or -EIO for what is not what was written, too. */
export function readSlot(slot: i32, addr: i32): i32 {
  return slotDevice(slot) === poolDevice() ? zswapLoad(slot, addr) : readDevice(slot, addr);
}

/** If the page left a shadow when it was evicted, judge by it. */
function refault(f: i32, vpn: i32): void {
  noteBack(vpn);
  if (shadow(vpn) === 0) return;
  lruRefault(f, shadow(vpn));
  setShadow(vpn, 0);
}

function changedMeanwhile(f: i32, v: i32): i32 {
  dropNew(f, v);
  return EAGAIN;
}

/** Free a folio that was never entered. */
function dropNew(f: i32, v: i32): void {
  charge(vma(v, V_MEMCG), -folioNr(f));
  setRefs(f, 0);
  freeBlock(f);
}

/** Allocate and charge a folio for pages from `vpn` on, owned and zeroed but not mapped. Returns it or -ENOMEM. */
function newFolio(v: i32, vpn: i32, order: i32, gfp: i32, zero: boolean): i32 {
  const cg = vma(v, V_MEMCG);
  const mask = placementMask(v);
  if (mask === 0) return ENOMEM;
  if (tryCharge(cg, 1 << order, gfp) < 0) return ENOMEM;
  const first = policyNode(v, vpn, order, mask);
  const nodes = (gfp & GFP_THISNODE) !== 0 ? 1 << first : mask;
  const f = allocPages(order, gfp, first, policyChoosesNode(v), nodes, cg);
  if (f < 0) {
    charge(cg, -(1 << order));
    return ENOMEM;
  }
  noteInterleave(v, first, folioNid(f), cg);
  if (zero && hasBytes()) zeroBytes(frameAddr(f), PAGE_SIZE << order);
  setOwner(f, v, cg);
  setVpnOf(f, vpn);
  setPriv(f, 0);
  if (vma(v, V_FILE) !== 0) setFlag(f, PG_FILE);
  if (vma(v, V_LOCKED) !== 0) setFlag(f, PG_UNEVICTABLE);
  return f;
}

/** Map a new folio and put it on its list. `sample`: what its uses tell of, if it is not on the fastest node. */
function enter(f: i32, bits: i32, sample: i32): void {
  let watch: i32 = watchBit(ownerVma(f), vpnOf(f), folioNid(f));
  if (watch === 0 && sample === SAMPLE_NEW && probes(f)) watch = PTE_WATCH;
  if (watch !== 0 && countsUses()) startCount(f, sample);
  // The touch that faulted is noted: a mark in the entry shall tell of another one.
  mapFolio(f, PTE_PRESENT | watch | (knowsLastUse() ? bits & ~PTE_ACCESSED : bits));
  if (tickLruClock()) {
    readMarks();
    ageGone();
  }
  noteUse(f);
  noteArrival(f);
  lruAddFaulted(f);
}
