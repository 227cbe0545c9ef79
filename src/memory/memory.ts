/**
 * A memory: nodes and swap devices, and the regions, caches and groups that live on them.
 */
import type { Cache } from "../cache/cache.ts";
import type { CacheKey } from "../cache/keys.ts";
import { type GetSample, GetSampling, type SampledCache } from "../cache/latency.ts";
import { ENTRY_OPTIONS, entryConfig } from "../cache/options.ts";
import type { CacheHost } from "../cache/types.ts";
import { LieuError, shown } from "../errors.ts";
import { checkInvariants } from "../mm/debug-vm.ts";
import { defaultPolicy, type Policy } from "../region/policy.ts";
import type { Region, RegionHost } from "../region/region.ts";
import { inlineCrank, startTimer } from "../runtime/inline.ts";
import { Mapping, type MappingRequest, type ResolvedPolicy } from "../runtime/mapping.ts";
import { type Touching, touchInSlices } from "../runtime/pretouch.ts";
import { showAs } from "../runtime/show.ts";
import type { Vm } from "../runtime/vm.ts";
import { attempt, checkBoolean, checkKeys, checkName, codecOf, folioOrderOf, heapOf } from "./arguments.ts";
import { Balloons } from "./balloon.ts";
import { boot } from "./boot.ts";
import { type CacheGroups, cacheGroupsOf, tooManyGroups } from "./cache-groups.ts";
import { cachePages } from "./capacity.ts";
import type { MemoryDescriptor } from "./descriptor.ts";
import { Diagnostics } from "./diagnostics.ts";
import { checkLimits, Group, type GroupOptions } from "./group.ts";
import type { Harness } from "./harness.ts";
import { shownCache, shownMemory, shownRegion } from "./inspect.ts";
import { type Kinds, kindsFor } from "./kinds.ts";
import { measurePrices } from "./measure.ts";
import { type Metric, metricsOf } from "./metrics.ts";
import { nodeInfo } from "./node-info.ts";
import { NodeNames } from "./node-names.ts";
import type { MemoryConfig } from "./options.ts";
import { ensureUnpinned } from "./pins.ts";
import { type PressureWatch, watchPressure } from "./pressure.ts";
import { proactiveReclaim } from "./reclaim.ts";
import type {
  AnyCacheOptions,
  BytesCacheOptions,
  CacheInfo,
  CacheOptions,
  MapOptions,
  MemoryServer,
  NodeInfo,
  ReclaimRequest,
  ReclaimResult,
  ServeOptions,
  StringCacheOptions,
  SwapInfo,
} from "./requests.ts";
import { serveMemory } from "./serve.ts";
import { pagesOf, parseSize, type Size } from "./size.ts";
import { type OpenedStore, openFittingStore, type SecretOf, type StoreRequest, secretsOf } from "./store.ts";
import { swapInfo } from "./swap-info.ts";
import { globalVmstat, type Vmstat } from "./vmstat.ts";

const ROOT = 0;
/** How often the inline runtime lets time pass by itself, ms. */
const TICK_MS = 100;

/** A cache, as its memory needs to know it. */
interface OpenCache extends CacheInfo, SampledCache {
  readonly pinned: number;
  check(): void;
  tick(now: number): void;
  retire(): void;
}

/** A memory; made by `openMemory()`. */
export class Memory implements Disposable, AsyncDisposable {
  readonly #vm: Vm;
  readonly #config: MemoryConfig;
  readonly #names: NodeNames;
  readonly #regions = new Set<Region>();
  readonly #caches = new Set<OpenCache>();
  readonly #sampling = new GetSampling(this.#caches);
  readonly #groups = new Map<string, Group>();
  readonly #cacheGroups: CacheGroups;
  /** Caches with no size given. */
  #unsized = 0;
  readonly #diagnostics: Diagnostics | undefined;
  readonly #stopTimer: () => void;
  readonly #touching: Touching | undefined;
  readonly #secret: SecretOf;
  protected readonly balloons: Balloons;
  readonly #pressure: PressureWatch | undefined;

