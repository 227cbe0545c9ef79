/**
 * A cache that is spread over the shards of a memory: a part in each, which is a cache of its own, and a hash of the key that says
 * which one a key belongs to. What is of one key goes to its part; what is of all is put together from all.
 *
 * A part has an equal part of every bound, so the bounds hold for the whole. What a part cannot take, the cache does not: a value that
 * is larger than a part's share of `maxSize` is rejected, though the whole had room for it.
 */
import { LieuError, shown } from "../errors.ts";
import type { Pin } from "../runtime/pin.ts";
import { MAX_WARM } from "../store/warm.ts";
import type { Cache } from "./cache.ts";
import { addStats } from "./cache-entries.ts";
import { entriesOf, listOf } from "./cache-extras.ts";
import type { SpreadPart } from "./cache-part.ts";
import { joinCurves, type MissRatioCurve } from "./distances.ts";
import type { Visit } from "./items.ts";
import { type CacheKey, checkKey } from "./keys.ts";
import type { GetTimer } from "./latency.ts";
import { Moment } from "./moment.ts";
import type { FetchOptions, GetOptions, MemoOptions, SetOptions } from "./options.ts";
import { readDump } from "./read-dump.ts";
import { routeOf } from "./route.ts";
import type { CacheStats, ClearOptions, DumpedEntry, EntryInfo } from "./types.ts";

/** All that a plain cache has: the compiler asks for what is missing. */
type Everything<V, K extends CacheKey, C> = { [P in keyof Cache<V, K, C>]: Cache<V, K, C>[P] };
type Whole<V, K extends CacheKey, C> = Cache<V, K, C>;

/** What a spread cache is made of. */
export interface Spread<V, K extends CacheKey, C> {
  readonly name: string;
  /** One a shard. */
  readonly parts: readonly SpreadPart<V, K, C>[];
  /** What keys are hashed with. */
  readonly secret: number;
  /** Most entries; 0 = any number. */
  readonly max: number;
  /** Called once, when the cache has been closed. */
  closed(): void;
}

/** See the file's head; made by `memory.cache()`. */
export class ShardedCache<V, K extends CacheKey = string, C = unknown> implements Everything<V, K, C> {
  readonly name: string;
  private readonly most: number;
  private readonly parts: readonly SpreadPart<V, K, C>[];
  private readonly secret: number;
  private readonly shards: number;
  private readonly closed: () => void;
  private readonly moment = new Moment();
  private open = true;

  /** @internal */
  constructor({ name, parts, secret, max, closed }: Spread<V, K, C>) {
    this.name = name;
    this.parts = parts;
    this.secret = secret;
    this.shards = parts.length;
    this.most = max;
    this.closed = closed;
    for (const part of parts) part.shareMoment(this.moment);
  }

  private part(key: K): SpreadPart<V, K, C> {
    return this.parts[routeOf(key, this.secret, this.shards)] as SpreadPart<V, K, C>;
  }
  private get first(): SpreadPart<V, K, C> {
    return this.parts[0] as SpreadPart<V, K, C>;
  }
  /** What users hold is a cache to them. */
  private get whole(): Whole<V, K, C> {
    return this as unknown as Whole<V, K, C>;
  }
  /** Asks all parts, at one moment. */
  private ofAll<R>(ask: (part: SpreadPart<V, K, C>) => R): R[] {
    return this.moment.together(() => this.parts.map(ask));
  }
  private sum(of: (part: SpreadPart<V, K, C>) => number): number {
    return this.parts.reduce((n, part) => n + of(part), 0);
  }

