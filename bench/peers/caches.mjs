/**
 * The caches that are compared, each behind the same few functions. A process opens one only, so that the calls stay
 * monomorphic and are inlined.
 *
 * Where values are Buffers, a peer stores a copy: it keeps what it is given, and each value of a service is a Buffer of
 * its own. lieu copies the bytes itself.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openLieu } from "./lieu.mjs";

export const PEERS = ["lru-cache", "quick-lru", "@cacheable/memory", "lmdb"];

/** Peer to its version; undefined for one that is not installed. */
export function installedPeers() {
  return Object.fromEntries(PEERS.map((name) => [name, versionOf(name)]));
}

function versionOf(name) {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, "node_modules", name, "package.json");
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")).version;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Open the cache `name`. `entries` is how many it shall hold, or `valueBytes` how many bytes of values; lieu is told
 * `maxSize`. `folder` is lmdb's. Gives:
 *
 * - `set(key, value)`; `get(key)`: as the library gives it; `getCopy(key)`: a Buffer of one's own;
 * - `getInto(key, target)`: bytes of the value, -1 for a miss;
 * - `size()`: entries; `settled()`, where sets are asynchronous: a promise of all so far.
 */
export async function openCache(name, options) {
  return await OPEN[name](options);
}

const OPEN = {
  lieu: openLieu,
  async "lru-cache"({ entries, valueBytes, strings }) {
    const { LRUCache } = await import("lru-cache");
    const bySize = { maxSize: valueBytes, sizeCalculation: (value) => value.length };
    return heapCache(new LRUCache(valueBytes === undefined ? { max: entries } : bySize), strings);
  },
  async "quick-lru"({ entries, strings }) {
    const { default: QuickLRU } = await import("quick-lru");
    return heapCache(new QuickLRU({ maxSize: entries }), strings);
  },
  async "@cacheable/memory"({ entries, strings }) {
    const { CacheableMemory } = await import("@cacheable/memory");
    // By default it gives out structured clones, several microseconds each.
    return heapCache(new CacheableMemory({ lruSize: entries, useClone: false }), strings);
  },
  async lmdb({ folder, strings }) {
    const { open } = await import("lmdb");
    const db = open({ path: folder, noSync: true, encoding: strings ? "string" : "binary" });
    let last;
    return {
      db,
      // It reads the value when the transaction is written, not now.
      set(key, value) {
        last = db.put(key, strings ? value : Buffer.from(value));
      },
      get: (key) => db.get(key),
      getCopy: (key) => db.get(key),
      // The buffer that this gives is lmdb's own, written anew by the next one.
      getInto: (key) => (db.getBinaryFast(key) === undefined ? -1 : db.lastSize),
      size: () => db.getStats().entryCount,
      settled: () => last,
      close: () => db.close(),
    };
  },
};

function heapCache(cache, strings) {
  return {
    set: strings ? (key, value) => void cache.set(key, value) : (key, value) => void cache.set(key, Buffer.from(value)),
    get: (key) => cache.get(key),
    getCopy(key) {
      const value = cache.get(key);
      return value === undefined ? undefined : Buffer.from(value);
    },
    getInto(key, target) {
      const value = cache.get(key);
      if (value === undefined) return -1;
      target.set(value);
      return value.length;
    },
    size: () => cache.size,
    close() {},
  };
}
