/** Operations that are one moment in all their parts: the clock is read once for them. Parts of a spread cache have one of these together. */
export class Moment {
  /** What the clock said; counts while `wasRead`. */
  time = 0;
  wasRead = false;
  /** How many such operations are under way, one within the other. */
  depth = 0;

  /** Do what has many parts, each of them an operation, in one moment. */
  together<R>(work: () => R): R {
    if (this.depth++ === 0) this.wasRead = false;
    try {
      return work();
    } finally {
      this.depth--;
    }
  }
}
