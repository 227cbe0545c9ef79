/**
 * Whether promotions pay. A program that goes round more pages than the fast node holds touches each of them soon after it was
 * marked, so that all look hot; and each that comes up pushes out one that is needed as soon. So what becomes of promoted
 * pages is counted: whether they stay for a while, or soon leave again. While most leave soon, only one hot page of 2^shift is
 * promoted, enough to notice when that changes. Linux has no counterpart; its rate limit is one number for all programs.
 */
import { PG_PROMOTED, setFlag } from "./folio.ts";
import {
  clock,
  H_HOT_THRESHOLD,
  H_OPTIONS,
  hdr,
  N_PROMO_IDLE,
  N_PROMO_PAID,
  N_PROMO_SHIFT,
  node,
  setNode,
  setPriv,
} from "./layout.ts";
import { toI32, unsigned } from "./machine.ts";
import { OPT_PROMOTION_PAYS } from "./options.ts";
import { randomBelow } from "./random.ts";

/** Promoted pages whose lot must be known before it is decided anew how many are promoted; and how rare that may become. */
const WINDOW: i32 = 64;
const MAX_SHIFT: i32 = 6;
/** A promotion pays if the page stays for so many times the hot threshold. */
const STAY: f64 = 4;

/** Whether to promote one more hot page to `to`. */
export function promotionPays(to: i32): boolean {
  if ((hdr(H_OPTIONS) & OPT_PROMOTION_PAYS) === 0) return true;
  const paid = node(to, N_PROMO_PAID);
  const idle = node(to, N_PROMO_IDLE);
  let shift: i32 = node(to, N_PROMO_SHIFT);
  if (paid + idle >= WINDOW) {
    if (idle > paid * 3) shift = shift < MAX_SHIFT ? shift + 1 : shift;
    else if (shift > 0) shift--;
    setNode(to, N_PROMO_SHIFT, shift);
    setNode(to, N_PROMO_PAID, 0);
    setNode(to, N_PROMO_IDLE, 0);
  }
  return shift === 0 || randomBelow(1 << shift) === 0;
}
/** A folio that was promoted to node `nid` at `since` has been demoted. */
export function promotedLeft(nid: i32, since: i32): void {
  const stayed = unsigned((toI32(Math.floor(clock())) - since) | 0);
  const field = stayed < unsigned(hdr(H_HOT_THRESHOLD)) * STAY ? N_PROMO_IDLE : N_PROMO_PAID;
  setNode(nid, field, node(nid, field) + 1);
}
/** A folio has come up. */
export function promotedArrives(f: i32): void {
  setFlag(f, PG_PROMOTED);
  setPriv(f, toI32(Math.floor(clock())));
}
