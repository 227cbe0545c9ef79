/** The memories and caches that the random operations run on. */
import type { MemoryOptions } from "../../src/index.ts";
import { oneIn, pick, seeded } from "../property/source.ts";

/** What a cache of a run is like; the names are those of CacheOptions. */
export interface CacheShape {
  readonly codec: "any" | "bytes" | "string";
  /** Pages; 0 = all. */
  readonly pages: number;
  readonly max: number;
  readonly maxEntrySize: number;
  readonly ttl: number;
  readonly allowStale: boolean;
  readonly noDeleteOnStaleGet: boolean;
  readonly updateAgeOnGet: boolean;
  readonly grace: number | undefined;
  readonly dispose: boolean;
  /** What may be held on the JavaScript heap. */
  readonly heap: number | { readonly entries: number } | undefined;
}

export interface Config {
  readonly name: string;
  readonly options: Omit<MemoryOptions, "swap">;
  /** Pages of the swap devices; with `file`, in a real file. */
  readonly swap: readonly { readonly pages: number; readonly file?: boolean }[];
  /** Fixed where given, else by the seed. */
  readonly cache?: Partial<CacheShape>;
  readonly caches?: number;
  /** How many keys there are. */
  readonly keys: number;
  /** Longest value. */
  readonly longest: number;
  /** All that values are long, where it is not left to chance. */
  readonly lengths?: readonly number[];
  /** Gets and sets alone, most keys set in turn, those set last read most: all tiers fill, and what is cold is written over. */
  readonly steady?: boolean;
  /** The devices may fail. */
  readonly faults?: boolean;
  /** Regions take memory away, and give it back. */
  readonly pressure?: boolean;
  /** There is room for everything: a miss of what was stored is a bug. */
  readonly roomy?: boolean;
  /** Entries have tags, some of them. */
  readonly tags?: boolean;
  /** Share of the operations, 1 by default; what fills all tiers first needs more. */
  readonly share?: number;
}

const dram = (size: string, tier = 0) => ({ kind: "dram" as const, size, tier });
const one = { nodes: { dram: dram("1MiB") } };
const two = { nodes: { dram: dram("512KiB"), slow: dram("1MiB", 1) } };
const three = { nodes: { hbm: dram("256KiB", -1), dram: dram("512KiB"), slow: dram("512KiB", 1) } };
const hot = { promotion: { scanPeriod: 50, scanSize: "8MiB", hotThreshold: 200 } };

