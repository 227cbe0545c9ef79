/** How much a cache may come to hold, as far as nodes, group and swap decide. */
import { LieuError, shown } from "../errors.ts";
import { C_MAX, H_OPTIONS, hdr, memcg, N_PAGES, N_WMARK_PROMO, node } from "../mm/layout.ts";
import { OPT_SWAP_FILE } from "../mm/options.ts";
import type { ResolvedPolicy } from "../runtime/mapping.ts";
import type { Vm } from "../runtime/vm.ts";
import { POOL_RATIO } from "../swap/pool.ts";
import { parseSize, type Size } from "./size.ts";
import { MAX_CACHE_PAGES, MIN_CACHE_PAGES, sizeForAddresses } from "./store.ts";

const PAGE = 4096;

/** Pages of the nodes that policy and group allow, less `reserve` of each. */
function allowedPages(vm: Vm, policy: ResolvedPolicy, group: number, reserve: (nid: number) => number): number {
  vm.inspect();
  const mask = vm.calls.memsOf(group) & (policy.mode === "bind" ? policy.mask : -1);
  let pages = 0;
  for (let nid = 0; nid < vm.shape.nodes; nid++) {
    if ((mask & (1 << nid)) !== 0) pages += node(nid, N_PAGES) - reserve(nid);
  }
  return pages;
}

/**
 * Pages that a cache may hold at most: those of its nodes that reclaim does not keep free, and swap. As long as it is alone
 * there, it never makes the engine discard anything: what has to go is chosen by the cache.
 */
export function capacityPages(vm: Vm, policy: ResolvedPolicy, group: number): number {
  const inNodes = allowedPages(vm, policy, group, (nid) => node(nid, N_WMARK_PROMO) + RESERVE);
  // Where a cache's pages are not swapped, swap is no room for them.
  if ((hdr(H_OPTIONS) & OPT_SWAP_FILE) === 0) return Math.min(inNodes, memcg(group, C_MAX));
  const zpages = vm.shape.zpages ?? 0;
  const slots = vm.shape.slots - zpages * POOL_RATIO + zpages * TYPICAL_RATIO;
  return Math.min(inNodes, memcg(group, C_MAX)) + slots;
}
/** Pages of each node that are left for what is on its way. */
const RESERVE = 40;
/** Pages that a page of the pool is taken to hold at most. When it holds less, what goes is chosen when it is full (store/room.ts). */
const TYPICAL_RATIO = 4;

/**
 * The most pages of a cache, given its `maxSize`, if it has one; `first`: no other without is there.
 *
 * @throws {@link LieuError} EINVAL if it would be too small, ERANGE if too large
 */
export function cachePages(
  vm: Vm,
  policy: ResolvedPolicy,
  group: number,
  maxSize: Size | undefined,
  first: boolean,
): number {
  const capacity = capacityPages(vm, policy, group);
  const limit = maxSize === undefined ? capacity : Math.floor(parseSize(maxSize, "maxSize") / PAGE);
  if (maxSize !== undefined && Math.min(limit, capacity) > MAX_CACHE_PAGES) {
    const largest = `a cache holds ${(MAX_CACHE_PAGES * PAGE) / 2 ** 20} MiB at most`;
    throw new LieuError("ERANGE", `maxSize is ${shown(maxSize)}: ${largest}; divide the keys among several`);
  }
  const most = Math.min(limit, capacity, MAX_CACHE_PAGES);
  const pages = maxSize === undefined && most >= MIN_CACHE_PAGES ? sizeForAddresses(vm, most, first) : most;
  if (pages >= MIN_CACHE_PAGES) return pages;
  const least = `a cache needs ${(MIN_CACHE_PAGES * PAGE) / 1024} KiB (${MIN_CACHE_PAGES} pages) or more`;
  const asked = maxSize !== undefined && limit < MIN_CACHE_PAGES;
  const is = asked ? `maxSize is ${shown(maxSize)}` : `the nodes that it may use have room for ${pages * 4} KiB`;
  throw new LieuError("EINVAL", `${is}: ${least}`);
}
