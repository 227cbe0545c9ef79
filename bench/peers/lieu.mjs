/** lieu's cache as the jobs use it. The one file of the comparison that knows lieu's API. */
import { Cache, openMemorySync } from "../../dist/index.js";

/** The most that one memory's node may have, its metadata beside it. */
const MAX_NODE = 3.75 * 2 ** 30;
/** Until caches take values of any kind, one must be told which kind it will get. */
const NEEDS_CODEC = !("getInto" in Cache.prototype);

/**
 * A cache of `maxSize` bytes on a node with room for it, or of as many as a node can hold. `pretouch` is off, so that
 * RSS is what the cache has used. `heap`: bytes that it may hold decoded; its default if it is not said.
 */
export function openLieu({ maxSize, strings, heap }) {
  const limit = Math.min(Math.floor(maxSize), MAX_NODE / 1.1);
  const size = Math.ceil(Math.min(limit * 1.25 + 64 * 2 ** 20, MAX_NODE));
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size } }, pretouch: false });
  const cache = memory.cache({
    maxSize: limit,
    ...(heap !== undefined && { heap }),
    ...(NEEDS_CODEC && { codec: strings ? "string" : "bytes" }),
  });
  return {
    set: (key, value) => void cache.set(key, value),
    get: (key) => cache.get(key),
    getCopy: (key) => cache.get(key),
    getInto: NEEDS_CODEC
      ? (key, target) => copyInto(cache.get(key), target)
      : (key, target) => cache.getInto(key, target),
    size: () => cache.size,
    stats: () => ({ heap: cache.stats().hitsByTier.heap ?? 0 }),
    close: () => memory.close(),
  };
}

function copyInto(value, target) {
  if (value === undefined) return -1;
  target.set(value);
  return value.length;
}
