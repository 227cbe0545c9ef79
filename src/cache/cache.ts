/**
 * A cache on demotable pages: cold entries sink to slower nodes and to swap, and are dropped only when everything that the
 * cache may use is full. Names and meanings follow lru-cache; what is different because values are off the JavaScript heap:
 * a value that comes out is a copy, never the object that went in, and what is dropped first is not the least recently used
 * entry but the one whose bytes are the least likely to be of use (store/rank.ts).
 */
import { LieuError, shown } from "../errors.ts";
import type { Mapping } from "../runtime/mapping.ts";
import type { Pin } from "../runtime/pin.ts";
import { readAhead } from "./ahead.ts";
import { copyFrom } from "./bytes.ts";
import { CacheExtras } from "./cache-extras.ts";
import { AS_ACCESS, EVEN_STALE, HIT, MISS, RENEW, STALE, type Visit, WITH_VALUE } from "./items.ts";
import { type CacheKey, checkKey } from "./keys.ts";
import {
  checkFetch,
  checkOptions,
  checkTarget,
  type FetchOptions,
  type GetOptions,
  type SetOptions,
} from "./options.ts";
import { type ReadEntry, readDump } from "./read-dump.ts";
import type { CacheHost, ClearOptions, DumpedEntry, EntryInfo } from "./types.ts";
import { decodeValue, type Encoded, VALUE_BYTES } from "./values.ts";

const NO_OPTIONS: GetOptions = {};

/** A value of a dump, ready to be stored. */
export interface Restorable<V> {
  readonly value: V;
  readonly encoded: string | Encoded;
}

/** A cache; made by `memory.cache()`. */
export class Cache<V, K extends CacheKey = string, C = unknown> extends CacheExtras<V, K, C> implements Disposable {
  /** Flags of a plain get(). */
  protected readonly getFlags: number;
  private pins = 0;

  /** @internal */
  constructor(mapping: Mapping, host: CacheHost<V, K, C>) {
    super(mapping, host);
    this.getFlags = AS_ACCESS | WITH_VALUE | (host.config.updateAgeOnGet ? RENEW : 0);
  }

  // ---- reading --------------------------------------------------------------------------------------------------------

  /**
   * The value of `key`; undefined if there is none. An access. A value that is hot enough to be held on the JavaScript heap
   * comes as the same reference each time; `copy`: one's own.
   */
  get(key: K, options?: GetOptions): V | undefined {
    const hot = options === undefined ? this.front?.get(key) : undefined;
    if (hot !== undefined) return hot;
    if (--this.untilTimed === 0) return this.timedGet(key, options);
    if (options !== undefined || this.slow) return this.getAged(key, options);
    this.ensureOpen();
    this.mapping.vm.nextOperation();
    if (this.items.find(key, this.getFlags, 0) !== HIT) return undefined;
    return this.keep(key);
  }

  /**
   * Copy the value's bytes, as stored, to `target` from `offset` on. Returns their number, or -1 if there is no value. If
   * they do not fit, nothing is copied; the number says how much room they need. An access.
   *
   * @throws {@link LieuError} EINVAL, ERANGE if `offset` is not within the target
   */
  getInto(key: K, target: Uint8Array, offset = 0): number {
    if (!(target instanceof Uint8Array) || offset !== offset >>> 0 || offset > target.length)
      checkTarget(target, offset);
    this.begin();
    const n = this.look(key, this.getFlags) === HIT ? this.copyTo(target, offset) : -1;
    this.tellGone();
    return n;
  }

  /**
   * Hold the value of `key`: a view of its bytes, as stored, that stays as it is until it is released, whatever happens to
   * the key. Values that do not lie in one piece of memory are copied (`zeroCopy` says so). An access; undefined if there is
   * no value. Release it soon: pages that are held cannot be demoted.
   */
  pin(key: K): Pin | undefined {
    this.begin();
    const found = this.look(key, AS_ACCESS | (this.config.updateAgeOnGet ? RENEW : 0));
    const pin = found === HIT ? this.pinFound() : undefined;
    this.tellGone();
    return pin;
  }

