/**
 * How often pages that could lie on a faster node are used. Entries of such pages have PTE_WATCH, so that whoever reads the page
 * table itself counts each hit on them, as a memory device with a hotness monitor does (CXL 3.2's CHMU): an exact count, at a
 * nanosecond or two beside the slower node's latency, where Linux unmaps pages to learn the time of one use.
 *
 * The count is in the private word of the frame that was used, not of its folio's head:
 *
 *   uses      10 bits
 *   class     3 bits    of what this is a sample, until it has been taken (newcomers.ts)
 *   since     19 bits   in units of 8 ms, a lap of 70 minutes; what is older is made younger before it laps, its uses with it
 *
 * The engine is called when a count is large enough for a move to pay, and each time that it has grown by a half or a third since.
 *
 * A use is counted as the accesses to memory that it is: the cache lines that are read or written, where who uses the page says how
 * much that is, all of the page where it does not; or always as one, if it is said what a use stands for (prices.ts).
 */
import { folioNr } from "./folio.ts";
import { clock, H_OPTIONS, H_PRICE_TOUCH, H_USE_LIMIT, hdr, priv, setPriv } from "./layout.ts";
import { leadingZeros, toI32 } from "./machine.ts";
import { OPT_PROMOTION, OPT_PROMOTION_PAYS, OPT_RISE } from "./options.ts";

/** The largest count. */
export const MAX_USES: i32 = 1022;
export const USES_MASK: i32 = 1023;
const CLASS_SHIFT: i32 = 10;
const CLASS_MASK: i32 = 7;
const SINCE_SHIFT: i32 = 13;
const SINCE_MASK: i32 = 0x7ffff;
/** Milliseconds to a unit of time, as a shift. */
const UNIT_SHIFT: i32 = 3;
/** Units of time in a millisecond. */
export const MS_TO_UNITS: f64 = 1 / 8;
/** Units after which a count is made younger. */
const OLDEST: i32 = 0x3ffff;

/** Cache lines in a page: what a use is taken for if nobody says how much of the page it is. */
const LINES: i32 = 64;

/** A page that is a sample of nothing. */
export const SAMPLE_NONE: i32 = 0;
/** ... of pages touched for the first time. */
export const SAMPLE_NEW: i32 = 1;
/** ... of pages back from swap. */
export const SAMPLE_REFAULT: i32 = 2;
/** ... of what faster nodes sent down. */
export const SAMPLE_VICTIM: i32 = 3;
/** ... of what has cost as much as its move, at a single use. */
export const SAMPLE_RIPE: i32 = 4;
/** ... of pages that are back from swap soon: SAMPLE_REFAULT is of those that were away for long. */
export const SAMPLE_NEAR: i32 = 5;

/** Whether uses are counted; otherwise the time from a mark to the next use is all that there is to go by. */
export function countsUses(): boolean {
  const all = OPT_PROMOTION | OPT_RISE | OPT_PROMOTION_PAYS;
  return (hdr(H_OPTIONS) & all) === all;
}
function now(): i32 {
  return (toI32(Math.floor(clock())) >>> UNIT_SHIFT) & SINCE_MASK;
}
/** Begin to count for folio `f`, which has come to where it is now. */
export function startCount(f: i32, sample: i32): void {
  const word = (now() << SINCE_SHIFT) | (sample << CLASS_SHIFT);
  for (let i: i32 = 0; i < folioNr(f); i++) setPriv(f + i, word);
}
/** Of what folio `f` is a sample. */
export function sampleOf(f: i32): i32 {
  return (priv(f) >>> CLASS_SHIFT) & CLASS_MASK;
}
export function endSample(f: i32): void {
  setPriv(f, priv(f) & ~(CLASS_MASK << CLASS_SHIFT));
}
/** Uses of all pages of folio `f` since the count began. */
export function usesOf(f: i32): i32 {
  let uses: i32 = 0;
  for (let i: i32 = 0; i < folioNr(f); i++) uses += priv(f + i) & USES_MASK;
  return uses;
}
/** Units of time since the count began, at least 1. */
export function countedFor(f: i32): i32 {
  const units = (now() - (priv(f) >>> SINCE_SHIFT)) & SINCE_MASK;
  return units > 1 ? units : 1;
}
/** `ms` in units of {@link countedFor}, at least 1. */
export function unitsOf(ms: i32): i32 {
  return ms >>> UNIT_SHIFT > 1 ? ms >>> UNIT_SHIFT : 1;
}
/** What a use of `lines` cache lines (0: of nobody knows how many) adds to a count. */
export function accessesOf(lines: i32, touch: i32): i32 {
  if (touch !== 0) return 1;
  return lines !== 0 ? lines : LINES;
}
/** Count a use of `lines` lines of frame `frame`. Returns whether it is time to judge its folio. */
export function countUse(frame: i32, lines: i32): boolean {
  const by = accessesOf(lines, hdr(H_PRICE_TOUCH));
  if ((priv(frame) & USES_MASK) + by > MAX_USES) makeSmaller(frame);
  const uses = priv(frame) & USES_MASK;
  setPriv(frame, priv(frame) + by);
  return isTimeToJudge(uses, uses + by, hdr(H_USE_LIMIT));
}
/**
 * Whether a count that has grown from `before` to `uses` is such that the engine is called: it has come to `limit`, or has grown by a half
 * or third since the last time.
 */
export function isTimeToJudge(before: i32, uses: i32, limit: i32): boolean {
  if (uses < limit) return false;
  if (before < limit) return true;
  const shift = 30 - leadingZeros(uses);
  return shift <= 0 || before >> shift !== uses >> shift;
}
/** The folio of frame `frame` would have moved, but for how many do: do not let it wait until it has been used a quarter more. */
export function askAgain(frame: i32): void {
  halve(frame, countedFor(frame));
}
/** A folio is met by the scan: keep its count from growing so old that its time laps. */
export function keepCount(f: i32): void {
  const units = countedFor(f);
  if (units > OLDEST) for (let i: i32 = 0; i < folioNr(f); i++) halve(f + i, units);
}
/** A count is full. A sample keeps its time, and tells no more than that its page is used very much; others keep how often theirs is. */
function makeSmaller(frame: i32): void {
  if (sampleOf(frame) === SAMPLE_NONE) halve(frame, countedFor(frame));
  else setPriv(frame, (priv(frame) & ~USES_MASK) | ((priv(frame) & USES_MASK) >> 1));
}
/** Half the uses in half the time. */
function halve(frame: i32, units: i32): void {
  const word = priv(frame);
  const since = (now() - (units >> 1)) & SINCE_MASK;
  setPriv(frame, (since << SINCE_SHIFT) | (word & (CLASS_MASK << CLASS_SHIFT)) | ((word & USES_MASK) >> 1));
}
