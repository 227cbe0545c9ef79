/** One trace through one cache of lieu's, counting misses and where hits were served from. */
import { openMemorySync, simCrank } from "../../dist/index.js";

const PAGE = 4096;
/** Pages beside the cache's, so that what the engine keeps free is not the cache's loss. */
const DRAM_SLACK = 47;
const SLOW_SLACK = 90;

function nodesFor(kind, pages) {
  const fast = Math.floor(pages * 0.2);
  // No node may be smaller than 64 pages.
  const node = (n) => ({ kind: "dram", size: Math.max(64, n) * PAGE });
  if (kind === "single") return { dram: node(pages + 2 * SLOW_SLACK) };
  if (kind === "dram only") return { dram: node(fast + 2 * SLOW_SLACK) };
  return { dram: node(fast + DRAM_SLACK), slow: { ...node(pages - fast + SLOW_SLACK), tier: 1 } };
}

/**
 * Replay `trace` with `bytes` for all that the cache holds, index and metadata included. `kind`: "single": one node;
 * "tiers": 20 % on a fast node, 80 % on a slow one; "dram only": those 20 % alone. The same `seed`, the same ratios.
 */
export function replay(trace, bytes, kind, seed) {
  const pages = Math.floor(bytes / PAGE);
  const nodes = nodesFor(kind, pages);
  const memory = openMemorySync(
    { nodes, seed, minFree: "16KiB", addressSpace: (pages * 8 + 8192) * PAGE },
    { crank: simCrank() },
  );
  const cache = memory.cache({ maxSize: (kind === "dram only" ? Math.floor(pages * 0.2) : pages) * PAGE });
  const { key, size } = trace;
  const names = Array.from(size, (_, k) => `k${k}`);
  let hits = 0;
  for (const k of key) {
    if (cache.getBytes(names[k], ignore)) hits++;
    else cache.setBytes(names[k], size[k], ignore);
  }
  const { hitsByTier, lost } = cache.stats();
  const discarded = memory.vmstat().pgdiscard;
  memory.check();
  memory[Symbol.dispose]();
  return { missRatio: 1 - hits / key.length, fastRatio: hitsByTier.dram / key.length, discarded, lost };
}

function ignore() {}