  // ---- of one key -----------------------------------------------------------------------------------------------------
  get(key: K, options?: GetOptions): V | undefined {
    return this.part(key).get(key, options);
  }
  getInto(key: K, target: Uint8Array, offset?: number): number {
    return this.part(key).getInto(key, target, offset);
  }
  getAsync(key: K, options?: GetOptions): Promise<V | undefined> {
    return this.part(key).getAsync(key, options);
  }
  pin(key: K): Pin | undefined {
    return this.part(key).pin(key);
  }
  peek(key: K, options?: Pick<GetOptions, "allowStale">): V | undefined {
    return this.part(key).peek(key, options);
  }
  has(key: K): boolean {
    return this.part(key).has(key);
  }
  getRemainingTTL(key: K): number {
    return this.part(key).getRemainingTTL(key);
  }
  info(key: K): EntryInfo<V> | undefined {
    return this.part(key).info(key);
  }
  set(key: K, value: V | undefined, options?: SetOptions): Whole<V, K, C> {
    this.part(key).set(key, value, options);
    return this.whole;
  }
  delete(key: K): boolean {
    return this.part(key).delete(key);
  }
  fetch(key: K, options?: FetchOptions<C>): Promise<V | undefined> {
    return this.part(key).fetch(key, options);
  }
  memo(key: K, options?: MemoOptions<C>): V {
    return this.part(key).memo(key, options);
  }
  /** @internal */
  setBytes(key: K, length: number, fill: Visit): boolean {
    return this.part(key).setBytes(key, length, fill);
  }
  /** @internal */
  getBytes(key: K, visit: Visit): boolean {
    return this.part(key).getBytes(key, visit);
  }

  // ---- of many keys -----------------------------------------------------------------------------------------------------
  getMany(keys: Iterable<K>, options?: GetOptions): (V | undefined)[] {
    const all = listOf(keys, "getMany()", "keys");
    for (const key of all) checkKey(key);
    return this.moment.together(() =>
      all.map((key, i) => {
        if (i % MAX_WARM === 0) this.expect(all, i, false);
        return this.get(key, options);
      }),
    );
  }
  setMany(entries: Iterable<readonly [K, V | undefined, SetOptions?]>, options?: SetOptions): Whole<V, K, C> {
    return this.moment.together(() => this.setAll(entries, options));
  }
  private setAll(entries: Iterable<readonly [K, V | undefined, SetOptions?]>, options?: SetOptions): Whole<V, K, C> {
    this.ensureOpen();
    const all = entriesOf(entries, options, (key, value, own) => this.part(key).prepareSet(value, own));
    // A codec is the user's and may have done anything.
    this.ensureOpen();
    const keys = all.map(({ key }) => key);
    for (const [i, { key, value, ready }] of all.entries()) {
      if (i % MAX_WARM === 0) this.expect(keys, i, true);
      if (ready === undefined) this.delete(key);
      else this.part(key).commitSet(key, value as V, ready);
    }
    return this.whole;
  }
  deleteMany(keys: Iterable<K>): number {
    const all = listOf(keys, "deleteMany()", "keys");
    for (const key of all) checkKey(key);
    this.ensureOpen();
    return this.moment.together(() =>
      all.reduce((deleted, key, i) => {
        if (i % MAX_WARM === 0) this.expect(all, i, true);
        return deleted + (this.delete(key) ? 1 : 0);
      }, 0),
    );
  }
  /** Each part hears of the next keys that are its own. */
  private expect(keys: readonly K[], first: number, sets: boolean): void {
    const own = new Map<SpreadPart<V, K, C>, K[]>(this.parts.map((part) => [part, []]));
    for (const key of keys.slice(first, first + MAX_WARM)) own.get(this.part(key))?.push(key);
    for (const [part, next] of own) part.expect(next, sets);
  }
  invalidateTag(tag: string): void {
    this.ofAll((part) => part.invalidateTag(tag));
  }

