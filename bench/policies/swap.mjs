/**
 * A cache over tiers: what a swap file under the nodes costs them. One trace twice over the same nodes, a fifth of them fast, once
 * alone and once with swap for all the rest.
 */
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMemorySync, simCrank } from "../../dist/index.js";

const PAGE = 4096;
/** Pages beside the cache's: what the engine keeps free, and the least that a node may have. */
const SLACK = 47;

/** Replay `trace` over nodes of `pages` pages in all and swap of `swapPages`; 0 = none. */
function run(trace, pages, swapPages, seed) {
  const fast = Math.floor(pages / 5);
  const node = (n, tier) => ({ kind: "dram", size: Math.max(64, n + SLACK) * PAGE, tier });
  const path = join(tmpdir(), `lieu-policies-${process.pid}.swap`);
  const memory = openMemorySync(
    {
      nodes: { dram: node(fast, 0), slow: node(pages - fast, 1) },
      swap: swapPages > 0 ? [{ kind: "file", path, size: swapPages * PAGE }] : [],
      seed,
      minFree: "16KiB",
      addressSpace: ((pages + swapPages) * 8 + 8192) * PAGE,
    },
    { crank: simCrank() },
  );
  const cache = memory.cache({ codec: "bytes" });
  const { key, size } = trace;
  const names = Array.from(size, (_, k) => `k${k}`);
  let missedPages = 0;
  let misses = 0;
  for (const k of key) {
    if (cache.getBytes(names[k], ignore)) continue;
    misses++;
    missedPages += Math.max(1, Math.ceil(size[k] / PAGE));
    cache.setBytes(names[k], size[k], ignore);
  }
  const { hitsByTier, newBytes } = cache.stats();
  const { pswpin, pswpread, pswpout } = memory.vmstat();
  memory.check();
  memory[Symbol.dispose]();
  rmSync(path, { force: true });
  const near = hitsByTier.dram + hitsByTier.slow;
  return { near, fast: hitsByTier.dram, misses, missedPages, newBytes, read: pswpin + pswpread, written: pswpout };
}
function ignore() {}

/**
 * Nodes of `bytes`, of a trace whose objects are `footprint` bytes in all. Gives the nodes' hits and the fast one's, with swap, as shares of those without;
 * pages read from swap a page that the nodes alone miss, and bytes written to swap a byte that the nodes had no room for.
 */
export function overSwap(trace, footprint, bytes, seed) {
  const pages = Math.floor(bytes / PAGE);
  const alone = run(trace, pages, 0, seed);
  // With heads, keys and what lies across pages.
  const swapPages = Math.ceil((footprint * 1.3 + trace.size.length * 64) / PAGE) + 256;
  const over = run(trace, pages, swapPages, seed);
  const had = Math.max(PAGE, over.newBytes - pages * PAGE);
  return {
    near: over.near / alone.near,
    fast: over.fast / alone.fast,
    read: over.read / alone.missedPages,
    written: (over.written * PAGE) / had,
    fetched: over.misses / alone.misses,
  };
}
