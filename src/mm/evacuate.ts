/**
 * Moving the pages of mappings off nodes that they may not be on any more (migrate_pages, cpuset_migrate_mm): in two steps, so
 * that it is known that all will find a place before the first of them moves.
 *
 * Each mapping that is concerned says where its pages shall be (V_MOVE_TO), which binds it at once, besides what has bound it
 * so far. What is elsewhere has strayed. Then
 *
 *   prepare   finds the room: what the targets have above min; partners there, for those who come from where these may go
 *             (exchange.ts); what demotion makes there; then what is colder there than what comes goes to swap; and in the
 *             end, strays that there is no room for. Each takes what is still missing, no more
 *   move      moves the strays, each with a partner in exchange as long as there are any
 *
 * Several mappings may have different targets that overlap. All of them find room if, for each set of nodes, the strays that
 * can go nowhere else do (Hall's theorem). The sets that are looked at are the targets of each mapping and all of them together, which is
 * all that matters where of two targets one contains the other or they have no node in common; and those with fewer targets move first.
 */
import { EBUSY, ENOMEM } from "./errno.ts";
import { bringPartners, changePlaces, dismissPartners, partnerFor, putbackPartners, takePartners } from "./exchange.ts";
import { folioHead, folioNid, folioNr, folioOrder, PG_LRU, test } from "./folio.ts";
import { isolatePage } from "./gup.ts";
import { everythingChanged } from "./hopeless.ts";
import { before, knowsLastUse, lastUse } from "./last-use.ts";
import {
  H_NR_NODES,
  H_NR_VMAS,
  hdr,
  N_COMING,
  N_FREE,
  N_GIVING,
  N_LEAVING,
  N_WMARK_MIN,
  node,
  pte,
  refs,
  SC_LIMIT,
  SC_LIMITED,
  SC_MAY_EVICT,
  SC_VACATE,
  sc,
  setNode,
  setSc,
  setVma,
  V_ACTIVE,
  V_MOVE_TO,
  V_PAGES,
  V_START,
  V_STRAYS,
  vma,
} from "./layout.ts";
import { lruDel } from "./lru.ts";
import { countBits, lowestBit } from "./machine.ts";
import { advisePageout, pageoutStrays } from "./madvise.ts";
import { nearest } from "./memory-tiers.ts";
import { isolate, migrateFolio, migrateInto, noteMigrationFailure, putback } from "./migrate.ts";
import { allNodes } from "./node.ts";
import { PTE_PRESENT, pteIndex } from "./page-table.ts";
import { ACTOR_PROACTIVE, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { tryToFree } from "./vmscan.ts";

/** Rounds of making room on one set of nodes after another, which may take room from each other. */
const MAX_ROUNDS: i32 = 64;

/** The nodes where the pages of mapping `v` are to be; 0 if it is not concerned. */
function targets(v: i32): i32 {
  return vma(v, V_ACTIVE) !== 0 ? vma(v, V_MOVE_TO) : 0;
}
/** The folio of page `at` of a mapping if it is there and outside `allowed`; else -1. */
function strayAt(at: i32, allowed: i32): i32 {
  const p = pte(at);
  if ((p & PTE_PRESENT) === 0) return -1;
  const f = folioHead(pteIndex(p));
  return (allowed & (1 << folioNid(f))) !== 0 ? -1 : f;
}

/** Begin to move. To be followed by endMove(), whatever happens. */
export function beginMove(): void {
  pushScan(ACTOR_PROACTIVE, 0);
  forgetPartners();
}
function forgetPartners(): void {
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    setNode(nid, N_GIVING, 0);
    setNode(nid, N_COMING, 0);
  }
}
export function endMove(): void {
  putbackPartners();
  popScan();
  for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++) setVma(v, V_MOVE_TO, 0);
  everythingChanged();
}

