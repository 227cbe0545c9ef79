/**
 * Pages and pictures, read through a cache: nine in ten of 5 to 30 KB, nine in a hundred of 30 to 100, one in a hundred of 150 to 500, keys by
 * a power law. Gives the misses of each kind once the cache is full, and the time of a request in all.
 */
import { openCache } from "./caches.mjs";
import { job } from "./job.mjs";
import { makeKey } from "./keys.mjs";

const KINDS = [
  { part: 0.9, from: 5_000, to: 30_000 },
  { part: 0.09, from: 30_000, to: 100_000 },
  { part: 0.01, from: 150_000, to: 500_000 },
];

await job(async (options) => {
  const keys = Math.round(150 * (options.valueBytes / 2 ** 20));
  const requests = Math.round(options.requestsPerKey * keys);
  let state = 11;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const kind = new Uint8Array(keys);
  const size = new Uint32Array(keys);
  for (let k = 0; k < keys; k++) {
    const [which, within] = [random(), random()];
    kind[k] = which < KINDS[0].part ? 0 : which < KINDS[0].part + KINDS[1].part ? 1 : 2;
    const { from, to } = KINDS[kind[k]];
    size[k] = from + within * (to - from);
  }
  const value = Buffer.alloc(KINDS[2].to, "v");
  const target = Buffer.alloc(KINDS[2].to);
  const cache = await openCache(options.cache, { ...options, maxSize: options.valueBytes });
  const misses = [0, 0, 0];
  const start = process.hrtime.bigint();
  for (let i = 0; i < requests; i++) {
    const k = Math.floor(random() ** 2 * keys);
    const name = makeKey(k);
    const got = cache.getInto(name, target);
    if (got === size[k]) continue;
    if (got !== -1) throw new Error(`key ${k} has ${got} bytes, not ${size[k]}`);
    if (i > requests / 3) misses[kind[k]]++;
    cache.set(name, value.subarray(0, size[k]));
  }
  const ns = Number(process.hrtime.bigint() - start) / requests;
  return { misses, ns, held: cache.size() };
});
