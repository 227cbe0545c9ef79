/**
 * The coldest first, wherever it lies (OPT_COLDEST): what a group's limit or a request takes is what is oldest over all its
 * nodes and groups. Each list has its oldest page at its tail; so the lists of the scope are merged by the last uses of
 * their tails (last-use.ts), a batch at a time. Pages that turn out to be in use go to the front, and their list with them
 * to the back of the queue. The node it is on is no reason for a page to go: a lower tier is not a colder page.
 *
 * Linux scans a share of every list at each priority instead; lieu did, and from the lowest tier up for a group's limit.
 */
import { hopefulLists } from "./futile.ts";
import { before, knowsLastUse, lastUse } from "./last-use.ts";
import {
  H_NR_MEMCG,
  H_NR_NODES,
  hdr,
  LRU_ACTIVE_ANON,
  LRU_ACTIVE_FILE,
  LRU_INACTIVE_ANON,
  LRU_INACTIVE_FILE,
  lruHead,
  lruvecOf,
  prev,
  SC_MEMCG,
  SC_NR_SCANNED,
  SC_PRIORITY,
  SC_PROACTIVE,
  sc,
  setSc,
} from "./layout.ts";
import { lruGenEnabled } from "./lru-gen.ts";
import { lruGenOldest } from "./lru-gen-age.ts";
import { evictablePages } from "./lru-gen-aging.ts";
import { lruGenShrinkLruvec } from "./lru-gen-evict.ts";
import { lruSize } from "./lruvec.ts";
import { lowestBit } from "./machine.ts";
import { DEF_PRIORITY, SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { inactiveIsLow } from "./scan-count.ts";
import { shrinkActive } from "./shrink-list.ts";
import { enough, shrinkList } from "./vmscan.ts";

/** The priority from which on age is no reason to wait. */
const DESPERATE: i32 = 2;

/** Whether the scan that the current control describes goes by age over the nodes of `mask`. */
export function goesByAge(mask: i32): boolean {
  return knowsLastUse() && (mask & (mask - 1)) !== 0 && (sc(SC_MEMCG) >= 0 || sc(SC_PROACTIVE) !== 0);
}

/** The lruvec and type whose oldest page is the oldest of all on the nodes of `mask`: nid << 8 | group << 1 | file; -1 if none. */
function coldestList(mask: i32): i32 {
  let best: i32 = -1;
  let age: i32 = 0;
  // Of equals, the lowest tier's.
  for (let nid: i32 = hdr(H_NR_NODES) - 1; nid >= 0; nid--) {
    if ((mask & (1 << nid)) === 0) continue;
    for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG); cg++) {
      const types = hopefulLists(nid, cg);
      for (let file: i32 = 0; file <= 1; file++) {
        if ((types & (1 << file)) === 0) continue;
        const lv = lruvecOf(nid, cg);
        const inactive = file !== 0 ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
        if (lruSize(lv, inactive) + lruSize(lv, inactive + LRU_ACTIVE_ANON) === 0) continue;
        const at = lruGenEnabled() ? lruGenOldest(nid, cg, file) : tailUse(nid, cg, inactive);
        if (best >= 0 && !before(at, age)) continue;
        best = (nid << 8) | (cg << 1) | file;
        age = at;
      }
    }
  }
  return best;
}
/** The group of a list as coldestList() names it. */
function groupOf(at: i32): i32 {
  return (at >> 1) & 127;
}
/**
 * The group whose oldest page is the oldest of all on node `nid`, where lists are generations and any group may give: others wait for it. -1: nobody
 * waits. Generations are so coarse that a turn takes a batch of pages in use from a group that has no others, and a group that is used
 * over and over never has its pages again; of two lists each page is asked. When little else is left, everybody may go.
 */
export function coldestGroup(nid: i32): i32 {
  if (!lruGenEnabled() || !knowsLastUse() || sc(SC_MEMCG) >= 0 || sc(SC_PRIORITY) <= DESPERATE) return -1;
  const at = coldestList(1 << nid);
  return at < 0 ? -1 : groupOf(at);
}
/** The last use of the next page to be scanned. */
function tailUse(nid: i32, cg: i32, inactive: i32): i32 {
  const empty = lruSize(lruvecOf(nid, cg), inactive) === 0;
  return lastUse(prev(lruHead(nid, cg, empty ? inactive + LRU_ACTIVE_ANON : inactive)));
}

/**
 * Take from the coldest lists of the nodes of `mask`, a batch at a time, until there is enough or `looks` pages have been
 * looked at (coldest.ts).
 */
export function shrinkByAge(mask: i32, looks: i32): void {
  let left: i32 = looks;
  while (left > 0 && !enough()) {
    const at = coldestList(mask);
    if (at < 0) return;
    left -= shrinkOldest(at >> 8, groupOf(at), at & 1);
  }
}
/** Scan a batch of one type of a lruvec. Returns the pages looked at, at least 1. */
function shrinkOldest(nid: i32, cg: i32, file: i32): i32 {
  const lv = lruvecOf(nid, cg);
  if (lruGenEnabled()) {
    const pages = evictablePages(lv, true);
    let priority: i32 = DEF_PRIORITY - 1;
    while (priority > 0 && pages >> priority < SWAP_CLUSTER_MAX) priority--;
    setSc(SC_PRIORITY, priority);
    lruGenShrinkLruvec(nid, cg);
    return SWAP_CLUSTER_MAX;
  }
  const inactive = file !== 0 ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
  const done = sc(SC_NR_SCANNED);
  setSc(SC_PRIORITY, DEF_PRIORITY);
  shrinkList(nid, cg, lv, inactive, SWAP_CLUSTER_MAX);
  if (inactiveIsLow(lv, inactive)) shrinkActive(nid, cg, inactive + LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX);
  const looked = sc(SC_NR_SCANNED) - done;
  return looked > 0 ? looked : SWAP_CLUSTER_MAX;
}
/** Pages on the evictable lists of the nodes of `mask`, of all groups. */
export function listed(mask: i32): i32 {
  let pages: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    for (let cg: i32 = 0; cg < hdr(H_NR_MEMCG); cg++) {
      for (let list: i32 = 0; list <= LRU_ACTIVE_FILE; list++) pages += lruSize(lruvecOf(lowestBit(m), cg), list);
    }
  }
  return pages;
}
