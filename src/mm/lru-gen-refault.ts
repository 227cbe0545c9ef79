/**
 * Shadows of the multi-generational design (lru_gen_eviction, lru_gen_refault of mm/workingset.c). A shadow names the
 * generation that the page was evicted from and its tier. A page that comes back while that generation is still the oldest
 * should not have gone: it counts as a refault of its tier, which the controller goes by (lru-gen-ctrl.ts), and will be
 * given a second round when it next gets to the oldest generation.
 *
 * One word, as in workingset.ts: 1 | workingset << 1 | node << 2 | group << 6 | token << 12, where the token is
 * sequence number << 2 | accesses - 1.
 */
import {
  folioNid,
  folioNr,
  isFile,
  LRU_REFS_MASK,
  PG_ACTIVE,
  PG_UNEVICTABLE,
  PG_WORKINGSET,
  setFlag,
  test,
} from "./folio.ts";
import { flags, L_EVICTED, L_REFAULTED, lruvecOf, ownerMemcg } from "./layout.ts";
import { minSeq } from "./lru-gen.ts";
import { addTier, refsOf, tierOf } from "./lru-gen-ctrl.ts";
import { folioLruvec } from "./lruvec.ts";
import { count, WORKINGSET_ACTIVATE_ANON, WORKINGSET_REFAULT_ANON, WORKINGSET_RESTORE_ANON } from "./vmstat.ts";

/** The bits of a sequence number that a shadow keeps. */
const SEQ_MASK: i32 = 0x3ffff;

/** The shadow that an evicted folio leaves (lru_gen_eviction). */
export function lruGenEviction(f: i32): i32 {
  const lv = folioLruvec(f);
  const type = isFile(f);
  const refs = refsOf(flags(f));
  addTier(lv, L_EVICTED, type, tierOf(refs), folioNr(f));
  const token = ((minSeq(lv, type) & SEQ_MASK) << 2) | (refs > 0 ? refs - 1 : 0);
  return 1 | (refs > 0 ? 2 : 0) | (folioNid(f) << 2) | (ownerMemcg(f) << 6) | (token << 12);
}

/** Whether the generation that a page was evicted from is gone: it has been away for long (lru_gen_test_recent). */
export function lruGenRefaultIsDistant(shadow: i32, type: i32): boolean {
  const evicted = lruvecOf((shadow >>> 2) & 15, (shadow >>> 6) & 63);
  return shadow >>> 14 !== (minSeq(evicted, type) & SEQ_MASK);
}

/** A page that left `shadow` is back as folio `f`, which is on no list yet (lru_gen_refault). */
export function lruGenRefault(f: i32, shadow: i32): void {
  const lv = folioLruvec(f);
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  const type = isFile(f);
  const nr = folioNr(f);
  count(WORKINGSET_REFAULT_ANON + type, nid, cg, nr);
  if (lruvecOf((shadow >>> 2) & 15, (shadow >>> 6) & 63) !== lv) return;
  const token = shadow >>> 12;
  if (token >>> 2 !== (minSeq(lv, type) & SEQ_MASK)) return;
  const refs = (token & 3) + ((shadow & 2) !== 0 ? 1 : 0);
  addTier(lv, L_REFAULTED, type, tierOf(refs), nr);
  count(WORKINGSET_ACTIVATE_ANON + type, nid, cg, nr);
  setFlag(f, LRU_REFS_MASK | PG_WORKINGSET);
  count(WORKINGSET_RESTORE_ANON + type, nid, cg, nr);
}

/** A page was just faulted in as folio `f`, which is on no list yet: it is hot (folio_add_lru in a fault). */
export function lruGenFaulted(f: i32): void {
  if (!test(f, PG_UNEVICTABLE)) setFlag(f, PG_ACTIVE);
}
