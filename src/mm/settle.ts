/** What becomes of a new page where there is no room (newcomers.ts has the verdict). */
import { GFP_SETTLE } from "./gfp.ts";
import { H_OPTIONS, hdr, N_WMARK_LOW, node, V_FILE, V_MEMCG, vma } from "./layout.ts";
import { makeWay } from "./make-way.ts";
import { policyChoosesNode } from "./mempolicy.ts";
import { belowFor, knowsNewPages, newPagePays, topFor } from "./newcomers.ts";
import { OPT_DEMOTION, OPT_TIER_FIRST } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";
import { countsUses } from "./uses.ts";

/**
 * GFP_SETTLE if a new page of mapping `v` is to be put where there is room: the node where it would go otherwise has none, and
 * the page is not worth what it would push out.
 */
export function settling(v: i32): i32 {
  const options = hdr(H_OPTIONS);
  if (!countsUses() || (options & OPT_TIER_FIRST) === 0 || (options & OPT_DEMOTION) === 0) return 0;
  if (vma(v, V_FILE) !== 0 || policyChoosesNode(v)) return 0;
  const to = topFor(v);
  if (watermarkOk(to, 0, node(to, N_WMARK_LOW))) return 0;
  const below = belowFor(v, to);
  if (below < 0 || !knowsNewPages(v, to)) return 0;
  if (!newPagePays(v, to, below)) return GFP_SETTLE;
  makeWay(to, N_WMARK_LOW, 1, vma(v, V_MEMCG));
  return watermarkOk(to, 0, node(to, N_WMARK_LOW)) ? 0 : GFP_SETTLE;
}
