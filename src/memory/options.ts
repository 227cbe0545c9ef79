/**
 * The options of openMemory(), their schema, and what they come to: a checked description with names resolved and nodes
 * in order from the fastest tier down. Everything that can be wrong with a configuration is said here.
 */
import { LieuError, shown } from "../errors.ts";
import { MAX_INDEX, MAX_NODES } from "../mm/layout.ts";
import { OPT_LRU_GEN } from "../mm/options.ts";
import { BEHAVIOURS, type Behaviour, behaviourBits, PRESETS } from "../mm/presets.ts";
import { ADISTANCE_DRAM } from "../nodes/dram.ts";
import { type Backing, hostDistance, openBacking } from "./backing.ts";
import { hostNodeOptions } from "./host-options.ts";
import type { MemoryOptions, NamedNodes, NodeOptions } from "./memory-options.ts";
import type { PressureConfig } from "./pressure.ts";
import { pressure, resolvePressure } from "./pressure-options.ts";
import { latencyOf, type Prices, pricesSchema, resolvePrices } from "./prices.ts";
import {
  boolean,
  type Check,
  type Checked,
  checkInput,
  list,
  object,
  oneOf,
  optional,
  positive,
  record,
  text,
  tuple,
  value,
  variants,
  whole,
} from "./schema.ts";
import { MAX_SHARDS, withShards } from "./shards.ts";
import { checkShareable, resolveKswapd, resolveShared } from "./share-options.ts";
import { formatSize, pagesOf, parseSize, type Size, size } from "./size.ts";
import { poolPages, resolveSwap, type SwapConfig, swapSchema } from "./swap-options.ts";

const pages = whole(1);
/** Milliseconds that fit the engine's words. */
const duration = whole(1, 0x7fffffff);

const nodeCommon = {
  size,
  tier: optional(whole(-4, 1000)),
  distance: optional(whole(1, 1_000_000)),
  latency: optional(positive()),
  movable: optional(boolean),
  watermarks: optional(object({ min: pages, low: pages, high: pages, promo: optional(pages) })),
};
const nodeSchema: Check<NodeOptions> = variants("kind", {
  dram: object({ kind: oneOf(["dram"]), ...nodeCommon }),
  "mapped-file": object({
    kind: oneOf(["mapped-file"]),
    ...nodeCommon,
    path: text(),
    keep: optional(boolean),
  }),
  numa: object({
    kind: oneOf(["numa"]),
    ...nodeCommon,
    hostNode: whole(0, 1023),
    fallback: optional(boolean),
  }),
  model: object({
    kind: oneOf(["model"]),
    ...nodeCommon,
  }),
});
const behaviours = Object.fromEntries(Object.keys(BEHAVIOURS).map((name) => [name, optional(boolean)])) as Record<
  Behaviour,
  Check<boolean | undefined>
>;
const promotionSchema = object({
  scanPeriod: optional(duration),
  scanSize: optional(size),
  hotThreshold: optional(duration),
  rateLimit: optional(size),
});
type Promotion = boolean | Checked<typeof promotionSchema>;
const promotion: Check<Promotion> = (given, path, problems) => {
  if (typeof given === "boolean") return given;
  if (typeof given === "object" && given !== null) return promotionSchema(given, path, problems);
  const rule = `give true, false or an object with ${promotionSchema.keys?.join(", ")}`;
  return value<Promotion>(() => false, rule)(given, path, problems);
};

const isPretouch = (v: unknown): boolean => typeof v === "boolean" || v === "wait";
const pretouch: Check<boolean | "wait"> = value(isPretouch, 'give true, false or "wait"');

const isShared = (v: unknown): boolean => typeof v === "boolean" || (typeof v === "string" && v.startsWith("/"));
const shared: Check<boolean | string> = value(isShared, 'give true, false or a name such as "/my-app"');

const nodeRecord = record(nodeSchema, "nodes by name");
const nodes: Check<NamedNodes> = (given, path, problems) =>
  nodeRecord(given === "host" ? hostNodeOptions() : given, path, problems);

