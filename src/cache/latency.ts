/**
 * How long a get takes, by the tier that served it: some of the gets of each cache are timed, at most about two hundred a second,
 * so that timing and telling take a thousandth of the time whatever the load. A cache that nobody samples knows nothing of this:
 * sampling puts a get of its own on the one object, and takes it away again.
 */
import type { GetOptions } from "./options.ts";
import type { CacheStats } from "./types.ts";

/** A get that was timed. */
export interface GetSample {
  /** The cache's name. */
  readonly cache: string;
  /** The lowest place that a part of the value was in, as in `stats().hitsByTier`; "miss" if there was no value. */
  readonly tier: string;
  readonly seconds: number;
}

/** A cache, as far as it is sampled. */
interface Sampled {
  readonly name: string;
  stats(): CacheStats;
  /** Hits by tier alone, where they can be had in less time. */
  countedHits?(): Readonly<Record<string, number>>;
}
type Get = (this: Sampled, key: unknown, options?: GetOptions) => unknown;
type Listener = (sample: GetSample) => void;

/** Milliseconds from one sample of a cache to the next, about, where there are gets enough. */
const SAMPLE_MS = 5;
/** Gets from one sample to the next, at most. */
const MOST_INTERVAL = 1 << 20;

/** Who listens to the gets of the caches of a memory. */
export class GetSampling {
  readonly #listeners = new Set<Listener>();
  readonly #caches: Iterable<Sampled>;

  /** @param caches those that are open, whenever it is gone through */
  constructor(caches: Iterable<Sampled>) {
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
      for (const cache of this.#caches) Reflect.deleteProperty(cache, "get");
    };
  }

  /** A cache was made. */
  opened(cache: Sampled): void {
    if (this.#listeners.size > 0) this.#begin(cache);
  }

  #begin(cache: Sampled): void {
    const plain = (cache as Sampled & { get: Get }).get;
    let interval = 1;
    let left = interval;
    let last = performance.now();
    const timed = (key: unknown, options?: GetOptions): unknown => {
      const before = hitsOf(cache);
      const start = performance.now();
      const value = plain.call(cache, key, options);
      const end = performance.now();
      // Samples that come sooner than they should are of a program that gets more: time fewer of them.
      if (end - last < SAMPLE_MS) interval = Math.min(MOST_INTERVAL, interval * 2);
      else if (end - last > 4 * SAMPLE_MS) interval = Math.max(1, interval >>> 1);
      left = interval;
      last = end;
      const sample = { cache: cache.name, tier: tierOf(before, hitsOf(cache)), seconds: (end - start) / 1000 };
      for (const listener of this.#listeners) listener(sample);
      return value;
    };
    const get: Get = (key, options) => (--left > 0 ? plain.call(cache, key, options) : timed(key, options));
    Object.defineProperty(cache, "get", { value: get, configurable: true, writable: true });
  }
}

/** Where the hit was booked that was between two looks at the counters. */
function tierOf(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string {
  for (const name in after) if (after[name] !== before[name]) return name;
  return "miss";
}
function hitsOf(cache: Sampled): Readonly<Record<string, number>> {
  return cache.countedHits?.() ?? cache.stats().hitsByTier;
}
