/**
 * Samples of what becomes of pages: what a page was used in its first SPAN, or as much of it as it stayed, after it came to be one of a class
 * (newcomers.ts). What counts is uses by time: a victim that is used and comes up again soon is used the more often.
 *
 * A page that comes up again leaves before its time is over, and those that do are the ones in use. Were they added up when they leave and
 * the others when their time is over, then for a SPAN after many pages of a class have come at once, as where a working set changes, there would
 * be none but pages in use among the samples. So what left early is put by until its time, a stretch of a quarter of the SPAN; but for the
 * first few, which are better than none, and are taken for ones that stayed. Not so of ripe pages: of those there is their own use to go by.
 *
 * Sums are made smaller when there are many, so that what is known is what was lately.
 */
import { folioNr } from "./folio.ts";
import {
  addNode,
  addVma,
  clock,
  H_HOT_THRESHOLD,
  H_NR_NODES,
  H_STRETCH,
  hdr,
  N_EARLY,
  N_FIRST,
  N_NEAR_NR,
  N_NEAR_TIME,
  N_NEAR_USES,
  N_NEW_NR,
  N_NEW_USES,
  N_REFAULT_NR,
  N_REFAULT_TIME,
  N_REFAULT_USES,
  N_RIPE_NR,
  N_RIPE_SQUARES,
  N_RIPE_TIME,
  N_RIPE_USES,
  N_VICTIM_NR,
  N_VICTIM_TIME,
  N_VICTIM_USES,
  N_VICTIM_WORTH,
  NR_STRETCHES,
  node,
  ownerVma,
  setHdr,
  setNode,
  setVma,
  V_NEW_NR,
  V_NEW_USES,
  V_USE,
  vma,
} from "./layout.ts";
import { toI32 } from "./machine.ts";
import { isFaster, mostWorth } from "./prices.ts";
import { belowFor } from "./rise.ts";
import {
  countedFor,
  endSample,
  MS_TO_UNITS,
  SAMPLE_NEAR,
  SAMPLE_NEW,
  SAMPLE_NONE,
  SAMPLE_REFAULT,
  SAMPLE_RIPE,
  SAMPLE_VICTIM,
  sampleOf,
  unitsOf,
  usesOf,
} from "./uses.ts";

/** Samples of a class that say something. */
export const ENOUGH: i32 = 16;
/** Samples at which sums are made smaller, to half as many. */
const MEMORY: i32 = 256;
/** Stretches in a SPAN. */
const PARTS: i32 = 4;

/** Units of time that a sample takes. */
export function span(): i32 {
  return unitsOf(hdr(H_HOT_THRESHOLD));
}

/**
 * The folio's sample is taken if it is time, or because it leaves. `to`: the node that it is a sample for. `after`: accesses of the use that made
 * somebody look, 0 if none did: it was used for as much less in its time. Counted in, whatever is used would seem to be used once more.
 */
export function takeSample(f: i32, to: i32, leaves: boolean, after: i32): void {
  const sample = sampleOf(f);
  const age = countedFor(f);
  if (sample === SAMPLE_NONE) return;
  if (!leaves && age < span()) {
    if (sample === SAMPLE_VICTIM && age * PARTS >= span()) addFirst(ownerVma(f), to, (usesOf(f) / folioNr(f)) | 0, age);
    return;
  }
  const uses = usesInSpan((usesOf(f) / folioNr(f)) | 0, age, after);
  endSample(f);
  if (sample === SAMPLE_VICTIM && age >= span()) endFirst(to);
  if (sample === SAMPLE_VICTIM) addNode(to, N_VICTIM_WORTH, worth(ownerVma(f), to, uses));
  if (sample === SAMPLE_NEW) addNew(ownerVma(f), to, worth(ownerVma(f), to, uses));
  else if (age >= span() || (sample !== SAMPLE_RIPE && !known(to, sample)))
    addSamples(to, sample, uses, span(), square(uses), 1);
  else putBy(to, sample, uses, age);
}
/**
 * The first victims of node `nid` are known for what they have been used for so far, from a quarter of their time on: as long as nothing is known of victims
 * nobody else makes way. When their time is over that is forgotten, for what it was: a program that comes back to them had not yet.
 */
