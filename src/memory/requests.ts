/** What the methods of a memory take and give. */
import type { Codec } from "../cache/codec.ts";
import type { EntryOptions } from "../cache/options.ts";
import type { Policy } from "../region/policy.ts";
import type { Group } from "./group.ts";
import type { Size } from "./size.ts";
import type { Vmstat } from "./vmstat.ts";

/** Options of `memory.map()`. */
export interface MapOptions {
  /** For messages. */
  name?: string;
  policy?: Policy;
  group?: Group;
  /** Size of folio to fault in where there is room: a power of two from 4 KiB to 2 MiB. */
  folio?: Size;
  /** Never demoted nor reclaimed (mlock). */
  locked?: boolean;
}

/** Options of `memory.cache()`. */
export interface CacheOptions<V, C = unknown> extends EntryOptions<V, C> {
  name?: string;
  /** Most bytes that the cache may hold, index and swap included, in whole pages; by default all that it may use. */
  maxSize?: Size;
  policy?: Policy;
  group?: Group;
  /**
   * What values are: "any" (default; strings and Uint8Arrays as they are, the rest as MessagePack), "bytes", "string",
   * or a codec of your own for all of them.
   */
  codec?: "any" | "bytes" | "string" | Codec<V>;
}

/** A request to `memory.reclaim()`. */
export interface ReclaimRequest {
  /** Only from these nodes. */
  nodes?: readonly string[];
  group?: Group;
  /** "any": demote where there is a lower tier, evict elsewhere; "demote": never evict; "evict": never demote. */
  mode?: "any" | "demote" | "evict";
}

/** What a reclaim request came to, in bytes. */
export interface ReclaimResult {
  /** What the nodes asked were relieved of. */
  readonly reclaimed: number;
  /** Moved to lower tiers, on the way to making room there too. */
  readonly demoted: number;
  /** Swapped out or dropped, on the way too. */
  readonly evicted: number;
}

/** A node of a memory, as it is now. */
export interface NodeInfo {
  readonly name: string;
  readonly kind: "dram" | "model";
  /** Bytes. */
  readonly size: number;
  readonly free: number;
  readonly residentPages: number;
  /** 0 is the fastest. */
  readonly tier: number;
  readonly latency: number;
  vmstat(): Vmstat;
}
