/** A shard of a memory that processes share by a name: they find in its registry what lies here, as they do in a memory of one. */
import type { Cache } from "../cache/cache.ts";
import type { SpreadPart } from "../cache/cache-part.ts";
import type { CacheKey } from "../cache/keys.ts";
import { SharedCachePart } from "../cache/shared-cache-part.ts";
import type { Region } from "../region/region.ts";
import type { SharedRegion } from "../region/shared-region.ts";
import type { Registry, SharedCacheEntry, SharedRegionEntry } from "../runtime/control.ts";
import type { Balloons } from "./balloon.ts";
import type { Kinds } from "./kinds.ts";
import { askedOfCache, NamedMemory } from "./named-memory.ts";
import type { AnyCacheOptions, MapOptions } from "./requests.ts";
import { roomIn, type Shard, type SpreadRegion } from "./shard.ts";
import type { Size } from "./size.ts";

/** A cache that is spread over shards: what it was asked to be, and the secret with which its keys are routed. */
interface SpreadCache {
  readonly asked: string;
  readonly route: number;
}

/** See the file's head. */
export class NamedShard extends NamedMemory implements Shard {
  /** What is being made here is part of. */
  #cache: SpreadCache | undefined;
  #region: SpreadRegion | undefined;

  get inflatable(): Balloons {
    return this.balloons;
  }
  /** What has a name here. */
  namesHere(): Registry {
    return this.locked(() => this.registry);
  }
  /** Say something else of it. */
  rename(change: (names: Registry) => Registry): void {
    this.locked(() => this.shared.control.register(change));
  }
  mapPart(bytes: Size, options: MapOptions, spread?: SpreadRegion): Region {
    this.#region = spread;
    try {
      return this.map(bytes, options);
    } finally {
      this.#region = undefined;
    }
  }
  makeWhole<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): Cache<V, K, C> {
    return this.cache(options);
  }
  makePart<V, K extends CacheKey, C>(
    options: AnyCacheOptions<V, K, C>,
    route: number,
    whole: AnyCacheOptions<V, K, C>,
  ): SpreadPart<V, K, C> {
    this.#cache = { asked: askedOfCache(whole), route };
    try {
      return this.cache(options) as unknown as SharedCachePart<V, K, C>;
    } finally {
      this.#cache = undefined;
    }
  }
  room(whole: number): number {
    return roomIn(this.namesHere(), whole);
  }

  protected override kinds(): Kinds {
    const kinds = super.kinds();
    return this.#cache === undefined ? kinds : { ...kinds, cache: SharedCachePart as unknown as typeof Cache };
  }
  protected override get wholeSize(): number | undefined {
    return this.#region?.size;
  }
  protected override get wholeAsked(): string | undefined {
    return this.#cache?.asked;
  }
  protected override entryOf(cache: { readonly entry: SharedCacheEntry }): SharedCacheEntry {
    return this.#cache === undefined ? cache.entry : { ...cache.entry, route: this.#cache.route };
  }
  protected override regionEntryOf(region: SharedRegion): SharedRegionEntry {
    return this.#region === undefined ? region.entry : { ...region.entry, spread: this.#region };
  }
}
