/**
 * How far apart requests for the same key are, in bytes of others between them (stack distances), and the curve that comes of it.
 *
 * **Chance.** A few hot keys are in the sample or not, and what they are asked for is most of what a small cache hits. But how many
 * requests there were of each kind is known of all of them, sampled or not: hits by how long ago the last request for the key was, in
 * octaves (the store counts them), hits above the store, and the rest. So each kind is a stratum: what the sample has of it stands for all
 * that there were of it (W. G. Cochran, Sampling Techniques, 5A.9: post-stratification). How far apart they are in bytes varies little
 * within one, so what is left to chance is little. A stratum with too few samples to tell is put together with the next older one. Of keys
 * the sample may have more or fewer than its share, too, by which distances are scaled.
 */
import { LieuError, shown } from "../errors.ts";
import { NR_SAMPLED_AGES } from "../store/sampled.ts";

/** What is known of a cache at all sizes. Sizes are bytes, index and keys included. */
export interface MissRatioCurve {
  /** What the curve is of. */
  readonly policy: "lru";
  /** Requests since sampling began; older ones count less. */
  readonly requests: number;
  /** Keys that are sampled now, and what share of all that is. */
  readonly keys: number;
  readonly rate: number;
  /** The sizes that it tells of: of smaller ones it says as much as of the smallest. */
  readonly smallest: number;
  readonly largest: number;
  /** The share of requests that an LRU cache of this size would miss; NaN before the first request. */
  missRatio(size: number): number;
  /** Shares of requests that would hit in each of several tiers of these sizes, the fastest first, and the share of misses last. */
  split(sizes: readonly number[]): number[];
}

/** Buckets of the histogram of sizes: so many an octave, as curves have cliffs, and octaves up to the largest size that is asked about. */
const PER_OCTAVE = 64;
const OCTAVES = 20;
const BUCKETS = OCTAVES * PER_OCTAVE;
/** Strata: hits by class of ages (store/sampled.ts), then the rest of the requests to the store, then hits above it. */
export const OTHERS: number = NR_SAMPLED_AGES;
export const ABOVE: number = NR_SAMPLED_AGES + 1;
export const STRATA: number = NR_SAMPLED_AGES + 2;
/** Samples of a stratum from which on it says something. */
const ENOUGH = 8;
/** A sample that seems to have more keys than by this factor has few, or few requests: it says nothing of that. */
const MOST_OFF = 1.25;

/** Requests by stratum and distance, each for as many as it stands for. */
export class Distances {
  /** By stratum and bucket, and behind the buckets those that no size would have had. */
  readonly #requests = new Float32Array(STRATA * (BUCKETS + 1));
  readonly #sampled = new Float64Array(STRATA);
  /** What is smaller than 2^this is in the first bucket. */
  readonly #firstOctave: number;

  /** @param largest bytes: sizes up to this are told apart */
  constructor(largest: number) {
    this.#firstOctave = Math.ceil(Math.log2(largest)) - OCTAVES;
  }

