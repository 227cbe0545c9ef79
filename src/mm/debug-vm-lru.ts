/** The invariant walk's part for the lists, of either design (see debug-vm.ts). */
import { LieuError } from "../errors.ts";
import { folioNid, folioNr, isFile, LRU_GEN_MASK, PG_ACTIVE, PG_HEAD, PG_LRU } from "./folio.ts";
import {
  flags,
  LRU_ACTIVE_FILE,
  LRU_UNEVICTABLE,
  lruGenHead,
  lruHead,
  lruvecOf,
  MAX_MEMCG,
  MAX_NR_GENS,
  NR_LRU_LISTS,
  next,
  ownerMemcg,
  prev,
} from "./layout.ts";
import { folioLruList } from "./lru.ts";
import {
  flagsGen,
  genOf,
  genPages,
  LRU_GEN_ANON,
  LRU_GEN_FILE,
  lruGenEnabled,
  MIN_NR_GENS,
  maxSeq,
  minSeq,
  nrGens,
} from "./lru-gen.ts";
import { lruSize } from "./lruvec.ts";

/** @throws {@link LieuError} EBUG unless the condition holds */
export function holds(condition: boolean, say: () => string): asserts condition {
  if (!condition) throw new LieuError("EBUG", `broken invariant: ${say()}`);
}

/** The folios of one list: linked both ways, flagged, of this node and group, on no other list. */
function* walkList(head: number, name: string, nid: number, cg: number, seen: Set<number>): Generator<number> {
  for (let f = next(head), before = head; f !== head; before = f, f = next(f)) {
    holds(prev(f) === before, () => `LRU ${name}: folio ${f} does not point back`);
    holds(!seen.has(f), () => `folio ${f} is on two lists`);
    seen.add(f);
    const w = flags(f);
    const good = (w & (PG_LRU | PG_HEAD)) === (PG_LRU | PG_HEAD) && folioNid(f) === nid && ownerMemcg(f) === cg;
    holds(good, () => `folio ${f} on LRU ${name} has flags ${w}`);
    yield f;
  }
}

/** LRU lists of a node: linked both ways, on the list that the flags say, sizes right. Returns the folios seen. */
export function walkLists(nid: number): Set<number> {
  const seen = new Set<number>();
  for (let cg = 0; cg < MAX_MEMCG; cg++) {
    const pages = new Int32Array(NR_LRU_LISTS);
    for (let list = 0; list < NR_LRU_LISTS; list++) {
      for (const f of walkList(lruHead(nid, cg, list), `${nid}/${cg}/${list}`, nid, cg, seen)) {
        holds(folioLruList(f) === list && (flags(f) & LRU_GEN_MASK) === 0, () => `folio ${f} is on list ${list}`);
        pages[list] = (pages[list] as number) + folioNr(f);
      }
    }
    if (lruGenEnabled()) {
      for (let list = 0; list <= LRU_ACTIVE_FILE; list++) {
        holds(pages[list] === 0, () => `LRU ${nid}/${cg}/${list} has pages, but the lists are generations`);
      }
      walkGenerations(nid, cg, seen, pages);
    } else {
      for (let gen = 0; gen < MAX_NR_GENS * 2; gen++) {
        const head = lruGenHead(nid, cg, gen >> 1, gen & 1);
        holds(next(head) === head, () => `generation ${nid}/${cg}/${gen >> 1} has pages, but the lists are classic`);
      }
    }
    for (let list = 0; list <= LRU_UNEVICTABLE; list++) {
      const counted = lruSize(lruvecOf(nid, cg), list);
      holds(pages[list] === counted, () => `LRU ${nid}/${cg}/${list} has ${pages[list]} pages, ${counted} counted`);
    }
  }
  return seen;
}

/**
 * Generations of a lruvec: their number within bounds, no file generation older than the oldest anonymous one, a folio's
 * own no older than that of the list it is on, counts right. Adds the folios to the lists that they count with.
 */
function walkGenerations(nid: number, cg: number, seen: Set<number>, pages: Int32Array): void {
  const lv = lruvecOf(nid, cg);
  const max = maxSeq(lv);
  const [anon, file] = [nrGens(lv, LRU_GEN_ANON), nrGens(lv, LRU_GEN_FILE)];
  const bounds = MIN_NR_GENS <= file && file <= anon && anon <= MAX_NR_GENS;
  // A group that there never was has none.
  holds(bounds || max === 0, () => `lruvec ${nid}/${cg} has ${anon} anonymous and ${file} file generations`);
  const found = new Int32Array(MAX_NR_GENS * 2);
  for (const type of [LRU_GEN_ANON, LRU_GEN_FILE]) {
    for (let seq = max - MAX_NR_GENS + 1; seq <= max; seq++) {
      const name = `${nid}/${cg}/${seq}/${type}`;
      for (const f of walkList(lruGenHead(nid, cg, genOf(seq), type), name, nid, cg, seen)) {
        holds(((seq - minSeq(lv, type)) | 0) >= 0, () => `folio ${f} is in generation ${name}, which is closed`);
        const gen = flagsGen(flags(f));
        // How far its own is behind the youngest, and its list's.
        const age = (max - gen) & (MAX_NR_GENS - 1);
        holds(gen >= 0 && age <= max - seq, () => `folio ${f} on the list of generation ${name} is of slot ${gen}`);
        holds(isFile(f) === type && (flags(f) & PG_ACTIVE) === 0, () => `folio ${f}, ${name}: flags ${flags(f)}`);
        found[gen * 2 + type] = (found[gen * 2 + type] as number) + folioNr(f);
        const list = folioLruList(f);
        pages[list] = (pages[list] as number) + folioNr(f);
      }
    }
  }
  for (let i = 0; i < found.length; i++) {
    const counted = genPages(lv, i >> 1, i & 1);
    holds(found[i] === counted, () => `lruvec ${nid}/${cg}, slot ${i >> 1}: ${found[i]} pages, ${counted} counted`);
  }
}
