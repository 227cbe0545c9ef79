/**
 * Accessed bits into generations. An aging walks the page-table entries of the mappings of one group for the pages on one
 * node, clears the accessed bits that it finds, and gives those folios the youngest generation (walk_mm). A walk of
 * everything would cost as much for a memory that is asleep as for one that is busy, so that blocks of 512 entries, a
 * page of page table in Linux, in which fewer than one entry in eight was young are passed over by the next walk, until
 * eviction finds by look-around that they have woken up: the filter that says so is a bit a block and node, one for the
 * generation that is the youngest and one for the next (Linux has Bloom filters here).
 *
 * Look-around: where eviction meets a page that is in use, it looks at up to 64 entries around it, for pages that are used
 * together tend to lie together (lru_gen_look_around).
 */
import { folioHead, folioNid } from "./folio.ts";
import { before, knowsLastUse, lastUse, noteUse } from "./last-use.ts";
import {
  H_INITIAL,
  H_NR_VMAS,
  H_WALKED,
  hdr,
  hdrf,
  lruvecOf,
  MAX_NR_GENS,
  N_PAGES,
  N_START,
  node,
  ownerMemcg,
  ownerVma,
  pte,
  setHdrf,
  setPte,
  V_ACTIVE,
  V_FILE,
  V_LOCKED,
  V_MEMCG,
  V_PAGES,
  V_START,
  vma,
  vpnOf,
  WALK_BLOCK,
  WALK_BLOCK_SHIFT,
  walkFilterWord,
} from "./layout.ts";
import { genOf, MIN_LRU_BATCH, maxSeq, updateGen } from "./lru-gen.ts";
import { youngestSince } from "./lru-gen-age.ts";
import { ld, ltu, st } from "./machine.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "./page-table.ts";

/** A block with at least one young entry in this many is worth a walk: one a cache line in Linux (suitable_to_scan). */
const PTES_PER_LINE: i32 = 8;

function filterBit(vpn: i32): i32 {
  return 1 << ((vpn >> WALK_BLOCK_SHIFT) & 31);
}
function inFilter(nid: i32, seq: i32, vpn: i32): boolean {
  return (ld(walkFilterWord(nid, seq & 1, vpn)) & filterBit(vpn)) !== 0;
}
function addToFilter(nid: i32, seq: i32, vpn: i32): void {
  const word = walkFilterWord(nid, seq & 1, vpn);
  st(word, ld(word) | filterBit(vpn));
}
function dropFromFilter(nid: i32, seq: i32, vpn: i32): void {
  const word = walkFilterWord(nid, seq & 1, vpn);
  st(word, ld(word) & ~filterBit(vpn));
}

/** The slot of the youngest generation of a lruvec. */
function youngest(lv: i32): i32 {
  return genOf(maxSeq(lv));
}
/** Clear the accessed bits in [from, to) of pages on node `nid`, and make their folios young. Returns how many were in use. */
function walkRange(from: i32, to: i32, nid: i32, lv: i32): i32 {
  const start = node(nid, N_START);
  const end = start + node(nid, N_PAGES);
  const gen = youngest(lv);
  const opened = youngestSince(lv);
  // A fault is a use too, though it left no mark where it is noted otherwise.
  const seen = knowsLastUse() ? PTE_PRESENT : PTE_PRESENT | PTE_ACCESSED;
  let young: i32 = 0;
  setHdrf(H_WALKED, hdrf(H_WALKED) + (to - from));
  for (let vpn: i32 = from; vpn < to; vpn++) {
    const p = pte(vpn);
    if ((p & seen) !== seen) continue;
    const frame = pteIndex(p);
    if (frame < start || frame >= end) continue;
    const f = folioHead(frame);
    if ((p & PTE_ACCESSED) !== 0) {
      setPte(vpn, p & ~PTE_ACCESSED);
      updateGen(f, lv, gen);
      noteUse(f);
      young++;
    } else if (!before(lastUse(f), opened)) young++;
  }
  return young;
}

/**
 * Walk the mappings of group `cg` for pages on node `nid`: all blocks with `force`, or those in the filter; no anonymous
 * ones if these cannot be evicted anyway.
 */
export function walkGroup(nid: i32, cg: i32, canSwap: boolean, force: boolean): void {
  const lv = lruvecOf(nid, cg);
  const seq = maxSeq(lv);
  // The first aging has no filter to go by.
  const all = force || ltu((seq - hdr(H_INITIAL)) | 0, MAX_NR_GENS);
  const n = hdr(H_NR_VMAS);
  for (let v: i32 = 0; v < n; v++) {
    if (vma(v, V_ACTIVE) === 0 || vma(v, V_MEMCG) !== cg || vma(v, V_LOCKED) !== 0) continue;
    if (vma(v, V_FILE) !== 0 || canSwap) walkVma(v, nid, lv, seq, all);
  }
}
function walkVma(v: i32, nid: i32, lv: i32, seq: i32, all: boolean): void {
  const end = vma(v, V_START) + vma(v, V_PAGES);
  let from: i32 = vma(v, V_START);
  while (from < end) {
    const edge = (from & ~(WALK_BLOCK - 1)) + WALK_BLOCK;
    const to = edge < end ? edge : end;
    // Both are asked before either is changed: small mappings share a block.
    const walk = all || inFilter(nid, seq, from);
    dropFromFilter(nid, seq + 1, from);
    if (walk && walkRange(from, to, nid, lv) * PTES_PER_LINE >= to - from) addToFilter(nid, seq + 1, from);
    from = to;
  }
}

/** Look at the neighbours of base page folio `f`, which was found in use, and at itself (lru_gen_look_around). */
export function lookAround(f: i32): void {
  const vpn = vpnOf(f);
  const v = ownerVma(f);
  const nid = folioNid(f);
  const lv = lruvecOf(nid, ownerMemcg(f));
  const block = vpn & ~(WALK_BLOCK - 1);
  const first = block > vma(v, V_START) ? block : vma(v, V_START);
  const last = vma(v, V_START) + vma(v, V_PAGES);
  const limit = block + WALK_BLOCK < last ? block + WALK_BLOCK : last;
  const half = MIN_LRU_BATCH >> 1;
  let from: i32 = first;
  let to: i32 = limit;
  if (limit - first > MIN_LRU_BATCH) {
    if (vpn - first < half) to = first + MIN_LRU_BATCH;
    else if (limit - vpn < half) from = limit - MIN_LRU_BATCH;
    else {
      from = vpn - half;
      to = vpn + half;
    }
  }
  if (walkRange(from, to, nid, lv) * PTES_PER_LINE >= to - from) addToFilter(nid, maxSeq(lv), vpn);
}
