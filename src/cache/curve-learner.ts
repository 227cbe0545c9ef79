/**
 * A sampler of requests (curve.ts), and another in its place when the sample has become small: a threshold can fall at any moment, as what
 * is left is still all requests for some keys; it cannot rise, as nothing is known of the keys that come in. So when the keys are few and
 * there is time for more, a second sampler is begun with all keys. It learns which there are, then forgets what it has counted (that most
 * had never been asked for), counts, and takes over when it has counted as much. Until then the first one answers. The two have less than
 * 1 MiB together. As each may see many requests at first, there is time for the next only {@link MS_OF_FREE} after the last was begun.
 */
import { type CurveHost, CurveSampler, FEW, MOST_KEYS, MS_OF_FREE } from "./curve.ts";
import type { MissRatioCurve } from "./distances.ts";

/** Requests that it learns and counts for, at least, and for each key. */
const LEAST = 1 << 17;
const PER_KEY = 16;

/** See the file's head. */
export class CurveLearner {
  readonly #host: CurveHost;
  #sampler: CurveSampler;
  #next: CurveSampler | undefined;
  /** Whether the next one counts, and no longer learns alone. */
  #counts = false;
  #begunAt: number;

  constructor(host: CurveHost) {
    this.#host = host;
    this.#begunAt = host.now();
    this.#sampler = this.#make(MOST_KEYS);
    this.#tell();
  }

  get bytes(): number {
    return this.#sampler.bytes + (this.#next?.bytes ?? 0);
  }
  hear(hash: number, bytes: number, what: number, stratum?: number): void {
    this.#sampler.hear(hash, bytes, what, stratum);
    this.#next?.hear(hash, bytes, what, stratum);
  }
  hits(hashes: Int32Array, lengths: Int32Array, ages: Int8Array, n: number): void {
    this.#sampler.hits(hashes, lengths, ages, n);
    this.#next?.hits(hashes, lengths, ages, n);
  }
  touched(hashes: Int32Array, n: number): void {
    this.#sampler.touched(hashes, n);
    this.#next?.touched(hashes, n);
  }
  curve(): MissRatioCurve {
    return this.#sampler.curve();
  }

  #make(most: number): CurveSampler {
    const host = this.#host;
    const own = {
      get maxSize() {
        return host.maxSize;
      },
      requests: () => host.requests(),
      now: () => host.now(),
      sample: () => this.#tell(),
      looked: (few: boolean) => this.#looked(few),
    };
    return new CurveSampler(own, most);
  }
  /** What either wants to hear of. */
  #tell(): void {
    const samplers = [this.#sampler, this.#next].filter((sampler) => sampler !== undefined);
    if (samplers.length === 0) return;
    const threshold = Math.max(...samplers.map((sampler) => sampler.threshold));
    this.#host.sample(threshold, Math.min(...samplers.map((sampler) => sampler.big)));
  }
  #looked(few: boolean): void {
    const next = this.#next;
    if (next === undefined) {
      const now = this.#host.now();
      if (!few || now - this.#begunAt < MS_OF_FREE) return;
      this.#begunAt = now;
      // It has no more keys than that; room for more would be beside the other's.
      this.#sampler.setMost(MOST_KEYS / FEW);
      this.#counts = false;
      this.#next = this.#make(MOST_KEYS / 2);
    } else {
      if (next.requests < LEAST + PER_KEY * next.allKeys) return;
      if (!this.#counts) {
        this.#counts = true;
        next.forgetCounts();
        return;
      }
      this.#sampler = next;
      this.#next = undefined;
      next.setMost(MOST_KEYS);
    }
    this.#tell();
  }
}
