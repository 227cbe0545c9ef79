/** All entries of a cache: counting, iterating, dumping, and dropping those that are next or have expired. */

import { LieuError, shown } from "../errors.ts";
import { MAX_NODES, PAGE_SIZE } from "../mm/layout.ts";
import { ST_AGES } from "../store/layout.ts";
import { NR_SAMPLED_AGES, SAMPLED_AGE_SHIFT, SAMPLED_MASK } from "../store/sampled.ts";
import { CacheCore, type Counts } from "./cache-core.ts";
import { ENTRY_BYTES } from "./curve.ts";
import { CurveLearner } from "./curve-learner.ts";
import { type MissRatioCurve, OTHERS, type Requests, STRATA } from "./distances.ts";
import { HIT, MISS, STALE, WITH_VALUE } from "./items.ts";
import type { CacheKey } from "./keys.ts";
import { RequestRecording } from "./recording.ts";
import type { CacheStats, DumpedEntry } from "./types.ts";
import { decodeValue } from "./values.ts";

const NO_KEYS = [0, 0] as const;
/** Entries that one pop() looks at as they come, and then among those that have not expired, as their tags may have been invalidated. */
const POP_LOOKS = 16;
const POP_FRESH = 512;

/** The part of a cache that is about all entries; see the file's head. */
export abstract class CacheEntries<V, K extends CacheKey, C> extends CacheCore<V, K, C> {
  /** What the store's counters were when they were last cleared; after close(), what stats() says. */
  private past: CacheStats | undefined;
  /** The keys that the curve and the recording are to hear of: those whose hash is below, and those of large values. */
  private readonly samples: { curve: readonly [threshold: number, big: number]; recording: number } = {
    curve: NO_KEYS,
    recording: 0,
  };

  /** Entries; those that have expired and were not yet reclaimed included. */
  get size(): number {
    this.ensureOpen();
    return this.items.count;
  }

  /** Bytes held, index and swap included, in whole pages: what {@link maxSize} bounds. */
  get calculatedSize(): number {
    this.ensureOpen();
    return this.items.pages * 4096;
  }

  /** The most bytes that may be held. */
  get maxSize(): number {
    return this.host.maxPages * 4096;
  }

  /** The most entries; 0 = any number. */
  get max(): number {
    return this.config.max;
  }

  /** Counters since the cache was made; those of the end if it was closed. */
  stats(): CacheStats {
    if (!this.open && this.past !== undefined) return this.past;
    this.ensureOpen();
    return sum(this.storeStats(), this.past, this.counts);
  }
  /**
   * The miss-ratio curve: what share of its requests an LRU cache of any size would miss, learned from a sample. The first call begins
   * that, and knows nothing yet; it goes on until {@link forgetCurve}, costs a hundredth of the time and less than 1 MiB, and
   * begins anew with `clear()`. What this cache misses at its own size is in {@link stats}.
   */
  curve(): MissRatioCurve {
    this.ensureOpen();
    this.sampler ??= this.sampled();
    this.front?.tellSampled();
    return this.sampler.curve();
  }
  /** Whether a curve is being learned. */
  get sampling(): boolean {
    return this.sampler !== undefined;
  }
  /** No longer learn a curve. */
  forgetCurve(): void {
    this.ensureOpen();
    this.sampler = undefined;
    this.samples.curve = NO_KEYS;
    this.sample();
  }
  private sampled(): CurveLearner {
    const { vm } = this.mapping;
    const sampler = new CurveLearner({
      maxSize: this.maxSize,
      requests: () => this.requestsByStratum(),
      now: () => vm.crank.now(),
      sample: (threshold, big) => {
        this.samples.curve = [threshold, big];
        this.sample();
      },
    });
    return sampler;
  }
  /**
   * Record what is asked for from now on, until the recording is stopped or the cache closed.
   *
   * @throws {@link LieuError} EBUSY if that is being done; ECLOSED
   */
  recordRequests(): RequestRecording {
    this.ensureOpen();
    if (this.recording?.stopped === false) {
      throw new LieuError("EBUSY", `the requests of cache ${shown(this.name)} are being recorded already`);
    }
    const { vm } = this.mapping;
    this.recording = new RequestRecording({
      requests: () => (this.open ? this.requests() : [0, 0]),
      now: () => vm.crank.now(),
      sample: (threshold) => {
        this.samples.recording = threshold;
        this.sample();
      },
      stop: () => {
        this.recording = undefined;
        this.samples.recording = 0;
        if (this.open) this.sample();
      },
    });
    return this.recording;
  }
  /** Requests to the store, and hits above it. */
  private requests(): [below: number, above: number] {
    return [this.items.hits() + this.items.misses(), this.front?.hits ?? 0];
  }
  /** The same by what is known of them, for the curve (distances.ts). */
  private requestsByStratum(): Requests {
    const [counts, bytes] = [new Float64Array(STRATA), new Float64Array(STRATA)];
    let hits = 0;
    const { calls } = this.mapping.vm;
    for (let age = 0; age < NR_SAMPLED_AGES; age++) {
      const n = calls.storeCount(this.items.meta, ST_AGES + age * 8);
      counts[age] = n;
      bytes[age] = calls.storeAgeBytes(this.items.meta, age) + n * ENTRY_BYTES;
      hits += n;
    }
    counts[OTHERS] = this.requests()[0] - hits;
    this.front?.addAges(counts, bytes);
    return { counts, bytes };
  }
  /** Have the store tell of the keys that anybody wants to hear of. */
  private sample(): void {
    const { vm } = this.mapping;
    const { meta } = this.items;
    const { curve, recording } = this.samples;
    const [threshold, big] = curve;
    // A word of 32 bits.
    vm.calls.storeSample(meta, Math.max(threshold, recording) | 0, big);
    this.front?.sample(threshold, big);
    const none = threshold === 0 && recording === 0;
    vm.onSampled(meta, none ? undefined : (hash, bytes, what) => this.heard(hash, bytes, what));
  }
  private heard(hash: number, bytes: number, event: number): void {
    // What was hit above before this.
    this.front?.tellSampled();
    const what = event & SAMPLED_MASK;
    const age = event >> SAMPLED_AGE_SHIFT;
    this.sampler?.hear(hash, bytes, what, age > 0 ? age - 1 : OTHERS);
    this.recording?.hear(hash, bytes, what);
  }

