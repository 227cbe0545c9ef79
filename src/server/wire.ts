/**
 * What the dashboard is told, as JSON: a header once, then snapshots. A recorded run, in a report, is the same. Counters are
 * those of `vmstat()` as they stand, never differences: whoever missed a snapshot, or keeps but every other one, is not wrong.
 */

/** What does not change. */
export interface Header {
  readonly version: 1;
  readonly title: string;
  /** What `Snapshot.at` counts: seconds since 1970, or requests of a replayed trace. */
  readonly clock: "seconds" | "requests";
  /** Names of the counters and gauges of every `vmstat` array, in its order. */
  readonly counters: readonly string[];
  /** Fastest tier first. Bytes; a mark is free memory. */
  readonly nodes: readonly {
    readonly name: string;
    readonly kind: string;
    readonly tier: number;
    readonly size: number;
    readonly min: number;
    readonly low: number;
    readonly high: number;
  }[];
  /** The pool of compressed pages, if there is one, first. */
  readonly swap: readonly { readonly name: string; readonly kind: string; readonly size: number }[];
  /**
   * How the age of a page is known: "uses", from its last use; "lists", from the list it is on alone, which tells no time: level
   * 0 is used since it was last looked at, 5 on an active list, 10 on an inactive one.
   */
  readonly ages: "uses" | "lists";
  /** Idle for at most this, in units of the clock, are the pages of level 0; each level is twice the one before. */
  readonly idleBase: number;
}

/** A memory at one moment. */
export interface Snapshot {
  /** In units of the header's clock. */
  readonly at: number;
  readonly vmstat: readonly number[];
  /** Bytes. A node or pool that was resized has another size than the header says, which is the one at the beginning. */
  readonly nodes: readonly { readonly size: number; readonly free: number; readonly vmstat: readonly number[] }[];
  /** `stored`: bytes of pages that it holds, `used`: what they take. */
  readonly swap: readonly {
    readonly size: number;
    readonly used: number;
    readonly stored: number;
    readonly failed: boolean;
  }[];
  readonly groups: readonly GroupSnapshot[];
  readonly caches: readonly {
    readonly name: string;
    readonly entries: number;
    readonly size: number;
    readonly maxSize: number;
    /** Its accesses so far, and those that found no value. */
    readonly requests: number;
    readonly misses: number;
    /** What LRU would miss of them at each of {@link CURVE_SIZES} times `maxSize`; null where that is not known. */
    readonly curve: readonly (number | null)[];
  }[];
  /** Accesses of caches (or of a replay) so far, by what served them: nodes, then swap devices, then none: a miss. */
  readonly served: readonly number[];
  /** Of timed gets, the latest of each tier that had any since the last snapshot. Seconds. */
  readonly latency: readonly {
    /** Its place in `served`. */
    readonly tier: number;
    readonly p50: number;
    readonly p99: number;
  }[];
  /** Milliseconds that kswapd has taken so far; null where that is not known. */
  readonly kswapdMs: number | null;
  readonly map: PageMap;
  /** Pages of each node by level of age, estimated from a sample; none where ages are known from lists. */
  readonly idle: readonly (readonly number[])[];
}

/** Limits are bytes; null where there is none. */
export interface GroupSnapshot {
  readonly name: string;
  readonly usage: number;
  readonly swap: number;
  readonly min: number;
  readonly low: number;
  readonly high: number | null;
  readonly max: number | null;
}

/** All mapped pages, end to end in the order of their mappings, in at most {@link MAP_ROWS} rows of about the same number. */
export interface PageMap {
  /** Pages mapped. */
  readonly pages: number;
  /** A character a row: "." nowhere, "A" and on: nodes, "a" and on: swap devices. Where one page of the row is. */
  readonly place: string;
  /** A hexadecimal digit a row: the age of that page; "." if it is in no node. */
  readonly age: string;
}

/** Sizes of a miss-ratio curve, in parts of a cache's own: four an octave, from a sixteenth to eight times. */
export const CURVE_SIZES: readonly number[] = Array.from({ length: 29 }, (_, i) => 2 ** (i / 4 - 4));

export const MAP_ROWS = 160;
/** Levels of age, from in use to twice the longest that there is a level for. */
export const AGE_LEVELS = 16;

/** Whether a feed goes on, and how far it is. */
export interface FeedState {
  /** "live": a program's memory. "running", "paused": a replay. "ended": no more will come. */
  readonly phase: "live" | "running" | "paused" | "ended";
  /** Requests of a replay, done and in all. */
  readonly done?: number;
  readonly total?: number;
  /** What a replay waits after each snapshot, in milliseconds. */
  readonly pace?: number;
}

/** What a replay can be told. */
export type FeedCommand =
  | { readonly command: "pause" | "resume" | "step" }
  /** Run up to this request, then pause. */
  | { readonly command: "seek"; readonly to: number }
  | { readonly command: "pace"; readonly ms: number };
