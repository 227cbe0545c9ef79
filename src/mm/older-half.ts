/**
 * What is lost is from the older half of all that stays (OPT_COLDEST), whatever node it is on. Demotion off, each node of a kernel loses of its own; where the
 * lowest alone did, pages that nobody has used for long would stay on the faster ones, while those that are needed again leave. So who needs a
 * page for one that is back from swap takes it of all nodes, and the lowest node's kswapd of its own: pages that were used before about half of all (middle.ts), and are not
 * in use, go to swap, past the slower nodes, where they would push out what is younger than they are. Some are picked at random, and go by how soon pages of their kind come
 * back (regrets.ts).
 */
import {
  folioNid,
  folioNr,
  PG_ACTIVE,
  PG_HEAT,
  PG_LOCKED,
  PG_REFERENCED,
  PG_WORKINGSET,
  PG_WRITEBACK,
  PG_YOUNG,
  test,
} from "./folio.ts";
import { hopefulLists } from "./futile.ts";
import { before, knowsLastUse, lastUse, lruClock, noteUse } from "./last-use.ts";
import {
  H_MIDDLE_VAIN,
  H_POOL,
  H_POOL_LEFT,
  H_POOL_NR,
  H_POOL_OF,
  hdr,
  MAX_NODES,
  NR_POOL,
  ownerMemcg,
  ownerVma,
  refs,
  SC_ACTOR,
  SC_DISTANT,
  SC_MAY_DEMOTE,
  SC_NR_RECLAIMED,
  sc,
  scanHead,
  setHdr,
  setSc,
  V_LOCKED,
  vma,
  vpnOf,
} from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruDel, lruNoteUse } from "./lru.ts";
import { frameOf, isOrdinary, middleKnown, middleUse, pagesOf } from "./middle.ts";
import { isolate } from "./migrate.ts";
import { testClearReferenced } from "./page-table.ts";
import { randomBelow } from "./random.ts";
import { backOfAll, noteGone, rateOf, timeOfAll, triesAny } from "./regrets.ts";
import { roomFirst } from "./room.ts";
import { ACTOR_DIRECT, ACTOR_KSWAPD, LIST_SCAN, popScan, pushScan } from "./scan-control.ts";
import { enough, shrinkFolioList } from "./vmscan.ts";
import { count, PGSCAN_ANON, PGSCAN_KSWAPD, PGSTEAL_ANON, PGSTEAL_KSWAPD } from "./vmstat.ts";

/** Pages looked at, to find NR_POOL that may be lost; of those a quarter is. */
const LOOKS: i32 = 2 * NR_POOL;
/** If it took more looks for each that may be lost, no more are looked at while time stands. */
const DEAR: i32 = 16;
/** Quarters of what was picked, by age: kinds of pages. */
const QUARTERS: i32 = 4;
/** Flags of a page that has been found in use since it came, or was when it was lost before. */
const AGAIN: i32 = PG_YOUNG | PG_REFERENCED | PG_ACTIVE | PG_WORKINGSET | PG_HEAT;

