/**
 * `lieu/opentelemetry`: the metrics of a memory on a meter of OpenTelemetry.
 *
 *     import { metrics } from "@opentelemetry/api";
 *     import { observeMemory } from "lieu/opentelemetry";
 *     observeMemory(memory, metrics.getMeter("lieu"));
 *
 * The meter is all that this needs: it imports nothing of OpenTelemetry's. Nothing is read until a reader collects, and then
 * everything is of one moment.
 */
import type { BatchObservableCallback, Meter, Observable } from "@opentelemetry/api";
import { LieuError, shown } from "../errors.ts";
import { checkMemory, GET_BUCKETS, GET_HELP, type MeteredMemory, nameOption, readMetrics } from "./metered.ts";

export type { MeteredMemory, MeteredMetric } from "./metered.ts";

/** Options of {@link observeMemory}. */
export interface OpenTelemetryOptions {
  /** The value of the attribute `memory`: tells memories of one meter apart. "main" by default. */
  name?: string | undefined;
}

const UNITS = { "": "1", bytes: "By", seconds: "s" } as const;

/**
 * Observe a memory: the same metrics as `lieu/prometheus` registers, named "lieu.node.free" and so on. Returns what ends it; a
 * memory that is closed goes by itself.
 *
 * @throws {@link LieuError} EINVAL
 */
export function observeMemory(memory: MeteredMemory, meter: Meter, options: OpenTelemetryOptions = {}): () => void {
  checkMemory(memory, "observeMemory()");
  if (typeof meter?.addBatchObservableCallback !== "function") {
    throw new LieuError("EINVAL", `observeMemory() needs a meter, as metrics.getMeter() gives it, not ${shown(meter)}`);
  }
  const name = nameOption(options, ["name"], "observeMemory()");
  const observables = new Map<string, Observable>();
  for (const metric of memory.metrics()) {
    const about = { description: metric.help, unit: UNITS[metric.unit] };
    const make = metric.type === "counter" ? "createObservableCounter" : "createObservableGauge";
    observables.set(metric.name, meter[make](`lieu.${metric.name}`, about));
  }
  const callback: BatchObservableCallback = (result) => {
    const metrics = readMetrics(memory);
    if (metrics === undefined) stop();
    for (const metric of metrics ?? []) {
      const observable = observables.get(metric.name);
      if (observable === undefined) continue;
      // No limit is no number.
      for (const { labels, value } of metric.samples) {
        if (Number.isFinite(value)) result.observe(observable, value, { memory: name, ...labels });
      }
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(callback, all);
  const gets = meter.createHistogram("lieu.cache.get.duration", {
    description: GET_HELP,
    unit: "s",
    advice: { explicitBucketBoundaries: [...GET_BUCKETS] },
  });
  const end = memory.sampleGets(({ cache, tier, seconds }) => gets.record(seconds, { memory: name, cache, tier }));
  const stop = () => {
    meter.removeBatchObservableCallback(callback, all);
    end();
  };
  return stop;
}