/** The keys of a configuration. */
export const memoryShape = {
  nodes,
  zswap: optional(object({ size })),
  swap: optional(list(swapSchema, "give a list of devices")),
  preset: optional(oneOf(Object.keys(PRESETS) as (keyof typeof PRESETS)[])),
  demotion: optional(boolean),
  lru: optional(oneOf(["classic", "mglru"])),
  behaviours: optional(object(behaviours)),
  demotionTargets: optional(record(list(text(true), "give a list of nodes"), "lists of targets by node")),
  balance: optional(list(tuple([text(true), text(true)], "give two nodes"), "give a list of pairs of nodes")),
  distances: optional(record(record(whole(10, 255), "distances by node"), "distances by node")),
  home: optional(text(true)),
  promotion: optional(promotion),
  prices: optional(pricesSchema),
  swappiness: optional(whole(0, 200)),
  minFree: optional(size),
  watermarkScaleFactor: optional(whole(1, 3000)),
  addressSpace: optional(size),
  seed: optional(whole(0, 0xffffffff)),
  engine: optional(oneOf(["wasm", "js"])),
  /**
   * When the operating system is asked for the pages of all nodes: true, in the background from now on, in slices of a few
   * milliseconds; "wait", the same before openMemory() is done; false, as each is used first. By default true.
   */
  pretouch: optional(pretouch),
  hugePages: optional(boolean),
  pressure: optional(pressure),
  shared: optional(shared),
  shards: optional(whole(1, MAX_SHARDS)),
  kswapd: optional(oneOf(["inline", "thread"])),
};
const memorySchema: Check<MemoryOptions & { nodes: NamedNodes }> = object(memoryShape);

/** A node, checked. */
export interface NodeConfig {
  readonly name: string;
  readonly backing: Backing;
  readonly pages: number;
  readonly adistance: number;
  /** Nanoseconds of an access to it. */
  readonly latency: number;
  /** Whether that was given, as such, or as a tier or distance. */
  readonly latencyGiven: boolean;
  /** Whether it has a share of what all keep free, or no more than a movable zone. */
  readonly movable: boolean;
  readonly watermarks?: { readonly min: number; readonly low: number; readonly high: number; readonly promo: number };
}
/** All options, checked, names resolved. Nodes are in order from the fastest tier down, devices by falling priority. */
export interface MemoryConfig {
  readonly nodes: readonly NodeConfig[];
  /** The pool of compressed pages, if there is one, goes before the devices. */
  readonly swap: readonly SwapConfig[];
  readonly zpages: number;
  readonly hasBytes: boolean;
  readonly options: number;
  /** [from][to] */
  readonly distances: readonly (readonly number[])[];
  /** Preferred targets of a node as a mask, where the user gave them. */
  readonly demotionTargets: readonly (number | undefined)[];
  readonly balance: readonly number[];
  readonly home: number;
  readonly promotion: { scanPeriod: number; scanPages: number; hotThreshold: number; ratePages: number };
  readonly prices: Prices;
  readonly swappiness: number;
  readonly minFreeKbytes: number;
  readonly watermarkScaleFactor: number;
  readonly vpns: number;
  readonly seed: number;
  /** Whether the seed was given. */
  readonly seeded: boolean;
  readonly engine: "wasm" | "js";
  readonly pretouch: boolean | "wait";
  readonly hugePages: boolean | undefined;
  /** Undefined: not watched. */
  readonly pressure: PressureConfig | undefined;
  /** Whether other threads may attach. */
  readonly shared: boolean;
  /** If processes share it: by what name. */
  readonly sharedName: string | undefined;
  /** How many segments it is made of. */
  readonly shards: number;
  readonly kswapd: "inline" | "thread";
}

/**
 * Check options and resolve them.
 *
 * @throws {@link LieuError} EINVAL that names the key, its value and what is allowed
 */
