/**
 * What is lost is from the older half of all that stays (OPT_COLDEST), whatever node it is on. A page that is back from swap after long takes
 * the slowest tier, which gives its own oldest for it: where that tier is small, or the program goes round more than there is room for, these are
 * young beside pages of the faster nodes that nobody has used meanwhile. Then the loss is a faster node's: pages there that were used before about
 * half of all (middle.ts), and are not in use, go to swap, and the page takes the room that they leave. They go past the slower nodes, where
 * they would push out what is younger than they are.
 */
import { nextAreSince } from "./coldest.ts";
import { folioNid, folioNr, PG_LOCKED, PG_WRITEBACK, test } from "./folio.ts";
import { hopefulLists } from "./futile.ts";
import { before, knowsLastUse, lastUse, lruClock, noteUse } from "./last-use.ts";
import {
  H_MIDDLE_VAIN,
  hdr,
  N_FREE,
  N_PAGES,
  N_WMARK_HIGH,
  node,
  ownerMemcg,
  ownerVma,
  refs,
  SC_DISTANT,
  SC_MAY_DEMOTE,
  scanHead,
  setHdr,
  setSc,
  V_LOCKED,
  vma,
} from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruDel, lruNoteUse } from "./lru.ts";
import { frameOf, isOrdinary, middleKnown, middleUse, pagesOf } from "./middle.ts";
import { isolate } from "./migrate.ts";
import { testClearReferenced } from "./page-table.ts";
import { randomBelow } from "./random.ts";
import { roomFirst } from "./room.ts";
import { ACTOR_DIRECT, LIST_SCAN, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { shrinkFolioList } from "./vmscan.ts";
import { count, PGSCAN_ANON, PGSCAN_KSWAPD, PGSTEAL_ANON, PGSTEAL_KSWAPD } from "./vmstat.ts";

/** Pages looked at for each that is wanted, and in all, at most. */
const LOOKS: i32 = 8;
const MOST: i32 = 128;
/** If it took more for each that was found, no more are looked at while time stands. */
const DEAR: i32 = 16;

/** Whether what the nodes of `slow` would lose next is younger than about half of the pages on the nodes of `mask`, which may give some. */
export function losesYoung(slow: i32, mask: i32): boolean {
  if (!knowsLastUse() || !roomFirst() || hdr(H_MIDDLE_VAIN) === ((lruClock() + 1) | 0)) return false;
  const middle = middleUse(mask);
  pushScan(ACTOR_DIRECT, SWAP_CLUSTER_MAX);
  const young = nextAreSince(slow, middle);
  popScan();
  return young;
}
/**
 * Lose what is missing on a node of `mask` to its high mark, a batch at most, of pages as old as losesYoung() has asked for, if they are soon found. They are
 * picked at random: by what is known of them one is as good as another, and the oldest first is the worst order for a program that goes round (spare.ts).
 */
export function loseOlder(mask: i32): void {
  const nid = folioNid(frameOf(mask, randomBelow(pagesOf(mask))));
  const lacking = node(nid, N_WMARK_HIGH) + 1 - node(nid, N_FREE);
  const wanted = lacking < SWAP_CLUSTER_MAX ? lacking : SWAP_CLUSTER_MAX;
  const most = wanted * LOOKS < SWAP_CLUSTER_MAX ? SWAP_CLUSTER_MAX : wanted * LOOKS;
  pushScan(ACTOR_DIRECT, wanted);
  setSc(SC_MAY_DEMOTE, 0);
  setSc(SC_DISTANT, 1);
  let taken: i32 = 0;
  let looks: i32 = 0;
  // Of one group, that of the first.
  let cg: i32 = -1;
  while (taken < wanted && looks < most && looks < MOST) {
    const f = frameOf(1 << nid, randomBelow(node(nid, N_PAGES)));
    looks++;
    if (!isOrdinary(f) || (cg >= 0 && ownerMemcg(f) !== cg)) continue;
    const nr = isolateOld(f, nid, ownerMemcg(f));
    if (nr > 0) cg = ownerMemcg(f);
    taken += nr;
  }
  const lost = taken > 0 ? shrinkFolioList(nid) : 0;
  count(PGSTEAL_KSWAPD + ACTOR_DIRECT, nid, cg, lost);
  count(PGSTEAL_ANON, nid, cg, lost);
  popScan();
  if (lost * DEAR < looks) setHdr(H_MIDDLE_VAIN, (lruClock() + 1) | 0);
}
/** Look at folio `f` of node `nid` and group `cg`: isolate it to LIST_SCAN if it may be lost. Returns its pages, 0 if it stays. */
function isolateOld(f: i32, nid: i32, cg: i32): i32 {
  if (refs(f) !== 1 || test(f, PG_LOCKED | PG_WRITEBACK) || vma(ownerVma(f), V_LOCKED) !== 0) return 0;
  if ((hopefulLists(nid, cg) & 1) === 0) return 0;
  const nr = folioNr(f);
  count(PGSCAN_KSWAPD + ACTOR_DIRECT, nid, cg, nr);
  count(PGSCAN_ANON, nid, cg, nr);
  if (testClearReferenced(f) !== 0) {
    noteUse(f);
    lruNoteUse(f);
    return 0;
  }
  if (!before(lastUse(f), middleKnown())) return 0;
  lruDel(f);
  isolate(f);
  listAdd(scanHead(LIST_SCAN), f);
  return nr;
}
