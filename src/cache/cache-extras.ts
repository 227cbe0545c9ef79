/** What a cache does for many keys at once, by tag, and by computing what is missing. */
import { LieuError, shown } from "../errors.ts";
import { MAX_WARM } from "../store/warm.ts";
import { CacheWriter, type Prepared } from "./cache-writer.ts";
import { type CacheKey, checkKey } from "./keys.ts";
import { checkSet, type GetOptions, type MemoOptions, type SetOptions } from "./options.ts";
import { FEW, fetchTogether, isLarge } from "./together.ts";
import { checkTag } from "./trailer.ts";

/** See the file's head. */
export abstract class CacheExtras<V, K extends CacheKey, C> extends CacheWriter<V, K, C> {
  abstract get(key: K, options?: GetOptions): V | undefined;
  abstract delete(key: K): boolean;
  /** A set of undefined: its options may be as wrong as those of any. */
  protected unset(key: K, options: SetOptions | undefined): void {
    checkSet(options, "set()");
    this.delete(key);
  }

  /** A get that is to be timed, unless the front was asked for it already: then the next one is. */
  protected timedGet(key: K, options: GetOptions | undefined): V | undefined {
    const { timer } = this;
    const wasAsked = this.front !== undefined && !this.front.isShut;
    this.timeLater();
    if (timer === undefined || timer.isTelling || wasAsked || !this.open) {
      this.timeNext(2);
      return this.get(key, options);
    }
    try {
      return timer.time(() => this.get(key, options), this);
    } finally {
      this.timeLater();
      if (timer.interval === 1) this.timeNext(1);
    }
  }

  /** The values of `keys`, in their order: undefined where there is none. Accesses, as by {@link Cache.get}. */
  getMany(keys: Iterable<K>, options?: GetOptions): (V | undefined)[] {
    const all = listOf(keys, "getMany()", "keys");
    for (const key of all) checkKey(key);
    return this.together(() =>
      all.map((key, i) => {
        if (i % MAX_WARM === 0) this.warm(all, i, false);
        return this.get(key, options);
      }),
    );
  }

  /**
   * Store many values: `[key, value]` or `[key, value, options]`, where the options given for all are the default. Undefined
   * deletes the key. If anything is wrong with one of them, nothing is stored.
   */
  setMany(entries: Iterable<readonly [K, V | undefined, SetOptions?]>, options?: SetOptions): this {
    return this.together(() => this.setAll(entries, options));
  }
  private setAll(entries: Iterable<readonly [K, V | undefined, SetOptions?]>, options?: SetOptions): this {
    this.begin();
    const all = entriesOf(entries, options, (_, value, own) => this.prepare(value, own));
    // A codec is the user's and may have done anything.
    this.ensureOpen();
    const keys = all.map(({ key }) => key);
    for (const [i, { key, value, ready }] of all.entries()) {
      if (i % MAX_WARM === 0) this.warm(keys, i, true);
      if (ready === undefined) this.delete(key);
      else {
        this.begin();
        this.commit(key, value as V, ready, "set");
      }
    }
    return this;
  }

  /** Forget all of `keys`. Returns how many had a value. */
  deleteMany(keys: Iterable<K>): number {
    const all = listOf(keys, "deleteMany()", "keys");
    for (const key of all) checkKey(key);
    this.ensureOpen();
    return this.together(() => {
      let deleted = 0;
      for (const [i, key] of all.entries()) {
        if (i % MAX_WARM === 0) this.warm(all, i, true);
        if (this.delete(key)) deleted++;
      }
      return deleted;
    });
  }

  /** Before operations on `keys` from the `first` on: have what the next few will need fetched from memory at the same time. */
  protected warm(keys: readonly K[], first: number, sets: boolean): void {
    if (keys.length - first < FEW || !this.open || !this.mayBeCold()) return;
    const { front } = this;
    let next = keys.slice(first, first + MAX_WARM);
    if (!sets && front !== undefined) next = next.filter((key) => front.peek(key) === undefined);
    if (next.length >= FEW) this.fetchTogether(next, sets);
  }
  protected mayBeCold(): boolean {
    return isLarge(this.mapping.vm, this.items);
  }
  protected fetchTogether(keys: readonly K[], sets: boolean): void {
    fetchTogether(this.mapping.vm, this.items, keys, sets);
  }

  /**
   * Make all entries that have this tag go, at once and whatever their number; those too that are being loaded with it now.
   * They are never given any more, not as expired ones either; their room is reclaimed as others' is.
   *
   * @throws {@link LieuError} EINVAL
   */
  invalidateTag(tag: string): void {
    this.ensureOpen();
    checkTag(tag);
    const tags = this.useTags();
    tags.invalidate(tag);
    if (this.front !== undefined) this.front.epoch = tags.epoch;
  }

  /**
   * The value of `key`, made by the cache's memoMethod and stored if there is none.
   *
   * @throws {@link LieuError} EINVAL if the cache has no memoMethod; and whatever that throws
   */
  memo(key: K, options: MemoOptions<C> = {}): V {
    const { memoMethod } = this.config;
    if (memoMethod === undefined) throw new LieuError("EINVAL", "memo(): the cache was made without a memoMethod");
    checkSet(options, "memo()");
    const found = this.get(key, options);
    if (found !== undefined && options.forceRefresh !== true) return found;
    const { ttl, start, tags, context } = options;
    const set: SetOptions = { ttl, start, tags };
    const epoch = this.tags?.epoch;
    const value = memoMethod(key, found, { options: set, context });
    this.begin();
    if (value === undefined) this.delete(key);
    else this.put(key, value, set, "set", epoch ?? 0);
    return value;
  }
}

/** @throws {@link LieuError} EINVAL if it is none */
export function listOf<T>(given: Iterable<T>, method: string, what: string): T[] {
  if (typeof given === "object" && given !== null && typeof given[Symbol.iterator] === "function") return [...given];
  throw new LieuError("EINVAL", `${method}: ${shown(given)} is no list; give ${what}`);
}

/** An entry of `setMany`, all that can be wrong with it found; `ready` is undefined for one that deletes. */
interface SetEntry<V, K> {
  readonly key: K;
  readonly value: V | undefined;
  readonly ready: Prepared | undefined;
}
/** What `setMany` is given; `options`: those of entries that have none. @throws {@link LieuError} EINVAL; and what `prepare` throws */
export function entriesOf<V, K extends CacheKey>(
  given: Iterable<readonly [K, V | undefined, SetOptions?]>,
  options: SetOptions | undefined,
  prepare: (key: K, value: V, own: SetOptions | undefined) => Prepared,
): SetEntry<V, K>[] {
  checkSet(options, "setMany()");
  return listOf(given, "setMany()", "[key, value] pairs").map((entry, i) => {
    if (!Array.isArray(entry)) {
      throw new LieuError("EINVAL", `setMany(): entry ${i} is ${shown(entry)}, not [key, value, options?]`);
    }
    const [key, value, own = options] = entry as readonly [K, V | undefined, SetOptions?];
    checkKey(key);
    if (value === undefined) checkSet(own, "setMany()");
    return { key, value, ready: value === undefined ? undefined : prepare(key, value, own) };
  });
}
