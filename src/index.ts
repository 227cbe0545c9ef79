/// <reference lib="esnext.disposable" preserve="true" />
/**
 * lieu: a tiered memory engine. When a memory node fills up, its cold pages move to slower memory in lieu of being
 * discarded.
 */
export { Cache } from "./cache/cache.ts";
export { type Codec, msgpackCodec } from "./cache/codec.ts";
export type { MissRatioCurve } from "./cache/distances.ts";
export type { HeapEntries } from "./cache/front-types.ts";
export type { CacheKey } from "./cache/keys.ts";
export type { GetSample } from "./cache/latency.ts";
export type {
  AgeOptions,
  DisposeReason,
  Disposer,
  EntryOptions,
  FetchErrorListener,
  FetcherOptions,
  FetchMethod,
  FetchOptions,
  GetOptions,
  Inserter,
  MemoMethod,
  MemoOptions,
  SetOptions,
  Signal,
  SignalLike,
} from "./cache/options.ts";
export type { SharedCache } from "./cache/shared-cache.ts";
export type { CacheStats, ClearOptions, DumpedEntry, EntryInfo } from "./cache/types.ts";
export { isLieuError, LieuError, type LieuErrorCode } from "./errors.ts";
export type { AttachedMemory } from "./memory/attach.ts";
export { attachMemory, attachMemorySync } from "./memory/attached-shards.ts";
export type { MemoryDescriptor } from "./memory/descriptor.ts";
export { Group, type GroupOptions } from "./memory/group.ts";
export type { Harness } from "./memory/harness.ts";
export { Memory } from "./memory/memory.ts";
export type {
  BehaviourOptions,
  DramNodeOptions,
  FileSwapOptions,
  MappedFileNodeOptions,
  MemoryOptions,
  ModelNodeOptions,
  NamedNodes,
  NodeOptions,
  NullSwapOptions,
  NumaNodeOptions,
  PressureOptions,
  PromotionOptions,
  RemoteSwapOptions,
  SwapOptions,
  WatermarkOptions,
  ZswapOptions,
} from "./memory/memory-options.ts";
export type { Metric, MetricSample } from "./memory/metrics.ts";
export { openMemory, openMemorySync } from "./memory/open.ts";
export type {
  AttachedBytesOptions,
  AttachedCacheOptions,
  AttachedStringOptions,
  BytesCacheOptions,
  CacheInfo,
  CacheOptions,
  CommonCacheOptions,
  MapOptions,
  MemoryServer,
  NodeInfo,
  ReclaimRequest,
  ReclaimResult,
  ServeOptions,
  StringCacheOptions,
  SwapInfo,
} from "./memory/requests.ts";
export type { Size } from "./memory/size.ts";
export type { WrapDevice } from "./memory/swap-devices.ts";
export type { VmGaugeName, Vmstat } from "./memory/vmstat.ts";
export type { Behaviour, Preset } from "./mm/presets.ts";
export type { VmEventName } from "./mm/vmstat-names.ts";
export { bind, defaultPolicy, interleave, type Policy, preferred, weightedInterleave } from "./region/policy.ts";
export { type Advice, Region } from "./region/region.ts";
export { RegionArray, type TypedArrayKind } from "./region/region-array.ts";
export { inlineCrank } from "./runtime/inline.ts";
export { Pin } from "./runtime/pin.ts";
export { type SimCrank, simCrank } from "./runtime/sim.ts";
export type { Crank, PagePlace } from "./runtime/vm.ts";
export type { SwapDevice } from "./swap/device.ts";
export { type FaultPlan, type FaultyDevice, injectFaults, type ScheduledFault } from "./swap/faulty.ts";
