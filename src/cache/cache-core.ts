/**
 * What every part of a cache works with: its items, the time, whether it is open, values out of the store, and the entries that
 * went, which dispose() hears of when the operation is over.
 */
import { LieuError, shown } from "../errors.ts";
import type { Mapping } from "../runtime/mapping.ts";
import { GONE_EXPIRED } from "../store/clean.ts";
import { ST_NOW } from "../store/layout.ts";
import type { CurveLearner } from "./curve-learner.ts";
import type { LoadCounts } from "./fetch.ts";
import { Front } from "./front.ts";
import { AS_ACCESS, EVEN_STALE, Items, MISS, STALE, WITH_VALUE } from "./items.ts";
import type { CacheKey } from "./keys.ts";
import type { GetTimer } from "./latency.ts";
import { Moment } from "./moment.ts";
import type { DisposeReason, EntryConfig } from "./options.ts";
import type { RequestRecording } from "./recording.ts";
import { Tags } from "./tags.ts";
import type { CacheHost } from "./types.ts";
import { decodeValue, type OwnBytes, valueIn } from "./values.ts";

/** An entry that went, for dispose(): its value as stored, since the codec must not run while the store is at work. */
interface Gone {
  readonly key: CacheKey;
  readonly kind: number;
  readonly bytes: OwnBytes;
  readonly reason: DisposeReason;
}

/** So many gets that they do not matter. */
const NEVER = 1 << 30;

/** What a cache counts by itself, as stats() gives it. */
export interface Counts extends LoadCounts {
  sets: number;
  rejected: number;
  deleted: number;
  stale: number;
}

/** The ground that a cache stands on; see the file's head. */
export abstract class CacheCore<V, K extends CacheKey, C> {
  readonly name: string;
  protected readonly items: Items;
  protected readonly mapping: Mapping;
  protected readonly host: CacheHost<V, K, C>;
  protected readonly config: EntryConfig<V, K, C>;
  /** Whether an entry with a time to live was ever stored; then the time matters. */
  protected timed = false;
  /** Whether a get has more to do than find the value: look at the time, or tell of what went. */
  protected slow: boolean;
  protected open = true;
  /** What was invalidated, once there are tags. */
  protected tags: Tags | undefined;
  /** When the operation that goes on began, ms; 0 while there are no times to live. */
  protected time = 0;
  /** The hottest values, decoded; undefined if the cache has none, or is closed. */
  protected front: Front<V> | undefined;
  /** Who times some of the gets; and how many more the front does not answer until one is. */
  protected timer: GetTimer | undefined;
  protected untilTimed = NEVER;
  /** What its miss-ratio curve is learned by, once that was asked for. */
  protected sampler: CurveLearner | undefined;
  /** Who records what is asked for. */
  protected recording: RequestRecording | undefined;
  /** What the store does not count. */
  protected readonly counts: Counts = {
    sets: 0,
    rejected: 0,
    deleted: 0,
    stale: 0,
    loads: 0,
    loadErrors: 0,
    joined: 0,
  };
  /** Entries that went during the operation that goes on, for dispose(). */
  protected gone: Gone[] = [];
  /** The key whose value is being replaced: dispose() will be told of the old one as that, also if it has to make way first. */
  private replaced: CacheKey | undefined;
  /** Operations of many parts that are under way. A part of a spread cache has it from the whole. */
  protected atOnce = new Moment();
  /** The operation in which the time was last told. */
  private timeOf = -1;
  /** What the clock said when the front was asked, for the operation that goes on to the store; -1: nothing. */
  protected readAhead = -1;

  constructor(mapping: Mapping, host: CacheHost<V, K, C>) {
    this.name = host.name;
    this.mapping = mapping;
    this.host = host;
    this.config = host.config;
    this.slow = host.config.dispose !== undefined;
    this.items = new Items(mapping, host.meta.start, () => this.now());
    if (host.attached !== true) this.items.setGrace(host.config.grace);
    const limit = host.heap;
    if (limit !== undefined) {
      this.front = new Front<V>(limit, {
        ...this.items.versions,
        now: () => this.moment(),
        expired: (now) => {
          if (this.atOnce.depth === 0) this.readAhead = now;
        },
        hear: (hashes, n, requests) => this.hear(hashes, n, requests),
        time: () => mapping.vm.crank.now(),
        requests: () => mapping.vm.calls.storeWord(this.items.meta, ST_NOW),
        sampled: (hashes, lengths, ages, n) => this.sampler?.hits(hashes, lengths, ages, n),
        paused: () => this.timeNext(1),
      });
    }
    if (host.config.dispose !== undefined) {
      mapping.vm.onEvict(host.meta.start, (loc, why) => this.evicted(loc, why));
    }
  }

