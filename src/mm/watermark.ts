/** The mark that kswapd aims for, and whether a node is there. */
import { H_OPTIONS, hdr, N_WMARK_HIGH, N_WMARK_PROMO, node } from "./layout.ts";
import { isTopTier } from "./memory-tiers.ts";
import { OPT_LEAN, OPT_PROMOTION } from "./options.ts";
import { watermarkOk } from "./page-alloc.ts";

/** High; or promo on top tiers while promotion is on, so that promoted pages find room (OPT_LEAN: high there too). */
export function kswapdGoal(nid: i32): i32 {
  const promote = (hdr(H_OPTIONS) & (OPT_PROMOTION | OPT_LEAN)) === OPT_PROMOTION && isTopTier(nid);
  return node(nid, promote ? N_WMARK_PROMO : N_WMARK_HIGH);
}
/** Whether the node has enough free (pgdat_balanced). */
export function balanced(nid: i32): boolean {
  return watermarkOk(nid, 0, kswapdGoal(nid));
}
