/**
 * A memory of several shards: the facade that users hold. Each shard (shard.ts) is a memory of its own in a segment of its own, with a
 * slice of everything; what is asked of all is put together here, and what is made is placed here:
 *
 * - A cache that is large beside a shard is spread over all of them by a hash of its keys (cache/sharded-cache.ts); others lie in the one with most
 *   room, and are plain caches.
 * - A region that a shard has room for lies in the one with most, and is a plain region. Others lie in extents over all of them
 *   (region/sharded-region.ts).
 * - A group is one in each shard, whose limits are shares of the group's (shares.ts).
 *
 * One that threads share is made of shards that they share, each with a lock of its own; attached-shards.ts is what others hold.
 *
 * A memory of one shard is none of this: it is a `Memory`, and knows of no other.
 */
import { Cache } from "../cache/cache.ts";
import type { SpreadPart } from "../cache/cache-part.ts";
import type { CacheKey } from "../cache/keys.ts";
import { GetSampling, type SampledCache } from "../cache/latency.ts";
import { ShardedCache } from "../cache/sharded-cache.ts";
import { LieuError, shown } from "../errors.ts";
import { defaultPolicy, type Policy } from "../region/policy.ts";
import { Region } from "../region/region.ts";
import { partSize, ShardedRegion } from "../region/sharded-region.ts";
import { startTimer } from "../runtime/inline.ts";
import { joinLocks, type SharedVm } from "../runtime/shared-vm.ts";
import { showAs } from "../runtime/show.ts";
import type { Vm } from "../runtime/vm.ts";
import { checkKeys, checkName, nameOf } from "./arguments.ts";
import { type MemoryDescriptor, wholeOf } from "./descriptor.ts";
import { Diagnostics } from "./diagnostics.ts";
import { checkLimits, Group, type GroupOptions } from "./group.ts";
import type { Harness } from "./harness.ts";
import { shownCache, shownMemory, shownRegion } from "./inspect.ts";
import { measurePrices } from "./measure.ts";
import { Memory } from "./memory.ts";
import { metricsOf } from "./metrics.ts";
import { NodeNames } from "./node-names.ts";
import type { MemoryConfig } from "./options.ts";
import { ensureUnpinned } from "./pins.ts";
import { type PressureWatch, watchPressure } from "./pressure.ts";
import { checkReclaim, reclaimSplit } from "./reclaim-split.ts";
import type {
  AnyCacheOptions,
  CacheInfo,
  MapOptions,
  MemoryServer,
  NodeInfo,
  ReclaimRequest,
  ReclaimResult,
  ServeOptions,
  SwapInfo,
} from "./requests.ts";
import { serveMemory } from "./serve.ts";
import { type MakeShards, makeShards, type Shard } from "./shard.ts";
import { shardConfig } from "./shard-config.ts";
import { joinBalloons, joinDevices, joinNodes, poolsOf } from "./shard-nodes.ts";
import { allOrNone, extentOf, fitsIn, isSpread, partOptions, roomiest } from "./shard-place.ts";
import { ShardedGroup } from "./sharded-group.ts";
import type { Totals } from "./shares.ts";
import { parseSize, type Size } from "./size.ts";
import { secretsOf } from "./store.ts";
import { TouchAll } from "./touch-all.ts";
import { addVmstat, type Vmstat } from "./vmstat.ts";

/** How often the inline runtime lets time pass by itself, ms. */
const TICK_MS = 100;
/** What the route's secret is derived with, so that it is no shard's index's. */
const ROUTE = 0x52;

/** A cache, as its memory needs to know it. */
interface OpenCache extends CacheInfo, SampledCache {
  readonly pinned: number;
}

/** Where a region lies: in one shard, or in extents of so many bytes. */
type Place = { readonly shard: number } | { readonly extent: number };

/** All that a plain memory has: the compiler asks for what is missing. */
type Everything = { [P in keyof Memory]: Memory[P] };

/** See the file's head; made by `openMemory()`. */
export class ShardedMemory implements Everything {
  readonly #config: MemoryConfig;
  readonly #configs: readonly MemoryConfig[];
  protected readonly shards: readonly Shard[];
  protected readonly names: NodeNames;
  readonly #regions = new Set<Region>();
  /** Spread ones, and plain ones with their shard. */
  readonly #cached = new Map<OpenCache, Shard | undefined>();
  readonly #sampling = new GetSampling({ [Symbol.iterator]: () => this.#open()[Symbol.iterator]() });
  protected readonly tenants = new Map<string, ShardedGroup>();
  readonly #diagnostics: Diagnostics;
  readonly #secret: (n: number) => readonly [number, number];
  readonly #stopTimer: () => void;
  readonly #touching: TouchAll | undefined;
  readonly #pressure: PressureWatch | undefined;
  #closed = false;

