/**
 * How long a get takes, by the tier that served it: some of the gets of each cache are timed, at most about forty a second,
 * so that what timing and telling take does not grow with the load. It is code that runs seldom, so little of it is at hand in the
 * processor: with the clock, the counters and who listens one takes some fifty microseconds (docs/metrics.md says what was measured).
 *
 * **What the others pay.** A get that is not timed does what it does in a cache that nobody samples. The front counts its hits anyway, and
 * stops at one of them (front.ts); what it does not answer is counted down (cache.ts). Whichever comes first has the cache take the front
 * from its gets, so that the next one, whatever it is, goes where it is seen that it is to be timed: it is done whole then, front and all.
 */

/** A get that was timed. */
export interface GetSample {
  /** The cache's name. */
  readonly cache: string;
  /** The lowest place that a part of the value was in, as in `stats().hitsByTier`; "miss" if there was no value. */
  readonly tier: string;
  readonly seconds: number;
}

/** What counts hits by tier. */
interface Counting {
  countedHits(): Readonly<Record<string, number>>;
}
/** A cache, as far as it is sampled. */
export interface SampledCache {
  readonly name: string;
  timeGets(timer: GetTimer | undefined): void;
}
type Listener = (sample: GetSample) => void;

/** Milliseconds from one sample of a cache to the next, about, where there are gets enough. */
const SAMPLE_MS = 25;
/** After so many times that no sample has been: fewer gets come than did. */
const LATE = 4;
/** Gets from one sample to the next, at most. */
const MOST_INTERVAL = 1 << 20;

/** Times gets of one cache, or of the parts of one. */
export class GetTimer {
  /** Gets from one that is timed to the next, in the mean. */
  interval = 1;
  /** Whether one is timed, or told of: what is got meanwhile is not timed. */
  isTelling = false;
  /** See {@link SAMPLE_MS}. What a sample costs can be told where there are more of them (bench/metrics.mjs). */
  sampleMs: number = SAMPLE_MS;
  readonly #cache: string;
  readonly #listeners: Iterable<Listener>;
  #last = performance.now();

  constructor(cache: string, listeners: Iterable<Listener>) {
    this.#cache = cache;
    this.#listeners = listeners;
  }

  /** Do a get, and tell how long it took. */
  time<V>(get: () => V | undefined, counting: Counting): V | undefined {
    this.isTelling = true;
    try {
      const before = counting.countedHits();
      const start = performance.now();
      const value = get();
      const end = performance.now();
      this.#pace(end);
      const tier = value === undefined ? "miss" : tierOf(before, counting.countedHits());
      const sample = { cache: this.#cache, tier, seconds: (end - start) / 1000 };
      for (const listener of this.#listeners) listener(sample);
      return value;
    } finally {
      this.isTelling = false;
    }
  }
  /**
   * Gets from one that is timed to the next, about, that one included: by chance, or what a program does by turns would have the same of it
   * timed each time.
   */
  pause(): number {
    return 2 + Math.floor(this.interval * (0.5 + Math.random()));
  }
  /** Whether the last is long ago: fewer gets come than did. */
  get isLate(): boolean {
    return performance.now() - this.#last > LATE * this.sampleMs;
  }
  /** Samples that come sooner than they should are of a program that gets more: time fewer of them. */
  #pace(end: number): void {
    const passed = end - this.#last;
    if (passed < this.sampleMs) this.interval = Math.min(MOST_INTERVAL, this.interval * 2);
    else if (passed > LATE * this.sampleMs) this.interval = Math.max(1, this.interval >>> 1);
    this.#last = end;
  }
}

/** Who listens to the gets of the caches of a memory. */
export class GetSampling {
  readonly #listeners = new Set<Listener>();
  readonly #caches: Iterable<SampledCache>;

  /** @param caches those that are open, whenever it is gone through */
  constructor(caches: Iterable<SampledCache>) {
    this.#caches = caches;
  }

  /** Tell `listener` from now on. Returns what ends it. */
  add(listener: Listener): () => void {
    // Who listens twice hears twice.
    const own: Listener = (sample) => listener(sample);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) for (const cache of this.#caches) this.#begin(cache);
    return () => {
      if (!this.#listeners.delete(own) || this.#listeners.size > 0) return;
      for (const cache of this.#caches) cache.timeGets(undefined);
    };
  }

  /** A cache was made. */
  opened(cache: SampledCache): void {
    if (this.#listeners.size > 0) this.#begin(cache);
  }

  #begin(cache: SampledCache): void {
    cache.timeGets(new GetTimer(cache.name, this.#listeners));
  }
}

/** Where the hit was booked that was between two looks at the counters. */
function tierOf(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string {
  for (const name in after) if (after[name] !== before[name]) return name;
  return "miss";
}
