/**
 * How an operation on a cache that several threads share begins and ends: with the memory's lock, on a cache that is still there, at one moment, after
 * what it needs from swap has been read, and before the user hears of what went and came.
 */
import { LieuError, shown } from "../errors.ts";
import { willChange } from "../runtime/changing.ts";
import type { Mapping } from "../runtime/mapping.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { SMALL } from "../store/glimpse.ts";
import { FLAG_TTL, ST_FLAGS, ST_ITEMS } from "../store/layout.ts";
import { ReadsBefore } from "./ahead.ts";
import { Cache } from "./cache.ts";
import type { CacheKey } from "./keys.ts";
import type { CacheHost } from "./types.ts";

/** See the file's head. */
export abstract class SharedOperations<V, K extends CacheKey, C> extends Cache<V, K, C> {
  protected readonly shared: SharedVm;
  /** What was stored, and whether the key had a value: for onInsert. */
  private readonly inserted: [value: V, key: K, had: boolean][] = [];
  /** Index of the page-table entry of the page that the store's control block is on. */
  private readonly entryOfControl: number;
  private readonly before: ReadsBefore;
  /** Whether `time` is of the operation under way. */
  protected hasRead = false;
  /** Which of those that have had the mapping's number it is. @internal */
  readonly incarnation: number;

  constructor(mapping: Mapping, host: CacheHost<V, K, C>, incarnation?: number) {
    super(mapping, host);
    const shared = mapping.vm as SharedVm;
    this.shared = shared;
    this.incarnation = incarnation ?? shared.control.begin(mapping.id, host.meta.start);
    this.entryOfControl = shared.pageTable + host.meta.start;
    this.before = new ReadsBefore(shared, this.items, mapping.id);
  }
  protected lives(): boolean {
    return this.open && this.shared.isOpen && this.shared.control.lives(this.mapping.id, this.incarnation);
  }

  /** Begin an operation; with `heard`, once the store has heard of all hits. @throws {@link LieuError} ECLOSED, EOWNERDEAD */
  protected enter(heard = false): void {
    if (!this.open) this.ensureOpen();
    const { shared } = this;
    shared.enter();
    try {
      this.ensureLives();
      const { h32, data } = shared.segment;
      const control = (data >>> 2) + (((h32[this.entryOfControl] as number) >>> 6) << 10);
      // Another thread may have been the first to store an entry with a time to live.
      if (!this.timed && ((h32[control + (ST_FLAGS >>> 2)] as number) & FLAG_TTL) !== 0) this.timed = this.slow = true;
      // In a small one each get matters for what goes next.
      if (shared.lane.isNoted && (heard || (h32[control + (ST_ITEMS >>> 2)] as number) < SMALL)) shared.hearSeen();
      willChange(shared.control, this.host.meta.start);
    } catch (error) {
      shared.leave();
      throw error;
    }
  }
  /**
   * Begin an operation on a key: what it will read from swap is read before, without the lock. So others wait for no device.
   *
   * @throws {@link LieuError} as enter(), EINVAL if it is no key
   */
  protected enterFor(key: K): void {
    const { shared } = this;
    const { depth } = shared.lock;
    try {
      this.enter();
      if (this.before.isWanted) this.before.read(key, () => this.ensureLives());
    } catch (error) {
      // The next operation is at a moment of its own.
      this.readAhead = -1;
      if (shared.lock.depth > depth) shared.leave();
      throw error;
    }
  }
  /** With the lock. @throws {@link LieuError} ECLOSED */
  protected ensureLives(): void {
    if (!this.shared.control.lives(this.mapping.id, this.incarnation))
      throw new LieuError("ECLOSED", `cache ${shown(this.name)} was closed`);
  }
  protected lockedFor<R>(key: K, work: () => R): R {
    this.enterFor(key);
    try {
      return work();
    } finally {
      this.leave();
    }
  }
  protected leave(): void {
    const { shared } = this;
    try {
      if (shared.helping.isWanted && shared.lock.depth === 1 && this.lives()) shared.helping.help(this.host.meta.start);
    } finally {
      shared.leave();
    }
    if (this.gone.length !== 0) this.tellGone();
    if (this.inserted.length !== 0) this.tellInserted();
  }
  protected locked<R>(work: () => R): R {
    this.enter();
    try {
      return work();
    } finally {
      this.leave();
    }
  }
  /** The same, once the store has heard of all hits. */
  protected withAllHeard<R>(work: () => R): R {
    this.enter(true);
    try {
      return work();
    } finally {
      this.leave();
    }
  }
  /** After the lock, not under it. */
  protected override tellGone(): void {
    if (this.shared.lock.depth === 0) super.tellGone();
  }
  protected override tellInsert(value: V, key: K, had: boolean): void {
    this.inserted.push([value, key, had]);
  }
  protected tellInserted(): void {
    if (this.shared.lock.depth > 0) return;
    for (const [value, key, had] of this.inserted.splice(0)) super.tellInsert(value, key, had);
  }
  protected override hear(hashes: Int32Array, n: number, requests: number): number {
    return this.locked(() => super.hear(hashes, n, requests));
  }

  /** The time is told to the engine under the lock alone: an operation is one moment for it. */
  protected override begin(): void {
    this.hasRead = this.timed;
    if (this.shared.lock.depth > 0) super.begin();
    else {
      this.ensureOpen();
      if (this.timed) this.time = this.moment();
    }
  }
  protected override clockFor(ttl: number): number {
    if (ttl > 0 && !this.timed) {
      this.timed = this.slow = this.hasRead = true;
      this.time = this.moment();
    }
    return this.time;
  }
}
