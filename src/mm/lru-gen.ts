/**
 * The multi-generational LRU (struct lru_gen_folio, include/linux/mm_inline.h, mm/vmscan.c of Linux 6.12).
 *
 * Two lists say whether a page was used since the hand last came by. Generations say how long ago, in units of agings:
 * each aging opens a new youngest generation (L_MAX_SEQ) and moves to it what was accessed since the last one; eviction
 * takes from the oldest (L_MIN_SEQ, one a type) and closes it when it is empty. There are at most MAX_NR_GENS at a time,
 * so that a slot is a sequence number modulo that, and at least MIN_NR_GENS, which are never evicted from and count as
 * active: what was just faulted in has one whole aging to prove itself.
 *
 * Who finds accessed pages differs too. The classic lists ask each page at their tail, one at a time, through its reverse
 * map. An aging walks the page table (lru-gen-walk.ts), where neighbours in memory stand side by side; and eviction, when
 * it meets a page in use, looks at that page's neighbours while it is there (look-around).
 *
 *   lru-gen.ts           this file: which generation, and the counts that follow from it
 *   lru-gen-ctrl.ts      which type and tier to evict, by their refaults
 *   lru-gen-aging.ts     opening and closing generations, and when
 *   lru-gen-walk.ts      accessed bits into generations: the walk, look-around, the filter between them
 *   lru-gen-evict.ts     eviction from the oldest generation
 *   lru-gen-refault.ts   shadows
 *
 * Who found a folio accessed changes its generation in its flags alone, and the counts with it: the list is put right
 * when eviction comes across the folio (sort_folio). So a folio may stand on the list of a generation older than its own,
 * never on a younger one's.
 */
import {
  folioNid,
  folioNr,
  isFile,
  LRU_GEN_MASK,
  LRU_GEN_SHIFT,
  LRU_REFS_MASK,
  PG_ACTIVE,
  PG_FILE,
  PG_LRU,
  PG_REFERENCED,
  PG_UNEVICTABLE,
  PG_WORKINGSET,
} from "./folio.ts";
import {
  flags,
  H_INITIAL,
  H_OPTIONS,
  hdr,
  L_GEN_PAGES,
  L_MAX_SEQ,
  L_MIN_SEQ,
  L_PROTECTED,
  LRU_ACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lru,
  lruGenHead,
  lruvecOf,
  MAX_NR_GENS,
  MAX_NR_TIERS,
  ownerMemcg,
  setFlags,
  setLru,
} from "./layout.ts";
import { listAdd, listAddTail, listDel } from "./list.ts";
import { addSize, folioLruvec } from "./lruvec.ts";
import { OPT_LRU_GEN } from "./options.ts";

export const MIN_NR_GENS: i32 = 2;
/** Pages in one batch of eviction, and that a look-around sees. */
export const MIN_LRU_BATCH: i32 = 64;
/** Folios that one batch may pass over. */
export const MAX_LRU_BATCH: i32 = 4096;
export const LRU_GEN_ANON: i32 = 0;
export const LRU_GEN_FILE: i32 = 1;
const NONE: i32 = -1;
/** What is forgotten when a folio changes its generation. */
const REFS: i32 = LRU_REFS_MASK | PG_REFERENCED | PG_WORKINGSET;

/** Whether this memory's lists are multi-generational. */
export function lruGenEnabled(): boolean {
  return (hdr(H_OPTIONS) & OPT_LRU_GEN) !== 0;
}
export function genOf(seq: i32): i32 {
  return seq & (MAX_NR_GENS - 1);
}
export function maxSeq(lv: i32): i32 {
  return lru(lv, L_MAX_SEQ);
}
export function minSeq(lv: i32, type: i32): i32 {
  return lru(lv, L_MIN_SEQ + (type << 2));
}
export function setMinSeq(lv: i32, type: i32, seq: i32): void {
  setLru(lv, L_MIN_SEQ + (type << 2), seq);
}
/** How many generations there are of a type (get_nr_gens). */
export function nrGens(lv: i32, type: i32): i32 {
  return (maxSeq(lv) - minSeq(lv, type) + 1) | 0;
}
/** Whether generation `a` is older than `b`: sequence numbers wrap, and those of a lruvec are near each other. */
export function olderSeq(a: i32, b: i32): boolean {
  return ((a - b) | 0) < 0;
}
/** Pages of a generation's slot and type. */
export function genPages(lv: i32, gen: i32, type: i32): i32 {
  return lru(lv, L_GEN_PAGES + (gen << 3) + (type << 2));
}
/** The slot that a folio with these flags is in; -1 if in none. */
export function flagsGen(w: i32): i32 {
  return ((w & LRU_GEN_MASK) >>> LRU_GEN_SHIFT) - 1;
}
/** Whether a slot's generation counts as active: one of the MIN_NR_GENS youngest (lru_gen_is_active). */
export function genIsActive(lv: i32, gen: i32): boolean {
  return ((maxSeq(lv) - gen) & (MAX_NR_GENS - 1)) < MIN_NR_GENS;
}

/** Generations as a new lruvec has them: all slots open, nothing in them (lru_gen_init_lruvec). */
export function lruGenInitLruvec(lv: i32): void {
  for (let field: i32 = L_MAX_SEQ; field < L_PROTECTED + MAX_NR_TIERS * 8; field += 4) setLru(lv, field, 0);
  const first = hdr(H_INITIAL);
  setLru(lv, L_MAX_SEQ, first + MIN_NR_GENS + 1);
  setMinSeq(lv, LRU_GEN_ANON, first);
  setMinSeq(lv, LRU_GEN_FILE, first);
}

