/**
 * Loading through a cache: one load in flight a key, however many wait for it; a value that is set or deleted meanwhile wins
 * over what the load brings; whoever gives up stops waiting, and the load is aborted when nobody waits any more. A load that
 * fails stores nothing, so the next fetch tries again, unless it has an expired value to give (backoff.ts).
 *
 * A load may fetch other keys, of this cache or of another. If it came to wait for itself, by however many steps, it would
 * wait for ever: so each wait knows from which load it comes, and one that would close a circle is refused.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { LieuError, shown } from "../errors.ts";
import { Backoff } from "./backoff.ts";
import { type CacheKey, checkKey, identity } from "./keys.ts";
import type { FetchErrorListener, FetchMethod, SetOptions, Signal } from "./options.ts";

/** What loading needs of a cache. */
export interface Loadable<V, K extends CacheKey> {
  /** Store what a load brought. */
  store(key: K, value: V, options: SetOptions, epoch: number): void;
  /** The number of the last invalidation of a tag. */
  epoch(): number;
  now(): number;
}
/** How loads are made. */
export interface LoadConfig<V, K, C> {
  readonly fetchMethod: FetchMethod<V, K, C>;
  readonly onFetchError: FetchErrorListener<K> | undefined;
  readonly fetchBackoff: number;
  readonly maxFetchBackoff: number;
}
/** What loads came to. */
export interface LoadCounts {
  /** Loads begun. */
  loads: number;
  /** Loads that failed; those that were given up, or whose key was set or deleted meanwhile, are none. */
  loadErrors: number;
  /** Fetches that waited for a load that another had begun. */
  joined: number;
}

/** A load as others see it that may wait for it. */
interface Flight {
  /** Loads that the fetchMethod is waiting for, and how often. */
  readonly waitsFor: Map<Flight, number>;
  ended: boolean;
}
interface Load<V> extends Flight {
  promise: Promise<V | undefined>;
  readonly abort: AbortController;
  /** Callers that wait; those without a signal never give up. */
  waiting: number;
  /** Another value was set, or the key was deleted: what the load brings is for its callers only. */
  superseded: boolean;
  /** The number of the last invalidation of a tag when it began. */
  readonly epoch: number;
}

/** The load that the code which is running belongs to. */
const within = new AsyncLocalStorage<Flight>();

/** The loads in flight of one cache. */
export class Loads<V, K extends CacheKey, C> {
  private readonly flying = new Map<string, Load<V>>();
  private readonly config: LoadConfig<V, K, C>;
  private readonly target: Loadable<V, K>;
  private readonly counts: LoadCounts;
  private readonly backoff: Backoff;

  constructor(config: LoadConfig<V, K, C>, target: Loadable<V, K>, counts: LoadCounts) {
    this.config = config;
    this.target = target;
    this.counts = counts;
    this.backoff = new Backoff(config.fetchBackoff, config.maxFetchBackoff);
  }

  /** Whether a load of `key` is under way. */
  has(key: K): boolean {
    return this.flying.size > 0 && this.flying.has(identity(key));
  }
  /** Whether to ask for `key`, of which there is an expired value to give. */
  mayAsk(key: K, now: number): boolean {
    return this.backoff.mayAsk(identity(key), now, this.flying.size > 0);
  }

  /** Begin a load of `key` unless there is one, without waiting for it; its failure goes unheard. */
  begin(key: K, stale: V | undefined, options: SetOptions, context: C | undefined): void {
    const load = this.start(key, stale, options, context);
    // In the background: nobody can give it up.
    load.waiting = Number.POSITIVE_INFINITY;
    load.promise.catch(() => undefined);
  }

