/**
 * A cache under test beside its naive model: a Map that knows of ages. A cache may drop entries to make room, so the model
 * allows it to miss what was stored, but only as often as the cache says that it dropped or lost something; a hit must give
 * exactly the last value that was set.
 */
import type { Cache, CacheKey, DisposeReason, Memory, Pin, SimCrank } from "../../src/index.ts";
import type { CacheShape } from "./configs.ts";
import { type Datum, idOf, same, shownKey } from "./data.ts";

export class Disagreement extends Error {}

export function agree(condition: boolean, say: () => string): asserts condition {
  if (!condition) throw new Disagreement(say());
}

export interface Entry extends Datum {
  readonly key: CacheKey;
  /** 0 = for ever. */
  ttl: number;
  start: number;
  readonly tags: readonly string[];
  /** One of the tags was invalidated. */
  invalid: boolean;
}
export interface PinModel {
  readonly pin: Pin;
  readonly bytes: Uint8Array;
}
interface Event {
  readonly key: CacheKey;
  readonly value: unknown;
  readonly reason: DisposeReason;
}

/** Whether an operation reads the clock once at most, as each of a cache's does, or as often as it likes; or whether the clock stands still. */
export type Readings = "one" | "many" | "still";

/** A clock that has moved on, by `step` ms, whenever an operation reads it anew: who reads it twice sees two times. */
export class Clock implements SimCrank {
  readonly stepsPerTurn = 256;
  readonly #step: number;
  #time = 0;
  #readings = 0;
  #moves = false;

