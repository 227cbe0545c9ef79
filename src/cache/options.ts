/** Options of caches and of their methods, and how they are checked. Names and meanings are lru-cache's where it has them. */
import { LieuError, shown } from "../errors.ts";
import { checkTags } from "./trailer.ts";

/**
 * An AbortSignal as the user's project declares it, by `lib.dom` or by `@types/node`; what lieu needs of one where neither
 * is there.
 */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : SignalLike;
/** The part of an AbortSignal that lieu makes use of. */
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Why an entry went: room was needed, it was deleted, another value took its place, it expired, or a fetch replaced it. */
export type DisposeReason = "evict" | "delete" | "set" | "expire" | "fetch";

/** Called after an entry has gone, with a copy of its value. Must not throw. */
export type Disposer<V, K = string> = (value: V, key: K, reason: DisposeReason) => void;

/** What a {@link FetchMethod} is told beside the key. */
export interface FetcherOptions<C = unknown> {
  /** Aborted when nobody needs the value any more: the key was set or deleted meanwhile, or all callers gave up. */
  readonly signal: Signal;
  /** Options that the value will be stored with; the method may change them. */
  readonly options: SetOptions;
  readonly context: C | undefined;
}

/** Loads the value of a key; `staleValue` is the expired one, if it is still there. Undefined is not stored. */
export type FetchMethod<V, K = string, C = unknown> = (
  key: K,
  staleValue: V | undefined,
  options: FetcherOptions<C>,
) => V | undefined | Promise<V | undefined>;

/** Hears of a load that failed: why, of which key, and for how many milliseconds expired values will do. */
export type FetchErrorListener<K = string> = (error: unknown, key: K, retryIn: number) => void;

/** How a cache treats age; each may be overridden for one call. */
export interface AgeOptions {
  /** A get begins the time to live anew. Default: false. */
  updateAgeOnGet?: boolean | undefined;
  /** An expired value that is still there will do; it is given once, and deleted. Default: false. */
  allowStale?: boolean | undefined;
  /** An expired value is not deleted by a get that finds it. Default: false. */
  noDeleteOnStaleGet?: boolean | undefined;
}

/** Options of `get()`. */
export interface GetOptions extends AgeOptions {
  /** A value of the caller's own, made anew, which may be changed; it is neither taken from the heap nor held there. Default: false. */
  copy?: boolean | undefined;
}

/** Options of `set()`. */
export interface SetOptions {
  /** Milliseconds; 0 or Infinity: for ever. Default: the cache's. */
  ttl?: number | undefined;
  /** When the time to live began, on the clock of the memory (performance.now() unless it was given another). */
  start?: number | undefined;
  /** What the entry belongs to: `invalidateTag()` of any of them makes it go. At most 256, of 1 to 1024 characters. */
  tags?: readonly string[] | undefined;
}

/** Options of `memo()`. */
export interface MemoOptions<C = unknown> extends AgeOptions, SetOptions {
  /** Make the value anew even if there is one. Default: false. */
  forceRefresh?: boolean | undefined;
  /** Handed to the memoMethod. */
  context?: C | undefined;
}

/** Makes the value of a key, at once; `staleValue` is the expired one, where expired ones will do. */
export type MemoMethod<V, K = string, C = unknown> = (
  key: K,
  staleValue: V | undefined,
  options: { readonly options: SetOptions; readonly context: C | undefined },
) => V;

/** Called after a value was stored, with the very value: under a key that had none, or in place of another. */
export type Inserter<V, K = string> = (value: V, key: K, reason: "add" | "replace") => void;

/** Options of `fetch()`. */
export interface FetchOptions<C = unknown> extends AgeOptions {
  /** Load anew even if there is a value; with allowStale the old one is given meanwhile. Default: false. */
  forceRefresh?: boolean | undefined;
  /** Give up waiting. The load goes on as long as somebody else waits for it. */
  signal?: Signal | undefined;
  /** Handed to the fetchMethod. */
  context?: C | undefined;
  /** Time to live of what is loaded, milliseconds; 0 or Infinity: for ever. Default: the cache's. */
  ttl?: number | undefined;
  /** Tags of what is loaded. */
  tags?: readonly string[] | undefined;
  /** When the load fails and an expired value is there, give that. Default: false. */
  allowStaleOnFetchRejection?: boolean | undefined;
}