function addFirst(v: i32, nid: i32, uses: i32, age: i32): void {
  if (known(nid, SAMPLE_VICTIM) || node(nid, N_FIRST) < 0) return;
  addNode(nid, N_FIRST, 1);
  addNode(nid, N_VICTIM_WORTH, worth(v, nid, uses));
  addSamples(nid, SAMPLE_VICTIM, uses, age, 0, 1);
}
function endFirst(nid: i32): void {
  if (node(nid, N_FIRST) > 0) {
    setNode(nid, N_VICTIM_WORTH, 0);
    setNode(nid, N_VICTIM_USES, 0);
    setNode(nid, N_VICTIM_TIME, 0);
    setNode(nid, N_VICTIM_NR, 0);
  }
  setNode(nid, N_FIRST, -1);
}
/** Of the `uses` that a page had in `age` units of time those of its SPAN, if that is over; the last were `after`. */
function usesInSpan(uses: i32, age: i32, after: i32): i32 {
  if (age < span()) return uses;
  if (after > 0) return uses > after ? uses - after : 0;
  // Where laps take long nobody has looked for a while.
  const part: f64 = span();
  return age < 2 * span() ? uses : toI32(Math.floor(uses * (part / age)));
}
/** Of the `uses` of a page of mapping `v` in its first SPAN those for which its place, on node `to` or below, matters. */
function worth(v: i32, to: i32, uses: i32): i32 {
  const below = belowFor(v, to);
  if (below < 0 || !isFaster(to, below)) return uses;
  const most = mostWorth(to, below, vma(v, V_USE));
  return uses < most ? uses : toI32(Math.floor(most));
}
function addNew(v: i32, to: i32, uses: i32): void {
  addSamples(to, SAMPLE_NEW, uses, 0, 0, 1);
  addVma(v, V_NEW_USES, uses);
  addVma(v, V_NEW_NR, 1);
  if (vma(v, V_NEW_NR) < MEMORY) return;
  setVma(v, V_NEW_USES, vma(v, V_NEW_USES) >> 1);
  setVma(v, V_NEW_NR, MEMORY >> 1);
}
/** Of a count, in units that any number of them fits a word. */
function square(uses: i32): i32 {
  return (uses * uses) >> 6;
}
/** Add `nr` samples of a class of node `nid`, of `uses` in `time` units together. */
function addSamples(nid: i32, sample: i32, uses: i32, time: i32, squares: i32, nr: i32): void {
  const number = numberOf(sample);
  addNode(nid, usesAt(sample), uses);
  if (sample !== SAMPLE_NEW) addNode(nid, timeAt(sample), time);
  if (sample === SAMPLE_RIPE) addNode(nid, N_RIPE_SQUARES, squares);
  addNode(nid, number, nr);
  const all = node(nid, number);
  if (all < MEMORY) return;
  lessen(nid, usesAt(sample), all);
  if (sample === SAMPLE_VICTIM) lessen(nid, N_VICTIM_WORTH, all);
  if (sample !== SAMPLE_NEW) lessen(nid, timeAt(sample), all);
  if (sample === SAMPLE_RIPE) lessen(nid, N_RIPE_SQUARES, all);
  setNode(nid, number, MEMORY >> 1);
}
function lessen(nid: i32, field: i32, all: i32): void {
  const sum: f64 = node(nid, field);
  setNode(nid, field, toI32(Math.floor((sum * (MEMORY >> 1)) / all)));
}
function usesAt(sample: i32): i32 {
  if (sample === SAMPLE_VICTIM) return N_VICTIM_USES;
  if (sample === SAMPLE_REFAULT) return N_REFAULT_USES;
  if (sample === SAMPLE_NEAR) return N_NEAR_USES;
  return sample === SAMPLE_RIPE ? N_RIPE_USES : N_NEW_USES;
}
function numberOf(sample: i32): i32 {
  if (sample === SAMPLE_VICTIM) return N_VICTIM_NR;
  if (sample === SAMPLE_REFAULT) return N_REFAULT_NR;
  if (sample === SAMPLE_NEAR) return N_NEAR_NR;
  return sample === SAMPLE_RIPE ? N_RIPE_NR : N_NEW_NR;
}
function timeAt(sample: i32): i32 {
  if (sample === SAMPLE_VICTIM) return N_VICTIM_TIME;
  if (sample === SAMPLE_REFAULT) return N_REFAULT_TIME;
  return sample === SAMPLE_NEAR ? N_NEAR_TIME : N_RIPE_TIME;
}
/** Whether enough is known of a class of node `nid`. */
export function known(nid: i32, sample: i32): boolean {
  return node(nid, numberOf(sample)) >= ENOUGH;
}
/** Uses that a page of a class of node `nid` has in so many units of time. */
export function usesOfClass(nid: i32, sample: i32, units: i32): f64 {
  const time: f64 = node(nid, timeAt(sample));
  if (time === 0) return 0;
  const uses: f64 = node(nid, usesAt(sample));
  return (uses / time) * units;
}

