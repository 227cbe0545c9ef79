/**
 * What a configuration would do, found by running it: the engine itself, over the trace, without the bytes that make a replay slow. As
 * a region only places are kept (model nodes); as a cache the store has its pages, but values are neither written nor compared, and
 * swap is memory. Every decision is that of a replay of the same options, so hits by tier are its hits.
 */

import { type ReplayResult, replay } from "../trace/replay.ts";
import type { ReplayOptions } from "../trace/replay-options.ts";
import type { Trace } from "../trace/trace.ts";
import { memoryDevice } from "./memory-device.ts";

/** Where requests were served, as shares of all of them. */
export interface Prediction {
  /** By name of node or swap device. */
  readonly hits: Readonly<Record<string, number>>;
  /** A cache's misses; a region's first touches. */
  readonly misses: number;
}

/** Run one configuration. @throws what replay() does */
export async function simulate(trace: Trace, options: ReplayOptions, signal?: AbortSignal): Promise<Prediction> {
  const asRegion = options.as === "region";
  const result = await replay(trace, asRegion ? { ...options, bytes: false } : options, {
    ...(signal !== undefined && { signal }),
    ...(!asRegion && { blank: true, wrapDevice: memoryDevice }),
  });
  return predictionOf(result);
}

/** The same numbers of a replay. */
export function predictionOf({ hitsByTier, misses, requests }: ReplayResult): Prediction {
  const hits = Object.entries(hitsByTier).map(([tier, n]) => [tier, n / requests] as const);
  return { hits: Object.fromEntries(hits), misses: misses / requests };
}
