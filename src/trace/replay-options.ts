/**
 * The options of a replay: those of openMemory() and a few of its own, in one flat schema that flags and configuration
 * files share, and the memory that they come to for a given trace.
 */
import { LieuError } from "../errors.ts";
import type { MemoryOptions, NamedNodes } from "../memory/memory-options.ts";
import { memoryShape, resolveOptions } from "../memory/options.ts";
import { boolean, type Checked, checkInput, object, oneOf, optional, positive, text, whole } from "../memory/schema.ts";
import { parseSize, type Size, size } from "../memory/size.ts";
import { footprintBytes, type Trace } from "./trace.ts";

const PAGE = 4096;
/** What the smallest node has. */
const MIN_NODE_PAGES = 64;
const MIB = 2 ** 20;

/** Bytes, "64MiB", or "33%" of the trace's footprint. */
const amount = size;

/** What a configuration file of a replay may hold: everything of openMemory(), `nodes` optional, and this. */
export const replaySchema = object({
  ...memoryShape,
  nodes: optional(memoryShape.nodes),
  /** "cache" (default): objects with their sizes, fetched on a miss. "region": each key one page of a lossless region. */
  as: optional(oneOf(["cache", "region"])),
  /** false: model nodes, which have no bytes to move or check. Default true. */
  bytes: optional(boolean),
  /** Size of the default node `dram`. */
  dram: optional(amount),
  /** Size of the default node `slow`, a tier below; 0 for none. */
  slow: optional(amount),
  /** Size of the default swap device `swap`, a file; 0 for none. */
  swapSize: optional(amount),
  /** Where the default swap file is to be; by default in a temporary directory, removed at the end. */
  swapFile: optional(text()),
  /** The most that the cache may hold; by default all that the tiers hold. */
  maxSize: optional(amount),
  /** Replay only so many requests. */
  limit: optional(whole(1)),
  /** Virtual microseconds that pass from one request to the next. Default 10. */
  accessTime: optional(positive(1e9)),
});

/** Options of {@link replay}. */
export type ReplayOptions = Checked<typeof replaySchema>;

/**
 * Check the options of a replay. `source` is what messages call them, where that is not clear: a file's name.
 *
 * @throws {@link LieuError} EINVAL that names the key, its value and what is allowed
 */
export function checkReplayOptions(input: unknown, source?: string): ReplayOptions {
  return checkInput(replaySchema, input, { source });
}

/** Bytes that the whole trace needs: its objects, or a page for each. */
export function replayFootprint(trace: Trace, as: "cache" | "region"): number {
  return as === "region" ? trace.keys * PAGE : footprintBytes(trace);
}

/** Bytes of a size that may be a percentage of the footprint. @throws {@link LieuError} EINVAL naming `what` */
export function amountOf(value: Size, footprint: number, what: string): number {
  const percent = typeof value === "string" ? /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(value) : null;
  if (percent === null) {
    if (typeof value === "string" && value.includes("%")) {
      throw new LieuError(
        "EINVAL",
        `${what} is ${JSON.stringify(value)}: not a percentage; give "33%" of the footprint, or a size such as "64MiB"`,
      );
    }
    return parseSize(value, what);
  }
  const share = Number(percent[1]);
  if (share === 0) throw new LieuError("EINVAL", `${what} is ${JSON.stringify(value)}: must be more than 0`);
  return Math.ceil((footprint * share) / 100 / PAGE) * PAGE;
}

/**
 * The memory that replays `trace`: the configured nodes and swap devices, or the default ones, sized for the footprint.
 *
 * @throws {@link LieuError} EINVAL, ENOTSUP
 */
export function memoryOptionsOf(
  trace: Trace,
  options: ReplayOptions,
  swapPath: string,
): MemoryOptions & { nodes: Nodes } {
  const { as = "cache", bytes = true, dram, slow, swapSize, swapFile, maxSize, limit, accessTime, ...rest } = options;
  if (as === "cache" && !bytes) {
    throw new LieuError("ENOTSUP", 'without bytes there is no cache to replay as; use as "region" (--as region)');
  }
  if (!bytes && swapFile !== undefined) {
    throw new LieuError("EINVAL", `swapFile is ${JSON.stringify(swapFile)}: without bytes nothing is written to one`);
  }
  if (as === "region" && maxSize !== undefined) {
    throw new LieuError("EINVAL", `maxSize is ${maxSize}: only a cache has one; a region loses nothing`);
  }
  const footprint = replayFootprint(trace, as);
  const nodes = sizedNodes(options, footprint, as);
  const swap = sizedSwap(options, footprint, as, swapFile ?? swapPath);
  const made = { ...rest, nodes: bytes ? nodes : modelled(nodes), swap: bytes ? swap : forgetful(swap) };
  if (as === "cache" || rest.addressSpace !== undefined) return made;
  // A region's address space is its footprint, however small the memory under it.
  const total = [...Object.values(nodes), ...swap].reduce((n, { size }) => n + Number(size), 0);
  return { ...made, addressSpace: Math.max(8 * total, footprint + MIB) };
}

