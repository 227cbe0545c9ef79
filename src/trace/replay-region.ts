/**
 * A trace as a region: key k is page k of a lossless mapping. The first touch of a page is a fetch from the origin (a
 * miss, the only kind that a region has); every other access is a hit, of the tier in which the page was just before.
 *
 * Every hit is checked, all 4096 bytes of it, in place. A write then turns the page into its next version, so a stale copy
 * that comes back from a lower tier shows. Writes read the page first, as a program that changes a part of a page makes
 * the system do: a page in swap is read back even though all of it is written over.
 */
import type { Memory } from "../memory/memory.ts";
import type { Region } from "../region/region.ts";
import { AccessTimer, type TimedAccess } from "./access-timer.ts";
import type { Pattern } from "./pattern.ts";
import type { Replayer, RequestClock, Tally } from "./replayer.ts";
import type { Trace } from "./trace.ts";

const PAGE = 4096;
const NOWHERE = -1;

export class RegionReplayer implements Replayer {
  readonly region: Region;
  readonly #trace: Trace;
  readonly #clock: RequestClock;
  readonly #pattern: Pattern | undefined;
  readonly #names: readonly string[];
  readonly #nodes: number;
  /** By place: nodes by number, then swap devices. */
  readonly #hits: Float64Array;
  /** Key to the version its page has; 0: never touched. */
  readonly #version: Uint32Array;
  #requests = 0;
  #misses = 0;
  #corrupt = 0;
  #timer: AccessTimer | undefined;

  /** Without a pattern, pages have no bytes, and only their places are replayed. */
  constructor(trace: Trace, memory: Memory, clock: RequestClock, pattern: Pattern | undefined) {
    this.#trace = trace;
    this.#clock = clock;
    this.#pattern = pattern;
    this.#names = [...memory.nodeNames, ...memory.swapNames];
    this.#nodes = memory.nodeNames.length;
    this.#hits = new Float64Array(this.#names.length);
    this.#version = new Uint32Array(trace.keys);
    this.region = memory.map(trace.keys * PAGE, { name: trace.name });
  }

  run(from: number, to: number): void {
    const pattern = this.#pattern;
    if (pattern === undefined) this.#runPlaces(from, to);
    else if (this.#timer === undefined) this.#runBytes(from, to, pattern);
    else this.#runTimed(from, to, pattern, this.#timer);
    this.#requests += to - from;
  }

  timeAccesses(listener: (access: TimedAccess) => void): void {
    if (this.#pattern === undefined) return;
    this.#timer = new AccessTimer(this.#pattern, listener);
    this.#timer.next = this.#requests;
  }

  tally(): Tally {
    const hits = this.#requests - this.#misses;
    return {
      hits,
      misses: this.#misses,
      requestedBytes: this.#requests * PAGE,
      missedBytes: this.#misses * PAGE,
      hitsByTier: Object.fromEntries(this.#names.map((name, i) => [name, this.#hits[i] as number])),
      corrupt: this.#corrupt,
      checkedBytes: this.#pattern === undefined ? 0 : hits * PAGE,
      rejected: 0,
    };
  }

  #runBytes(from: number, to: number, pattern: Pattern): void {
    const { key, op } = this.#trace;
    const region = this.region;
    const clock = this.#clock;
    const version = this.#version;
    for (let i = from; i < to; i++) {
      clock.request = i;
      const k = key[i] as number;
      const v = version[k] as number;
      if (v === 0) {
        pattern.fill(region.translate(k * PAGE, "overwrite", PAGE), PAGE, k, 1, 0);
        version[k] = 1;
        this.#misses++;
        continue;
      }
      this.#countHit(region.placeCode(k));
      if (op !== undefined && op[i] === 1) {
        const address = region.translate(k * PAGE, "write", PAGE);
        if (pattern.check(address, PAGE, k, v, 0) === 0) this.#corrupt++;
        version[k] = v + 1;
        pattern.fill(address, PAGE, k, v + 1, 0);
      } else if (pattern.check(region.translate(k * PAGE, "read", PAGE), PAGE, k, v, 0) === 0) this.#corrupt++;
    }
  }

  /** The same; some of the requests are timed. */
  #runTimed(from: number, to: number, pattern: Pattern, timer: AccessTimer): void {
    let at = from;
    for (; timer.next < to; at++) {
      this.#runBytes(at, timer.next, pattern);
      at = timer.next;
      const k = this.#trace.key[at] as number;
      const tier = this.#version[k] === 0 ? "miss" : this.#names[this.#numberOf(this.region.placeCode(k))];
      timer.begin();
      this.#runBytes(at, at + 1, timer.pattern);
      timer.end();
      timer.tell(tier ?? "miss");
    }
    this.#runBytes(at, to, pattern);
  }

  #runPlaces(from: number, to: number): void {
    const { key, op } = this.#trace;
    const region = this.region;
    const clock = this.#clock;
    const version = this.#version;
    for (let i = from; i < to; i++) {
      clock.request = i;
      const k = key[i] as number;
      if (version[k] === 0) {
        region.translate(k * PAGE, "overwrite", PAGE);
        version[k] = 1;
        this.#misses++;
        continue;
      }
      this.#countHit(region.placeCode(k));
      if (op !== undefined && op[i] === 1) region.translate(k * PAGE, "write", PAGE);
      else region.translate(k * PAGE, "read", PAGE);
    }
  }

  #countHit(place: number): void {
    // A page that was touched is somewhere; one that is nowhere was lost, bytes or not.
    if (place === NOWHERE) this.#corrupt++;
    else {
      const i = this.#numberOf(place);
      this.#hits[i] = (this.#hits[i] as number) + 1;
    }
  }
  #numberOf(place: number): number {
    return place >= 0 ? place : this.#nodes - 2 - place;
  }
}
