/** One shard of a memory: a memory of its own, as far as its facade (sharded-memory.ts) lets it. */
import type { Cache } from "../cache/cache.ts";
import { CachePart } from "../cache/cache-part.ts";
import type { CacheKey } from "../cache/keys.ts";
import type { Region } from "../region/region.ts";
import type { Balloons } from "./balloon.ts";
import type { Kinds } from "./kinds.ts";
import { Memory } from "./memory.ts";
import type { AnyCacheOptions, MapOptions } from "./requests.ts";
import type { Size } from "./size.ts";

/** See the file's head. */
export class Shard extends Memory {
  /** Regions that lie here, extents of larger ones too. */
  readonly #mapped = new Set<Region>();
  /** Caches that lie here and nowhere else. */
  readonly #whole = new Set<Cache<unknown, CacheKey, unknown>>();
  /** Whether the cache that is being made is part of a larger one. */
  #makesPart = false;

  protected override kinds(hasBytes: boolean): Kinds {
    const kinds = super.kinds(hasBytes);
    return this.#makesPart ? { ...kinds, cache: CachePart as unknown as typeof Cache } : kinds;
  }
  /** What shrinks its nodes. */
  get inflatable(): Balloons {
    return this.balloons;
  }

  override map(size: Size, options?: MapOptions): Region {
    const region = super.map(size, options);
    this.#mapped.add(region);
    return region;
  }
  /** A cache that lies here as a whole. */
  makeCache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): Cache<V, K, C> {
    const cache = super.cache(options as never) as unknown as Cache<V, K, C>;
    this.#whole.add(cache as unknown as Cache<unknown, CacheKey, unknown>);
    return cache;
  }
  /** The part of a larger one. */
  makePart<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): CachePart<V, K, C> {
    this.#makesPart = true;
    try {
      return super.cache(options as never) as unknown as CachePart<V, K, C>;
    } finally {
      this.#makesPart = false;
    }
  }

  /** Of so many pages of its nodes, those that no region has been promised, nor a cache that lies here alone may fill. */
  room(whole: number): number {
    let pages = whole;
    for (const region of this.#mapped) {
      if (region.isMapped) pages -= Math.ceil(region.size / 4096);
      else this.#mapped.delete(region);
    }
    const open = new Set<object>(this.caches());
    for (const cache of this.#whole) {
      if (open.has(cache)) pages -= cache.maxSize / 4096;
      else this.#whole.delete(cache);
    }
    return pages;
  }
}
