/** The part of a spread cache (sharded-cache.ts) that lies in one shard: a cache that can be asked to do things in two steps. */
import { Cache, type Restorable } from "./cache.ts";
import type { Prepared } from "./cache-writer.ts";
import type { CacheKey } from "./keys.ts";
import type { Moment } from "./moment.ts";
import type { SetOptions } from "./options.ts";
import type { ReadEntry } from "./read-dump.ts";

/** What a spread cache asks of its parts. */
export type SpreadPart<V, K extends CacheKey, C> = { [P in keyof Cache<V, K, C>]: Cache<V, K, C>[P] } & {
  /** Be one moment with the other parts, in operations on all of them. */
  shareMoment(moment: Moment): void;
  /** Many keys are asked for next, or set. */
  expect(keys: readonly K[], sets: boolean): void;
  /** Find all that can be wrong with a value and its options. */
  prepareSet(value: V, options: SetOptions | undefined): Prepared;
  /** Store what was prepared. */
  commitSet(key: K, value: V, ready: Prepared): void;
  /** The same for an entry of a dump. */
  prepareLoad(value: V, tags: readonly string[]): Restorable<V>;
  commitLoad(entry: ReadEntry<K, Restorable<V>>, wall: number): void;
};

/** In a shard of one thread's. */
export class CachePart<V, K extends CacheKey = string, C = unknown> extends Cache<V, K, C> {
  shareMoment(moment: Moment): void {
    this.atOnce = moment;
  }
  expect(keys: readonly K[], sets: boolean): void {
    this.warm(keys, 0, sets);
  }
  prepareSet(value: V, options: SetOptions | undefined): Prepared {
    this.begin();
    return this.prepare(value, options);
  }
  commitSet(key: K, value: V, ready: Prepared): void {
    this.begin();
    this.commit(key, value, ready, "set");
  }
  prepareLoad(value: V, tags: readonly string[]): Restorable<V> {
    this.begin();
    return { value, encoded: this.ready(value, tags) };
  }
  commitLoad(entry: ReadEntry<K, Restorable<V>>, wall: number): void {
    this.restore(entry, wall);
  }
}
