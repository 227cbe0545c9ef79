/**
 * When a page was last used, so that pages of different nodes and groups can be told apart by age (OPT_COLDEST).
 *
 * The place on a list tells ages within that list alone: a page that came down an hour ago stands before one that has come
 * down now, though it may have been in use ever since. So a page carries the time of its last known use with it: when it was
 * faulted in, or when a look last found it accessed. The time is the engine's own, which has no clock: it moves on with
 * every 32 faults, a batch, for without faults nobody has to go; in 32 bits, compared modulo 2^32, it lasts for 2^36 faults.
 * It costs no memory: it is kept in the page table, in the word that holds the shadow of a page while it is out (of a large
 * folio, in that of its first page).
 *
 * Where the lists are generations, agings note it of what they find in use, and generations know besides when they were
 * opened (lru-gen-age.ts), as in Linux (lrugen->timestamps).
 */
import { H_LRU_CLOCK, H_LRU_FAULTS, H_OPTIONS, hdr, setHdr, setShadow, shadow, vpnOf } from "./layout.ts";
import { OPT_COLDEST } from "./options.ts";

export const FAULTS_PER_TICK: i32 = 32;
/** Older than anything that is compared with it. */
const EVER: i32 = 1 << 30;

/** Whether last uses are noted. */
export function knowsLastUse(): boolean {
  return (hdr(H_OPTIONS) & OPT_COLDEST) !== 0;
}
export function lruClock(): i32 {
  return hdr(H_LRU_CLOCK);
}
/** A page was faulted in. Returns whether time has moved on. */
export function tickLruClock(): boolean {
  const faults = hdr(H_LRU_FAULTS) + 1;
  if (faults < FAULTS_PER_TICK) {
    setHdr(H_LRU_FAULTS, faults);
    return false;
  }
  setHdr(H_LRU_FAULTS, 0);
  setHdr(H_LRU_CLOCK, (hdr(H_LRU_CLOCK) + 1) | 0);
  return true;
}
/** Folio `f` is in use now. */
export function noteUse(f: i32): void {
  if ((hdr(H_OPTIONS) & OPT_COLDEST) !== 0) setShadow(vpnOf(f), hdr(H_LRU_CLOCK));
}
export function setLastUse(f: i32, time: i32): void {
  if ((hdr(H_OPTIONS) & OPT_COLDEST) !== 0) setShadow(vpnOf(f), time);
}
/** Folio `f` is known not to be needed soon. */
export function noteNoUse(f: i32): void {
  if ((hdr(H_OPTIONS) & OPT_COLDEST) !== 0) setShadow(vpnOf(f), (hdr(H_LRU_CLOCK) - EVER) | 0);
}
/** When folio `f`, which is present, was last used, as far as is known: not after. */
export function lastUse(f: i32): i32 {
  return shadow(vpnOf(f));
}
/** Whether time `a` is before time `b`. */
export function before(a: i32, b: i32): boolean {
  return ((a - b) | 0) < 0;
}
