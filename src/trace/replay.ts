/**
 * Replays a trace over a memory and counts what became of each request. The memory's clock is the trace (a fixed virtual
 * time a request), so the same trace, options and seed give the same counters on any machine; only the speed is the
 * machine's.
 */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Harness } from "../memory/harness.ts";
import type { Memory } from "../memory/memory.ts";
import { openMemory } from "../memory/open.ts";
import { resolveOptions } from "../memory/options.ts";
import type { Vmstat } from "../memory/vmstat.ts";
import type { TimedAccess } from "./access-timer.ts";
import { BLANK, loadPattern } from "./pattern.ts";
import { CacheReplayer } from "./replay-cache.ts";
import {
  amountOf,
  checkMemoryOptions,
  checkReplayOptions,
  memoryOptionsOf,
  type ReplayOptions,
  replayFootprint,
} from "./replay-options.ts";
import { RegionReplayer } from "./replay-region.ts";
import { type Replayer, RequestClock, type Tally } from "./replayer.ts";
import type { Trace } from "./trace.ts";

/** Requests between two turns of kswapd and of the hint scan that no slow operation asked for. */
const TICK_REQUESTS = 1024;
/** How long the event loop waits at most, about, in milliseconds. */
const SLICE_MS = 50;

/** Who watches a replay or meddles with it. */
export interface ReplayHooks {
  /** Called about twenty times a second with the requests done. */
  onProgress?: (requests: number) => void;
  /** Ends the replay early: it throws the signal's reason, with everything closed. */
  signal?: AbortSignal;
  /** Replaces swap devices as they are opened, for example with ones that inject faults. */
  wrapDevice?: NonNullable<Harness["wrapDevice"]>;
  /** Values of a cache are neither written nor compared: only where they are is of interest. The same decisions, in less time. */
  blank?: boolean;
  /** What messages call the options: the name of the file that they are from. */
  source?: string;
  /** Looks at the memory now and then. */
  observer?: ReplayObserver;
}

/** What an observer looks at. */
export interface ReplayView {
  readonly memory: Memory;
  /** Requests that will be replayed. */
  readonly requests: number;
  /** Accesses so far, if the memory's caches do not count them. */
  readonly served: (() => Tally) | undefined;
  /** Have some of the accesses timed. */
  timeAccesses(listener: (access: TimedAccess) => void): void;
}

/** Who looks at the memory of a replay while it goes on. The replay waits for it, which counts as no time of the replay's. */
export interface ReplayObserver {
  /** The memory is open. Gives the requests between two looks, a multiple of 1024. */
  begin(view: ReplayView): Promise<number>;
  /** So many requests are done; the last time, all of them. */
  look(done: number): Promise<void>;
}

/** How a node of the memory ended. */
export interface ReplayedNode {
  /** Bytes. */
  readonly size: number;
  readonly residentPages: number;
  readonly vmstat: Vmstat;
}

/** What a replay came to. */
export interface ReplayResult extends Tally {
  readonly trace: string;
  readonly as: "cache" | "region";
  readonly requests: number;
  /** Bytes that the whole trace needs. */
  readonly footprint: number;
  readonly objectMissRatio: number;
  readonly byteMissRatio: number;
  /** Counters of the whole memory. */
  readonly vmstat: Vmstat;
  /** By name, fastest tier first. */
  readonly nodes: Readonly<Record<string, ReplayedNode>>;
  /** Bytes of each swap device by name. */
  readonly swap: Readonly<Record<string, number>>;
  /** Pages placed where their policy or group forbids it. */
  readonly violations: number;
  /** Of the loop over the requests alone: reading the trace and opening the memory are not in it, checking bytes is. */
  readonly requestsPerSecond: number;
  /** Of the same loop. */
  readonly elapsedSeconds: number;
  /** Of the whole process since it started. */
  readonly peakRssBytes: number;
  readonly seed: number;
}

/**
 * Replay `trace`. At the end every invariant of the engine is checked.
 *
 * @throws {@link LieuError} EINVAL, ENOTSUP for options; ENOMEM, ENOSPC, EACCES, ENOENT, EBUSY from opening the memory;
 *   ENOMEM, EIO from a region that ran out of room or lost a device; EBUG: an invariant does not hold
 */
