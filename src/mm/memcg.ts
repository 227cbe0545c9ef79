/**
 * Groups (mm/memcontrol.c, cgroup v2's words): what a tenant's pages are charged to, and its min, low, high and max.
 * Group 0 is the root; groups under it are tenants; a tenant's caches may have groups of their own below it.
 */
import { BUG_CHARGE } from "./errno.ts";
import { everythingChanged, noteGrowth } from "./hopeless.ts";
import {
  C_ACTIVE,
  C_HIGH,
  C_HOPELESS,
  C_LOW,
  C_MAX,
  C_MEMS,
  C_MIN,
  C_PARENT,
  C_SWAP,
  C_USAGE,
  C_WHY,
  C_ZSWAP,
  C_ZSWAP_HAND,
  C_ZSWAP_MAX,
  C_ZSWAPPED,
  H_INITIAL,
  H_NR_MEMCG,
  H_NR_VMAS,
  hdr,
  L_ACTIVATIONS,
  L_ANON_COST,
  L_FILE_COST,
  L_NONRESIDENT_AGE,
  L_REFAULTS,
  lruvecOf,
  MAX_MEMCG,
  memcg,
  nodes,
  setHdr,
  setLru,
  setLruf,
  setMemcg,
  statMemcg,
  V_ACTIVE,
  V_MEMCG,
  vma,
} from "./layout.ts";
import { lruGenInitLruvec } from "./lru-gen.ts";
import { hostBug, ldf, stf } from "./machine.ts";
import { NR_VM_EVENTS } from "./vmstat.ts";
import { zdictForget } from "./zdict.ts";

/** No limit. */
export const PAGE_COUNTER_MAX: i32 = 0x7fffffff;

export const PROTECTED_NONE: i32 = 0;
export const PROTECTED_LOW: i32 = 1;
export const PROTECTED_MIN: i32 = 2;

/** Make a group under `parent` (-1: the root itself). Returns its number, or -1 if there are MAX_MEMCG already. */
export function createMemcg(parent: i32, mems: i32): i32 {
  let id: i32 = 0;
  while (id < MAX_MEMCG && memcg(id, C_ACTIVE) !== 0) id++;
  if (id === MAX_MEMCG) return -1;
  setMemcg(id, C_PARENT, parent);
  setMemcg(id, C_USAGE, 0);
  setMemcg(id, C_SWAP, 0);
  setMemcg(id, C_HOPELESS, 0);
  setMemcg(id, C_WHY, 0);
  setMemcg(id, C_MIN, 0);
  setMemcg(id, C_LOW, 0);
  setMemcg(id, C_HIGH, PAGE_COUNTER_MAX);
  setMemcg(id, C_MAX, PAGE_COUNTER_MAX);
  setMemcg(id, C_MEMS, mems);
  setMemcg(id, C_ZSWAP, 0);
  setMemcg(id, C_ZSWAPPED, 0);
  setMemcg(id, C_ZSWAP_MAX, PAGE_COUNTER_MAX);
  setMemcg(id, C_ZSWAP_HAND, 0);
  for (let nid: i32 = 0; nid < nodes(); nid++) initLruvec(lruvecOf(nid, id));
  if (id >= hdr(H_NR_MEMCG)) setHdr(H_NR_MEMCG, id + 1);
  setMemcg(id, C_ACTIVE, 1);
  return id;
}
/** An empty lruvec's counters. */
function initLruvec(lv: i32): void {
  const first = hdr(H_INITIAL);
  setLru(lv, L_NONRESIDENT_AGE, first);
  setLruf(lv, L_ANON_COST, 0);
  setLruf(lv, L_FILE_COST, 0);
  for (let field: i32 = L_REFAULTS; field < L_ACTIVATIONS + 8; field += 4) setLru(lv, field, first);
  lruGenInitLruvec(lv);
}
/** Set one of C_MIN, C_LOW, C_HIGH, C_MAX, in pages; or C_ZSWAP_MAX, in units of 16 bytes. */
export function setLimit(id: i32, field: i32, pages: i32): void {
  setMemcg(id, field, pages);
  everythingChanged();
}
/** Forget a group that nothing belongs to. Returns 0, or 1 if it still has pages, mappings or groups below it. */
export function destroyMemcg(id: i32): i32 {
  if (memcg(id, C_USAGE) !== 0 || memcg(id, C_SWAP) !== 0) return 1;
  for (let v: i32 = 0; v < hdr(H_NR_VMAS); v++) if (vma(v, V_ACTIVE) !== 0 && vma(v, V_MEMCG) === id) return 1;
  for (let c: i32 = 0; c < hdr(H_NR_MEMCG); c++) if (memcg(c, C_ACTIVE) !== 0 && memcg(c, C_PARENT) === id) return 1;
  setMemcg(id, C_ACTIVE, 0);
  zdictForget(id);
  handOver(id, memcg(id, C_PARENT));
  return 0;
}
/** What a group has counted goes to its parent; its number starts from nothing when it is used again. */
function handOver(id: i32, parent: i32): void {
  for (let item: i32 = 0; item < NR_VM_EVENTS; item++) {
    const from = statMemcg(id, item);
    if (parent >= 0) stf(statMemcg(parent, item), ldf(statMemcg(parent, item)) + ldf(from));
    stf(from, 0);
  }
}

