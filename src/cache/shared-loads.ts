/**
 * Loads over all threads of a shared memory: of several that fetch a key at once, one loads it, and the others wait for what it brings.
 * They look every few milliseconds: a load takes longer, and no thread has to be told by another that may have died.
 *
 * What a load brings is stored by the thread that loaded it, unless any thread has set or deleted the key meanwhile. A load that another
 * load waits for is made at once, without waiting for other threads: two threads' loads could otherwise wait for each other for ever.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Claim, InFlight } from "../runtime/in-flight.ts";
import { type CacheKey, identity } from "./keys.ts";
import type { EntryConfig, FetchMethod, Signal } from "./options.ts";

/** What loading needs of a shared cache. */
export interface SharedLoadable<V, K extends CacheKey> {
  locked<R>(work: () => R): R;
  /** The value that the store has now, not expired. */
  peekFresh(key: K): V | undefined;
  /** A load was begun that another thread had begun already. */
  joined(): void;
}

/** Milliseconds between two looks, the first and the longest. */
const FIRST_MS = 1;
const LONGEST_MS = 8;
/** Milliseconds after which it is looked whether who loads still lives. */
const LOOK_AFTER_MS = 50;

/** Whether the code that runs is a load's. */
const loading = new AsyncLocalStorage<true>();

/** See the file's head. */
export class SharedLoads<V, K extends CacheKey> {
  readonly #inFlight: InFlight;
  readonly #cache: SharedLoadable<V, K>;
  /** Loads of this thread's by key; undefined: others do not know of it, and what it brings is not stored. */
  readonly #mine = new Map<string, Claim | undefined>();
  /** Keys whose value another thread has brought, and stored. */
  readonly #foreign = new Set<string>();
  /** Keys that are loaded because another load waits for them. */
  readonly #nested = new Set<string>();

  constructor(inFlight: InFlight, cache: SharedLoadable<V, K>) {
    this.#inFlight = inFlight;
    this.#cache = cache;
  }

  /** A fetch of `key` begins. */
  noteFetch(key: K): void {
    if (loading.getStore() === true) this.#nested.add(identity(key));
  }

  /** The value of `key` by `fetchMethod`, or by another thread's. */
  async load<C>(
    fetchMethod: FetchMethod<V, K, C>,
    key: K,
    stale: V | undefined,
    more: Parameters<FetchMethod<V, K, C>>[2],
  ): Promise<V | undefined> {
    const id = identity(key);
    const hash = hashOf(id);
    this.#foreign.delete(id);
    const nested = this.#nested.delete(id);
    const found = await this.#wait(id, hash, key, stale, nested, more.signal);
    if (found !== undefined) {
      this.#foreign.add(id);
      return found;
    }
    let loaded = false;
    try {
      const value = await loading.run(true, () => fetchMethod(key, stale, more));
      loaded = value !== undefined;
      return value;
    } finally {
      // Once it is stored, which is before any timer.
      const mine = this.#mine.get(id);
      setImmediate(() => this.#release(id, mine, loaded));
    }
  }

  /** Under the lock: whether what this thread has loaded of `key` is to be stored. */
  mayStore(key: K): boolean {
    const id = identity(key);
    if (this.#foreign.delete(id)) return false;
    const mine = this.#mine.get(id);
    return mine !== undefined && this.#inFlight.isCurrent(mine);
  }
  /** Under the lock: the key was set or deleted. */
  supersede(key: K): void {
    if (this.#inFlight.any) this.#inFlight.supersede(hashOf(identity(key)));
  }
  /** Under the lock: all keys were. */
  supersedeAll(): void {
    this.#inFlight.supersede();
  }

  /** Wait until this thread is to load the key; or give what another has loaded. */
  async #wait(
    id: string,
    hash: number,
    key: K,
    stale: V | undefined,
    nested: boolean,
    signal: Signal,
  ): Promise<V | undefined> {
    let before: number | undefined;
    const begun = performance.now();
    for (let ms = FIRST_MS; !signal.aborted; ms = Math.min(LONGEST_MS, ms * 2)) {
      const look = performance.now() - begun > LOOK_AFTER_MS;
      const value = this.#cache.locked(() => {
        const inFlight = this.#inFlight;
        const count = inFlight.loaded(hash);
        before ??= count;
        if (stale === undefined || count !== before) {
          const fresh = this.#cache.peekFresh(key);
          if (fresh !== undefined) return { fresh };
        }
        if (!nested && inFlight.isUnderWay(hash, look)) return undefined;
        this.#mine.set(id, inFlight.claim(hash));
        return { fresh: undefined };
      });
      if (value !== undefined) {
        if (value.fresh !== undefined) this.#cache.joined();
        return value.fresh;
      }
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    throw signal.reason;
  }
  #release(id: string, mine: Claim | undefined, loaded: boolean): void {
    if (this.#mine.get(id) === mine) this.#mine.delete(id);
    if (mine === undefined) return;
    try {
      this.#cache.locked(() => this.#inFlight.release(mine, loaded));
    } catch {
      // What is closed or lost has no loads to wait for.
    }
  }
}

/** The same, but what another thread loads is waited for. */
export function loadedOnce<V, K extends CacheKey, C>(
  config: EntryConfig<V, K, C>,
  loads: SharedLoads<V, K>,
): EntryConfig<V, K, C> {
  const { fetchMethod } = config;
  if (fetchMethod === undefined) return config;
  return { ...config, fetchMethod: (key, stale, more) => loads.load(fetchMethod, key, stale, more) };
}

/** FNV-1a; never 0. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash === 0 ? 1 : hash;
}
