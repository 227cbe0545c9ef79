/** One shard of a memory: a memory of its own, as far as its facade (sharded-memory.ts) lets it. */
import type { Cache } from "../cache/cache.ts";
import { CachePart, type SpreadPart } from "../cache/cache-part.ts";
import type { CacheKey } from "../cache/keys.ts";
import type { SharedCachePart } from "../cache/shared-cache-part.ts";
import type { Region } from "../region/region.ts";
import type { SharedRegion } from "../region/shared-region.ts";
import type { Registry, SharedCacheEntry, SharedRegionEntry } from "../runtime/control.ts";
import { inlineCrank } from "../runtime/inline.ts";
import type { Balloons } from "./balloon.ts";
import type { Harness } from "./harness.ts";
import type { Kinds } from "./kinds.ts";
import { Memory } from "./memory.ts";
import type { MemoryConfig } from "./options.ts";
import type { AnyCacheOptions, CacheInfo, MapOptions } from "./requests.ts";
import { PartOf, type SpreadRegion } from "./shard-part.ts";
import { allOrNone } from "./shard-place.ts";
import { SharedMemory } from "./shared-memory.ts";
import type { Size } from "./size.ts";
import type { SecretOf } from "./store.ts";

/** What a facade asks of a shard beyond what a memory has. */
export interface Shard extends Memory {
  /** What shrinks its nodes. */
  readonly inflatable: Balloons;
  /** A region that lies here as a whole, or what lies here of one of `size` bytes in extents of `extent`. */
  mapPart(bytes: Size, options: MapOptions, spread?: SpreadRegion): Region;
  /** A cache that lies here as a whole. */
  makeWhole<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): Cache<V, K, C>;
  /** The part of a larger one, `whole`, whose keys are routed with that secret. */
  makePart<V, K extends CacheKey, C>(
    options: AnyCacheOptions<V, K, C>,
    secret: number,
    whole: AnyCacheOptions<V, K, C>,
  ): SpreadPart<V, K, C>;
  /** Of so many pages of its nodes, those that no region has been promised, nor a cache that lies here alone may fill. */
  room(whole: number): number;
}

/** What lies in a shard of a memory of one thread, which has no registry. */
class Lying {
  /** Regions, extents of larger ones too. */
  readonly #mapped = new Set<Region>();
  /** Caches that lie there and nowhere else. */
  readonly #whole = new Set<CacheInfo>();

  map(region: Region): Region {
    this.#mapped.add(region);
    return region;
  }
  cache<C extends CacheInfo>(cache: C): C {
    this.#whole.add(cache);
    return cache;
  }
  /** See {@link Shard.room}; `open`: the caches that the shard has. */
  room(whole: number, open: readonly CacheInfo[]): number {
    let pages = whole;
    for (const region of this.#mapped) {
      if (region.isMapped) pages -= Math.ceil(region.size / 4096);
      else this.#mapped.delete(region);
    }
    const all = new Set(open);
    for (const cache of this.#whole) {
      if (all.has(cache)) pages -= cache.maxSize / 4096;
      else this.#whole.delete(cache);
    }
    return pages;
  }
}

/** A shard of a memory of one thread. */
export class PlainShard extends Memory implements Shard {
  readonly #lying = new Lying();
  /** Whether the cache that is being made is part of a larger one. */
  #makesPart = false;

  protected override kinds(hasBytes: boolean): Kinds {
    const kinds = super.kinds(hasBytes);
    return this.#makesPart ? { ...kinds, cache: CachePart as unknown as typeof Cache } : kinds;
  }
  get inflatable(): Balloons {
    return this.balloons;
  }
  mapPart(bytes: Size, options: MapOptions): Region {
    return this.#lying.map(this.map(bytes, options));
  }
  makeWhole<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): Cache<V, K, C> {
    return this.#lying.cache(this.cache(options as never) as unknown as Cache<V, K, C>);
  }
  makePart<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): SpreadPart<V, K, C> {
    this.#makesPart = true;
    try {
      return this.cache(options as never) as unknown as CachePart<V, K, C>;
    } finally {
      this.#makesPart = false;
    }
  }
  room(whole: number): number {
    return this.#lying.room(whole, this.caches());
  }
}

/** A shard of a memory that threads share: it has a lock of its own, and others find what lies here in its registry. */
export class SharedShard extends SharedMemory implements Shard {
  readonly #partOf = new PartOf();

  get inflatable(): Balloons {
    return this.balloons;
  }
  mapPart(bytes: Size, options: MapOptions, spread?: SpreadRegion): Region {
    return this.#partOf.mapping(spread, () => this.map(bytes, options));
  }
  makeWhole<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): Cache<V, K, C> {
    return this.cache(options as never) as unknown as Cache<V, K, C>;
  }
  makePart<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>, route: number): SpreadPart<V, K, C> {
    return this.#partOf.making({ route }, () => this.cache(options as never) as unknown as SharedCachePart<V, K, C>);
  }
  room(whole: number): number {
    return this.locked(() => roomIn(this.registry, whole));
  }

  protected override kinds(): Kinds {
    return this.#partOf.kinds(super.kinds());
  }
  protected override entryOf({ entry }: { readonly entry: SharedCacheEntry }): SharedCacheEntry {
    return this.#partOf.cacheEntry(entry);
  }
  protected override regionEntryOf({ entry }: SharedRegion): SharedRegionEntry {
    return this.#partOf.regionEntry(entry);
  }
}

/** Of so many pages, what those whose registry this is have left; see {@link Shard.room}. */
export function roomIn({ regions, caches }: Registry, whole: number): number {
  const mapped = regions.reduce((n, { mapping }) => n + mapping.pages, 0);
  const alone = caches.reduce((n, { route, maxPages }) => n + (route === undefined ? maxPages : 0), 0);
  return whole - mapped - alone;
}

/** Opens shards; `secret` gives, of a shard's seed, what its keys are hashed with. */
export type MakeShards = (
  configs: readonly MemoryConfig[],
  harness: Harness,
  secret: (seed: number) => SecretOf,
) => readonly Shard[];

/** Of one process. */
export const makeShards: MakeShards = (configs, harness, secret) => {
  const crank = harness.crank ?? inlineCrank();
  const make = (own: MemoryConfig): Shard => {
    const Kind = own.shared ? SharedShard : PlainShard;
    return new Kind(own, { ...harness, crank }, undefined, secret(own.seed));
  };
  return allOrNone(configs, make, (shard) => shard[Symbol.dispose]());
};