/** Check all that can be wrong with these options for this trace, without opening anything. */
export function checkMemoryOptions(options: MemoryOptions, source?: string): void {
  try {
    resolveOptions(options);
  } catch (error) {
    if (source === undefined || !(error instanceof LieuError)) throw error;
    throw new LieuError(error.code, `${source}: ${error.message.slice(error.code.length + 2)}`, { cause: error });
  }
}

type Nodes = NamedNodes;
type Swap = NonNullable<MemoryOptions["swap"]>;

function sizedNodes(options: ReplayOptions, footprint: number, as: "cache" | "region"): Nodes {
  const { nodes, dram, slow } = options;
  if (nodes !== undefined) {
    for (const [name, value] of Object.entries({ dram, slow })) {
      if (value === undefined) continue;
      const own = Object.keys(nodes).join(", ");
      throw new LieuError(
        "EINVAL",
        `${name} is ${value}: it sizes a default node, but the configuration has nodes (${own})`,
      );
    }
    const sized = Object.entries(nodes).map(([name, node]) => {
      return [name, { ...node, size: nodeAmount(node.size, footprint, `nodes.${name}.size`) }];
    });
    return Object.fromEntries(sized);
  }
  const share = (region: string, cache: string, cap: number) => {
    const bytes = amountOf(as === "region" ? region : cache, footprint, "size");
    return Math.max(leastNode(as, footprint), Math.min(bytes, cap));
  };
  const made: Nodes = {
    dram: {
      kind: "dram",
      size:
        dram === undefined
          ? share("33%", "10%", as === "region" ? 1024 * MIB : 256 * MIB)
          : nodeAmount(dram, footprint, "dram"),
    },
  };
  if (isNone(slow)) return made;
  const size =
    slow === undefined
      ? share("33%", "20%", as === "region" ? 1024 * MIB : 512 * MIB)
      : nodeAmount(slow, footprint, "slow");
  return { ...made, slow: { kind: "dram", tier: 1, size } };
}

function sizedSwap(options: ReplayOptions, footprint: number, as: "cache" | "region", path: string): Swap {
  const { swap, swapSize, swapFile } = options;
  if (swap !== undefined) {
    if (swapSize !== undefined || swapFile !== undefined) {
      throw new LieuError("EINVAL", "a swap size or file is given, but the configuration has swap devices of its own");
    }
    return swap.map((device, i) => ({ ...device, size: amountOf(device.size, footprint, `swap[${i}].size`) }));
  }
  if (isNone(swapSize)) {
    if (swapFile === undefined) return [];
    throw new LieuError("EINVAL", `the swap file is ${JSON.stringify(swapFile)}, but the swap size is ${swapSize}`);
  }
  const share = as === "region" ? footprint : Math.min(amountOf("20%", footprint, "swap size"), 512 * MIB);
  const size = swapSize === undefined ? Math.max(share, PAGE) : amountOf(swapSize, footprint, "swap size");
  return [{ kind: "file", name: "swap", path, size }];
}

/** However small the trace, a node that nobody sized is one, and large enough for a cache if it is to hold one. */
function leastNode(as: "cache" | "region", footprint: number): number {
  return as === "cache" && footprint < 3 * MIB ? MIB : MIN_NODE_PAGES * PAGE;
}

function nodeAmount(value: Size, footprint: number, what: string): number {
  const bytes = amountOf(value, footprint, what);
  const isShare = typeof value === "string" && value.includes("%");
  return isShare ? Math.max(MIN_NODE_PAGES * PAGE, bytes) : bytes;
}

function isNone(size: Size | undefined): boolean {
  return size !== undefined && /^\s*(0+(\.0*)?\s*[a-z%]*|none)\s*$/i.test(String(size));
}

/** The same nodes without bytes. A model node's tier is given rather than taken from a latency. */
function modelled(nodes: Nodes): Nodes {
  const models = Object.entries(nodes).map(([name, node]) => {
    const { size, tier, distance, watermarks } = node;
    const { latency } = node;
    return [name, { kind: "model" as const, size, tier, distance, watermarks, latency }];
  });
  return Object.fromEntries(models);
}

/** The same devices, of names and sizes alone. */
function forgetful(swap: Swap): Swap {
  return swap.map((device, i) => {
    const { size, priority } = device;
    const many = swap.filter((other) => other.kind === device.kind).length > 1;
    const name = device.name ?? (many ? `${device.kind}${i}` : device.kind);
    return { kind: "null", name, size, ...(priority === undefined ? {} : { priority }) };
  });
}