  /** The value of `key` without making use of it; with `allowStale`, an expired one will do. */
  peek(key: K, options: Pick<GetOptions, "allowStale"> = {}): V | undefined {
    checkOptions(options, "peek()");
    const hot = this.front?.peek(key);
    if (hot !== undefined) return hot;
    this.begin();
    const stale = options.allowStale ?? this.config.allowStale;
    const found = this.look(key, WITH_VALUE | (stale ? EVEN_STALE : 0));
    return found === HIT || (found === STALE && stale) ? this.value() : undefined;
  }

  /** Whether `key` has a value that has not expired; not an access. */
  has(key: K): boolean {
    this.begin();
    return this.look(key, 0) === HIT;
  }

  /** Milliseconds that the entry has left: 0 if there is none or it has expired, Infinity if it never expires. */
  getRemainingTTL(key: K): number {
    this.begin();
    if (this.look(key, 0) !== HIT) return 0;
    const { start, ttl } = this.items;
    return ttl === 0 ? Number.POSITIVE_INFINITY : start + ttl - this.time;
  }

  /** What is known of an entry; undefined if there is none. Not an access. */
  info(key: K): EntryInfo<V> | undefined {
    this.begin();
    if (this.look(key, WITH_VALUE) !== HIT) return undefined;
    const more = { size: this.valueLength, ...this.age(), ...this.tagNames() };
    const value = this.value();
    return value === undefined ? undefined : { value, ...more };
  }

  // ---- writing --------------------------------------------------------------------------------------------------------

  /**
   * Store a value. One that is too large is not stored, nor one for which no room can be made; the old value of the key is
   * gone then too. `undefined` deletes the key. `stats().rejected` counts what was not stored.
   */
  set(key: K, value: V | undefined, options?: SetOptions): this {
    if (value === undefined) this.unset(key, options);
    else {
      this.begin();
      this.put(key, value, options, "set");
    }
    return this;
  }

  /** Forget `key`. Returns whether it had a value. */
  delete(key: K): boolean {
    this.begin();
    if (this.loads !== undefined) this.loads.supersede(key);
    if (this.config.dispose !== undefined) this.part(key, "delete");
    const had = this.items.delete(key);
    if (had) this.counts.deleted++;
    this.tellGone();
    return had;
  }

  /**
   * Forget everything, and store what dump() gave. What has expired meanwhile is left out.
   *
   * @throws {@link LieuError} EINVAL if an entry is no entry, or what the codec throws; then nothing has changed
   */
  load(entries: Iterable<readonly [K, DumpedEntry<V>]>): void {
    this.ensureOpen();
    // All that can fail comes first. A codec is the user's, and may do anything meanwhile.
    const all = readDump(entries, (value, tags) => ({ value, encoded: this.ready(value, tags) }));
    this.ensureOpen();
    this.together(() => {
      this.clear();
      const wall = Date.now();
      for (const entry of all) this.restore(entry, wall);
    });
  }
  /** Store an entry of a dump, at that time of the wall's clock. */
  protected restore({ key, value, ttl, start }: ReadEntry<K, Restorable<V>>, wall: number): void {
    this.begin();
    const age = start === undefined ? 0 : wall - start;
    if (ttl > 0 && age >= ttl) return;
    const { encoded } = value;
    this.commit(key, value.value, { encoded, ttl, start: this.clockFor(ttl) - age }, "set");
  }

  /** Forget everything. What stats() has counted stays, unless it is to be 0 too. */
  clear(options: ClearOptions = {}): void {
    checkOptions(options, "clear()");
    this.begin();
    this.loads?.supersedeAll();
    if (this.config.dispose !== undefined) {
      for (const key of this.storedKeys()) this.part(key, "delete");
    }
    this.clearItems(options.stats !== true);
    this.front?.clear();
    this.tags?.clear();
    this.tellGone();
  }

