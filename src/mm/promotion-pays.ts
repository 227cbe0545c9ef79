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
import { knowsVictims, mayTry, takeSample, topFor, usesOfVictim, wokenPays, wokenWaits } from "./newcomers.ts";
import { zone } from "./node.ts";
import { gainOfUse, hasSpare, priceOfMove, priceOfRoom } from "./prices.ts";
import { randomBelow } from "./random.ts";
import { riseMask } from "./rise.ts";
import {
  countedFor,
  countsUses,
  SAMPLE_NONE,
  SAMPLE_VICTIM,
  SAMPLE_WOKEN,
  sampleOf,
  startCount,
  usesOf,
} from "./uses.ts";

/** Of pages that would pay but for what they push out, one of so many is promoted. */
const EXPLORE: i32 = 64;

/** Whether folio `f`, which was used just now, pays for a move to node `to`. */
export function promotionPays(f: i32, to: i32): boolean {
  const each = gainOfUse(folioNid(f), to);
  if (each <= 0) return false;
  const nr = folioNr(f);
  const uses: f64 = usesOf(f);
  if (hasSpare(to, nr)) return uses * each >= priceOfMove(nr);
  const price = priceOfMove(nr) + priceOfRoom(to, nr);
  if (uses * each < price) return false;
  if (!knowsVictims(to)) return mayTry(to) || randomBelow(EXPLORE) === 0;
  noteSample(f, false);
  const sample = sampleOf(f);
  if (sample === SAMPLE_WOKEN) return false;
  const loss = usesOfVictim(to, countedFor(f)) * nr * each;
  if (uses * each >= price + loss || randomBelow(EXPLORE) === 0) return true;
  if (uses * each >= loss || sample !== SAMPLE_NONE) return false;
  // What would make way has been used more. This is the first use after long, and a new beginning.
  if (wokenWaits(to)) startCount(f, SAMPLE_WOKEN);
  else if (wokenPays(to, folioNid(f))) return true;
  else startCount(f, SAMPLE_NONE);
  return false;
}

/** Take the sample that folio `f` is, if it is time, or because it leaves. */
export function noteSample(f: i32, leaves: boolean): void {
  if (!countsUses()) return;
  const sample = sampleOf(f);
  if (sample === SAMPLE_NONE) return;
  const to = sample === SAMPLE_VICTIM || sample === SAMPLE_WOKEN ? nodeAbove(f) : topFor(ownerVma(f));
  if (to >= 0) takeSample(f, to, leaves);
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