  // ---- of all -----------------------------------------------------------------------------------------------------------
  get size(): number {
    return this.sum((part) => part.size);
  }
  get calculatedSize(): number {
    return this.sum((part) => part.calculatedSize);
  }
  get max(): number {
    return this.most;
  }
  get maxSize(): number {
    return this.sum((part) => part.maxSize);
  }
  stats(): CacheStats {
    return addStats(this.parts.map((part) => part.stats()));
  }
  /** @internal */
  timeGets(timer: GetTimer | undefined): void {
    for (const part of this.parts) part.timeGets(timer);
  }
  countedHits(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const part of this.parts)
      for (const [tier, hits] of Object.entries(part.countedHits())) all[tier] = (all[tier] ?? 0) + hits;
    return all;
  }
  curve(): MissRatioCurve {
    return joinCurves(this.parts.map((part) => part.curve()));
  }
  get sampling(): boolean {
    return this.parts.some((part) => part.sampling);
  }
  forgetCurve(): void {
    for (const part of this.parts) part.forgetCurve();
  }
  /** @throws {@link LieuError} ENOTSUP: each part would have a sample of its own */
  recordRequests(): never {
    throw new LieuError("ENOTSUP", `cache ${shown(this.name)} lies in several shards: its requests are not recorded`);
  }
  *keys(): IterableIterator<K> {
    for (const part of this.parts) yield* part.keys();
  }
  *values(): IterableIterator<V> {
    for (const part of this.parts) yield* part.values();
  }
  *entries(): IterableIterator<[K, V]> {
    for (const part of this.parts) yield* part.entries();
  }
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }
  forEach(visit: (value: V, key: K, cache: Whole<V, K, C>) => void, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(thisArg, value, key, this.whole);
  }
  find(test: (value: V, key: K, cache: Whole<V, K, C>) => boolean): V | undefined {
    for (const [key, value] of this.entries()) if (test(value, key, this.whole)) return value;
    return undefined;
  }
  dump(): [K, DumpedEntry<V>][] {
    return this.ofAll((part) => part.dump()).flat();
  }
  load(entries: Iterable<readonly [K, DumpedEntry<V>]>): void {
    this.moment.together(() => this.loadAll(entries));
  }
  private loadAll(entries: Iterable<readonly [K, DumpedEntry<V>]>): void {
    this.ensureOpen();
    // All that can fail comes first. A codec is the user's, and may do anything meanwhile.
    const read = readDump(entries, (value, tags) => ({ value, tags }));
    const all = read.map((entry) => {
      const { value, tags } = entry.value;
      return { ...entry, value: this.part(entry.key).prepareLoad(value, tags) };
    });
    this.ensureOpen();
    this.clear();
    const wall = Date.now();
    for (const entry of all) this.part(entry.key).commitLoad(entry, wall);
  }
  clear(options?: ClearOptions): void {
    this.ofAll((part) => part.clear(options));
  }
  /** Of the part that holds most. */
  pop(): V | undefined {
    return this.moment.together(() => this.popOne());
  }
  private popOne(): V | undefined {
    const most = [...this.parts].sort((a, b) => b.size - a.size);
    for (const part of most) {
      const value = part.pop();
      if (value !== undefined) return value;
    }
    return undefined;
  }
  purgeStale(): boolean {
    return this.ofAll((part) => part.purgeStale()).includes(true);
  }

  // ---- the memory's -----------------------------------------------------------------------------------------------------
  close(): void {
    this.ensureOpen();
    const { pinned } = this;
    if (pinned > 0) {
      throw new LieuError("EBUSY", `cache ${shown(this.name)}: ${pinned} pins are held; release them first`);
    }
    for (const part of this.parts) part.close();
    this.open = false;
    this.closed();
  }
  [Symbol.dispose](): void {
    for (const part of this.parts) part[Symbol.dispose]();
    if (!this.open) return;
    this.open = false;
    this.closed();
  }
  /** @internal */
  get pinned(): number {
    return this.sum((part) => part.pinned);
  }
  /** @internal */
  check(): void {
    for (const part of this.parts) part.check();
  }
  /** @internal */
  tick(now: number): void {
    for (const part of this.parts) part.tick(now);
  }
  /** @internal */
  retire(): void {
    for (const part of this.parts) part.retire();
  }
  /** Asks the first part, which says what there is to say. @throws {@link LieuError} ECLOSED */
  private ensureOpen(): void {
    void this.first.size;
  }
}
