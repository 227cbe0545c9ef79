/** Advice about ranges (mm/madvise.c). */
import { clearFlag, folioHead, folioNid, PG_ACTIVE, PG_LRU, PG_REFERENCED, PG_UNEVICTABLE, test } from "./folio.ts";
import { isolatePage } from "./gup.ts";
import { noteNoUse } from "./last-use.ts";
import {
  pte,
  SC_IGNORE_REFERENCES,
  SC_MAY_DEMOTE,
  SC_VACATE,
  scanHead,
  setPte,
  setSc,
  V_FILE,
  V_MEMCG,
  vma,
} from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruAddTail, lruDel } from "./lru.ts";
import { allNodes } from "./node.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "./page-table.ts";
import { ACTOR_PROACTIVE, LIST_SCAN, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { shrinkFolioList } from "./vmscan.ts";
import { count, PGSCAN_ANON, PGSCAN_PROACTIVE, PGSTEAL_ANON, PGSTEAL_PROACTIVE } from "./vmstat.ts";

/**
 * Make a range's pages the next to be reclaimed, without reclaiming them: to the tail of the inactive list, unmarked.
 * (MADV_COLD only deactivates.) Returns the pages concerned.
 */
export function adviseCold(vpn: i32, nr: i32): i32 {
  let done: i32 = 0;
  // From the end, so that the first page of the range is the very next to go.
  for (let at: i32 = vpn + nr - 1; at >= vpn; at--) {
    const p = pte(at);
    if ((p & PTE_PRESENT) === 0) continue;
    const f = folioHead(pteIndex(p));
    setPte(at, p & ~PTE_ACCESSED);
    done++;
    // A large folio moves once, at the first of its pages in the range.
    if (!test(f, PG_LRU) || test(f, PG_UNEVICTABLE) || (pteIndex(p) !== f && at !== vpn)) continue;
    lruDel(f);
    clearFlag(f, PG_ACTIVE | PG_REFERENCED);
    noteNoUse(f);
    lruAddTail(f);
  }
  return done;
}

/**
 * Reclaim a range's pages now, whoever referenced them, without demoting (MADV_PAGEOUT). Returns the pages reclaimed;
 * pinned and locked ones stay.
 */
export function advisePageout(v: i32, vpn: i32, nr: i32): i32 {
  let done: i32 = 0;
  let at: i32 = vpn;
  while (at < vpn + nr) {
    pushScan(ACTOR_PROACTIVE, SWAP_CLUSTER_MAX);
    setSc(SC_MAY_DEMOTE, 0);
    setSc(SC_VACATE, allNodes());
    setSc(SC_IGNORE_REFERENCES, 1);
    // A batch is of one node, so that it can be counted there.
    let nid: i32 = -1;
    let taken: i32 = 0;
    while (at < vpn + nr && taken < SWAP_CLUSTER_MAX) {
      const on = evictableOn(at);
      if (on >= 0 && nid >= 0 && on !== nid) break;
      if (on >= 0 && isolatePage(at) === 0) {
        const f = pteIndex(pte(at));
        setPte(at, pte(at) & ~PTE_ACCESSED);
        clearFlag(f, PG_ACTIVE | PG_REFERENCED);
        listAdd(scanHead(LIST_SCAN), f);
        nid = on;
        taken++;
      }
      at++;
    }
    if (taken > 0) done += pageOut(v, nid, taken);
    popScan();
  }
  return done;
}
/** The node of a page that may be taken; -1 if it is not there or locked. */
function evictableOn(vpn: i32): i32 {
  if ((pte(vpn) & PTE_PRESENT) === 0) return -1;
  const f = folioHead(pteIndex(pte(vpn)));
  return test(f, PG_UNEVICTABLE) ? -1 : folioNid(f);
}
/** Send out what was isolated, and count it as a scan of its own. */
function pageOut(v: i32, nid: i32, taken: i32): i32 {
  const cg = vma(v, V_MEMCG);
  const file = vma(v, V_FILE);
  const reclaimed = shrinkFolioList(nid);
  count(PGSCAN_PROACTIVE, nid, cg, taken);
  count(PGSCAN_ANON + file, nid, cg, taken);
  count(PGSTEAL_PROACTIVE, nid, cg, reclaimed);
  count(PGSTEAL_ANON + file, nid, cg, reclaimed);
  return reclaimed;
}
