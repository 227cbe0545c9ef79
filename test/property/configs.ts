/** The memories that the random operations run on: presets, topologies, swap, faults, both twins of the engine. */
import type { Behaviour, FaultPlan, MemoryOptions, NodeOptions } from "../../src/index.ts";
import { oneIn, pick, seeded } from "./source.ts";

/** What a run may do beside the common operations. */
export interface Features {
  /** Groups with limits and mems. */
  readonly groups: boolean;
  /** Policies that forbid nodes. */
  readonly bind: boolean;
  readonly locked: boolean;
  /** Switch the faults of the swap devices on and off. */
  readonly faults: boolean;
  /** Bytes of all regions together are kept under this part of nodes and swap; where it is under 1, ENOMEM is a bug. */
  readonly fill: number;
}

export interface Config {
  readonly name: string;
  readonly options: Omit<MemoryOptions, "swap">;
  /** Sizes of the swap devices in pages; a number for one in memory, or a real file. */
  readonly swap: readonly { readonly pages: number; readonly priority?: number; readonly file?: boolean }[];
  readonly features: Features;
  /** Share of the operations, 1 by default. */
  readonly share?: number;
}

const all: Features = { groups: true, bind: true, locked: true, faults: true, fill: 2 };
const quiet: Features = { ...all, faults: false };
const roomy: Features = { groups: false, bind: false, locked: false, faults: false, fill: 0.7 };

const dram = (size: string, tier = 0) => ({ kind: "dram" as const, size, tier });
const one = { nodes: { dram: dram("2MiB") } };
const two = { nodes: { dram: dram("1MiB"), slow: dram("2MiB", 1) } };
const three = { nodes: { hbm: dram("1MiB", -1), dram: dram("1MiB"), slow: dram("1536KiB", 1) } };
const four = { nodes: { d0: dram("1MiB"), d1: dram("1MiB"), s0: dram("1MiB", 1), s1: dram("1MiB", 1) } };
const large = { nodes: { dram: dram("3MiB"), slow: dram("4MiB", 2) } };
const hot = { scanPeriod: 50, scanSize: "8MiB", hotThreshold: 200 };

/** What is wrong with the device while faults are on. */
export const FAULTS: FaultPlan = {
  write: { error: 0.05, full: 0.05, shortWrite: 0.05, flip: 0.05 },
  read: { error: 0.1, flip: 0.1 },
};

