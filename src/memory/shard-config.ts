/** What one shard of a memory is opened with: its slice of everything. */

import { LieuError } from "../errors.ts";
import { MAX_INDEX } from "../mm/layout.ts";
import { shardPath } from "../runtime/shared-file.ts";
import { POOL_RATIO } from "../swap/pool.ts";
import type { MemoryConfig, NodeConfig } from "./options.ts";
import { sliceOf } from "./shards.ts";
import type { SwapConfig } from "./swap-options.ts";

/** Odd: so that shards of neighbouring seeds have none in common. */
const SEED_STEP = 0x9e3779b1;

/**
 * The configuration of shard `i`. What a memory does once for all of its shards (touching pages, watching for pressure) is
 * left out.
 *
 * @throws {@link LieuError} EINVAL if watermarks cannot be divided
 */
export function shardConfig(config: MemoryConfig, i: number): MemoryConfig {
  const { shards, promotion } = config;
  const slice = (whole: number): number => sliceOf(whole, i, shards);
  const zpages = slice(config.zpages);
  return {
    ...config,
    shards: 1,
    nodes: config.nodes.map((node) => nodeSlice(node, i, shards)),
    swap: config.swap.map((device) => deviceSlice(device, i, shards, zpages)),
    zpages,
    promotion: {
      ...promotion,
      scanPages: Math.ceil(promotion.scanPages / shards),
      ratePages: Math.ceil(promotion.ratePages / shards),
    },
    minFreeKbytes: Math.ceil(config.minFreeKbytes / shards),
    vpns: Math.min(MAX_INDEX, Math.ceil(config.vpns / shards)),
    seed: seedOf(config.seed, i),
    pretouch: false,
    pressure: undefined,
  };
}

/** The seed of shard `i`: the first has the memory's. */
export function seedOf(seed: number, i: number): number {
  return (seed + Math.imul(i, SEED_STEP)) >>> 0;
}

function nodeSlice(node: NodeConfig, i: number, shards: number): NodeConfig {
  const pages = sliceOf(node.pages, i, shards);
  const { backing } = node;
  const own = backing.kind === "mapped-file" ? { ...backing, path: shardPath(backing.path, i) } : backing;
  const marks = node.watermarks;
  if (marks === undefined) return { ...node, pages, backing: own };
  const min = Math.ceil(marks.min / shards);
  const low = Math.max(min + 1, Math.ceil(marks.low / shards));
  const high = Math.max(low + 1, Math.ceil(marks.high / shards));
  const promo = Math.max(high, Math.ceil(marks.promo / shards));
  if (promo >= pages) {
    const why = `${shards} shards of ${pages} pages each have no room for a slice of them`;
    throw new LieuError("EINVAL", `nodes.${node.name}.watermarks: ${why}; give lower ones or fewer shards`);
  }
  return { ...node, pages, backing: own, watermarks: { min, low, high, promo } };
}

function deviceSlice(device: SwapConfig, i: number, shards: number, zpages: number): SwapConfig {
  const { options } = device;
  if (options.kind === "zswap") return { ...device, bytes: zpages * POOL_RATIO * 4096 };
  const bytes = sliceOf(device.bytes / 4096, i, shards) * 4096;
  return options.kind === "file"
    ? { ...device, bytes, options: { ...options, path: shardPath(options.path, i) } }
    : { ...device, bytes };
}
