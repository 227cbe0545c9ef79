/**
 * The engine with a few loops added, so that what is timed is the engine and not the calls into it. Portable subset.
 */

import { clearFlag, folioNid, PG_REFERENCED } from "../src/mm/folio.ts";
import { frameAddr, LRU_INACTIVE_ANON, pte, setPte } from "../src/mm/layout.ts";
import { lruDel } from "../src/mm/lru.ts";
import { copyBytes } from "../src/mm/machine.ts";
import { isolate, migrateFolio, putback } from "../src/mm/migrate.ts";
import { PTE_ACCESSED, pteIndex } from "../src/mm/page-table.ts";
import { ACTOR_KSWAPD, popScan, pushScan } from "../src/mm/scan-control.ts";
import { isolateInactive } from "../src/mm/shrink-list.ts";

export * from "../src/store/exports.ts";

/** A full-period walk over 2^bits numbers. */
function step(x: i32, bits: i32): i32 {
  return (x * 5 + 12345) & ((1 << bits) - 1);
}

/** Copy `n` pages between scattered frames of the first 2^bits. */
export function benchCopy(n: i32, bits: i32, seed: i32): i32 {
  let from: i32 = seed;
  let to: i32 = seed ^ 1365;
  for (let i: i32 = 0; i < n; i++) {
    from = step(from, bits);
    to = (to * 13 + 7919) & ((1 << bits) - 1);
    copyBytes(frameAddr(to), frameAddr(from), 4096);
  }
  return from;
}
/** Migrate `n` scattered pages of the first 2^bits virtual pages, each to the node that it is not on. Returns how many moved. */
export function benchMigrate(n: i32, bits: i32, seed: i32): i32 {
  let moved: i32 = 0;
  let vpn: i32 = seed;
  for (let i: i32 = 0; i < n; i++) {
    vpn = step(vpn, bits);
    const f = pteIndex(pte(vpn));
    lruDel(f);
    isolate(f);
    if (migrateFolio(f, 1 - folioNid(f)) >= 0) moved++;
    else putback(f);
  }
  return moved;
}
/** Mark the first `n` virtual pages accessed, as a program's touches do, and forget what scans have noted. */
export function benchMark(n: i32): void {
  for (let vpn: i32 = 0; vpn < n; vpn++) {
    const p = pte(vpn);
    setPte(vpn, p | PTE_ACCESSED);
    clearFlag(pteIndex(p), PG_REFERENCED);
  }
}
/** Scan `n` descriptors of node 0's inactive anonymous list. */
export function benchScan(n: i32): i32 {
  pushScan(ACTOR_KSWAPD, 32);
  const scanned = isolateInactive(0, 0, LRU_INACTIVE_ANON, n);
  popScan();
  return scanned;
}