/** Whether pages of the nodes of `mask` are lost by age, whichever node they are on. */
export function losesByAge(mask: i32): boolean {
  if (!knowsLastUse() || !roomFirst() || hdr(H_MIDDLE_VAIN) === ((lruClock() + 1) | 0)) return false;
  middleUse(mask);
  return true;
}
/** Lose a page of the nodes of `mask`, as old as losesByAge() has asked for, if one is soon found. Returns the node that it has left, a bit, or 0. */
export function loseOlder(mask: i32): i32 {
  const f = pick(mask, -1, ACTOR_DIRECT);
  const nid = f >= 0 ? folioNid(f) : 0;
  setSc(SC_DISTANT, 1);
  return lose(f) > 0 ? 1 << nid : 0;
}
/** kswapd of node `nid` loses such pages of group `cg` there, until it has enough or finds no more. */
export function loseHalf(nid: i32, cg: i32): void {
  let lost: i32 = 1;
  while (lost > 0 && !enough()) {
    lost = lose(pick(1 << nid, cg, ACTOR_KSWAPD));
    setSc(SC_NR_RECLAIMED, sc(SC_NR_RECLAIMED) + lost);
  }
}
/** Begin a scan for one page of the nodes of `mask`, of group `group` if that is not -1. Returns it, isolated, or -1; lose() ends the scan. */
function pick(mask: i32, group: i32, actor: i32): i32 {
  pushScan(actor, 1);
  setSc(SC_MAY_DEMOTE, 0);
  const scope = mask | ((group + 1) << MAX_NODES);
  if (hdr(H_POOL_LEFT) === 0 || hdr(H_POOL_OF) !== scope) pickSome(mask, group, scope);
  return choose(group);
}
function lose(f: i32): i32 {
  let lost: i32 = 0;
  if (f >= 0) {
    const nid = folioNid(f);
    const cg = ownerMemcg(f);
    listAdd(scanHead(LIST_SCAN), f);
    lost = shrinkFolioList(nid);
    count(PGSTEAL_KSWAPD + sc(SC_ACTOR), nid, cg, lost);
    count(PGSTEAL_ANON, nid, cg, lost);
  }
  popScan();
  return lost;
}
/** Look at pages of the nodes of `mask` at random, and note those that may be lost in the order of age. */
function pickSome(mask: i32, group: i32, scope: i32): void {
  const pages = pagesOf(mask);
  let n: i32 = 0;
  for (let i: i32 = 0; i < LOOKS && n < NR_POOL; i++) {
    const f = frameOf(mask, randomBelow(pages));
    if (!mayGo(f, group)) continue;
    let at: i32 = n;
    while (at > 0 && before(lastUse(f), lastUse(picked(at - 1)))) {
      setPicked(at, picked(at - 1));
      at--;
    }
    setPicked(at, f);
    n++;
  }
  setHdr(H_POOL_NR, n);
  setHdr(H_POOL_LEFT, (n + QUARTERS - 1) >> 2);
  setHdr(H_POOL_OF, scope);
  if (n * DEAR < LOOKS) setHdr(H_MIDDLE_VAIN, (lruClock() + 1) | 0);
}
/** The `i`-th page that was picked; -1 if it has gone since. */
function picked(i: i32): i32 {
  return hdr(H_POOL + (i << 2)) - 1;
}
function setPicked(i: i32, f: i32): void {
  setHdr(H_POOL + (i << 2), f + 1);
}
/** Isolate, of the pages that were picked, one of the kind that comes back least. Returns it or -1. */
function choose(group: i32): i32 {
  if (hdr(H_POOL_LEFT) > 0) setHdr(H_POOL_LEFT, hdr(H_POOL_LEFT) - 1);
  const any = triesAny();
  for (let at: i32 = nextPicked(any); at >= 0; at = nextPicked(any)) {
    const f = picked(at);
    const kind = kindAt(at);
    setPicked(at, -1);
    // It may have been used or gone since, or another may be there.
    if (!mayGo(f, group)) continue;
    noteGone(vpnOf(f), kind);
    lruDel(f);
    isolate(f);
    return f;
  }
  return -1;
}
/** The place among the picked pages of the one to go next, or of any; -1 if none is left. */
function nextPicked(any: boolean): i32 {
  const n = hdr(H_POOL_NR);
  const first = n > 0 ? randomBelow(n) : 0;
  const back = backOfAll();
  const time = timeOfAll();
  let best: i32 = -1;
  let least: f64 = 0;
  for (let i: i32 = 0; i < n; i++) {
    const at = (first + i) % n;
    if (picked(at) < 0) continue;
    if (any) return at;
    const rate = rateOf(kindAt(at), back, time);
    if (best >= 0 && rate >= least) continue;
    best = at;
    least = rate;
  }
  return best;
}
/** What is at place `at`: of which quarter by age it is, and whether it has been found in use again. */
function kindAt(at: i32): i32 {
  const quarter = ((at * QUARTERS) / hdr(H_POOL_NR)) | 0;
  return quarter + (test(picked(at), AGAIN) ? QUARTERS : 0);
}
/** Look at folio `f`: whether it may be lost, of group `group` if that is not -1. */
function mayGo(f: i32, group: i32): boolean {
  if (!isOrdinary(f) || (group >= 0 && ownerMemcg(f) !== group)) return false;
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  if (refs(f) !== 1 || test(f, PG_LOCKED | PG_WRITEBACK) || vma(ownerVma(f), V_LOCKED) !== 0) return false;
  if ((hopefulLists(nid, cg) & 1) === 0) return false;
  count(PGSCAN_KSWAPD + sc(SC_ACTOR), nid, cg, folioNr(f));
  count(PGSCAN_ANON, nid, cg, folioNr(f));
  if (testClearReferenced(f) === 0) return before(lastUse(f), middleKnown());
  noteUse(f);
  lruNoteUse(f);
  return false;
}
