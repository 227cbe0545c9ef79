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
import { globalVmstat, type VmGaugeName, type Vmstat } from "./vmstat.ts";

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
  readonly vm: Vm;
  nodes(): NodeInfo[];
  swapDevices(): SwapInfo[];
  groups(): Group[];
  caches(): CacheInfo[];
}

type Row = readonly [labels: Readonly<Record<string, string>>, value: number];

const PAGE = 4096;
const MARKS = { min: N_WMARK_MIN, low: N_WMARK_LOW, high: N_WMARK_HIGH, promo: N_WMARK_PROMO } as const;
const LISTS: readonly VmGaugeName[] = [
  "nr_inactive_anon",
  "nr_active_anon",
  "nr_inactive_file",
  "nr_active_file",
  "nr_unevictable",
];
/** Counters of a cache, by name of the metric, field of stats(), and what it is. */
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

function metric(type: Metric["type"], name: string, unit: Metric["unit"], help: string, rows: readonly Row[]): Metric {
  const labels = [...new Set(rows.flatMap(([named]) => Object.keys(named)))];
  return { name, help, type, unit, labels, samples: rows.map(([named, value]) => ({ labels: named, value })) };
}
const gauge = (name: string, unit: Metric["unit"], help: string, rows: readonly Row[]) =>
  metric("gauge", name, unit, help, rows);
const counter = (name: string, unit: Metric["unit"], help: string, rows: readonly Row[]) =>
  metric("counter", name, unit, help, rows);

/** All metrics, in the order in which one would read them. Those of which there is nothing, such as a memory without swap, are left out. */
export function metricsOf(memory: Metered): Metric[] {
  const all = [...nodeMetrics(memory), ...swapMetrics(memory), ...vmMetrics(memory)];
  all.push(...groupMetrics(memory.groups()), ...cacheMetrics(memory.caches()));
  return all.filter(({ samples }) => samples.length > 0);
}

function nodeMetrics(memory: Metered): Metric[] {
  const nodes = memory.nodes();
  const counts = nodes.map((node): [string, Vmstat] => [node.name, node.vmstat()]);
  const each = (value: (info: NodeInfo) => number) => nodes.map((info): Row => [{ node: info.name }, value(info)]);
  memory.vm.inspect();
  const marks = nodes.flatMap(({ name }, nid) =>
    Object.entries(MARKS).map(([mark, field]): Row => [{ node: name, mark }, nodeField(nid, field) * PAGE]),
  );
  const lists = counts.flatMap(([node, vmstat]) =>
    LISTS.map((list): Row => [{ node, list: list.slice("nr_".length) }, vmstat[list] * PAGE]),
  );
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
    gauge(
      "node.watermark",
      "bytes",
      "Free memory under which kswapd wakes (low), to which it works (high), and so on.",
      marks,
    ),
    gauge("node.list", "bytes", "Memory of a node on each list of pages.", lists),
    gauge(
      "node.tier",
      "",
      "Tier of a node; 0 is the fastest.",
      each(({ tier }) => tier),
    ),
    ...VM_EVENTS.map(([event, help]) =>
      counter(
        `node.vmstat.${event}`,
        "",
        `Of a node: ${sentence(help)}`,
        counts.map(([node, v]): Row => [{ node }, v[event]]),
      ),
    ),
  ];
}

function swapMetrics(memory: Metered): Metric[] {
  const devices = memory.swapDevices();
  const each = (value: (info: SwapInfo) => number) =>
    devices.map((d): Row => [{ device: d.name, kind: d.kind }, value(d)]);
  return [
    gauge(
      "swap.size",
      "bytes",
      "What a swap device can hold.",
      each(({ size }) => size),
    ),
    gauge(
      "swap.used",
      "bytes",
      "What a swap device holds.",
      each(({ used }) => used),
    ),
    gauge(
      "swap.failed",
      "",
      "1 if the device's last write failed, else 0.",
      each(({ failed }) => (failed ? 1 : 0)),
    ),
  ];
}

function vmMetrics({ vm }: Metered): Metric[] {
  const vmstat = globalVmstat(vm);
  return [
    counter("kswapd", "seconds", "Time that kswapd has taken.", [[{}, vm.kswapdMs / 1000]]),
    ...VM_EVENTS.map(([event, help]) => counter(`vmstat.${event}`, "", sentence(help), [[{}, vmstat[event]]])),
  ];
}

function groupMetrics(groups: readonly Group[]): Metric[] {
  const limits = groups.flatMap((group) =>
    Object.entries(group.limits).map(([limit, value]): Row => [{ group: group.name, limit }, value]),
  );
  return [
    gauge(
      "group.usage",
      "bytes",
      "Resident memory of a group.",
      groups.map((g): Row => [{ group: g.name }, g.usage]),
    ),
    gauge(
      "group.swap",
      "bytes",
      "What a group has in swap.",
      groups.map((g): Row => [{ group: g.name }, g.swapUsage]),
    ),
    gauge("group.limit", "bytes", "Limits of a group; +Inf where there is none.", limits),
  ];
}

function cacheMetrics(caches: readonly CacheInfo[]): Metric[] {
  const counts = caches.map((cache) => ({ labels: { cache: cache.name }, stats: cache.stats(), cache }));
  const hits = counts.flatMap(({ labels, stats }) =>
    Object.entries(stats.hitsByTier).map(([tier, n]): Row => [{ ...labels, tier }, n]),
  );
  const each = (value: (info: CacheInfo) => number) => counts.map(({ labels, cache }): Row => [labels, value(cache)]);
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
    counter("cache.hits", "", "Accesses that found a value, by the lowest tier that a part of it was in.", hits),
    ...CACHE_COUNTERS.map(([field, help]) => {
      const name = `cache.${field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`;
      return counter(
        name,
        "",
        help,
        counts.map(({ labels, stats }): Row => [labels, stats[field]]),
      );
    }),
  ];
}

/** "... by requests." as a sentence of its own. */
function sentence(help: string): string {
  if (!help.startsWith("... ")) return help;
  const rest = help.slice("... ".length).replace(/^of those, /, "");
  return `Of the counter named before: ${rest}`;
}