  /** Clear the store, which forgets what it has counted: keep it here, unless nobody wants it. */
  protected clearItems(keep: boolean): void {
    const before = keep ? this.storeStats() : undefined;
    this.items.clear();
    if (before === undefined) {
      this.past = undefined;
      this.front?.forgetCounts();
      for (const name of Object.keys(this.counts) as (keyof Counts)[]) this.counts[name] = 0;
    } else this.past = less(sum(before, this.past), this.storeStats());
    if (this.sampler !== undefined) this.sampler = this.sampled();
  }
  /** The cache is about to be closed: what stats() will say. */
  protected keepStats(): void {
    this.past = this.stats();
  }
  /** Where the entries are. */
  private places(): Pick<CacheStats, "bytesByTier" | "entriesByTier"> {
    const at = this.items.census();
    const { nodeNames, swapNames } = this.host;
    const places = [...nodeNames.map((name, nid) => [name, at(nid)] as const)];
    places.push(...swapNames.map((name, dev) => [name, at(MAX_NODES + dev)] as const));
    return {
      bytesByTier: Object.fromEntries(places.map(([name, { pages }]) => [name, pages * PAGE_SIZE])),
      entriesByTier: Object.fromEntries(places.map(([name, { items }]) => [name, items])),
    };
  }
  /** Hits since the store was last cleared, by tier: for who asks often, as the rest of {@link stats} takes far longer. */
  countedHits(): Record<string, number> {
    const { nodeNames, swapNames } = this.host;
    const hitsByTier: Record<string, number> = {};
    if (this.front !== undefined) hitsByTier[HEAP] = this.front.hits;
    nodeNames.forEach((name, nid) => {
      hitsByTier[name] = this.items.nodeHits(nid);
    });
    swapNames.forEach((name, dev) => {
      hitsByTier[name] = this.items.swapHits(dev);
    });
    return hitsByTier;
  }
  private storeStats(): CacheStats {
    const hitsByTier = this.countedHits();
    const above = this.front?.hits ?? 0;
    const counters = { ...this.items.counters(), ...this.items.written() };
    return { ...NONE, ...counters, ...this.places(), hits: counters.hits + above, hitsByTier };
  }

  /** Keys of entries that have not expired, in no order. An entry that stays is met once, whatever happens to others. */
  *keys(): IterableIterator<K> {
    for (const key of this.storedKeys()) {
      this.begin();
      if (this.look(key, 0) === HIT) yield key;
    }
  }

