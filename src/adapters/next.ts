/**
 * `lieu/next`: caches of lieu for Next.js. {@link lieuCacheHandler} makes what `cacheHandler` of next.config names (pages,
 * route handlers, fetches, images), {@link lieuUseCacheHandler} what its `cacheHandlers` name ("use cache"). Rendered pages
 * are large, many and mostly cold: they lie off the JavaScript heap, and sink instead of being rendered again.
 *
 * Next.js makes a handler of the first kind for every request, and knows nothing of when to close a memory: both belong to the
 * module that makes the cache, and end with the process.
 */
import { createHash } from "node:crypto";
import { LieuError, shown } from "../errors.ts";
import { type AdaptedCache, checkCache, checkKey, store } from "./adapted-cache.ts";
import { clock, TagMarks } from "./tag-marks.ts";

export type { AdaptedCache } from "./adapted-cache.ts";

/** Options of both handlers. */
export interface NextHandlerOptions {
  /** What the keys of the handler's entries begin with, for caches that hold something else too. */
  prefix?: string | undefined;
  /**
   * Most tags whose last invalidation is remembered, 65536 by default. Beyond that the oldest is forgotten, and entries that
   * are older than it are made anew.
   */
  maxTags?: number | undefined;
}

/** How long tags that are revalidated may still be given as stale ones, in seconds. */
export interface NextDurations {
  expire?: number;
}

/** What Next.js says with a `get` or a `set`; what else there is in it is not read. */
export interface NextCacheContext {
  tags?: string[];
  softTags?: string[];
  revalidate?: number | false;
  cacheControl?: NextCacheControl;
}

/** In seconds; false is never. */
export interface NextCacheControl {
  revalidate: number | false;
  expire: number | undefined;
}

/** What `get` gives Next.js. */
export interface NextCacheValue<Value = unknown> {
  value: Value;
  /** Milliseconds since the epoch. */
  lastModified: number;
  cacheControl?: NextCacheControl;
}

/** A handler as `cacheHandler` has it. */
export interface NextCacheHandler {
  // biome-ignore lint/suspicious/noExplicitAny: Next.js' own union of values, which differs from version to version
  get(key: string, context?: object): Promise<NextCacheValue<any> | null>;
  set(key: string, value: unknown, context?: object): Promise<void>;
  revalidateTag(tags: string | string[], durations?: NextDurations): Promise<void>;
  resetRequestCache(): void;
}

/** An entry of "use cache". Times are seconds, but for `timestamp`, which is milliseconds since the epoch. */
export interface NextCacheEntry {
  value: ReadableStream<Uint8Array>;
  tags: string[];
  stale: number;
  timestamp: number;
  expire: number;
  revalidate: number;
}

/** A handler as `cacheHandlers` has them. */
export interface NextUseCacheHandler {
  get(key: string, softTags: string[]): Promise<NextCacheEntry | undefined>;
  set(key: string, pendingEntry: Promise<NextCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: string[]): Promise<number>;
  updateTags(tags: string[], durations?: NextDurations): Promise<void>;
}

interface Stored extends NextCacheValue {
  tags: readonly string[];
  /** Seconds; undefined if it is never to be revalidated, or nobody knows. */
  revalidate?: number | undefined;
}
type StoredEntry = Omit<NextCacheEntry, "value"> & { value: Uint8Array };

/** Longer keys are hashed: a key of the cache has at most 2048 bytes, and one of "use cache" has all arguments in it. */
const MAX_KEY = 600;
/** What a development server keeps of entries that have expired, in seconds. */
const AT_LEAST = 300;

/**
 * The class that `cacheHandler` wants. Its instances share `cache`, which is its owner's to close.
 *
 * A page or fetch is gone once one of its tags was revalidated, and once a fetch's soft tags were. Where Next.js gives it
 * some time to be stale, it is made to look as old as it may get before it is revalidated; what has no such age is gone.
 *
 * What the cache throws (ECLOSED, or EINVAL for what its codec cannot take) rejects the call; Next.js goes on without.
 *
 * @throws `LieuError` EINVAL if `cache` is not a cache, or an option is not what it may be
 */
