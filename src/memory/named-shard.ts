/** A shard of a memory that processes share by a name: they find in its registry what lies here, as they do in a memory of one. */
import type { Cache } from "../cache/cache.ts";
import type { SpreadPart } from "../cache/cache-part.ts";
import type { CacheKey } from "../cache/keys.ts";
import type { SharedCachePart } from "../cache/shared-cache-part.ts";
import type { Region } from "../region/region.ts";
import type { SharedRegion } from "../region/shared-region.ts";
import type { Registry, SharedCacheEntry, SharedRegionEntry } from "../runtime/control.ts";
import type { Balloons } from "./balloon.ts";
import type { Kinds } from "./kinds.ts";
import { askedOfCache, NamedMemory } from "./named-memory.ts";
import type { AnyCacheOptions, MapOptions } from "./requests.ts";
import { roomIn, type Shard } from "./shard.ts";
import { PartOf, type SpreadRegion } from "./shard-part.ts";
import type { Size } from "./size.ts";

/** See the file's head. */
export class NamedShard extends NamedMemory implements Shard {
  readonly #partOf = new PartOf();

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
    return this.#partOf.mapping(spread, () => this.map(bytes, options));
  }
  makeWhole<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): Cache<V, K, C> {
    return this.cache(options);
  }
  makePart<V, K extends CacheKey, C>(
    options: AnyCacheOptions<V, K, C>,
    route: number,
    whole: AnyCacheOptions<V, K, C>,
  ): SpreadPart<V, K, C> {
    const cache = { asked: askedOfCache(whole), route };
    return this.#partOf.making(cache, () => this.cache(options) as unknown as SharedCachePart<V, K, C>);
  }
  room(whole: number): number {
    return roomIn(this.namesHere(), whole);
  }

  protected override kinds(): Kinds {
    return this.#partOf.kinds(super.kinds());
  }
  protected override get wholeSize(): number | undefined {
    return this.#partOf.region?.size;
  }
  protected override get wholeAsked(): string | undefined {
    return this.#partOf.cache?.asked;
  }
  protected override entryOf({ entry }: { readonly entry: SharedCacheEntry }): SharedCacheEntry {
    return this.#partOf.cacheEntry(entry);
  }
  protected override regionEntryOf({ entry }: SharedRegion): SharedRegionEntry {
    return this.#partOf.regionEntry(entry);
  }
}