export function resolveOptions(input: unknown): MemoryConfig {
  const o = checkInput(memorySchema, input);
  const nodes = resolveNodes(o.nodes);
  const hasBytes = nodes[0]?.backing.hasBytes === true;
  const zpages = poolPages(o.zswap, hasBytes);
  const swap = resolveSwap(
    o.swap ?? [],
    zpages,
    hasBytes,
    nodes.map((node) => node.name),
    o.shards,
  );
  const index = nodeIndex(nodes);
  const distances = resolveDistances(nodes, o.distances ?? {}, index);
  const preset = o.preset ?? "lieu";
  const changes: Partial<Record<Behaviour, boolean>> = {};
  for (const [name, on] of Object.entries(o.behaviours ?? {})) if (on !== undefined) changes[name as Behaviour] = on;
  if (o.demotion !== undefined) changes.demotion = o.demotion;
  if (typeof o.promotion === "boolean") changes.promotion = o.promotion;
  const p = typeof o.promotion === "object" ? o.promotion : {};
  const onDevices = swap.reduce((n, s) => n + (s.options.kind === "zswap" ? 0 : s.bytes / 4096), 0);
  // Pages that compress well are three to a page of the pool.
  const total = nodes.reduce((n, node) => n + node.pages, 0) + 3 * zpages + onDevices;
  const whole = {
    nodes,
    swap,
    zpages,
    hasBytes,
    options: behaviourBits(preset, changes) | (o.lru === "mglru" ? OPT_LRU_GEN : 0),
    distances,
    demotionTargets: resolveTargets(nodes, o.demotionTargets ?? {}, index),
    balance: resolveBalance(nodes, o.balance ?? [], index),
    home: o.home === undefined ? 0 : index(o.home, "home"),
    promotion: {
      // Linux scans once a second and takes a second for hot; lieu's scan is a walk over words, and looks more often.
      scanPeriod: p.scanPeriod ?? (preset === "lieu" ? 100 : 1000),
      scanPages: atMost(p.scanSize, "promotion.scanSize", 0x7fffffff) ?? 65536,
      hotThreshold: p.hotThreshold ?? (preset === "lieu" ? 300 : 1000),
      ratePages: atMost(p.rateLimit, "promotion.rateLimit", 0x7fffffff) ?? 16777216,
    },
    prices: resolvePrices(o.prices),
    swappiness: o.swappiness ?? 60,
    minFreeKbytes: 4 * (atMost(o.minFree, "minFree", total) ?? 0),
    watermarkScaleFactor: o.watermarkScaleFactor ?? 10,
    vpns: atMost(o.addressSpace, "addressSpace", MAX_INDEX * (o.shards ?? 1)) ?? addressesFor(total),
    seed: o.seed ?? 1,
    seeded: o.seed !== undefined,
    engine: o.engine ?? "wasm",
    pretouch: o.pretouch ?? true,
    hugePages: o.hugePages,
    pressure: resolvePressure(o.pressure),
    shared: resolveShared(o.shared, hasBytes, o.pressure),
    sharedName: typeof o.shared === "string" ? checkShareable(o.shared, nodes, swap) : undefined,
    kswapd: resolveKswapd(o.kswapd, o.shared),
  };
  return withShards(whole, o.shards);
}

/** A size in pages, if there is one. */
/** Pages of addresses that a memory of `total` pages has by default: of a small one more for each, as what divides them, caches, is as many in it. */
function addressesFor(total: number): number {
  return Math.max(8 * total, Math.min(64 * total, MANY_ADDRESSES));
}
/** An address costs 8 bytes of the segment, when it is used: all of these 32 MiB. */
const MANY_ADDRESSES = 2 ** 22;
function atMost(value: Size | undefined, what: string, most: number): number | undefined {
  if (value === undefined) return undefined;
  const nr = pagesOf(parseSize(value, what));
  if (nr <= most) return nr;
  throw new LieuError("EINVAL", `${what} is ${shown(value)}: at most ${formatSize(most * 4096)} here`);
}

function resolveNodes(input: Readonly<Record<string, Checked<typeof nodeSchema>>>): NodeConfig[] {
  const names = Object.keys(input);
  if (names.length === 0) throw new LieuError("EINVAL", "nodes is empty: at least one node is needed");
  if (names.length > MAX_NODES) {
    throw new LieuError("EINVAL", `nodes has ${names.length} entries: at most ${MAX_NODES} are allowed`);
  }
  const nodes = names.map((name) => resolveNode(name, input[name] as Checked<typeof nodeSchema>));
  const odd = nodes.find((n) => n.backing.hasBytes !== nodes[0]?.backing.hasBytes);
  if (odd !== undefined) {
    const why = "model nodes have no bytes, so data could not move between them";
    throw new LieuError(
      "EINVAL",
      `nodes mixes kind "model" with others (${odd.name}): ${why}; make all of them model or none`,
    );
  }
  // Stable: nodes of one tier stay in the order given.
  return nodes.sort((a, b) => (a.adistance >> 7) - (b.adistance >> 7));
}

function resolveNode(name: string, o: Checked<typeof nodeSchema>): NodeConfig {
  const bytes = parseSize(o.size, `nodes.${name}.size`);
  const count = Math.floor(bytes / 4096);
  if (count < 64) {
    throw new LieuError(
      "EINVAL",
      `nodes.${name}.size is ${formatSize(bytes)}: a node needs at least 256 KiB (64 pages)`,
    );
  }
  if (o.tier !== undefined && o.distance !== undefined) {
    throw new LieuError("EINVAL", `nodes.${name} has both tier and distance: give one of them`);
  }
  const backing = openBacking(o, `nodes.${name}`);
  const adistance = o.tier !== undefined ? ADISTANCE_DRAM + o.tier * 128 : (o.distance ?? backing.adistance);
  const latencyGiven = (o.latency ?? o.tier ?? o.distance) !== undefined;
  const latency = latencyOf(o, backing);
  const config = { name, backing, pages: count, adistance, latency, latencyGiven, movable: o.movable ?? false };
  if (o.watermarks === undefined) return config;
  const { min, low, high } = o.watermarks;
  const promo = o.watermarks.promo ?? high + (high - low);
  if (!(min < low && low < high && high <= promo && promo < count)) {
    const marks = `min ${min}, low ${low}, high ${high}, promo ${promo}`;
    const rule = `must rise and stay under the node's ${count} pages`;
    throw new LieuError("EINVAL", `nodes.${name}.watermarks (${marks}) ${rule}`);
  }
  return { ...config, watermarks: { min, low, high, promo } };
}

