/** What openMemory() takes: options as a user writes them. options.ts checks them and says what they come to. */
import type { Behaviour, Preset } from "../mm/presets.ts";
import type { Size } from "./size.ts";

/** Options of {@link openMemory}. */
export interface MemoryOptions {
  /**
   * The memory nodes, by name: at least one, at most 16. Nodes of a lower tier are faster; each node's cold pages sink to the
   * tiers below it. "host": one for each memory node of this machine, in the kernel's tiers (Linux; needs the package koffi).
   */
  nodes: NamedNodes | "host";
  /**
   * Compressed pages in memory, in front of the swap devices or in place of any: what leaves the lowest tier is compressed into a
   * pool of this size, which the memory has beside its nodes. Default: none.
   */
  zswap?: ZswapOptions | undefined;
  /** Where pages go from the lowest tier, the device of the highest priority first. Default: none. */
  swap?: readonly SwapOptions[] | undefined;
  /** A set of behaviours: lieu's, today's kernel's, or the 2020 RFC's. Default: "lieu". */
  preset?: Preset | undefined;
  /** Move cold pages to a lower tier rather than out. Default: what the preset says; all of them say true. */
  demotion?: boolean | undefined;
  /** The design of the lists: active and inactive ("classic"), or generations ("mglru"). Default: "classic". */
  lru?: "classic" | "mglru" | undefined;
  /** Single behaviours, on or off, whatever the preset says. */
  behaviours?: BehaviourOptions | undefined;
  /** For each node, the nodes that it demotes to, in place of the derived ones; they must be of lower tiers. */
  demotionTargets?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Pairs of nodes of one tier that may balance each other. Default: none. */
  balance?: readonly (readonly [string, string])[] | undefined;
  /** NUMA distances from node to node, 10 = local, up to 255. Default: 20 within a tier and 10 more for each tier between. */
  distances?: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined;
  /** The node that allocation starts from. Default: the first of the fastest tier. */
  home?: string | undefined;
  /** Bring hot pages up again, and how. Default: what the preset says. */
  promotion?: boolean | PromotionOptions | undefined;
  /** What things cost. Default: round figures, those of the study. */
  prices?: PriceOptions | undefined;
  /** How much regions' pages are reclaimed for each of caches': 0 to 200. Default: 60. */
  swappiness?: number | undefined;
  /** What all nodes together keep free (min_free_kbytes). Default: Linux's formula. */
  minFree?: Size | undefined;
  /** Ten-thousandths of a node between its watermarks, 1 to 3000 (watermark_scale_factor). Default: 10. */
  watermarkScaleFactor?: number | undefined;
  /** What regions and caches may cover together. Default: eight times all nodes and swap, or, up to 16 GiB, 64 times; at most 256 GiB a shard. */
  addressSpace?: Size | undefined;
  /** Of the engine's choices by chance: the same seed, the same counters. Without one, the keys of caches are hashed with a secret. Default: 1. */
  seed?: number | undefined;
  /** WebAssembly, or its JavaScript twin to step through in a debugger. Default: "wasm". */
  engine?: "wasm" | "js" | undefined;
  /**
   * When the operating system is asked for the pages of all nodes. `true`, the default: from now on in the background, in
   * slices of a few milliseconds. `"wait"`: the same, but before openMemory() is done. `false`: each page as it is first used.
   */
  pretouch?: boolean | "wait" | undefined;
  /**
   * Back the nodes with the system's transparent huge pages: scattered reads of large memories are up to twice as fast. Default: if
   * the nodes have 64 MiB or more, the system gives them to who asks, and the package koffi is installed. `true`: it must be
   * possible (ENOTSUP). `false`: lieu does not ask.
   */
  hugePages?: boolean | undefined;
  /**
   * Give memory back before the system's limit is reached: nodes of kind "dram" and "numa" shrink while the process's cgroup (version
   * 2) is near its memory.high or memory.max, or waits for memory, and grow again. Linux; needs the package koffi. Default: false.
   */
  pressure?: boolean | PressureOptions | undefined;
  /**
   * Let worker threads attach to the memory ({@link Memory.descriptor}, attachMemory()). Each operation is then made under a lock; without
   * it, none is. A name, such as "/my-app": one memory for all processes that open it by that name with the same options (node:cluster,
   * PM2), in /dev/shm, or in a file if it is the absolute path of one. Linux; needs the package koffi. Default: false.
   */
  shared?: boolean | string | undefined;
  /**
   * How many segments the memory is made of, 1 to 64, each of at most 4 GiB with a slice of every node and device. Default: as few as hold
   * it, which is one up to about 4 GiB.
   */
  shards?: number | undefined;
  /**
   * Who moves pages away before a node is full: `"inline"`, whichever thread comes next, in its own time; `"thread"`, a thread of the memory's
   * own, beside all others, which also does the writes to swap; of a memory with a name, one of one of the processes. It needs `shared` (EINVAL), and swap devices that
   * several threads can use (ENOTSUP). Default: "inline".
   */
  kswapd?: "inline" | "thread" | undefined;
}

