/**
 * Moving a folio to another node (mm/migrate.c), in three stages, so that whoever looks meanwhile sees either the old
 * page, the new page, or a migration entry, and never a torn one:
 *
 *   unmap   only at the expected reference count; entries become migration entries, the old folio is locked
 *   move    contents, flags, owner and history go to the new frames
 *   remap   entries name the new frames; the old folio loses its mapping's reference
 *
 * Whoever took a speculative reference on the old folio meanwhile keeps a readable, unchanged copy: the folio is off the
 * LRU, and the last holder's put frees it.
 */
import { EAGAIN, ENOMEM } from "./errno.ts";
import {
  clearFlag,
  folioHead,
  folioNid,
  folioNr,
  folioOrder,
  folioPutTestZero,
  isFile,
  makeFlags,
  PG_HEAD,
  PG_ISOLATED,
  PG_KEPT,
  PG_LOCKED,
  PG_RECLAIM,
  PG_WRITEBACK,
  setFlag,
  test,
} from "./folio.ts";
import { noteArrival } from "./futile.ts";
import { GFP_DEMOTE, GFP_KSWAPD_RECLAIM, GFP_NOMEMALLOC } from "./gfp.ts";
import { lastUse, setLastUse } from "./last-use.ts";
import {
  addNode,
  flags,
  frameAddr,
  H_OPTIONS,
  hasBytes,
  hdr,
  N_ISOLATED_ANON,
  N_ISOLATED_FILE,
  N_WMARK_LOW,
  N_WMARK_MIN,
  node,
  ownerMemcg,
  ownerVma,
  PAGE_SHIFT,
  priv,
  pte,
  refs,
  setFlags,
  setOwner,
  setPriv,
  setPte,
  setRefs,
  setVpnOf,
  vpnOf,
} from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruAdd, lruAddMoved } from "./lru.ts";
import { copyBytes, prefetch } from "./machine.ts";
import { notePlacement } from "./mempolicy.ts";
import { passPressureOn } from "./node.ts";
import { OPT_WAKE_TARGET } from "./options.ts";
import { freeBlock, takeBlock, watermarkOk } from "./page-alloc.ts";
import { mkPte, PTE_FLAGS, PTE_HINT, PTE_MIGRATION, PTE_PRESENT } from "./page-table.ts";
import { watchBit } from "./rise.ts";
import { still } from "./still.ts";
import { countsUses, SAMPLE_NONE, startCount } from "./uses.ts";
import {
  count,
  PGMIGRATE_FAIL,
  PGMIGRATE_SUCCESS,
  THP_MIGRATION_FAIL,
  THP_MIGRATION_SUCCESS,
  THP_SPLIT_PAGE,
} from "./vmstat.ts";

/** References of a folio that is mapped and isolated and held by no one else. */
const EXPECTED_REFS: i32 = 2;

/** Count a folio in or out of its node's isolated pages. */
export function isolate(f: i32): void {
  setFlag(f, PG_ISOLATED);
  setRefs(f, refs(f) + 1);
  addNode(folioNid(f), isFile(f) !== 0 ? N_ISOLATED_FILE : N_ISOLATED_ANON, folioNr(f));
}
/** Undo isolate(), without putting the folio on a list; frees it if nobody else holds it. Returns 1 if it did. */
export function unisolate(f: i32): i32 {
  clearFlag(f, PG_ISOLATED);
  addNode(folioNid(f), isFile(f) !== 0 ? N_ISOLATED_FILE : N_ISOLATED_ANON, -folioNr(f));
  return folioPut(f);
}
/** Put an isolated folio back on the list that its flags say. */
export function putback(f: i32): void {
  if (unisolate(f) === 0) lruAdd(f);
}
/** Drop a reference and free the folio with the last one. Returns 1 if it was freed. */
export function folioPut(f: i32): i32 {
  if (folioPutTestZero(f) === 0) return 0;
  freeBlock(f);
  return 1;
}

/**
 * Take frames for a migration: above the target's low watermark, else wake its kswapd (if `gfp` says so) and take them
 * above min; never below (GFP_DEMOTE), unless `gfp` lacks GFP_NOMEMALLOC. Returns the head, or -ENOMEM.
 */
export function allocTarget(nid: i32, order: i32, gfp: i32): i32 {
  if (!watermarkOk(nid, order, node(nid, N_WMARK_LOW))) {
    if ((gfp & GFP_KSWAPD_RECLAIM) !== 0) passPressureOn(nid);
    if ((gfp & GFP_NOMEMALLOC) !== 0 && !watermarkOk(nid, order, node(nid, N_WMARK_MIN))) return ENOMEM;
  }
  const f = takeBlock(nid, order);
  return f < 0 ? ENOMEM : f;
}

