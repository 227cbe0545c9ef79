/**
 * kswapd stands back (OPT_COLDEST): on a node that can only lose pages, not send them down, it takes of the older half of all that stays,
 * whatever node that is on, and goes to sleep when most of what is next is younger. There the older half is elsewhere: who needs a page takes it from
 * a faster node (older-half.ts), what comes down finds no room and goes itself (cascade.ts), and who may be nowhere else reclaims for itself,
 * which knows of no halves. Which pages are older is said in middle.ts.
 *
 * The oldest of a list are not all at its end: pages come down to it that others have outlived, and deactivated ones come to its front.
 * Generations know when theirs were opened, and need none of it.
 */
import { before, knowsLastUse, lastUse, lruClock } from "./last-use.ts";
import {
  H_MIDDLE_VAIN,
  H_NR_MEMCG,
  H_NR_NODES,
  hdr,
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lruHead,
  lruvecOf,
  ownerVma,
  prev,
  SC_ACTOR,
  SC_LIMIT,
  SC_LIMITED,
  SC_PRIORITY,
  sc,
  setSc,
} from "./layout.ts";
import { lruGenEnabled } from "./lru-gen.ts";
import { lruSize } from "./lruvec.ts";
import { nodeDemotionMask } from "./memory-tiers.ts";
import { placementMask } from "./mempolicy.ts";
import { middleLately } from "./middle.ts";
import { roomFirst } from "./room.ts";
import { ACTOR_KSWAPD } from "./scan-control.ts";

/** Of SC_LIMITED: the limit is that of the older half. */
export const LIMIT_HALF: i32 = 2;
/** Pages at the end of a list that tell of those behind them. */
const NEXT: i32 = 9;
/** The last priority at which the younger half is left alone: who has come as far has looked at everything. */
const LAST: i32 = 2;

/** Whether what leaves node `nid` is lost, and somebody could lose something older for it. */
function keepsHalf(nid: i32, cg: i32): boolean {
  if (!knowsLastUse() || lruGenEnabled() || hdr(H_NR_NODES) === 1 || !roomFirst()) return false;
  return nodeDemotionMask(nid, cg) === 0 && hdr(H_MIDDLE_VAIN) !== ((lruClock() + 1) | 0);
}
/** The end of the list of group `cg` that regions' pages of node `nid` leave by. */
function endOf(nid: i32, cg: i32): i32 {
  const inactive = lruSize(lruvecOf(nid, cg), LRU_INACTIVE_ANON) > 0;
  return lruHead(nid, cg, inactive ? LRU_INACTIVE_ANON : LRU_ACTIVE_ANON);
}
/** Of the next pages to leave node `nid` by list `head`: those that may be elsewhere, and have been used since `time`, less those that may not or have not. */
function mostly(nid: i32, head: i32, any: boolean, time: i32): i32 {
  let more: i32 = 0;
  let n: i32 = 0;
  for (let f: i32 = prev(head); f !== head && n < NEXT; f = prev(f)) {
    const counts = (any || !before(lastUse(f), time)) && (placementMask(ownerVma(f)) & ~(1 << nid)) !== 0;
    more += counts ? 1 : -1;
    n++;
  }
  return more;
}
/** The scan under way, of node `nid` and group `cg`, takes of the older half if it is kswapd's. Returns whether it does; endHalf() ends it. */
export function beginHalf(nid: i32, cg: i32): boolean {
  if (sc(SC_ACTOR) !== ACTOR_KSWAPD || sc(SC_LIMITED) !== 0 || sc(SC_PRIORITY) < LAST) return false;
  // Where most may be nowhere else, that is the scope.
  if (!keepsHalf(nid, cg) || mostly(nid, endOf(nid, cg), true, 0) < 0) return false;
  setSc(SC_LIMITED, LIMIT_HALF);
  setSc(SC_LIMIT, middleLately());
  return true;
}
export function endHalf(): void {
  setSc(SC_LIMITED, 0);
}

/** Whether kswapd of node `nid` is to leave its pages alone: most of what it would take next is younger than half of all. */
export function standsBack(nid: i32): boolean {
  if (!keepsHalf(nid, -1)) return false;
  const middle = middleLately();
  let more: i32 = 0;
  for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG); cg++) {
    if (lruSize(lruvecOf(nid, cg), LRU_INACTIVE_FILE) > 0) return false;
    more += mostly(nid, endOf(nid, cg), false, middle);
  }
  return more > 0;
}
