/**
 * A trace as a cache: each request is a get; a miss fetches the object from the origin and stores it, as long as it is no
 * larger than the cache. Operations are ignored, as cache simulators do, so miss ratios compare.
 *
 * Every hit is checked, byte by byte, in place. Each time an object is fetched it has its next version, so what is left of
 * an entry that was dropped before shows.
 */
import type { Cache } from "../cache/cache.ts";
import type { Visit } from "../cache/items.ts";
import type { Memory } from "../memory/memory.ts";
import type { Size } from "../memory/size.ts";
import { AccessTimer, type TimedAccess } from "./access-timer.ts";
import type { Pattern } from "./pattern.ts";
import { bytesOfRequests, type Replayer, type RequestClock, type Tally } from "./replayer.ts";
import type { Trace } from "./trace.ts";

export class CacheReplayer implements Replayer {
  readonly cache: Cache<Uint8Array, number>;
  readonly #trace: Trace;
  readonly #clock: RequestClock;
  /** Key to the version it was last stored with. */
  readonly #version: Uint32Array;
  readonly #pattern: Pattern;
  readonly #check: Visit;
  readonly #fill: Visit;
  // What the visit that goes on now is of, and what it found.
  #key = 0;
  #intact = 1;
  #visited = 0;
  #requests = 0;
  #hits = 0;
  #missedBytes = 0;
  #checkedBytes = 0;
  #corrupt = 0;
  #timer: AccessTimer | undefined;

  constructor(trace: Trace, memory: Memory, clock: RequestClock, pattern: Pattern, maxSize: Size | undefined) {
    this.#trace = trace;
    this.#clock = clock;
    this.#version = new Uint32Array(trace.keys);
    const limit = maxSize === undefined ? {} : { maxSize };
    this.cache = memory.cache({ name: trace.name, codec: "bytes", heap: 0, ...limit });
    this.#pattern = pattern;
    this.#check = this.#checkBy(pattern);
    this.#fill = (address, length, done) =>
      pattern.fill(address, length, this.#key, this.#version[this.#key] as number, done);
  }

  run(from: number, to: number): void {
    const timer = this.#timer;
    for (let i = from; i < to; i++) {
      const k = this.#begin(i);
      if (i !== timer?.next) this.#end(k, this.cache.getBytes(k, this.#check));
      else this.#time(k, timer);
    }
    this.#requests += to - from;
  }

  timeAccesses(listener: (access: TimedAccess) => void): void {
    this.#timer = new AccessTimer(this.#pattern, listener);
    this.#timer.next = this.#requests;
  }

  #begin(i: number): number {
    this.#clock.request = i;
    const k = this.#trace.key[i] as number;
    this.#key = k;
    this.#intact = 1;
    this.#visited = 0;
    return k;
  }
  #end(k: number, hit: boolean): void {
    const bytes = this.#trace.size[k] as number;
    if (hit) {
      this.#hits++;
      this.#checkedBytes += bytes;
      if (this.#intact === 0 || this.#visited !== bytes) this.#corrupt++;
    } else {
      this.#missedBytes += bytes;
      this.#version[k] = (this.#version[k] as number) + 1;
      this.cache.setBytes(k, bytes, this.#fill);
    }
  }
  #time(k: number, timer: AccessTimer): void {
    const check = this.#checkBy(timer.pattern);
    const before = this.cache.countedHits();
    timer.begin();
    const hit = this.cache.getBytes(k, check);
    timer.end();
    const after = Object.entries(this.cache.countedHits());
    timer.tell(after.find(([name, hits]) => hits !== before[name])?.[0] ?? "miss");
    this.#end(k, hit);
  }
  #checkBy(pattern: Pattern): Visit {
    return (address, length, done) => {
      this.#intact &= pattern.check(address, length, this.#key, this.#version[this.#key] as number, done);
      this.#visited += length;
    };
  }

  tally(): Tally {
    const { hitsByTier, rejected } = this.cache.stats();
    return {
      hits: this.#hits,
      misses: this.#requests - this.#hits,
      requestedBytes: bytesOfRequests(this.#trace, this.#requests),
      missedBytes: this.#missedBytes,
      hitsByTier,
      corrupt: this.#corrupt,
      checkedBytes: this.#checkedBytes,
      rejected,
    };
  }
}
