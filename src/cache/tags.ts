/**
 * Tags: an entry may have some, and invalidating one makes all entries that have it go, at once, in O(1), however many they
 * are. Nothing looks for them. Invalidations are numbered; a tag's mark is the number of its last one, and an entry carries
 * the number that was current when it was set (trailer.ts). An entry is valid if none of its tags has a higher mark than that;
 * whoever comes upon one that is not takes it for expired.
 *
 * The marks are all that is on the JavaScript heap, one for each tag that was ever invalidated. There are at most `limit` of
 * them: then the oldest is forgotten, and the floor rises to it. An entry from before the floor might have a forgotten tag, so
 * it is not valid. That costs a miss, and never gives what was invalidated.
 *
 * A load carries the number from when it began: what it brings is invalid if its tag was invalidated while it was on its way.
 */
import type { Items } from "./items.ts";
import { FOOT, hashTag, MAX_TAGS, tagNames } from "./trailer.ts";

/** See the file's head. */
export class Tags {
  /** The number of the last invalidation; 0 = there was none, so every entry is valid. */
  epoch = 0;
  private floor = 0;
  /** A tag's hash to its mark, in rising order of marks. */
  private readonly marks = new Map<number, number>();
  private readonly limit: number;
  private readonly tail = new Uint8Array(MAX_TAGS * 8 + FOOT);
  private readonly view = new DataView(this.tail.buffer);

  constructor(limit: number) {
    this.limit = limit;
  }

  invalidate(tag: string): void {
    const hash = hashTag(tag);
    this.marks.delete(hash);
    this.marks.set(hash, ++this.epoch);
    if (this.marks.size <= this.limit) return;
    for (const [oldest, mark] of this.marks) {
      this.floor = mark;
      this.marks.delete(oldest);
      break;
    }
  }
  /** Whether the item last described has a tag that was invalidated since it was set. */
  invalid(items: Items): boolean {
    if (!items.tagged) return false;
    // What cannot be read is no value either.
    if (!items.tail(this.tail, FOOT)) return true;
    const epoch = this.view.getFloat64(0, true);
    if (epoch >= this.epoch) return false;
    if (epoch < this.floor) return true;
    const n = this.view.getUint16(12, true);
    if (!items.tail(this.tail, FOOT + n * 8)) return true;
    for (let i = 0; i < n; i++) {
      if ((this.marks.get(this.view.getFloat64(i * 8, true)) ?? 0) > epoch) return true;
    }
    return false;
  }
  /** The tags of the item last described; undefined if they cannot be read. */
  names(items: Items): string[] | undefined {
    if (!items.tagged) return [];
    const size = this.sizeOf(items);
    const all = new Uint8Array(size);
    return size > 0 && items.tail(all, size) ? tagNames(all) : undefined;
  }
  /** Bytes of the trailer of the item last described, 0 if it has none; -1 if that cannot be read. */
  sizeOf(items: Items): number {
    if (!items.tagged) return 0;
    return items.tail(this.tail, FOOT) ? this.view.getUint32(8, true) : -1;
  }
  /** There are no entries left. */
  clear(): void {
    this.marks.clear();
    this.floor = 0;
  }
}
