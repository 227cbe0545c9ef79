/**
 * `node bench/rss.mjs [ENTRIES]`: whether a cache keeps to its bytes. Entries of 64 B to 1 MiB (each size class as likely to
 * take the bytes, so small ones are by far the most) churn through a cache of 256 MiB on a node four times as large;
 * the growth of the process's RSS is printed against maxSize. 10 million by default.
 */
import { openMemorySync } from "../dist/index.js";

const entries = Number(process.argv[2] ?? 10_000_000);
const maxSize = 256 * 2 ** 20;
const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "1GiB" } }, pretouch: false });
const value = Buffer.alloc(2 ** 20, 7);
let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
/** 64 B to 1 MiB, the chance falling with the square of the size. */
const sizeOf = () => Math.floor(64 / (1 - random() * (1 - 64 / 2 ** 20)));
/** Sets and some gets; gives the bytes set. */
function churn(cache, entries, each) {
  let bytes = 0;
  for (let i = 0; i < entries; i++) {
    const n = sizeOf();
    bytes += n;
    cache.set(`entry:${i}`, value.subarray(0, n));
    if (i % 3 === 0) cache.get(`entry:${i - Math.floor(random() * 10_000)}`);
    if (i % 10_000 === 0) each();
  }
  return bytes;
}

// A small cache first, so that the growth of V8's young generation, which any program has, is not counted as the cache's.
const small = memory.cache({ maxSize: "8MiB" });
churn(small, 500_000, () => undefined);
small.close();
const before = process.memoryUsage().rss;
const cache = memory.cache({ maxSize });
let most = 0;
const started = performance.now();
const bytes = churn(cache, entries, () => {
  most = Math.max(most, process.memoryUsage().rss - before);
});
const seconds = (performance.now() - started) / 1000;
const growth = most / maxSize;
const { size, calculatedSize } = cache;
console.log({
  entries,
  gigabytes: bytes / 1e9,
  seconds,
  size,
  held: calculatedSize / maxSize,
  rssGrowth: growth,
  bar: 1.05,
});
await memory.close();
process.exitCode = growth <= 1.05 ? 0 : 1;
