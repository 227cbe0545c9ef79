/**
 * Where a page goes that is back from swap (OPT_COLD_REFAULTS). One that was away for longer than the working set has lost what
 * made it hot, if anything did; most such pages are touched once, and each that takes a place on the fastest tier pushes down
 * another. So it takes the slowest tier, and comes up as any page does.
 *
 * But the distance of a refault does not tell a page of a loop from one of a working set that has moved: both were away for
 * as long. What tells is what becomes of them: those that were sent down are counted (newcomers.ts); where they are used so much
 * more than what would make way for them that it pays, all but a few go straight up. Nor does it tell that a page which was away for a moment
 * is hot: in a loop over a little more than there is room for all are. Those are counted as a class of their own, and stay below where they are used as
 * seldom; until that is known they go up, but for a few.
 */
import { H_OPTIONS, hdr, shadow, V_FILE, vma } from "./layout.ts";
import { lruRefaultIsDistant } from "./lru.ts";
import { policyChoosesNode } from "./mempolicy.ts";
import { refaultPays } from "./newcomers.ts";
import { OPT_COLD_REFAULTS, OPT_DEMOTION, OPT_PROMOTION } from "./options.ts";
import { belowFor, topFor } from "./rise.ts";
import { countsUses, SAMPLE_NEAR, SAMPLE_NONE, SAMPLE_REFAULT } from "./uses.ts";

/**
 * Other than SAMPLE_NONE if page `vpn`, which is in swap, should take the slowest tier, and can come up again if it is used after all. Where
 * nothing is to be demoted, nothing is put lower down either; and caches know what is hot in them.
 */
export function coldness(v: i32, vpn: i32): i32 {
  const all = OPT_COLD_REFAULTS | OPT_PROMOTION | OPT_DEMOTION;
  const options = hdr(H_OPTIONS);
  if ((options & all) !== all || vma(v, V_FILE) !== 0 || policyChoosesNode(v) || shadow(vpn) === 0) return SAMPLE_NONE;
  const near = !lruRefaultIsDistant(shadow(vpn), 0);
  if (!countsUses()) return near ? SAMPLE_NONE : SAMPLE_REFAULT;
  const to = topFor(v);
  const below = belowFor(v, to);
  if (below < 0 || refaultPays(to, below, near)) return SAMPLE_NONE;
  return near ? SAMPLE_NEAR : SAMPLE_REFAULT;
}
