/** Where things go in a memory of several shards: in one or in all, and with what part of their bounds. */
import type { CacheKey } from "../cache/keys.ts";
import type { Policy } from "../region/policy.ts";
import { folioOrderOf, MOST_HEAP } from "./arguments.ts";
import type { MemoryConfig } from "./options.ts";
import type { AnyCacheOptions } from "./requests.ts";
import { sliceOf } from "./shards.ts";
import { parseSize, type Size } from "./size.ts";
import { MIN_CACHE_PAGES } from "./store.ts";

const PAGE = 4096;
/** A cache smaller than this part of a shard lies in one. */
const SMALL = 16;
/** Entries that a part should have at least, as chance gives one more of them than the other. */
const PART_ENTRIES = 64;
/** The part of a shard's room that a region leaves. */
const SPARE = 8;
/** A value should be no more than this part of a part. */
const LARGEST = 8;
/** Extents that each shard has of a region, or more; and the smallest and the largest, in bytes. */
const EXTENTS = 8;
const LEAST_EXTENT = 2 ** 16;
const MOST_EXTENT = 2 ** 30;

type Slices = readonly (readonly number[])[];
type Options = AnyCacheOptions<never, never, never>;

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Whether a cache is spread over shards whose nodes have `slices` pages. What is no option is for others to find. */
export function isSpread(
  { max, maxSize, maxEntrySize }: Pick<Options, "max" | "maxSize" | "maxEntrySize">,
  slices: Slices,
): boolean {
  const n = slices.length;
  if (typeof max === "number" && max > 0 && max < n * PART_ENTRIES) return false;
  const shard = sum(slices[0] as number[]);
  const pages = maxSize === undefined ? n * shard : Math.floor(parseSize(maxSize, "maxSize") / PAGE);
  if (pages < Math.max(n * MIN_CACHE_PAGES, shard / SMALL)) return false;
  // Where values may be large beside a part, the cache lies in one shard, if that has room for it.
  const largest = typeof maxEntrySize === "number" ? maxEntrySize / PAGE : 0;
  return largest * LARGEST * n <= pages || pages > shard / 2;
}

/** The options of the part in shard `i`: its part of each bound. */
export function partOptions<V, K extends CacheKey, C>(
  options: AnyCacheOptions<V, K, C>,
  i: number,
  slices: Slices,
): AnyCacheOptions<V, K, C> {
  const n = slices.length;
  const part = { ...options };
  if (Number.isInteger(options.max)) part.max = sliceOf(options.max as number, i, n);
  let pages = sum(slices[i] as number[]);
  if (options.maxSize !== undefined) {
    pages = sliceOf(Math.floor(parseSize(options.maxSize, "maxSize") / PAGE), i, n);
    part.maxSize = pages * PAGE;
  }
  part.heap = partHeap(options.heap, pages, i, n);
  return part;
}
/** What part `i` of `n`, of so many pages, holds on the heap. */
export function partHeap(heap: Options["heap"], pages: number, i: number, n: number): Options["heap"] {
  if (heap === undefined) return Math.max(1, Math.floor(Math.min(MOST_HEAP / n, (pages * PAGE) / 64)));
  if (heap === 0) return 0;
  if (typeof heap === "number" || typeof heap === "string") return Math.max(1, Math.floor(parseSize(heap, "heap") / n));
  const entries = heap?.entries;
  return Number.isInteger(entries) && entries > 0 ? { entries: Math.max(1, sliceOf(entries, i, n)) } : heap;
}

/** Whether a region of so many bytes lies in a shard with room for so many pages: some of it is left for what others have there. */
export function fitsIn(bytes: number, room: number): boolean {
  return Math.ceil(bytes / PAGE) <= room - Math.ceil(room / SPARE);
}

/** Of shards with those configurations, the one with most room for what must stay, by that policy, and how many pages it has. */
export function roomiest(
  shards: readonly { room(whole: number): number }[],
  configs: readonly MemoryConfig[],
  policy: Policy | undefined,
): { i: number; room: number } {
  const only = policy?.mode === "bind" ? policy.nodes : undefined;
  const rooms = shards.map((shard, i) => {
    const { nodes } = configs[i] as MemoryConfig;
    const allowed = nodes.filter(({ name }) => !Array.isArray(only) || only.includes(name));
    return shard.room(sum(allowed.map(({ pages }) => pages)));
  });
  const room = Math.max(...rooms);
  return { i: rooms.indexOf(room), room };
}

/** Bytes of the extents of a region that is to be faulted in by folios of that size: a power of two. */
export function extentOf(bytes: number, shards: number, folio: Size = PAGE): number {
  const about = 2 ** Math.floor(Math.log2(Math.max(1, bytes / (EXTENTS * shards))));
  return Math.min(MOST_EXTENT, Math.max(LEAST_EXTENT, PAGE << folioOrderOf(folio), about));
}

/** What `make` makes of each; if one cannot be made, `undo` ends those that were. */
export function allOrNone<S, T>(all: readonly S[], make: (one: S, i: number) => T, undo: (made: T) => void): T[] {
  const made: T[] = [];
  try {
    for (const [i, one] of all.entries()) made.push(make(one, i));
    return made;
  } catch (error) {
    for (const one of made) undo(one);
    throw error;
  }
}
