/** What a front (front.ts) is told, and what it needs of the cache behind it. */
import type { SampleBelow } from "./front-sample.ts";

/** A bound of what a cache holds on the heap, in entries. */
export interface HeapEntries {
  entries: number;
}

/** How much a front may hold: both bounds hold. */
export interface FrontLimit {
  /** Bytes: of values as encoded, with 160 each. */
  readonly bytes: number;
  readonly entries: number;
}

/** What a front needs of the cache behind it. */
export interface Below extends SampleBelow {
  /** The segment's words, and the index of the version that counts for all. */
  readonly h32: Int32Array;
  readonly all: number;
  /** Pages that the engine has dropped and the store was not yet told of. */
  readonly lost: readonly number[];
  now(): number;
  /** What was asked for has expired, by the clock as it was just read: who goes on to the store need not read it again. */
  expired(now: number): void;
  /** The number of the last request that the store knows of, in a word that wraps. */
  requests(): number;
  /** There were as many hits as were to be ({@link Front.pauseAfter}). */
  paused(): void;
  /** There were `requests` hits; the first `n` hashes stand for them. Returns within how many the store wants to hear of each. */
  hear(hashes: Int32Array, n: number, requests: number): number;
}

/** What is known of a value that is about to be held. */
export interface Held<V> {
  readonly value: V;
  /** Bytes as encoded. */
  readonly length: number;
  /** Index of its version, and what both came to before it was decoded. */
  readonly at: number;
  readonly version: number;
  readonly hash: number;
  /** undefined: for ever, and it has no tags. */
  readonly until: Until | undefined;
}
/** What ends a value that its version does not say. */
export interface Until {
  /** ms; Infinity = never. */
  readonly expiry: number;
  /** Up to which invalidation of a tag it is known to be valid; Infinity = it has no tags. */
  epoch: number;
}
