/**
 * The look that promotion begins with (task_numa_work): once a period, so many pages on slower nodes are marked, so that
 * their next access faults and tells how soon it came.
 *
 * Linux walks address space, mapping by mapping. Under OPT_RISE the frames of the slower nodes are walked instead, so that
 * the cost is that of what is there, however sparse the mappings are; free blocks are stepped over. A large folio is marked
 * and unmarked as one. What no node has room for, or may be on no faster one, is not marked, and unmarked if it was.
 */
import { folioNid, folioNr, PG_BUDDY, PG_FILE, PG_HEAD, PG_LRU, test } from "./folio.ts";
import {
  clock,
  flags,
  H_HINT_DUE,
  H_HINT_PERIOD,
  H_HINT_SIZE,
  H_HINT_VMA,
  H_HINT_VPN,
  H_NR_NODES,
  H_NR_VMAS,
  H_OPTIONS,
  hdr,
  hdrf,
  N_PAGES,
  N_START,
  node,
  ownerMemcg,
  ownerVma,
  pte,
  refs,
  setHdr,
  setHdrf,
  setPriv,
  setPte,
  V_ACTIVE,
  V_FILE,
  V_MEMCG,
  V_PAGES,
  V_START,
  vma,
  vpnOf,
} from "./layout.ts";
import { toI32 } from "./machine.ts";
import { isTopTier } from "./memory-tiers.ts";
import { policyChoosesNode } from "./mempolicy.ts";
import { headAt } from "./migrate.ts";
import { moreTrials, readProbes } from "./newcomers.ts";
import { OPT_PROMOTION, OPT_RISE } from "./options.ts";
import { PTE_HINT, PTE_PRESENT, PTE_WATCH } from "./page-table.ts";
import { forgetSearches, notePrices } from "./prices.ts";
import { noteSample } from "./promotion-pays.ts";
import { anyFaster, noteOpenNodes, riseMask, roomyTiers } from "./rise.ts";
import { addEarly } from "./samples.ts";
import { countsUses, keepCount, SAMPLE_NONE, SAMPLE_VICTIM, sampleOf, startCount } from "./uses.ts";
import { count, NUMA_PTE_UPDATES } from "./vmstat.ts";

// Within one scan: where pages of a mapping may rise to from a node, if that is the same for all of them; -1 = of none.
let askedOf: i32 = -1;
let askedOn: i32 = 0;
let answer: i32 = 0;

/** Mark the next pages if a scan is due. Returns the pages marked. */
export function hintScan(): i32 {
  if ((hdr(H_OPTIONS) & OPT_PROMOTION) === 0 || clock() < hdrf(H_HINT_DUE)) return 0;
  setHdrf(H_HINT_DUE, clock() + hdr(H_HINT_PERIOD));
  return (hdr(H_OPTIONS) & OPT_RISE) !== 0 ? scanFrames() : scanMappings();
}

