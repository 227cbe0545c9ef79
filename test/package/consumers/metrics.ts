/** lieu in monitoring systems, whose declarations need Node's: compiled by declarations.test.ts, not run. */
import { metrics } from "@opentelemetry/api";
import { type GetSample, type Metric, openMemory } from "lieu";
import { observeMemory } from "lieu/opentelemetry";
import { registerMemory } from "lieu/prometheus";
import { Registry } from "prom-client";

const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
const registry = new Registry();
export const stop: () => void = registerMemory(memory, { registry, name: "a" });
export const end: () => void = observeMemory(memory, metrics.getMeter("b"), { name: "b" });
export const list: Metric[] = memory.metrics();
export const seconds: number[] = [];
memory.sampleGets((sample: GetSample) => seconds.push(sample.seconds));
