/**
 * The page table: one flat array over all virtual pages. An entry is
 *
 *   pfn << 6 | flags      present: the page is in a frame
 *   slot << 6 | SWAP      the page is in a swap slot
 *   pfn << 6 | MIGRATION  the page is being moved; nobody may touch it
 *   0                     nothing there yet (or, for a cache, nothing there any more)
 *
 * A virtual address never changes when its page moves. Mappings (struct vm_area_struct) are ranges of virtual pages.
 */
import { BUG_GATE, BUG_PTE } from "./errno.ts";
import { folioNid, folioNr, isFile, PG_DIRTY, setFlag } from "./folio.ts";
import { everythingChanged } from "./hopeless.ts";
import {
  addVma,
  gateAddr,
  H_FREE_VMA,
  H_FREE_VPN,
  H_NR_VMAS,
  H_NR_VPNS,
  hdr,
  MAX_VMAS,
  ownerVma,
  pte,
  setHdr,
  setPte,
  setVma,
  V_ACTIVE,
  V_FILE,
  V_HELD,
  V_LOCKED,
  V_MEMCG,
  V_NEW_NR,
  V_NEW_USES,
  V_NODEMASK,
  V_ORDER,
  V_PAGES,
  V_POLICY,
  V_RESIDENT,
  V_START,
  V_SWAPPED,
  V_USE,
  V_WEIGHTS,
  VMA_LIVES,
  vma,
  vpnOf,
} from "./layout.ts";
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

/**
 * Find `pages` free virtual pages, the first a multiple of `align`, and make a mapping of them. First fit, by number
 * of the page. Returns its number, or -1 if there are too many mappings, -2 if there is no such range.
 */
export function createVma(pages: i32, align: i32, file: i32, cg: i32, order: i32, locked: i32): i32 {
  let id: i32 = hdr(H_FREE_VMA);
  while (id < MAX_VMAS && vma(id, V_ACTIVE) !== 0) id++;
  setHdr(H_FREE_VMA, id);
  // What pins hold of one that is gone is still counted with its number.
  while (id < MAX_VMAS && (vma(id, V_ACTIVE) !== 0 || vma(id, V_HELD) !== 0)) id++;
  if (id === MAX_VMAS) return -1;
  const start = findRange(pages, align);
  if (start < 0) return -2;
  setVma(id, V_START, start);
  setVma(id, V_PAGES, pages);
  setVma(id, V_FILE, file);
  setVma(id, V_MEMCG, cg);
  setVma(id, V_ORDER, order);
  setVma(id, V_LOCKED, locked);
  setVma(id, V_RESIDENT, 0);
  setVma(id, V_SWAPPED, 0);
  setVma(id, V_NEW_USES, 0);
  setVma(id, V_NEW_NR, 0);
  setVma(id, V_USE, 0);
  setVma(id, V_POLICY, 0);
  setVma(id, V_NODEMASK, 0);
  if (id >= hdr(H_NR_VMAS)) setHdr(H_NR_VMAS, id + 1);
  // Last: it is there with all that it is, or not at all.
  setVma(id, V_ACTIVE, VMA_LIVES);
  if (start === hdr(H_FREE_VPN)) setHdr(H_FREE_VPN, start + pages);
  return id;
}
/** Mapping `id` goes; what is looked for next may be where it was. */
export function removeVma(id: i32): void {
  if (id < hdr(H_FREE_VMA)) setHdr(H_FREE_VMA, id);
  if (vma(id, V_START) < hdr(H_FREE_VPN)) setHdr(H_FREE_VPN, vma(id, V_START));
  setVma(id, V_ACTIVE, 0);
  let n: i32 = hdr(H_NR_VMAS);
  while (n > 0 && vma(n - 1, V_ACTIVE) === 0) n--;
  setHdr(H_NR_VMAS, n);
}
function findRange(pages: i32, align: i32): i32 {
  const limit = hdr(H_NR_VPNS);
  const n = hdr(H_NR_VMAS);
  let start: i32 = hdr(H_FREE_VPN);
  // All before is taken, as far as it has been found to be.
  let taken: i32 = start;
  let moved: i32 = 1;
  while (moved !== 0 && start <= limit - pages) {
    start = (start + align - 1) & ~(align - 1);
    moved = 0;
    for (let id: i32 = 0; id < n; id++) {
      if (vma(id, V_ACTIVE) === 0) continue;
      const from = vma(id, V_START);
      const to = from + vma(id, V_PAGES);
      if (start < to && from < start + pages) {
        if (from <= taken && to > taken) taken = to;
        start = to;
        moved = 1;
      }
    }
  }
  setHdr(H_FREE_VPN, taken);
  return start <= limit - pages ? start : -1;
}
/** Virtual pages that are in no mapping. */
export function freeVpns(): i32 {
  let free: i32 = hdr(H_NR_VPNS);
  for (let id: i32 = 0; id < hdr(H_NR_VMAS); id++) if (vma(id, V_ACTIVE) !== 0) free -= vma(id, V_PAGES);
  return free;
}
/** Set a mapping's policy; weights are set by setWeight(). */
export function setPolicy(id: i32, policy: i32, mask: i32): void {
  setVma(id, V_POLICY, policy);
  setVma(id, V_NODEMASK, mask);
  // Where nothing is, nothing can go elsewhere now.
  if (vma(id, V_RESIDENT) > 0) everythingChanged();
}
export function setWeight(id: i32, nid: i32, weight: i32): void {
  setVma(id, V_WEIGHTS + (nid << 2), weight);
}
/** The mapping that a virtual page is in; -1 if none (find_vma). */
export function findVma(vpn: i32): i32 {
  const n = hdr(H_NR_VMAS);
  for (let id: i32 = 0; id < n; id++) {
    if (vma(id, V_ACTIVE) === 0) continue;
    const at = vpn - vma(id, V_START);
    if (at >= 0 && at < vma(id, V_PAGES)) return id;
  }
  return -1;
}
