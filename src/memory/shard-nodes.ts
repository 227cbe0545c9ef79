/** Nodes and swap devices of several shards, as though they were one. */
import { isLieuError, LieuError, shown } from "../errors.ts";
import { showAs } from "../runtime/show.ts";
import { POOL } from "./balloon.ts";
import type { Inflatable } from "./pressure.ts";
import type { NodeInfo, SwapInfo } from "./requests.ts";
import { formatSize, pagesOf, parseSize, type Size } from "./size.ts";
import { resizable } from "./swap-info.ts";
import { addVmstat } from "./vmstat.ts";

const PAGE = 4096;

/** Pages of the pool of compressed ones of each shard. */
export function poolsOf(configs: readonly { readonly zpages: number }[]): number[] {
  return configs.map(({ zpages }) => zpages);
}

/** Divide `total` pages in proportion to `whole`, as far as it goes. */
export function inProportion(total: number, whole: readonly number[]): number[] {
  const all = whole.reduce((a, b) => a + b, 0);
  if (all === 0) return whole.map(() => 0);
  const parts = whole.map((n) => Math.floor((total * n) / all));
  let left = Math.floor(total) - parts.reduce((a, b) => a + b, 0);
  for (let i = 0; left > 0; i = (i + 1) % parts.length) {
    if (whole[i] === 0) continue;
    parts[i] = (parts[i] as number) + 1;
    left--;
  }
  return parts;
}

/** A node whose slices are what `look` gives, of `whole` pages each when all of them are there. */
export function joinNodes(look: () => NodeInfo[], whole: readonly number[], beforeResize: () => void): NodeInfo {
  const parts = look();
  const first = parts[0] as NodeInfo;
  const sum = (of: (part: NodeInfo) => number): number => parts.reduce((n, part) => n + of(part), 0);
  const info: NodeInfo = {
    name: first.name,
    kind: first.kind,
    size: sum((part) => part.size),
    free: sum((part) => part.free),
    residentPages: sum((part) => part.residentPages),
    tier: first.tier,
    latency: first.latency,
    move: first.move,
    vmstat: () => addVmstat(parts.map((part) => part.vmstat())),
    resize: (size) => {
      beforeResize();
      return resizeAll(look(), whole, size);
    },
    hostPlacement: () => {
      const pages = new Map<number, number>();
      for (const part of parts) {
        for (const [hostNode, n] of part.hostPlacement()) pages.set(hostNode, (pages.get(hostNode) ?? 0) + n);
      }
      return pages;
    },
  };
  showAs(info, "Node", ({ vmstat: _, hostPlacement: __, resize: ___, ...shown }) => shown);
  return info;
}

/** All slices, or none. */
function resizeAll(parts: readonly NodeInfo[], whole: readonly number[], size: Size): number {
  const slices = parts.map((part) => ({ size: part.size, resize: part.resize }));
  return resizeSlices(`resize() of node ${(parts[0] as NodeInfo).name}`, slices, whole, size);
}

/** The pools of all shards, of `whole` pages when all of them are there; or none. */
function resizePools(parts: readonly SwapInfo[], whole: readonly number[], size: Size): number {
  const slices = parts.map((part) => ({ size: part.size, resize: part.resize as Slice["resize"] }));
  return resizeSlices("resize() of zswap", slices, whole, size);
}

/** What a shard has of a node or pool: its bytes now, and how to change them. */
interface Slice {
  readonly size: number;
  readonly resize: (size: Size) => number;
}

function resizeSlices(what: string, slices: readonly Slice[], whole: readonly number[], size: Size): number {
  const wanted = Math.floor(parseSize(size, what) / PAGE);
  const most = whole.reduce((a, b) => a + b, 0);
  if (wanted > most) {
    const range = `it was opened with ${formatSize(most * PAGE)}`;
    throw new LieuError("EINVAL", `${what}: ${shown(size)} is out of range: ${range}`);
  }
  const sizes = inProportion(wanted, whole);
  let done = 0;
  try {
    for (const slice of slices) {
      slice.resize((sizes[done] as number) * PAGE);
      done++;
    }
  } catch (error) {
    // What was given up is free, and what was taken back was there before: this cannot fail.
    for (const slice of slices.slice(0, done)) slice.resize(slice.size);
    if (!isLieuError(error, "EINVAL")) throw error;
    const why = `what each of ${slices.length} shards would have of it is too little`;
    throw new LieuError("EINVAL", `${what}: ${shown(size)} is out of range: ${why} (${error.message})`, {
      cause: error,
    });
  }
  return wanted * PAGE;
}

/** Devices by name, each of all shards, of which `look` tells; `pools`: pages of their pools. */
export function joinDevices(look: () => SwapInfo[][], pools: readonly number[]): SwapInfo[] {
  const shards = look();
  return (shards[0] as readonly SwapInfo[]).map(({ name, kind }, dev) => {
    const all = partsOf(shards, dev);
    const sum = (of: (part: SwapInfo) => number): number => all.reduce((n, part) => n + of(part), 0);
    const info: SwapInfo = {
      name,
      kind,
      size: sum((part) => part.size),
      used: sum((part) => part.used),
      stored: sum((part) => part.stored),
      failed: all.some(({ failed }) => failed),
    };
    if (kind !== "zswap") return info;
    return resizable(info, (size) => resizePools(partsOf(look(), dev), pools, size));
  });
}
function partsOf(shards: readonly (readonly SwapInfo[])[], dev: number): SwapInfo[] {
  return shards.map((devices) => devices[dev] as SwapInfo);
}

/** What shrinks nodes of all shards, whose slices have `whole` pages by shard and node, their pools `pools`: each by as much as the others, and those that can by what one cannot. */
export function joinBalloons(
  parts: readonly Inflatable[],
  whole: readonly (readonly number[])[],
  pools: readonly number[],
  beforeFirst: () => void,
): Inflatable {
  const wholeOf = (i: number, nid: number): number => (nid === POOL ? pools[i] : whole[i]?.[nid]) as number;
  const sum = (of: (part: Inflatable) => number): number => parts.reduce((n, part) => n + of(part), 0);
  return {
    least: (nid) => sum((part) => part.least(nid)),
    held: (nid) => sum((part) => part.held(nid)),
    shrink(nid, pages) {
      beforeFirst();
      let taken = 0;
      parts.forEach((part, i) => {
        const most = wholeOf(i, nid) - part.least(nid) - part.held(nid);
        const asked = Math.min(most, Math.ceil((pages - taken) / (parts.length - i)));
        if (asked > 0) taken += part.shrink(nid, asked);
      });
      return taken;
    },
    trim: () => sum((part) => part.trim()),
    grow(nid, pages) {
      let left = pages;
      for (const part of parts) {
        const n = Math.min(left, part.held(nid));
        part.grow(nid, n);
        left -= Math.max(0, n);
      }
    },
  };
}

/** Whole pages of what is asked for, in bytes, in proportion to what is there. */
export function splitAmount(amount: Size, there: readonly number[]): number[] {
  return inProportion(pagesOf(parseSize(amount, "amount")), there).map((pages) => pages * PAGE);
}
