/**
 * How far apart requests for the same key are, in bytes of others between them (stack distances), and the curve that comes of it.
 *
 * **Chance.** A few hot keys are in the sample or not, and what they are asked for is most of what a small cache hits. But how many
 * requests there were of each kind is known of all of them, sampled or not: hits by how long ago the last request for the key was, in
 * octaves (the store counts them, and the front), and the rest. So each kind is a stratum: what the sample has of it stands for all
 * that there were of it (W. G. Cochran, Sampling Techniques, 5A.9: post-stratification). How far apart they are in bytes varies little
 * within one, so what is left to chance is little. A stratum with too few samples to tell is put together with the next older one.
 *
 * **Bytes.** The sample may have more or fewer than its share of the bytes that are asked for within a time, too: a loop over four thousand
 * objects of very different sizes is six hundred of them to it. How many different bytes are asked for in a time of T requests follows
 * from the ages alone: it is the sum, over times up to T, of the bytes whose last request is as long ago or longer (P. Denning, S. Schwartz,
 * Properties of the working-set model, CACM 1972). All hits are counted with their ages and bytes, and the sampled ones, too; so it is known
 * by what the sample's distances of each age are too long or too short, and they are set right by that.
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
/** Strata: hits by class of ages (store/sampled.ts), then the rest of the requests. */
export const OTHERS: number = NR_SAMPLED_AGES;
export const STRATA: number = NR_SAMPLED_AGES + 1;
/** Samples of a stratum from which on it says something. */
const ENOUGH = 8;
/** A sample that seems to have more than its share by this factor has few keys, or few requests: it says nothing of that. */
const MOST_OFF = 1.5;
/** Ages of the youngest class are below this; each other one is an octave. */
const YOUNG = 16;

/** Requests by stratum: of all of a cache, or of a sample of them what it stands for. */
export interface Requests {
  readonly counts: Float64Array;
  /** Of hits by age: bytes of the entries. */
  readonly bytes: Float64Array;
}
/** A sample, and how many bytes an entry has on average. */
type Sample = Pick<MissRatioCurve, "keys" | "rate" | "smallest" | "largest"> & { readonly meanBytes: number };

/** Requests by stratum and distance, each for as many as it stands for. */
export class Distances {
  /** By stratum and bucket, and behind the buckets those that no size would have had. */
  readonly #requests = new Float32Array(STRATA * (BUCKETS + 1));
  readonly #sampled = new Float64Array(STRATA);
  /** Of hits by age: the bytes that they stand for. */
  readonly #bytes = new Float64Array(STRATA);
  /** What is smaller than 2^this is in the first bucket. */
  readonly #firstOctave: number;

  /** @param largest bytes: sizes up to this are told apart */
  constructor(largest: number) {
    this.#firstOctave = Math.ceil(Math.log2(largest)) - OCTAVES;
  }

