/**
 * What a memory has to tell a monitoring system, as families of samples: one list for all of them, so that Prometheus and
 * OpenTelemetry show the same. Everything is read from the counters that there are anyway, when somebody asks; names follow
 * Prometheus' rules but for the dots, which part a name's words as OpenTelemetry has them.
 */
import { N_WMARK_HIGH, N_WMARK_LOW, N_WMARK_MIN, N_WMARK_PROMO, node as nodeField } from "../mm/layout.ts";
import { VM_EVENTS } from "../mm/vmstat-names.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Group } from "./group.ts";
import type { CacheInfo, NodeInfo, SwapInfo } from "./requests.ts";
import { addVmstat, globalVmstat, type VmGaugeName, type Vmstat } from "./vmstat.ts";

/** One number of a metric. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric: a family of numbers that mean the same of different things. */
export interface Metric {
  /** Words parted by dots or underscores, such as "node.free"; no prefix, no unit, no "total". */
  readonly name: string;
  readonly help: string;
  /** A counter never falls, but for one that `clear({ stats: true })` sets back or whose cache is gone. */
  readonly type: "counter" | "gauge";
  /** The unit of the values; "" for a number of things, which `help` names. */
  readonly unit: "" | "bytes" | "seconds";
  /** Names of the labels that each sample has. */
  readonly labels: readonly string[];
  readonly samples: readonly MetricSample[];
}

/** What the metrics are read from. */
export interface Metered {
  /** One a shard. */
  readonly engines: readonly Vm[];
  nodes(): NodeInfo[];
  swapDevices(): SwapInfo[];
  groups(): Group[];
  caches(): CacheInfo[];
}

type Row = readonly [labels: readonly string[], value: number];
type Rows = readonly [labels: readonly string[], rows: readonly Row[]];

const PAGE = 4096;
const MARKS = { min: N_WMARK_MIN, low: N_WMARK_LOW, high: N_WMARK_HIGH, promo: N_WMARK_PROMO } as const;
const LISTS: readonly VmGaugeName[] = [
  "nr_inactive_anon",
  "nr_active_anon",
  "nr_inactive_file",
  "nr_active_file",
  "nr_unevictable",
];
/** Counters of a cache: the field of stats(), and what it counts. */
const CACHE_COUNTERS = [
  ["misses", "Accesses that found no value, or one that had expired."],
  ["stale", "Expired values given all the same."],
  ["loads", "Loads begun by fetch()."],
  ["loadErrors", "Loads that failed."],
  ["joined", "Fetches that waited for a load that another had begun."],
  ["sets", "Values stored."],
  ["rejected", "Values not stored because they are too large, or because there was no room."],
  ["evicted", "Entries dropped to make room."],
  ["lost", "Entries lost with their pages."],
  ["expired", "Entries whose expired bytes were reclaimed."],
  ["deleted", "Entries deleted."],
] as const;

const metric = (type: Metric["type"], name: string, unit: Metric["unit"], help: string, rows: Rows): Metric => {
  const [labels, list] = rows;
  const samples = list.map(([values, value]) => ({
    labels: Object.fromEntries(labels.map((label, i) => [label, values[i] as string])),
    value,
  }));
  return { name, help, type, unit, labels, samples };
};
const gauge = (name: string, unit: Metric["unit"], help: string, rows: Rows) => metric("gauge", name, unit, help, rows);
const counter = (name: string, unit: Metric["unit"], help: string, rows: Rows) =>
  metric("counter", name, unit, help, rows);

/** All metrics, in the order in which one would read them. They are always the same ones; those of which there is nothing have no samples. */
export function metricsOf(memory: Metered): Metric[] {
  const { engines: vms } = memory;
  return [
    ...nodeMetrics(memory, vms),
    ...swapMetrics(memory.swapDevices()),
    ...vmMetrics(vms),
    ...groupMetrics(memory.groups()),
    ...cacheMetrics(memory.caches()),
  ];
}

/** A watermark of a node, over all shards, in bytes. */
export function watermark(engines: readonly Vm[], nid: number, field: number): number {
  return engines.reduce((sum, vm) => {
    vm.inspect();
    return sum + nodeField(nid, field) * PAGE;
  }, 0);
}

function nodeMetrics(memory: Metered, vms: readonly Vm[]): Metric[] {
  const nodes = memory.nodes();
  const counts = nodes.map((node): [string, Vmstat] => [node.name, node.vmstat()]);
  const each = (value: (info: NodeInfo) => number): Rows => [["node"], nodes.map((n) => [[n.name], value(n)])];
  const marks = nodes.flatMap(({ name }, nid) =>
    Object.entries(MARKS).map(([which, field]): Row => [[name, which], watermark(vms, nid, field)]),
  );
  const lists = counts.flatMap(([node, vmstat]) =>
    LISTS.map((list): Row => [[node, list.slice("nr_".length)], vmstat[list] * PAGE]),
  );
  const wakes = "Free memory under which kswapd wakes (low), up to which it works (high), and so on.";
  return [
    gauge(
      "node.size",
      "bytes",
      "Size of a node.",
      each(({ size }) => size),
    ),
    gauge(
      "node.free",
      "bytes",
      "Free memory of a node.",
      each(({ free }) => free),
    ),
    gauge("node.watermark", "bytes", wakes, [["node", "mark"], marks]),
    gauge("node.list", "bytes", "Memory of a node on each list of pages.", [["node", "list"], lists]),
    gauge(
      "node.tier",
      "",
      "Tier of a node; 0 is the fastest.",
      each(({ tier }) => tier),
    ),
    ...VM_EVENTS.map(([event, help]) => {
      const rows = counts.map(([node, vmstat]): Row => [[node], vmstat[event]]);
      return counter(`node.vmstat.${event}`, "", sentence(help), [["node"], rows]);
    }),
  ];
}