/** Count strays, by mapping and by node, and note the last use of the youngest. Returns how many, or -EBUSY if one is held. */
function countStrays(): i32 {
  let nr: i32 = 0;
  let young: i32 = 0;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) setNode(nid, N_LEAVING, 0);
  for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++) {
    const to = targets(v);
    if (to === 0) continue;
    let strays: i32 = 0;
    const end = vma(v, V_START) + vma(v, V_PAGES);
    for (let at: i32 = vma(v, V_START); at < end; at++) {
      const f = strayAt(at, to);
      if (f < 0) continue;
      if (refs(f) !== 1 || !test(f, PG_LRU)) return EBUSY;
      strays++;
      const nid = folioNid(f);
      setNode(nid, N_LEAVING, node(nid, N_LEAVING) + 1);
      if (nr + strays === 1 || before(young, lastUse(f))) young = lastUse(f);
    }
    setVma(v, V_STRAYS, strays);
    nr += strays;
  }
  // Of those who have left otherwise, partners need not go.
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) dismissPartners(nid, node(nid, N_COMING) - node(nid, N_LEAVING));
  setSc(SC_LIMIT, young);
  return nr;
}

/** Base pages that can still come to the nodes of `mask`. */
function roomOn(mask: i32): i32 {
  let room: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const spare = node(lowestBit(m), N_FREE) - node(lowestBit(m), N_WMARK_MIN);
    room += (spare > 0 ? spare : 0) + node(lowestBit(m), N_GIVING);
  }
  return room;
}
/** Pages that are missing on the nodes of `mask` for those who can go nowhere else. */
function shortOf(mask: i32): i32 {
  let nr: i32 = 0;
  for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++)
    if ((targets(v) & ~mask) === 0 && targets(v) !== 0) nr += vma(v, V_STRAYS);
  return nr - roomOn(mask);
}
/** The set of nodes that lacks most; 0 if none lacks any. */
function shortest(): i32 {
  let worst: i32 = 0;
  let most: i32 = 0;
  let all: i32 = 0;
  let last: i32 = 0;
  for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++) {
    const to = targets(v);
    all |= to;
    if (to === 0 || to === last) continue;
    last = to;
    const short = shortOf(to);
    if (short > most) {
      most = short;
      worst = to;
    }
  }
  return shortOf(all) > most ? all : worst;
}

/** Find room for all that have strayed. Returns 0, or -EBUSY or -ENOMEM, with no page where it may not be. */
export function prepareMove(): i32 {
  for (let round: i32 = 0; round < MAX_ROUNDS; round++) {
    const nr = countStrays();
    if (nr < 0) return nr;
    const mask = shortest();
    if (mask === 0) return 0;
    const missing = shortOf(mask);
    // First of all, as reclaim would look at what is in use there, and what it cannot use come off its place.
    findPartners(mask);
    makeRoom(mask, false);
    makeRoom(mask, true);
    // Making room may have moved strays, or sent them out.
    if (countStrays() < 0) return EBUSY;
    if (shortOf(mask) > 0) sendOut(mask);
    if (countStrays() < 0) return EBUSY;
    if (shortOf(mask) >= missing) return ENOMEM;
  }
  return ENOMEM;
}
/**
 * Reclaim from the nodes of `mask` as much as is missing there, by demotion alone or not; what is lost is older than the youngest of
 * those that come. What reclaim moves from one of them to another makes no room, so it is room that counts and not what was
 * reclaimed.
 */
