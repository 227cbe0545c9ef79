/**
 * Which shard a key belongs to: a hash of its own, with a secret, by which neither the buckets of a shard's index are favoured nor
 * anybody can choose keys that all go to one. A key of bytes and a string of the same are two keys, and go where they go.
 */
import type { CacheKey } from "./keys.ts";

const FACTOR = 0x9e3779b1;
const NUMBER = new Float64Array(1);
const HALVES = new Int32Array(NUMBER.buffer);

/** The shard, of `shards`, of a key. What is no key has one too: there it is refused. */
export function routeOf(key: CacheKey, secret: number, shards: number): number {
  const h = typeof key === "string" ? hashString(key, secret) : hashOther(key, secret);
  // The high bits, as the low ones of a product know little of what went in.
  return Math.imul(h >>> 16, shards) >>> 16;
}

function hashString(key: string, secret: number): number {
  const n = key.length;
  let h = secret ^ n;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const a = key.charCodeAt(i) | (key.charCodeAt(i + 1) << 16);
    const b = key.charCodeAt(i + 2) | (key.charCodeAt(i + 3) << 16);
    h = Math.imul(h ^ a, FACTOR);
    h = Math.imul(h ^ (h >>> 15) ^ b, FACTOR);
    h ^= h >>> 15;
  }
  for (; i < n; i++) {
    h = Math.imul(h ^ key.charCodeAt(i), FACTOR);
    h ^= h >>> 15;
  }
  return finish(h);
}

function hashOther(key: number | Uint8Array, secret: number): number {
  if (typeof key === "number") {
    // As in a Map: -0 is 0, and all NaNs are one.
    if ((key | 0) === key) return finish(secret ^ Math.imul(key | 0, FACTOR));
    NUMBER[0] = Number.isNaN(key) ? 0.5 : key;
    return finish(Math.imul(secret ^ (HALVES[0] as number), FACTOR) ^ (HALVES[1] as number));
  }
  if (!(key instanceof Uint8Array)) return 0;
  let h = secret ^ key.length;
  for (let i = 0; i < key.length; i++) {
    h = Math.imul(h ^ (key[i] as number), FACTOR);
    h ^= h >>> 15;
  }
  return finish(h);
}

function finish(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  const g = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return g ^ (g >>> 16);
}