/** The part of a cache's options that is about entries rather than memory. */
export interface EntryOptions<V, K = string, C = unknown> extends AgeOptions {
  /** Most entries. Default: any number. */
  max?: number | undefined;
  /** Most bytes of a value, as encoded; a larger one is not stored. Default: any that fits. */
  maxEntrySize?: number | undefined;
  /** Time to live of entries, unless set() says another: milliseconds; 0 or Infinity: for ever. Default: 0. */
  ttl?: number | undefined;
  /** Hears of entries that went. */
  dispose?: Disposer<V, K> | undefined;
  /** Hears of values that were stored. Must not throw. */
  onInsert?: Inserter<V, K> | undefined;
  /** Loads a value for fetch(). */
  fetchMethod?: FetchMethod<V, K, C> | undefined;
  /** Makes a value for memo(). */
  memoMethod?: MemoMethod<V, K, C> | undefined;
  /** A failed load gives the expired value instead, if it is still there. Default: false. */
  allowStaleOnFetchRejection?: boolean | undefined;
  /**
   * How long an entry that has expired is kept as long as there is room, for those who take expired values: milliseconds;
   * Infinity: until its room is needed. Default: as long again as its time to live, if `allowStale` or
   * `allowStaleOnFetchRejection` is set, else 0.
   */
  grace?: number | undefined;
  /** Hears of loads that failed. Must not throw. */
  onFetchError?: FetchErrorListener<K> | undefined;
  /**
   * How long a key whose load failed is not loaded again while there is an expired value to give, milliseconds; twice as long
   * after each further failure, up to {@link maxFetchBackoff}. 0: it is loaded by the next fetch. Default: 250.
   */
  fetchBackoff?: number | undefined;
  /** Default: 30,000. */
  maxFetchBackoff?: number | undefined;
}

/** Checked, with defaults. */
export interface EntryConfig<V, K, C> {
  readonly max: number;
  readonly maxEntrySize: number;
  readonly ttl: number;
  readonly updateAgeOnGet: boolean;
  readonly allowStale: boolean;
  readonly noDeleteOnStaleGet: boolean;
  readonly allowStaleOnFetchRejection: boolean;
  readonly dispose: Disposer<V, K> | undefined;
  readonly onInsert: Inserter<V, K> | undefined;
  readonly fetchMethod: FetchMethod<V, K, C> | undefined;
  readonly memoMethod: MemoMethod<V, K, C> | undefined;
  /** Milliseconds; undefined = as long as the entry's time to live. */
  readonly grace: number | undefined;
  readonly onFetchError: FetchErrorListener<K> | undefined;
  readonly fetchBackoff: number;
  readonly maxFetchBackoff: number;
}

/** Names of {@link EntryOptions}. */
export const ENTRY_OPTIONS = [
  "max",
  "maxEntrySize",
  "ttl",
  "updateAgeOnGet",
  "allowStale",
  "noDeleteOnStaleGet",
  "allowStaleOnFetchRejection",
  "dispose",
  "fetchMethod",
  "memoMethod",
  "onInsert",
  "grace",
  "onFetchError",
  "fetchBackoff",
  "maxFetchBackoff",
] as const;