  constructor(step: number) {
    this.#step = step;
  }
  now(): number {
    if (!this.#moves) return this.#time;
    if (this.#readings++ > 0) this.#time += this.#step;
    return this.#time;
  }
  advance(ms: number): void {
    this.#time += ms;
  }
  /** Do an operation, at the time that it is for the caller now if it reads the clock for the first time. */
  during<T>(readings: Readings, action: () => T): T {
    if (readings === "still" || this.#moves) return action();
    this.#moves = true;
    this.#readings = 0;
    try {
      return action();
    } finally {
      this.#moves = false;
      const n = this.#readings;
      agree(readings === "many" || n <= 1, () => `an operation has read the clock ${n} times`);
    }
  }
  /** The next operation begins later. */
  pass(): void {
    this.#time += this.#step;
  }
}

/** See the file's head. */
export class CacheModel {
  readonly cache: Cache<unknown, CacheKey>;
  readonly shape: CacheShape;
  /** What the cache may hold, by key: expired entries too. */
  readonly entries = new Map<string, Entry>();
  readonly pins: PinModel[] = [];
  gets = 0;
  sets = 0;
  deletes = 0;
  rejected = 0;
  /** Entries found to be gone that nobody deleted, or that dispose() told of. */
  missed = 0;
  /** Entries that were invalidated and may still be there, although the model has forgotten them. */
  doubtful = 0;
  /** What the memoMethod gives. */
  next: () => unknown = () => undefined;
  readonly #clock: Clock;
  #events: Event[] = [];
  readonly #roomy: boolean;

  constructor(memory: Memory, name: string, shape: CacheShape, clock: Clock, roomy: boolean) {
    const { dispose, pages, max, maxEntrySize, ...rest } = shape;
    this.shape = shape;
    this.#clock = clock;
    this.#roomy = roomy;
    this.cache = memory.cache<unknown, CacheKey>({
      name,
      ...rest,
      codec: shape.codec as "any",
      memoMethod: () => this.next(),
      ...(pages > 0 && { maxSize: pages * 4096 }),
      ...(max > 0 && { max }),
      ...(maxEntrySize > 0 && { maxEntrySize }),
      ...(dispose && {
        dispose: (value: unknown, key: CacheKey, reason: DisposeReason) => this.#events.push({ key, value, reason }),
      }),
    });
  }

  get now(): number {
    return this.#clock.now();
  }
  expired(entry: Entry, now = this.now): boolean {
    return entry.invalid || (entry.ttl > 0 && entry.start + entry.ttl <= now);
  }
  /** An access to `key`: if it came upon what was invalidated, that is gone now. */
  accessed(key: CacheKey): void {
    if (this.entries.get(idOf(key))?.invalid === true) this.entries.delete(idOf(key));
  }
  /** Where there is room for everything, what has expired is there until its grace is over. */
  agreeIsKept(what: string, entry: Entry, value: unknown): void {
    const { grace } = this.shape;
    if (!this.#roomy || value !== undefined || entry.invalid || grace === undefined) return;
    const until = entry.start + entry.ttl + grace;
    agree(this.now >= until, () => `${what} ${shownKey(entry.key)} gave nothing, ${until - this.now} ms too early`);
  }
  /** Forget an entry that may be gone or not, as it is never given. */
  doubt(key: CacheKey): void {
    if (this.entries.get(idOf(key))?.invalid === true) this.doubtful++;
    this.entries.delete(idOf(key));
  }
  /** The entry that a get must give, if it gives anything. */
  fresh(key: CacheKey): Entry | undefined {
    const entry = this.entries.get(idOf(key));
    return entry === undefined || this.expired(entry) ? undefined : entry;
  }

  /** What came back for `key` where only an entry that has not expired will do; take note of what is gone. */
  agreeOnValue(what: string, key: CacheKey, value: unknown): void {
    const entry = this.fresh(key);
    if (value === undefined) {
      if (entry !== undefined) this.miss(key);
      return;
    }
    agree(entry !== undefined, () => `${what} ${shownKey(key)} gave a value, though it was gone`);
    this.agreeIsOf(what, entry, value);
  }
  agreeIsOf(what: string, entry: Entry, value: unknown): void {
    const is = () => `${what} ${shownKey(entry.key)} gave another value than was set (${entry.text})`;
    agree(same(value, entry.value), is);
  }
  /** The cache does not have an entry that it might have. */
  miss(key: CacheKey): void {
    agree(!this.#roomy, () => `${shownKey(key)} is gone, though there is room for everything`);
    agree(this.entries.delete(idOf(key)), () => "the model missed what it has not");
    this.missed++;
  }
  /** The cache counts from 0 again. */
  forgetCounts(): void {
    this.gets = 0;
    this.sets = 0;
    this.deletes = 0;
    this.rejected = 0;
    this.missed = 0;
  }
  renew(key: CacheKey): void {
    const entry = this.fresh(key);
    if (entry !== undefined && entry.ttl > 0) entry.start = this.now;
  }

  /**
   * Do an operation, then hear of what went meanwhile. `own` is the key that the operation is about and why it would go;
   * null: any key may go for that reason.
   */
  during<T>(action: () => T, own?: { key: CacheKey | null; reason: DisposeReason }, readings: Readings = "one"): T {
    const began = this.now;
    const result = this.#clock.during(readings, action);
    const events = this.#events;
    this.#events = [];
    const seen = new Set<string>();
    for (const { key, value, reason } of events) {
      const id = idOf(key);
      const what = `dispose(${shownKey(key)}, ${reason})`;
      agree(!seen.has(id), () => `${what}: it went twice`);
      seen.add(id);
      const entry = this.entries.get(id);
      if (entry === undefined && reason === "expire" && this.doubtful > 0) {
        this.doubtful--;
        continue;
      }
      agree(entry !== undefined, () => `${what}: it was gone already`);
      this.agreeIsOf(what, entry, value);
      const mine = own !== undefined && own.reason === reason && (own.key === null || idOf(own.key) === id);
      const known =
        reason === "expire" ? this.expired(entry) : mine || (reason === "evict" && !this.expired(entry, began));
      agree(known, () => `${what}: that is no reason now`);
      this.entries.delete(id);
      if (reason === "evict" && !mine) this.missed++;
      agree(!this.#roomy || reason !== "evict" || mine, () => `${what}, though there is room for everything`);
    }
    return result;
  }

  /** Forget what dispose() told of: the model has found out by itself. */
  drop(): void {
    this.#events = [];
  }

  /** What must hold between any two operations. */
  check(): void {
    const { cache, entries, shape } = this;
    const stats = cache.stats();
    const say = (what: string) => () => `${cache.name}: ${what}; ${JSON.stringify(stats)}`;
    agree(stats.hits + stats.misses === this.gets, say(`hits and misses are not ${this.gets}`));
    agree(
      stats.sets === this.sets && stats.deleted === this.deletes,
      say(`${this.sets} sets, ${this.deletes} deleted`),
    );
    agree(stats.rejected === this.rejected, say(`not ${this.rejected} rejected`));
    const tiers = Object.values(stats.hitsByTier).reduce((n, hits) => n + hits, 0);
    agree(tiers === stats.hits, say(`${tiers} hits by tier`));
    agree(cache.calculatedSize <= cache.maxSize, say(`holds ${cache.calculatedSize} bytes of ${cache.maxSize}`));
    agree(shape.max === 0 || cache.size <= shape.max, say(`${cache.size} entries of ${shape.max}`));
    agree(
      cache.size <= entries.size + this.doubtful,
      say(`size is ${cache.size}, of ${entries.size} that there may be`),
    );
    const missing = this.missed + entries.size - cache.size;
    const known = stats.evicted + stats.lost + stats.expired;
    agree(missing <= known, say(`${missing} entries are missing, ${known} were dropped, lost or expired`));
  }
  /** Go through all entries. */
  walk(): void {
    const seen = new Set<string>();
    let stale = 0;
    const { lost } = this.cache.stats();
    for (const [key, value] of this.cache.entries()) {
      agree(!seen.has(idOf(key)), () => `entries() gave ${shownKey(key)} twice`);
      seen.add(idOf(key));
      this.agreeOnValue("entries()", key, value);
    }
    for (const entry of [...this.entries.values()]) {
      if (seen.has(idOf(entry.key))) continue;
      if (this.expired(entry)) stale++;
      else this.miss(entry.key);
    }
    // Reading the one may have cost the other.
    const gone = this.cache.stats().lost - lost;
    const { size } = this.cache;
    const right = size >= seen.size - gone && size <= seen.size + stale + this.doubtful;
    agree(right, () => `size ${size}, ${seen.size} entries, ${stale} expired, ${gone} lost`);
  }
  checkPins(): void {
    for (const { pin, bytes } of this.pins) {
      agree(Buffer.compare(pin.bytes, bytes) === 0, () => `a pin of ${this.cache.name} has changed`);
      let at = 0;
      for (const chunk of pin.chunks) {
        const part = bytes.subarray(at, at + chunk.length);
        agree(Buffer.compare(chunk, part) === 0, () => `a chunk of a pin of ${this.cache.name} has changed`);
        at += chunk.length;
      }
    }
  }
}
