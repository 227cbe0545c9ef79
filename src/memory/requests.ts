/** What the methods of a memory take and give. */
import type { Codec } from "../cache/codec.ts";
import type { MissRatioCurve } from "../cache/distances.ts";
import type { HeapEntries } from "../cache/front-types.ts";
import type { CacheKey } from "../cache/keys.ts";
import type { EntryOptions } from "../cache/options.ts";
import type { RequestRecording } from "../cache/recording.ts";
import type { CacheStats } from "../cache/types.ts";
import type { Policy } from "../region/policy.ts";
import type { Group } from "./group.ts";
import type { Size } from "./size.ts";
import type { Vmstat } from "./vmstat.ts";

/** Options of `memory.map()`. */
export interface MapOptions {
  /** For messages. Default: `region0`, `region1`, … */
  name?: string | undefined;
  /** Where its pages may be. Default: anywhere, the fastest tier first. */
  policy?: Policy | undefined;
  /** The group that its pages are charged to. Default: none. */
  group?: Group | undefined;
  /** Size of folio to fault in where there is room: a power of two from 4 KiB to 2 MiB. Default: 4 KiB. */
  folio?: Size | undefined;
  /** Never demoted nor reclaimed (mlock). Default: false. */
  locked?: boolean | undefined;
}

/** Options of `memory.cache()`, whatever the codec. */
export interface CommonCacheOptions<V, K extends CacheKey = string, C = unknown> extends EntryOptions<V, K, C> {
  /** For messages. Default: `cache0`, `cache1`, … */
  name?: string | undefined;
  /** Most bytes that the cache may hold, index and swap included, in whole pages. Default: all that it may use. */
  maxSize?: Size | undefined;
  /**
   * How much of it may also be held decoded on the JavaScript heap, where the hottest values are: bytes as encoded, or a number of
   * entries; 0: nothing. Such a value comes out as the same reference each time. Default: a 64th of `maxSize`, at most 32 MiB.
   */
  heap?: Size | HeapEntries | undefined;
  /** Where its pages may be. Default: anywhere, the fastest tier first. */
  policy?: Policy | undefined;
  /** The group that its pages are charged to. Default: none. */
  group?: Group | undefined;
}

/** Options of `memory.cache()`. */
export interface CacheOptions<V, K extends CacheKey = string, C = unknown> extends CommonCacheOptions<V, K, C> {
  /**
   * How values become bytes: "any" (strings and Uint8Arrays as they are, the rest as MessagePack) or a codec of your own
   * for all of them. "bytes" and "string" take nothing else: {@link BytesCacheOptions}, {@link StringCacheOptions}.
   * Default: "any".
   */
  codec?: "any" | Codec<V> | undefined;
}

/** Options of `memory.cache()` for a cache of bytes: what comes out is a Buffer. */
export interface BytesCacheOptions<V extends Uint8Array = Uint8Array, K extends CacheKey = string, C = unknown>
  extends CommonCacheOptions<V, K, C> {
  /** Values are Uint8Arrays, stored as they are. */
  codec: "bytes";
}

/** Options of `memory.cache()` for a cache of strings. */
export interface StringCacheOptions<V extends string = string, K extends CacheKey = string, C = unknown>
  extends CommonCacheOptions<V, K, C> {
  /** Values are strings, stored as one byte a character or as UTF-8. */
  codec: "string";
}

/** What was settled for all threads when a cache was made. */
type Settled = "name" | "maxSize" | "policy" | "group" | "max" | "grace";
/** Options of a cache of a memory that another thread has opened: those of this thread's handle. */
export type AttachedCacheOptions<V, K extends CacheKey = string, C = unknown> = Omit<CacheOptions<V, K, C>, Settled>;
/** The same for a cache of bytes. */
export type AttachedBytesOptions<V extends Uint8Array = Uint8Array, K extends CacheKey = string, C = unknown> = Omit<
  BytesCacheOptions<V, K, C>,
  Settled
>;
/** The same for a cache of strings. */
export type AttachedStringOptions<V extends string = string, K extends CacheKey = string, C = unknown> = Omit<
  StringCacheOptions<V, K, C>,
  Settled
>;

/** A request to `memory.reclaim()`. */
export interface ReclaimRequest {
  /** Only from these nodes. Default: from all. */
  nodes?: readonly string[] | undefined;
  /** Only from this group. Default: from all. */
  group?: Group | undefined;
  /** "any": demote where there is a lower tier, evict elsewhere; "demote": never evict; "evict": never demote. Default: "any". */
  mode?: "any" | "demote" | "evict" | undefined;
}

