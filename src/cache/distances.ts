/**
 * How far apart requests for the same key are, in bytes of others between them (stack distances), and the curve that comes of it.
 *
 * **Chance.** How many requests there were is known, and the sampled ones stand for more or for fewer: a few hot keys are in the
 * sample or not. What is missing (or too much) is spread over sizes as the variance is that brought it about: each request with the
 * number of those for its key as its weight (a control variate: the covariance of each bucket with the sum). Hits above the store
 * are hits at any size.
 */
import { LieuError, shown } from "../errors.ts";

/** What is known of a cache at all sizes. Sizes are bytes, index and keys included. */
export interface MissRatioCurve {
  /** What the curve is of. */
  readonly policy: "lru";
  /** Requests since sampling began; older ones count less. */
  readonly requests: number;
  /** Keys that are sampled now, and what share of all that is. */
  readonly keys: number;
  readonly rate: number;
  /** The sizes that it tells of. Below the smallest it counts too many hits: those on the JavaScript heap are hits at any size. */
  readonly smallest: number;
  readonly largest: number;
  /** The share of requests that an LRU cache of this size would miss; NaN before the first request. */
  missRatio(size: number): number;
  /** Shares of requests that would hit in each of several tiers of these sizes, the fastest first, and the share of misses last. */
  split(sizes: readonly number[]): number[];
}

/** Buckets of the histogram of sizes: so many an octave, from 2^6 to 2^46 bytes. */
const PER_OCTAVE = 32;
const FIRST_OCTAVE = 6;
const BUCKETS = 40 * PER_OCTAVE;

/** Requests by distance, each for as many as it stands for. */
export class Distances {
  /** By bucket, and behind them those that no size would have had. */
  readonly #requests = new Float64Array(BUCKETS + 1);
  /** The same, each with the requests for its key as its weight. */
  readonly #weights = new Float64Array(BUCKETS + 1);

  /** A request that a cache of `size` would have had, which stands for `scale`; the `count`-th for its key. */
  book(size: number, scale: number, count: number): void {
    this.#add(Math.max(0, Math.min(BUCKETS - 1, Math.floor(bucketAt(size)))), scale, count);
  }
  /** A request that no cache would have had. */
  bookCold(scale: number): void {
    this.#add(BUCKETS, scale, 1);
  }
  #add(bucket: number, scale: number, count: number): void {
    this.#requests[bucket] = (this.#requests[bucket] as number) + scale;
    this.#weights[bucket] = (this.#weights[bucket] as number) + scale * count;
  }
  clear(): void {
    this.#requests.fill(0);
    this.#weights.fill(0);
  }
  /** What is old counts half. */
  halve(): void {
    for (const array of [this.#requests, this.#weights]) {
      for (let i = 0; i < array.length; i++) array[i] = (array[i] as number) / 2;
    }
  }

  /** The curve, for so many requests to the store and above it. */
  curve(
    [below, above]: readonly [number, number],
    sample: Pick<MissRatioCurve, "keys" | "rate" | "smallest" | "largest">,
  ): MissRatioCurve {
    const { largest } = sample;
    const requests = below + above;
    const misses = sums(this.#requests);
    const weights = sums(this.#weights);
    const missing = (below - (misses[0] as number)) / Math.max(1, weights[0] as number);
    // What was too much must not make the curve rise with the size.
    for (let i = BUCKETS; i >= 0; i--) {
      const corrected = (misses[i] as number) + missing * (weights[i] as number);
      misses[i] = Math.max(corrected, i < BUCKETS ? (misses[i + 1] as number) : 0);
    }
    const missRatio = (size: number): number => {
      if (!(size >= 0)) throw new LieuError("EINVAL", `missRatio(): the size is ${shown(size)}; give bytes`);
      if (requests <= 0) return Number.NaN;
      const at = Math.max(0, Math.min(BUCKETS, bucketAt(Math.min(size, largest))));
      const i = Math.min(BUCKETS - 1, Math.floor(at));
      const low = misses[i + 1] as number;
      return Math.min(1, (low + ((misses[i] as number) - low) * (i + 1 - at)) / requests);
    };
    return curveOf({ requests, ...sample }, missRatio);
  }
}

/** A curve by its miss ratios, which all else follows from. */
export function curveOf(
  known: Omit<MissRatioCurve, "policy" | "missRatio" | "split">,
  missRatio: (size: number) => number,
): MissRatioCurve {
  const split = (sizes: readonly number[]): number[] => {
    let sum = 0;
    let missed = 1;
    const shares = sizes.map((size) => {
      const before = missed;
      sum += size;
      missed = sum === 0 ? 1 : missRatio(sum);
      return before - missed;
    });
    return [...shares, missed];
  };
  return { policy: "lru", ...known, missRatio, split };
}

/** The curve of a cache whose keys are spread over parts of one size: each sees its part of the requests, and has its part of any size. */
export function joinCurves(parts: readonly MissRatioCurve[]): MissRatioCurve {
  const n = parts.length;
  const total = (of: (part: MissRatioCurve) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
  const requests = total((part) => part.requests);
  const known = {
    requests,
    keys: total((part) => part.keys),
    rate: total((part) => part.rate) / n,
    smallest: n * Math.max(...parts.map((part) => part.smallest)),
    largest: n * Math.min(...parts.map((part) => part.largest)),
  };
  return curveOf(known, (size) => {
    if (requests <= 0) return (parts[0] as MissRatioCurve).missRatio(size);
    return total((part) => (part.requests > 0 ? part.requests * part.missRatio(size / n) : 0)) / requests;
  });
}

/** Of each bucket, what is in it and in those above. */
function sums(histogram: Float64Array): Float64Array {
  const all = Float64Array.from(histogram);
  for (let i = all.length - 2; i >= 0; i--) all[i] = (all[i] as number) + (all[i + 1] as number);
  return all;
}
const WORD = new Float64Array(1);
const HALVES = new Uint32Array(WORD.buffer);
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;
const EXPONENT_BIAS = 1023;

/** The bucket of a size, with a fraction that says where in it: octaves are divided evenly. It reads the number's exponent, as a logarithm takes longer. */
function bucketAt(size: number): number {
  WORD[0] = size;
  const high = HALVES[HIGH] as number;
  const octave = (high >>> 20) - EXPONENT_BIAS;
  return (octave - FIRST_OCTAVE + (high & 0xfffff) / 0x100000) * PER_OCTAVE;
}
