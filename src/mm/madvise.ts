/** Advice about ranges (mm/madvise.c). */
import { clearFlag, folioHead, folioNid, PG_ACTIVE, PG_LRU, PG_REFERENCED, PG_UNEVICTABLE, test } from "./folio.ts";
import { isolatePage } from "./gup.ts";
import { pte, SC_IGNORE_REFERENCES, SC_MAY_DEMOTE, scanHead, setPte, setSc, V_MEMCG, vma } from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruAdd, lruDel } from "./lruvec.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "./page-table.ts";
import { ACTOR_PROACTIVE, LIST_SCAN, popScan, pushScan, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { shrinkFolioList } from "./vmscan.ts";
import { count, PGSCAN_PROACTIVE, PGSTEAL_PROACTIVE } from "./vmstat.ts";

/** Make a range's pages the next to be reclaimed, without reclaiming them (MADV_COLD). Returns the pages concerned. */
export function adviseCold(vpn: i32, nr: i32): i32 {
  let done: i32 = 0;
  for (let at: i32 = vpn; at < vpn + nr; at++) {
    const p = pte(at);
    if ((p & PTE_PRESENT) === 0) continue;
    const f = folioHead(pteIndex(p));
    setPte(at, p & ~PTE_ACCESSED);
    if (!test(f, PG_LRU) || test(f, PG_UNEVICTABLE)) continue;
    lruDel(f);
    clearFlag(f, PG_ACTIVE | PG_REFERENCED);
    lruAdd(f);
    done++;
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
    setSc(SC_IGNORE_REFERENCES, 1);
    let nid: i32 = 0;
    let taken: i32 = 0;
    while (at < vpn + nr && taken < SWAP_CLUSTER_MAX) {
      if (
        (pte(at) & PTE_PRESENT) !== 0 &&
        !test(folioHead(pteIndex(pte(at))), PG_UNEVICTABLE) &&
        isolatePage(at) === 0
      ) {
        const f = pteIndex(pte(at));
        setPte(at, pte(at) & ~PTE_ACCESSED);
        clearFlag(f, PG_ACTIVE | PG_REFERENCED);
        nid = folioNid(f);
        listAdd(scanHead(LIST_SCAN), f);
        taken++;
      }
      at++;
    }
    if (taken > 0) {
      const reclaimed = shrinkFolioList(nid);
      count(PGSCAN_PROACTIVE, -1, vma(v, V_MEMCG), taken);
      count(PGSTEAL_PROACTIVE, -1, vma(v, V_MEMCG), reclaimed);
      done += reclaimed;
    }
    popScan();
  }
  return done;
}
