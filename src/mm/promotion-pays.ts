/**
 * Whether a page pays for its way up (OPT_PROMOTION_PAYS). It does as soon as what it has cost to leave it where it is comes to the
 * price of moving it, and of moving another down for it, and to what that other one would have cost meanwhile down here. That is
 * the rule of who rents skis until the rents would have bought them: whatever the program does next, no rule that does not know the future
 * is better by more than a constant; there is no threshold of what is hot, no period, no rate.
 *
 * What a page has cost is counted, a use at a time (uses.ts). What the one that makes way will cost is what those before it did
 * (newcomers.ts): a program that goes round more than the fast node holds uses the victims as soon as the page, and nothing moves.
 * One in EXPLORE moves all the same, so that there are victims to learn from when that changes. What comes into room that nobody has to
 * leave pays for its own way alone.
 */
import { folioNid, folioNr } from "./folio.ts";
import { H_HOME, H_NR_NODES, hdr, N_TIER, node, ownerVma, vpnOf } from "./layout.ts";
import { knowsRipe, knowsVictims, mayTry, ripePays, usesOfVictim } from "./newcomers.ts";
import { zone } from "./node.ts";
import { gainOfUse, hasSpare, priceOfMove, priceOfRoom } from "./prices.ts";
import { randomBelow } from "./random.ts";
import { riseMask, topFor } from "./rise.ts";
import { takeSample } from "./samples.ts";
import {
  countedFor,
  countsUses,
  SAMPLE_NONE,
  SAMPLE_RIPE,
  SAMPLE_VICTIM,
  sampleOf,
  startCount,
  usesOf,
} from "./uses.ts";

/** Of pages that would pay but for what they push out, one of so many is promoted. */
const EXPLORE: i32 = 64;

/** A page does not pay for a move; moves all the same, to see what comes of it; or pays. */
export const STAYS: i32 = 0;
export const TRIES: i32 = 1;
export const PAYS: i32 = 2;

/** Which of these folio `f`, which was used just now, `by` accesses of it, does on its way to node `to`. */
export function promotionPays(f: i32, to: i32, by: i32): i32 {
  const from = folioNid(f);
  const each = gainOfUse(from, to);
  if (each <= 0) return STAYS;
  const nr = folioNr(f);
  const cost = usesOf(f) * each;
  if (hasSpare(to, nr)) return cost >= priceOfMove(nr) ? PAYS : STAYS;
  const price = priceOfMove(nr) + priceOfRoom(to, nr);
  if (cost < price) return STAYS;
  // The first few are no tries: what makes way for them is what is learned from.
  if (!knowsVictims(to)) return mayTry(to) ? PAYS : randomBelow(EXPLORE) === 0 ? TRIES : STAYS;
  noteSampleAt(f, by);
  const loss = usesOfVictim(to, countedFor(f)) * nr * each;
  const paid = cost >= price + loss;
  const sample = sampleOf(f);
  if (randomBelow(EXPLORE) === 0) return TRIES;
  // A single use that pays for it says little of the next: what are such pages used for afterwards, and this one so far?
  const dear = by * each >= price / 2;
  if (dear && knowsRipe(to)) {
    if (sample === SAMPLE_NONE) startCount(f, SAMPLE_RIPE);
    const own = sample === SAMPLE_NONE ? 0 : sample === SAMPLE_RIPE ? usesOf(f) : usesOf(f) - by;
    if (!ripePays(to, from, price / nr, (own / nr) | 0, countedFor(f), by)) return STAYS;
    if (sample !== SAMPLE_NONE && sample !== SAMPLE_RIPE) begin(f);
    return PAYS;
  }
  const again = sample === SAMPLE_RIPE || cost - by * each >= price / 2;
  if (paid && again) {
    if (dear) begin(f);
    return PAYS;
  }
  // Either it has not paid yet, or what would make way has been used more: then this is a new beginning.
  if (sample === SAMPLE_NONE && (!again || cost < loss)) startCount(f, SAMPLE_RIPE);
  if (again && cost >= loss) return STAYS;
  if (!knowsRipe(to) || !ripePays(to, from, price / nr, 0, 0, by)) return STAYS;
  begin(f);
  return PAYS;
}
/** Folio `f` is to come up, and will be counted there: whatever it was a sample of ends here. */
function begin(f: i32): void {
  if (sampleOf(f) !== SAMPLE_RIPE) noteSample(f, true);
  startCount(f, SAMPLE_RIPE);
}

/** Take the sample that folio `f` is, if it is time, or because it leaves. */
export function noteSample(f: i32, leaves: boolean): void {
  const to = sampledFor(f);
  if (to >= 0) takeSample(f, to, leaves, 0);
}
/** The same at a use of it, `by` accesses, which was counted: if its time is over, this one came after it. */
function noteSampleAt(f: i32, by: i32): void {
  const to = sampledFor(f);
  if (to >= 0) takeSample(f, to, false, by);
}
/** The node that folio `f` is a sample for; -1 if it is none. */
function sampledFor(f: i32): i32 {
  if (!countsUses()) return -1;
  const sample = sampleOf(f);
  if (sample === SAMPLE_NONE) return -1;
  return sample === SAMPLE_VICTIM || sample === SAMPLE_RIPE ? nodeAbove(f) : topFor(ownerVma(f));
}
/** The node that folio `f` came down from, as far as can be told: of the faster ones the slowest, nearest to home; -1 if there is none. */
function nodeAbove(f: i32): i32 {
  const mask = riseMask(ownerVma(f), vpnOf(f), folioNid(f));
  let best: i32 = -1;
  for (let i: i32 = 0; i < hdr(H_NR_NODES); i++) {
    const nid = zone(hdr(H_HOME), i);
    if ((mask & (1 << nid)) !== 0 && (best < 0 || node(nid, N_TIER) > node(best, N_TIER))) best = nid;
  }
  return best;
}
