/**
 * Loading through a cache: one load in flight a key, however many wait for it; a value that is set or deleted meanwhile wins
 * over what the load brings; whoever gives up stops waiting, and the load is aborted when nobody waits any more. A load that
 * fails stores nothing, so the next fetch tries again.
 */
import { type CacheKey, identity } from "./keys.ts";
import type { FetchMethod, SetOptions } from "./options.ts";

/** What loading needs of a cache. */
export interface Loadable<V, K extends CacheKey> {
  /** Store what a load brought. */
  store(key: K, value: V, options: SetOptions): void;
}

interface Load<V> {
  readonly promise: Promise<V | undefined>;
  readonly abort: AbortController;
  /** Callers that wait; those without a signal never give up. */
  waiting: number;
  /** Another value was set, or the key was deleted: what the load brings is for its callers only. */
  superseded: boolean;
}

/** The loads in flight of one cache. */
export class Loads<V, K extends CacheKey, C> {
  private readonly flying = new Map<string, Load<V>>();
  private readonly method: FetchMethod<V, K, C>;
  private readonly target: Loadable<V, K>;

  constructor(method: FetchMethod<V, K, C>, target: Loadable<V, K>) {
    this.method = method;
    this.target = target;
  }

  /** Whether a load of `key` is under way. */
  has(key: CacheKey): boolean {
    return this.flying.size > 0 && this.flying.has(identity(key));
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
    signal: AbortSignal | undefined,
  ): Promise<V | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const load = this.start(key, stale, options, context);
    load.waiting++;
    if (signal === undefined) return load.promise;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        load.waiting--;
        if (load.waiting === 0) load.abort.abort(signal.reason);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      load.promise
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", giveUp))
        .catch(() => undefined);
    });
  }

  /** The key has been set or deleted: what its load brings must not be stored. */
  supersede(key: CacheKey): void {
    if (this.flying.size === 0) return;
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

  private start(key: K, stale: V | undefined, options: SetOptions, context: C | undefined): Load<V> {
    const id = identity(key);
    const flying = this.flying.get(id);
    // One that everybody has given up is not joined.
    if (flying !== undefined && !flying.abort.signal.aborted) return flying;
    const abort = new AbortController();
    const load: Load<V> = {
      promise: this.run(id, key, stale, { ...options }, context, abort),
      abort,
      waiting: 0,
      superseded: false,
    };
    this.flying.set(id, load);
    return load;
  }

  private async run(
    id: string,
    key: K,
    stale: V | undefined,
    options: SetOptions,
    context: C | undefined,
    abort: AbortController,
  ): Promise<V | undefined> {
    // A Uint8Array is the caller's: what it holds now is the key.
    const own = typeof key === "object" ? (Uint8Array.from(key) as K) : key;
    // Let start() enter the load before a method that does not wait could end it.
    await undefined;
    try {
      const value = await this.method(own, stale, { signal: abort.signal, options, context });
      const load = this.flying.get(id);
      const mine = load?.abort === abort;
      if (mine) this.flying.delete(id);
      if (mine && !load.superseded && !abort.signal.aborted && value !== undefined)
        this.target.store(own, value, options);
      return value;
    } finally {
      if (this.flying.get(id)?.abort === abort) this.flying.delete(id);
    }
  }
}
