/**
 * When a load that failed may be tried again, as long as there is an expired value to give instead: then nobody has to wait,
 * and a source that is down should not be asked by every caller at once.
 *
 * A key that failed is left alone for a while, twice as long each time. If several loads in a row failed, of whatever keys,
 * the source itself is taken to be down: it is asked by one load at a time, and seldom. The first success ends that at once.
 */

/** Failures in a row that mean the source, not a key. */
const DOWN = 3;
/** Keys that are remembered; beyond it, the ones that failed first are forgotten. */
const MAX_KEYS = 1024;

/** See the file's head. Times are milliseconds on the memory's clock. */
export class Backoff {
  private readonly first: number;
  private readonly most: number;
  private readonly keys = new Map<string, { failures: number; until: number }>();
  private failures = 0;
  private until = Number.NEGATIVE_INFINITY;

  /** `first`: how long the first wait is, 0 = none ever; `most`: the longest. */
  constructor(first: number, most: number) {
    this.first = first;
    this.most = most;
  }

  /** Whether the source may be asked for the key of this identity, `busy` telling whether it is being asked for anything. */
  mayAsk(id: string, now: number, busy: boolean): boolean {
    if (this.failures >= DOWN && (busy || now < this.until)) return false;
    const key = this.keys.get(id);
    return key === undefined || now >= key.until;
  }
  /** A load failed. Returns how long the key is left alone. */
  failed(id: string, now: number): number {
    if (this.first === 0) return 0;
    this.failures++;
    if (this.failures >= DOWN) this.until = now + this.wait(this.failures - DOWN);
    const before = this.keys.get(id)?.failures ?? 0;
    const wait = this.wait(before);
    this.keys.delete(id);
    this.keys.set(id, { failures: before + 1, until: now + wait });
    if (this.keys.size > MAX_KEYS) this.keys.delete(this.keys.keys().next().value as string);
    return Math.max(wait, this.until - now);
  }
  /** A load brought something. */
  succeeded(id: string): void {
    if (this.failures === 0 && this.keys.size === 0) return;
    // What failed while the source was down failed for that reason.
    if (this.failures >= DOWN) this.keys.clear();
    else this.keys.delete(id);
    this.failures = 0;
  }

  private wait(failures: number): number {
    return Math.min(this.first * 2 ** Math.min(failures, 40), this.most);
  }
}