  /** Values, as {@link keys}. Not accesses. */
  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Keys and values, as {@link keys}. Not accesses. */
  *entries(): IterableIterator<[K, V]> {
    for (const key of this.storedKeys()) {
      this.begin();
      const value = this.look(key, WITH_VALUE) === HIT ? this.value() : undefined;
      if (value !== undefined) yield [key, value];
    }
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  forEach(visit: (value: V, key: K, cache: this) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(thisArg, value, key, this);
  }

  /** The value of the first entry found that `test` is true of; undefined if there is none. */
  find(test: (value: V, key: K, cache: this) => boolean): V | undefined {
    for (const [key, value] of this.entries()) if (test(value, key, this)) return value;
    return undefined;
  }

  /** All entries, to be loaded elsewhere. */
  dump(): [K, DumpedEntry<V>][] {
    return this.together(() => {
      const all: [K, DumpedEntry<V>][] = [];
      const wall = Date.now();
      for (const key of this.storedKeys()) {
        this.begin();
        if (this.look(key, WITH_VALUE) !== HIT) continue;
        const more = { ...this.age(wall), ...this.tagNames() };
        const value = this.value();
        if (value !== undefined) all.push([key, { value, ...more }]);
      }
      return all;
    });
  }

  /**
   * Remove an entry that would be among the next to be dropped, and give its value; undefined if the cache is empty. What has expired or was
   * invalidated is not given; of a great many such entries some are removed, 528 at most, and one that is valid may be found only the next time.
   */
  pop(): V | undefined {
    this.begin();
    for (let looks = 0; looks < POP_LOOKS + POP_FRESH; looks++) {
      const loc = this.items.victim(looks < POP_LOOKS ? undefined : looks === POP_LOOKS ? "first" : "next");
      if (loc === 0) break;
      const found = this.items.at(loc);
      if (found === MISS) continue;
      const { kind, key } = this.items;
      const fresh = found === HIT && !this.invalid;
      // Nobody asks for the values of the others.
      const bytes = fresh || this.config.dispose !== undefined ? this.items.bytes() : undefined;
      this.items.remove(loc);
      if (bytes === undefined) continue;
      if (this.config.dispose !== undefined) this.gone.push({ key, kind, bytes, reason: fresh ? "evict" : "expire" });
      if (!fresh) continue;
      const value = decodeValue(kind, Buffer.from(bytes), this.host.codec);
      this.tellGone();
      return value;
    }
    this.tellGone();
    return undefined;
  }

  /**
   * Reclaim what has expired now, and what was invalidated by its tags, rather than when room is needed. Returns whether
   * there was anything.
   */
  purgeStale(): boolean {
    this.begin();
    if (!this.timed && this.tags === undefined) return false;
    const before = this.items.count;
    this.items.expire(true);
    // Those that share their segment with others that have not.
    for (const loc of this.locations()) {
      const found = this.items.at(loc);
      if (found === STALE || (found === HIT && this.invalid)) this.dropStale(loc);
    }
    this.tellGone();
    return this.items.count !== before;
  }

  protected dropStale(loc: number): void {
    if (this.config.dispose !== undefined) {
      const { key, kind } = this.items;
      const bytes = this.items.bytes();
      if (bytes !== undefined) this.gone.push({ key, kind, bytes, reason: "expire" });
    }
    this.items.remove(loc);
  }
  /**
   * Keys of all entries, expired ones included, a bucket at a time: between two that are given entries may be moved or
   * replaced, so the caller looks for each again.
   */
  protected *storedKeys(): IterableIterator<K> {
    this.ensureOpen();
    for (const batch of this.items.scan()) {
      const keys: K[] = [];
      for (const loc of batch) if (this.items.at(loc) !== MISS) keys.push(this.items.key as K);
      for (const key of keys) {
        yield key;
        this.ensureOpen();
      }
    }
  }
  protected *locations(): IterableIterator<number> {
    this.ensureOpen();
    for (const batch of this.items.scan()) {
      for (const loc of batch) {
        yield loc;
        this.ensureOpen();
      }
    }
  }
}

/** The tier above all nodes, in hitsByTier. */
const HEAP = "heap";

const NONE = {
  ...{ hits: 0, misses: 0, stale: 0, loads: 0, loadErrors: 0, joined: 0 },
  ...{ sets: 0, rejected: 0, evicted: 0, lost: 0, expired: 0, deleted: 0, newBytes: 0, swapWritten: 0 },
  swapWrittenPerByte: 0,
};
/** Counters added up, or with `sign` -1 taken from the first. */
function combine(a: CacheStats, b: Partial<CacheStats> | undefined, sign: number): CacheStats {
  if (b === undefined) return a;
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(NONE) as (keyof typeof NONE)[]) out[name] = a[name] + sign * (b[name] ?? 0);
  const { newBytes, swapWritten } = out as { newBytes: number; swapWritten: number };
  out.swapWrittenPerByte = newBytes > 0 ? swapWritten / newBytes : 0;
  const tiers = Object.entries(a.hitsByTier).map(([name, hits]) => [name, hits + sign * (b.hitsByTier?.[name] ?? 0)]);
  const { bytesByTier, entriesByTier } = a;
  return { ...(out as unknown as CacheStats), hitsByTier: Object.fromEntries(tiers), bytesByTier, entriesByTier };
}
/** Those of several caches, added up. */
export function addStats(all: readonly CacheStats[]): CacheStats {
  const [first, ...others] = all as [CacheStats, ...CacheStats[]];
  const add = (field: "bytesByTier" | "entriesByTier"): Record<string, number> =>
    Object.fromEntries(
      Object.keys(first[field]).map((tier) => [tier, all.reduce((n, stats) => n + (stats[field][tier] ?? 0), 0)]),
    );
  return { ...sum(first, ...others), bytesByTier: add("bytesByTier"), entriesByTier: add("entriesByTier") };
}
function sum(a: CacheStats, ...others: (Partial<CacheStats> | undefined)[]): CacheStats {
  return others.reduce<CacheStats>((all, b) => combine(all, b, 1), a);
}
function less(a: CacheStats, b: CacheStats): CacheStats {
  return combine(a, b, -1);
}
