/**
 * How a value gets into a cache: all that can be wrong with it is found first, then what is under way for its key gives way,
 * then it is stored; so a call that throws has changed nothing.
 */
import type { Mapping } from "../runtime/mapping.ts";
import { CacheEntries } from "./cache-entries.ts";
import { type Loadable, Loads } from "./fetch.ts";
import { EVEN_STALE, MISS } from "./items.ts";
import type { CacheKey } from "./keys.ts";
import { checkOptions, checkStart, checkTtl, type DisposeReason, type SetOptions } from "./options.ts";
import { checkTags } from "./trailer.ts";
import type { CacheHost } from "./types.ts";
import { type Encoded, encodeValue, tagValue, VALUE_ASCII, VALUE_UTF8 } from "./values.ts";

const NO_TAGS: readonly string[] = [];

/** A value that is ready to be stored. */
export interface Prepared {
  readonly encoded: string | Encoded;
  readonly ttl: number;
  readonly start: number;
}

/** The part of a cache that writes; see the file's head. */
export abstract class CacheWriter<V, K extends CacheKey, C> extends CacheEntries<V, K, C> {
  protected readonly loads: Loads<V, K, C> | undefined;

  constructor(mapping: Mapping, host: CacheHost<V, K, C>) {
    super(mapping, host);
    const { fetchMethod } = host.config;
    if (fetchMethod === undefined) return;
    const target: Loadable<V, K> = {
      store: (key, value, options, epoch) => this.put(key, value, options, "fetch", epoch),
      epoch: () => this.tags?.epoch ?? 0,
      now: () => mapping.vm.crank.now(),
    };
    this.loads = new Loads({ ...host.config, fetchMethod }, target, this.counts);
  }

  protected put(
    key: K,
    value: V,
    options: SetOptions | undefined,
    reason: "set" | "fetch",
    epoch = this.tags?.epoch,
  ): void {
    if (!this.open) return;
    if (reason === "fetch") this.begin();
    const ready = this.prepare(value, options, epoch);
    this.ensureOpen();
    this.commit(key, value, ready, reason);
  }
  /** Find all that can be wrong with a value and its options. `epoch`: that of its tags, now by default. */
  protected prepare(value: V, options: SetOptions | undefined, epoch = this.tags?.epoch): Prepared {
    let { ttl } = this.config;
    let start: number | undefined;
    let tags = NO_TAGS;
    if (options !== undefined) {
      checkOptions(options, "set()");
      if (options.ttl !== undefined) ttl = checkTtl(options.ttl);
      if (options.start !== undefined) start = checkStart(options.start);
      if (options.tags !== undefined) tags = checkTags(options.tags);
    }
    const now = this.clockFor(ttl);
    return { encoded: this.ready(value, tags, epoch), ttl, start: start ?? now };
  }
  protected ready(value: V, tags: readonly string[], epoch = this.tags?.epoch): string | Encoded {
    if (tags.length === 0) return this.plain(value) ? (value as string) : this.encode(value);
    const used = this.useTags();
    return tagValue(this.encode(value), tags, epoch ?? used.epoch);
  }
  /** Store what was prepared, and tell of it. */
  protected commit(key: K, value: V, { encoded, ttl, start }: Prepared, reason: "set" | "fetch"): void {
    const { onInsert } = this.config;
    if (reason === "set") this.loads?.supersede(key);
    const had = onInsert !== undefined && this.items.find(key, EVEN_STALE, this.time) !== MISS;
    const { rejected } = this.counts;
    this.store(key, encoded, ttl, start, reason);
    const stored = this.counts.rejected === rejected;
    this.tellGone();
    if (stored && onInsert !== undefined) this.tellInsert(value, key, had);
  }
  /** Tell the user of a value that was stored; `had`: the key had one before. */
  protected tellInsert(value: V, key: K, had: boolean): void {
    this.config.onInsert?.(value, key, had ? "replace" : "add");
  }
  /** Whether a value is a string that may be written to the value area as it is. */
  private plain(value: V): boolean {
    const { accepts } = this.host;
    return typeof value === "string" && (accepts === "any" || accepts === "string");
  }
  protected encode(value: V): Encoded {
    return encodeValue(value, this.host.accepts, this.host.codec, this.name);
  }
  /** The time, from now on looked at by every operation if there is an entry with a time to live. */
  protected clockFor(ttl: number): number {
    if (ttl > 0 && !this.timed) {
      this.now();
      this.timed = this.slow = true;
    }
    return this.time;
  }
  /** Store what is ready to be; nothing can be wrong with it any more but the key. */
  protected store(key: K, value: string | Encoded, ttl: number, start: number, reason: DisposeReason): void {
    const { items, config } = this;
    let ready = value;
    if (typeof ready === "string") {
      const length = items.values.putString(ready);
      if (length >= 0) {
        if (config.dispose !== undefined) {
          // Looking at the old value takes the value area.
          this.replace(key, reason);
          items.values.putString(ready);
        }
        const kind = length === ready.length ? VALUE_ASCII : VALUE_UTF8;
        this.count(this.allows(length) ? items.setFromArea(key, length, kind, start, ttl) : this.refuse(key));
        return;
      }
      ready = this.encode(ready as V);
    }
    if (config.dispose !== undefined) this.replace(key, reason);
    const { kind, bytes, trailer = 0 } = ready;
    this.count(this.allows(bytes.length - trailer) ? items.set(key, bytes, kind, start, ttl) : this.refuse(key));
  }
  private allows(length: number): boolean {
    const most = this.config.maxEntrySize;
    return (most === 0 || length <= most) && length < this.maxSize;
  }
  private refuse(key: K): boolean {
    this.items.delete(key);
    return false;
  }
  private count(stored: boolean): void {
    this.counts.sets++;
    if (!stored) this.counts.rejected++;
  }
}