function swapMetrics(devices: readonly SwapInfo[]): Metric[] {
  const each = (value: (info: SwapInfo) => number): Rows => [
    ["device", "kind"],
    devices.map((device) => [[device.name, device.kind], value(device)]),
  ];
  return [
    gauge(
      "swap.size",
      "bytes",
      "What a swap device has room for; what the pool of compressed pages takes at most.",
      each(({ size }) => size),
    ),
    gauge(
      "swap.used",
      "bytes",
      "What is taken of that.",
      each(({ used }) => used),
    ),
    gauge(
      "swap.stored",
      "bytes",
      "Pages that a swap device holds: more than it has taken where they are compressed.",
      each(({ stored }) => stored),
    ),
    gauge(
      "swap.failed",
      "",
      "1 if the device's last write failed, else 0.",
      each(({ failed }) => (failed ? 1 : 0)),
    ),
  ];
}

function vmMetrics(vms: readonly Vm[]): Metric[] {
  const vmstat = addVmstat(vms.map(globalVmstat));
  const kswapdMs = vms.reduce((ms, vm) => ms + vm.kswapdMs, 0);
  return [
    counter("kswapd", "seconds", "Time that kswapd has taken.", [[], [[[], kswapdMs / 1000]]]),
    ...VM_EVENTS.map(([event, help]) => counter(`vmstat.${event}`, "", sentence(help), [[], [[[], vmstat[event]]]])),
  ];
}

function groupMetrics(groups: readonly Group[]): Metric[] {
  const each = (value: (group: Group) => number): Rows => [["group"], groups.map((g) => [[g.name], value(g)])];
  const limits = groups.flatMap((group) =>
    Object.entries(group.limits).map(([limit, value]): Row => [[group.name, limit], value]),
  );
  return [
    gauge(
      "group.usage",
      "bytes",
      "Resident memory of a group.",
      each(({ usage }) => usage),
    ),
    gauge(
      "group.swap",
      "bytes",
      "What a group has in swap.",
      each(({ swapUsage }) => swapUsage),
    ),
    gauge(
      "group.zswap",
      "bytes",
      "What a group's compressed pages take in the pool.",
      each(({ zswapUsage }) => zswapUsage),
    ),
    gauge("group.limit", "bytes", "Limits of a group; +Inf where there is none.", [["group", "limit"], limits]),
  ];
}

function cacheMetrics(caches: readonly CacheInfo[]): Metric[] {
  const counts = caches.map((cache) => ({ cache, stats: cache.stats() }));
  const each = (value: (info: CacheInfo) => number): Rows => [["cache"], caches.map((c) => [[c.name], value(c)])];
  const hits = counts.flatMap(({ cache, stats }) =>
    Object.entries(stats.hitsByTier).map(([tier, n]): Row => [[cache.name, tier], n]),
  );
  const found = "Accesses that found a value, by the lowest tier that a part of it was in.";
  return [
    gauge(
      "cache.entries",
      "",
      "Entries in a cache.",
      each(({ size }) => size),
    ),
    gauge(
      "cache.size",
      "bytes",
      "What a cache holds, index and swap included.",
      each((c) => c.calculatedSize),
    ),
    gauge(
      "cache.max_size",
      "bytes",
      "What a cache may hold.",
      each(({ maxSize }) => maxSize),
    ),
    counter("cache.hits", "", found, [["cache", "tier"], hits]),
    gauge("cache.lru_miss_ratio", "", LRU_HELP, [["cache", "at"], caches.filter((c) => c.sampling).flatMap(curveRows)]),
    ...CACHE_COUNTERS.map(([field, help]) => {
      const name = `cache.${field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`;
      return counter(name, "", help, [["cache"], counts.map(({ cache, stats }) => [[cache.name], stats[field]])]);
    }),
  ];
}

const LRU_HELP =
  "Share of requests that LRU would miss at so many times max_size, of a cache whose curve was asked for.";
function curveRows(cache: CacheInfo): Row[] {
  const curve = cache.curve();
  // Of none that were asked for, nothing is known.
  if (curve.requests === 0) return [];
  return [0.5, 1, 2, 4].map((at): Row => [[cache.name, String(at)], curve.missRatio(at * cache.maxSize)]);
}

/** What follows on "Pages demoted by kswapd" as "... by requests" can stand alone. */
function sentence(help: string): string {
  return help.startsWith("... ") ? `As the counter named before this one: ${help.slice("... ".length)}` : help;
}