/** Uses that a victim of node `nid` has in its first SPAN, as far as its place matters for them. */
export function worthOfVictim(nid: i32): f64 {
  const sum: f64 = node(nid, N_VICTIM_WORTH);
  return node(nid, N_VICTIM_NR) > 0 ? sum / node(nid, N_VICTIM_NR) : 0;
}
/**
 * Uses that a ripe page is to be expected to have in a SPAN on node `nid`, that has had `uses` in its first `units`, each of `by` accesses. How far
 * pages differ decides how much its own uses say: where they are spread as chance alone spreads them (their variance is their mean), all are alike
 * and the next one will be used as all are, however soon it was used again; where they are spread wider, by its own. That is the
 * expectation of a rate whose prior is a gamma distribution, fitted to the samples.
 */
export function usesOfRipe(nid: i32, uses: i32, units: i32, by: i32): f64 {
  const mean = usesOfClass(nid, SAMPLE_RIPE, span());
  const nr: f64 = node(nid, N_RIPE_NR);
  const average: f64 = node(nid, N_RIPE_USES) / nr;
  const squares: f64 = node(nid, N_RIPE_SQUARES);
  const wider = (squares * 64) / nr - average * average - by * average;
  if (wider <= 0 || mean <= 0) return mean;
  // In uses, not accesses: the shape of the prior, and the time that it stands for.
  const shape = (average * average) / wider;
  const time = (shape * span() * by) / mean;
  return ((shape + uses / by) / (time + units)) * span() * by;
}

/** The stretch of time that is `units` from now. */
function stretchIn(units: i32): i32 {
  const each = span() > PARTS ? (span() / PARTS) | 0 : 1;
  return toI32(Math.floor((clock() * MS_TO_UNITS + units) / each)) & 0x3fffffff;
}
/** Where node `nid` keeps what was put by of a class until a stretch: uses, time, squares, number. */
function earlyAt(sample: i32, stretch: i32): i32 {
  const kind = sample === SAMPLE_VICTIM ? 0 : sample === SAMPLE_REFAULT ? 1 : sample === SAMPLE_RIPE ? 2 : 3;
  return N_EARLY + (kind * NR_STRETCHES + (stretch & (NR_STRETCHES - 1))) * 16;
}
function putBy(nid: i32, sample: i32, uses: i32, time: i32): void {
  const at = earlyAt(sample, stretchIn(span() - time));
  addNode(nid, at, uses);
  addNode(nid, at + 4, time);
  addNode(nid, at + 8, square(uses));
  addNode(nid, at + 12, 1);
}
/** A period has passed: add up the samples whose time is over. */
export function addEarly(): void {
  const now = stretchIn(0);
  const passed = (now - hdr(H_STRETCH)) & 0x3fffffff;
  if (passed === 0) return;
  const nr = passed < NR_STRETCHES ? passed : NR_STRETCHES;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) {
    for (let i: i32 = nr; i > 0; i--) {
      addEarlyOf(nid, SAMPLE_VICTIM, now - i);
      addEarlyOf(nid, SAMPLE_REFAULT, now - i);
      addEarlyOf(nid, SAMPLE_RIPE, now - i);
      addEarlyOf(nid, SAMPLE_NEAR, now - i);
    }
  }
  setHdr(H_STRETCH, now);
}
function addEarlyOf(nid: i32, sample: i32, stretch: i32): void {
  const at = earlyAt(sample, stretch);
  if (node(nid, at + 12) === 0) return;
  addSamples(nid, sample, node(nid, at), node(nid, at + 4), node(nid, at + 8), node(nid, at + 12));
  for (let i: i32 = 0; i < 16; i += 4) setNode(nid, at + i, 0);
}
