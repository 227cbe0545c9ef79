/**
 * A memory that several processes share by a name, in one that has opened it. All of them are equal, and run the same code: who comes
 * first makes a cache, region or group, and who asks for the same gets that one. So each needs a name, and stays as long as the memory: what
 * a process closes it lets go of.
 */
import type { Cache } from "../cache/cache.ts";
import type { CacheKey } from "../cache/keys.ts";
import { entryConfig } from "../cache/options.ts";
import { LieuError, shown } from "../errors.ts";
import type { Region, RegionHost } from "../region/region.ts";
import { SharedRegion } from "../region/shared-region.ts";
import { Mapping, type MappingRequest } from "../runtime/mapping.ts";
import { codecOf } from "./arguments.ts";
import type { MemoryDescriptor } from "./descriptor.ts";
import type { Group, GroupOptions } from "./group.ts";
import type { Harness } from "./harness.ts";
import type { OpenedMemory } from "./named.ts";
import { NamedKswapd } from "./named-kswapd.ts";
import type { MemoryConfig } from "./options.ts";
import type { AnyCacheOptions, MapOptions } from "./requests.ts";
import { SharedMemory } from "./shared-memory.ts";
import { parseSize, type Size } from "./size.ts";
import { haveTold, type OpenedStore, type SecretOf, type StoreRequest } from "./store.ts";

/** See the file's head; made by `openMemory({ shared: "/name" })`. */
export class NamedMemory extends SharedMemory {
  readonly #descriptor: MemoryDescriptor;
  readonly #kswapd: NamedKswapd | undefined;

  /** @internal */
  constructor(config: MemoryConfig, harness: Harness, { vm, descriptor }: OpenedMemory, secret?: SecretOf) {
    super(config, harness, vm, secret);
    this.#descriptor = descriptor;
    if (config.kswapd !== "thread") return;
    try {
      this.#kswapd = new NamedKswapd(vm, descriptor);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }
  /** The same as {@link Memory.close}; the thread that reclaims has ended, if it was this process's. */
  override async close(): Promise<void> {
    await super.close();
    await this.#kswapd?.ended();
  }
  protected override look(): void {
    this.#kswapd?.look();
  }

  override descriptor(): MemoryDescriptor {
    this.vm.ensureOpen();
    if (this.shared.name !== undefined) this.shared.name.lent = true;
    return this.#descriptor;
  }

  // Where only a part of it lies here (named-shard.ts): what the whole was asked to be.
  protected get wholeSize(): number | undefined {
    return undefined;
  }
  protected get wholeAsked(): string | undefined {
    return undefined;
  }

  override map(size: Size, options: MapOptions = {}): Region {
    const asked = askedOfRegion(this.wholeSize ?? size, options);
    return this.locked(() => {
      const found = this.registry.regions.find(({ name }) => name === options.name);
      if (found !== undefined) checkSame("region", found, asked);
      const region = this.mapOne(size, options) as SharedRegion;
      if (found === undefined) {
        const entry = { ...this.regionEntryOf(region), asked };
        this.register(region, (all) => ({ ...all, regions: [...all.regions, entry] }));
      }
      return region;
    });
  }
  protected override makeRegion(name: string, bytes: number, request: MappingRequest, host: RegionHost): Region {
    const found = this.registry.regions.find((one) => one.name === name);
    if (found === undefined) return super.makeRegion(name, bytes, request, host);
    return new SharedRegion(name, bytes, new Mapping(this.vm, found.mapping, request.what), host, found.incarnation);
  }

  override cache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C> = {}): Cache<V, K, C> {
    const asked = this.wholeAsked ?? askedOfCache(options);
    return this.locked(() => {
      const found = this.registry.caches.find(({ name }) => name === options.name);
      if (found !== undefined) checkSame("cache", found, asked);
      const cache = this.makeCache(options);
      if (found === undefined) {
        const entry = { ...this.entryOf(cache), asked };
        this.register(cache, (all) => ({ ...all, caches: [...all.caches, entry] }));
      }
      return cache as Cache<V, K, C>;
    });
  }
  protected override openStore(request: StoreRequest, mayBeLess: boolean): OpenedStore {
    const found = this.registry.caches.find(({ name }) => name === request.name);
    if (found === undefined) return super.openStore(request, mayBeLess);
    const what = `cache ${shown(request.name)}`;
    const data = new Mapping(this.vm, found.data, what);
    const meta = new Mapping(this.vm, found.meta, `the index of ${what}`);
    if (request.tell) haveTold(this.vm, meta.start);
    return { data, meta, maxPages: found.maxPages, incarnation: found.incarnation };
  }

  protected override makeGroup(name: string, mems: number, options: GroupOptions): { id: number; isNew: boolean } {
    const asked = JSON.stringify({ ...options, mems });
    const found = this.registry.groups.find((group) => group.name === name);
    if (found !== undefined) {
      checkSame("group", found, asked);
      return { id: found.id, isNew: false };
    }
    const made = super.makeGroup(name, mems, options);
    this.shared.control.register((all) => ({ ...all, groups: [...all.groups, { name, id: made.id, asked }] }));
    return made;
  }
  protected override removeGroup(group: Group): never {
    throw new LieuError(
      "ENOTSUP",
      `group ${shown(group.name)} stays as long as the memory, which other processes share`,
    );
  }
}

/** What makes two requests for a region the same. @throws {@link LieuError} EINVAL */
function askedOfRegion(size: Size, options: MapOptions): string {
  const { policy, group, folio, locked } = given(options, "region", "map()");
  const bytes = parseSize(size, "size");
  const pages = folio === undefined ? 4096 : parseSize(folio, "folio");
  return JSON.stringify({ bytes, policy: policy ?? {}, group: group?.name, folio: pages, locked: locked === true });
}
/** What makes two requests for a cache the same. @throws {@link LieuError} EINVAL */
export function askedOfCache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C>): string {
  const { maxSize, policy, group, codec } = given(options, "cache", "cache()");
  const { max, grace } = entryConfig(options);
  const { accepts } = codecOf(codec ?? "any");
  const bytes = maxSize === undefined ? undefined : parseSize(maxSize, "maxSize");
  return JSON.stringify({ maxSize: bytes, policy: policy ?? {}, group: group?.name, codec: accepts, max, grace });
}

/** Options with a name. @throws {@link LieuError} EINVAL */
export function given<T extends { name?: string | undefined }>(options: T, kind: string, what: string): T {
  if (typeof options === "object" && options !== null && options.name !== undefined) return options;
  throw new LieuError(
    "EINVAL",
    `${what}: a ${kind} of a memory that processes share needs a name, by which they find it`,
  );
}

/** @throws {@link LieuError} EINVAL if it was asked to be something else */
export function checkSame(kind: string, { name, asked }: { name: string; asked?: string }, now: string): void {
  if (asked === now) return;
  const [then, here] = [JSON.parse(asked ?? "{}"), JSON.parse(now)] as Record<string, unknown>[];
  const keys = Object.keys({ ...then, ...here }).filter((k) => JSON.stringify(then?.[k]) !== JSON.stringify(here?.[k]));
  const why = `${keys.map((key) => `${key} is ${shown(then?.[key] ?? null)} there and ${shown(here?.[key] ?? null)} here`).join(", ")}`;
  throw new LieuError("EINVAL", `the ${kind} ${shown(name)} is there already, made otherwise: ${why}`);
}
