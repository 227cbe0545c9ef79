/**
 * `lieu/keyv`: a cache of lieu as a store of Keyv 5, and by that of all that takes a Keyv, such as cache-manager.
 *
 * Keyv writes the key `k` of its namespace `n` as `n:k`, so `a` and `a:b` may meet in one name, and with `useKeyPrefix:
 * false` all namespaces do. In the cache, `n:k` is therefore `1:n:k`, led by the namespace's length, and a key that
 * does not begin with its namespace is `1:n/k`: no namespace's keys begin with another's, however the two are named.
 * What else is in the same cache is left alone as long as its keys do not look like that.
 */
import { EventEmitter } from "node:events";
import { LieuError } from "../errors.ts";
import { type AdaptedCache, checkCache, checkKey, clearUnder, keysUnder, store } from "./adapted-cache.ts";

export type { AdaptedCache } from "./adapted-cache.ts";

/** What a {@link KeyvLieu} is of an EventEmitter; said without Node's declarations, which Keyv does not need either. */
export interface KeyvLieuEvents {
  on(event: string, listener: (...args: never[]) => void): this;
  once(event: string, listener: (...args: never[]) => void): this;
  off(event: string, listener: (...args: never[]) => void): this;
  emit(event: string, ...args: unknown[]): boolean;
}
const Emitter = EventEmitter as unknown as new () => KeyvLieuEvents;

/** One of the entries of {@link KeyvLieu.setMany}; `ttl` is in milliseconds. */
export interface KeyvLieuEntry {
  key: string;
  value: unknown;
  ttl?: number | undefined;
}

/** Options of {@link KeyvLieu}. */
export interface KeyvLieuOptions {
  /**
   * Whether nothing but this Keyv's entries is in the cache: `clear()` then empties it at once, without reading its
   * keys. False by default.
   */
  exclusive?: boolean;
}

/**
 * A store for Keyv over a cache of lieu: `new Keyv({ store: new KeyvLieu(cache) })`.
 *
 * Each Keyv needs a KeyvLieu of its own, since Keyv writes its namespace into it; any number of them may share a cache,
 * which nobody closes but its owner. TTLs are kept by the cache. Keyv makes strings of values unless its `serialize`
 * and `deserialize` are undefined; then they go to the cache's codec as they are, which keeps dates, maps, sets and big
 * integers.
 *
 * What the cache throws (a `LieuError`: ECLOSED, or EINVAL for a key or value that it cannot take) rejects the
 * call. Keyv makes events of that, except of a failed `get`, which it turns into a miss; so `get` emits "error" itself.
 */
export class KeyvLieu extends Emitter {
  /**
   * Keyv 5 offers `iterator()` only where `dialect` is one that it knows, whatever the store can do; it reads nothing
   * else here.
   */
  opts: Record<string, unknown> = { url: "", dialect: "redis" };
  /** Set by Keyv. Undefined is the same as "". */
  namespace: string | undefined;
  readonly #cache: AdaptedCache;
  readonly #exclusive: boolean;

  /** @throws `LieuError` EINVAL if `cache` is not a cache */
  constructor(cache: AdaptedCache, options: KeyvLieuOptions = {}) {
    super();
    checkCache(cache, "new KeyvLieu()");
    this.#cache = cache;
    this.#exclusive = options.exclusive === true;
  }

  /** What was stored under `key`, or undefined. */
  async get<Value>(key: string): Promise<Value | undefined> {
    try {
      return this.#cache.get(this.#name(key)) as Value | undefined;
    } catch (error) {
      this.emit("error", error);
      throw error;
    }
  }

  /** What was stored under each of `keys`, in their order, or undefined. */
  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return keys.map((key) => this.#cache.get(this.#name(key)) as Value | undefined);
  }

  /**
   * Store a value for `ttl` milliseconds; undefined, 0 and Infinity are no limit, less than 0 is over already. Resolves
   * to whether the cache has it now: it has not if the value is larger than the cache or no room can be made.
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    return store(this.#cache, this.#name(key), value, ttl);
  }

  /**
   * The same for many. It ends at the first error; what was stored before stays. Resolves to an array of what `set`
   * would have resolved to, as Keyv hands it on, although Keyv's types say nothing.
   */
  setMany(entries: readonly KeyvLieuEntry[]): Promise<void>;
  async setMany(entries: readonly KeyvLieuEntry[]): Promise<unknown> {
    return entries.map(({ key, value, ttl }) => store(this.#cache, this.#name(key), value, ttl));
  }

  /** Forget `key`. Resolves to whether there was such an entry. */
  async delete(key: string): Promise<boolean> {
    return this.#cache.delete(this.#name(key));
  }

  /** Forget all of `keys`. Resolves to whether there were entries for all of them. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.map((key) => this.#cache.delete(this.#name(key))).every(Boolean);
  }

  /** Whether there is an entry for `key`. */
  async has(key: string): Promise<boolean> {
    return this.#cache.has(this.#name(key));
  }

  /** Whether there is an entry for each of `keys`, in their order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.#cache.has(this.#name(key)));
  }

  /** Forget all entries of the namespace, and no others. Reads every key of the cache, unless it is `exclusive`. */
  async clear(): Promise<void> {
    if (this.#exclusive) this.#cache.clear();
    else clearUnder(this.#cache, prefixOf(this.namespace));
  }

  /**
   * The entries of a namespace that there were at the start and still are: keys as Keyv gave them, and what it stored.
   */
  async *iterator<Value>(
    namespace: string | undefined = this.namespace,
  ): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    const prefix = prefixOf(namespace);
    for (const name of keysUnder(this.#cache, prefix)) {
      const value = this.#cache.get(name) as Awaited<Value> | undefined;
      if (value === undefined) continue;
      const rest = name.slice(prefix.length);
      yield [rest.startsWith("/") ? rest.slice(1) : `${namespace ?? ""}${rest}`, value];
    }
  }

  /** Does nothing: the cache is its owner's to close. */
  async disconnect(): Promise<void> {}

  /** A key's name in the cache; see the file's head. */
  #name(key: string): string {
    checkKey(key);
    const namespace = this.namespace ?? "";
    const rest = key.startsWith(`${namespace}:`) ? key.slice(namespace.length) : `/${key}`;
    return prefixOf(namespace) + rest;
  }
}

export default KeyvLieu;

/** What the names of a namespace's keys, and no others, begin with: `:` or `/` comes next. */
function prefixOf(namespace = ""): string {
  if (typeof namespace === "string") return `${namespace.length}:${namespace}`;
  throw new LieuError("EINVAL", `the namespace is ${typeof namespace}; it is a string`);
}
