/** What a cache tells of itself and its entries, and what it needs of the memory that made it. */
import type { Mapping } from "../runtime/mapping.ts";
import type { Codec } from "./codec.ts";
import type { FrontLimit } from "./front-types.ts";
import type { CacheKey } from "./keys.ts";
import type { EntryConfig } from "./options.ts";
import type { Accepts } from "./values.ts";

/** Counters of one cache since it was made. */
export interface CacheStats {
  readonly hits: number;
  /** Accesses that found no value, or one that had expired. */
  readonly misses: number;
  /** Expired values given all the same: to a get or fetch with allowStale, or when a load failed. */
  readonly stale: number;
  /** Loads begun by fetch(). */
  readonly loads: number;
  /** Loads that failed; those that were aborted, or whose key was set or deleted meanwhile, are none. */
  readonly loadErrors: number;
  /** Fetches that waited for a load that another had begun. */
  readonly joined: number;
  readonly sets: number;
  /** Values not stored because they are too large, or because there was no room. */
  readonly rejected: number;
  /** Entries dropped to make room. */
  readonly evicted: number;
  /** Entries lost with their pages: dropped by the engine for others' sake, or by a swap device that failed. */
  readonly lost: number;
  /** Entries whose expired bytes were reclaimed. */
  readonly expired: number;
  readonly deleted: number;
  /** Hits by the lowest place that a part of the value was in: names of nodes and swap devices. */
  readonly hitsByTier: Readonly<Record<string, number>>;
  /** Bytes of entries that were stored under a key that had none, or another value's room: keys and values. */
  readonly newBytes: number;
  /** Bytes of the cache's pages that it has written to swap, and how many that is for each byte of new entries. */
  readonly swapWritten: number;
  readonly swapWrittenPerByte: number;
  /** Bytes of the pages on each node and swap device now, and the entries that begin there. Of a large cache, from a sample. */
  readonly bytesByTier: Readonly<Record<string, number>>;
  readonly entriesByTier: Readonly<Record<string, number>>;
}

/** Options of `clear()`. */
export interface ClearOptions {
  /** Set the counters of stats() to 0, too. Default: false. */
  stats?: boolean | undefined;
}

/** An entry, as dump() gives it and load() takes it. */
export interface DumpedEntry<V> {
  readonly value: V;
  /** Milliseconds; not there: for ever. */
  readonly ttl?: number;
  /** When the time to live began, ms since 1970. */
  readonly start?: number;
  /** Not there: none. */
  readonly tags?: readonly string[];
}

/** What is known of an entry. */
export interface EntryInfo<V> extends DumpedEntry<V> {
  /** Bytes of the value as stored. */
  readonly size: number;
}

/** What a cache needs of the memory that made it. */
export interface CacheHost<V, K extends CacheKey, C> {
  readonly name: string;
  readonly accepts: Accepts;
  readonly codec: Codec<V>;
  readonly config: EntryConfig<V, K, C>;
  /** Most pages that may be held, index and swap included. */
  readonly maxPages: number;
  /** What may be held on the JavaScript heap, decoded; undefined = nothing. */
  readonly heap: FrontLimit | undefined;
  /** The mapping that holds the index. */
  readonly meta: Mapping;
  /** Names of nodes, then of swap devices. */
  readonly nodeNames: readonly string[];
  readonly swapNames: readonly string[];
  /** Whether another thread made the cache. */
  readonly attached?: boolean;
  /** Called once, when the cache has been closed. */
  closed(): void;
}