/** The nearest of `cg` and its ancestors that `nr` more pages would take past its max; -1 if none. */
export function overMax(cg: i32, nr: i32): i32 {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) if (memcg(c, C_USAGE) + nr > memcg(c, C_MAX)) return c;
  return -1;
}
/** The nearest of `cg` and its ancestors that is past its high; -1 if none. */
export function overHigh(cg: i32): i32 {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) if (memcg(c, C_USAGE) > memcg(c, C_HIGH)) return c;
  return -1;
}
/** Add `nr` resident pages (negative: take away) to a group and its ancestors. */
export function charge(cg: i32, nr: i32): void {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) {
    const usage = memcg(c, C_USAGE) + nr;
    if (usage < 0) hostBug(BUG_CHARGE, c, usage);
    setMemcg(c, C_USAGE, usage);
  }
  if (nr > 0) noteGrowth(cg);
}
/** Add `nr` swapped pages (negative: take away) to a group and its ancestors. */
export function chargeSwap(cg: i32, nr: i32): void {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) setMemcg(c, C_SWAP, memcg(c, C_SWAP) + nr);
}
/** Add `pages` compressed pages that take `units` of 16 bytes (negative: take away) to a group and its ancestors (obj_cgroup_charge_zswap). */
export function chargeZswap(cg: i32, pages: i32, units: i32): void {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) {
    const usage = memcg(c, C_ZSWAP) + units;
    if (usage < 0) hostBug(BUG_CHARGE, c, usage);
    setMemcg(c, C_ZSWAP, usage);
    setMemcg(c, C_ZSWAPPED, memcg(c, C_ZSWAPPED) + pages);
  }
}
/** The nearest of `cg` and its ancestors whose limit for compressed pages `units` more would pass (obj_cgroup_may_zswap); -1 if none. */
export function overZswapMax(cg: i32, units: i32): i32 {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) {
    if (memcg(c, C_ZSWAP_MAX) - memcg(c, C_ZSWAP) < units) return c;
  }
  return -1;
}
/** Whether `cg` is `ancestor` or below it. */
export function isDescendant(cg: i32, ancestor: i32): boolean {
  for (let c: i32 = cg; c >= 0; c = memcg(c, C_PARENT)) if (c === ancestor) return true;
  return false;
}
/** The tenant that a group counts as for protection: itself, or the one that its cache belongs to. */
function tenant(cg: i32): i32 {
  const p = memcg(cg, C_PARENT);
  return p > 0 ? p : cg;
}
/**
 * How reclaim that starts above a group must treat it (mem_cgroup_below_min, _below_low). A group is not protected
 * from its own limit: `target` is the group that is being reclaimed, -1 for all.
 */
export function protection(cg: i32, target: i32): i32 {
  const t = tenant(cg);
  if (t === 0 || (target >= 0 && isDescendant(target, t))) return PROTECTED_NONE;
  const usage = memcg(t, C_USAGE);
  if (usage <= memcg(t, C_MIN)) return usage > 0 ? PROTECTED_MIN : PROTECTED_NONE;
  return usage <= memcg(t, C_LOW) ? PROTECTED_LOW : PROTECTED_NONE;
}
/** Pages of a group's usage that are protected, for scaling scan pressure (mem_cgroup_protection). */
export function protectedPages(cg: i32, target: i32, lowReclaim: i32): i32 {
  const t = tenant(cg);
  if (t === 0 || (target >= 0 && isDescendant(target, t))) return 0;
  const min = memcg(t, C_MIN);
  const low = memcg(t, C_LOW);
  return lowReclaim !== 0 ? min : min > low ? min : low;
}
/** Usage that protectedPages() is a part of. */
export function protectedUsage(cg: i32): i32 {
  return memcg(tenant(cg), C_USAGE);
}
