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
  folioOrder,
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
import { before, knowsLastUse, lastUse, lruClock } from "./last-use.ts";
import {
  H_LOST,
  H_LOST_ON,
  H_MIDDLE_VAIN,
  H_POOL,
  H_POOL_FROM,
  hdr,
  MAX_NODES,
  NR_POOL,
  ownerMemcg,
  ownerVma,
  pte,
  refs,
  SC_ACTOR,
  SC_DISTANT,
  SC_MAY_DEMOTE,
  SC_NR_RECLAIMED,
  SC_NR_TO_RECLAIM,
  sc,
  scanHead,
  scratch,
  setHdr,
  setSc,
  V_LOCKED,
  vma,
  vpnOf,
} from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruDel, lruLook } from "./lru.ts";
import { ld, lowestBit, st } from "./machine.ts";
import { frameOf, isOrdinary, middleKnown, middleUse, pagesOf } from "./middle.ts";
import { isolate } from "./migrate.ts";
import { PTE_PRESENT, pteIndex } from "./page-table.ts";
import { randomBelow } from "./random.ts";
import { noteGone, rateKinds, triesAny } from "./regrets.ts";
import { roomFirst } from "./room.ts";
import { ACTOR_DIRECT, ACTOR_KSWAPD, LIST_SCAN, popScan, pushScan } from "./scan-control.ts";
import { enough, shrinkFolioList } from "./vmscan.ts";
import { count, PGSCAN_ANON, PGSCAN_KSWAPD, PGSTEAL_ANON, PGSTEAL_KSWAPD } from "./vmstat.ts";

/** Pages looked at, to find NR_POOL that may be lost; of those a quarter is. A fault that must fail looks at no more than these. */
const LOOKS: i32 = 2 * NR_POOL;
/** Words of the scratch after the frames looked at: when those that are picked were last used; how much is back of each kind (regrets.ts). */
const TIMES: i32 = LOOKS;
const RATES: i32 = TIMES + NR_POOL;
/** If it took more looks for each that may be lost, no more are looked at while time stands. */
const DEAR: i32 = 16;
/** Quarters of what was picked, by age: kinds of pages. */
const QUARTERS: i32 = 4;
/** Bits that name a node. */
const NID_BITS: i32 = 4;
/** Of a word of H_POOL_FROM: where the order of the folio begins; below it, from bit MAX_NODES on, is the group. */
const ORDER_SHIFT: i32 = 27;
/** Flags of a page that has been found in use since it came, or was when it was lost before. */
const AGAIN: i32 = PG_YOUNG | PG_REFERENCED | PG_ACTIVE | PG_WORKINGSET | PG_HEAT;