/** How memory is given back. */
export interface PressureOptions {
  /** Milliseconds between two looks at the cgroup. Default: 200. */
  interval?: number | undefined;
  /** How much is to be left until the limit. Default: a twentieth of the limit. */
  reserve?: Size | undefined;
  /** The folder of the cgroup to look at, in place of the process's own. */
  cgroup?: string | undefined;
}

/** Single behaviours, on or off. */
export type BehaviourOptions = { [name in Behaviour]?: boolean | undefined };

/** Nodes by name. */
export type NamedNodes = Readonly<Record<string, NodeOptions>>;

/** Options of one node. */
export type NodeOptions = DramNodeOptions | NumaNodeOptions | MappedFileNodeOptions | ModelNodeOptions;

interface AnyNodeOptions {
  /** At least 256 KiB. */
  size: Size;
  /** Memory tier relative to DRAM's, which is 0: 1 is the next slower one, -1 faster than DRAM. Or give `distance`. */
  tier?: number | undefined;
  /** Abstract distance (adistance): DRAM is 576, five times slower 2880; 128 units make a tier. */
  distance?: number | undefined;
  /**
   * Nanoseconds an access takes, by which the default preset judges what pays; of a model node it sets the tier, too, unless
   * `tier` or `distance` do. Default: 100 for DRAM, three times as much for each tier below it; what the machine says of a host's node.
   */
  latency?: number | undefined;
  /**
   * Whether the watermarks are those of a movable zone, as hotplugged memory usually is to Linux: a small one of its own, and no part in what
   * all nodes keep free together, which the others are alone for. Default: false, all nodes alike, for no page of any is bound to its place.
   */
  movable?: boolean | undefined;
  /** Default: Linux's formulas. */
  watermarks?: WatermarkOptions | undefined;
}

/** A node of ordinary memory; with a `tier` it stands for slower or faster memory. */
export interface DramNodeOptions extends AnyNodeOptions {
  kind: "dram";
}

/** A node whose pages lie on one of the machine's own memory nodes, by mbind(2). Linux; needs the package koffi. */
export interface NumaNodeOptions extends AnyNodeOptions {
  kind: "numa";
  /** The kernel's number of the node: `lieu topology` shows them. Its tier is the host's unless `tier` or `distance` say otherwise. */
  hostNode: number;
  /** Where the pages cannot be bound, go on with ordinary memory and a warning. Default: false, an error. */
  fallback?: boolean | undefined;
}

/** A node whose pages are a file's, mapped in place: persistent memory (fsdax), NVMe, tmpfs. Linux; needs the package koffi. */
export interface MappedFileNodeOptions extends AnyNodeOptions {
  kind: "mapped-file";
  /** Where the file is made; the folder must exist. It loses its name as soon as it is open. */
  path: string;
  /** Whether the file is to be seen at `path` while it is in use. Then a crash may leave it behind. Default: false. */
  keep?: boolean | undefined;
}

