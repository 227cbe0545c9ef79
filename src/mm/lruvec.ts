/**
 * The classic LRU lists of a node and group: active and inactive for anonymous and file folios, and the unevictable ones. The
 * list that a folio belongs on follows from its flags alone (folio_lru_list), so list and flags cannot disagree.
 */
import { folioNid, folioNr, PG_ACTIVE, PG_FILE, PG_LRU, PG_UNEVICTABLE } from "./folio.ts";
import {
  flags,
  L_SIZE,
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  LRU_UNEVICTABLE,
  lru,
  lruHead,
  lruvecOf,
  ownerMemcg,
  setFlags,
  setLru,
} from "./layout.ts";
import { listAdd, listAddTail, listDel } from "./list.ts";

/** The list that a folio with these flags belongs on. */
export function lruListOf(w: i32): i32 {
  if ((w & PG_UNEVICTABLE) !== 0) return LRU_UNEVICTABLE;
  const base = (w & PG_FILE) !== 0 ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
  return (w & PG_ACTIVE) !== 0 ? base + LRU_ACTIVE_ANON : base;
}
export function lruSize(lv: i32, list: i32): i32 {
  return lru(lv, L_SIZE + (list << 2));
}
/** Correct a list's length after moving folios by hand. */
export function addSize(lv: i32, list: i32, d: i32): void {
  const field = L_SIZE + (list << 2);
  setLru(lv, field, lru(lv, field) + d);
}
/** Put a folio at the head of its list: most recently used. */
export function lruvecAdd(f: i32): void {
  const w = flags(f);
  const list = lruListOf(w);
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  setFlags(f, w | PG_LRU);
  listAdd(lruHead(nid, cg, list), f);
  addSize(lruvecOf(nid, cg), list, folioNr(f));
}
/** Put a folio at the tail of its list: next to be scanned. */
export function lruvecAddTail(f: i32): void {
  const w = flags(f);
  const list = lruListOf(w);
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  setFlags(f, w | PG_LRU);
  listAddTail(lruHead(nid, cg, list), f);
  addSize(lruvecOf(nid, cg), list, folioNr(f));
}
export function lruvecDel(f: i32): void {
  const w = flags(f);
  listDel(f);
  setFlags(f, w & ~PG_LRU);
  addSize(lruvecOf(folioNid(f), ownerMemcg(f)), lruListOf(w), -folioNr(f));
}
/** The lruvec that a folio is counted in. */
export function folioLruvec(f: i32): i32 {
  return lruvecOf(folioNid(f), ownerMemcg(f));
}
