/**
 * A plan: what each of a grid of configurations would do with a trace, what that takes and costs, which of them nothing else is both
 * cheaper and faster than, and which to take: the cheapest within a latency, the fastest within a budget.
 */

import type { MemoryOptions, SwapOptions } from "../memory/memory-options.ts";
import type { ReplayOptions } from "../trace/replay-options.ts";
import { replayFootprint } from "../trace/replay-options.ts";
import type { Trace } from "../trace/trace.ts";
import { costOf, type Layout, layoutName, layouts, memoryOptions, nodesOf, placesOf, scaled } from "./grid.ts";
import { meanLatency, p99Latency, type Share } from "./latency.ts";
import { type Recorded, recordedFootprint, runRecorded } from "./live.ts";
import { miniatureOf, smallerLayout, smallerTrace } from "./miniature.ts";
import type { MediumName, PriceList } from "./prices.ts";
import { type Prediction, simulate } from "./simulate.ts";

/** What is wanted. */
export interface Goals {
  /** Nanoseconds that the mean access may take; by default twice what the fastest configuration's does. */
  readonly latency?: number | undefined;
  /** The same of all but 1 % of the accesses. */
  readonly p99?: number | undefined;
  /** What it may cost, in the price list's money; by default half of what the dearest configuration does. */
  readonly budget?: number | undefined;
}

/** One configuration and what it comes to. */
export interface Option {
  readonly name: string;
  readonly layout: Layout;
  /** Shares of requests by medium; a cache's misses are the origin's, a region's first touches DRAM's. */
  readonly hits: Readonly<Partial<Record<MediumName, number>>>;
  readonly misses: number;
  /** Nanoseconds. */
  readonly mean: number;
  readonly p99: number;
  readonly cost: number;
  /** Nothing is both cheaper and faster on average. */
  readonly frontier: boolean;
  /** To be pasted. */
  readonly config: MemoryOptions;
}

export interface Plan {
  readonly trace: string;
  readonly as: "cache" | "region";
  readonly requests: number;
  readonly footprint: number;
  readonly prices: PriceList;
  /** Share of keys that the runs were of; undefined: of all. */
  readonly rate?: number;
  /** By what everything was made smaller for the runs (miniature.ts); undefined: by nothing. */
  readonly by?: number;
  readonly goals: { readonly latency: number; readonly p99: number | undefined; readonly budget: number };
  /** The cheapest first. */
  readonly options: readonly Option[];
  /** Undefined if none meets the goal. */
  readonly cheapest: Option | undefined;
  readonly fastest: Option | undefined;
}

/** How a plan is made. */
export interface PlanRequest {
  readonly as: "cache" | "region";
  readonly prices: PriceList;
  readonly goals?: Goals;
  readonly limit?: number | undefined;
  /** Large objects are made smaller for the runs, all alike, which take less time and are about right (miniature.ts). */
  readonly quick?: boolean | undefined;
  readonly signal?: AbortSignal;
  onProgress?(done: number, all: number): void;
}

/** The options that replay a layout: of the same nodes and sizes as the memory that is to be opened. */
export function replayOptionsOf(
  layout: Layout,
  prices: PriceList,
  { as, limit }: Pick<PlanRequest, "as" | "limit">,
): ReplayOptions {
  const { last } = layout;
  const swap = last === undefined ? [] : [{ kind: "file" as const, name: "swap", path: "plan.swap", size: last.size }];
  return { as, nodes: nodesOf(layout, prices), swap, ...(limit !== undefined && { limit }) };
}

/** By what `quick` makes everything smaller; 1: by nothing. */
export function quickBy(trace: Trace, { as, prices, limit }: Pick<PlanRequest, "as" | "prices" | "limit">): number {
  if (as === "region") return 1;
  return miniatureOf(
    trace,
    Math.min(trace.requests, limit ?? trace.requests),
    layouts(as, replayFootprint(trace, as), prices),
  );
}

/** Try all configurations on a trace. @throws {@link LieuError} what replay() does */
export async function plan(trace: Trace, request: PlanRequest): Promise<Plan> {
  const { as, prices, signal, limit } = request;
  const footprint = replayFootprint(trace, as);
  const grid = layouts(as, footprint, prices);
  const requests = Math.min(trace.requests, limit ?? trace.requests);
  const by = request.quick === true ? quickBy(trace, request) : 1;
  const small = by === 1 ? trace : smallerTrace(trace, by);
  const run = (layout: Layout): Promise<Prediction> => {
    if (by === 1) return simulate(trace, replayOptionsOf(layout, prices, request), signal);
    const { layout: smaller, free } = smallerLayout(layout, by);
    return simulate(small, { ...replayOptionsOf(smaller, prices, request), ...free }, signal);
  };
  const tried = await tryAll(grid, request, run);
  return planOf({ trace: trace.name, as, requests, footprint, prices, by }, tried, request.goals);
}

