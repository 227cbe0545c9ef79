/**
 * A cache on demotable pages: cold entries sink to slower nodes and to swap, and are dropped only when every tier that
 * the cache may use is full. Names follow lru-cache; what is different because values are off the JavaScript heap: a
 * value that comes out is a copy, never the object that went in.
 *
 * This class is the index (key to item) and the limits; page-log.ts is where the bytes are.
 */
import { LieuError } from "../errors.ts";
import type { Mapping } from "../runtime/mapping.ts";
import type { Codec } from "./codec.ts";
import { PageLog, type Visit } from "./page-log.ts";

/** Keys of a cache. */
export type CacheKey = string | number;

/** Counters of one cache since it was made. Sizes are bytes. */
export interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly sets: number;
  /** Values not stored because they are larger than the cache, or because there was no room. */
  readonly rejected: number;
  /** Entries lost to discarded pages: by a lack of room, or by a swap device that failed. */
  readonly discarded: number;
  readonly deleted: number;
  /** Hits by the lowest place that a page of the value was in: names of nodes and swap devices. */
  readonly hitsByTier: Readonly<Record<string, number>>;
}

/** What a cache needs of the memory that made it. */
export interface CacheHost<V> {
  readonly name: string;
  readonly codec: Codec<V>;
  /** Group number that the pages are charged to. */
  readonly memcg: number;
  /** Most pages that may be held, swap included. */
  readonly maxPages: number;
  /** Whether a value of so many bytes could be held at all, were it alone. */
  fits(length: number): boolean;
  /** Names of nodes, then of swap devices. */
  readonly nodeNames: readonly string[];
  readonly swapNames: readonly string[];
  /** Called once, when the cache has been closed. */
  closed(): void;
}

/** A cache; made by `memory.cache()`. */
export class Cache<V> implements Disposable {
  readonly name: string;
  readonly #mapping: Mapping;
  readonly #host: CacheHost<V>;
  readonly #log: PageLog;
  readonly #index = new Map<CacheKey, number>();
  /** Item number to its key. */
  readonly #keys: (CacheKey | undefined)[] = [];
  /** Pages that hold nothing any more, to be given back when the engine is not at work. */
  readonly #emptied: number[] = [];
  readonly #counts = { hits: 0, misses: 0, sets: 0, rejected: 0, discarded: 0, deleted: 0 };
  readonly #tierHits: Float64Array;
  #bytes = 0;