/** First stage: take the folio out of use. Returns 0, or -EAGAIN if somebody else holds it or it is being written. */
export function migrateUnmap(f: i32): i32 {
  if (refs(f) !== EXPECTED_REFS || test(f, PG_LOCKED | PG_WRITEBACK)) return EAGAIN;
  still(f);
  setFlag(f, PG_LOCKED);
  const vpn = vpnOf(f);
  const nr = folioNr(f);
  for (let i: i32 = 0; i < nr; i++) setPte(vpn + i, mkPte(f + i, (pte(vpn + i) & ~PTE_PRESENT) | PTE_MIGRATION));
  return 0;
}
/** Second stage: contents and history. */
export function migrateMove(from: i32, to: i32): void {
  if (hasBytes()) copyBytes(frameAddr(to), frameAddr(from), folioNr(from) << PAGE_SHIFT);
  setFlags(to, flags(to) | (flags(from) & PG_KEPT));
  setOwner(to, ownerVma(from), ownerMemcg(from));
  setVpnOf(to, vpnOf(from));
  setPriv(to, priv(from));
}
/** Third stage: publish the new folio, put it on its list, and let go of the old one. */
export function migrateRemap(from: i32, to: i32): void {
  migratePublish(to);
  clearFlag(from, PG_LOCKED | PG_RECLAIM);
  setRefs(from, refs(from) - 1);
  unisolate(from);
}
/** Entries name the new folio, which goes on its list. */
export function migratePublish(to: i32): void {
  const vpn = vpnOf(to);
  const nr = folioNr(to);
  const watch = watchBit(ownerVma(to), vpn, folioNid(to));
  for (let i: i32 = 0; i < nr; i++) {
    const bits = (pte(vpn + i) & PTE_FLAGS & ~(PTE_MIGRATION | PTE_HINT)) | watch;
    setPte(vpn + i, mkPte(to + i, bits | PTE_PRESENT));
  }
  if (watch !== 0 && countsUses()) startCount(to, SAMPLE_NONE);
  notePlacement(to, folioNid(to), nr);
  noteArrival(to);
  lruAddMoved(to);
}

/**
 * Move an isolated folio to node `nid`. On success the new folio is on its LRU list and the old one is let go.
 * Returns the new head; -ENOMEM: no room there above min; -EAGAIN: somebody holds the folio. On failure it stays
 * isolated, mapped and whole, and whoever gives up calls noteMigrationFailure().
 */
export function migrateFolio(f: i32, nid: i32): i32 {
  return migrateInto(f, nid, demoteGfp());
}
/** What a frame for a page that goes down is taken with. */
export function demoteGfp(): i32 {
  return (hdr(H_OPTIONS) & OPT_WAKE_TARGET) !== 0 ? GFP_DEMOTE : GFP_DEMOTE & ~GFP_KSWAPD_RECLAIM;
}
/** The same with other allocation flags: without GFP_NOMEMALLOC, down to the last frame. */
export function migrateInto(f: i32, nid: i32, gfp: i32): i32 {
  const order = folioOrder(f);
  const from = folioNid(f);
  const cg = ownerMemcg(f);
  const r = refs(f) !== EXPECTED_REFS ? EAGAIN : allocTarget(nid, order, gfp);
  if (r < 0) return r;
  if (hasBytes()) {
    // Both pages lie anywhere: where they are is looked up while the entries are dealt with, not after.
    prefetch(frameAddr(f));
    prefetch(frameAddr(r));
  }
  if (migrateUnmap(f) < 0) {
    setRefs(r, 0);
    freeBlock(r);
    return EAGAIN;
  }
  migrateMove(f, r);
  migrateRemap(f, r);
  count(PGMIGRATE_SUCCESS, from, cg, 1 << order);
  if (order > 0) count(THP_MIGRATION_SUCCESS, from, cg, 1);
  return r;
}
/** Count that folio `f` was to be moved and was not, on however many nodes that was tried (migrate_pages). */
export function noteMigrationFailure(f: i32): void {
  count(PGMIGRATE_FAIL, folioNid(f), ownerMemcg(f), folioNr(f));
  if (folioOrder(f) > 0) count(THP_MIGRATION_FAIL, folioNid(f), ownerMemcg(f), 1);
}

/**
 * Split an isolated large folio into base pages, each isolated, and append them to `list` in order (split_folio_to_list).
 * Returns 0, or -EAGAIN if somebody holds the folio.
 */
export function splitFolio(f: i32, list: i32): i32 {
  if (refs(f) !== EXPECTED_REFS) return EAGAIN;
  const w = flags(f);
  const nid = folioNid(f);
  const nr = folioNr(f);
  const v = ownerVma(f);
  const cg = ownerMemcg(f);
  const vpn = vpnOf(f);
  const keep = w & (PG_KEPT | PG_ISOLATED);
  for (let i: i32 = nr - 1; i >= 0; i--) {
    const p = f + i;
    setFlags(p, makeFlags(nid, 0, PG_HEAD | keep));
    setRefs(p, EXPECTED_REFS);
    setOwner(p, v, cg);
    setVpnOf(p, vpn + i);
    if (!countsUses()) setPriv(p, priv(f));
    if (i > 0) setLastUse(p, lastUse(f));
    listAdd(list, p);
  }
  count(THP_SPLIT_PAGE, nid, cg, 1);
  return 0;
}

/** The head of the folio that maps virtual page `vpn`; its entry must be present. */
export function headAt(vpn: i32): i32 {
  return folioHead(pte(vpn) >>> 6);
}