  get byteLength(): number {
    return this.#requests.byteLength + this.#sampled.byteLength;
  }
  /** A request that a cache of `size` would have had, which stands for `scale`. */
  book(size: number, scale: number, stratum: number): void {
    this.#add(Math.max(0, Math.min(BUCKETS - 1, Math.floor(bucketAt(size, this.#firstOctave)))), scale, stratum);
  }
  /** A request that no cache would have had. */
  bookCold(scale: number, stratum: number = OTHERS): void {
    this.#add(BUCKETS, scale, stratum);
  }
  #add(bucket: number, scale: number, stratum: number): void {
    const at = stratum * (BUCKETS + 1) + bucket;
    this.#requests[at] = (this.#requests[at] as number) + scale;
    this.#sampled[stratum] = (this.#sampled[stratum] as number) + 1;
  }
  clear(): void {
    this.#requests.fill(0);
    this.#sampled.fill(0);
  }
  /** What is old counts half. */
  halve(): void {
    for (const array of [this.#requests, this.#sampled]) {
      for (let i = 0; i < array.length; i++) array[i] = (array[i] as number) / 2;
    }
  }

  /** The curve, for so many requests of each stratum in all. */
  curve(
    all: ArrayLike<number>,
    sample: Pick<MissRatioCurve, "keys" | "rate" | "smallest" | "largest">,
  ): MissRatioCurve {
    const { largest } = sample;
    const first = this.#firstOctave;
    let requests = 0;
    for (let stratum = 0; stratum < STRATA; stratum++) requests += all[stratum] as number;
    const fullness = this.#fullness(all);
    const misses = sums(this.#weighed(all));
    const missRatio = (size: number): number => {
      if (!(size >= 0)) throw new LieuError("EINVAL", `missRatio(): the size is ${shown(size)}; give bytes`);
      if (requests <= 0) return Number.NaN;
      const at = Math.max(0, Math.min(BUCKETS, bucketAt(fullness * Math.min(size, largest), first)));
      const i = Math.min(BUCKETS - 1, Math.floor(at));
      const low = misses[i + 1] as number;
      return Math.min(1, (low + ((misses[i] as number) - low) * (i + 1 - at)) / requests);
    };
    return curveOf({ requests, ...sample }, missRatio);
  }
  /**
   * How many of the keys are in the sample, of what should be: as many as of the requests that were no hits, which cold keys and scans
   * are asked by. Distances are as much too short or too long.
   */
  #fullness(all: ArrayLike<number>): number {
    const first = OTHERS * (BUCKETS + 1);
    const sampled = this.#requests.subarray(first, first + BUCKETS + 1).reduce((sum, n) => sum + n, 0);
    const there = all[OTHERS] as number;
    return sampled > 0 && there > 0 ? Math.max(1 / MOST_OFF, Math.min(MOST_OFF, sampled / there)) : 1;
  }
  /** All requests by bucket: each stratum's samples stand for what there was of it in all. */
  #weighed(all: ArrayLike<number>): Float64Array {
    const histogram = new Float64Array(BUCKETS + 1);
    for (const strata of this.#groups()) {
      const total = strata.reduce((sum, stratum) => sum + (all[stratum] as number), 0);
      const [first, last] = [strata[0] as number, strata.at(-1) as number];
      const found = this.#requests.subarray(first * (BUCKETS + 1), (last + 1) * (BUCKETS + 1));
      const sampled = found.reduce((sum, n) => sum + n, 0);
      if (sampled > 0) {
        for (let i = 0; i < found.length; i++) {
          const bucket = i % (BUCKETS + 1);
          histogram[bucket] = (histogram[bucket] as number) + ((found[i] as number) * total) / sampled;
        }
      } else {
        // Nothing is known of them but that the cache had them, or had them not.
        const bucket = first === OTHERS ? BUCKETS : 0;
        histogram[bucket] = (histogram[bucket] as number) + total;
      }
    }
    return histogram;
  }
  /** Strata that are looked at together: each group has enough samples, if there are as many. */
  #groups(): number[][] {
    const groups: number[][] = [];
    let [group, n]: [number[], number] = [[], 0];
    for (let stratum = 0; stratum < NR_SAMPLED_AGES; stratum++) {
      group.push(stratum);
      n += this.#sampled[stratum] as number;
      if (n < ENOUGH) continue;
      groups.push(group);
      [group, n] = [[], 0];
    }
    if (group.length > 0) {
      const last = groups.pop() ?? [];
      groups.push([...last, ...group]);
    }
    return [...groups, [OTHERS], [ABOVE]];
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

/** The bucket of a size, from octave `first` on, with a fraction that says where in it: octaves are divided evenly. It reads the number's exponent, as a logarithm takes longer. */
function bucketAt(size: number, first: number): number {
  WORD[0] = size;
  const high = HALVES[HIGH] as number;
  const octave = (high >>> 20) - EXPONENT_BIAS;
  return (octave - first + (high & 0xfffff) / 0x100000) * PER_OCTAVE;
}
