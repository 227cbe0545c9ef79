/**
 * Demotion of one batch (demote_folio_list): every folio on LIST_DEMOTE is moved to a target of its own, in lieu of
 * being swapped out or dropped. A target without room for a base page is passed over for the rest of the batch; a large
 * folio that fits nowhere whole is split and its pieces tried once. What could not be moved is left on LIST_FAILED.
 */
import { EAGAIN, ENOMEM } from "./errno.ts";
import {
  clearFlag,
  folioNid,
  folioNr,
  folioOrder,
  isFile,
  PG_ACTIVE,
  PG_LOCKED,
  PG_LRU,
  PG_REFERENCED,
  PG_WRITEBACK,
  PG_YOUNG,
  test,
} from "./folio.ts";
import { demotedFrom } from "./hint-scan.ts";
import { noteWhy, WHY_BUSY, WHY_ROOM } from "./hopeless.ts";
import {
  H_OPTIONS,
  hdr,
  N_DEMOTE_ALLOWED,
  N_DEMOTE_PREFERRED,
  N_TIER,
  N_WMARK_MIN,
  next,
  node,
  ownerMemcg,
  pte,
  refs,
  SC_ACTOR,
  SC_FULL,
  SC_TRADE,
  sc,
  scanHead,
  setSc,
  vpnOf,
} from "./layout.ts";
import { listAddTail, listDel, listEmpty, listSpliceTail } from "./list.ts";
import { lruDel } from "./lru.ts";
import { lowestBit } from "./machine.ts";
import { balanceMask, demotionMask, nearest, nextDemotionNode } from "./memory-tiers.ts";
import { headAt, isolate, migrateFolio, noteMigrationFailure, putback, splitFolio } from "./migrate.ts";
import { OPT_COUNT_FOLIOS, OPT_ROOM_FIRST, OPT_SPLIT } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { PTE_PRESENT } from "./page-table.ts";
import { roomFirst, stillWanted } from "./room.ts";
import { ACTOR_PROACTIVE, LIST_DEMOTE, LIST_FAILED, LIST_SPARED } from "./scan-control.ts";
import { trade, tradesWith } from "./trade.ts";
import {
  count,
  PGBALANCE,
  PGDEMOTE_KSWAPD,
  PGSCAN_ANON,
  PGSCAN_KSWAPD,
  PGSTEAL_ANON,
  PGSTEAL_KSWAPD,
  THP_MIGRATION_FAIL,
  THP_MIGRATION_SPLIT,
} from "./vmstat.ts";

/**
 * Demote LIST_DEMOTE from node `nid`: to the preferred targets, then, if `anyLower`, to any other that is allowed.
 * Returns what counts as reclaimed: base pages, or folios under OPT_COUNT_FOLIOS. SC_FULL names the full targets. Under
 * OPT_ROOM_FIRST no more than what is wanted, `done` pages of the batch being gone already; the rest goes to LIST_SPARED.
 */
export function demoteBatch(nid: i32, anyLower: boolean, done: i32): i32 {
  const list = scanHead(LIST_DEMOTE);
  let reclaimed: i32 = 0;
  setSc(SC_FULL, 0);
  const exact = roomFirst();
  while (!listEmpty(list)) {
    if (exact && stillWanted(nid, done + reclaimed) <= 0) {
      listSpliceTail(list, scanHead(LIST_SPARED));
      break;
    }
    const f = next(list);
    listDel(f);
    reclaimed += demoteOne(f, nid, anyLower);
  }
  return reclaimed;
}

function demoteOne(f: i32, nid: i32, anyLower: boolean): i32 {
  if (sc(SC_TRADE) !== 0) return tradeOne(f, nid);
  const nr = folioNr(f);
  const cg = ownerMemcg(f);
  const peers = balanceMask(f);
  if (peers !== 0 && migrateFolio(f, nearest(nid, peers)) >= 0) {
    count(PGBALANCE, nid, cg, nr);
    return nr;
  }
  const r = tryTargets(f, nid, anyLower);
  if (r >= 0) {
    if (sc(SC_ACTOR) !== ACTOR_PROACTIVE) demotedFrom(r, nid);
    count(PGDEMOTE_KSWAPD + sc(SC_ACTOR), nid, cg, nr);
    return (hdr(H_OPTIONS) & OPT_COUNT_FOLIOS) !== 0 ? 1 : nr;
  }
  if (r === ENOMEM && folioOrder(f) > 0 && (hdr(H_OPTIONS) & OPT_SPLIT) !== 0 && worthSplitting(f, nid, anyLower)) {
    if (splitFolio(f, scanHead(LIST_DEMOTE)) === 0) {
      count(THP_MIGRATION_FAIL, nid, cg, 1);
      count(THP_MIGRATION_SPLIT, nid, cg, 1);
      return 0;
    }
  }
  noteWhy(r === ENOMEM ? WHY_ROOM : WHY_BUSY);
  listAddTail(scanHead(LIST_FAILED), f);
  return 0;
}

