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
import type { Pattern } from "./pattern.ts";
import { bytesOfRequests, type Replayer, type RequestClock, type Tally } from "./replayer.ts";
import type { Trace } from "./trace.ts";

export class CacheReplayer implements Replayer {
  readonly cache: Cache<Uint8Array, number>;
  readonly #trace: Trace;
  readonly #clock: RequestClock;
  /** Key to the version it was last stored with. */
  readonly #version: Uint32Array;
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

  constructor(trace: Trace, memory: Memory, clock: RequestClock, pattern: Pattern, maxSize: Size | undefined) {
    this.#trace = trace;
    this.#clock = clock;
    this.#version = new Uint32Array(trace.keys);
    const limit = maxSize === undefined ? {} : { maxSize };
    this.cache = memory.cache({ name: trace.name, codec: "bytes", heap: 0, ...limit });
    this.#check = (address, length, done) => {
      this.#intact &= pattern.check(address, length, this.#key, this.#version[this.#key] as number, done);
      this.#visited += length;
    };
    this.#fill = (address, length, done) =>
      pattern.fill(address, length, this.#key, this.#version[this.#key] as number, done);
  }

  run(from: number, to: number): void {
    const { key, size } = this.#trace;
    for (let i = from; i < to; i++) {
      this.#clock.request = i;
      const k = key[i] as number;
      const bytes = size[k] as number;
      this.#key = k;
      this.#intact = 1;
      this.#visited = 0;
      if (this.cache.getBytes(k, this.#check)) {
        this.#hits++;
        this.#checkedBytes += bytes;
        if (this.#intact === 0 || this.#visited !== bytes) this.#corrupt++;
      } else {
        this.#missedBytes += bytes;
        this.#version[k] = (this.#version[k] as number) + 1;
        this.cache.setBytes(k, bytes, this.#fill);
      }
    }
    this.#requests += to - from;
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
