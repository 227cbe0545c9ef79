/**
 * Lists, when folios are known (rebuild-folios.ts). Each is followed from its head as far as it leads, and keeps in that order what its folios'
 * flags say belongs there; a list is never without a way from its head to its end while it is changed (list.ts). What is on no list after
 * that was on its way from one to another, and is added where its flags say.
 */
import {
  folioNid,
  folioNr,
  isFile,
  LRU_GEN_MASK,
  PG_ACTIVE,
  PG_HEAD,
  PG_LRU,
  PG_UNEVICTABLE,
  setFlag,
  test,
} from "./folio.ts";
import {
  flags,
  frames,
  L_GEN_PAGES,
  L_MAX_SEQ,
  L_SIZE,
  LRU_UNEVICTABLE,
  lru,
  lruGenHead,
  lruHead,
  lruvecOf,
  MAX_MEMCG,
  MAX_NR_GENS,
  N_PAGES,
  N_START,
  NR_LRU_LISTS,
  next,
  node,
  nodes,
  ownerMemcg,
  prev,
  setFlags,
  setLru,
  setNext,
  setPrev,
  setPriv,
} from "./layout.ts";
import { lruAdd } from "./lru.ts";
import {
  flagsGen,
  genOf,
  LRU_GEN_ANON,
  LRU_GEN_FILE,
  lruGenEnabled,
  MIN_NR_GENS,
  maxSeq,
  minSeq,
  moveSize,
  nrGens,
  olderSeq,
  setMinSeq,
} from "./lru-gen.ts";
import { addSize, lruListOf } from "./lruvec.ts";
import { FRAME_GONE, FRAME_MAPPED, FRAME_PASSED, FRAME_UNMAPPED } from "./rebuild-folios.ts";
import { countsUses, SAMPLE_NONE, startCount } from "./uses.ts";

/** Of a classic list: it is no generation's. */
const NO_SEQ: i32 = -1;

/** See the file's head. */
export function rebuildLists(): void {
  for (let nid: i32 = 0; nid < nodes(); nid++) {
    for (let cg: i32 = 0; cg < MAX_MEMCG; cg++) {
      const lv = lruvecOf(nid, cg);
      for (let i: i32 = 0; i < NR_LRU_LISTS; i++) setLru(lv, L_SIZE + (i << 2), 0);
      for (let i: i32 = 0; i < MAX_NR_GENS * 2; i++) setLru(lv, L_GEN_PAGES + (i << 2), 0);
      for (let list: i32 = 0; list < NR_LRU_LISTS; list++) follow(lruHead(nid, cg, list), nid, cg, list, false, NO_SEQ);
      // The oldest first: of two that lead to the same, a folio was on the older one.
      if (lruGenEnabled()) bound(lv);
      for (let age: i32 = MAX_NR_GENS - 1; age >= 0; age--) {
        const seq = (maxSeq(lv) - age) | 0;
        for (let type: i32 = LRU_GEN_ANON; type <= LRU_GEN_FILE; type++)
          follow(lruGenHead(nid, cg, genOf(seq), type), nid, cg, type, true, seq);
      }
    }
    addMissing(nid);
  }
}

/** The generations of a lruvec are as many as there can be. */
function bound(lv: i32): void {
  for (let type: i32 = LRU_GEN_ANON; type <= LRU_GEN_FILE; type++) {
    const nr = nrGens(lv, type);
    if (nr < MIN_NR_GENS) setMinSeq(lv, type, (maxSeq(lv) - MIN_NR_GENS + 1) | 0);
    if (nr > MAX_NR_GENS) setMinSeq(lv, type, (maxSeq(lv) - MAX_NR_GENS + 1) | 0);
  }
  if (olderSeq(minSeq(lv, LRU_GEN_FILE), minSeq(lv, LRU_GEN_ANON)))
    setMinSeq(lv, LRU_GEN_FILE, minSeq(lv, LRU_GEN_ANON));
}

/** Link again what a list leads to and what belongs there. `list`: the classic list, or, of a generation, its type. */
function follow(head: i32, nid: i32, cg: i32, list: i32, generation: boolean, seq: i32): void {
  const lv = lruvecOf(nid, cg);
  let before: i32 = head;
  let f: i32 = next(head);
  while (f >= 0 && f < frames() && (prev(f) === FRAME_MAPPED || prev(f) === FRAME_UNMAPPED)) {
    const following = next(f);
    if (prev(f) === FRAME_UNMAPPED) setPrev(f, FRAME_GONE);
    else if (belongs(f, nid, cg) && (generation ? isOfGeneration(f, lv, list, seq) : isOfList(f, list))) {
      setFlag(f, PG_LRU);
      setNext(before, f);
      setPrev(f, before);
      before = f;
      if (generation) moveSize(lv, list, -1, flagsGen(flags(f)), folioNr(f));
      else addSize(lv, list, folioNr(f));
    } else setPrev(f, FRAME_PASSED);
    f = following;
  }
  setNext(before, head);
  setPrev(head, before);
}
function belongs(f: i32, nid: i32, cg: i32): boolean {
  return test(f, PG_HEAD) && folioNid(f) === nid && ownerMemcg(f) === cg;
}
function isOfList(f: i32, list: i32): boolean {
  if (lruGenEnabled() && list !== LRU_UNEVICTABLE) return false;
  return lruListOf(flags(f)) === list && (flags(f) & LRU_GEN_MASK) === 0;
}
function isOfGeneration(f: i32, lv: i32, type: i32, seq: i32): boolean {
  const w = flags(f);
  if (!lruGenEnabled() || olderSeq(seq, minSeq(lv, type)) || isFile(f) !== type) return false;
  const gen = flagsGen(w);
  if ((w & (PG_ACTIVE | PG_UNEVICTABLE)) !== 0 || gen < 0 || gen >= MAX_NR_GENS) return false;
  const age = (lru(lv, L_MAX_SEQ) - gen) & (MAX_NR_GENS - 1);
  return age <= ((lru(lv, L_MAX_SEQ) - seq) | 0);
}

/** Folios of a node that are on no list. */
function addMissing(nid: i32): void {
  const end = node(nid, N_START) + node(nid, N_PAGES);
  for (let f: i32 = node(nid, N_START); f < end; f++) {
    if (prev(f) !== FRAME_MAPPED && prev(f) !== FRAME_PASSED) continue;
    setFlags(f, flags(f) & ~LRU_GEN_MASK);
    // Its word may have been a slot's number.
    if (countsUses()) startCount(f, SAMPLE_NONE);
    else setPriv(f, 0);
    lruAdd(f);
  }
}
