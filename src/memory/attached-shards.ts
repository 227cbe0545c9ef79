/**
 * A memory of several shards that another thread opened: a handle on each shard, and what lies in several of them put together as where it
 * was made (sharded-memory.ts).
 */

import type { SpreadPart } from "../cache/cache-part.ts";
import type { CacheKey } from "../cache/keys.ts";
import { ShardedCache } from "../cache/sharded-cache.ts";
import type { SharedCache } from "../cache/shared-cache.ts";
import { SharedCachePart } from "../cache/shared-cache-part.ts";
import { defaultPolicy } from "../region/policy.ts";
import type { Region } from "../region/region.ts";
import { partSize, ShardedRegion } from "../region/sharded-region.ts";
import type { Registry } from "../runtime/control.ts";
import { joinLocks } from "../runtime/shared-vm.ts";
import { AttachedMemory, find } from "./attach.ts";
import { attachVm, type MemoryDescriptor, wholeOf } from "./descriptor.ts";
import { attachNamed, type OpenedMemory } from "./named.ts";
import type { AttachedCacheOptions } from "./requests.ts";
import { partHeap } from "./shard-place.ts";
import { addVmstat, type Vmstat } from "./vmstat.ts";

/** All that a handle on one shard has: the compiler asks for what is missing. */
type Everything = { [P in Exclude<keyof AttachedMemory, OfOne>]: AttachedMemory[P] };
type OfOne = "vm" | "registry" | "open" | "ensureUnpinned";

/** See the file's head; made by attachMemory(). */
export class AttachedShards implements Everything {
  readonly #descriptor: MemoryDescriptor;
  readonly #shards: readonly AttachedMemory[];

  /** @internal */
  constructor(descriptor: MemoryDescriptor, shards: readonly OpenedMemory[]) {
    this.#descriptor = descriptor;
    this.#shards = shards.map((shard) => new AttachedMemory(shard));
    joinLocks(this.#shards.map(({ vm }) => vm));
  }

  get nodeNames(): string[] {
    return [...this.#descriptor.nodes];
  }
  get swapNames(): string[] {
    return [...this.#descriptor.swap];
  }
  get cacheNames(): string[] {
    return unique(this.#shards.flatMap((shard) => shard.cacheNames));
  }
  get regionNames(): string[] {
    return unique(this.#shards.flatMap((shard) => shard.regionNames));
  }
  descriptor(): MemoryDescriptor {
    for (const shard of this.#shards) shard.descriptor();
    return this.#descriptor;
  }

  region(name: string): Region {
    const registries = this.#registries();
    const { spread } = find(
      registries.flatMap(({ regions }) => regions),
      name,
      "region",
    );
    const parts = this.#having(registries, ({ regions }) => regions, name).map((shard) => shard.region(name));
    if (spread === undefined) return parts[0] as Region;
    const { size, extent } = spread;
    const whole = this.#shards.filter((_, i) => partSize(size, extent, i, this.#shards.length) > 0);
    if (parts.length < whole.length) find([], name, "region");
    const region = new ShardedRegion({
      ...{ name, size, extent, parts, policy: defaultPolicy() },
      unmapped: () => undefined,
    });
    return region as unknown as Region;
  }

  cache<V, K extends CacheKey, C>(name: string, options: object = {}): SharedCache<V, K, C> {
    const own = options as AttachedCacheOptions<V, K, C>;
    const registries = this.#registries();
    const found = find(
      registries.flatMap(({ caches }) => caches),
      name,
      "cache",
    );
    const shards = this.#having(registries, ({ caches }) => caches, name);
    const { route } = found;
    if (route === undefined) return (shards[0] as AttachedMemory).cache<V, K, C>(name, own);
    // It is being made, or closed.
    if (shards.length < this.#shards.length) find([], name, "cache");
    const parts: SharedCachePart<V, K, C>[] = [];
    try {
      for (const [i, shard] of shards.entries()) {
        const heap = partHeap(own?.heap, found.maxPages, i, shards.length);
        parts.push(shard.open<V, K, C>(name, { ...own, heap }, SharedCachePart) as SharedCachePart<V, K, C>);
      }
    } catch (error) {
      for (const part of parts) part.close();
      throw error;
    }
    const max = registries.reduce((n, { caches }) => n + find(caches, name, "cache").max, 0);
    const cache = new ShardedCache<V, K, C>({
      ...{ name, parts: parts as unknown as SpreadPart<V, K, C>[], secret: route, max },
      closed: () => undefined,
    });
    return cache as unknown as SharedCache<V, K, C>;
  }
  #registries(): Registry[] {
    return this.#shards.map((shard) => shard.registry());
  }
  /** The shards that have something of that name. */
  #having(
    registries: readonly Registry[],
    of: (registry: Registry) => readonly { readonly name: string }[],
    name: string,
  ): AttachedMemory[] {
    return this.#shards.filter((_, i) => of(registries[i] as Registry).some((one) => one.name === name));
  }

  vmstat(): Vmstat {
    return addVmstat(this.#shards.map((shard) => shard.vmstat()));
  }
  check(): void {
    for (const shard of this.#shards) shard.check();
  }
  async close(): Promise<void> {
    this[Symbol.dispose]();
  }
  [Symbol.dispose](): void {
    for (const shard of this.#shards) shard.ensureUnpinned();
    // The first has the file of them all, if they have any.
    for (const shard of [...this.#shards].reverse()) shard[Symbol.dispose]();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

Object.setPrototypeOf(AttachedShards.prototype, AttachedMemory.prototype);

/**
 * Attach to a memory that another thread of the process has opened with `shared: true`, by its descriptor, or to one that other processes
 * have opened with a name, by that.
 *
 * @throws {@link LieuError} EINVAL if it is no descriptor of this version of lieu, ENOTSUP in another process, ECLOSED, EOWNERDEAD,
 *   ENOMEM if there are too many threads; of a name also ENOENT, EACCES, EBUSY
 */
export async function attachMemory(from: MemoryDescriptor | string): Promise<AttachedMemory> {
  return attachMemorySync(from);
}
/** {@link attachMemory} without the promise. */
export function attachMemorySync(from: MemoryDescriptor | string): AttachedMemory {
  const [shards, descriptor] = openedOf(from);
  if (shards.length === 1) return new AttachedMemory(shards[0] as OpenedMemory);
  return new AttachedShards(descriptor, shards) as unknown as AttachedMemory;
}
/** Engines on all shards, and the descriptor of the whole. */
function openedOf(from: MemoryDescriptor | string): [readonly OpenedMemory[], MemoryDescriptor] {
  if (typeof from !== "string") return [attachVms(from?.shards ?? [from]), from];
  const shards = attachNamed(from);
  return [shards, wholeOf(shards.map(({ descriptor }) => descriptor))];
}
function attachVms(descriptors: readonly MemoryDescriptor[]): OpenedMemory[] {
  const opened: OpenedMemory[] = [];
  try {
    for (const descriptor of descriptors) opened.push({ vm: attachVm(descriptor), descriptor });
    return opened;
  } catch (error) {
    for (const { vm } of opened.reverse()) vm.close();
    throw error;
  }
}
