/**
 * The configurations that a plan looks at: so much DRAM, perhaps CXL memory below it, perhaps a device below that. Sizes are shares of
 * the footprint. A region's pages must all fit, so the last medium has room for what is not above it; a cache may miss.
 */

import type { MemoryOptions, NamedNodes, SwapOptions } from "../memory/memory-options.ts";
import { formatSize } from "../memory/size.ts";
import { minFreeKbytes } from "../mm/node.ts";
import type { MediumName, PriceList } from "./prices.ts";

const PAGE = 4096;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** The smallest node that a cache is any use on, and that a region's is. */
const LEAST = { cache: MIB, region: 64 * PAGE } as const;
/** The smallest that is run in the place of a larger one: of what is smaller, segments and watermarks are a larger part. */
export const LEAST_SAMPLED: number = 4 * MIB;
/** What a cache's sizes are shares of at most: one memory holds no more than 4 GiB. */
const MOST_CACHE = 2 * GIB;
/** Beside what must fit: pages that nodes keep free, and what is on its way. */
const SLACK = 1.05;
/** What is on its way, where a twentieth is less: a batch of reclaim. */
const UNDERWAY = 32 * PAGE;
/** How much less than it should a pool compress before it is full. */
const POOL_SLACK = 1.1;

/** Bytes by medium; 0 = none. */
export interface Layout {
  readonly dram: number;
  readonly cxl: number;
  readonly last: { readonly medium: "nvme" | "remote" | "zswap"; readonly size: number } | undefined;
}

const DRAM = { cache: [0.03, 0.06, 0.12, 0.25], region: [0.05, 0.1, 0.2, 0.33, 0.5, 0.7] } as const;
/** CXL memory, in parts of the footprint for a region, of the DRAM for a cache. */
const CXL = { cache: [0, 2], region: [0, 0.25, 0.5] } as const;
/** A cache's device, in parts of the DRAM. */
const DEVICE = [0, 3];

/** All configurations for a footprint of so many bytes. `rate`: they will be run at so much of their size. */
export function layouts(as: "cache" | "region", bytes: number, prices: PriceList, rate = 1): Layout[] {
  const footprint = as === "cache" ? Math.min(bytes, MOST_CACHE) : bytes;
  const least = rate === 1 ? LEAST[as] : Math.ceil(LEAST_SAMPLED / rate / PAGE) * PAGE;
  const size = (wanted: number): number => Math.max(least, Math.ceil(wanted / PAGE) * PAGE);
  const devices =
    prices.zswapRatio === undefined ? (["nvme", "remote"] as const) : (["nvme", "remote", "zswap"] as const);
  const all: Layout[] = [];
  for (const share of DRAM[as]) {
    const dram = size(share * footprint);
    for (const more of CXL[as]) {
      const cxl = more === 0 ? 0 : size(more * (as === "cache" ? dram : footprint));
      if (as === "region") {
        const rest = Math.max(footprint * SLACK, footprint + UNDERWAY + keptFree(dram + cxl)) - dram - cxl;
        if (rest <= 0 && more > 0) continue;
        for (const medium of devices)
          all.push({ dram, cxl, last: { medium, size: size(Math.max(rest, 0.02 * footprint)) } });
        continue;
      }
      for (const times of DEVICE) {
        if (times === 0) all.push({ dram, cxl, last: undefined });
        else for (const medium of devices) all.push({ dram, cxl, last: { medium, size: size(times * dram) } });
      }
    }
  }
  if (as === "region") all.push({ dram: size(footprint * SLACK + MIB), cxl: 0, last: undefined });
  // Of a small footprint several shares are the smallest node.
  return [...new Map(all.map((layout) => [layoutKey(layout), layout])).values()];
}

/** What nodes of so many bytes keep free, which is no room for a region's pages. */
function keptFree(bytes: number): number {
  return minFreeKbytes(bytes / PAGE) * 1024;
}

function layoutKey(layout: Layout): string {
  return `${placesOf(layout)} ${layout.last?.medium}`;
}

/** A layout at a part of its size. */
export function scaled({ dram, cxl, last }: Layout, rate: number): Layout {
  const size = (bytes: number): number => Math.ceil((bytes * rate) / PAGE) * PAGE;
  return { dram: size(dram), cxl: size(cxl), last: last && { ...last, size: size(last.size) } };
}

/** What a pool of compressed pages takes that holds so many bytes. */
export function poolSize(size: number, ratio: number): number {
  return Math.max(64 * 1024, Math.ceil((size * POOL_SLACK) / ratio / PAGE) * PAGE);
}

/** What a layout costs, in the price list's money. */
export function costOf({ dram, cxl, last }: Layout, prices: PriceList): number {
  const device =
    last === undefined
      ? 0
      : last.medium === "zswap"
        ? poolSize(last.size, prices.zswapRatio ?? 1) * prices.zswap.cost
        : last.size * prices[last.medium].cost;
  return (dram * prices.dram.cost + cxl * prices.cxl.cost + device) / GIB;
}

/** What runs of this layout have the same counts: devices differ in time and money alone. */
export function placesOf({ dram, cxl, last }: Layout): string {
  return `${dram} ${cxl} ${last?.size ?? 0}`;
}

/** The nodes of a layout: what a run of it and a memory to be opened have in common. */
export function nodesOf({ dram, cxl }: Layout, prices: PriceList): NamedNodes {
  const node = (size: number, medium: MediumName) =>
    ({ kind: "dram", size, latency: Math.round(prices[medium].latency) }) as const;
  return { dram: node(dram, "dram"), ...(cxl > 0 && { cxl: { ...node(cxl, "cxl"), tier: 1 } }) };
}

/** The options of a memory with this layout, to open it. */
export function memoryOptions(layout: Layout, prices: PriceList): MemoryOptions {
  const { last } = layout;
  const nodes = nodesOf(layout, prices);
  if (last === undefined) return { nodes };
  const file = (name: string): SwapOptions => ({ kind: "file", name, path: `${name}.swap`, size: last.size });
  if (last.medium === "nvme") return { nodes, swap: [file("nvme")] };
  if (last.medium === "zswap") {
    // What compresses worse than planned goes to a file.
    return { nodes, zswap: { size: poolSize(last.size, prices.zswapRatio ?? 1) }, swap: [file("nvme")] };
  }
  return {
    nodes,
    swap: [{ kind: "remote", name: "remote", url: "redis://127.0.0.1:6379", size: last.size, sole: true }],
  };
}

/** "64 MiB DRAM + 128 MiB CXL + 1 GiB NVMe". */
export function layoutName({ dram, cxl, last }: Layout): string {
  const parts = [`${formatSize(dram)} DRAM`];
  if (cxl > 0) parts.push(`${formatSize(cxl)} CXL`);
  if (last !== undefined) parts.push(`${formatSize(last.size)} ${last.medium === "nvme" ? "NVMe" : last.medium}`);
  return parts.join(" + ");
}
