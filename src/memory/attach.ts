/**
 * A memory that another thread opened: its regions and caches by name, at the cost that they have there. What they hold, and what limits
 * it, is the same for all; handles, and what they hold on this thread's heap, are this thread's own.
 */
import { sharedCodec } from "../cache/codec.ts";
import type { CacheKey } from "../cache/keys.ts";
import { ENTRY_OPTIONS, entryConfig } from "../cache/options.ts";
import { SharedCache } from "../cache/shared-cache.ts";
import { LieuError, shown } from "../errors.ts";
import { checkInvariants } from "../mm/debug-vm.ts";
import type { Region } from "../region/region.ts";
import { SharedRegion } from "../region/shared-region.ts";
import type { Registry } from "../runtime/control.ts";
import { Mapping } from "../runtime/mapping.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { checkKeys, codecOf, heapOf } from "./arguments.ts";
import type { MemoryDescriptor } from "./descriptor.ts";
import type { OpenedMemory } from "./named.ts";
import { ensureUnpinned } from "./pins.ts";
import type { AttachedBytesOptions, AttachedCacheOptions, AttachedStringOptions } from "./requests.ts";
import { haveTold } from "./store.ts";
import { globalVmstat, type Vmstat } from "./vmstat.ts";

/** What is settled when a cache is made, for all threads. */
const SETTLED = ["max", "grace"];

/** A memory of another thread's, or other processes'; made by attachMemory(). */
export class AttachedMemory implements Disposable, AsyncDisposable {
  readonly #vm: SharedVm;
  readonly #descriptor: MemoryDescriptor;
  readonly #caches = new Set<SharedCache<unknown, CacheKey, unknown>>();
  readonly #regions = new Set<Region>();

  /** @internal */
  constructor({ vm, descriptor }: OpenedMemory) {
    this.#vm = vm;
    this.#descriptor = descriptor;
  }

