/**
 * A memory that worker threads may attach to (attach.ts), in the thread that opened it: this one makes regions, caches and groups, and
 * closes them; others find them by name. All that takes more than one call of the engine is done under the memory's lock.
 */
import type { Cache } from "../cache/cache.ts";
import { sharedCodec } from "../cache/codec.ts";
import type { CacheKey } from "../cache/keys.ts";
import { SharedCache } from "../cache/shared-cache.ts";
import { isLieuError, LieuError, shown } from "../errors.ts";
import type { Region } from "../region/region.ts";
import { SharedRegion } from "../region/shared-region.ts";
import type { Registry, SharedCacheEntry, SharedRegionEntry } from "../runtime/control.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { clockOffset, describeMemory, type MemoryDescriptor } from "./descriptor.ts";
import type { Group, GroupOptions } from "./group.ts";
import type { Harness } from "./harness.ts";
import type { Kinds } from "./kinds.ts";
import { KswapdThread } from "./kswapd.ts";
import { Memory } from "./memory.ts";
import type { MemoryConfig } from "./options.ts";
import type { AnyCacheOptions, MapOptions, ReclaimRequest, ReclaimResult } from "./requests.ts";
import type { Size } from "./size.ts";
import type { SecretOf } from "./store.ts";

/** In so many ticks, a look for threads that have ended: one a second. */
const SWEEP_TICKS = 10;

/** See the file's head; made by `openMemory({ shared: true })`. */
export class SharedMemory extends Memory {
  readonly #given: MemoryConfig;
  #ticks = 0;
  readonly #zero: number;
  /** @internal */
  readonly kswapd: KswapdThread | undefined;

  /** @internal */
  constructor(config: MemoryConfig, harness: Harness, vm?: SharedVm, secret?: SecretOf) {
    super(config, harness, vm, secret);
    this.#given = config;
    // A clock that is made for a test is its own; others go by the process's.
    this.#zero = clockOffset() + (performance.now() - this.vm.crank.now());
    // Of those that have one with a name one process has the thread (named-kswapd.ts).
    if (config.kswapd !== "thread" || config.sharedName !== undefined) return;
    try {
      this.kswapd = new KswapdThread(this.shared, this.descriptor());
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }
  protected get shared(): SharedVm {
    return this.vm as SharedVm;
  }

  override descriptor(): MemoryDescriptor {
    this.vm.ensureOpen();
    this.vm.segment.lent = true;
    return describeMemory(this.shared, this.#given, this.#zero);
  }
  /** The same as {@link Memory.close}; its thread has ended with it. */
  override async close(): Promise<void> {
    this[Symbol.dispose]();
    await this.kswapd?.ended();
  }
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
  protected override kinds(): Kinds {
    return {
      region: SharedRegion as unknown as typeof Region,
      cache: SharedCache as unknown as typeof Cache,
      codec: sharedCodec,
    };
  }

  override map(size: Size, options: MapOptions = {}): Region {
    return this.locked(() => {
      const regions = this.registry.regions.map(({ name }) => name);
      const region = this.mapOne(size, named(options, "region", regions));
      this.register(region, (all) => ({ ...all, regions: [...all.regions, this.regionEntryOf(region)] }));
      return region;
    });
  }
  override cache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C> = {}): Cache<V, K, C> {
    return this.locked(() => {
      const caches = this.registry.caches.map(({ name }) => name);
      const cache = this.makeCache(named(options, "cache", caches));
      this.register(cache, (all) => ({ ...all, caches: [...all.caches, this.entryOf(cache)] }));
      return cache;
    });
  }
  // What others find them by.
  protected entryOf(cache: { readonly entry: SharedCacheEntry }): SharedCacheEntry {
    return cache.entry;
  }
  protected regionEntryOf(region: SharedRegion): SharedRegionEntry {
    return region.entry;
  }
  /** Under the lock: a region, of which others do not know yet. */
  protected mapOne(size: Size, options: MapOptions): SharedRegion {
    return super.map(size, options) as SharedRegion;
  }
  protected makeCache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): SharedCache<V, K, C> {
    const make = super.cache as (options: AnyCacheOptions<V, K, C>) => Cache<V, K, C>;
    return make.call(this, options) as SharedCache<V, K, C>;
  }
  protected get registry(): Registry {
    return this.shared.control.registry();
  }
  protected register(thing: Disposable, change: (registry: Registry) => Registry): void {
    try {
      this.shared.control.register(change);
    } catch (error) {
      thing[Symbol.dispose]();
      throw error;
    }
  }

  override group(name: string, options?: GroupOptions): Group {
    return this.locked(() => super.group(name, options));
  }
  override reclaim(amount: Size, request?: ReclaimRequest): ReclaimResult {
    return this.locked(() => super.reclaim(amount, request));
  }
  override vmstat() {
    return this.locked(() => super.vmstat());
  }
  /** That a memory is lost is no timer's to hear of, but of who next does something. */
  override tick(): void {
    this.vm.ensureOpen();
    try {
      this.locked(() => super.tick());
      if (++this.#ticks % SWEEP_TICKS === 0) this.shared.sweep();
      this.look();
    } catch (error) {
      if (!isLieuError(error, "EOWNERDEAD")) throw error;
    }
  }
  /** After whatever works beside the program. */
  protected look(): void {}
  override check(): void {
    this.locked(() => {
      this.shared.settle();
      super.check();
    });
  }
  protected locked<R>(work: () => R): R {
    this.vm.ensureOpen();
    return this.shared.locked(work);
  }
}

/** Options with a name that no other has. @throws {@link LieuError} EINVAL if the one given is taken */
function named<T extends { name?: string | undefined }>(options: T, kind: string, taken: readonly string[]): T {
  if (typeof options !== "object" || options === null) return options;
  if (options.name === undefined) {
    let n = taken.length;
    while (taken.includes(`${kind}${n}`)) n++;
    return { ...options, name: `${kind}${n}` };
  }
  if (!taken.includes(options.name)) return options;
  throw new LieuError("EINVAL", `a ${kind} named ${shown(options.name)} is there already; threads find it by its name`);
}