  /** @internal */
  constructor(mapping: Mapping, host: CacheHost<V>) {
    this.name = host.name;
    this.#mapping = mapping;
    this.#host = host;
    this.#log = new PageLog(mapping);
    this.#tierHits = new Float64Array(host.nodeNames.length + host.swapNames.length);
    mapping.vm.onDiscard(mapping.id, (vpn) => this.#drop(vpn - mapping.start));
  }

  /** Entries. */
  get size(): number {
    return this.#index.size;
  }

  /** Bytes of all values, as encoded. */
  get calculatedSize(): number {
    return this.#bytes;
  }

  /** The most bytes that may be held, in pages of 4096, swap included. */
  get maxSize(): number {
    return this.#host.maxPages * 4096;
  }

  /** Bytes held in pages now, swap included. */
  get pagesSize(): number {
    return this.#log.pages * 4096;
  }

  /** Counters so far. */
  stats(): CacheStats {
    const names = [...this.#host.nodeNames, ...this.#host.swapNames];
    const hitsByTier = Object.fromEntries(names.map((name, i) => [name, this.#tierHits[i] as number]));
    return { ...this.#counts, hitsByTier };
  }

  /** The value of `key`, or undefined. Counts as an access. */
  get(key: CacheKey): V | undefined {
    const item = this.#find(key);
    if (item !== undefined) {
      const place = this.#log.placeCode(item);
      const bytes = this.#copyOut(item);
      if (bytes !== undefined) {
        this.#hit(place);
        return this.#host.codec.decode(bytes);
      }
    }
    this.#counts.misses++;
    return undefined;
  }

  /** The value of `key`, or undefined; counts neither as a hit nor as a miss. */
  peek(key: CacheKey): V | undefined {
    const item = this.#find(key);
    const bytes = item === undefined ? undefined : this.#copyOut(item);
    return bytes === undefined ? undefined : this.#host.codec.decode(bytes);
  }

  /** Whether `key` has a value; not an access. */
  has(key: CacheKey): boolean {
    return this.#find(key) !== undefined;
  }

  /**
   * Store a value. One that is larger than the cache is not stored, nor one for which no room can be made; the old value
   * of the key is gone then too. `stats().rejected` counts both.
   */
  set(key: CacheKey, value: V): this {
    this.#mapping.ensureMapped();
    checkKey(key);
    const bytes: unknown = this.#host.codec.encode(value);
    if (!(bytes instanceof Uint8Array)) {
      throw new LieuError("EINVAL", `the codec of cache ${JSON.stringify(this.name)} must encode to a Uint8Array`);
    }
    // The codec is the user's and may have done anything.
    this.#mapping.ensureMapped();
    this.setBytes(key, bytes.length, (address, length, done) => {
      this.#mapping.vm.segment.h8.set(bytes.subarray(done, done + length), address);
    });
    return this;
  }

  /** Forget `key`. Returns whether it had a value. */
  delete(key: CacheKey): boolean {
    const item = this.#find(key);
    if (item === undefined) return false;
    this.#remove(item);
    this.#settle();
    this.#counts.deleted++;
    return true;
  }

  /** Forget everything. */
  clear(): void {
    this.#mapping.ensureMapped();
    for (const item of [...this.#index.values()]) this.#remove(item);
    this.#settle();
  }

  /** Keys as they are now, in the order in which they were last set. */
  *keys(): IterableIterator<CacheKey> {
    this.#mapping.ensureMapped();
    yield* [...this.#index.keys()];
  }

  /** Give everything back. @throws {@link LieuError} ECLOSED the second time */
  close(): void {
    this.#mapping.unmap();
    this.#index.clear();
    this.#emptied.length = 0;
    this.#bytes = 0;
    this.#host.closed();
  }

  /** Closes the cache unless that was done, or the memory was closed. */
  [Symbol.dispose](): void {
    if (!this.#mapping.unmapped && !this.#mapping.vm.closed) this.close();
  }

  /**
   * Store `length` bytes that `fill` writes part by part into the memory itself. Returns whether they were stored.
   * @internal
   */
  setBytes(key: CacheKey, length: number, fill: Visit): boolean {
    const old = this.#index.get(key);
    if (old !== undefined) this.#remove(old);
    this.#settle();
    this.#counts.sets++;
    const stored = this.#host.fits(length) && this.#makeRoom(length) && this.#tryStore(key, length, fill);
    if (!stored) this.#counts.rejected++;
    return stored;
  }

  /**
   * Visit the bytes of `key` part by part in the memory itself: a get without a copy. Returns whether all were there.
   * @internal
   */
  getBytes(key: CacheKey, visit: Visit): boolean {
    const item = this.#find(key);
    if (item !== undefined) {
      const place = this.#log.placeCode(item);
      if (this.#visitAll(item, visit)) {
        this.#hit(place);
        return true;
      }
    }
    this.#counts.misses++;
    return false;
  }

  /** Filling an item's later pages may cost it its first ones; then it is tried once more. */
  #tryStore(key: CacheKey, length: number, fill: Visit): boolean {
    for (let tries = 0; tries < 2; tries++) {
      let item = this.#log.reserve(length);
      if (item < 0) {
        this.#clearRun(length);
        item = this.#log.reserve(length);
        if (item < 0) return false;
      }
      this.#index.set(key, item);
      this.#keys[item] = key;
      this.#bytes += length;
      let r = -1;
      try {
        r = this.#log.visit(item, true, fill);
      } finally {
        if (r < 0 && this.#index.get(key) === item) this.#remove(item);
        this.#settle();
      }
      const kept = this.#index.get(key) === item;
      if (r < 0) return false;
      if (kept) return true;
    }
    return false;
  }

  /** No neighbouring pages are free: drop what is on those where that costs the fewest items. */
  #clearRun(length: number): void {
    const { from, to } = this.#log.cheapestRun(length);
    for (let page = from; page < to; page++) this.#drop(page);
    this.#settle();
  }

  #find(key: CacheKey): number | undefined {
    this.#mapping.ensureMapped();
    return this.#index.get(key);
  }

  /** Drop cold pages until `length` more bytes fit under maxSize. Returns false if they never will. */
  #makeRoom(length: number): boolean {
    const { maxPages, memcg } = this.#host;
    if (Math.ceil(length / 4096) > Math.min(maxPages, this.#mapping.pages)) return false;
    const need = PageLog.pagesFor(length);
    for (let tries = 0; tries < 16; tries++) {
      const over = this.#log.pages + need - maxPages;
      if (over <= 0 || this.#index.size === 0) return true;
      const { vm, id } = this.#mapping;
      vm.turn();
      vm.calls.discardCold(id, memcg, Math.max(over, 32));
      this.#settle();
    }
    // Everything left is pinned in place by use; make room the blunt way, oldest entry first.
    for (const item of this.#index.values()) {
      if (this.#log.pages + need <= maxPages) break;
      this.#remove(item);
      this.#counts.discarded++;
    }
    this.#settle();
    return true;
  }

  #visitAll(item: number, visit: Visit): boolean {
    const key = this.#keys[item] as CacheKey;
    const r = this.#log.visit(item, false, visit);
    const kept = this.#index.get(key) === item;
    // Lost on the way: dropped while other pages of it came in, or unreadable. For a cache that is a miss.
    if (kept && r < 0) {
      this.#remove(item);
      this.#counts.discarded++;
    }
    this.#settle();
    return kept && r >= 0;
  }

  #copyOut(item: number): Uint8Array | undefined {
    const out = Buffer.allocUnsafe(this.#log.lengthOf(item));
    const { h8 } = this.#mapping.vm.segment;
    const whole = this.#visitAll(item, (address, length, done) =>
      out.set(h8.subarray(address, address + length), done),
    );
    return whole ? out : undefined;
  }

  #hit(place: number): void {
    this.#counts.hits++;
    // An empty value may be on a page that was never needed; that is as fast as it gets.
    const i = place === -1 ? 0 : place >= 0 ? place : this.#host.nodeNames.length - 2 - place;
    this.#tierHits[i] = (this.#tierHits[i] as number) + 1;
  }

  #remove(item: number): void {
    const key = this.#keys[item] as CacheKey;
    this.#index.delete(key);
    this.#keys[item] = undefined;
    this.#bytes -= this.#log.lengthOf(item);
    this.#log.release(item, this.#emptied);
  }

  /** A page is dropped, by the engine in the middle of a call or by clearRun(): its items are gone. */
  #drop(page: number): void {
    for (const item of this.#log.itemsOn(page)) {
      this.#remove(item);
      this.#counts.discarded++;
    }
  }

  /** Give back what dropped and removed items have left empty. */
  #settle(): void {
    if (this.#emptied.length > 0) this.#log.giveBack(this.#emptied);
  }
}

function checkKey(key: unknown): void {
  if (typeof key === "string" || typeof key === "number") return;
  throw new LieuError("EINVAL", `the key is ${key === null ? "null" : typeof key}; keys are strings or numbers`);
}
