/** What a cache has counted of its requests since some time. */
import { type Requests, STRATA } from "./distances.ts";

/** See the file's head. What is old can be made to count less. */
export class CountedSince {
  readonly #read: () => Requests;
  /** What had been counted when it began, or when that was last halved; and what was left of it then. */
  #from: Requests;
  #past: Requests = { counts: new Float64Array(STRATA), bytes: new Float64Array(STRATA) };

  /** @param read what was counted so far, ever */
  constructor(read: () => Requests) {
    this.#read = read;
    this.#from = read();
  }
  get requests(): Requests {
    const all = this.#read();
    const since = (of: keyof Requests): Float64Array =>
      all[of].map((n, i) => Math.max(0, (this.#past[of][i] as number) + n - (this.#from[of][i] as number)));
    return { counts: since("counts"), bytes: since("bytes") };
  }
  get total(): number {
    return this.requests.counts.reduce((sum, n) => sum + n, 0);
  }
  forget(): void {
    for (const array of [this.#past.counts, this.#past.bytes]) array.fill(0);
    this.#from = this.#read();
  }
  halve(): void {
    const { counts, bytes } = this.requests;
    this.#past = { counts: counts.map((n) => n / 2), bytes: bytes.map((n) => n / 2) };
    this.#from = this.#read();
  }
}