function makeRoom(mask: i32, mayEvict: boolean): void {
  const limit = sc(SC_LIMIT);
  let missing: i32 = shortOf(mask);
  let more: boolean = missing > 0;
  while (more) {
    pushScan(ACTOR_PROACTIVE, missing > SWAP_CLUSTER_MAX ? missing : SWAP_CLUSTER_MAX);
    // Those who come take the room that is made.
    setSc(SC_VACATE, mask);
    setSc(SC_MAY_EVICT, mayEvict ? 1 : 0);
    if (mayEvict && knowsLastUse()) {
      setSc(SC_LIMITED, 1);
      setSc(SC_LIMIT, limit);
    }
    tryToFree(mask, false);
    popScan();
    const left = shortOf(mask);
    more = left > 0 && left < missing;
    missing = left;
  }
}
/** Isolate partners on the nodes of `mask` for as many strays as there is no room for. */
function findPartners(mask: i32): void {
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    const short = shortOf(mask);
    const alone = node(nid, N_LEAVING) - node(nid, N_COMING);
    if (short > 0 && alone > 0 && (mask & (1 << nid)) === 0) takePartners(mask, nid, alone < short ? alone : short);
  }
}
/** Send strays out of memory that find neither room on the nodes of `mask` nor a partner there, those not in use first. */
function sendOut(mask: i32): void {
  let left: i32 = shortOf(mask);
  for (let pass: i32 = 0; pass < 2; pass++) {
    for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
      let alone: i32 = node(nid, N_LEAVING) - node(nid, N_COMING);
      for (let v: i32 = 0; v < hdr(H_NR_VMAS) && left > 0 && alone > 0; v++) {
        const to = targets(v);
        if (to === 0 || (to & ~mask) !== 0 || vma(v, V_STRAYS) === 0 || (to & (1 << nid)) !== 0) continue;
        const sent = pageoutStrays(v, allNodes() & ~(1 << nid), pass === 0, alone < left ? alone : left);
        setNode(nid, N_LEAVING, node(nid, N_LEAVING) - sent);
        alone -= sent;
        left -= sent;
      }
    }
  }
}

/**
 * Move all that have strayed, for which there is room: first those that have the fewest nodes to go to, from wherever they are. Returns
 * 0, or -EBUSY or -ENOMEM if a page could after all not be moved, which stays where it is; to be followed by moveBack().
 */
export function moveStrays(): i32 {
  return moveAll(false);
}
/**
 * A move has failed, and what bound the mappings before does so again, as their targets: those that have moved already go back
 * to the places that they have left, down to the last frame there.
 */
export function moveBack(): void {
  putbackPartners();
  forgetPartners();
  prepareMove();
  moveAll(true);
}
function moveAll(back: boolean): i32 {
  for (let bits: i32 = 1; bits < hdr(H_NR_NODES); bits++) {
    for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++) {
      const to = targets(v);
      if (to === 0 || countBits(to) !== bits || vma(v, V_STRAYS) === 0) continue;
      for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
        if ((to & (1 << nid)) !== 0 || node(nid, N_LEAVING) === 0) continue;
        const r = moveAllFrom(nid, v, to, back);
        if (r < 0) return r;
      }
    }
  }
  return 0;
}
function moveAllFrom(nid: i32, v: i32, to: i32, back: boolean): i32 {
  const end = vma(v, V_START) + vma(v, V_PAGES);
  for (let at: i32 = vma(v, V_START); at < end; at++) {
    const f = strayAt(at, to);
    if (f < 0 || folioNid(f) !== nid) continue;
    const r = moveStray(f, at, v, to, back);
    if (r < 0 && !back) return r;
  }
  return 0;
}
/** Move the folio `f` of page `at`, which is on no node of `to`: whole, or page by page from the first. */
function moveStray(f: i32, at: i32, v: i32, to: i32, back: boolean): i32 {
  if (refs(f) !== 1 || !test(f, PG_LRU)) return EBUSY;
  const from = folioNid(f);
  const nr = folioNr(f);
  lruDel(f);
  isolate(f);
  const partner = nr === 1 ? partnerFor(from, to) : -1;
  if (partner >= 0 && changePlaces(f, partner) === 0) return 0;
  for (let left: i32 = to; left !== 0; ) {
    const t = nearest(from, left);
    left &= ~(1 << t);
    if ((back ? migrateInto(f, t, 0) : migrateFolio(f, t)) < 0) continue;
    bringPartners(from, to, nr);
    return 0;
  }
  if (folioOrder(f) > 0) {
    putback(f);
    const r = isolatePage(at);
    if (r < 0) return r;
    const page = pteIndex(pte(at));
    putback(page);
    return moveStray(page, at, v, to, back);
  }
  noteMigrationFailure(f);
  putback(f);
  return advisePageout(v, at, 1) > 0 ? 0 : ENOMEM;
}
