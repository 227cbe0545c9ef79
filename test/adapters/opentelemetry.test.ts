/** The metrics of a memory on a meter of OpenTelemetry's SDK. */
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { expect, test, vi } from "vitest";
import { observeMemory } from "../../src/adapters/opentelemetry.ts";
import { openMemorySync } from "../../src/index.ts";

function meterOf() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e9 });
  const provider = new MeterProvider({ readers: [reader] });
  const collect = async () => {
    exporter.reset();
    await provider.forceFlush();
    const metrics = exporter.getMetrics().flatMap((m) => m.scopeMetrics.flatMap((s) => s.metrics));
    return new Map(metrics.map((metric) => [metric.descriptor.name, metric]));
  };
  return { meter: provider.getMeter("test"), collect, shutdown: () => provider.shutdown() };
}

test("a meter gives the numbers of vmstat(), nodes and caches; a memory that is closed goes by itself", async () => {
  using memory = openMemorySync({
    nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
  });
  const cache = memory.cache<Buffer>({ name: "users" });
  for (let i = 0; i < 1500; i++) cache.set(`k${i}`, Buffer.alloc(1000));
  const { meter, collect, shutdown } = meterOf();
  expect(() => observeMemory({} as never, meter)).toThrow(/needs a memory/);
  expect(() => observeMemory(memory, {} as never)).toThrow(/needs a meter/);
  expect(() => observeMemory(memory, meter, { name: "" })).toThrow(/EINVAL: .* name is ""/);
  expect(() => observeMemory(memory, meter, { nam: "m" } as never)).toThrow(/unknown key "nam"; allowed are name/);
  observeMemory(memory, meter, { name: "m" });
  for (let i = 0; i < 50; i++) cache.get(`k${1499 - i}`);

  const metrics = await collect();
  const value = (name: string, labels: Record<string, string>) =>
    (metrics.get(name)?.dataPoints as DataPoint<number>[] | undefined)?.find(({ attributes }) =>
      Object.entries({ memory: "m", ...labels }).every(([label, is]) => attributes[label] === is),
    )?.value;
  expect(value("lieu.node.free", { node: "dram" })).toBe(memory.node("dram").free);
  expect(metrics.get("lieu.node.free")?.descriptor.unit).toBe("By");
  expect(value("lieu.vmstat.pgalloc_normal", {})).toBe(memory.vmstat().pgalloc_normal);
  expect(value("lieu.cache.entries", { cache: "users" })).toBe(cache.size);
  expect(value("lieu.cache.hits", { cache: "users", tier: "dram" })).toBe(cache.stats().hitsByTier.dram);
  expect(metrics.get("lieu.cache.get.duration")?.dataPoints.length).toBeGreaterThan(0);

  // The SDK goes on telling what it heard last; that it is not asked again shows in the meter.
  const removed = vi.spyOn(meter, "removeBatchObservableCallback");
  memory[Symbol.dispose]();
  await collect();
  expect(removed).toHaveBeenCalledTimes(1);
  await collect();
  expect(removed).toHaveBeenCalledTimes(1);
  await shutdown();
});
