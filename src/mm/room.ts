/**
 * Room before loss (OPT_ROOM_FIRST): nothing is swapped out or dropped while a node that its owner may use has free pages
 * above its high watermark. Owner means mems and binding policy; what a policy merely wishes for is no bound.
 *
 * Reclaim asks here about each folio that it is about to lose, after demotion had its turn, and there are three answers:
 *
 *   its own node has room    enough has gone: the folio is put back, as the next to go, and the scan ends
 *   another node has room    the folio moves there: to a lower tier, else a peer, else up, and the nearest of those
 *   none has                 it may be lost
 *
 * So peers and faster nodes are refuges, not demotion targets, and pages cannot go round: a refuge takes pages only above
 * its own high watermark, at which its kswapd sleeps, so that no move of this kind is ever the reason for another. What moved
 * up is the first to go down again when the faster node comes under pressure.
 *
 * The moving is relocate.ts's; this file only says who has room.
 *
 * A node in SC_VACATE is no refuge. It is one that a request asked to empty by name, a limit is taken from (what must leave a
 * group leaves memory), or on which room is being made for somebody who is about to take it.
 */
import { folioNid, folioNr } from "./folio.ts";
import {
  H_NR_NODES,
  H_OPTIONS,
  hdr,
  N_FREE,
  N_TIER,
  N_WMARK_HIGH,
  node,
  ownerMemcg,
  ownerVma,
  SC_ACTOR,
  SC_NR_RECLAIMED,
  SC_NR_TO_RECLAIM,
  SC_QUEUED,
  SC_SPARED,
  SC_VACATE,
  sc,
  setSc,
} from "./layout.ts";
import { lowestBit } from "./machine.ts";
import { placementMask } from "./mempolicy.ts";
import { OPT_DEMOTION, OPT_ROOM_FIRST } from "./options.ts";
import { ACTOR_KSWAPD } from "./scan-control.ts";
import { count, ROOM_VIOLATIONS } from "./vmstat.ts";
import { kswapdGoal } from "./watermark.ts";

/** Whether loss is the last resort. Without demotion nothing is moved in lieu of being lost. */
export function roomFirst(): boolean {
  const both = OPT_ROOM_FIRST | OPT_DEMOTION;
  return (hdr(H_OPTIONS) & both) === both;
}
/** The nodes of `mask` with free pages above their high watermark, a bit each. */
export function roomyNodes(mask: i32): i32 {
  let room: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (node(t, N_FREE) > node(t, N_WMARK_HIGH)) room |= 1 << t;
  }
  return room;
}
/** The nodes that folio `f` could stay on, or go to, rather than be lost, a bit each. */
export function refuges(f: i32): i32 {
  const nid = folioNid(f);
  const allowed = placementMask(ownerVma(f)) & ~sc(SC_VACATE);
  let room = roomyNodes(allowed);
  room &= ~(1 << nid);
  if (node(nid, N_FREE) + sc(SC_QUEUED) > ownMark(nid)) room |= allowed & (1 << nid);
  return room;
}
/** The mark above which a node that is being reclaimed from has enough: kswapd may aim for more than high. */
function ownMark(nid: i32): i32 {
  return sc(SC_ACTOR) === ACTOR_KSWAPD ? kswapdGoal(nid) : node(nid, N_WMARK_HIGH);
}
/** Whether pages on node `nid` of owners that may be on `allowed` can go to a refuge. */
export function hasRefuge(nid: i32, allowed: i32): boolean {
  const others = allowed & ~(sc(SC_VACATE) | (1 << nid));
  return roomFirst() && roomyNodes(others) !== 0;
}

/** Whether a node of a lower tier than `nid` has room: what is in the way there can go down. */
export function roomBelow(nid: i32): boolean {
  let lower: i32 = 0;
  for (let t: i32 = 0; t < hdr(H_NR_NODES); t++) if (node(t, N_TIER) > node(nid, N_TIER)) lower |= 1 << t;
  return roomyNodes(lower) !== 0;
}
/** Count it if folio `f`, which is about to be lost, could have stayed in memory. */
export function noteLoss(f: i32): void {
  if (refuges(f) !== 0) count(ROOM_VIOLATIONS, folioNid(f), ownerMemcg(f), folioNr(f));
}

/**
 * Pages that have yet to leave node `nid` by this reclaim, when `done` have left that its control does not know of: what it
 * was asked for, but no more than the node lacks, unless the node is to be emptied. None: the scan is at its end.
 */
export function stillWanted(nid: i32, done: i32): i32 {
  const asked = sc(SC_NR_TO_RECLAIM) - sc(SC_NR_RECLAIMED) - done;
  if ((sc(SC_VACATE) & (1 << nid)) !== 0) return asked;
  const lacking = ownMark(nid) + 1 - node(nid, N_FREE);
  if (lacking <= 0) setSc(SC_SPARED, 1);
  return lacking < asked ? lacking : asked;
}