/** Whether pages of the nodes of `mask` are lost by age, whichever node they are on. */
export function losesByAge(mask: i32): boolean {
  if (!knowsLastUse() || !roomFirst() || hdr(H_MIDDLE_VAIN) === ((lruClock() + 1) | 0)) return false;
  middleUse(mask);
  return true;
}
/** Lose some pages of the nodes of `mask`, as old as losesByAge() has asked for, if they are soon found; those on other nodes than `slow` are for who asks next. */
export function loseOlder(mask: i32, slow: i32): void {
  loseSome(mask, -1, ACTOR_DIRECT, NR_POOL);
  let above: i32 = 0;
  let on: i32 = 0;
  for (let i: i32 = 0; i < NR_POOL; i++) {
    const from = lostFrom(i) & ~slow;
    if (from !== 0) above++;
    on |= from;
  }
  setHdr(H_LOST, above);
  setHdr(H_LOST_ON, on);
}
/** The nodes that frames may be taken of for which a page was lost already; 0 = none. */
export function lostOn(): i32 {
  return hdr(H_LOST) > 0 ? hdr(H_LOST_ON) : 0;
}
/** One of these was taken; or none of them is there any more. */
export function takeLost(taken: boolean): void {
  setHdr(H_LOST, taken ? hdr(H_LOST) - 1 : 0);
}
/** kswapd of node `nid` loses such pages of group `cg` there, until it has enough or finds no more. */
export function loseHalf(nid: i32, cg: i32): void {
  let lost: i32 = 1;
  while (lost > 0 && !enough()) {
    lost = loseSome(1 << nid, cg, ACTOR_KSWAPD, sc(SC_NR_TO_RECLAIM) - sc(SC_NR_RECLAIMED));
    setSc(SC_NR_RECLAIMED, sc(SC_NR_RECLAIMED) + lost);
  }
}
/** Lose up to `wanted` pages of the nodes of `mask`, of group `group` if that is not -1: a quarter of some that are picked, written together. Returns how many. */
function loseSome(mask: i32, group: i32, actor: i32, wanted: i32): i32 {
  pushScan(actor, wanted);
  setSc(SC_MAY_DEMOTE, 0);
  if (actor === ACTOR_DIRECT) setSc(SC_DISTANT, 1);
  const n = pickSome(mask, group);
  const quarter = (n + QUARTERS - 1) >> 2;
  // A large folio gives no more than is asked for.
  setSc(SC_NR_TO_RECLAIM, quarter < wanted ? quarter : wanted);
  takeSome(n);
  if (n > 0) shrinkFolioList(lowestBit(mask));
  const lost = countLost(n);
  popScan();
  return lost;
}
/** Look at pages of the nodes of `mask` at random, and note those that may be lost in the order of age. Returns how many. */
function pickSome(mask: i32, group: i32): i32 {
  const old = fetchOld(mask);
  let n: i32 = 0;
  let home: i32 = -1;
  let hopeful: boolean = false;
  let looks: i32 = 0;
  for (let i: i32 = 0; i < old && n < NR_POOL; i++) {
    const f = ld(scratch() + (i << 2));
    if (!mayGo(f, group)) continue;
    if (homeOf(f) !== home) {
      countLooks(home, looks);
      home = homeOf(f);
      hopeful = (hopefulLists(homeNid(home), homeMemcg(home)) & 1) !== 0;
      looks = 0;
    }
    if (!hopeful) continue;
    looks += folioNr(f);
    if (!lruLook(f) && pick(f, n)) n++;
  }
  countLooks(home, looks);
  if (n * DEAR < LOOKS) setHdr(H_MIDDLE_VAIN, (lruClock() + 1) | 0);
  return n;
}
/** Put `f` among the `n` that are picked, the oldest first. Returns whether it was not there. */
function pick(f: i32, n: i32): boolean {
  const time = lastUse(f);
  let at: i32 = n;
  while (at > 0 && before(time, timeAt(at - 1))) at--;
  for (let i: i32 = at; i > 0 && timeAt(i - 1) === time; i--) if (picked(i - 1) === f) return false;
  for (let i: i32 = n; i > at; i--) setPicked(i, picked(i - 1), timeAt(i - 1));
  setPicked(at, f, time);
  return true;
}
/**
 * Put those of LOOKS frames of the nodes of `mask` that are old into the scratch, and touch what will be looked at: the fetches overlap here, where they would
 * wait for one another there. Returns how many.
 */