  get byteLength(): number {
    return this.#requests.byteLength + this.#sampled.byteLength + this.#bytes.byteLength;
  }
  /** A request that a cache of `size` would have had, which stands for `scale`. */
  book(size: number, scale: number, stratum: number): void {
    this.#add(Math.max(0, Math.min(BUCKETS - 1, Math.floor(bucketAt(size, this.#firstOctave)))), scale, stratum);
  }
  /** A hit of a stratum was on an entry that stands for so many bytes. */
  bookBytes(bytes: number, stratum: number): void {
    this.#bytes[stratum] = (this.#bytes[stratum] as number) + bytes;
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
    for (const array of [this.#requests, this.#sampled, this.#bytes]) array.fill(0);
  }
  /** What is old counts half. */
  halve(): void {
    for (const array of [this.#requests, this.#sampled, this.#bytes]) {
      for (let i = 0; i < array.length; i++) array[i] = (array[i] as number) / 2;
    }
  }

  /** The curve, for so many requests of each stratum in all. */
  curve(all: Requests, { meanBytes, ...sample }: Sample): MissRatioCurve {
    const { largest } = sample;
    const first = this.#firstOctave;
    const requests = all.counts.reduce((sum, n) => sum + n, 0);
    const misses = sums(this.#weighed(all, meanBytes));
    const missRatio = (size: number): number => {
      if (!(size >= 0)) throw new LieuError("EINVAL", `missRatio(): the size is ${shown(size)}; give bytes`);
      if (requests <= 0) return Number.NaN;
      const at = Math.max(0, Math.min(BUCKETS, bucketAt(Math.min(size, largest), first)));
      const i = Math.min(BUCKETS - 1, Math.floor(at));
      const low = misses[i + 1] as number;
      return Math.min(1, (low + ((misses[i] as number) - low) * (i + 1 - at)) / requests);
    };
    return curveOf({ requests, ...sample }, missRatio);
  }
  /** What the samples come to, by stratum. */
  #found(): Requests {
    const counts = new Float64Array(STRATA);
    for (let stratum = 0; stratum < STRATA; stratum++)
      counts[stratum] = this.#of(stratum).reduce((sum, n) => sum + n, 0);
    return { counts, bytes: this.#bytes };
  }
  /** The requests of a stratum by bucket. */
  #of(stratum: number): Float32Array {
    return this.#requests.subarray(stratum * (BUCKETS + 1), (stratum + 1) * (BUCKETS + 1));
  }
  /** How many of the bytes asked for within such a time are in the sample, of what should be, by stratum. */
  #fullness(all: Requests, found: Requests, meanBytes: number): Float64Array {
    let ages = NR_SAMPLED_AGES;
    while (ages > 0 && (this.#sampled[ages - 1] as number) < ENOUGH) ages--;
    const [there, sampled] = [footprints(all, ages, meanBytes), footprints(found, ages, meanBytes)];
    return there.map((bytes, stratum) => {
      const part = (sampled[stratum] as number) / bytes;
      return part > 0 && part < Number.POSITIVE_INFINITY ? Math.max(1 / MOST_OFF, Math.min(MOST_OFF, part)) : 1;
    });
  }
  /** All requests by bucket: each stratum's samples stand for what there was of it in all. */
  #weighed(all: Requests, meanBytes: number): Float64Array {
    const histogram = new Float64Array(BUCKETS + 1);
    const found = this.#found();
    const fullness = this.#fullness(all, found, meanBytes);
    for (const strata of this.#groups()) {
      const total = strata.reduce((sum, stratum) => sum + (all.counts[stratum] as number), 0);
      const sampled = strata.reduce((sum, stratum) => sum + (found.counts[stratum] as number), 0);
      if (sampled > 0) {
        for (const stratum of strata) {
          spread(this.#of(stratum), total / sampled, fullness[stratum] as number, histogram);
        }
      } else {
        // Nothing is known of them but that the cache had them, or had them not.
        const bucket = strata[0] === OTHERS ? BUCKETS : 0;
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
    return [...groups, [OTHERS]];
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

/**
 * The bytes asked for within a time of as many requests as the ages of a stratum are, times the number of requests there were, which the two
 * that are compared have in common; of the first `ages` classes, and of what was no hit, which counts as older than these, and as long as
 * entries are on average.
 */
function footprints({ counts, bytes }: Requests, ages: number, meanBytes: number): Float64Array {
  const within = new Float64Array(STRATA).fill(Number.NaN);
  let older = (counts[OTHERS] as number) * meanBytes;
  for (let age = 0; age < NR_SAMPLED_AGES; age++) older += bytes[age] as number;
  let sum = 0;
  for (let age = 0; age < ages; age++) {
    const requests = age === 0 ? YOUNG : YOUNG * 2 ** (age - 1);
    const here = bytes[age] as number;
    // As if the ages of a class were spread evenly over it.
    within[age] = sum + (requests / 2) * (older - here / 4);
    sum += requests * (older - here / 2);
    older -= here;
  }
  within[OTHERS] = sum;
  return within;
}
/** Add to `histogram` what there is in each bucket, `times` as much, distances being `fullness` times as long as they should. */
function spread(found: Float32Array, times: number, fullness: number, histogram: Float64Array): void {
  for (let i = 0; i <= BUCKETS; i++) {
    const n = (found[i] as number) * times;
    if (n === 0) continue;
    const octave = Math.floor(i / PER_OCTAVE);
    const at =
      i === BUCKETS ? i : bucketAt((2 ** octave * (1 + (i + 0.5 - octave * PER_OCTAVE) / PER_OCTAVE)) / fullness, 0);
    const bucket = i === BUCKETS ? i : Math.max(0, Math.min(BUCKETS - 1, Math.floor(at)));
    histogram[bucket] = (histogram[bucket] as number) + n;
  }
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
