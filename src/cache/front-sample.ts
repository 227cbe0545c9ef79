/**
 * What the miss-ratio curve is told of hits above the store (front.ts): each hit on a key of the sample, and of all hits how long ago the last
 * request for the key was and how many bytes it has, as the store counts that of its own.
 *
 * **Ages by chance.** To note the time of each hit would take longer than a hundredth of it. So there are stretches of time in which each
 * hit is watched: its time is noted, and what the next hit on the same entry finds there is an age. From the last request
 * to this one is as long as from that to its next, over all, so ages are those of all hits whichever end they are begun at. While there is
 * little to do the stretch is all of the time, and nearly every hit is counted; when more is watched than {@link FREE} hits and
 * {@link PER_MS} a millisecond, which is under a thousandth of the time, it ends until there is time again. The hits that were
 * counted stand for all.
 */
import { NR_SAMPLED_AGES } from "../store/sampled.ts";
import { ENTRY_BYTES } from "./curve.ts";

/** Hits told in one call. */
const RING = 64;
/** Hits that may always be watched, and in each millisecond. */
const FREE = 1 << 17;
const PER_MS = 4;
/** Watched hits between two looks at the clock. */
const CHECK = 4096;
/** Ages that say something of how they are spread. */
const ENOUGH = 64;
/** Added to a hash without a sign, it orders them as words with a sign. */
export const SIGN = -0x80000000;
/** Hashes are below this, as words with a sign. */
const ALL = 0x80000000;
/** The class of an age that is not known. */
export const NO_AGE = -1;

/** Who hears of it. */
export interface SampleBelow {
  /** Milliseconds, by which it is seen whether there is time. */
  time(): number;
  /** There were hits on `n` sampled keys, of these hashes, with keys and values of so many bytes, and ages of these classes ({@link NO_AGE}). */
  sampled(hashes: Int32Array, lengths: Int32Array, ages: Int8Array, n: number): void;
}

/** See the file's head. */
export class FrontSample {
  /** Hits on keys whose hash, as a word with a sign, is below this are to be noted. */
  below = SIGN;
  readonly #host: SampleBelow;
  /** The same of keys of the sample. */
  #threshold = SIGN;
  /** Values of at least so many bytes stand for themselves in the sample. */
  #big = 0;
  readonly #hashes = new Int32Array(RING);
  readonly #lengths = new Int32Array(RING);
  readonly #ages = new Int8Array(RING);
  #told = 0;
  #begunAt = 0;
  #watched = 0;
  /** What all hits are taken for that are settled, up to the `#settled`th; and what was counted since. */
  readonly #counts = new Float64Array(NR_SAMPLED_AGES);
  readonly #bytes = new Float64Array(NR_SAMPLED_AGES);
  #settled = 0;
  readonly #newCounts = new Float64Array(NR_SAMPLED_AGES);
  readonly #newBytes = new Float64Array(NR_SAMPLED_AGES);

  constructor(host: SampleBelow) {
    this.#host = host;
  }
  /** Whether hits are watched whatever their key. */
  get watchesAll(): boolean {
    return this.below === ALL;
  }
  /** Sample keys whose hash is below `threshold`, without a sign. There were so many hits until now. */
  set(threshold: number, big: number, hits: number): void {
    if (this.#threshold === SIGN) {
      this.#settled = hits;
      this.#begunAt = this.#host.time();
      this.#watched = 0;
    }
    this.#threshold = threshold ^ SIGN;
    this.#big = big;
    this.pace();
  }
  /** Whether there is time to watch all hits. */
  pace(): void {
    if (this.#threshold === SIGN) this.below = SIGN;
    else {
      const time = this.#watched < FREE + PER_MS * (this.#host.time() - this.#begunAt);
      this.below = time ? ALL : this.#threshold;
    }
  }
  /** A hit that is watched or sampled, on a key of this hash, with `length` bytes of key and value; its age is of this class. */
  note(hash: number, length: number, age: number): void {
    // Those of the sample are not counted, or a large one would leave no time for what sets it right.
    if (this.watchesAll && ++this.#watched % CHECK === 0) this.pace();
    if ((hash ^ SIGN) >= this.#threshold) return;
    const at = this.#told++;
    this.#hashes[at] = hash;
    this.#lengths[at] = length;
    this.#ages[at] = age;
    if (at === RING - 1) this.tell();
  }
  /** The age of a hit that was watched whatever its key. */
  count(hash: number, length: number, age: number): void {
    this.#newCounts[age] = (this.#newCounts[age] as number) + 1;
    if (length >= this.#big && (hash ^ SIGN) >= this.#threshold) return;
    this.#newBytes[age] = (this.#newBytes[age] as number) + length + ENTRY_BYTES;
  }
  /** Tell of the sampled hits that were not told of yet. */
  tell(): void {
    const n = this.#told;
    if (n === 0) return;
    this.#told = 0;
    this.#host.sampled(this.#hashes, this.#lengths, this.#ages, n);
  }
  /** Add all hits to those of the store, by class of ages; there were so many. */
  addTo(counts: Float64Array, bytes: Float64Array, hits: number): void {
    const counted = this.#newCounts.reduce((sum, n) => sum + n, 0);
    const part = counted > 0 ? (hits - this.#settled) / counted : 0;
    for (let age = 0; age < NR_SAMPLED_AGES; age++) {
      const [n, b] = [part * (this.#newCounts[age] as number), part * (this.#newBytes[age] as number)];
      counts[age] = (counts[age] as number) + (this.#counts[age] as number) + n;
      bytes[age] = (bytes[age] as number) + (this.#bytes[age] as number) + b;
      if (counted < ENOUGH) continue;
      this.#counts[age] = (this.#counts[age] as number) + n;
      this.#bytes[age] = (this.#bytes[age] as number) + b;
    }
    // Nothing is known of them but that they are hot.
    if (counted === 0) counts[0] = (counts[0] as number) + hits - this.#settled;
    if (counted < ENOUGH) return;
    this.#settled = hits;
    this.#newCounts.fill(0);
    this.#newBytes.fill(0);
  }
  /** Hits are counted from 0 on again. */
  forget(): void {
    this.#settled = 0;
    for (const array of [this.#counts, this.#bytes, this.#newCounts, this.#newBytes]) array.fill(0);
  }
}