function fetchOld(mask: i32): i32 {
  const pages = pagesOf(mask);
  const middle = middleKnown();
  let touched: i32 = 0;
  for (let i: i32 = 0; i < LOOKS; i++) {
    const f = frameOf(mask, randomBelow(pages));
    st(scratch() + (i << 2), f);
    touched ^= vpnOf(f);
  }
  for (let i: i32 = 0; i < LOOKS; i++) {
    const f = ld(scratch() + (i << 2));
    if (isOrdinary(f)) touched ^= lastUse(f);
  }
  let old: i32 = 0;
  for (let i: i32 = 0; i < LOOKS; i++) {
    const f = ld(scratch() + (i << 2));
    if (!isOrdinary(f) || !before(lastUse(f), middle)) continue;
    st(scratch() + (old << 2), f);
    touched ^= pte(vpnOf(f));
    old++;
  }
  setHdr(H_POOL, touched);
  return old;
}
/** The node and the group of a folio, in a word. */
function homeOf(f: i32): i32 {
  return (ownerMemcg(f) << NID_BITS) | folioNid(f);
}
function homeNid(home: i32): i32 {
  return home & (MAX_NODES - 1);
}
function homeMemcg(home: i32): i32 {
  return home >> NID_BITS;
}
/** `pages` of those of node and group `home` were looked at. */
function countLooks(home: i32, pages: i32): void {
  if (pages === 0) return;
  count(PGSCAN_KSWAPD + sc(SC_ACTOR), homeNid(home), homeMemcg(home), pages);
  count(PGSCAN_ANON, homeNid(home), homeMemcg(home), pages);
}
/** The `i`-th page that was picked; once it is taken, the complement of its virtual page. */
function picked(i: i32): i32 {
  return hdr(H_POOL + (i << 2));
}
function setPicked(i: i32, f: i32, time: i32): void {
  setHdr(H_POOL + (i << 2), f);
  st(scratch() + ((TIMES + i) << 2), time);
}
/** When it was last used. */
function timeAt(i: i32): i32 {
  return ld(scratch() + ((TIMES + i) << 2));
}
/** The node that the `i`-th page has left, a bit; 0 = it stays. */
function lostFrom(i: i32): i32 {
  return hdr(H_POOL_FROM + (i << 2)) & ((1 << MAX_NODES) - 1);
}
/** Isolate the picked page at place `at`. */
function take(at: i32, n: i32): void {
  const f = picked(at);
  noteGone(vpnOf(f), kindAt(at, n));
  setPicked(at, ~vpnOf(f), 0);
  setHdr(H_POOL_FROM + (at << 2), (folioOrder(f) << ORDER_SHIFT) | (ownerMemcg(f) << MAX_NODES) | (1 << folioNid(f)));
  lruDel(f);
  isolate(f);
  listAdd(scanHead(LIST_SCAN), f);
}
/** Put the rate of the kind of each of `n` that are picked into the scratch (regrets.ts), and isolate as many as are to go, the kind that comes back least first. */
function takeSome(n: i32): void {
  if (n === 0) return;
  rateKinds(scratch() + (RATES << 2));
  for (let at: i32 = 0; at < n; at++) st(scratch() + (at << 2), ld(scratch() + ((RATES + kindAt(at, n)) << 2)));
  for (let left: i32 = sc(SC_NR_TO_RECLAIM); left > 0; left--) take(nextPicked(n), n);
}
/** The place of the next page to go: of the kind that comes back least of those that are left; or of any. */
function nextPicked(n: i32): i32 {
  const any = triesAny();
  let at: i32 = randomBelow(n);
  let best: i32 = -1;
  let least: i32 = 0;
  for (let left: i32 = n; left > 0; left--) {
    if (picked(at) >= 0) {
      if (any) return at;
      const rate = ld(scratch() + (at << 2));
      if (best < 0 || rate < least) {
        best = at;
        least = rate;
      }
    }
    at = at + 1 < n ? at + 1 : 0;
  }
  return best;
}
/** What is at place `at` of `n`: of which quarter by age it is, and whether it has been found in use again. */
function kindAt(at: i32, n: i32): i32 {
  const quarter = ((at * QUARTERS) / n) | 0;
  return quarter + (test(picked(at), AGAIN) ? QUARTERS : 0);
}
/** Count what of the `n` picked folios has gone. Returns how many pages. */
function countLost(n: i32): i32 {
  let lost: i32 = 0;
  for (let i: i32 = 0; i < NR_POOL; i++) {
    const at = H_POOL_FROM + (i << 2);
    const from = hdr(at);
    const nid = lowestBit(lostFrom(i));
    const left = i < n && picked(i) < 0 ? gone(~picked(i), 1 << (from >> ORDER_SHIFT), nid) : 0;
    if (left === 0) {
      setHdr(at, 0);
      continue;
    }
    const cg = (from & ((1 << ORDER_SHIFT) - 1)) >> MAX_NODES;
    count(PGSTEAL_KSWAPD + sc(SC_ACTOR), nid, cg, left);
    count(PGSTEAL_ANON, nid, cg, left);
    lost += left;
  }
  return lost;
}
/** Of `pages` virtual pages from `vpn` on those that have left node `nid`, for a device or for room elsewhere. */
function gone(vpn: i32, pages: i32, nid: i32): i32 {
  let n: i32 = 0;
  for (let i: i32 = 0; i < pages; i++) {
    const p = pte(vpn + i);
    if ((p & PTE_PRESENT) === 0 || folioNid(pteIndex(p)) !== nid) n++;
  }
  return n;
}
/** Whether folio `f`, which was old, is so still and may be lost, of group `group` if that is not -1. */
function mayGo(f: i32, group: i32): boolean {
  if (!before(lastUse(f), middleKnown()) || (group >= 0 && ownerMemcg(f) !== group)) return false;
  return refs(f) === 1 && !test(f, PG_LOCKED | PG_WRITEBACK) && vma(ownerVma(f), V_LOCKED) === 0;
}