export const CONFIGS: readonly Config[] = [
  { name: "1 tier", options: one, swap: [], keys: 400, longest: 20_000 },
  { name: "1 tier, small values", options: one, swap: [], keys: 20_000, longest: 200 },
  { name: "1 tier, large values", options: { nodes: { dram: dram("4MiB") } }, swap: [], keys: 60, longest: 300_000 },
  {
    name: "values up to 64 MiB, swap that fails",
    options: { nodes: { dram: dram("96MiB"), slow: dram("32MiB", 1) } },
    swap: [{ pages: 16_384 }],
    cache: { codec: "bytes", maxEntrySize: 0, pages: 0, heap: 0 },
    keys: 12,
    longest: 64 * 2 ** 20,
    faults: true,
    share: 0.02,
  },
  {
    name: "1 tier, roomy",
    options: { nodes: { dram: dram("16MiB") } },
    swap: [],
    cache: { max: 0, maxEntrySize: 0, pages: 0 },
    keys: 300,
    longest: 20_000,
    roomy: true,
  },
  {
    name: "tags, roomy",
    options: { nodes: { dram: dram("16MiB") } },
    swap: [],
    cache: { max: 0, maxEntrySize: 0, pages: 0 },
    keys: 300,
    longest: 20_000,
    roomy: true,
    tags: true,
  },
  {
    name: "tags, 2 tiers, swap that fails",
    options: { ...two, ...hot },
    swap: [{ pages: 256 }],
    keys: 600,
    longest: 12_000,
    faults: true,
    pressure: true,
    tags: true,
  },
  { name: "2 tiers", options: two, swap: [], keys: 2000, longest: 5000 },
  {
    name: "2 tiers, tight",
    options: { ...two, ...hot },
    swap: [],
    caches: 2,
    keys: 500,
    longest: 12_000,
    pressure: true,
  },
  { name: "3 tiers, swap", options: three, swap: [{ pages: 256 }], keys: 3000, longest: 3000, pressure: true },
  { name: "swap, file", options: one, swap: [{ pages: 512, file: true }], keys: 500, longest: 30_000 },
  { name: "swap that fails", options: two, swap: [{ pages: 512 }], keys: 1000, longest: 9000, faults: true },
  {
    name: "swap that fails, tight",
    options: { nodes: { dram: dram("512KiB") } },
    swap: [{ pages: 128 }, { pages: 256 }],
    caches: 2,
    keys: 500,
    longest: 9000,
    faults: true,
    pressure: true,
  },
  {
    name: "values of one length, steady, 2 tiers, swap",
    options: { nodes: { fast: dram("1MiB"), slow: dram("1MiB", 1) } },
    swap: [{ pages: 4096 }],
    cache: { codec: "bytes", max: 0, maxEntrySize: 0, pages: 1792, heap: 0, ttl: 0 },
    keys: 4000,
    longest: 1000,
    lengths: [1000],
    steady: true,
    share: 20,
  },
  {
    name: "values of few lengths, steady, 3 tiers, swap",
    options: { ...three, ...hot },
    swap: [{ pages: 2048 }],
    cache: { max: 0, maxEntrySize: 0, pages: 0 },
    keys: 1500,
    longest: 9000,
    lengths: [300, 2000, 4096, 9000],
    steady: true,
    share: 10,
    pressure: true,
  },
  { name: "tiny cache", options: one, swap: [], cache: { pages: 16 }, keys: 60, longest: 6000 },
  { name: "small cache, swap", options: two, swap: [{ pages: 64 }], cache: { pages: 40 }, keys: 200, longest: 9000 },
  { name: "few entries", options: one, swap: [], cache: { max: 5 }, keys: 20, longest: 40_000 },
  {
    name: "generations, 3 tiers, swap",
    options: { ...three, lru: "mglru" },
    swap: [{ pages: 256 }],
    keys: 3000,
    longest: 3000,
    pressure: true,
  },
  {
    name: "the JavaScript twin",
    options: { ...two, engine: "js" },
    swap: [{ pages: 128 }],
    keys: 800,
    longest: 6000,
    share: 0.1,
  },
];

/** The cache of a run: as the configuration says, and by chance where it leaves it open. */
export function cacheShape(config: Config, seed: number): CacheShape {
  const r = seeded(seed ^ 0x7f4a7c15);
  return {
    codec: pick(r, ["any", "any", "bytes", "string"] as const),
    pages: oneIn(r, 2) ? 0 : 24 + r.below(200),
    max: oneIn(r, 3) ? 1 + r.below(config.keys) : 0,
    maxEntrySize: oneIn(r, 4) ? 1 + r.below(config.longest) : 0,
    ttl: oneIn(r, 3) ? 1000 * (1 + r.below(100)) : 0,
    allowStale: oneIn(r, 2),
    noDeleteOnStaleGet: oneIn(r, 2),
    updateAgeOnGet: oneIn(r, 2),
    dispose: oneIn(r, 2),
    heap: pick(r, [0, undefined, 3000, 60_000, { entries: 1 }, { entries: 30 }] as const),
    grace: pick(r, [undefined, undefined, 0, 500, 30_000, Number.POSITIVE_INFINITY] as const),
    ...config.cache,
  };
}

/** Another configuration for each seed. */
export function randomConfig(seed: number): Config {
  const r = seeded(seed ^ 0x2545f491);
  const nodes = Object.fromEntries(
    Array.from({ length: 1 + r.below(3) }, (_, i) => [`n${i}`, dram(`${512 + r.below(1500)}KiB`, r.below(3))]),
  );
  const swap = Array.from({ length: r.below(3) }, () => ({ pages: 16 + r.below(500) }));
  const preset = pick(r, ["lieu", "lieu", "linux", "rfc2020"] as const);
  const lru = (seed & 1) !== 0 ? "mglru" : "classic";
  return {
    name: `of seed ${seed}, ${lru}`,
    options: { nodes, preset, lru, ...(oneIn(r, 2) ? hot : {}) },
    swap,
    cache: oneIn(r, 2) ? { pages: 16 + r.below(64) } : {},
    caches: 1 + r.below(3),
    keys: pick(r, [20, 200, 2000, 20_000]),
    longest: pick(r, [50, 500, 5000, 20_000, 300_000]),
    steady: oneIn(r, 3),
    faults: oneIn(r, 2),
    pressure: oneIn(r, 2),
    tags: oneIn(r, 2),
  };
}