/** A node without bytes, for study: places only. */
export interface ModelNodeOptions extends AnyNodeOptions {
  kind: "model";
}

/** Free pages of a node: it reclaims in the background from `low` up to `high`, and at once below `min`. */
export interface WatermarkOptions {
  min: number;
  low: number;
  high: number;
  /** What is reclaimed up to, and kept free, for pages on their way up. Default: as far above `high` as that is above `low`. */
  promo?: number | undefined;
}

/** Options of the pool of compressed pages. */
export interface ZswapOptions {
  /** What the pool may take, its own slack included; at least 64 KiB. */
  size: Size;
}

/** Options of one swap device. */
export type SwapOptions = FileSwapOptions | RemoteSwapOptions | NullSwapOptions;

interface AnySwapOptions {
  /** Default: its kind, with a number if there are several. */
  name?: string | undefined;
  size: Size;
  /** Those of the highest are filled first: -32768 to 32767. Default: falling from -2, in the order given. */
  priority?: number | undefined;
}

/** Swap in a file, which is made for this memory alone, and gone with it, however the process ends. */
export interface FileSwapOptions extends AnySwapOptions {
  kind: "file";
  /** Where it is made; the folder must exist. On POSIX the file loses its name as soon as it is open. */
  path: string;
  /** Whether it is to be seen at `path` while it is in use. Then, as on Windows, a crash may leave it behind. Default: false. */
  keep?: boolean | undefined;
}

/**
 * Swap on a server: Valkey, Redis, or what speaks their protocol, one or a cluster. Needs the package redis. What it keeps may be lost, so only
 * caches' pages go there, for which that is a miss, unless it is `sole`.
 */
export interface RemoteSwapOptions extends AnySwapOptions {
  kind: "remote";
  /** `redis://user:password@host:port/db`, `rediss:` for TLS; one or more nodes of a cluster. */
  url: string | readonly string[];
  /**
   * Whether regions' pages may go there too: then the only copy of a page is on the server, and one that is evicted there, lost with it, or
   * out of reach is an EIO. Default: false.
   */
  sole?: boolean | undefined;
  /** What all keys begin with. Default: "lieu". */
  prefix?: string | undefined;
  /** Milliseconds after which the server forgets what a process has left there that died. Default: a day. */
  ttl?: number | undefined;
  /** Milliseconds that an operation may wait for the server; then it has failed. Default: 600. */
  timeout?: number | undefined;
  /** Certificates to trust in place of the system's, PEM. */
  ca?: string | undefined;
  /** If the server cannot be reached when the memory is opened, go on with a warning, and connect when it can be. Default: false, an error. */
  fallback?: boolean | undefined;
}

/** Swap that keeps no bytes, for memories of model nodes. */
export interface NullSwapOptions extends AnySwapOptions {
  kind: "null";
}

/** What things cost, by which the default preset judges what pays. */
export interface PriceOptions {
  /** Nanoseconds to move a page to another node. Default: measured where the memory is real; 2000 otherwise, and with a `seed`. */
  move?: number | undefined;
  /** Nanoseconds for reclaim to look at a page. Default: likewise; 50. */
  look?: number | undefined;
  /**
   * Accesses to memory that a use of a page stands for, 64 if a program reads each line of a page that it looks up. Default: the
   * cache lines that are read or written at a time; all 64 where that is not known (`region.translate()` without a length).
   */
  touch?: number | undefined;
}

/** How promotion goes about it. */
export interface PromotionOptions {
  /** Milliseconds between hint scans. Default: 100; under the kernel's presets 1000. */
  scanPeriod?: number | undefined;
  /** How much of the mappings one scan covers. Default: 256 MiB. */
  scanSize?: Size | undefined;
  /** Milliseconds from mark to touch under which a page is hot. Default: 300; under the kernel's presets 1000. */
  hotThreshold?: number | undefined;
  /** Bytes a second that may be offered for promotion. Default: 64 GiB. */
  rateLimit?: Size | undefined;
}
