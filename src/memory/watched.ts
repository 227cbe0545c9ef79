/** What those who show a memory ask of it. */
import type { GetSample } from "../cache/latency.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Group } from "./group.ts";
import type { CacheInfo, NodeInfo, SwapInfo } from "./requests.ts";
import type { Vmstat } from "./vmstat.ts";

/** A memory, as far as it is looked at. */
export interface Watched {
  /** One a shard. */
  readonly engines: readonly Vm[];
  vmstat(): Vmstat;
  nodes(): NodeInfo[];
  swapDevices(): SwapInfo[];
  groups(): Group[];
  caches(): CacheInfo[];
  sampleGets(listener: (sample: GetSample) => void): () => void;
}