/** One lap over the frames of the slower nodes, or as much of it as is allowed in one period. */
function scanFrames(): i32 {
  const open = noteOpenNodes();
  const roomy = roomyTiers();
  const n = hdr(H_NR_NODES);
  readProbes();
  addEarly();
  forgetSearches();
  notePrices();
  for (let nid: i32 = 0; nid < n; nid++) moreTrials(nid);
  askedOf = -1;
  let marked: i32 = 0;
  let left: i32 = hdr(H_HINT_SIZE);
  let nid: i32 = hdr(H_HINT_VMA);
  let at: i32 = hdr(H_HINT_VPN);
  for (let visits: i32 = 0; visits <= n && left > 0; visits++) {
    if (nid >= n) {
      nid = 0;
      at = 0;
    }
    if (!isTopTier(nid) && anyFaster(nid)) {
      const end = node(nid, N_START) + node(nid, N_PAGES);
      let f: i32 = node(nid, N_START) + at;
      while (f < end && left > 0) {
        const w = flags(f);
        const nr = (w & (PG_BUDDY | PG_HEAD)) !== 0 ? folioNr(f) : 1;
        if ((w & (PG_HEAD | PG_LRU)) === (PG_HEAD | PG_LRU)) marked += markFolio(f, nid, open, roomy);
        left -= (w & PG_HEAD) !== 0 ? nr : 1;
        f += nr;
      }
      at = f - node(nid, N_START);
      if (f < end) break;
    }
    nid++;
    at = 0;
  }
  setHdr(H_HINT_VMA, nid);
  setHdr(H_HINT_VPN, at);
  return marked;
}
/** Mark a folio on a slower node, or look what became of its mark. Returns the pages marked. */
function markFolio(f: i32, nid: i32, open: i32, roomy: i32): i32 {
  const v = ownerVma(f);
  // Caches know what is hot in them and move it themselves.
  if (vma(v, V_FILE) !== 0) return 0;
  const vpn = vpnOf(f);
  const p = pte(vpn);
  const may = mayRise(v, vpn, nid);
  if (countsUses()) return watchFolio(f, vpn, may, roomy);
  if ((may & open) === 0 || refs(f) !== 1) {
    if ((p & PTE_HINT) !== 0) unmarkFolio(f);
    if (may === 0 && (p & PTE_WATCH) !== 0) {
      for (let i: i32 = 0; i < folioNr(f); i++) setPte(vpn + i, pte(vpn + i) & ~PTE_WATCH);
    }
    return 0;
  }
  if ((p & PTE_HINT) !== 0) return 0;
  setPriv(f, toI32(Math.floor(clock())));
  hintFolio(f);
  return folioNr(f);
}
/** {@link riseMask}: pages of a mapping mostly follow one another, and only where its policy names nodes does it differ from page to page. */
function mayRise(v: i32, vpn: i32, nid: i32): i32 {
  if (v === askedOf && nid === askedOn) return answer;
  const may = riseMask(v, vpn, nid);
  if (policyChoosesNode(v)) return may;
  askedOf = v;
  askedOn = nid;
  answer = may;
  return may;
}
/** The same where uses are counted: see to it that they are, and take samples. */
function watchFolio(f: i32, vpn: i32, may: i32, roomy: i32): i32 {
  const p = pte(vpn);
  if ((may !== 0) === ((p & PTE_WATCH) !== 0)) {
    if (may === 0) return 0;
    noteSample(f, false);
    keepCount(f);
    // Into room that is nobody's a page may come at its next use; pages that are held do not move.
    if ((may & roomy) === 0 || (p & PTE_HINT) !== 0 || refs(f) !== 1) return 0;
    hintFolio(f);
    return folioNr(f);
  }
  for (let i: i32 = 0; i < folioNr(f); i++) {
    const entry = pte(vpn + i) & ~PTE_WATCH;
    setPte(vpn + i, may !== 0 ? entry | PTE_WATCH : entry);
  }
  if (may === 0) return 0;
  startCount(f, SAMPLE_NONE);
  count(NUMA_PTE_UPDATES, folioNid(f), ownerMemcg(f), folioNr(f));
  return folioNr(f);
}
/** Mark all entries of a folio that is mapped. */
function hintFolio(f: i32): void {
  const vpn = vpnOf(f);
  count(NUMA_PTE_UPDATES, folioNid(f), ownerMemcg(f), folioNr(f));
  for (let i: i32 = 0; i < folioNr(f); i++) setPte(vpn + i, pte(vpn + i) | PTE_HINT | PTE_WATCH);
}
/** Unmark all of them. */
export function unmarkFolio(f: i32): void {
  const vpn = vpnOf(f);
  for (let i: i32 = 0; i < folioNr(f); i++) setPte(vpn + i, pte(vpn + i) & ~PTE_HINT);
}

/**
 * Folio `f` has just been demoted from node `from` by reclaim. Where it may come up again its uses tell what its place
 * up there was worth.
 */
export function demotedFrom(f: i32, from: i32): void {
  if ((hdr(H_OPTIONS) & OPT_RISE) === 0 || test(f, PG_FILE)) return;
  if ((riseMask(ownerVma(f), vpnOf(f), folioNid(f)) & (1 << from)) === 0) return;
  if (!countsUses()) return;
  // A sample that leaves before its time.
  if (sampleOf(f) !== SAMPLE_VICTIM) noteSample(f, true);
  startCount(f, SAMPLE_VICTIM);
}

/** Linux's: the next `size` virtual pages of the mappings that it would promote. */
function scanMappings(): i32 {
  const now = toI32(Math.floor(clock()));
  const n = hdr(H_NR_VMAS);
  let left: i32 = hdr(H_HINT_SIZE);
  let marked: i32 = 0;
  let id: i32 = hdr(H_HINT_VMA);
  let at: i32 = hdr(H_HINT_VPN);
  for (let visits: i32 = 0; visits <= n && left > 0; visits++) {
    if (id >= n) {
      id = 0;
      at = 0;
    }
    // A policy that names where to be is not second-guessed (vma_policy_mof); bind only bounds where to go.
    if (id < n && vma(id, V_ACTIVE) !== 0 && vma(id, V_FILE) === 0 && !policyChoosesNode(id)) {
      const pages = vma(id, V_PAGES);
      const end = pages - at < left ? pages : at + left;
      left -= end - at;
      marked += markRange(vma(id, V_START) + at, vma(id, V_START) + end, vma(id, V_MEMCG), now);
      at = end;
      if (at < pages) break;
    }
    id++;
    at = 0;
  }
  setHdr(H_HINT_VMA, id);
  setHdr(H_HINT_VPN, at);
  return marked;
}
function markRange(from: i32, to: i32, cg: i32, now: i32): i32 {
  let marked: i32 = 0;
  for (let vpn: i32 = from; vpn < to; vpn++) {
    const p = pte(vpn);
    if ((p & (PTE_PRESENT | PTE_HINT)) !== PTE_PRESENT) continue;
    const f = headAt(vpn);
    const nid = folioNid(f);
    if (isTopTier(nid)) continue;
    setPte(vpn, p | PTE_HINT);
    setPriv(f, now);
    count(NUMA_PTE_UPDATES, nid, cg, 1);
    marked++;
  }
  return marked;
}