  /** Have some of the gets timed (latency.ts), the next one first, or none. @internal */
  timeGets(timer: GetTimer | undefined): void {
    this.timer = timer;
    this.timeLater();
    this.timeNext(1);
  }
  /** A get is to be timed when the front has answered some more, or about as many were not answered by it. */
  protected timeLater(): void {
    this.shutFront(false);
    this.untilTimed = this.timer?.pause() ?? NEVER;
    this.front?.pauseAfter(this.timer?.pause() ?? NEVER);
  }
  /** The `nth` get from now on is to be timed, and the front not asked before; unless none are, or one of them is told of. */
  protected timeNext(nth: number): void {
    const { timer } = this;
    if (timer === undefined) return;
    if (timer.isTelling) this.timeLater();
    else {
      this.shutFront(true);
      this.untilTimed = nth;
    }
  }
  private shutFront(shut: boolean): void {
    if (this.front !== undefined) this.front.isShut = shut;
  }
  protected dropFront(): void {
    this.front = undefined;
  }

  /** The front tells of its hits (front.ts). */
  protected hear(hashes: Int32Array, n: number, requests: number): number {
    this.sampler?.touched(hashes, n);
    this.recording?.touched(hashes, n);
    const within = this.items.hear(hashes, n, requests);
    this.tellGone();
    return within;
  }
  /** An operation begins. The clock is read here, and not again until the next: whatever it does, it is one moment. */
  protected begin(): void {
    this.ensureOpen();
    this.mapping.vm.nextOperation();
    if (this.timed) this.tellTime();
  }
  protected look(key: CacheKey, flags: number): number {
    const { tags, items } = this;
    if (tags === undefined || tags.epoch === 0) return items.find(key, flags, this.time);
    if ((flags & AS_ACCESS) === 0) {
      const found = items.find(key, flags, this.time);
      return found !== MISS && tags.invalid(items) ? MISS : found;
    }
    // What is invalid is no hit: it goes before the access is counted.
    if (items.find(key, EVEN_STALE, this.time) !== MISS && tags.invalid(items)) {
      if (this.config.dispose !== undefined) this.part(key, "expire");
      items.delete(key);
    }
    return items.find(key, flags, this.time);
  }
  /** Whether a tag of the item last described was invalidated since it was set. */
  protected get invalid(): boolean {
    return this.tags !== undefined && this.tags.epoch > 0 && this.tags.invalid(this.items);
  }
  /** Bytes of the value last described, without its tags; -1 if they are lost. */
  protected get valueLength(): number {
    const { items, tags } = this;
    if (tags === undefined) return items.length;
    const trailer = tags.sizeOf(items);
    return trailer < 0 ? -1 : items.length - trailer;
  }
  protected tagNames(): { tags?: readonly string[] } {
    const tags = this.tags?.names(this.items) ?? [];
    return tags.length === 0 ? {} : { tags };
  }
  /** Tags are in use from now on. */
  protected useTags(): Tags {
    if (this.tags === undefined) {
      // A mark for each 4 KiB that the cache may hold: a few percent of them at most.
      this.tags = new Tags(Math.min(65_536, Math.max(1024, this.host.maxPages)));
      this.slow = true;
    }
    return this.tags;
  }
  /** The value of the item last found WITH_VALUE, as stored. */
  protected stored(): { kind: number; bytes: OwnBytes } | undefined {
    const { items } = this;
    const { kind, length } = items;
    const bytes = items.inArea ? items.values.take(length) : items.bytes();
    return bytes === undefined ? undefined : { kind, bytes };
  }
  /** The value of `key`, which a get has just found WITH_VALUE: as it is held on the heap, if it is worth that. */
  protected keep(key: K): V | undefined {
    const { front, items } = this;
    if (front === undefined) return this.value();
    const confirmed = front.confirm(key);
    if (confirmed !== undefined) return confirmed;
    const { location, length, start, ttl } = items;
    // Each get of it would have to go down to begin its time to live anew.
    if (ttl > 0 && this.config.updateAgeOnGet) return this.value();
    if (!front.wants(key, length, location)) return this.value();
    const expiry = ttl > 0 ? start + ttl : Number.POSITIVE_INFINITY;
    const epoch = items.tagged ? front.epoch : Number.POSITIVE_INFINITY;
    const until = ttl > 0 || items.tagged ? { expiry, epoch } : undefined;
    const held = items.hold();
    if (held === undefined) return this.value();
    const { at, hash } = held;
    const version = front.version(at);
    // A codec is the user's, and may do anything meanwhile.
    const value = this.value(true);
    if (value !== undefined) this.front?.put(key, { value, length, at, version, hash, until });
    return value;
  }
  /** The value of the item last found WITH_VALUE; `last`: it will be held for long. */
  protected value(last = false): V | undefined {
    const { items } = this;
    const { kind, length } = items;
    if (!items.inArea) {
      const bytes = items.bytes(last);
      return bytes === undefined ? undefined : decodeValue(kind, bytes, this.host.codec);
    }
    return valueIn(items.values, kind, length, this.host.codec, last);
  }
  protected age(wall = Date.now()): { ttl?: number; start?: number } {
    const { start, ttl } = this.items;
    return ttl === 0 ? {} : { ttl, start: wall - (this.time - start) };
  }
  /** Do what has many parts, each of them an operation, in one moment. */
  protected together<R>(work: () => R): R {
    return this.atOnce.together(work);
  }
  /** The time: of all parts of an operation, what it was for the first that asked, but never before what any other was told meanwhile. */
  protected moment(): number {
    const { vm } = this.mapping;
    const { atOnce } = this;
    const ahead = atOnce.depth > 0 && atOnce.wasRead ? atOnce.time : this.readAhead;
    // Good for one operation.
    this.readAhead = -1;
    const time = ahead >= 0 ? vm.notBefore(ahead) : vm.crank.now();
    if (atOnce.depth === 0) return time;
    this.time = time;
    atOnce.time = this.time;
    atOnce.wasRead = true;
    return this.time;
  }
  protected tellTime(): number {
    this.passTo(this.moment());
    return this.time;
  }
  /** It is `time` now, for the operation under way and for the engine. */
  protected passTo(time: number): void {
    this.time = time;
    this.timeOf = this.mapping.vm.operation;
    this.items.setClock(time);
  }
  /** The time of the operation under way: where nothing expires it is read when it is first needed, and no more than once. */
  protected now(): number {
    if (!this.timed && this.timeOf !== this.mapping.vm.operation) this.tellTime();
    return this.time;
  }
  protected ensureOpen(): void {
    if (this.open) return;
    throw new LieuError(
      "ECLOSED",
      this.mapping.vm.closed ? "the memory was closed" : `cache ${shown(this.name)} was closed`,
    );
  }