  /** `make`: the shards, of these configurations. @internal */
  constructor(config: MemoryConfig, harness: Harness, make: MakeShards = makeShards) {
    this.#config = config;
    this.names = new NodeNames(config.nodes.map(({ name }) => name));
    this.#configs = Array.from({ length: config.shards }, (_, i) => shardConfig(config, i));
    const repeatable = harness.crank !== undefined || config.seeded;
    this.#secret = secretsOf(config.seed ^ ROUTE, repeatable);
    const shards = make(this.#configs, harness, (seed) => secretsOf(seed, repeatable));
    this.shards = shards;
    try {
      this.#pressure = this.#watch();
    } catch (error) {
      for (const shard of shards) shard[Symbol.dispose]();
      throw error;
    }
    if (config.shared) joinLocks(this.engines as SharedVm[]);
    // Several locks are not held at once: shares of a memory that threads share follow use as time passes.
    else
      shards.forEach((shard, i) => {
        shard.vm.onShare = (id, field, nr, how) => this.#groupOf(i, id)?.shares.ask(i, field, nr, how) ?? false;
      });
    this.#diagnostics = new Diagnostics(this, this.engines, this.nodeNames, this.swapNames);
    showAs(this, "Memory", () => shownMemory(this, this.#mapped(), this.#open(), this.tenants.keys()));
    this.#stopTimer = harness.crank === undefined ? startTimer(() => this.tick(), TICK_MS) : () => undefined;
    if (config.pretouch !== false && config.hasBytes)
      this.#touching = new TouchAll(shards, (i) => {
        measurePrices((shards[i] as Shard).vm, this.#configs[i] as MemoryConfig, harness);
      });
  }
  #watch(): PressureWatch | undefined {
    const inflatable = this.shards.map((shard) => shard.inflatable);
    const balloons = joinBalloons(inflatable, this.slices, poolsOf(this.#configs), () => this.#touching?.stop());
    return watchPressure({ close: () => undefined }, balloons, this.#config);
  }
  /** @internal */
  get engines(): Vm[] {
    return this.shards.map(({ vm }) => vm);
  }
  get #first(): Shard {
    return this.shards[0] as Shard;
  }
  protected get slices(): number[][] {
    return this.#configs.map(({ nodes }) => nodes.map(({ pages }) => pages));
  }
  protected ensureOpen(): void {
    this.#first.vm.ensureOpen();
  }

  /** @internal */
  async pretouched(): Promise<void> {
    await this.#touching?.all();
  }
  /** Touch all pages now. @internal */
  touchNow(): void {
    this.#touching?.now();
  }

  get vm(): never {
    throw new LieuError("ENOTSUP", "vm: the memory has several shards, each with an engine of its own");
  }
  descriptor(): MemoryDescriptor {
    return wholeOf(this.shards.map((shard) => shard.descriptor()));
  }
  async serve(options: ServeOptions = {}): Promise<MemoryServer> {
    return serveMemory(this, options);
  }
  get nodeNames(): string[] {
    return [...this.names.names];
  }
  get swapNames(): string[] {
    return this.#config.swap.map(({ name }) => name);
  }
  // ---- regions ----------------------------------------------------------------------------------------------------------
  map(size: Size, options: MapOptions = {}): Region {
    this.ensureOpen();
    checkKeys(options, ["name", "policy", "group", "folio", "locked"], "map()");
    const bytes = parseSize(size, "size");
    const name = nameOf("region", options.name, this.#mapped(), this.#config.shared);
    return this.mapAt(this.placeOf(bytes, options), name, bytes, options);
  }
  protected placeOf(bytes: number, { policy, folio }: MapOptions): Place {
    const { i, room } = this.roomiest(policy);
    return fitsIn(bytes, room) ? { shard: i } : { extent: extentOf(bytes, this.shards.length, folio) };
  }
  protected mapAt(place: Place, name: string, bytes: number, options: MapOptions) {
    const group = this.groupOf(options.group);
    const own = (i: number): MapOptions => ({ ...options, name, group: group?.parts[i] });
    if ("shard" in place) {
      const region = (this.shards[place.shard] as Shard).mapPart(bytes, own(place.shard));
      this.#regions.add(region);
      return region;
    }
    const { extent } = place;
    const lengths = this.shards.map((_, i) => partSize(bytes, extent, i, this.shards.length));
    const parts = allOrNone(
      this.shards.filter((_, i) => lengths[i] !== 0),
      (shard, i) => shard.mapPart(lengths[i] as number, own(i), { size: bytes, extent }),
      (part) => part.unmap(),
    );
    const region = new ShardedRegion({
      ...{ name, size: bytes, extent, parts },
      policy: options.policy ?? defaultPolicy(),
      unmapped: () => this.#regions.delete(region),
    }) as unknown as Region;
    this.#regions.add(region);
    showAs(region, "Region", () => shownRegion(region, this.nodeNames, this.swapNames), name);
    return region;
  }
  /** The shard with most room for what must stay. */
  protected roomiest(policy: Policy | undefined): { i: number; room: number } {
    return roomiest(this.shards, this.#configs, policy);
  }
  #mapped(): Region[] {
    for (const region of this.#regions) if (!region.isMapped) this.#regions.delete(region);
    return [...this.#regions];
  }

  // ---- caches -----------------------------------------------------------------------------------------------------------
  cache<V, K extends CacheKey, C>(given: AnyCacheOptions<V, K, C> = {}): Cache<V, K, C> {
    this.ensureOpen();
    if (typeof given !== "object" || given === null) return this.#first.makeWhole(given);
    const name = nameOf("cache", given.name, this.#open(), this.#config.shared);
    if (!isSpread(given, this.slices)) return this.cacheAt({ shard: this.roomiest(given.policy).i }, name, given);
    const [a, b] = this.#secret(this.#cached.size);
    return this.cacheAt({ route: a ^ b }, name, given);
  }
  /** In one shard, or over all of them. */
  protected cacheAt<V, K extends CacheKey, C>(
    place: { shard: number } | { route: number },
    name: string,
    given: AnyCacheOptions<V, K, C>,
  ): Cache<V, K, C> {
    const group = this.groupOf(given.group);
    const options = { ...given, ...this.#diagnostics.hearing(given, name), name };
    group?.shares.arrange("shard" in place ? place.shard : undefined);
    const cache = "route" in place ? this.#spread(options, place.route, group) : this.#gathered(options, place, group);
    this.#sampling.opened(cache);
    return cache;
  }
  #gathered<V, K extends CacheKey, C>(
    options: AnyCacheOptions<V, K, C>,
    { shard: i }: { shard: number },
    group: ShardedGroup | undefined,
  ): Cache<V, K, C> {
    const shard = this.shards[i] as Shard;
    const cache = shard.makeWhole({ ...options, group: group?.parts[i] });
    this.#cached.set(cache, shard);
    return cache;
  }
  #spread<V, K extends CacheKey, C>(
    options: AnyCacheOptions<V, K, C>,
    secret: number,
    group: ShardedGroup | undefined,
  ): Cache<V, K, C> {
    const make = (shard: Shard, i: number): SpreadPart<V, K, C> =>
      shard.makePart({ ...partOptions(options, i, this.slices), group: group?.parts[i] }, secret, options);
    const parts = allOrNone(this.shards, make, (part) => part.close());
    const cache = new ShardedCache<V, K, C>({
      ...{ name: options.name as string, parts, max: options.max ?? 0 },
      secret,
      closed: () => this.#cached.delete(cache),
    }) as unknown as Cache<V, K, C>;
    this.#cached.set(cache, undefined);
    showAs(cache, "Cache", () => shownCache(cache), options.name);
    return cache;
  }
  /** Those that are open, in the order in which they were made. */
  #open(): OpenCache[] {
    const plain = new Set<object>(this.#closed ? [] : this.shards.flatMap((shard) => shard.caches()));
    for (const [cache, shard] of this.#cached) if (shard !== undefined && !plain.has(cache)) this.#cached.delete(cache);
    return [...this.#cached.keys()];
  }

  // ---- groups -----------------------------------------------------------------------------------------------------------
  group(name: string, options: GroupOptions = {}): Group {
    this.ensureOpen();
    checkName(name, undefined, "group()");
    if (this.tenants.has(name)) throw new LieuError("EINVAL", `a group named ${JSON.stringify(name)} exists already`);
    checkLimits(options, `group ${JSON.stringify(name)}`);
    const { mems = this.nodeNames } = options;
    this.names.maskOf(mems, `mems of ${name}`);
    const { mems: _, ...limits } = options;
    return this.makeGroup(name, mems).set(limits);
  }
  /** A group in each shard. `totals`: where its limits are, if not here alone. */
  protected makeGroup(name: string, mems: readonly string[], totals?: Totals): ShardedGroup {
    const parts = allOrNone(
      this.shards,
      (shard) => shard.group(name, { mems }),
      (part) => totals ?? part.remove(),
    );
    const removed = (): unknown => this.tenants.delete(name);
    const group = new ShardedGroup(name, parts, this.engines, [...mems], removed, this.#config.shared, totals);
    this.tenants.set(name, group);
    return group;
  }
  /** The group of shard `i` with that number. */
  #groupOf(i: number, id: number): ShardedGroup | undefined {
    for (const group of this.tenants.values()) if (group.parts[i]?.id === id) return group;
    return undefined;
  }
  protected groupOf(given: Group | undefined): ShardedGroup | undefined {
    if (given === undefined) return undefined;
    const group: unknown = given;
    if (group instanceof ShardedGroup && this.tenants.get(group.name) === group) return group;
    const what = group instanceof Group ? group.name : group;
    throw new LieuError("EINVAL", `group ${shown(what)} is not a group of this memory; make one with group()`);
  }
  groups(): Group[] {
    this.ensureOpen();
    return [...this.tenants.values()] as unknown as Group[];
  }

  // ---- all of it --------------------------------------------------------------------------------------------------------
  reclaim(amount: Size, request: ReclaimRequest = {}): ReclaimResult {
    this.ensureOpen();
    checkReclaim(request);
    const group = this.groupOf(request.group);
    if (request.nodes !== undefined) this.names.maskOf(request.nodes, "nodes");
    return reclaimSplit(this.shards, amount, request, group?.parts);
  }
  vmstat(): Vmstat {
    return addVmstat(this.shards.map((shard) => shard.vmstat()));
  }
  node(name: string): NodeInfo {
    this.ensureOpen();
    const nid = this.names.nid(name, "node()");
    const look = () => this.shards.map((shard) => shard.node(name));
    const whole = this.slices.map((pages) => pages[nid] as number);
    return joinNodes(look, whole, () => this.#touching?.stop());
  }
  nodes(): NodeInfo[] {
    return this.nodeNames.map((name) => this.node(name));
  }
  swapDevices(): SwapInfo[] {
    return joinDevices(() => this.shards.map((shard) => shard.swapDevices()), poolsOf(this.#configs));
  }
  caches(): CacheInfo[] {
    this.ensureOpen();
    return this.#open();
  }
  metrics(): ReturnType<Memory["metrics"]> {
    this.ensureOpen();
    return metricsOf(this);
  }
  sampleGets(listener: Parameters<Memory["sampleGets"]>[0]): () => void {
    this.ensureOpen();
    if (typeof listener !== "function") {
      throw new LieuError("EINVAL", `sampleGets(): the listener is ${shown(listener)}, not a function`);
    }
    return this.#sampling.add(listener);
  }

  tick(): void {
    this.ensureOpen();
    for (const shard of this.shards) shard.tick();
    for (const group of this.tenants.values()) group.shares.tick();
    this.#diagnostics.publish(this.#open());
  }
  check(): void {
    this.ensureOpen();
    for (const shard of this.shards) shard.check();
    for (const group of this.tenants.values()) group.shares.check(group.name);
  }

  async close(): Promise<void> {
    this[Symbol.dispose]();
    // What works beside the program has ended, too.
    await Promise.all(this.shards.map((shard) => shard.close()));
  }
  [Symbol.dispose](): void {
    if (this.#closed) return;
    const caches = this.#open();
    ensureUnpinned(this.#mapped(), caches);
    this.#diagnostics.publish(caches);
    this.#stopTimer();
    this.#pressure?.stop();
    this.#touching?.stop();
    // The first has the file of them all, if they have any.
    for (const shard of [...this.shards].reverse()) shard[Symbol.dispose]();
    this.#closed = true;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

// What users hold is a memory, a cache, a region, a group to them. All that these have stands here, which the compiler proves.
for (const [sharded, plain] of [
  [ShardedMemory, Memory],
  [ShardedCache, Cache],
  [ShardedRegion, Region],
  [ShardedGroup, Group],
] as const)
  Object.setPrototypeOf(sharded.prototype, plain.prototype);