  /** Give everything back. Loads in flight are aborted. @throws {@link LieuError} EBUSY while pins are held, ECLOSED the second time */
  close(): void {
    this.ensureOpen();
    if (this.pins > 0) {
      throw new LieuError("EBUSY", `cache ${shown(this.name)}: ${this.pins} pins are held; release them first`);
    }
    this.keepStats();
    this.loads?.supersedeAll();
    this.mapping.vm.onEvict(this.host.meta.start, undefined);
    if (this.sampling) this.forgetCurve();
    this.recording?.stop();
    this.mapping.unmap();
    this.host.meta.unmap();
    this.open = false;
    this.dropFront();
    this.items.retire();
    this.host.closed();
  }

  /** Closes the cache unless that was done, or the memory was closed. */
  [Symbol.dispose](): void {
    if (this.open && !this.mapping.vm.closed) this.close();
  }

  /**
   * The same as {@link get}, but a value that is on a server (swap of kind "remote") is waited for without blocking the event loop. Elsewhere it
   * is what get() gives.
   *
   * Rejects with ECLOSED once the cache is closed.
   */
  async getAsync(key: K, options: GetOptions = NO_OPTIONS): Promise<V | undefined> {
    if (this.mapping.vm.readsAhead) await this.near(key);
    return this.get(key, options);
  }
  private async near(key: K): Promise<void> {
    this.ensureOpen();
    checkKey(key);
    const held = this.front?.ask(key);
    // Until it is at hand time passes.
    this.readAhead = -1;
    if (held === undefined) await readAhead(this.mapping.vm, this.items, key);
  }

  // ---- loading --------------------------------------------------------------------------------------------------------

  /**
   * The value of `key`, loaded by the cache's fetchMethod if there is none. One load is in flight for a key at a time. With
   * `allowStale`, an expired value is given at once and loaded anew behind the scenes.
   *
   * Rejects with the load's error, or with the signal's reason; the cache is as it was then.
   */
  async fetch(key: K, options: FetchOptions<C> = {}): Promise<V | undefined> {
    checkFetch(options);
    const { loads, config } = this;
    if (loads === undefined) return this.getAsync(key, options);
    if (this.mapping.vm.readsAhead) await this.near(key);
    const force = options.forceRefresh === true;
    const renew = (options.updateAgeOnGet ?? config.updateAgeOnGet) ? RENEW : 0;
    const hot = this.together(() => {
      this.begin();
      return force || renew !== 0 ? undefined : this.front?.ask(key);
    });
    if (hot !== undefined) return hot;
    const { time } = this;
    const found = this.look(key, WITH_VALUE | EVEN_STALE | (force ? 0 : AS_ACCESS | renew));
    const old = found === MISS ? undefined : found === HIT && !force ? this.keep(key) : this.value();
    this.tellGone();
    if (found === HIT && old !== undefined && !force) return old;
    const { signal, context } = options;
    const set: SetOptions = { ...(options.ttl !== undefined && { ttl: options.ttl }) };
    if (options.tags !== undefined) set.tags = options.tags;
    const give = (): V | undefined => {
      if (found === STALE) this.counts.stale++;
      return old;
    };
    if (old !== undefined && (options.allowStale ?? config.allowStale)) {
      if (signal?.aborted !== true && (force || loads.mayAsk(key, time))) loads.begin(key, old, set, context);
      return give();
    }
    const keep = old !== undefined && (options.allowStaleOnFetchRejection ?? config.allowStaleOnFetchRejection);
    if (keep && !force && signal?.aborted !== true && !loads.has(key) && !loads.mayAsk(key, time)) return give();
    try {
      return await loads.wait(key, old, set, context, signal);
    } catch (error) {
      if (keep && signal?.aborted !== true) return give();
      throw error;
    }
  }

