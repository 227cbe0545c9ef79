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
  test,
} from "./folio.ts";
import { demotedFrom } from "./hint-scan.ts";
import { noteWhy, WHY_BUSY, WHY_ROOM } from "./hopeless.ts";
import {
  H_OPTIONS,
  hdr,
  N_DEMOTE_PREFERRED,
  next,
  node,
  ownerMemcg,
  pte,
  refs,
  SC_ACTOR,
  SC_FULL,
  sc,
  scanHead,
  setSc,
} from "./layout.ts";
import { listAddTail, listDel, listEmpty } from "./list.ts";
import { lruDel } from "./lru.ts";
import { balanceMask, demotionMask, nearest, nextDemotionNode } from "./memory-tiers.ts";
import { headAt, isolate, migrateFolio, putback, splitFolio } from "./migrate.ts";
import { OPT_COUNT_FOLIOS, OPT_SPLIT } from "./options.ts";
import { PTE_PRESENT } from "./page-table.ts";
import { ACTOR_PROACTIVE, LIST_DEMOTE, LIST_FAILED } from "./scan-control.ts";
import {
  count,
  PGBALANCE,
  PGDEMOTE_KSWAPD,
  PGSCAN_ANON,
  PGSCAN_KSWAPD,
  PGSTEAL_ANON,
  PGSTEAL_KSWAPD,
  THP_MIGRATION_SPLIT,
} from "./vmstat.ts";

/**
 * Demote LIST_DEMOTE from node `nid`: to the preferred targets, then, if `anyLower`, to any other that is allowed.
 * Returns what counts as reclaimed: base pages, or folios under OPT_COUNT_FOLIOS. SC_FULL names the full targets.
 */
export function demoteBatch(nid: i32, anyLower: boolean): i32 {
  const list = scanHead(LIST_DEMOTE);
  let reclaimed: i32 = 0;
  setSc(SC_FULL, 0);
  while (!listEmpty(list)) {
    const f = next(list);
    listDel(f);
    reclaimed += demoteOne(f, nid, anyLower);
  }
  return reclaimed;
}

function demoteOne(f: i32, nid: i32, anyLower: boolean): i32 {
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
  if (r === ENOMEM && folioOrder(f) > 0 && (hdr(H_OPTIONS) & OPT_SPLIT) !== 0) {
    if (splitFolio(f, scanHead(LIST_DEMOTE)) === 0) {
      count(THP_MIGRATION_SPLIT, nid, cg, 1);
      return 0;
    }
  }
  noteWhy(r === ENOMEM ? WHY_ROOM : WHY_BUSY);
  listAddTail(scanHead(LIST_FAILED), f);
  return 0;
}

/** Migrate to the first target that takes the folio: >= 0; -ENOMEM: none has room; -EAGAIN: the folio is held. */
function tryTargets(f: i32, nid: i32, anyLower: boolean): i32 {
  const may = demotionMask(f);
  const preferred = node(nid, N_DEMOTE_PREFERRED);
  let mask: i32 = may & ~sc(SC_FULL);
  // A preferred target that is full is not passed over for another node here; one that is forbidden is.
  if (!anyLower && (may & preferred) !== 0) mask &= preferred;
  while (mask !== 0) {
    const t = nextDemotionNode(nid, mask);
    const r = migrateFolio(f, t);
    if (r >= 0 || r === EAGAIN) return r;
    if (folioOrder(f) === 0) setSc(SC_FULL, sc(SC_FULL) | (1 << t));
    mask &= ~(1 << t);
    if (!anyLower) mask &= preferred;
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
  clearFlag(f, PG_ACTIVE | PG_REFERENCED);
  isolate(f);
  const list = isFile(f);
  const moved = migrateFolio(f, nextDemotionNode(nid, mask)) >= 0 ? 1 : 0;
  if (moved === 0) putback(f);
  count(PGSCAN_KSWAPD + ACTOR_PROACTIVE, nid, cg, nr);
  count(PGSCAN_ANON + list, nid, cg, nr);
  if (moved === 0) return 0;
  count(PGDEMOTE_KSWAPD + ACTOR_PROACTIVE, nid, cg, nr);
  count(PGSTEAL_KSWAPD + ACTOR_PROACTIVE, nid, cg, nr);
  count(PGSTEAL_ANON + list, nid, cg, nr);
  return 1;
}
