/**
 * The page table: one flat array over all virtual pages. An entry is
 *
 *   pfn << 6 | flags      present: the page is in a frame
 *   slot << 6 | SWAP      the page is in a swap slot
 *   pfn << 6 | MIGRATION  the page is being moved; nobody may touch it
 *   0                     nothing there yet (or, for a cache, nothing there any more)
 *
 * A virtual address never changes when its page moves.
 */
import { BUG_GATE, BUG_PTE } from "./errno.ts";
import { folioNid, folioNr, isFile, PG_DIRTY, setFlag } from "./folio.ts";
import { addVma, gateAddr, ownerVma, pte, setPte, V_RESIDENT, vpnOf } from "./layout.ts";
import { hostBug, ld } from "./machine.ts";
import { notePlacement } from "./mempolicy.ts";

export const PTE_PRESENT: i32 = 1;
export const PTE_ACCESSED: i32 = 2;
export const PTE_DIRTY: i32 = 4;
/** Present, but the next access must fault so that the engine sees it (PROT_NONE of NUMA balancing). */
export const PTE_HINT: i32 = 8;
export const PTE_SWAP: i32 = 16;
export const PTE_MIGRATION: i32 = 32;
/**
 * The same bit in a present entry: the page lies where it may rise from, so that whoever reads the page table itself counts
 * its hits on it, and calls the engine now and then.
 */
export const PTE_WATCH: i32 = 32;
export const PTE_FLAGS: i32 = 63;
export const PTE_SHIFT: i32 = 6;

export function mkPte(index: i32, bits: i32): i32 {
  return (index << PTE_SHIFT) | bits;
}
/** The frame or slot number of an entry. */
export function pteIndex(p: i32): i32 {
  return p >>> PTE_SHIFT;
}

/** Enter a folio at its virtual page; vpn and owner are set already. */
export function mapFolio(f: i32, bits: i32): void {
  const vpn = vpnOf(f);
  const nr = folioNr(f);
  for (let i: i32 = 0; i < nr; i++) setPte(vpn + i, mkPte(f + i, bits));
  addVma(ownerVma(f), V_RESIDENT, nr);
  notePlacement(f, folioNid(f), nr);
}
/** Take a folio's entries out, leaving nothing. */
export function unmapFolio(f: i32): void {
  if (ld(gateAddr()) !== 0 && isFile(f) === 0) hostBug(BUG_GATE, f, vpnOf(f));
  const vpn = vpnOf(f);
  const nr = folioNr(f);
  for (let i: i32 = 0; i < nr; i++) {
    if (pteIndex(pte(vpn + i)) !== f + i) hostBug(BUG_PTE, f + i, pte(vpn + i));
    setPte(vpn + i, 0);
  }
  addVma(ownerVma(f), V_RESIDENT, -nr);
}
/** The entry of a base page names its slot, no more its frame. */
export function swapEntry(f: i32, slot: i32): void {
  const vpn = vpnOf(f);
  if (pteIndex(pte(vpn)) !== f) hostBug(BUG_PTE, f, pte(vpn));
  setPte(vpn, mkPte(slot, PTE_SWAP));
  addVma(ownerVma(f), V_RESIDENT, -1);
}
/**
 * Whether any page of the folio was accessed since last asked; clears the marks (folio_referenced). A large folio
 * counts as one, as one mapped by a single huge entry does. Dirty marks are gathered into the folio's flag.
 */
export function testClearReferenced(f: i32): i32 {
  const all = clearAccessed(vpnOf(f), folioNr(f));
  if ((all & PTE_DIRTY) !== 0) setFlag(f, PG_DIRTY);
  return (all & PTE_ACCESSED) !== 0 ? 1 : 0;
}
/** Clear the access marks of `nr` pages. Returns what their entries had, together. */
export function clearAccessed(vpn: i32, nr: i32): i32 {
  const all = pte(vpn);
  if ((all & PTE_ACCESSED) !== 0) setPte(vpn, all & ~PTE_ACCESSED);
  return nr > 1 ? all | clearMore(vpn, nr) : all;
}
function clearMore(vpn: i32, nr: i32): i32 {
  let all: i32 = 0;
  for (let i: i32 = 1; i < nr; i++) {
    const p = pte(vpn + i);
    all |= p;
    if ((p & PTE_ACCESSED) !== 0) setPte(vpn + i, p & ~PTE_ACCESSED);
  }
  return all;
}
/** Mark an access that came through the engine (mark_page_accessed in the page table's terms). */
export function touch(vpn: i32, write: i32): void {
  setPte(vpn, pte(vpn) | PTE_ACCESSED | (write !== 0 ? PTE_DIRTY : 0));
}
