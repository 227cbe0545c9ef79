/**
 * Where new pages go, and those back from swap (OPT_PROMOTION_PAYS): onto the fastest tier, whose coldest make way, if pages like
 * them have lately been used so much more than what made way that it pays to move the one for the other. Otherwise where
 * there is room, the fastest first, and nothing moves.
 *
 * Both are known from samples: pages that were put on a slower node, or came down to it, are counted there (uses.ts), and of
 * the new ones on the fastest tier a few at a time; what they were used in their first SPAN is one sample of their class. Classes are
 * new pages, of each mapping; pages back from swap, soon or after long; and victims, of each node. Sums are halved when there are many, so that what is
 * known is what was lately. Where pages back from swap go up, one in EXPLORE goes below all the same, to learn when that changes.
 *
 * Of new pages of which nothing is known yet the guess is that a page that is being touched is hotter than what has not been for a
 * while; of those back from swap after long, that it is not.
 */
import { folioNid, folioOrder, PG_FILE, test } from "./folio.ts";
import {
  addNode,
  H_PROBE,
  H_PROBES,
  hdr,
  N_NEW_NR,
  N_NEW_USES,
  N_PROMO_TRIALS,
  NR_PROBES,
  node,
  ownerVma,
  pte,
  setHdr,
  setNode,
  setPte,
  V_NEW_NR,
  V_NEW_USES,
  V_RESIDENT,
  V_USE,
  vma,
  vpnOf,
} from "./layout.ts";
import { PTE_PRESENT, PTE_WATCH, pteIndex } from "./page-table.ts";
import { gainOfUse, priceInBatch, priceOfRoom } from "./prices.ts";
import { randomBelow } from "./random.ts";
import { anyFaster, topFor } from "./rise.ts";
import { ENOUGH, known, span, takeSample, usesOfClass, usesOfRipe, worthOfVictim } from "./samples.ts";
import {
  countedFor,
  countsUses,
  endSample,
  SAMPLE_NEAR,
  SAMPLE_NEW,
  SAMPLE_REFAULT,
  SAMPLE_RIPE,
  SAMPLE_VICTIM,
  sampleOf,
  usesOf,
} from "./uses.ts";

/** One newcomer in so many goes where it would not. */
const EXPLORE: i32 = 8;
/** Pages of a mapping that tell nothing of the rest. */
const FEW: i32 = 32;
/** Pages moved while nothing is known of what makes way. */
const TRIALS: i32 = 32;

/** Whether it is known what becomes of pages that node `nid` sends down. */
export function knowsVictims(nid: i32): boolean {
  return known(nid, SAMPLE_VICTIM);
}
/** Uses that a page which node `nid` sends down has in so many units of time. */
export function usesOfVictim(nid: i32, units: i32): f64 {
  return usesOfClass(nid, SAMPLE_VICTIM, units);
}
/** Whether one more page may move to node `nid`, to see what comes of what makes way. */
export function mayTry(nid: i32): boolean {
  const trials = node(nid, N_PROMO_TRIALS);
  if (trials >= TRIALS) return false;
  setNode(nid, N_PROMO_TRIALS, trials + 1);
  return true;
}
/** A period has passed: one more page may be tried. */
export function moreTrials(nid: i32): void {
  if (node(nid, N_PROMO_TRIALS) > 0) addNode(nid, N_PROMO_TRIALS, -1);
}

/** Whether it is known what becomes of new pages of mapping `v` that might be on node `to`. */
export function knowsNewPages(v: i32, to: i32): boolean {
  return vma(v, V_NEW_NR) >= ENOUGH || node(to, N_NEW_NR) >= ENOUGH;
}
/** Whether a new page of mapping `v` pays for its place on node `to`, rather than on node `below`. */
export function newPagePays(v: i32, to: i32, below: i32): boolean {
  const own = vma(v, V_NEW_NR) >= ENOUGH;
  const uses: f64 = own ? vma(v, V_NEW_USES) : node(to, N_NEW_USES);
  const each = uses / (own ? vma(v, V_NEW_NR) : node(to, N_NEW_NR));
  if ((each - worthOfVictim(to)) * gainOfUse(below, to) <= priceInBatch(to, 1)) return false;
  return knowsVictims(to) || mayTry(to);
}
/** Whether a new page of mapping `v` pays for its place on node `to`, rather than on node `below`, if the use that it begins with is counted. */
export function firstUsePays(v: i32, below: i32, to: i32): boolean {
  return vma(v, V_USE) * gainOfUse(below, to) > priceInBatch(to, 1);
}
/**
 * Whether a page back from swap does. It has been needed before, and what is known of how long it is needed now is that pages like it were for
 * a SPAN: such a one goes on for as long again as it has (Lindy's law; Gott's estimate of a duration from its past), and pays for its place in both.
 * One that was away for no longer than the working set (`near`) is taken for hot until it is known what becomes of those; of the others the guess is that they are not.
 */