  /** Names of the nodes, fastest tier first. */
  get nodeNames(): string[] {
    return [...this.#descriptor.nodes];
  }
  /** Names of the swap devices, highest priority first. */
  get swapNames(): string[] {
    return [...this.#descriptor.swap];
  }
  /** Names of the caches that there are now. */
  get cacheNames(): string[] {
    return this.#locked(() => this.#vm.control.registry().caches.map(({ name }) => name));
  }
  /** Names of the regions that there are now. */
  get regionNames(): string[] {
    return this.#locked(() => this.#vm.control.registry().regions.map(({ name }) => name));
  }

  /** What a further thread needs to attach. */
  descriptor(): MemoryDescriptor {
    this.#vm.ensureOpen();
    if (this.#vm.name !== undefined) this.#vm.name.lent = true;
    return this.#descriptor;
  }

  /** What there is, as it is registered. @internal */
  registry(): Registry {
    return this.#locked(() => this.#vm.control.registry());
  }
  /** @internal */
  get vm(): SharedVm {
    return this.#vm;
  }

  /** A region, by the name that it was mapped with. @throws {@link LieuError} EINVAL if there is none, ECLOSED, EOWNERDEAD */
  region(name: string): Region {
    return this.#locked(() => {
      const found = find(this.#vm.control.registry().regions, name, "region");
      const mapping = new Mapping(this.#vm, found.mapping, `region ${shown(name)}`);
      const host = {
        resolvePolicy: (): never => {
          throw new LieuError("ENOTSUP", "setPolicy() is for the thread that opened the memory");
        },
        unmapped: (r: Region) => this.#regions.delete(r),
      };
      const region = new SharedRegion(name, found.size, mapping, host, found.incarnation);
      this.#regions.add(region);
      return region;
    });
  }

  /**
   * A cache, by the name that it was made with. Options are this thread's: its codec, which must be the same, what it holds on its heap,
   * how it loads, what it hears of.
   *
   * @throws {@link LieuError} EINVAL if there is none, or its values are others; ECLOSED, EOWNERDEAD
   */
  cache<V extends Uint8Array = Uint8Array, K extends CacheKey = string, C = unknown>(
    name: string,
    options: AttachedBytesOptions<V, K, C>,
  ): SharedCache<V, K, C>;
  cache<V extends string = string, K extends CacheKey = string, C = unknown>(
    name: string,
    options: AttachedStringOptions<V, K, C>,
  ): SharedCache<V, K, C>;
  cache<V = unknown, K extends CacheKey = string, C = unknown>(
    name: string,
    options?: AttachedCacheOptions<V, K, C>,
  ): SharedCache<V, K, C>;
  cache<V, K extends CacheKey, C>(name: string, options: object = {}): SharedCache<V, K, C> {
    return this.open<V, K, C>(name, options as AttachedCacheOptions<V, K, C>, SharedCache);
  }
  /** Open a cache as one of that kind. @internal */
  open<V, K extends CacheKey, C>(
    name: string,
    own: AttachedCacheOptions<V, K, C>,
    Kind: typeof SharedCache,
  ): SharedCache<V, K, C> {
    const known = ENTRY_OPTIONS.filter((key) => !SETTLED.includes(key));
    checkKeys(own, ["heap", "codec", ...known], "cache()");
    const config = entryConfig<V, K, C>(own);
    const { accepts, codec } = codecOf<V>(own.codec ?? "any", sharedCodec);
    return this.#locked(() => {
      const found = find(this.#vm.control.registry().caches, name, "cache");
      if (accepts !== found.accepts) {
        const why = `values of cache ${shown(name)} are ${shown(found.accepts)} where it was made`;
        throw new LieuError("EINVAL", `codec makes them ${shown(accepts)}: ${why}; give the same codec`);
      }
      const what = `cache ${shown(name)}`;
      const data = new Mapping(this.#vm, found.data, what);
      const meta = new Mapping(this.#vm, found.meta, `the index of ${what}`);
      if (config.dispose !== undefined) haveTold(this.#vm, meta.start);
      const { maxPages, incarnation } = found;
      const cache: SharedCache<V, K, C> = new Kind<V, K, C>(
        data,
        {
          name,
          accepts,
          codec,
          config: { ...config, max: found.max },
          maxPages,
          heap: heapOf(own.heap, maxPages),
          meta,
          nodeNames: this.nodeNames,
          swapNames: this.swapNames,
          attached: true,
          closed: () => this.#caches.delete(cache as unknown as SharedCache<unknown, CacheKey, unknown>),
        },
        incarnation,
      );
      this.#caches.add(cache as unknown as SharedCache<unknown, CacheKey, unknown>);
      return cache;
    });
  }
  /** Counters of the whole memory, with Linux's names. */
  vmstat(): Vmstat {
    return this.#locked(() => globalVmstat(this.#vm));
  }

  /** Walk every structure and check all invariants, as {@link Memory.check}. @throws {@link LieuError} EBUG */
  check(): void {
    this.#locked(() => {
      this.#vm.settle();
      for (const cache of this.#caches) cache.check();
      this.#vm.inspect();
      checkInvariants();
    });
  }

  /** Let go of the memory in this thread; it stays. @throws {@link LieuError} EBUSY while this thread holds pins */
  async close(): Promise<void> {
    this[Symbol.dispose]();
  }
  [Symbol.dispose](): void {
    if (this.#vm.closed) return;
    this.ensureUnpinned();
    for (const region of this.#regions) region.retire();
    for (const cache of this.#caches) cache.retire();
    this.#vm.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  /** @throws {@link LieuError} EBUSY while this thread holds pins @internal */
  ensureUnpinned(): void {
    ensureUnpinned(this.#regions, this.#caches);
  }

  #locked<R>(work: () => R): R {
    this.#vm.ensureOpen();
    return this.#vm.locked(work);
  }
}

/** @throws {@link LieuError} EINVAL: there is none of that name */
export function find<T extends { readonly name: string }>(all: readonly T[], name: string, kind: string): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = all.map((one) => one.name).join(", ") || "none";
  throw new LieuError("EINVAL", `there is no ${kind} named ${shown(name)}; there are: ${names}`);
}