function nodeIndex(nodes: readonly NodeConfig[]): (name: string, what: string) => number {
  return (name, what) => {
    const i = nodes.findIndex((n) => n.name === name);
    if (i >= 0) return i;
    const known = nodes.map((n) => n.name).join(", ");
    throw new LieuError("EINVAL", `${what} names the node ${JSON.stringify(name)}; there are: ${known}`);
  };
}

function resolveDistances(
  nodes: readonly NodeConfig[],
  given: Readonly<Record<string, Readonly<Record<string, number>>>>,
  index: (name: string, what: string) => number,
): number[][] {
  const tiers = [...new Set(nodes.map((n) => n.adistance >> 7))].sort((a, b) => a - b);
  const rank = (n: NodeConfig) => tiers.indexOf(n.adistance >> 7);
  const apart = (a: NodeConfig, b: NodeConfig) => 20 + 10 * Math.abs(rank(a) - rank(b));
  const d = nodes.map((a, i) =>
    nodes.map((b, j) => (i === j ? 10 : (hostDistance(a.backing, b.backing) ?? apart(a, b)))),
  );
  for (const [from, row] of Object.entries(given)) {
    const i = index(from, "distances");
    for (const [to, distance] of Object.entries(row)) {
      const j = index(to, `distances.${from}`);
      if (i === j && distance !== 10)
        throw new LieuError("EINVAL", `distances.${from}.${to} is ${distance}: must be 10`);
      (d[i] as number[])[j] = distance;
    }
  }
  return d;
}

function resolveTargets(
  nodes: readonly NodeConfig[],
  given: Readonly<Record<string, readonly string[]>>,
  index: (name: string, what: string) => number,
): (number | undefined)[] {
  const targets: (number[] | undefined)[] = nodes.map(() => undefined);
  for (const [from, list] of Object.entries(given)) {
    targets[index(from, "demotionTargets")] = list.map((to) => index(to, `demotionTargets.${from}`));
  }
  const cycle = findCycle(targets);
  if (cycle !== undefined) {
    const path = cycle.map((i) => (nodes[i] as NodeConfig).name).join(" -> ");
    throw new LieuError("EINVAL", `demotionTargets has a cycle: ${path}; demotion must end at a lowest tier`);
  }
  return targets.map((list, i) => {
    if (list === undefined) return undefined;
    const from = nodes[i] as NodeConfig;
    let mask = 0;
    for (const t of list) {
      const to = nodes[t] as NodeConfig;
      if (to.adistance >> 7 <= from.adistance >> 7) {
        const why = "a target must be in a strictly lower tier; peers can only be named for balance";
        throw new LieuError("EINVAL", `demotionTargets.${from.name} names ${to.name}: ${why}`);
      }
      mask |= 1 << t;
    }
    return mask;
  });
}

function findCycle(targets: readonly (readonly number[] | undefined)[]): number[] | undefined {
  const visit = (i: number, path: readonly number[]): number[] | undefined => {
    if (path.includes(i)) return [...path.slice(path.indexOf(i)), i];
    for (const t of targets[i] ?? []) {
      const found = visit(t, [...path, i]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (let i = 0; i < targets.length; i++) {
    const found = visit(i, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

function resolveBalance(
  nodes: readonly NodeConfig[],
  pairs: readonly (readonly [string, string])[],
  index: (name: string, what: string) => number,
): number[] {
  const masks = nodes.map(() => 0);
  for (const [a, b] of pairs) {
    const i = index(a, "balance");
    const j = index(b, "balance");
    if (i === j || (nodes[i] as NodeConfig).adistance >> 7 !== (nodes[j] as NodeConfig).adistance >> 7) {
      throw new LieuError("EINVAL", `balance pairs ${a} with ${b}: peers must be two nodes of one tier`);
    }
    masks[i] = (masks[i] as number) | (1 << j);
    masks[j] = (masks[j] as number) | (1 << i);
  }
  return masks;
}
