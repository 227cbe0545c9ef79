/**
 * When tags were invalidated. A cache's own tags (`invalidateTag()`) will not do for Next.js: it names some of an entry's tags
 * only when it asks for the entry ("soft" tags, such as the path of the page), and it lets entries be stale for some time
 * before they are gone. So what is kept is a time for each tag, and an entry is judged by the time it was made.
 *
 * There are at most `limit` marks. Then the oldest is forgotten, and the floor rises to it: what is older than the floor and
 * has a tag without a mark might have had the forgotten one, so it is gone. That costs a miss, and never gives what was
 * invalidated.
 */
import { LieuError, shown } from "../errors.ts";

interface Mark {
  /** When the tag was last invalidated in any way. */
  at: number;
  /** What was made until then is gone. */
  gone: number;
  /** What was made until then is stale, and from `due` on gone. */
  stale: number;
  due: number;
}

/** Milliseconds since the epoch, with fractions, as Next.js has them in its entries. */
export const clock = (): number => performance.timeOrigin + performance.now();

/** See the file's head. */
export class TagMarks {
  readonly #limit: number;
  /** In the order of their last invalidation. */
  readonly #marks = new Map<string, Mark>();
  #floor = 0;

  /** @throws `LieuError` EINVAL if `limit` is not a whole number from 1 on */
  constructor(limit: number) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new LieuError("EINVAL", `maxTags is ${shown(limit)}; it must be a whole number, 1 or more`);
    }
    this.#limit = limit;
  }

  /**
   * What was made until now with one of these tags is gone; or, with `durations`, it is stale now, and gone `expire` seconds
   * from now, if that is given.
   */
  invalidate(tags: readonly string[], durations?: { expire?: number | undefined }): void {
    const now = clock();
    for (const tag of tags) {
      const mark = this.#marks.get(tag) ?? { at: 0, gone: 0, stale: 0, due: Infinity };
      this.#marks.delete(tag);
      mark.at = now;
      if (durations === undefined) mark.gone = now;
      else {
        // An earlier promise is kept: what was to be gone by then must not live on as stale.
        if (mark.due <= now) Object.assign(mark, { gone: Math.max(mark.gone, mark.stale), due: Infinity });
        mark.stale = now;
        mark.due = Math.min(mark.due, now + (durations.expire ?? Infinity) * 1000);
      }
      this.#marks.set(tag, mark);
    }
    for (const [oldest, { at }] of this.#marks) {
      if (this.#marks.size <= this.#limit) break;
      this.#marks.delete(oldest);
      this.#floor = at;
    }
  }

  /** Whether an entry made at `time` that has these tags is as good as new, stale, or gone. */
  judge(tags: readonly string[], time: number): "fresh" | "stale" | "gone" {
    let stale = false;
    for (const tag of tags) {
      if (this.#goneUntil(tag) >= time) return "gone";
      if ((this.#marks.get(tag)?.stale ?? 0) >= time) stale = true;
    }
    return stale ? "stale" : "fresh";
  }

  /** What was made until then with one of these tags is gone; 0 if none was ever invalidated. */
  goneUntil(tags: readonly string[]): number {
    return tags.reduce((last, tag) => Math.max(last, this.#goneUntil(tag)), 0);
  }

  #goneUntil(tag: string): number {
    const mark = this.#marks.get(tag);
    if (mark === undefined) return this.#floor;
    return mark.due <= clock() ? Math.max(mark.gone, mark.stale) : mark.gone;
  }
}