/** What a reclaim request came to, in bytes. */
export interface ReclaimResult {
  /** What the nodes asked were relieved of. */
  readonly reclaimed: number;
  /** Moved to lower tiers, on the way to making room there too. */
  readonly demoted: number;
  /** Moved to nodes with room that are of no lower tier, in lieu of being evicted. */
  readonly relocated: number;
  /** Swapped out or dropped, on the way too. */
  readonly evicted: number;
}

/** A node of a memory, as it is now. */
export interface NodeInfo {
  readonly name: string;
  readonly kind: "dram" | "numa" | "mapped-file" | "model";
  /** Bytes. */
  readonly size: number;
  readonly free: number;
  readonly residentPages: number;
  /** 0 is the fastest. */
  readonly tier: number;
  /** Nanoseconds that an access is taken to cost: as given, or measured. */
  readonly latency: number;
  /** ... and that the move of a page to or from another node is. */
  readonly move: number;
  vmstat(): Vmstat;
  /**
   * Give the node another size, up to the one that it was opened with: what is coldest there moves on, and the bytes go back to the
   * system. Returns the new size in bytes.
   *
   * @throws {@link LieuError} EINVAL, ENOTSUP without the package koffi or for a node without bytes, ENOMEM if what is there has no
   *   other place: then nothing has changed
   */
  resize(size: Size): number;
  /**
   * Where its pages lie on the machine: their number by host node (move_pages(2)). Pages that were never touched lie nowhere.
   *
   * @throws {@link LieuError} ENOTSUP without the package koffi, or for a node without bytes
   */
  hostPlacement(): Map<number, number>;
}

/** A swap device of a memory, as it is now. */
export interface SwapInfo {
  readonly name: string;
  /** "zswap" is the pool of compressed pages. */
  readonly kind: string;
  /** Bytes that it has; the pool's change with `resize`. */
  readonly size: number;
  /** Bytes of these that are taken. */
  readonly used: number;
  /** Bytes of pages that it holds: more than `used` in the pool, where they are compressed. */
  readonly stored: number;
  /** Whether its last write failed; it is tried anew by the next request. */
  readonly failed: boolean;
  /**
   * Of the pool of compressed pages: give it another size, up to the one that it was opened with. Its oldest pages move on, and the bytes
   * go back to the system. Returns the new size in bytes.
   *
   * @throws {@link LieuError} EINVAL, ENOTSUP without the package koffi or for a shared memory, ENOMEM if what is there has no other
   *   place: then it has its old size
   */
  readonly resize?: (size: Size) => number;
}

/** A cache of a memory, as far as it can be looked at without knowing its keys and values. */
export interface CacheInfo {
  readonly name: string;
  /** Entries. */
  readonly size: number;
  /** Bytes that it holds, index and swap included. */
  readonly calculatedSize: number;
  readonly maxSize: number;
  stats(): CacheStats;
  /** Its miss-ratio curve; the first call begins learning it. */
  curve(): MissRatioCurve;
  /** Whether one is being learned, and what ends that. */
  readonly sampling: boolean;
  forgetCurve(): void;
  /** Record what is asked for; for `lieu plan`. */
  recordRequests(): RequestRecording;
}

/** All that `memory.cache()` takes. */
export interface AnyCacheOptions<V, K extends CacheKey, C> extends CommonCacheOptions<V, K, C> {
  codec?: "any" | "bytes" | "string" | Codec<V> | undefined;
}

/** Options of `memory.serve()`. */
export interface ServeOptions {
  /** Default: one that is free. */
  port?: number | undefined;
  /** The address to listen on. Default: 127.0.0.1, for programs of this machine alone. */
  host?: string | undefined;
  /** What whoever looks must know. Default: none on the loopback interface, else one made up by chance. */
  token?: string | undefined;
  /** Milliseconds from one look at the memory to the next, from 50. Default: 1000. */
  interval?: number | undefined;
  /** What the page is called. Default: "lieu". */
  title?: string | undefined;
}

/** The server of a memory's dashboard. It keeps no process alive, and ends with the memory. */
export interface MemoryServer extends AsyncDisposable {
  /** Where the dashboard is; with the token, if there is one, behind the "#". */
  readonly url: string;
  readonly token: string | undefined;
  close(): Promise<void>;
}