export function refaultPays(to: i32, below: i32, near: boolean): boolean {
  const sample = near ? SAMPLE_NEAR : SAMPLE_REFAULT;
  const up = known(to, sample) ? pays(to, below, usesOfClass(to, sample, span()), 2, priceOfRoom(to, 1)) : near;
  return up && randomBelow(EXPLORE) !== 0;
}
/** Whether a page that is used `uses` times in a SPAN, for `spans` of them, and that is not yet anywhere, pays `price` for its place on node `to`. */
function pays(to: i32, below: i32, uses: f64, spans: i32, price: f64): boolean {
  if (gainOver(to, below, uses) * spans <= price) return false;
  return knowsVictims(to) || mayTry(to);
}
/** What a page that is used `uses` times in a SPAN is worth more on node `to`, ns, than on node `below`, if what makes way goes there. */
function gainOver(to: i32, below: i32, uses: f64): f64 {
  return (uses - usesOfVictim(to, span())) * gainOfUse(below, to);
}
/** Whether it is known what becomes of pages that a single use has paid for. */
export function knowsRipe(to: i32): boolean {
  return known(to, SAMPLE_RIPE);
}
/**
 * Whether one is worth `price`, ns, on node `to` rather than on node `below`, by what they are used for afterwards, and by its own `uses` in the
 * `units` since it was one, each of `by` accesses.
 */
export function ripePays(to: i32, below: i32, price: f64, uses: i32, units: i32, by: i32): boolean {
  return gainOver(to, below, usesOfRipe(to, uses, units, by)) > price;
}

/** Whether the uses of folio `f`, a new page, are to be counted although it is on the fastest tier it may be on: some are, a few at a time. */
export function probes(f: i32): boolean {
  if (!countsUses() || test(f, PG_FILE) || folioOrder(f) > 0 || vma(ownerVma(f), V_RESIDENT) < FEW) return false;
  return takeProbe(f);
}
/**
 * Folio `f`, which a single use has paid for, has come up: whether its uses are to be counted here on. If not, it is no sample, as it
 * can be none of those that were left below.
 */
export function probesRipe(f: i32): boolean {
  if (folioOrder(f) === 0 && takeProbe(f)) return true;
  endSample(f);
  return false;
}
function takeProbe(f: i32): boolean {
  const at = H_PROBES + (hdr(H_PROBE) << 2);
  if (hdr(at) !== 0) return false;
  setHdr(at, vpnOf(f) + 1);
  setHdr(H_PROBE, (hdr(H_PROBE) + 1) % NR_PROBES);
  return true;
}
/** A period has passed: take the samples whose time it is. */
export function readProbes(): void {
  for (let i: i32 = 0; i < NR_PROBES; i++) {
    const at = H_PROBES + (i << 2);
    if (hdr(at) === 0) continue;
    const vpn = hdr(at) - 1;
    const p = pte(vpn);
    // It may have gone, or come down: where something is faster the scan will meet it, elsewhere nothing that is counted from now on tells of anything.
    const f = (p & PTE_PRESENT) !== 0 ? pteIndex(p) : -1;
    const here = f >= 0 && (p & PTE_WATCH) !== 0 && isProbed(f) && folioNid(f) === topFor(ownerVma(f));
    // One that has not been used at all in a third of the time hardly will.
    const wait = here && usesOf(f) === 0 ? (span() / 3) | 0 : span();
    if (here && countedFor(f) < wait) continue;
    setHdr(at, 0);
    if (here) takeSample(f, folioNid(f), true, 0);
    if (here || (f >= 0 && !anyFaster(folioNid(f)))) setPte(vpn, p & ~PTE_WATCH);
  }
}
function isProbed(f: i32): boolean {
  return sampleOf(f) === SAMPLE_NEW || sampleOf(f) === SAMPLE_RIPE;
}