/** The same where the page that it makes way for comes from where it may go: they change places (trade.ts), or it stays. */
function tradeOne(f: i32, nid: i32): i32 {
  const vpn = vpnOf(f);
  const cg = ownerMemcg(f);
  if ((demotionMask(f) & (1 << tradesWith())) !== 0) {
    if (folioOrder(f) > 0 && splitFolio(f, scanHead(LIST_DEMOTE)) === 0) return 0;
    if (folioOrder(f) === 0 && trade(f) === 0) {
      demotedFrom(headAt(vpn), nid);
      count(PGDEMOTE_KSWAPD + sc(SC_ACTOR), nid, cg, 1);
      return 1;
    }
  }
  listAddTail(scanHead(LIST_FAILED), f);
  return 0;
}

/** Whether any target has room for a piece of folio `f`; Linux splits in any case. */
function worthSplitting(f: i32, nid: i32, anyLower: boolean): boolean {
  if ((hdr(H_OPTIONS) & OPT_ROOM_FIRST) === 0) return true;
  for (let m: i32 = targetsOf(f, nid, anyLower); m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (watermarkOk(t, 0, node(t, N_WMARK_MIN))) return true;
  }
  return false;
}

/** The targets of this round for folio `f` that are not known to be full. */
function targetsOf(f: i32, nid: i32, anyLower: boolean): i32 {
  const may = demotionMask(f);
  const mask = may & ~sc(SC_FULL);
  // A preferred target that is full is not passed over for another tier here; one that is forbidden is.
  if (anyLower || (may & node(nid, N_DEMOTE_PREFERRED)) === 0) return mask;
  return mask & round(nid);
}
/** The preferred targets; under OPT_ROOM_FIRST all nodes of their tiers, which may have room where those have none. */
function round(nid: i32): i32 {
  const preferred = node(nid, N_DEMOTE_PREFERRED);
  if ((hdr(H_OPTIONS) & OPT_ROOM_FIRST) === 0) return preferred;
  let mask: i32 = preferred;
  for (let m: i32 = node(nid, N_DEMOTE_ALLOWED); m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    for (let p: i32 = preferred; p !== 0; p &= p - 1)
      if (node(lowestBit(p), N_TIER) === node(t, N_TIER)) mask |= 1 << t;
  }
  return mask;
}

/** Migrate to the first target that takes the folio: >= 0; -ENOMEM: none has room; -EAGAIN: the folio is held. */
function tryTargets(f: i32, nid: i32, anyLower: boolean): i32 {
  let mask: i32 = targetsOf(f, nid, anyLower);
  while (mask !== 0) {
    const t = nextDemotionNode(nid, mask);
    const r = migrateFolio(f, t);
    if (r >= 0 || r === EAGAIN) return r;
    if (folioOrder(f) === 0) setSc(SC_FULL, sc(SC_FULL) | (1 << t));
    mask &= ~(1 << t);
    if (!anyLower) mask &= round(nid);
  }
  return ENOMEM;
}

/**
 * Demote page `vpn` now, because its owner knows it to be cold: to a target that its policy and group allow, or nowhere.
 * A locked page goes too: locked pages are safe from reclaim, not from their owner. Returns 1 if it moved.
 */
export function demoteNow(vpn: i32): i32 {
  if ((pte(vpn) & PTE_PRESENT) === 0) return 0;
  const f = headAt(vpn);
  const nid = folioNid(f);
  const mask = demotionMask(f);
  if (mask === 0 || !test(f, PG_LRU) || test(f, PG_LOCKED | PG_WRITEBACK) || refs(f) !== 1) return 0;
  const nr = folioNr(f);
  const cg = ownerMemcg(f);
  lruDel(f);
  clearFlag(f, PG_ACTIVE | PG_REFERENCED | PG_YOUNG);
  isolate(f);
  const list = isFile(f);
  const moved = migrateFolio(f, nextDemotionNode(nid, mask)) >= 0 ? 1 : 0;
  if (moved === 0) {
    noteMigrationFailure(f);
    putback(f);
  }
  count(PGSCAN_KSWAPD + ACTOR_PROACTIVE, nid, cg, nr);
  count(PGSCAN_ANON + list, nid, cg, nr);
  if (moved === 0) return 0;
  count(PGDEMOTE_KSWAPD + ACTOR_PROACTIVE, nid, cg, nr);
  count(PGSTEAL_KSWAPD + ACTOR_PROACTIVE, nid, cg, nr);
  count(PGSTEAL_ANON + list, nid, cg, nr);
  return 1;
}
