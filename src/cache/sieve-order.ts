/**
 * The entries of a front (front.ts) in the order in which they came, for SIEVE's hand to go through: numbers in arrays, linked from both ends.
 * Numbers of entries that have gone are given again.
 */

const NONE = -1;
const FIRST_SLOTS = 64;

/** See the file's head. */
export class SieveOrder {
  private older = new Int32Array(FIRST_SLOTS);
  /** Of a number that is free, the next free one. */
  private newer = new Int32Array(FIRST_SLOTS);
  private oldest = NONE;
  private newest = NONE;
  private hand = NONE;
  private free = NONE;
  /** Numbers that were ever in use. */
  private slots = 0;

  /** The number of a new entry, the newest. */
  add(): number {
    let e = this.free;
    if (e !== NONE) this.free = this.newer[e] as number;
    else {
      if (this.slots === this.older.length) this.grow(2 * this.slots);
      e = this.slots++;
    }
    this.older[e] = this.newest;
    this.newer[e] = NONE;
    if (this.newest === NONE) this.oldest = e;
    else this.newer[this.newest] = e;
    this.newest = e;
    return e;
  }
  /** Where the hand is. There must be an entry. */
  atHand(): number {
    return this.hand !== NONE ? this.hand : this.oldest;
  }
  /** What the hand comes to after an entry. */
  after(e: number): number {
    const next = this.newer[e] as number;
    return next !== NONE ? next : this.oldest;
  }
  /** An entry goes; the hand is at the next. */
  remove(e: number): void {
    const newer = this.newer[e] as number;
    const older = this.older[e] as number;
    this.hand = newer;
    if (newer === NONE) this.newest = older;
    else this.older[newer] = older;
    if (older === NONE) this.oldest = newer;
    else this.newer[older] = newer;
    this.newer[e] = this.free;
    this.free = e;
  }
  clear(): void {
    this.oldest = this.newest = this.hand = this.free = NONE;
    this.slots = 0;
  }
  private grow(slots: number): void {
    const grown = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(slots);
      to.set(from);
      return to;
    };
    this.older = grown(this.older);
    this.newer = grown(this.newer);
  }
}
