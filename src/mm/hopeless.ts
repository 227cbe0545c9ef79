/**
 * Failure has a memory, and it ends (OPT_HOPELESS). A scope, that is a node or a group, in which a whole scan found nothing
 * to take is hopeless: it is not scanned again, by anybody, until something in it has changed. Linux has kswapd give up
 * after 16 fruitless runs, until somebody else reclaims a page, and has everybody else scan anew each time: a fault that
 * has to go to another node then pays for a look at every page of the first.
 *
 * What a change is follows from why the scan failed. It leaves a set of reasons (WHY_ bits), and only what takes one of
 * them away ends the state, at once:
 *
 *   WHY_BUSY    pinned, locked or being written    an unpin, an unlock
 *   WHY_ROOM    the target of a demotion is full   a page freed there; one there, or below, that can go after all
 *   WHY_SWAP    no slot, or a device that fails    a slot given back; a write that succeeds (swap.ts tries one page each time)
 *   WHY_REFUGE  no node with room to spare (room.ts)     one that has: its free pages pass high
 *   WHY_POLICY  nowhere to go at all               a policy, a group's mems
 *   WHY_LIMIT   protected                          a limit; usage that passes it
 *
 * and a page that arrives, by a fault or a move, and could go. Changes of limits, policies, mems, targets, watermarks and
 * tunables are rare: they end all of it. There is no timer and no back-off: nothing is left that could outlast its cause.
 *
 * "Whole" is counted, not assumed: a scan has to have tried as many pages as there are in the scope. Pages that it passed
 * over because they were in use do not count, so a scope is never hopeless for being warm.
 */
import {
  C_HOPELESS,
  C_LOW,
  C_MIN,
  C_PARENT,
  C_WHY,
  H_HOPELESS,
  H_NR_MEMCG,
  hdr,
  memcg,
  N_FREE,
  N_HOPELESS,
  N_KSWAPD_FAILURES,
  N_WHY,
  N_WMARK_HIGH,
  N_WMARK_MIN,
  node,
  nodes,
  SC_TRIED,
  SC_WHY,
  sc,
  setHdr,
  setMemcg,
  setNode,
  setSc,
} from "./layout.ts";

export const WHY_BUSY: i32 = 1;
export const WHY_ROOM: i32 = 2;
export const WHY_SWAP: i32 = 4;
export const WHY_POLICY: i32 = 8;
export const WHY_LIMIT: i32 = 16;
export const WHY_REFUGE: i32 = 32;

/** Of the ways to reclaim (futile.ts): everybody's who may do everything, kswapd's with them. */
export const TO_RECLAIM: i32 = 1;

/** Note why the scan under way could not take something. */
export function noteWhy(bits: i32): void {
  setSc(SC_WHY, sc(SC_WHY) | bits);
}
/** The scan under way tried `nr` pages (negative: did not after all). */
export function noteTried(nr: i32): void {
  setSc(SC_TRIED, sc(SC_TRIED) + nr);
}

/** Whether reclaim on node `nid` is hopeless for everybody, kswapd with them. */
export function nodeIsHopeless(nid: i32): boolean {
  return (node(nid, N_HOPELESS) & TO_RECLAIM) !== 0;
}

/** Bits of H_HOPELESS. */
const WHY_BITS: i32 = 8;
/** What happens until {@link endHold} changes nothing in the end: a frame that is freed is taken at once. */
export function holdChanges(): void {
  setHdr(H_HOPELESS, hdr(H_HOPELESS) << WHY_BITS);
}
export function endHold(): void {
  const held = hdr(H_HOPELESS);
  setHdr(H_HOPELESS, (held >> WHY_BITS) | (held & ((1 << WHY_BITS) - 1)));
}

/** Something changed that takes away one of the reasons in `why`: scopes that were hopeless for it are no longer. */
export function changed(why: i32): void {
  if ((hdr(H_HOPELESS) & why) !== 0) endHopeless(why, -1, -1);
}
/** Everything may have changed. */
export function everythingChanged(): void {
  if (hdr(H_HOPELESS) !== 0) endHopeless(-1, -1, -1);
}
/** End what is hopeless for a reason in `why`, and, whatever the reason, node `nid` and group `cg` with its ancestors. */
export function endHopeless(why: i32, nid: i32, cg: i32): void {
  let left: i32 = 0;
  for (let n: i32 = 0; n < nodes(); n++) {
    if (node(n, N_HOPELESS) === 0) continue;
    if ((node(n, N_WHY) & why) !== 0 || n === nid) {
      setNode(n, N_HOPELESS, 0);
      setNode(n, N_WHY, 0);
      setNode(n, N_KSWAPD_FAILURES, 0);
    }
    left |= node(n, N_WHY);
  }
  for (let c: i32 = 0; c < hdr(H_NR_MEMCG); c++) {
    if (memcg(c, C_HOPELESS) === 0) continue;
    if ((memcg(c, C_WHY) & why) !== 0 || isAbove(c, cg)) {
      setMemcg(c, C_HOPELESS, 0);
      setMemcg(c, C_WHY, 0);
    }
    left |= memcg(c, C_WHY);
  }
  setHdr(H_HOPELESS, left);
}

/** Where it is hopeless, node `nid`, and group `cg` with its ancestors, are so for the reasons in `why`, too. */
export function waitFor(why: i32, nid: i32, cg: i32): void {
  let waits: boolean = false;
  if (node(nid, N_HOPELESS) !== 0) {
    setNode(nid, N_WHY, node(nid, N_WHY) | why);
    waits = true;
  }
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) {
    if (memcg(c, C_HOPELESS) === 0) continue;
    setMemcg(c, C_WHY, memcg(c, C_WHY) | why);
    waits = true;
  }
  if (waits) setHdr(H_HOPELESS, hdr(H_HOPELESS) | why);
}

/** Whether group `c` is `cg` or one above it. */
function isAbove(c: i32, cg: i32): boolean {
  for (let g: i32 = cg; g >= 0; g = memcg(g, C_PARENT)) if (g === c) return true;
  return false;
}
/** `nr` pages of node `nid` were freed. */
export function noteFree(nid: i32, nr: i32): void {
  if ((hdr(H_HOPELESS) & WHY_REFUGE) !== 0) {
    const above = node(nid, N_FREE) - node(nid, N_WMARK_HIGH);
    if (above > 0 && above <= nr) endHopeless(WHY_REFUGE, -1, -1);
  }
  if ((hdr(H_HOPELESS) & WHY_ROOM) !== 0 && node(nid, N_FREE) > node(nid, N_WMARK_MIN)) endHopeless(WHY_ROOM, -1, -1);
}
/** Group `cg` or one above it grew: it may have grown past its protection. */
export function noteGrowth(cg: i32): void {
  if ((hdr(H_HOPELESS) & WHY_LIMIT) === 0) return;
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) {
    if (memcg(c, C_MIN) > 0 || memcg(c, C_LOW) > 0) {
      endHopeless(WHY_LIMIT, -1, -1);
      return;
    }
  }
}
