/**
 * A cache that several threads share. Each has a cache object of its own over the one store; each operation is made under the memory's
 * lock, so it is as though one thread had made them all, one after the other.
 *
 * But for what is hottest: a value that this thread holds decoded on its heap is given without the lock. That is right, since whatever
 * any thread does to an entry moves its version on before the lock is let go (store/above.ts), and a look at the version is all that
 * such a hit is.
 *
 * What is the user's runs without the lock where it can: values are encoded before, and dispose() and onInsert are called after it; dispose()
 * hears, in the thread whose operation made an entry go, of that entry alone. A codec's decode() runs under it, and must not wait for another thread.
 */
import { LieuError, shown } from "../errors.ts";
import { hasChanged } from "../runtime/changing.ts";
import { CHANGING, type SharedCacheEntry, type SharedMapping } from "../runtime/control.ts";
import { InFlight } from "../runtime/in-flight.ts";
import type { Mapping } from "../runtime/mapping.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { copyBytes } from "./bytes.ts";
import type { Prepared } from "./cache-writer.ts";
import { Glimpse } from "./glimpse.ts";
import { HIT, type Visit } from "./items.ts";
import type { CacheKey } from "./keys.ts";
import type { FetchOptions, GetOptions, SetOptions } from "./options.ts";
import { loadedOnce, SharedLoads } from "./shared-loads.ts";
import { SharedOperations } from "./shared-operations.ts";
import type { Tags } from "./tags.ts";
import type { CacheHost } from "./types.ts";
import { valueIn } from "./values.ts";

/** See the file's head; made by `memory.cache()`. */
export class SharedCache<V, K extends CacheKey = string, C = unknown> extends SharedOperations<V, K, C> {
  /** Loads of other threads. */
  private readonly sharedLoads: SharedLoads<V, K>;
  /** What gets without the lock; undefined if none are made. */
  private readonly glimpse: Glimpse | undefined;
  /** When the last look without the lock was; 0 while there are no times to live. */
  private looked = 0;

  /** @internal */
  constructor(mapping: Mapping, host: CacheHost<V, K, C>, incarnation?: number) {
    const shared = mapping.vm as SharedVm;
    const inFlight = new InFlight(shared.control, mapping.id, shared.slot);
    const loads = new SharedLoads<V, K>(inFlight, {
      locked: (work) => this.locked(work),
      peekFresh: (key) => super.peek(key, { allowStale: false }),
      joined: () => {
        this.counts.loads--;
        this.counts.joined++;
      },
    });
    super(mapping, { ...host, config: loadedOnce(host.config, loads) }, incarnation);
    this.sharedLoads = loads;
    if (shared.lane.address === 0 || host.config.updateAgeOnGet) return;
    this.glimpse = new Glimpse(shared, host.meta.start, mapping.id, this.incarnation, () =>
      this.timed ? shared.notBefore(this.looked) : this.moment(),
    );
  }

  /** What other threads find it by. @internal */
  get entry(): SharedCacheEntry {
    const { data, meta, max } = { data: this.mapping, meta: this.host.meta, max: this.max };
    const { name, maxPages, accepts } = this.host;
    return { name, data: placeOf(data), meta: placeOf(meta), maxPages, accepts, max, incarnation: this.incarnation };
  }