  /** The entry of `key`, if there is one, is about to go. */
  protected part(key: CacheKey, reason: DisposeReason): void {
    const found = this.items.find(key, WITH_VALUE | EVEN_STALE, this.time);
    if (found === MISS) return;
    const over = found === STALE || this.invalid;
    const stored = this.stored();
    if (stored !== undefined) this.gone.push({ key: owned(key), ...stored, reason: over ? "expire" : reason });
  }
  /** The entry of `key`, if there is one, gives way to a new value, and is told of as that alone. */
  protected replace(key: CacheKey, reason: DisposeReason): void {
    this.part(key, reason);
    this.replaced = key;
  }
  /** The store is about to drop an item. */
  protected evicted(loc: number, why: number): void {
    if (this.items.at(loc) === MISS) return;
    const { key, kind } = this.items;
    if (this.replaced !== undefined && sameKey(this.replaced, key)) return;
    const over = why === GONE_EXPIRED || this.invalid;
    const bytes = this.items.bytes();
    if (bytes !== undefined) this.gone.push({ key, kind, bytes, reason: over ? "expire" : "evict" });
  }
  /** The operation is over: tell of the entries that went. */
  protected tellGone(): void {
    this.replaced = undefined;
    if (this.gone.length === 0) return;
    const { gone } = this;
    this.gone = [];
    const { codec, config } = this.host;
    for (const { key, kind, bytes, reason } of gone)
      config.dispose?.(decodeValue(kind, bytes, codec), key as K, reason);
  }
}

/** Whether two keys are of the same entry, as in a Map. */
function sameKey(a: CacheKey, b: CacheKey): boolean {
  if (typeof a === "object" && typeof b === "object") return Buffer.compare(a, b) === 0;
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
/** A key to keep: a Uint8Array is the caller's. */
function owned(key: CacheKey): CacheKey {
  return typeof key === "object" ? Uint8Array.from(key) : key;
}
