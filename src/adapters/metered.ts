/** What the adapters for monitoring systems need of a memory, and what they share. */
import { isLieuError, LieuError, shown } from "../errors.ts";

/** A metric, as lieu's `memory.metrics()` gives it. */
export interface MeteredMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly unit: "" | "bytes" | "seconds";
  readonly labels: readonly string[];
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** The part of lieu's `Memory` that the adapters stand on. */
export interface MeteredMemory {
  metrics(): MeteredMetric[];
  sampleGets(
    listener: (sample: { readonly cache: string; readonly tier: string; readonly seconds: number }) => void,
  ): () => void;
}

/** How long gets take: from what a hit in DRAM takes to what a disk may. Seconds. */
export const GET_BUCKETS: readonly number[] = [
  1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 0.5,
];
export const GET_HELP =
  "How long gets of a cache take, by the tier that served them: of a sample of at most 40 a second.";

/** @throws {@link LieuError} EINVAL if `memory` is not one */
export function checkMemory(memory: MeteredMemory, who: string): void {
  const given = memory as Partial<MeteredMemory> | null | undefined;
  if (typeof given?.metrics === "function" && typeof given.sampleGets === "function") return;
  throw new LieuError("EINVAL", `${who} needs a memory, as openMemory() gives it, not ${shown(memory)}`);
}

/** The name of a memory among others, of a call's options. @throws {@link LieuError} EINVAL */
export function nameOption(options: { name?: string | undefined }, allowed: readonly string[], who: string): string {
  if (typeof options !== "object" || options === null) {
    throw new LieuError("EINVAL", `${who}: options is ${shown(options)}; give an object with ${allowed.join(", ")}`);
  }
  const unknown = Object.keys(options).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new LieuError("EINVAL", `${who}: unknown key ${shown(unknown)}; allowed are ${allowed.join(", ")}`);
  }
  const { name = "main" } = options;
  if (typeof name === "string" && name !== "") return name;
  throw new LieuError("EINVAL", `${who}: name is ${shown(name)}; give a string that is not empty`);
}

/** The metrics of a memory; undefined once it is closed. */
export function readMetrics(memory: MeteredMemory): MeteredMetric[] | undefined {
  try {
    return memory.metrics();
  } catch (error) {
    if (isLieuError(error, "ECLOSED")) return undefined;
    throw error;
  }
}
