/** What the ways of replaying a trace have in common. */
import type { Crank } from "../runtime/vm.ts";
import type { TimedAccess } from "./access-timer.ts";
import type { Trace } from "./trace.ts";

/** Counts of a replay so far. Sizes are bytes. */
export interface Tally {
  readonly hits: number;
  readonly misses: number;
  readonly requestedBytes: number;
  readonly missedBytes: number;
  /** Hits by where the value was before the access: names of nodes and swap devices. */
  readonly hitsByTier: Readonly<Record<string, number>>;
  /** Values that were not what had been stored. */
  readonly corrupt: number;
  /** Bytes compared. */
  readonly checkedBytes: number;
  /** Objects not stored: larger than the cache, or no room could be made. */
  readonly rejected: number;
}

/** Replays a trace, part by part. */
export interface Replayer {
  /**
   * Replay the requests from `from` up to, not including, `to`.
   *
   * @throws {@link LieuError} EIO, ENOMEM: a region's byte that could not be had
   */
  run(from: number, to: number): void;
  tally(): Tally;
  /** From the next request on, time some; not where there are no bytes. */
  timeAccesses(listener: (access: TimedAccess) => void): void;
}

/**
 * A crank whose clock is the trace: each request takes the same virtual time, so that the same trace and seed give the
 * same decisions on any machine. (It keeps the request's number rather than the time, a small integer that V8 stores
 * without allocating.)
 */
export class RequestClock implements Crank {
  /** Requests begun. */
  request = 0;
  readonly stepsPerTurn = 256;
  readonly #msPerRequest: number;

  constructor(msPerRequest: number) {
    this.#msPerRequest = msPerRequest;
  }

  now(): number {
    return this.request * this.#msPerRequest;
  }
}

/** Bytes of the first `requests` requests, each object counted as often as it is asked for. */
export function bytesOfRequests(trace: Trace, requests: number): number {
  const { key, size } = trace;
  let bytes = 0;
  for (let i = 0; i < requests; i++) bytes += size[key[i] as number] as number;
  return bytes;
}
