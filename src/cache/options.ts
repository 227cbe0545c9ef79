/** Options of caches and of their methods, and how they are checked. Names and meanings are lru-cache's where it has them. */
import { LieuError, shown } from "../errors.ts";

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
export interface GetOptions extends AgeOptions {}

/** Options of `set()`. */
export interface SetOptions {
  /** Milliseconds; 0 or Infinity: for ever. Default: the cache's. */
  ttl?: number | undefined;
  /** When the time to live began, on the clock of the memory (performance.now() unless it was given another). */
  start?: number | undefined;
}

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
  /** Loads a value for fetch(). */
  fetchMethod?: FetchMethod<V, K, C> | undefined;
  /** A failed load gives the expired value instead, if it is still there. Default: false. */
  allowStaleOnFetchRejection?: boolean | undefined;
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
  readonly fetchMethod: FetchMethod<V, K, C> | undefined;
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
] as const;

/** @throws {@link LieuError} EINVAL */
export function entryConfig<V, K, C>(options: EntryOptions<V, K, C>): EntryConfig<V, K, C> {
  return {
    max: wholeNumber(options.max, "max", 0, 2 ** 31 - 2),
    maxEntrySize: wholeNumber(options.maxEntrySize, "maxEntrySize", 0, 2 ** 31 - 1),
    ttl: checkTtl(options.ttl),
    updateAgeOnGet: flag(options.updateAgeOnGet, "updateAgeOnGet"),
    allowStale: flag(options.allowStale, "allowStale"),
    noDeleteOnStaleGet: flag(options.noDeleteOnStaleGet, "noDeleteOnStaleGet"),
    allowStaleOnFetchRejection: flag(options.allowStaleOnFetchRejection, "allowStaleOnFetchRejection"),
    dispose: callable(options.dispose, "dispose"),
    fetchMethod: callable(options.fetchMethod, "fetchMethod"),
  };
}

/** A time to live in ms, with 0 for none. @throws {@link LieuError} EINVAL */
export function checkTtl(ttl: number | undefined): number {
  if (ttl === undefined || ttl === Number.POSITIVE_INFINITY) return 0;
  if (typeof ttl === "number" && ttl >= 0) return ttl;
  throw new LieuError("EINVAL", `ttl is ${shown(ttl)}; it must be a number of milliseconds from 0 (for ever)`);
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
