/**
 * A trace read through a cache: each miss is followed by a set. `copies` of the trace run side by side, with keys of their
 * own, so that a small one makes a cache whose size is more than what any process has. Gives the misses, and the RSS
 * that the cache took.
 */
import { openTrace } from "../../dist/trace/open.js";
import { openCache } from "./caches.mjs";
import { job } from "./job.mjs";
import { makeKey } from "./keys.mjs";
import { memoryNow } from "./watch.mjs";

await job(async (options) => {
  const { path, shrink, copies } = options;
  const trace = await openTrace(path);
  const { key, keys, requests } = trace;
  const size = trace.size.map((bytes) => Math.ceil(bytes / shrink));
  const largest = size.reduce((a, b) => Math.max(a, b), 1);
  const value = Buffer.alloc(largest, "v");
  const target = Buffer.alloc(largest, "t");
  for (let i = 0; i < 200_000; i++) target[0] = makeKey(i).charCodeAt(19) + value.subarray(0, 1).length;
  const before = await memoryNow();
  const cache = await openCache(options.cache, options);
  let misses = 0;
  for (let i = 0; i < requests * copies; i++) {
    const k = key[(i / copies) | 0];
    const name = makeKey(k + (i % copies) * keys);
    const got = cache.getInto(name, target);
    if (got === size[k]) continue;
    if (got !== -1) throw new Error(`key ${k} has ${got} bytes, not ${size[k]}`);
    misses++;
    cache.set(name, value.subarray(0, size[k]));
  }
  const after = await memoryNow();
  // The trace and the cache are used once more, lest V8 collects them before the measurement.
  return { requests: key.length * copies, misses, rss: after.rss - before.rss, held: cache.size() };
});