export function lieuCacheHandler(cache: AdaptedCache, options: NextHandlerOptions = {}): new () => NextCacheHandler {
  checkCache(cache, "lieuCacheHandler()");
  const { name, marks } = prepare(options, "next:");
  return class LieuCacheHandler implements NextCacheHandler {
    async get(key: string, context: NextCacheContext = {}): Promise<NextCacheValue | null> {
      const found = cache.get(name(key)) as Stored | undefined;
      if (found === undefined) return null;
      const { tags, revalidate, ...given } = found;
      const all = [...tags, ...(context.tags ?? []), ...(context.softTags ?? [])];
      const state = marks.judge(all, given.lastModified);
      if (state === "fresh") return given;
      const seconds = typeof context.revalidate === "number" ? context.revalidate : revalidate;
      if (state === "gone" || seconds === undefined) return null;
      return { ...given, lastModified: Math.min(given.lastModified, clock() - seconds * 1000 - 1) };
    }

    async set(key: string, value: unknown, context: NextCacheContext = {}): Promise<void> {
      const { cacheControl } = context;
      const revalidate =
        cacheControl?.revalidate ?? context.revalidate ?? (value as Partial<Stored> | null)?.revalidate;
      const entry: Stored = { value, lastModified: clock(), tags: [...(context.tags ?? []), ...tagsOf(value)] };
      if (cacheControl !== undefined) entry.cacheControl = cacheControl;
      if (typeof revalidate === "number") entry.revalidate = revalidate;
      const expire = cacheControl?.expire;
      store(cache, name(key), entry, expire === undefined ? undefined : Math.max(expire, AT_LEAST) * 1000);
    }

    async revalidateTag(tags: string | string[], durations?: NextDurations): Promise<void> {
      marks.invalidate(typeof tags === "string" ? [tags] : tags, durations);
    }

    /** Does nothing: nothing is kept for one request. */
    resetRequestCache(): void {}
  };
}

/**
 * An object as `cacheHandlers` wants them, for "use cache" or any of its names. Entries that are past `revalidate` or whose
 * tags are stale are given, and Next.js makes them anew behind the scenes; those past `expire` or whose tags have expired are
 * gone. What is rendered only in part, as its stream broke off, is not stored.
 *
 * @throws `LieuError` EINVAL if `cache` is not a cache, or an option is not what it may be
 */
export function lieuUseCacheHandler(cache: AdaptedCache, options: NextHandlerOptions = {}): NextUseCacheHandler {
  checkCache(cache, "lieuUseCacheHandler()");
  const { name, marks } = prepare(options, "use cache:");
  /** What is on its way in: who asks for it meanwhile waits. */
  const pending = new Map<string, Promise<void>>();
  const put = async (key: string, pendingEntry: Promise<NextCacheEntry>): Promise<void> => {
    const { value, ...rest } = await pendingEntry;
    if (rest.expire < 0) cache.delete(name(key));
    if (rest.expire < 0 || (rest.expire === 0 && process.env.NODE_ENV !== "development")) return;
    const bytes = await bytesOf(value);
    if (bytes === undefined) return;
    const left = rest.timestamp + Math.max(rest.expire, AT_LEAST) * 1000 - clock();
    store(cache, name(key), { ...rest, value: bytes } satisfies StoredEntry, left === 0 ? -1 : left);
  };
  return {
    async get(key, softTags) {
      await pending.get(key);
      // Whoever reads the stream may take its bytes for his own.
      const found = cache.get(name(key), { copy: true }) as StoredEntry | undefined;
      if (found === undefined) return undefined;
      const state = marks.judge([...found.tags, ...softTags], found.timestamp);
      if (state === "gone") return undefined;
      return { ...found, value: streamOf(found.value), ...(state === "stale" && { revalidate: -1 }) };
    },
    async set(key, pendingEntry) {
      const work = put(key, pendingEntry);
      const settled = work.catch(() => {});
      pending.set(key, settled);
      try {
        await work;
      } finally {
        if (pending.get(key) === settled) pending.delete(key);
      }
    },
    async refreshTags() {},
    async getExpiration(tags) {
      return marks.goneUntil(tags);
    },
    async updateTags(tags, durations) {
      marks.invalidate(tags, durations);
    },
  };
}

function prepare(options: NextHandlerOptions, preset: string): { name(key: string): string; marks: TagMarks } {
  const { prefix = preset, maxTags = 65_536 } = options;
  if (typeof prefix !== "string" || prefix.length > 256) {
    throw new LieuError("EINVAL", `prefix is ${shown(prefix)}; it must be a string of at most 256 characters`);
  }
  const name = (key: string): string => {
    checkKey(key);
    return prefix + (key.length <= MAX_KEY ? `=${key}` : `#${createHash("sha256").update(key).digest("base64")}`);
  };
  return { name, marks: new TagMarks(maxTags) };
}

/** The tags that a value names itself: a page in a header, a fetch in older versions. */
function tagsOf(value: unknown): readonly string[] {
  const { tags, headers } = (value ?? {}) as { tags?: unknown; headers?: Record<string, unknown> };
  const header = headers?.["x-next-cache-tags"];
  return [...(Array.isArray(tags) ? tags : []), ...(typeof header === "string" ? header.split(",") : [])];
}

/** All of a stream; undefined if it broke off. */
async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) chunks.push(part.value);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