  // ---- reading ----------------------------------------------------------------------------------------------------------
  override get(key: K, options?: GetOptions): V | undefined {
    const hot = options === undefined ? this.front?.get(key) : undefined;
    if (hot !== undefined) return hot;
    if (--this.untilTimed === 0) return this.timedGet(key, options);
    const near = options === undefined ? this.glimpsed(key) : undefined;
    if (near !== undefined) return near;
    this.enterFor(key);
    try {
      if (options !== undefined || this.slow) return this.getAged(key, options);
      if (this.items.find(key, this.getFlags, 0) !== HIT) return undefined;
      return this.keep(key);
    } finally {
      this.leave();
    }
  }
  /** The value of `key`, if it is to be had without the lock, and is not to be held on the heap from now on. */
  private glimpsed(key: K): V | undefined {
    const length = this.lookFor(key);
    const { glimpse } = this;
    if (glimpse === undefined || length < 0) return undefined;
    if (this.front?.wants(key, length, glimpse.location)) {
      this.goOn();
      return undefined;
    }
    glimpse.count();
    return valueIn(glimpse.values, glimpse.kind, length, this.host.codec);
  }
  /** Bytes of the value of `key`, if it is to be had without the lock; negative if not. */
  private lookFor(key: K): number {
    const { glimpse } = this;
    if (glimpse === undefined || !this.open) return -1;
    this.looked = this.timed ? this.moment() : 0;
    const length = glimpse.find(key, this.looked);
    if (length < 0) this.goOn();
    return length;
  }
  /** Who takes the lock for it next is at the same moment. */
  private goOn(): void {
    if (this.timed && this.atOnce.depth === 0) this.readAhead = this.looked;
  }
  protected override mayBeCold(): boolean {
    return true;
  }
  protected override fetchTogether(keys: readonly K[], sets: boolean): void {
    this.locked(() => {
      if (super.mayBeCold()) super.fetchTogether(keys, sets);
    });
  }
  override has(key: K): boolean {
    return this.lookFor(key) >= 0 || this.lockedFor(key, () => super.has(key));
  }
  override getInto(key: K, target: Uint8Array, offset = 0): number {
    const { glimpse } = this;
    const length =
      target instanceof Uint8Array && offset <= target.length && offset >>> 0 === offset ? this.lookFor(key) : -1;
    if (glimpse !== undefined && length >= 0) {
      glimpse.count();
      if (length <= target.length - offset) copyBytes(target, offset, glimpse.values.view(length));
      return length;
    }
    return this.lockedFor(key, () => super.getInto(key, target, offset));
  }
  override pin(key: K) {
    return this.lockedFor(key, () => super.pin(key));
  }
  override peek(key: K, options?: Pick<GetOptions, "allowStale">): V | undefined {
    return this.lockedFor(key, () => super.peek(key, options));
  }
  override getRemainingTTL(key: K): number {
    return this.lockedFor(key, () => super.getRemainingTTL(key));
  }
  override info(key: K) {
    return this.lockedFor(key, () => super.info(key));
  }

