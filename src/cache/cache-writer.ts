/**
 * How a value gets into a cache: all that can be wrong with it is found first, then what is under way for its key gives way,
 * then it is stored; so a call that throws has changed nothing.
 */
import type { Mapping } from "../runtime/mapping.ts";
import { CacheEntries } from "./cache-entries.ts";
import { Loads } from "./fetch.ts";
import type { CacheKey } from "./keys.ts";
import { checkOptions, checkStart, checkTtl, type DisposeReason, type SetOptions } from "./options.ts";
import type { CacheHost } from "./types.ts";
import { type Encoded, encodeValue, VALUE_ASCII, VALUE_UTF8 } from "./values.ts";

/** The part of a cache that writes; see the file's head. */
export abstract class CacheWriter<V, K extends CacheKey, C> extends CacheEntries<V, K, C> {
  protected readonly loads: Loads<V, K, C> | undefined;

  constructor(mapping: Mapping, host: CacheHost<V, K, C>) {
    super(mapping, host);
    const { fetchMethod } = host.config;
    const store = (key: K, value: V, options: SetOptions) => this.put(key, value, options, "fetch");
    const now = () => mapping.vm.crank.now();
    if (fetchMethod !== undefined) this.loads = new Loads({ ...host.config, fetchMethod }, { store, now }, this.counts);
  }

  protected put(key: K, value: V, options: SetOptions | undefined, reason: "set" | "fetch"): void {
    if (!this.open) return;
    if (reason === "fetch") this.begin();
    checkOptions(options, "set()");
    const ttl = options?.ttl === undefined ? this.config.ttl : checkTtl(options.ttl);
    const start = options?.start === undefined ? undefined : checkStart(options.start);
    const { time } = this;
    const now = ttl > 0 && !this.timed ? this.clockFor(ttl) : time;
    const ready = this.plain(value) ? (value as string) : this.encode(value);
    this.ensureOpen();
    if (reason === "set") this.loads?.supersede(key);
    this.store(key, ready, ttl, start ?? now, reason);
    this.tellGone();
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
      this.timed = this.slow = true;
      this.tellTime();
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
          this.part(key, reason);
          items.values.putString(ready);
        }
        const kind = length === ready.length ? VALUE_ASCII : VALUE_UTF8;
        this.count(this.allows(length) ? items.setFromArea(key, length, kind, start, ttl) : this.refuse(key));
        return;
      }
      ready = this.encode(ready as V);
    }
    if (config.dispose !== undefined) this.part(key, reason);
    const { kind, bytes } = ready;
    this.count(this.allows(bytes.length) ? items.set(key, bytes, kind, start, ttl) : this.refuse(key));
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
