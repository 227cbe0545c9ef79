/**
 * Mappings (struct vm_area_struct): ranges of virtual pages, none in two of them. They are found by address in an array of spans in that order, three words each, as Linux
 * finds them in a tree (mm_mt): a search halves it, and who looks for room walks over it from the first gap on, twelve kilobytes for a thousand mappings. Numbers that are in
 * use have a bit each. Both follow from the mappings' own words, and are made anew from them where somebody died in between (rebuild.ts).
 */
import { everythingChanged } from "./hopeless.ts";
import {
  H_FREE_VPN,
  H_NR_SPANS,
  H_NR_VMAS,
  H_NR_VPNS,
  hdr,
  MAX_VMAS,
  SPAN_SIZE,
  setHdr,
  setVma,
  spanAddr,
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
  vmaIdsAddr,
} from "./layout.ts";
import { copyBytes, ld, lowestBit, st } from "./machine.ts";

function spanStart(i: i32): i32 {
  return ld(spanAddr(i));
}
function spanEnd(i: i32): i32 {
  return ld(spanAddr(i) + 4);
}
function spanVma(i: i32): i32 {
  return ld(spanAddr(i) + 8);
}
/** The first span that ends behind virtual page `vpn`; as many as there are if none does. */
function spanBehind(vpn: i32): i32 {
  let low: i32 = 0;
  let high: i32 = hdr(H_NR_SPANS);
  while (low < high) {
    const mid = (low + high) >> 1;
    if (spanEnd(mid) > vpn) high = mid;
    else low = mid + 1;
  }
  return low;
}
/** Move the spans from the `i`-th on by `by`, to make room for one or to close a gap. */
function moveSpans(i: i32, by: i32): void {
  const n = hdr(H_NR_SPANS);
  copyBytes(spanAddr(i + by), spanAddr(i), (n - i) * SPAN_SIZE);
  setHdr(H_NR_SPANS, n + by);
}
/** Mapping `id` is in use: it has its bit, and its place in the order. */
function list(id: i32): void {
  const p = vmaIdsAddr() + ((id >>> 5) << 2);
  st(p, ld(p) | (1 << id));
  const i = spanBehind(vma(id, V_START));
  moveSpans(i, 1);
  st(spanAddr(i), vma(id, V_START));
  st(spanAddr(i) + 4, vma(id, V_START) + vma(id, V_PAGES));
  st(spanAddr(i) + 8, id);
}
/** It is not, whether it was or not: who gives a mapping back may do so once more, if somebody died of it. */
function unlist(id: i32): void {
  const p = vmaIdsAddr() + ((id >>> 5) << 2);
  st(p, ld(p) & ~(1 << id));
  const i = spanBehind(vma(id, V_START));
  if (i < hdr(H_NR_SPANS) && spanVma(i) === id) moveSpans(i + 1, -1);
}
/** The lowest number that no mapping has; -1 if there is none. What pins hold of one that is gone is still counted with its number. */
function freeId(): i32 {
  for (let first: i32 = 0; first < MAX_VMAS; first += 32) {
    for (let bits: i32 = ~ld(vmaIdsAddr() + (first >>> 3)); bits !== 0; bits &= bits - 1) {
      const id = first + lowestBit(bits);
      if (vma(id, V_HELD) === 0) return id;
    }
  }
  return -1;
}

/**
 * Find `pages` free virtual pages, the first a multiple of `align`, and make a mapping of them. First fit, by number
 * of the page. Returns its number, or -1 if there are too many mappings, -2 if there is no such range.
 */
export function createVma(pages: i32, align: i32, file: i32, cg: i32, order: i32, locked: i32): i32 {
  const id = freeId();
  if (id < 0) return -1;
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
  // With all that it is, or not at all.
  setVma(id, V_ACTIVE, VMA_LIVES);
  list(id);
  if (start === hdr(H_FREE_VPN)) setHdr(H_FREE_VPN, start + pages);
  return id;
}
/** Mapping `id` goes; what is looked for next may be where it was. */
export function removeVma(id: i32): void {
  if (vma(id, V_START) < hdr(H_FREE_VPN)) setHdr(H_FREE_VPN, vma(id, V_START));
  setVma(id, V_ACTIVE, 0);
  unlist(id);
  let n: i32 = hdr(H_NR_VMAS);
  while (n > 0 && vma(n - 1, V_ACTIVE) === 0) n--;
  setHdr(H_NR_VMAS, n);
}
/** The first of `pages` virtual pages in no mapping, a multiple of `align`; -1 if there are none. */
function findRange(pages: i32, align: i32): i32 {
  const n = hdr(H_NR_SPANS);
  let taken: i32 = hdr(H_FREE_VPN);
  let i: i32 = spanBehind(taken);
  // All before is taken, as far as it has been found to be.
  while (i < n && spanStart(i) <= taken) taken = spanEnd(i++);
  setHdr(H_FREE_VPN, taken);
  let start: i32 = aligned(taken, align);
  while (i < n && start > spanStart(i) - pages) start = aligned(spanEnd(i++), align);
  return start <= hdr(H_NR_VPNS) - pages ? start : -1;
}
function aligned(vpn: i32, align: i32): i32 {
  return (vpn + align - 1) & ~(align - 1);
}
/** Virtual pages that are in no mapping. */
export function freeVpns(): i32 {
  let free: i32 = hdr(H_NR_VPNS);
  for (let i: i32 = 0; i < hdr(H_NR_SPANS); i++) free -= spanEnd(i) - spanStart(i);
  return free;
}
/** The mapping that a virtual page is in; -1 if none (find_vma). */
export function findVma(vpn: i32): i32 {
  const i = spanBehind(vpn);
  return i < hdr(H_NR_SPANS) && spanStart(i) <= vpn ? spanVma(i) : -1;
}
/** Make the order of mappings, and which numbers are in use, anew from what they say themselves. */
export function rebuildVmas(): void {
  for (let first: i32 = 0; first < MAX_VMAS; first += 32) st(vmaIdsAddr() + (first >>> 3), 0);
  setHdr(H_NR_SPANS, 0);
  setHdr(H_FREE_VPN, 0);
  for (let id: i32 = 0; id < MAX_VMAS; id++) if (vma(id, V_ACTIVE) !== 0) list(id);
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
