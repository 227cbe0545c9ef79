/**
 * `lieu/prometheus`: the metrics of a memory in a registry of prom-client.
 *
 *     import { registerMemory } from "lieu/prometheus";
 *     registerMemory(memory);
 *
 * Any number of memories may share a registry: each has a name, which is the label `memory`. Nothing is read until somebody
 * scrapes, and then everything is of one moment.
 */
import prom, { type Registry } from "prom-client";
import { LieuError, shown } from "../errors.ts";
import {
  checkMemory,
  GET_BUCKETS,
  GET_HELP,
  type MeteredMemory,
  type MeteredMetric,
  nameOption,
  readMetrics,
} from "./metered.ts";

export type { MeteredMemory, MeteredMetric } from "./metered.ts";

/** Options of {@link registerMemory}. */
export interface PrometheusOptions {
  /** Where the metrics are registered. prom-client's own registry by default. */
  registry?: Registry | undefined;
  /** The value of the label `memory`: tells memories of one registry apart. "main" by default. */
  name?: string | undefined;
}

type Named = ReadonlyMap<string, MeteredMetric>;

/** The memories of a registry. */
const shares = new WeakMap<Registry, Share>();

/**
 * Register a memory's metrics: nodes with their watermarks, swap devices, groups, caches by tier, everything that vmstat
 * counts, kswapd's time, and a histogram of how long gets take by the tier that served them. Returns what takes the memory out
 * again; a memory that is closed goes by itself.
 *
 * @throws {@link LieuError} EINVAL if there is a memory of that name in the registry; what prom-client throws if a metric of
 *   another owner has the name of one of these
 */
export function registerMemory(memory: MeteredMemory, options: PrometheusOptions = {}): () => void {
  checkMemory(memory, "registerMemory()");
  const name = nameOption(options, ["registry", "name"], "registerMemory()");
  const { registry = prom.register } = options;
  if (typeof registry?.getSingleMetric !== "function") {
    throw new LieuError("EINVAL", `registerMemory(): registry is ${shown(registry)}; give one of prom-client's`);
  }
  let share = shares.get(registry);
  if (share === undefined) {
    share = new Share(registry, memory.metrics());
    shares.set(registry, share);
  }
  return share.add(memory, name);
}

interface Entry {
  readonly memory: MeteredMemory;
  readonly stop: () => void;
  /** Of which caches and tiers gets were timed. */
  readonly timed: Map<string, { readonly memory: string; readonly cache: string; readonly tier: string }>;
}

/** What the memories of one registry share: the metrics' objects, which there can be but one of each. */
class Share {
  readonly #memories = new Map<string, Entry>();
  readonly #gets: prom.Histogram;
  readonly #registry: Registry;
  readonly #names: string[] = [];
  #moment: [string, Named][] | undefined;

  constructor(registry: Registry, metrics: readonly MeteredMetric[]) {
    this.#registry = registry;
    const known = (name: string) => registry.getSingleMetric(name) !== undefined;
    const taken = [...metrics.map(nameOf), GETS].find(known);
    if (taken !== undefined) throw new LieuError("EINVAL", `the registry has a metric named ${taken} already`);
    for (const metric of metrics) this.#register(metric);
    this.#gets = new prom.Histogram({
      name: GETS,
      help: GET_HELP,
      labelNames: ["memory", "cache", "tier"],
      buckets: [...GET_BUCKETS],
      registers: [registry],
    });
    this.#names.push(GETS);
  }

  add(memory: MeteredMemory, name: string): () => void {
    const known = this.#memories.get(name);
    // One that was closed since the last scrape has not been missed yet.
    if (known !== undefined && readMetrics(known.memory) === undefined) this.#forget(name, known);
    else if (known !== undefined) {
      const more = "give each its own `name`";
      throw new LieuError("EINVAL", `the registry has a memory named ${shown(name)} already: ${more}`);
    }
    const timed: Entry["timed"] = new Map();
    const stop = memory.sampleGets(({ cache, tier, seconds }) => {
      const key = `${tier} ${cache}`;
      let labels = timed.get(key);
      if (labels === undefined) {
        labels = { memory: name, cache, tier };
        timed.set(key, labels);
      }
      this.#gets.observe(labels, seconds);
    });
    const entry = { memory, stop, timed };
    this.#memories.set(name, entry);
    return () => {
      if (this.#memories.get(name) === entry) this.#remove(name, entry);
    };
  }
  /** No sample of it stays, so that another memory may have the name. */
  #forget(name: string, { stop, timed }: Entry): void {
    stop();
    for (const labels of timed.values()) this.#gets.remove(labels);
    this.#memories.delete(name);
  }
  #remove(name: string, entry: Entry): void {
    this.#forget(name, entry);
    if (this.#memories.size > 0) return;
    for (const metric of this.#names) this.#registry.removeSingleMetric(metric);
    shares.delete(this.#registry);
  }

  #register({ name, help, type, unit, labels }: MeteredMetric): void {
    const key = name;
    const read = () => this.#read(key);
    const common = {
      name: nameOf({ name, type, unit }),
      help,
      labelNames: ["memory", ...labels],
      registers: [this.#registry],
    };
    this.#names.push(common.name);
    if (type === "gauge") {
      new prom.Gauge({
        ...common,
        collect() {
          this.reset();
          for (const [own, value] of read()) this.set(own, value);
        },
      });
    } else {
      new prom.Counter({
        ...common,
        collect() {
          this.reset();
          for (const [own, value] of read()) this.inc(own, value);
        },
      });
    }
  }
  /** The samples of a metric, of all memories: of the moment at which the first one was asked for in this turn of the loop. */
  #read(name: string): [Record<string, string>, number][] {
    if (this.#moment === undefined) {
      this.#moment = this.#look();
      queueMicrotask(() => {
        this.#moment = undefined;
      });
    }
    return this.#moment.flatMap(([memory, metrics]) =>
      (metrics.get(name)?.samples ?? []).map(({ labels, value }): [Record<string, string>, number] => [
        { memory, ...labels },
        value,
      ]),
    );
  }
  #look(): [string, Named][] {
    const all: [string, Named][] = [];
    for (const [name, entry] of this.#memories) {
      const metrics = readMetrics(entry.memory);
      if (metrics === undefined) this.#forget(name, entry);
      else all.push([name, new Map(metrics.map((metric) => [metric.name, metric]))]);
    }
    return all;
  }
}

const GETS = "lieu_cache_get_duration_seconds";

/** The name by Prometheus' rules: with the unit, and "total" for counters. */
function nameOf({ name, type, unit }: Pick<MeteredMetric, "name" | "type" | "unit">): string {
  const words = ["lieu", ...name.split(".")];
  if (unit !== "") words.push(unit);
  if (type === "counter") words.push("total");
  return words.join("_");
}