/** Count `nr` pages from slot `from` to slot `to`, either of which may be none (lru_gen_update_size). */
export function moveSize(lv: i32, type: i32, from: i32, to: i32, nr: i32): void {
  const list = type === LRU_GEN_FILE ? LRU_INACTIVE_FILE : 0;
  if (from >= 0) {
    const field = L_GEN_PAGES + (from << 3) + (type << 2);
    setLru(lv, field, lru(lv, field) - nr);
    addSize(lv, genIsActive(lv, from) ? list + LRU_ACTIVE_ANON : list, -nr);
  }
  if (to >= 0) {
    const field = L_GEN_PAGES + (to << 3) + (type << 2);
    setLru(lv, field, lru(lv, field) + nr);
    addSize(lv, genIsActive(lv, to) ? list + LRU_ACTIVE_ANON : list, nr);
  }
}
/** Move what a generation's slot counts from the active to the inactive pages. */
export function countInactive(lv: i32, gen: i32, type: i32): void {
  const list = type === LRU_GEN_FILE ? LRU_INACTIVE_FILE : 0;
  addSize(lv, list + LRU_ACTIVE_ANON, -genPages(lv, gen, type));
  addSize(lv, list, genPages(lv, gen, type));
}

/** Set a folio's slot in its flags, with what else `bits` says; forget what `forget` says. */
function setGen(f: i32, w: i32, gen: i32, forget: i32): void {
  setFlags(f, (w & ~(LRU_GEN_MASK | forget)) | ((gen + 1) << LRU_GEN_SHIFT));
}

/**
 * The generation that a folio starts in (lru_gen_add_folio): active ones, which are those just faulted in and those that
 * eviction was wrong about, the youngest; other anonymous ones, as arrive from a faster node, the second youngest, so
 * that they are not the next to go before anybody could have touched them; others one of the oldest.
 */
function seqFor(lv: i32, w: i32): i32 {
  const max = maxSeq(lv);
  if ((w & PG_ACTIVE) !== 0) return max;
  if ((w & PG_FILE) === 0) return max - 1;
  const min = minSeq(lv, LRU_GEN_FILE);
  return nrGens(lv, LRU_GEN_FILE) <= MIN_NR_GENS + 1 ? min : min + 1;
}
/** Put an evictable folio on the list of the generation that it starts in; first, or last with `tail`. */
export function lruGenAdd(f: i32): void {
  const w = flags(f);
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  const lv = lruvecOf(nid, cg);
  const gen = genOf(seqFor(lv, w));
  // Whether a folio on a list is active follows from its generation; the flag is for folios on their way to one.
  setGen(f, w | PG_LRU, gen, PG_ACTIVE);
  listAdd(lruGenHead(nid, cg, gen, isFile(f)), f);
  moveSize(lv, isFile(f), NONE, gen, folioNr(f));
}
/** Put an evictable folio on the list of generation `seq`, first. */
export function lruGenAddTo(f: i32, seq: i32): void {
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  const lv = lruvecOf(nid, cg);
  const type = isFile(f);
  const gen = genOf(seq);
  setGen(f, flags(f) | PG_LRU, gen, PG_ACTIVE);
  listAdd(lruGenHead(nid, cg, gen, type), f);
  moveSize(lv, type, NONE, gen, folioNr(f));
}
/** Put an evictable folio where eviction takes the next one from. */
export function lruGenAddTail(f: i32): void {
  const nid = folioNid(f);
  const cg = ownerMemcg(f);
  const lv = lruvecOf(nid, cg);
  const type = isFile(f);
  const gen = genOf(minSeq(lv, type));
  setGen(f, flags(f) | PG_LRU, gen, PG_ACTIVE);
  listAddTail(lruGenHead(nid, cg, gen, type), f);
  moveSize(lv, type, NONE, gen, folioNr(f));
}
/**
 * Take an evictable folio off its list (lru_gen_del_folio). It is active from then on if its generation was, unless it is
 * taken to be evicted.
 */
export function lruGenDel(f: i32, evict: boolean): void {
  const w = flags(f);
  const lv = folioLruvec(f);
  const gen = flagsGen(w);
  listDel(f);
  const active = !evict && genIsActive(lv, gen) ? PG_ACTIVE : 0;
  setFlags(f, (w & ~(LRU_GEN_MASK | PG_LRU)) | active);
  moveSize(lv, isFile(f), gen, NONE, folioNr(f));
}

/** A folio was found accessed: its generation is `gen` now (folio_update_gen). One that is isolated is flagged. */
export function updateGen(f: i32, lv: i32, gen: i32): void {
  const w = flags(f);
  if ((w & PG_UNEVICTABLE) !== 0) return;
  const old = flagsGen(w);
  if (old < 0) {
    setFlags(f, w | PG_REFERENCED);
    return;
  }
  setGen(f, w, gen, REFS);
  if (old !== gen) moveSize(lv, isFile(f), old, gen, folioNr(f));
}
/** Give a folio of the oldest generation one more; a younger one keeps its own. Returns its slot (folio_inc_gen). */
export function incGen(f: i32, lv: i32): i32 {
  const w = flags(f);
  const type = isFile(f);
  const old = genOf(minSeq(lv, type));
  const gen = flagsGen(w);
  if (gen !== old) return gen;
  const to = (old + 1) & (MAX_NR_GENS - 1);
  setGen(f, w, to, REFS);
  moveSize(lv, type, old, to, folioNr(f));
  return to;
}

/** Whether a folio on a list counts as active. */
export function lruGenIsActive(f: i32): boolean {
  return genIsActive(folioLruvec(f), flagsGen(flags(f)));
}