  /** `secret`: given to one that is a shard of another. @internal */
  constructor(config: MemoryConfig, harness: Harness, vm?: Vm, secret?: SecretOf) {
    this.#config = config;
    this.#names = new NodeNames(config.nodes.map((n) => n.name));
    this.#vm = vm ?? boot(config, harness.crank ?? inlineCrank(), harness);
    // What was given back is not to be touched again.
    this.balloons = new Balloons(this.#vm, this.nodeNames, () => this.#touching?.stop());
    this.#pressure = watchPressure(this.#vm, this.balloons, config);
    this.#cacheGroups = cacheGroupsOf(this.#vm, this.#names.all);
    this.#secret = secret ?? secretsOf(config.seed, harness.crank !== undefined || config.seeded);
    if (secret === undefined) this.#diagnostics = new Diagnostics(this, [this.#vm], this.nodeNames, this.swapNames);
    showAs(this, "Memory", () => shownMemory(this, this.#regions, this.#caches, this.#groups.keys()));
    this.#stopTimer = harness.crank === undefined ? startTimer(() => this.tick(), TICK_MS) : () => undefined;
    if (config.pretouch !== false && config.hasBytes)
      this.#touching = touchInSlices(this.#vm.segment, () => measurePrices(this.#vm, config, harness));
  }

  /** Settles when all pages have been touched, or the memory is closed; at once if nothing is to be touched. The process stays for it. @internal */
  async pretouched(): Promise<void> {
    this.#touching?.stay();
    await this.#touching?.done;
  }

  /** The engine at work, for tools that look under the hood. @internal */
  get vm(): Vm {
    return this.#vm;
  }
  /** @internal */
  get engines(): readonly Vm[] {
    return [this.#vm];
  }

  /**
   * What another thread needs to attach to a memory that was opened `shared`: give it by `workerData` or a message to attachMemory().
   *
   * @throws {@link LieuError} ENOTSUP if it was not opened so
   */
  descriptor(): MemoryDescriptor {
    throw new LieuError("ENOTSUP", "descriptor(): the memory is one thread's; open it with shared: true");
  }
  protected kinds(hasBytes: boolean): Kinds {
    return kindsFor(hasBytes);
  }

  /** Names of the nodes, fastest tier first. */
  get nodeNames(): string[] {
    return [...this.#names.names];
  }
  /** Names of the swap devices, highest priority first. */
  get swapNames(): string[] {
    return this.#config.swap.map((s) => s.name);
  }

  /**
   * Map a lossless region of `size` bytes. Nothing is allocated until it is touched.
   *
   * @throws {@link LieuError} EINVAL, ENOMEM if the address space is used up, ECLOSED
   */
  map(size: Size, options: MapOptions = {}): Region {
    this.#vm.ensureOpen();
    checkKeys(options, ["name", "policy", "group", "folio", "locked"], "map()");
    const bytes = parseSize(size, "size");
    const name = checkName(options.name, `region${this.#regions.size}`, "map()");
    const order = options.folio === undefined ? 0 : folioOrderOf(options.folio);
    const memcg = this.#groupId(options.group);
    const policy = this.#resolvePolicy(options.policy ?? defaultPolicy(), memcg);
    const locked = checkBoolean(options.locked, "locked");
    const what = `region ${JSON.stringify(name)}`;
    const request = { what, pages: pagesOf(bytes), file: false, memcg, order, locked, policy };
    const region = this.makeRegion(name, bytes, request, {
      resolvePolicy: (p) => this.#resolvePolicy(p, memcg),
      unmapped: (r) => this.#regions.delete(r),
    });
    this.#regions.add(region);
    showAs(region, "Region", () => shownRegion(region, this.nodeNames, this.swapNames), name);
    return region;
  }

  /**
   * Make a cache on demotable pages: `memory.cache<User>()` has keys that are strings, `memory.cache<User, number>()`
   * numbers. With `codec: "bytes"` or `"string"` that is what values are.
   *
   * @throws {@link LieuError} EINVAL, ENOMEM if there are too many caches or the address space is used up, ECLOSED
   */
  cache<V extends Uint8Array = Uint8Array, K extends CacheKey = string, C = unknown>(
    options: BytesCacheOptions<V, K, C>,
  ): Cache<V, K, C>;
  cache<V extends string = string, K extends CacheKey = string, C = unknown>(
    options: StringCacheOptions<V, K, C>,
  ): Cache<V, K, C>;
  cache<V = unknown, K extends CacheKey = string, C = unknown>(options?: CacheOptions<V, K, C>): Cache<V, K, C>;
  cache<V, K extends CacheKey, C>(options: AnyCacheOptions<V, K, C> = {}): Cache<V, K, C> {
    this.#vm.ensureOpen();
    checkKeys(options, ["name", "maxSize", "heap", "policy", "group", "codec", ...ENTRY_OPTIONS], "cache()");
    if (!this.#config.hasBytes)
      throw new LieuError("ENOTSUP", "a cache needs nodes with bytes; these are all model nodes");
    const name = checkName(options.name, `cache${this.#caches.size}`, "cache()");
    const config = entryConfig(this.#diagnostics?.hearing(options, name) ?? options);
    const parent = this.#groupId(options.group);
    const policy = this.#resolvePolicy(options.policy ?? defaultPolicy(), parent);
    const most = cachePages(this.#vm, policy, parent, options.maxSize, this.#unsized === 0);
    const { cache: Kind, codec: make } = this.kinds(true);
    const { accepts, codec } = codecOf<V>(options.codec ?? "any", make);
    const memcg = this.#cacheGroups.join(parent);
    const tell = config.dispose !== undefined;
    const what = { name, maxItems: config.max, tell, secret: this.#secret(this.#caches.size), memcg, policy };
    const store = attempt(
      () => this.openStore({ ...what, maxPages: most }, options.maxSize === undefined),
      () => this.#cacheGroups.leave(parent),
    );
    const { maxPages } = store;
    const host: CacheHost<V, K, C> = {
      name,
      accepts,
      codec,
      config,
      maxPages,
      heap: heapOf(options.heap, maxPages),
      meta: store.meta,
      nodeNames: this.nodeNames,
      swapNames: this.swapNames,
      attached: store.incarnation !== undefined,
      closed: () => {
        this.#cacheGroups.leave(parent);
        if (options.maxSize === undefined) this.#unsized--;
        this.#caches.delete(cache);
      },
    };
    const cache: Cache<V, K, C> = new Kind<V, K, C>(store.data, host, store.incarnation);
    if (options.maxSize === undefined) this.#unsized++;
    this.#caches.add(cache);
    this.#sampling.opened(cache);
    showAs(cache, "Cache", () => shownCache(cache), name);
    return cache;
  }

  /**
   * Make a group with these limits.
   *
   * @throws {@link LieuError} EINVAL (also if the name is taken), ENOMEM if there are too many, ECLOSED
   */
  group(name: string, options: GroupOptions = {}): Group {
    this.#vm.ensureOpen();
    checkName(name, undefined, "group()");
    if (this.#groups.has(name)) throw new LieuError("EINVAL", `a group named ${JSON.stringify(name)} exists already`);
    checkLimits(options, `group ${JSON.stringify(name)}`);
    const mems = options.mems === undefined ? this.#names.all : this.#names.maskOf(options.mems, `mems of ${name}`);
    const { id, isNew } = this.makeGroup(name, mems, options);
    const group = new Group(
      this.#vm,
      {
        maskOf: (names, what) => this.#names.maskOf(names, what),
        removed: (g) => this.removeGroup(g),
      },
      name,
      id,
    );
    this.#groups.set(name, group);
    return isNew ? group.set(options) : group;
  }

  // What is made of what was asked for, or found where others have made it already (named-memory.ts).
  protected makeRegion(name: string, bytes: number, request: MappingRequest, host: RegionHost): Region {
    const { region: Kind } = this.kinds(this.#config.hasBytes);
    return new Kind(name, bytes, new Mapping(this.#vm, request), host);
  }
  protected openStore(request: StoreRequest, mayBeLess: boolean): OpenedStore {
    return openFittingStore(this.#vm, request, mayBeLess);
  }
  protected makeGroup(_name: string, mems: number, _options: GroupOptions): { id: number; isNew: boolean } {
    const id = this.#vm.calls.createMemcg(ROOT, mems);
    if (id < 0) throw tooManyGroups();
    return { id, isNew: true };
  }

  /**
   * Reclaim about `amount` bytes now (memory.reclaim). Pages that should be demoted but cannot be stay where they are.
   * Says what it came to; less than asked for is no error.
   */
  reclaim(amount: Size, request: ReclaimRequest = {}): ReclaimResult {
    this.#vm.ensureOpen();
    return proactiveReclaim(this.#vm, this.#names, (group) => this.#groupId(group), amount, request);
  }

  /** Counters of the whole memory, with Linux's names. */
  vmstat(): Vmstat {
    this.#vm.ensureOpen();
    return globalVmstat(this.#vm);
  }

  /** A node by name. @throws {@link LieuError} EINVAL if there is none */
  node(name: string): NodeInfo {
    this.#vm.ensureOpen();
    return nodeInfo(this.#vm, this.#config, this.balloons, this.#names.nid(name, "node()"));
  }

  /** All nodes, fastest tier first. */
  nodes(): NodeInfo[] {
    return this.nodeNames.map((name) => this.node(name));
  }

  /** All swap devices, highest priority first; the pool of compressed pages, if there is one, before them. */
  swapDevices(): SwapInfo[] {
    this.#vm.ensureOpen();
    return swapInfo(this.#vm, this.#config.swap, this.balloons.pool);
  }

  /** All groups, in the order in which they were made. */
  groups(): Group[] {
    this.#vm.ensureOpen();
    return [...this.#groups.values()];
  }

  /** All caches that are open, in the order in which they were made. */
  caches(): CacheInfo[] {
    this.#vm.ensureOpen();
    return [...this.#caches];
  }

  /** Everything that a monitoring system wants to know, as it is now: what `lieu/prometheus` and `lieu/opentelemetry` register. */
  metrics(): Metric[] {
    this.#vm.ensureOpen();
    return metricsOf(this);
  }

  /**
   * Have some of the gets of all caches timed, those made later included: at most a few hundred a second of each cache, which costs
   * next to nothing. Returns what ends it.
   */
  sampleGets(listener: (sample: GetSample) => void): () => void {
    this.#vm.ensureOpen();
    if (typeof listener !== "function") {
      throw new LieuError("EINVAL", `sampleGets(): the listener is ${shown(listener)}, not a function`);
    }
    return this.#sampling.add(listener);
  }

  /**
   * Show it in a browser as it works: where its pages are, what moves, what serves. The server is loaded when it is asked for.
   *
   * @throws {@link LieuError} EINVAL; EBUSY, EACCES: the port cannot be had; ECLOSED; ENOTSUP in a bundle, which has no server
   */
  async serve(options: ServeOptions = {}): Promise<MemoryServer> {
    return serveMemory(this, options);
  }

  /** Let time pass: kswapd's turn, promotion's scan, expiry in caches. The inline runtime does this by itself ten times a second. */
  tick(): void {
    this.#vm.ensureOpen();
    const now = this.#vm.turn();
    for (const cache of this.#caches) cache.tick(now);
    this.#diagnostics?.publish(this.#caches);
  }

  /**
   * Walk every structure of the engine and check all invariants. For tests and debugging: takes time in proportion to
   * the memory.
   *
   * @throws {@link LieuError} EBUG that says what does not hold
   */
  check(): void {
    this.#vm.ensureOpen();
    this.#vm.inspect();
    for (const cache of this.#caches) cache.check();
    checkInvariants();
  }

  /**
   * Close the memory: everything in it is gone, swap files are removed. Closing twice is allowed. Whoever still holds it, or a region or cache of
   * it, holds none of its bytes; they serve the next memory of about its size that is opened, or go when V8 collects them.
   *
   * @throws {@link LieuError} EBUSY while pins are held; the memory stays open
   */
  async close(): Promise<void> {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#vm.closed) return;
    ensureUnpinned(this.#regions, this.#caches);
    this.#diagnostics?.publish(this.#caches);
    this.#stopTimer();
    this.#pressure?.stop();
    this.#touching?.stop();
    for (const region of this.#regions) region.retire();
    for (const cache of this.#caches) cache.retire();
    this.#vm.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  #resolvePolicy(policy: Policy, memcg: number): ResolvedPolicy {
    return this.#names.resolve(policy, this.#vm.calls.memsOf(memcg));
  }

  #groupId(group: Group | undefined): number {
    if (group === undefined) return ROOT;
    if (!(group instanceof Group) || this.#groups.get(group.name) !== group) {
      const what = group instanceof Group ? group.name : group;
      throw new LieuError("EINVAL", `group ${shown(what)} is not a group of this memory; make one with group()`);
    }
    return group.id;
  }

  protected removeGroup(group: Group): void {
    if (this.#vm.calls.destroyMemcg(group.id) !== 0) {
      throw new LieuError("EBUSY", `group ${JSON.stringify(group.name)} still has regions, caches or pages`);
    }
    this.#groups.delete(group.name);
  }
}
