/**
 * Where a page goes that is back from swap (OPT_COLD_REFAULTS). One that was away for longer than the working set has lost what
 * made it hot, if anything did; most such pages are touched once, and each that takes a place on the fastest tier pushes down
 * another. So it takes the slowest tier, and comes up as any page does.
 *
 * But the distance of a refault does not tell a page of a loop from one of a working set that has moved: both were away for
 * as long. What tells is what becomes of them. Those that were sent down are watched, as what was demoted is
 * (promotion-pays.ts); where they are used again far sooner than that is, all but a few go straight up.
 */
import { folioNid } from "./folio.ts";
import { GFP_COLD } from "./gfp.ts";
import { H_HOME, H_NR_NODES, H_OPTIONS, hdr, N_TIER, node, shadow, V_FILE, vma } from "./layout.ts";
import { lruRefaultIsDistant } from "./lru.ts";
import { placementMask, policyChoosesNode } from "./mempolicy.ts";
import { zone } from "./node.ts";
import { OPT_COLD_REFAULTS, OPT_DEMOTION, OPT_PROMOTION, OPT_RISE } from "./options.ts";
import { refaultsPay, watchRefault } from "./promotion-pays.ts";

/**
 * GFP_COLD if page `vpn`, which is in swap, should take the slowest tier, and can come up again if it is used after all. Where
 * nothing is to be demoted, nothing is put lower down either; and caches know what is hot in them.
 */
export function coldness(v: i32, vpn: i32): i32 {
  const all = OPT_COLD_REFAULTS | OPT_PROMOTION | OPT_DEMOTION;
  const options = hdr(H_OPTIONS);
  if ((options & all) !== all || vma(v, V_FILE) !== 0 || policyChoosesNode(v) || shadow(vpn) === 0) return 0;
  if (!lruRefaultIsDistant(shadow(vpn), 0)) return 0;
  return (options & OPT_RISE) !== 0 && refaultsPay(top(v)) ? 0 : GFP_COLD;
}
/** The node where pages of mapping `v` go when they are hot. */
function top(v: i32): i32 {
  const may = placementMask(v);
  let best: i32 = -1;
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(hdr(H_HOME), i);
    if ((may & (1 << nid)) !== 0 && (best < 0 || node(nid, N_TIER) < node(best, N_TIER))) best = nid;
  }
  return best < 0 ? hdr(H_HOME) : best;
}
/** Folio `f` of mapping `v` is back, and was taken for cold. */
export function noteColdRefault(f: i32, v: i32): void {
  const to = top(v);
  if ((hdr(H_OPTIONS) & OPT_RISE) !== 0 && node(folioNid(f), N_TIER) > node(to, N_TIER)) watchRefault(f, to);
}
