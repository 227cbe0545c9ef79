/**
 * A sampler of requests (curve.ts), and another in its place when the sample has become small: a threshold can fall at any moment, as what
 * is left is still all requests for some keys; it cannot rise, as nothing is known of the keys that come in. So when the keys are few and
 * there is time for more, a second sampler is begun with all keys. It learns which there are, then forgets what it has counted (that most
 * had never been asked for), counts, and takes over when it has counted as much. Until then the first one answers. The two have less than
 * 1 MiB together. As each may see many requests at first, there is time for the next only {@link MS_OF_FREE} after the last was begun.
 *
 * **Many together.** What is heard of waits until there are {@link TOGETHER}, or somebody wants to see the curve: the sampler's code runs seldom, so each
 * time it is called it must be fetched from far, and what it does is less than that.
 */
import { type CurveHost, CurveSampler, FEW, MOST_KEYS, MS_OF_FREE, SAMPLED_HIT } from "./curve.ts";
import { type MissRatioCurve, OTHERS } from "./distances.ts";

/** Requests that it learns and counts for, at least, and for each key. */
const LEAST = 1 << 17;
const PER_KEY = 16;
const TOGETHER = 128;

/** See the file's head. */
export class CurveLearner {
  readonly #host: CurveHost;
  #sampler: CurveSampler;
  #next: CurveSampler | undefined;
  /** Whether the next one counts, and no longer learns alone. */
  #counts = false;
  #begunAt: number;
  /** What was heard of, and waits: hash, bytes, what, stratum. */
  readonly #hashes = new Int32Array(TOGETHER);
  readonly #lengths = new Int32Array(TOGETHER);
  readonly #whats = new Int8Array(TOGETHER);
  readonly #strata = new Int8Array(TOGETHER);
  #waiting = 0;

  constructor(host: CurveHost) {
    this.#host = host;
    this.#begunAt = host.now();
    this.#sampler = this.#make(MOST_KEYS);
    this.#tell();
  }

  get bytes(): number {
    const waiting = [this.#hashes, this.#lengths, this.#whats, this.#strata];
    const own = waiting.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return this.#sampler.bytes + (this.#next?.bytes ?? 0) + own;
  }
  hear(hash: number, bytes: number, what: number, stratum: number = OTHERS): void {
    const at = this.#waiting++;
    this.#hashes[at] = hash;
    this.#lengths[at] = bytes;
    this.#whats[at] = what;
    this.#strata[at] = stratum;
    if (at === TOGETHER - 1) this.#listen();
  }
  hits(hashes: Int32Array, lengths: Int32Array, ages: Int8Array, n: number): void {
    for (let i = 0; i < n; i++) this.hear(hashes[i] as number, lengths[i] as number, SAMPLED_HIT, ages[i]);
  }
  touched(hashes: Int32Array, n: number): void {
    this.#listen();
    this.#sampler.touched(hashes, n);
    this.#next?.touched(hashes, n);
  }
  curve(): MissRatioCurve {
    this.#listen();
    return this.#sampler.curve();
  }
  /** Hear of what waits. */
  #listen(): void {
    const n = this.#waiting;
    this.#waiting = 0;
    for (let i = 0; i < n; i++) {
      const hash = this.#hashes[i] as number;
      const bytes = this.#lengths[i] as number;
      const what = this.#whats[i] as number;
      const stratum = this.#strata[i] as number;
      this.#sampler.hear(hash, bytes, what, stratum);
      this.#next?.hear(hash, bytes, what, stratum);
    }
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
