/** What becomes of a new page where there is no room (newcomers.ts has the verdict). */
import { GFP_SETTLE } from "./gfp.ts";
import { H_OPTIONS, hdr, N_WMARK_LOW, node, V_FILE, V_MEMCG, vma } from "./layout.ts";
import { makeWay } from "./make-way.ts";
import { policyChoosesNode } from "./mempolicy.ts";
import { knowsNewPages, newPagePays } from "./newcomers.ts";
import { OPT_DEMOTION, OPT_TIER_FIRST } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { isFaster } from "./prices.ts";
import { belowFor, topFor } from "./rise.ts";
import { SWAP_CLUSTER_MAX } from "./scan-control.ts";
import { countsUses } from "./uses.ts";

/** The node where pages of mapping `v` would go, if prices say where they do and it is full; else -1. */
function fullNode(v: i32): i32 {
  const options = hdr(H_OPTIONS);
  if (!countsUses() || (options & OPT_TIER_FIRST) === 0 || (options & OPT_DEMOTION) === 0) return -1;
  if (policyChoosesNode(v)) return -1;
  const to = topFor(v);
  return watermarkOk(to, 0, node(to, N_WMARK_LOW)) ? -1 : to;
}
/**
 * GFP_SETTLE if a page of mapping `v` is to be put where there is room: the node where it would go otherwise has none, and one below that is
 * as fast does. Where nothing is gained by a place, nobody makes way for it.
 */
export function pooling(v: i32): i32 {
  const full = fullNode(v);
  if (full < 0) return 0;
  const below = belowFor(v, full);
  if (below < 0 || isFaster(full, below)) return 0;
  return watermarkOk(below, 0, node(below, N_WMARK_LOW)) ? GFP_SETTLE : 0;
}
/** The same of a new page, which may not be worth what it would push out, either. */
export function settling(v: i32): i32 {
  const to = fullNode(v);
  if (to < 0) return 0;
  const pooled = pooling(v);
  if (pooled !== 0) return pooled;
  const below = belowFor(v, to);
  if (below < 0) return 0;
  if (vma(v, V_FILE) !== 0 || !knowsNewPages(v, to)) return 0;
  if (!newPagePays(v, to, below)) return GFP_SETTLE;
  makeWay(to, N_WMARK_LOW, 1, vma(v, V_MEMCG), SWAP_CLUSTER_MAX);
  return watermarkOk(to, 0, node(to, N_WMARK_LOW)) ? 0 : GFP_SETTLE;
}
