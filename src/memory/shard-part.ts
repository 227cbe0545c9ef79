/** What is made in a shard that threads or processes share may be part of something larger: its entry in the registry says of what, so that others find all of it. */
import type { Cache } from "../cache/cache.ts";
import { SharedCachePart } from "../cache/shared-cache-part.ts";
import type { SharedCacheEntry, SharedRegionEntry } from "../runtime/control.ts";
import type { Kinds } from "./kinds.ts";

/** A region in extents, in bytes. */
export interface SpreadRegion {
  readonly size: number;
  readonly extent: number;
}
/** A cache that is spread over shards: the secret with which its keys are routed; and what it was asked to be, where those who ask for the same get it. */
export interface SpreadCache {
  readonly route: number;
  readonly asked?: string;
}

/** What that is, of what a shard is making; see the file's head. */
export class PartOf {
  #region: SpreadRegion | undefined;
  #cache: SpreadCache | undefined;

  get region(): SpreadRegion | undefined {
    return this.#region;
  }
  get cache(): SpreadCache | undefined {
    return this.#cache;
  }
  /** Map something, of a region in extents if there is one. */
  mapping<R>(region: SpreadRegion | undefined, map: () => R): R {
    this.#region = region;
    try {
      return map();
    } finally {
      this.#region = undefined;
    }
  }
  /** Make a part of a cache. */
  making<R>(cache: SpreadCache, make: () => R): R {
    this.#cache = cache;
    try {
      return make();
    } finally {
      this.#cache = undefined;
    }
  }

  /** What is made is a part. */
  kinds(kinds: Kinds): Kinds {
    return this.#cache === undefined ? kinds : { ...kinds, cache: SharedCachePart as unknown as typeof Cache };
  }
  cacheEntry(entry: SharedCacheEntry): SharedCacheEntry {
    return this.#cache === undefined ? entry : { ...entry, route: this.#cache.route };
  }
  regionEntry(entry: SharedRegionEntry): SharedRegionEntry {
    return this.#region === undefined ? entry : { ...entry, spread: this.#region };
  }
}
