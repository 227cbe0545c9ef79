/**
 * `lieu/undici`: a cache of lieu as the store of undici's cache interceptor, so that responses lie off the JavaScript heap and
 * cold ones sink instead of being dropped.
 *
 * A resource (origin and path) has one entry that lists its responses, a small object, and an entry for the body of each; so
 * what is read to find out which response fits is small, and a body is bytes that no codec touches. The list says which body
 * is whose by a name that is never used again: a body whose list is gone is never found, and sinks. What either has lost is a
 * miss.
 */
import { createHash, randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { LieuError, shown } from "../errors.ts";
import { type AdaptedCache, checkCache, store } from "./adapted-cache.ts";

export type { AdaptedCache } from "./adapted-cache.ts";

type Headers = Record<string, string | string[]>;
/** The values that a response's `vary` names, of the request that it answered. */
type Vary = Record<string, string | string[] | null>;

/** A request, as undici gives it. */
export interface UndiciCacheKey {
  origin: string;
  method: string;
  path: string;
  headers?: Headers;
}

/** A response without its body, as undici gives it. Times are those of `Date.now()`. */
export interface UndiciCacheValue {
  statusCode: number;
  statusMessage: string;
  headers: Headers;
  vary?: Vary;
  etag?: string;
  cacheControlDirectives?: Record<string, unknown>;
  cachedAt: number;
  staleAt: number;
  /** Until then the response may be given, if need be as a stale one. */
  deleteAt: number;
}

/** A response. */
export interface UndiciCacheResult extends UndiciCacheValue {
  body: Buffer;
  cacheControlDirectives: Record<string, unknown>;
}

/** Options of {@link LieuCacheStore}. */
export interface LieuCacheStoreOptions {
  /** Most bytes of a body; a longer one is not stored. 5 MiB by default, as in undici's own store. */
  maxEntrySize?: number | undefined;
  /** What the keys of this store's entries begin with, for caches that hold something else too. "undici:" by default. */
  prefix?: string | undefined;
}

interface Response extends UndiciCacheValue {
  method: string;
  /** The key of the body. */
  body: string;
}

/** Longer names are hashed: a key of the cache has at most 2048 bytes, and a path may have any number. */
const MAX_NAME = 900;

/**
 * A store for undici's cache interceptor: `interceptors.cache({ store: new LieuCacheStore(cache) })`. Any number of them
 * may share a cache, and with one prefix they share its responses. The cache is its owner's to close, once nobody uses the
 * store any more.
 *
 * @throws `LieuError` EINVAL if `cache` is not a cache, or an option is not what it may be
 */
export class LieuCacheStore {
  readonly #cache: AdaptedCache;
  readonly #maxEntrySize: number;
  readonly #prefix: string;

  constructor(cache: AdaptedCache, options: LieuCacheStoreOptions = {}) {
    checkCache(cache, "new LieuCacheStore()");
    const { maxEntrySize = 5 * 2 ** 20, prefix = "undici:" } = options;
    if (!(typeof maxEntrySize === "number" && maxEntrySize >= 0)) {
      throw new LieuError("EINVAL", `maxEntrySize is ${shown(maxEntrySize)}; it must be a number of bytes`);
    }
    if (typeof prefix !== "string" || prefix.length > 256) {
      throw new LieuError("EINVAL", `prefix is ${shown(prefix)}; it must be a string of at most 256 characters`);
    }
    this.#cache = cache;
    this.#maxEntrySize = maxEntrySize;
    this.#prefix = prefix;
  }

  /** The response that fits a request, stale ones included; undefined if there is none. */
  get(key: UndiciCacheKey): UndiciCacheResult | undefined {
    const found = this.#responses(this.#name(key)).find((response) => fits(response, key));
    if (found === undefined) return undefined;
    // Whoever reads the response may take its bytes for his own.
    const body = this.#cache.get(found.body, { copy: true });
    if (!(body instanceof Uint8Array)) return undefined;
    const { method: _, ...value } = found;
    return { ...value, cacheControlDirectives: found.cacheControlDirectives ?? {}, body: body as Buffer };
  }

  /** A stream to write a response's body to. The response is in the store once the stream has finished. */
  createWriteStream(key: UndiciCacheKey, value: UndiciCacheValue): Writable {
    const name = this.#name(key);
    checkValue(value);
    const { method, headers } = key;
    const chunks: Buffer[] = [];
    let size = 0;
    const stream = new Writable({
      write: (chunk: Buffer | string, encoding, done) => {
        const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
        size += bytes.byteLength;
        // As undici's own store does: the response goes on, only the copy ends.
        if (size > this.#maxEntrySize) stream.destroy();
        else chunks.push(bytes);
        done();
      },
      final: (done) => {
        try {
          this.#put(name, { method, headers: headers ?? {} }, value, Buffer.concat(chunks, size));
          done();
        } catch (error) {
          done(error as Error);
        }
      },
    });
    return stream;
  }

  /** Forget all responses of a resource, whatever their method. */
  delete(key: Pick<UndiciCacheKey, "origin" | "path">): void {
    const name = this.#name({ method: "", ...key });
    for (const { body } of this.#responses(name)) this.#cache.delete(body);
    this.#cache.delete(name);
  }

  #put(name: string, key: { method: string; headers: Headers }, value: UndiciCacheValue, body: Buffer): void {
    const now = Date.now();
    const kept = this.#responses(name).filter((response) => {
      if (response.deleteAt > now && !fits(response, key)) return true;
      this.#cache.delete(response.body);
      return false;
    });
    const bodyKey = `${this.#prefix}body:${randomUUID()}`;
    if (value.deleteAt > now && store(this.#cache, bodyKey, body, value.deleteAt - now)) {
      kept.push({ ...value, method: key.method, body: bodyKey });
    }
    if (kept.length === 0) {
      this.#cache.delete(name);
      return;
    }
    const last = Math.max(...kept.map(({ deleteAt }) => deleteAt));
    if (!store(this.#cache, name, kept, last - now)) for (const response of kept) this.#cache.delete(response.body);
  }

  #responses(name: string): readonly Response[] {
    return (this.#cache.get(name) as readonly Response[] | undefined) ?? [];
  }

  #name(key: UndiciCacheKey): string {
    const whole = typeof key === "object" && key !== null;
    if (!whole || ![key.origin, key.method, key.path].every((part) => typeof part === "string")) {
      throw new LieuError("EINVAL", `the key is ${shown(key)}; it must have an origin, a method and a path`);
    }
    const name = `${key.origin} ${key.path}`;
    const short = name.length <= MAX_NAME ? `=${name}` : `#${createHash("sha256").update(name).digest("base64")}`;
    return `${this.#prefix}${short}`;
  }
}

export default LieuCacheStore;

function checkValue(value: UndiciCacheValue): void {
  const numbers: readonly (keyof UndiciCacheValue)[] = ["statusCode", "cachedAt", "staleAt", "deleteAt"];
  for (const name of numbers) {
    if (typeof value?.[name] === "number") continue;
    throw new LieuError("EINVAL", `the response's ${name} is ${shown(value?.[name])}; it must be a number`);
  }
}

/** Whether a response may be given to a request, which is to the same resource. */
function fits(response: Response, key: Pick<UndiciCacheKey, "method" | "headers">): boolean {
  if (response.deleteAt <= Date.now() || response.method !== key.method) return false;
  const vary = Object.entries(response.vary ?? {});
  return vary.every(([name, wanted]) => sameHeader(key.headers?.[name], wanted));
}
function sameHeader(a: string | string[] | null | undefined, b: string | string[] | null | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((part, i) => part === b[i]);
  return (a ?? null) === (b ?? null);
}