  // ---- writing ----------------------------------------------------------------------------------------------------------
  override set(key: K, value: V | undefined, options?: SetOptions): this {
    if (value === undefined) this.unset(key, options);
    else {
      this.begin();
      this.commit(key, value, this.prepare(value, options), "set");
    }
    return this;
  }
  protected override put(
    key: K,
    value: V,
    options: SetOptions | undefined,
    reason: "set" | "fetch",
    epoch?: number,
  ): void {
    // What is closed takes nothing more; who loads it has it all the same.
    if (reason === "fetch" && !this.lives()) return;
    this.locked(() => {
      if (reason === "set" || this.sharedLoads.mayStore(key)) super.put(key, value, options, reason, epoch);
    });
  }
  protected override commit(key: K, value: V, ready: Prepared, reason: "set" | "fetch"): void {
    this.enterFor(key);
    try {
      // Another may have been told a later time since it was read.
      if (this.timed) this.passTo(this.hasRead ? this.shared.notBefore(this.time) : this.moment());
      super.commit(key, value, ready, reason);
      if (reason === "set") this.sharedLoads.supersede(key);
    } finally {
      this.leave();
    }
  }
  override delete(key: K): boolean {
    this.enterFor(key);
    try {
      const had = super.delete(key);
      this.sharedLoads.supersede(key);
      return had;
    } finally {
      this.leave();
    }
  }
  override clear(options?: { stats?: boolean | undefined }): void {
    this.withAllHeard(() => {
      this.sharedLoads.supersedeAll();
      super.clear(options);
    });
  }
  override pop(): V | undefined {
    return this.locked(() => super.pop());
  }
  override purgeStale(): boolean {
    return this.locked(() => super.purgeStale());
  }
  /** @internal */
  override setBytes(key: K, length: number, fill: Visit): boolean {
    return this.locked(() => super.setBytes(key, length, fill));
  }
  /** @internal */
  override getBytes(key: K, visit: Visit): boolean {
    return this.locked(() => super.getBytes(key, visit));
  }
  /** Under the lock up to where it waits for a load. */
  override fetch(key: K, options?: FetchOptions<C>): Promise<V | undefined> {
    try {
      const near =
        options === undefined && this.glimpse !== undefined ? (this.front?.ask(key) ?? this.glimpsed(key)) : undefined;
      if (near !== undefined) return Promise.resolve(near);
      this.sharedLoads.noteFetch(key);
      return this.lockedFor(key, () => super.fetch(key, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }
  protected override useTags(): Tags {
    throw new LieuError("ENOTSUP", `cache ${shown(this.name)} is shared: its entries cannot have tags`);
  }

  /** @throws {@link LieuError} ENOTSUP: a sample of one thread's requests would tell nothing of all */
  override curve(): never {
    throw new LieuError("ENOTSUP", `cache ${shown(this.name)} is shared: no curve is learned of it`);
  }
  override recordRequests(): never {
    throw new LieuError("ENOTSUP", `cache ${shown(this.name)} is shared: its requests are not recorded`);
  }

  // ---- all of them ------------------------------------------------------------------------------------------------------
  override get size(): number {
    return this.locked(() => super.size);
  }
  override get calculatedSize(): number {
    return this.locked(() => super.calculatedSize);
  }
  override stats() {
    return this.open ? this.withAllHeard(() => super.stats()) : super.stats();
  }
  /** @internal */
  override countedHits(): Record<string, number> {
    return this.open ? this.withAllHeard(() => super.countedHits()) : super.countedHits();
  }
  override keys(): IterableIterator<K> {
    return this.stepped(super.keys());
  }
  override entries(): IterableIterator<[K, V]> {
    return this.stepped(super.entries());
  }
  override dump() {
    return this.locked(() => super.dump());
  }
  /** Each step under the lock, but nothing from one to the next. */
  private *stepped<T>(steps: IterableIterator<T>): IterableIterator<T> {
    for (;;) {
      const step = this.locked(() => steps.next());
      if (step.done) return;
      yield step.value;
    }
  }

  // ---- the memory's -----------------------------------------------------------------------------------------------------
  /** @internal */
  override check(): void {
    // One that a takeover has ended (runtime/takeover.ts) is closed; its handle is not told.
    if (!this.lives()) return;
    this.withAllHeard(() => super.check());
  }
  /** @internal */
  override tick(now: number): void {
    if (!this.lives()) return;
    const { control, lock } = this.shared;
    const before = lock.depth > 0 ? control.words[CHANGING] : undefined;
    this.withAllHeard(() => super.tick(Math.max(now, this.mapping.vm.crank.now())));
    // The next one's, in the same turn of the lock, is another piece of work.
    if (before !== undefined) hasChanged(control, before);
  }

  /** Give everything back, for all threads; in one that attached to it, let go of it. */
  override close(): void {
    this.ensureOpen();
    if (this.shared.attached) {
      if (this.pinned > 0) throw new LieuError("EBUSY", `cache ${shown(this.name)}: pins are held; release them first`);
      this.retire();
      this.host.closed();
      return;
    }
    this.locked(() => {
      super.close();
      this.shared.control.end(this.mapping.id);
      this.shared.outdateAll();
    });
  }
  /** What was counted goes with a cache that another thread has closed. */
  protected override keepStats(): void {
    if (!this.lives()) return;
    this.shared.hearSeen();
    super.keepStats();
  }
}

function placeOf({ id, start, pages }: Mapping): SharedMapping {
  return { id, start, pages };
}
