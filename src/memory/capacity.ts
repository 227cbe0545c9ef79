/** How much a cache may come to hold, as far as nodes, group and swap decide. */
import { C_MAX, memcg, N_PAGES, N_WMARK_MIN, node } from "../mm/layout.ts";
import type { ResolvedPolicy } from "../runtime/mapping.ts";
import type { Vm } from "../runtime/vm.ts";
import { pagesOf } from "./size.ts";

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

/** All pages that a cache could be spread over: those of its nodes, and swap. */
export function capacityPages(vm: Vm, policy: ResolvedPolicy, group: number): number {
  return allowedPages(vm, policy, group, () => 0) + vm.shape.slots;
}

/**
 * Whether a value of `length` bytes could be held, were it alone: within the cache's own limit, and on nodes above their
 * min watermarks and within the group's max, or else in swap.
 */
export function fits(vm: Vm, length: number, maxPages: number, policy: ResolvedPolicy, group: number): boolean {
  const pages = pagesOf(length);
  if (pages > maxPages) return false;
  if (pages <= 8) return true;
  const inNodes = allowedPages(vm, policy, group, (nid) => node(nid, N_WMARK_MIN));
  return pages + 1 < Math.min(inNodes, memcg(group, C_MAX)) + vm.shape.slots;
}