export async function replay(
  trace: Trace,
  options: ReplayOptions = {},
  hooks: ReplayHooks = {},
): Promise<ReplayResult> {
  const checked = checkReplayOptions(options, hooks.source);
  // Without a name once it is open, so that nothing is left of it however this ends.
  const memoryOptions = memoryOptionsOf(trace, checked, join(tmpdir(), `lieu-${process.pid}-${randomUUID()}.swap`));
  checkMemoryOptions(memoryOptions, hooks.source);
  const clock = new RequestClock((checked.accessTime ?? 10) / 1000);
  const { wrapDevice } = hooks;
  await using memory = await openMemory(memoryOptions, { crank: clock, ...(wrapDevice && { wrapDevice }) });
  const replayer = makeReplayer(trace, checked, memory, clock, hooks.blank);
  const requests = Math.min(trace.requests, checked.limit ?? trace.requests);
  const served = replayer instanceof RegionReplayer ? () => replayer.tally() : undefined;
  const timeAccesses: ReplayView["timeAccesses"] = (listener) => replayer.timeAccesses(listener);
  const interval = await hooks.observer?.begin({ memory, requests, served, timeAccesses });
  const seconds = await runAll(replayer, memory, requests, hooks, interval);
  memory.check();
  const swap = Object.fromEntries(resolveOptions(memoryOptions).swap.map((s) => [s.name, s.bytes]));
  return { ...summarize(trace, checked, memory, replayer.tally(), requests, seconds), swap };
}

/** One way of replaying, over a memory whose crank is `clock`. */
export function makeReplayer(
  trace: Trace,
  options: ReplayOptions,
  memory: Memory,
  clock: RequestClock,
  blank = false,
): Replayer {
  const pattern = options.bytes === false ? undefined : blank ? BLANK : loadPattern(memory.vm.segment);
  if (options.as === "region" || pattern === undefined) return new RegionReplayer(trace, memory, clock, pattern);
  const { maxSize } = options;
  const limit = maxSize === undefined ? undefined : amountOf(maxSize, replayFootprint(trace, "cache"), "maxSize");
  return new CacheReplayer(trace, memory, clock, pattern, limit);
}

/** Runs every request; gives the seconds that took, without those that the event loop had. */
async function runAll(
  replayer: Replayer,
  memory: Memory,
  requests: number,
  hooks: ReplayHooks,
  interval = Number.POSITIVE_INFINITY,
): Promise<number> {
  let elapsed = 0;
  let look = Math.min(interval, requests);
  for (let at = 0; at < requests; ) {
    hooks.signal?.throwIfAborted();
    const started = performance.now();
    let now = started;
    while (at < look && now - started < SLICE_MS) {
      const to = Math.min(requests, at + TICK_REQUESTS);
      replayer.run(at, to);
      memory.tick();
      at = to;
      now = performance.now();
    }
    elapsed += now - started;
    hooks.onProgress?.(at);
    if (at >= look) {
      await hooks.observer?.look(at);
      look = Math.min(look + interval, requests);
    }
    await new Promise(setImmediate);
  }
  return elapsed / 1000;
}

function summarize(
  trace: Trace,
  options: ReplayOptions,
  memory: Memory,
  tally: Tally,
  requests: number,
  seconds: number,
): Omit<ReplayResult, "swap"> {
  const as = options.as ?? "cache";
  const vmstat = memory.vmstat();
  const nodes = memory.nodes().map((node) => {
    const { name, size, residentPages } = node;
    return [name, { size, residentPages, vmstat: node.vmstat() }] as const;
  });
  return {
    ...tally,
    trace: trace.name,
    as,
    requests,
    footprint: replayFootprint(trace, as),
    objectMissRatio: tally.misses / requests,
    byteMissRatio: tally.missedBytes / tally.requestedBytes,
    vmstat,
    nodes: Object.fromEntries(nodes),
    violations: vmstat.policy_violations,
    requestsPerSecond: Math.round(requests / seconds),
    elapsedSeconds: seconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    seed: options.seed ?? 1,
  };
}