  /** Wait for the load of `key`, begun here unless there is one. Rejects with its error, or with the signal's reason. */
  wait(
    key: K,
    stale: V | undefined,
    options: SetOptions,
    context: C | undefined,
    signal: Signal | undefined,
  ): Promise<V | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const from = within.getStore();
    const flying = this.current(identity(key));
    if (flying !== undefined) {
      if (from !== undefined && !from.ended && waits(flying, from, new Set())) {
        const why = `the load of ${shown(key)} would wait for itself: its fetchMethod fetches it, by way of other loads perhaps`;
        return Promise.reject(new LieuError("EDEADLK", why));
      }
      this.counts.joined++;
    }
    const load = flying ?? this.start(key, stale, options, context);
    load.waiting++;
    const done = from === undefined ? undefined : noteWait(from, load);
    if (signal === undefined) {
      if (done !== undefined) load.promise.then(done, done);
      return load.promise;
    }
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        load.waiting--;
        if (load.waiting === 0) load.abort.abort(signal.reason);
        done?.();
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      const end = () => {
        signal.removeEventListener("abort", giveUp);
        done?.();
      };
      load.promise.finally(end).then(resolve, reject);
    });
  }

  /** The key has been set or deleted: what its load brings must not be stored. @throws {@link LieuError} EINVAL if it is no key */
  supersede(key: K): void {
    if (this.flying.size === 0) return;
    checkKey(key);
    const id = identity(key);
    const load = this.flying.get(id);
    if (load === undefined) return;
    load.superseded = true;
    this.flying.delete(id);
    load.abort.abort(new Error("the key was set or deleted while it was being loaded"));
  }
  /** {@link Loads.supersede} for every key. */
  supersedeAll(): void {
    for (const load of this.flying.values()) {
      load.superseded = true;
      load.abort.abort(new Error("the cache was cleared or closed"));
    }
    this.flying.clear();
  }

  /** The load that is under way; one that everybody has given up is not joined. */
  private current(id: string): Load<V> | undefined {
    const flying = this.flying.get(id);
    return flying === undefined || flying.abort.signal.aborted ? undefined : flying;
  }
  private start(key: K, stale: V | undefined, options: SetOptions, context: C | undefined): Load<V> {
    const id = identity(key);
    const flying = this.current(id);
    if (flying !== undefined) return flying;
    const load: Load<V> = {
      promise: Promise.resolve(undefined),
      abort: new AbortController(),
      waiting: 0,
      superseded: false,
      epoch: this.target.epoch(),
      waitsFor: new Map(),
      ended: false,
    };
    this.counts.loads++;
    load.promise = this.run(id, key, stale, { ...options }, context, load);
    this.flying.set(id, load);
    return load;
  }

  private async run(
    id: string,
    key: K,
    stale: V | undefined,
    options: SetOptions,
    context: C | undefined,
    load: Load<V>,
  ): Promise<V | undefined> {
    // A Uint8Array is the caller's: what it holds now is the key.
    const own = typeof key === "object" ? (Uint8Array.from(key) as K) : key;
    const { signal } = load.abort;
    // Let start() enter the load before a method that does not wait could end it.
    await undefined;
    try {
      const value = await within.run(load, () => this.config.fetchMethod(own, stale, { signal, options, context }));
      const mine = this.flying.get(id) === load && !signal.aborted;
      if (this.flying.get(id) === load) this.flying.delete(id);
      if (mine && value !== undefined) this.target.store(own, value, options, load.epoch);
      this.backoff.succeeded(id);
      return value;
    } catch (error) {
      if (!signal.aborted) this.failed(id, own, error);
      throw error;
    } finally {
      load.ended = true;
      if (this.flying.get(id) === load) this.flying.delete(id);
    }
  }
  private failed(id: string, key: K, error: unknown): void {
    this.counts.loadErrors++;
    const retryIn = this.backoff.failed(id, this.target.now());
    try {
      this.config.onFetchError?.(error, key, retryIn);
    } catch (thrown) {
      // The load's own error is the one to hear of.
      process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
    }
  }
}

/** Whether `load` waits for `other`, or is it. */
function waits(load: Flight, other: Flight, met: Set<Flight>): boolean {
  if (load === other) return true;
  if (load.ended || met.has(load)) return false;
  met.add(load);
  for (const next of load.waitsFor.keys()) if (waits(next, other, met)) return true;
  return false;
}
/** A load waits for another. Returns what says that it does no longer. */
function noteWait(from: Flight, load: Flight): () => void {
  from.waitsFor.set(load, (from.waitsFor.get(load) ?? 0) + 1);
  return () => {
    const left = (from.waitsFor.get(load) ?? 1) - 1;
    if (left > 0) from.waitsFor.set(load, left);
    else from.waitsFor.delete(load);
  };
}
