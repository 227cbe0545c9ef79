/** Advice about ranges (mm/madvise.c). */
import {
  clearFlag,
  folioHead,
  folioNid,
  PG_ACTIVE,
  PG_LRU,
  PG_REFERENCED,
  PG_UNEVICTABLE,
  PG_YOUNG,
  test,
} from "./folio.ts";
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
  V_PAGES,
  V_START,
  vma,
} from "./layout.ts";
import { listAdd } from "./list.ts";
import { lruAddTail, lruDel } from "./lru.ts";
import { allNodes } from "./node.ts";
import { PTE_ACCESSED, PTE_PRESENT, pteIndex } from "./page-table.ts";
import { ACTOR_PROACTIVE, LIST_SCAN, popScan, pushScan, WRITE_MAX } from "./scan-control.ts";
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
    clearFlag(f, PG_ACTIVE | PG_REFERENCED | PG_YOUNG);
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
  return pageout(v, vpn, vpn + nr, 0, false, nr);
}
/**
 * The same of up to `most` pages of mapping `v` that are on none of the nodes of `stay`; with `idle`, of those not in use
 * alone. It ends with the first batch that cannot go.
 */
export function pageoutStrays(v: i32, stay: i32, idle: boolean, most: i32): i32 {
  return pageout(v, vma(v, V_START), vma(v, V_START) + vma(v, V_PAGES), stay, idle, most);
}
function pageout(v: i32, from: i32, to: i32, stay: i32, idle: boolean, most: i32): i32 {
  let done: i32 = 0;
  let at: i32 = from;
  let more: boolean = true;
  while (more && at < to && done < most) {
    pushScan(ACTOR_PROACTIVE, WRITE_MAX);
    setSc(SC_MAY_DEMOTE, 0);
    setSc(SC_VACATE, allNodes());
    setSc(SC_IGNORE_REFERENCES, 1);
    // A batch is of one node, so that it can be counted there.
    let nid: i32 = -1;
    let taken: i32 = 0;
    const batch = most - done < WRITE_MAX ? most - done : WRITE_MAX;
    while (at < to && taken < batch) {
      const on = evictableOn(at, stay, idle);
      if (on >= 0 && nid >= 0 && on !== nid) break;
      if (on >= 0 && isolatePage(at) === 0) {
        const f = pteIndex(pte(at));
        setPte(at, pte(at) & ~PTE_ACCESSED);
        clearFlag(f, PG_ACTIVE | PG_REFERENCED | PG_YOUNG);
        listAdd(scanHead(LIST_SCAN), f);
        nid = on;
        taken++;
      }
      at++;
    }
    const gone = taken > 0 ? pageOut(v, nid, taken) : 0;
    popScan();
    done += gone;
    if (stay !== 0 && gone < taken) more = false;
  }
  return done;
}
/** The node of a page that may be taken; -1 if it is not there, locked, on a node of `stay`, or in use and only idle ones are wanted. */
function evictableOn(vpn: i32, stay: i32, idle: boolean): i32 {
  const p = pte(vpn);
  if ((p & PTE_PRESENT) === 0 || (idle && (p & PTE_ACCESSED) !== 0)) return -1;
  const f = folioHead(pteIndex(p));
  return test(f, PG_UNEVICTABLE) || (stay & (1 << folioNid(f))) !== 0 ? -1 : folioNid(f);
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