export const CONFIGS: readonly Config[] = [
  { name: "lieu, 1 node", options: one, swap: [], features: all },
  { name: "lieu, 1 node, swap", options: one, swap: [{ pages: 512 }], features: all },
  { name: "lieu, 2 tiers", options: two, swap: [], features: all },
  { name: "lieu, 2 tiers, swap", options: { ...two, promotion: hot }, swap: [{ pages: 1024 }], features: all },
  { name: "lieu, 3 tiers, swap", options: { ...three, promotion: hot }, swap: [{ pages: 512 }], features: all },
  {
    name: "lieu, 4 nodes, balance, 2 swap devices",
    options: {
      ...four,
      promotion: hot,
      balance: [
        ["d0", "d1"],
        ["s0", "s1"],
      ],
    },
    swap: [
      { pages: 256, priority: 5 },
      { pages: 256, priority: 5 },
    ],
    features: all,
  },
  {
    name: "lieu, 4 nodes in 3 tiers, own targets",
    options: {
      nodes: { a: dram("1MiB"), b: dram("1MiB", 1), c: dram("1MiB", 1), d: dram("2MiB", 2) },
      demotionTargets: { a: ["c"], b: ["d"], c: [] },
      distances: { a: { b: 17, c: 40 } },
      home: "b",
      promotion: hot,
    },
    swap: [{ pages: 256 }],
    features: all,
  },
  { name: "lieu, large folios", options: { ...large, promotion: hot }, swap: [{ pages: 2048 }], features: all },
  { name: "lieu, roomy", options: two, swap: [{ pages: 2048 }], features: roomy },
  { name: "lieu, roomy, no swap", options: four, swap: [], features: roomy },
  { name: "lieu, zswap alone", options: { ...one, zswap: { size: "512KiB" } }, swap: [], features: all },
  {
    name: "lieu, 2 tiers, zswap, swap",
    options: { ...two, zswap: { size: "256KiB" }, promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
  },
  {
    name: "mglru, zswap, 2 swap devices",
    options: { ...two, lru: "mglru", zswap: { size: "128KiB" } },
    swap: [{ pages: 64, priority: 5 }, { pages: 256 }],
    features: all,
  },
  {
    name: "lieu, swap file",
    options: two,
    swap: [
      { pages: 256, file: true, priority: 1 },
      { pages: 256, file: true },
    ],
    features: quiet,
    share: 0.5,
  },
  { name: "linux, 1 node", options: { ...one, preset: "linux" }, swap: [{ pages: 256 }], features: all },
  {
    name: "linux, 2 tiers",
    options: { ...two, preset: "linux", promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
  },
  {
    name: "linux, 4 nodes",
    options: { ...four, preset: "linux", promotion: hot, balance: [["d0", "d1"]] },
    swap: [],
    features: all,
  },
  { name: "rfc2020, 2 tiers", options: { ...two, preset: "rfc2020" }, swap: [{ pages: 512 }], features: all },
  { name: "rfc2020, 3 tiers", options: { ...three, preset: "rfc2020" }, swap: [], features: all },
  {
    name: "lieu, JavaScript twin",
    options: { ...three, engine: "js", promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
    share: 0.03,
  },
  {
    name: "linux, JavaScript twin",
    options: { ...four, engine: "js", preset: "linux", promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
    share: 0.03,
  },
  {
    name: "mglru, 1 node, swap",
    options: { ...one, lru: "mglru" },
    swap: [{ pages: 512 }],
    features: all,
  },
  { name: "mglru, 1 node", options: { ...one, lru: "mglru" }, swap: [], features: all },
  {
    name: "mglru, 3 tiers, swap",
    options: { ...three, lru: "mglru", promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
  },
  {
    name: "mglru, 4 nodes, balance",
    options: { ...four, lru: "mglru", promotion: hot, balance: [["d0", "d1"]] },
    swap: [{ pages: 256 }],
    features: all,
  },
  {
    name: "mglru, large folios",
    options: { ...large, lru: "mglru", promotion: hot },
    swap: [{ pages: 2048 }],
    features: all,
  },
  { name: "mglru, roomy", options: { ...two, lru: "mglru" }, swap: [{ pages: 2048 }], features: roomy },
  { name: "mglru, roomy, no swap", options: { ...four, lru: "mglru" }, swap: [], features: roomy },
  {
    name: "mglru, linux, 2 tiers",
    options: { ...two, lru: "mglru", preset: "linux", promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
  },
  {
    name: "mglru, JavaScript twin",
    options: { ...three, engine: "js", lru: "mglru", promotion: hot },
    swap: [{ pages: 512 }],
    features: all,
    share: 0.03,
  },
];

/** Behaviours that may be turned on or off under any preset, without allowing pages where they may not be. */
const SWITCHES: readonly Behaviour[] = [
  "demotion",
  "countFolios",
  "memcgDemotes",
  "cascade",
  "tierFirst",
  "swapFile",
  "promotion",
  "anyLower",
  "smallNodes",
  "wakeTarget",
  "splitLarge",
  "roomFirst",
  "lean",
];

/** A configuration that nobody thought of. */
export function randomConfig(seed: number): Config {
  const r = seeded(seed);
  const names = Array.from({ length: 1 + r.below(4) }, (_, i) => `n${i}`);
  const nodes = Object.fromEntries(
    names.map((name): [string, NodeOptions] => [name, dram(`${256 + r.below(1800)}KiB`, r.below(3))]),
  );
  const tierOf = (name: string) => nodes[name]?.tier;
  const peers = names.flatMap((a, i) => names.slice(i + 1).map((b): [string, string] => [a, b]));
  const preset = pick(r, ["lieu", "lieu", "linux", "rfc2020"] as const);
  const behaviours: Partial<Record<Behaviour, boolean>> = {};
  for (const name of SWITCHES) if (oneIn(r, 6)) behaviours[name] = oneIn(r, 2);
  const options = {
    nodes,
    preset,
    behaviours,
    balance: peers.filter(([a, b]) => tierOf(a) === tierOf(b) && oneIn(r, 2)),
    home: pick(r, names),
    swappiness: r.below(201),
    watermarkScaleFactor: 1 + r.below(500),
    promotion: { scanPeriod: 1 + r.below(200), scanSize: "1MiB", hotThreshold: 1 + r.below(500) },
  };
  const swap = Array.from({ length: r.below(4) }, () => ({ pages: 1 + r.below(600), priority: r.below(2) }));
  const lru = pick(r, ["classic", "mglru"] as const);
  const name = `of seed ${seed} (${preset}, ${lru}, ${names.length} nodes)`;
  return { name, options: { ...options, lru }, swap, features: all };
}