/** @throws {@link LieuError} EINVAL */
export function entryConfig<V, K, C>(options: EntryOptions<V, K, C>): EntryConfig<V, K, C> {
  const wantsStale = options.allowStale === true || options.allowStaleOnFetchRejection === true;
  return {
    max: wholeNumber(options.max, "max", 0, 2 ** 31 - 2),
    maxEntrySize: wholeNumber(options.maxEntrySize, "maxEntrySize", 0, 2 ** 31 - 1),
    ttl: checkTtl(options.ttl),
    updateAgeOnGet: flag(options.updateAgeOnGet, "updateAgeOnGet"),
    allowStale: flag(options.allowStale, "allowStale"),
    noDeleteOnStaleGet: flag(options.noDeleteOnStaleGet, "noDeleteOnStaleGet"),
    allowStaleOnFetchRejection: flag(options.allowStaleOnFetchRejection, "allowStaleOnFetchRejection"),
    dispose: callable(options.dispose, "dispose"),
    onInsert: callable(options.onInsert, "onInsert"),
    fetchMethod: callable(options.fetchMethod, "fetchMethod"),
    memoMethod: callable(options.memoMethod, "memoMethod"),
    grace: options.grace === undefined ? (wantsStale ? undefined : 0) : duration(options.grace, "grace"),
    onFetchError: callable(options.onFetchError, "onFetchError"),
    fetchBackoff: duration(options.fetchBackoff ?? 250, "fetchBackoff"),
    maxFetchBackoff: duration(options.maxFetchBackoff ?? 30_000, "maxFetchBackoff"),
  };
}

/** A time to live in ms, with 0 for none. @throws {@link LieuError} EINVAL */
export function checkTtl(ttl: number | undefined): number {
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) return 0;
  if (typeof ttl === "number" && ttl >= 0) return ttl;
  throw new LieuError("EINVAL", `ttl is ${shown(ttl)}; it must be a number of milliseconds from 0 (for ever)`);
}

/** When a time to live begins, on the memory's clock. @throws {@link LieuError} EINVAL */
export function checkStart(start: number): number {
  if (Number.isFinite(start)) return start;
  throw new LieuError("EINVAL", `start is ${shown(start)}; it must be a time in milliseconds`);
}
/** @throws {@link LieuError} EINVAL, ERANGE */
export function checkTarget(target: Uint8Array, offset: number): void {
  if (!(target instanceof Uint8Array)) {
    throw new LieuError("EINVAL", `the target is ${shown(target).slice(0, 40)}; it must be a Uint8Array`);
  }
  if (!Number.isInteger(offset)) throw new LieuError("EINVAL", `offset is ${shown(offset)}; it must be a whole number`);
  if (offset < 0 || offset > target.length) {
    throw new LieuError("ERANGE", `offset is ${offset}; the target has ${target.length} bytes`);
  }
}
/** Options of a method: an object, or none. @throws {@link LieuError} EINVAL */
export function checkOptions(options: object | undefined, what: string): void {
  if (options === undefined || (typeof options === "object" && options !== null)) return;
  throw new LieuError("EINVAL", `${what}: options is ${shown(options)}; give an object`);
}
/** Options of a method that stores. @throws {@link LieuError} EINVAL */
export function checkSet(options: SetOptions | undefined, what: string): void {
  checkOptions(options, what);
  if (options?.ttl !== undefined) checkTtl(options.ttl);
  if (options?.start !== undefined) checkStart(options.start);
  if (options?.tags !== undefined) checkTags(options.tags);
}
/** @throws {@link LieuError} EINVAL */
export function checkFetch<C>(options: FetchOptions<C>): void {
  checkOptions(options, "fetch()");
  checkTtl(options.ttl);
  if (options.tags !== undefined) checkTags(options.tags);
  const { signal } = options;
  if (signal === undefined) return;
  if (typeof signal === "object" && signal !== null && typeof signal.addEventListener === "function") return;
  throw new LieuError("EINVAL", `signal is ${shown(signal)}; it must be an AbortSignal`);
}

function duration(value: number, what: string): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new LieuError("EINVAL", `${what} is ${shown(value)}; it must be a number of milliseconds from 0`);
}
function wholeNumber(value: number | undefined, what: string, least: number, most: number): number {
  if (value === undefined) return 0;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new LieuError("EINVAL", `${what} is ${shown(value)}; it must be a whole number from ${least} to ${most}`);
}
function flag(value: boolean | undefined, what: string): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new LieuError("EINVAL", `${what} is ${shown(value)}; it can be true or false`);
}
function callable<F>(value: F | undefined, what: string): F | undefined {
  if (value === undefined || typeof value === "function") return value;
  throw new LieuError("EINVAL", `${what} is ${shown(value)}; it must be a function`);
}
