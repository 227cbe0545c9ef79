/** What the adapters need of a cache, and what they share. A `Cache` of lieu is one, and so is what acts like it. */
import { LieuError, shown } from "../errors.ts";

/** The part of lieu's `Cache` that {@link KeyvLieu} stands on. */
export interface AdaptedCache {
  /** `copy`: a value that may be changed, where the cache may give one that others get, too. */
  get(key: string, options?: { copy?: boolean }): unknown;
  has(key: string): boolean;
  /** `ttl` is in milliseconds; without one the entry stays until room is needed. */
  set(key: string, value: unknown, options?: { ttl?: number }): unknown;
  delete(key: string): boolean;
  clear(): void;
  keys(): Iterable<unknown>;
}

/** The part of lieu's `Cache` that the driver for bentocache stands on. */
export interface TimedCache extends AdaptedCache {
  /** Milliseconds left to `key`: Infinity without a TTL, 0 without an entry. */
  getRemainingTTL(key: string): number;
}

const METHODS = ["get", "has", "set", "delete", "clear", "keys"] as const;

/** @throws {@link LieuError} EINVAL if `cache` is not a cache; `who` is what wanted one */
export function checkCache(cache: AdaptedCache, who: string, ...more: readonly (keyof TimedCache)[]): void {
  const given = cache as TimedCache | null | undefined;
  if ([...METHODS, ...more].every((name) => typeof given?.[name] === "function")) return;
  throw new LieuError("EINVAL", `${who} needs a cache, as memory.cache() makes it, not ${kindOf(cache)}`);
}

/** @throws {@link LieuError} EINVAL if `key` is not a string */
export function checkKey(key: unknown): void {
  if (typeof key !== "string") throw new LieuError("EINVAL", `the key is ${kindOf(key)}; keys are strings`);
}

/**
 * Store a value for `ttl` milliseconds, rounded up; undefined, 0 and Infinity are no limit, and less than 0 is over
 * already. Returns whether the cache has the value now: it has not if the value is too large or there is no room.
 */
export function store(cache: AdaptedCache, key: string, value: unknown, ttl?: number): boolean {
  if (ttl !== undefined && (typeof ttl !== "number" || Number.isNaN(ttl))) {
    throw new LieuError("EINVAL", `the ttl is ${shown(ttl)}; it is a number of milliseconds`);
  }
  if (ttl !== undefined && ttl < 0) cache.delete(key);
  else if (!ttl || ttl === Infinity) cache.set(key, value);
  else cache.set(key, value, { ttl: Math.ceil(ttl) });
  return cache.has(key);
}

/** The string keys that begin with `prefix`, as they are now: what is done with them may change the cache. */
export function keysUnder(cache: AdaptedCache, prefix: string): string[] {
  const found: string[] = [];
  for (const key of cache.keys()) if (typeof key === "string" && key.startsWith(prefix)) found.push(key);
  return found;
}

/**
 * Delete the entries whose keys begin with `prefix`.
 *
 * This reads every key of the cache, wherever its page is. A generation number in each key would make it O(1), but all
 * that was cleared would keep its room until it is the coldest there is, sink through the tiers and be written to swap
 * on the way, in lieu of what is wanted; and every adapter of the cache would have to share the number. Where nothing
 * else is in the cache, the adapters need not look: `exclusive` of KeyvLieu, and an empty prefix of LieuDriver.
 */
export function clearUnder(cache: AdaptedCache, prefix: string): void {
  const found: string[] = [];
  let others = false;
  for (const key of cache.keys()) {
    if (typeof key === "string" && key.startsWith(prefix)) found.push(key);
    else others = true;
  }
  if (others) for (const key of found) cache.delete(key);
  else cache.clear();
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