/** How a plan is made of what was recorded. */
export interface RecordedPlanRequest extends Omit<PlanRequest, "as" | "limit" | "quick"> {
  /** Where a file may be made, which is empty and is removed at once: swap is memory in its place. */
  readonly swapFile: string;
}

/** Try all configurations on what was recorded of a cache. @throws {@link LieuError} what opening a memory does */
export async function planRecorded(recorded: Recorded, request: RecordedPlanRequest): Promise<Plan> {
  const { prices, signal } = request;
  const { name, rate, below, above } = recorded;
  const footprint = recordedFootprint(recorded);
  const grid = layouts("cache", footprint, prices, rate);
  const run = (layout: Layout): Promise<Prediction> => {
    const small = scaled(layout, rate);
    const swap: SwapOptions[] =
      small.last === undefined ? [] : [{ kind: "file", name: "swap", path: request.swapFile, size: small.last.size }];
    return runRecorded(recorded, { nodes: nodesOf(small, prices), swap }, signal);
  };
  const tried = await tryAll(grid, { ...request, as: "cache" }, run);
  return planOf({ trace: name, as: "cache", requests: below + above, footprint, prices, rate }, tried, request.goals);
}

async function tryAll(
  grid: readonly Layout[],
  { as, prices, onProgress }: PlanRequest,
  run: (layout: Layout) => Promise<Prediction>,
): Promise<Omit<Option, "frontier">[]> {
  const runs = new Map<string, Prediction>();
  const different = new Map(grid.map((layout) => [placesOf(layout), layout]));
  for (const [places, layout] of different) {
    onProgress?.(runs.size, different.size);
    runs.set(places, await run(layout));
  }
  return grid.map((layout) => optionOf(layout, runs.get(placesOf(layout)) as Prediction, prices, as));
}

/** What a configuration with these hits comes to. */
export function optionOf(
  layout: Layout,
  { hits, misses }: Prediction,
  prices: PriceList,
  as: "cache" | "region",
): Omit<Option, "frontier"> {
  const { dram = 0, cxl = 0, swap = 0 } = hits;
  const media: Partial<Record<MediumName, number>> = {
    dram,
    ...(layout.cxl > 0 && { cxl }),
    ...(layout.last && { [layout.last.medium]: swap }),
  };
  const shares: Share[] = Object.entries(media).map(([name, share]) => ({ share, medium: prices[name as MediumName] }));
  shares.push({ share: misses, medium: as === "cache" ? prices.origin : prices.dram });
  return {
    name: layoutName(layout),
    layout,
    hits: media,
    misses,
    mean: meanLatency(shares),
    p99: p99Latency(shares),
    cost: costOf(layout, prices),
    config: memoryOptions(layout, prices),
  };
}

/** The frontier and the recommendations. */
export function planOf(
  what: Pick<Plan, "trace" | "as" | "requests" | "footprint" | "prices" | "rate" | "by">,
  tried: readonly Omit<Option, "frontier">[],
  goals: Goals = {},
): Plan {
  const sorted = [...tried].sort((a, b) => a.cost - b.cost || a.mean - b.mean);
  let best = Number.POSITIVE_INFINITY;
  const options = sorted.map((option): Option => {
    const frontier = option.mean < best;
    if (frontier) best = option.mean;
    return { ...option, frontier };
  });
  const latency = goals.latency ?? (goals.p99 === undefined ? 2 * best : Number.POSITIVE_INFINITY);
  const budget = goals.budget ?? (options.at(-1) as Option).cost / 2;
  const meets = ({ mean, p99 }: Option): boolean => mean <= latency && p99 <= (goals.p99 ?? Number.POSITIVE_INFINITY);
  const affordable = options.filter(({ cost }) => cost <= budget);
  return {
    ...what,
    goals: { latency, p99: goals.p99, budget },
    options,
    cheapest: options.find(meets),
    fastest: affordable.reduce<Option | undefined>((a, b) => (a === undefined || b.mean < a.mean ? b : a), undefined),
  };
}
