/**
 * Workingset detection (mm/workingset.c). When a page is evicted it leaves a shadow: the lruvec it was on and that
 * lruvec's age, a count of evictions and activations. If it is faulted back, the age that has passed meanwhile is its
 * refault distance: how many more pages the list would have had to hold to keep it. If that is no more than the pages
 * that the lruvec considers active (and, for the type that competes, inactive), the page had a better claim than what
 * is there, and starts out active.
 *
 * A shadow is one word: 1 | workingset << 1 | node << 2 | group << 6 | age << 12. 20 bits of an age must do, so a large memory's
 * leave out the lowest ones (bucket_order): it wraps after at least 64 times the memory's pages were evicted. A page that
 * was away for just as long is taken for one that has just gone. Demotion leaves no shadow: the page is still there.
 */
import { folioNid, folioNr, isFile, PG_ACTIVE, PG_WORKINGSET, setFlag, test } from "./folio.ts";
import {
  C_ACTIVE,
  frames,
  L_ACTIVATIONS,
  L_ANON_COST,
  L_FILE_COST,
  L_NONRESIDENT_AGE,
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lru,
  lruf,
  lruvecOf,
  memcg,
  ownerMemcg,
  setLru,
  setLruf,
} from "./layout.ts";
import { folioLruvec, lruSize } from "./lruvec.ts";
import { leadingZeros } from "./machine.ts";
import { SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { swapAvailable } from "./swap.ts";
import { count, WORKINGSET_ACTIVATE_ANON, WORKINGSET_REFAULT_ANON, WORKINGSET_RESTORE_ANON } from "./vmstat.ts";

const AGE_BITS: i32 = 20;
const AGE_MASK: i32 = 0xfffff;
/** An age is told to 2^-14 of the memory's pages or better. */
const FINE_BITS: i32 = 14;

/** How many of an age's low bits a shadow leaves out (bucket_order). */
function bucketOrder(): i32 {
  const order = 32 - leadingZeros(frames() - 1) - FINE_BITS;
  return order < 0 ? 0 : order > 32 - AGE_BITS ? 32 - AGE_BITS : order;
}

/** Age a lruvec by `nr` pages that were evicted from it or activated on it (workingset_age_nonresident). */
export function ageNonresident(lv: i32, nr: i32): void {
  setLru(lv, L_NONRESIDENT_AGE, (lru(lv, L_NONRESIDENT_AGE) + nr) | 0);
}

/** The shadow that an evicted folio leaves (workingset_eviction). */
export function workingsetEviction(f: i32): i32 {
  const lv = folioLruvec(f);
  const age = (lru(lv, L_NONRESIDENT_AGE) >>> bucketOrder()) & AGE_MASK;
  ageNonresident(lv, folioNr(f));
  const workingset = test(f, PG_WORKINGSET) ? 2 : 0;
  return 1 | workingset | (folioNid(f) << 2) | (ownerMemcg(f) << 6) | (age << 12);
}

/**
 * Whether a page that left `shadow` has been away for longer than the working set of the lruvec that it was evicted from:
 * its refault distance is more than the pages there that it would have to compete with (workingset_test_recent).
 */
export function refaultIsDistant(shadow: i32, file: i32): boolean {
  const cg = (shadow >>> 6) & 63;
  if (memcg(cg, C_ACTIVE) === 0) return true;
  const evicted = lruvecOf((shadow >>> 2) & 15, cg);
  const order = bucketOrder();
  const distance = (((lru(evicted, L_NONRESIDENT_AGE) >>> order) - (shadow >>> 12)) & AGE_MASK) << order;
  let workingset = lruSize(evicted, LRU_ACTIVE_FILE);
  if (file === 0) workingset += lruSize(evicted, LRU_INACTIVE_FILE);
  if (swapAvailable(0)) {
    workingset += lruSize(evicted, LRU_ACTIVE_ANON);
    if (file !== 0) workingset += lruSize(evicted, LRU_INACTIVE_ANON);
  }
  return distance > workingset;
}

/** A page that left `shadow` is back as folio `f`, which is on no list yet (workingset_refault). */
export function workingsetRefault(f: i32, shadow: i32): void {
  const file = isFile(f);
  count(WORKINGSET_REFAULT_ANON + file, folioNid(f), ownerMemcg(f), 1);
  if (refaultIsDistant(shadow, file)) return;
  const lv = folioLruvec(f);
  setFlag(f, PG_ACTIVE);
  ageNonresident(lv, 1);
  noteActivation(lv, file);
  count(WORKINGSET_ACTIVATE_ANON + file, folioNid(f), ownerMemcg(f), 1);
  if ((shadow & 2) === 0) return;
  setFlag(f, PG_WORKINGSET);
  noteCost(lv, file, 1, 0);
  count(WORKINGSET_RESTORE_ANON + file, folioNid(f), ownerMemcg(f), 1);
}
function noteActivation(lv: i32, file: i32): void {
  const field = L_ACTIVATIONS + (file << 2);
  setLru(lv, field, (lru(lv, field) + 1) | 0);
}

/**
 * Reclaiming this type has just cost `nrIo` I/Os or refaults, and `nrRotated` pages looked at in vain (lru_note_cost). An
 * I/O weighs as much as a batch of rotations. Both types' costs are halved when their sum passes a quarter of the
 * lruvec's pages.
 */
export function noteCost(lv: i32, file: i32, nrIo: i32, nrRotated: i32): void {
  const field = file !== 0 ? L_FILE_COST : L_ANON_COST;
  setLruf(lv, field, lruf(lv, field) + nrIo * SWAP_CLUSTER_MAX + nrRotated);
  const pages: f64 =
    lruSize(lv, LRU_INACTIVE_ANON) +
    lruSize(lv, LRU_ACTIVE_ANON) +
    lruSize(lv, LRU_INACTIVE_FILE) +
    lruSize(lv, LRU_ACTIVE_FILE);
  if ((lruf(lv, L_ANON_COST) + lruf(lv, L_FILE_COST)) * 4 <= pages) return;
  setLruf(lv, L_ANON_COST, Math.floor(lruf(lv, L_ANON_COST) / 2));
  setLruf(lv, L_FILE_COST, Math.floor(lruf(lv, L_FILE_COST) / 2));
}
