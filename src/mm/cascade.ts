/**
 * Room on a full demotion target: its own coldest pages go down first (OPT_CASCADE). Reclaim nests one level, on the target.
 */

import { shrinkByAge } from "./coldest.ts";
import { hopeful, noteFutile } from "./futile.ts";
import { before, knowsLastUse, lastUse } from "./last-use.ts";
import {
  N_FREE,
  N_PAGES,
  N_WMARK_HIGH,
  N_WMARK_MIN,
  next,
  node,
  SC_ACTOR,
  SC_HOPELESS,
  SC_LIMIT,
  SC_LIMITED,
  SC_MAY_DEMOTE,
  SC_MAY_EVICT,
  SC_MEMCG,
  SC_NR_RECLAIMED,
  SC_NR_TO_RECLAIM,
  SC_PRIORITY,
  SC_PROACTIVE,
  SC_VACATE,
  sc,
  scanHead,
  setSc,
} from "./layout.ts";
import { lruGenEnabled } from "./lru-gen.ts";
import { countBits, lowestBit } from "./machine.ts";
import { roomFirst } from "./room.ts";
import { DEF_PRIORITY, LIST_FAILED, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { shrinkNode } from "./vmscan.ts";

/** Pages looked at for each that is wanted, at most: the rest of those that come find another place, or go themselves. */
const LOOKS: i32 = 4;

/** The last use of the youngest folio that has to move: only what is older gives way to it. */
function youngest(): i32 {
  const list = scanHead(LIST_FAILED);
  let time: i32 = lastUse(next(list));
  for (let f: i32 = next(list); f !== list; f = next(f)) if (before(time, lastUse(f))) time = lastUse(f);
  return time;
}
/**
 * Push the coldest pages of the full demotion targets in `mask` further down, until `pages` find room there; a batch each at
 * least, but under OPT_ROOM_FIRST no more than is missing, and none above high: what goes on from there may be lost for it, and nothing is beside
 * room. Returns whether that kept it from making as much as was asked for: then there is more to be had when what was made is taken.
 */
export function makeRoomOn(mask: i32, pages: i32): boolean {
  if (mask === 0 || pages <= 0) return false;
  let kept: boolean = false;
  const exact = roomFirst();
  const share = (((pages - 1) / countBits(mask)) | 0) + 1;
  const nr = exact || share > SWAP_CLUSTER_MAX ? share : SWAP_CLUSTER_MAX;
  const vacate = sc(SC_VACATE);
  const actor = sc(SC_ACTOR);
  // A request about one group stays with that group, on the target too.
  const cg = sc(SC_MEMCG);
  const mayEvict = sc(SC_MAY_EVICT);
  const mayDemote = sc(SC_MAY_DEMOTE);
  const limit = youngest();
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    // An earlier target's cascade may have made room here already.
    const most = node(t, N_WMARK_HIGH) - node(t, N_WMARK_MIN);
    const goal = exact && nr > most ? most : nr;
    const missing = node(t, N_WMARK_MIN) + goal - node(t, N_FREE);
    if (exact ? missing <= 0 : missing < 0) continue;
    // Looking through a whole target in vain once is enough, or each batch of the source would do it again.
    let hopeless: i32 = sc(SC_HOPELESS);
    if ((hopeless & (1 << t)) !== 0) continue;
    pushScan(actor, exact ? missing : nr);
    // What comes down will take the room that is made here.
    setSc(SC_VACATE, vacate | (1 << t));
    setSc(SC_HOPELESS, hopeless);
    setSc(SC_MEMCG, cg);
    setSc(SC_MAY_EVICT, mayEvict);
    setSc(SC_MAY_DEMOTE, mayDemote);
    if (mayEvict !== 0) setSc(SC_PROACTIVE, 0);
    if (knowsLastUse()) {
      setSc(SC_LIMITED, 1);
      setSc(SC_LIMIT, limit);
    }
    if (hopeful(1 << t) !== 0) {
      if (knowsLastUse() && !lruGenEnabled())
        shrinkByAge(1 << t, LOOKS * (nr > SWAP_CLUSTER_MAX ? nr : SWAP_CLUSTER_MAX));
      else shrinkToTarget(t);
    }
    hopeless = sc(SC_HOPELESS);
    if (sc(SC_NR_RECLAIMED) === 0) {
      hopeless |= 1 << t;
      noteFutile(1 << t);
    }
    if (goal < nr && sc(SC_NR_RECLAIMED) > 0) kept = true;
    popScan();
    setSc(SC_HOPELESS, hopeless);
  }
  return kept;
}
/** Scan node `nid` at falling priority until the control's target is met. */
function shrinkToTarget(nid: i32): void {
  for (let priority: i32 = startPriority(nid); priority >= 0; priority--) {
    setSc(SC_PRIORITY, priority);
    shrinkNode(nid);
    if (sc(SC_NR_RECLAIMED) >= sc(SC_NR_TO_RECLAIM)) return;
  }
}
/** The first priority at which the lists of a node can yield anything at all. */
function startPriority(nid: i32): i32 {
  let priority: i32 = DEF_PRIORITY;
  while (priority > 1 && node(nid, N_PAGES) >> priority < SWAP_CLUSTER_MAX) priority--;
  return priority;
}
