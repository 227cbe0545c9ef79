/** `lieu/bentocache`: a cache of lieu as the L1 driver of a bentocache store. */
import { checkCache, checkKey, clearUnder, store, type TimedCache } from "./adapted-cache.ts";

export type { AdaptedCache, TimedCache } from "./adapted-cache.ts";

/** Options of {@link lieuDriver}. */
export interface LieuDriverOptions {
  /** Made by `memory.cache()`, with the codec that it has by default. It is not closed by the driver. */
  cache: TimedCache;
  /**
   * What every key begins with, a `:` after it. By default that of the BentoCache, "bentocache". "" is for a cache that
   * holds nothing else: `clear()` then empties it at once, without reading its keys.
   */
  prefix?: string;
  /**
   * Whether bentocache makes JSON of values first; true by default. With false they go to the cache's codec as they
   * are, which keeps dates, maps, sets and typed arrays. Bentocache 1 can do that only in stores that have no L2 layer.
   */
  serialize?: boolean;
}

/**
 * A driver for `bentostore().useL1Layer()`. Stores that share a cache need different prefixes.
 *
 * What the cache throws (a `LieuError`: ECLOSED, or EINVAL for a value that its codec cannot take) goes to the caller.
 *
 * @throws `LieuError` EINVAL if `options.cache` is not a cache
 */
export function lieuDriver(options: LieuDriverOptions): {
  options: LieuDriverOptions;
  factory(config: LieuDriverOptions): LieuDriver;
} {
  checkCache(options?.cache, "lieuDriver()", "getRemainingTTL");
  return { options, factory: (config) => new LieuDriver(config) };
}

/** What {@link lieuDriver} makes for bentocache: an L1 driver, all of it synchronous but `disconnect`. */
export class LieuDriver {
  readonly type = "l1";
  readonly #cache: TimedCache;
  readonly #prefix: string;

  /** @throws `LieuError` EINVAL if `config.cache` is not a cache */
  constructor(config: Omit<LieuDriverOptions, "serialize">) {
    checkCache(config?.cache, "new LieuDriver()", "getRemainingTTL");
    this.#cache = config.cache;
    this.#prefix = (config.prefix ?? "").replace(/:+$/, "");
  }

  /** A driver of the same cache, for the keys below this one's that begin with `namespace` and a `:`. */
  namespace(namespace: string): LieuDriver {
    return new LieuDriver({ cache: this.#cache, prefix: this.#name(namespace) });
  }

  /** The value of `key`, or undefined. */
  get(key: string): string | undefined {
    return this.#cache.get(this.#name(key)) as string | undefined;
  }

  /** The value of `key`, or undefined; the entry is deleted. */
  pull(key: string): string | undefined {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  /**
   * Store a value for `ttl` milliseconds; undefined, 0 and Infinity are no limit, less than 0 is over already. Returns
   * whether the cache has it now: it has not if the value is larger than the cache or no room can be made.
   */
  set(key: string, value: string, ttl?: number): boolean {
    return store(this.#cache, this.#name(key), value, ttl);
  }

  /** Milliseconds that `key` has left: Infinity without a TTL, 0 without an entry. */
  getRemainingTtl(key: string): number {
    return this.#cache.getRemainingTTL(this.#name(key));
  }

  /** Delete everything below the prefix, namespaces included; without a prefix, everything in the cache. */
  clear(): void {
    if (this.#prefix === "") this.#cache.clear();
    else clearUnder(this.#cache, `${this.#prefix}:`);
  }

  /** Delete `key`. Returns whether it had an entry. */
  delete(key: string): boolean {
    return this.#cache.delete(this.#name(key));
  }

  /** Delete `keys`. Returns true, as bentocache expects. */
  deleteMany(keys: string[]): boolean {
    for (const key of keys) this.delete(key);
    return true;
  }

  /** Does nothing: the cache is its owner's to close. */
  async disconnect(): Promise<void> {}

  #name(key: string): string {
    checkKey(key);
    return this.#prefix ? `${this.#prefix}:${key}` : key;
  }
}
