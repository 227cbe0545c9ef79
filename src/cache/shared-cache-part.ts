/** The part of a spread cache that lies in a shard which threads share: what cache-part.ts is for one thread, under that shard's lock. */
import type { Restorable } from "./cache.ts";
import type { Prepared } from "./cache-writer.ts";
import type { CacheKey } from "./keys.ts";
import type { Moment } from "./moment.ts";
import type { SetOptions } from "./options.ts";
import type { ReadEntry } from "./read-dump.ts";
import { SharedCache } from "./shared-cache.ts";

/** See the file's head. */
export class SharedCachePart<V, K extends CacheKey = string, C = unknown> extends SharedCache<V, K, C> {
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