  // ---- for replay: values written and read in the memory itself -----------------------------------------------------------

  /** Store `length` bytes that `fill` writes part by part into the memory itself. Returns whether they were stored. @internal */
  setBytes(key: K, length: number, fill: Visit): boolean {
    this.ensureOpen();
    this.counts.sets++;
    const stored = this.items.setBy(key, length, VALUE_BYTES, 0, 0, fill);
    if (!stored) this.counts.rejected++;
    return stored;
  }

  /** Visit the bytes of `key` part by part in the memory itself: a get without a copy. Returns whether all were there. @internal */
  getBytes(key: K, visit: Visit): boolean {
    this.ensureOpen();
    this.mapping.vm.nextOperation();
    if (this.items.find(key, AS_ACCESS, 0) !== HIT) return false;
    return this.items.visit(this.items.location, this.items.length, visit);
  }

  /** Walk the whole store and check its invariants. @throws {@link LieuError} EBUG @internal */
  check(): void {
    if (this.open) this.items.check();
  }

  /** Time has passed: reclaim what has expired. @internal */
  tick(now: number): void {
    if (!this.open) return;
    this.passTo(now);
    this.items.expire(false);
    if (this.timer?.isLate) this.timeNext(1);
    this.tellGone();
  }

  /** The memory is closed. @internal */
  retire(): void {
    if (!this.open) return;
    this.keepStats();
    this.open = false;
    this.dropFront();
    this.sampler = undefined;
    this.recording?.stop();
    this.items.retire();
    this.host.meta.retire();
    this.loads?.supersedeAll();
  }

  /** Pins held. @internal */
  get pinned(): number {
    return this.pins;
  }

  // ---- within -----------------------------------------------------------------------------------------------------------

  /** Copy the value just found WITH_VALUE. Returns its bytes, copied if there is room for them; -1 if a part is lost. */
  private copyTo(target: Uint8Array, offset: number): number {
    const { items } = this;
    const n = this.tags === undefined ? items.length : this.valueLength;
    if (n < 0 || n > target.length - offset) return n;
    if (items.inArea) {
      items.values.give(target, offset, n);
      return n;
    }
    const { h8 } = this.mapping.vm.segment;
    const copy: Visit = (at, length, done) => copyFrom(target, offset + done, h8.subarray(at, at + length), length, at);
    return items.visit(items.location, n, copy) ? n : -1;
  }
  private pinFound(): Pin | undefined {
    const length = this.valueLength;
    if (length < 0) return undefined;
    this.pins++;
    return this.items.pin(length, () => {
      this.pins--;
    });
  }
  protected getAged(key: K, options: GetOptions = NO_OPTIONS): V | undefined {
    checkOptions(options, "get()");
    const { config } = this;
    const allowStale = options.allowStale ?? config.allowStale;
    const renew = (options.updateAgeOnGet ?? config.updateAgeOnGet) ? RENEW : 0;
    const hot = options === NO_OPTIONS || options.copy || renew !== 0 ? undefined : this.front?.ask(key);
    if (hot !== undefined) return hot;
    this.begin();
    const found = this.look(key, AS_ACCESS | WITH_VALUE | renew | (allowStale ? EVEN_STALE : 0));
    if (found !== STALE) {
      const value = found === HIT ? (options.copy ? this.value() : this.keep(key)) : undefined;
      this.tellGone();
      return value;
    }
    // As bytes at first: by the time that the codec has run, the key may have another value.
    const stale = allowStale ? this.stored() : undefined;
    if (!(options.noDeleteOnStaleGet ?? config.noDeleteOnStaleGet)) {
      if (config.dispose !== undefined) this.part(key, "expire");
      this.items.delete(key);
      this.tellGone();
    }
    if (stale === undefined) return undefined;
    this.counts.stale++;
    return decodeValue(stale.kind, stale.bytes, this.host.codec);
  }
}
