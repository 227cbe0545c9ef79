/**
 * What is asked of a cache, as it happens: the requests for the keys of a sample, for who wants to try them on another memory. A key is
 * in the sample or not by its hash, so that a cache of a tenth of the size is to a tenth of the keys what the whole is to all of them.
 *
 * Recording begins with all keys. When more requests come than there is time for ({@link FREE} in any case, {@link PER_MS} a
 * millisecond, a few hundredths of it), or more than there is room for until somebody takes them, half of the keys go: what was
 * recorded of them is to be left out, too, as the threshold that comes with each part says.
 */
export { SAMPLED_EXPIRED, SAMPLED_GET, SAMPLED_GONE, SAMPLED_SET } from "../store/sampled.ts";

/** Words of a request: the key's hash, the bytes of key and value (0: there is no value), and one of the SAMPLED_ constants (store/sampled.ts). */
export const RECORD_WORDS = 3;
/** In the place of one of them: asked for above the store, a hit; of such requests the fewest are told of. */
export const TOUCHED = 4;
const FREE = 1 << 18;
const PER_MS = 100;
/** Requests kept until they are taken. */
const MOST = 1 << 18;
/** Requests between two looks at the clock. */
const CHECK = 4096;

/** What a recording needs of its cache. */
export interface RecordingHost {
  /** Requests so far that came to the store, and that were hits above it. */
  requests(): readonly [below: number, above: number];
  /** Milliseconds, not falling. */
  now(): number;
  /** Keys whose hash is below this, without a sign, are to be told of. */
  sample(threshold: number): void;
  /** No more. */
  stop(): void;
}

/** A part of a recording. */
export interface RecordedPart {
  /** {@link RECORD_WORDS} for each request. */
  readonly words: Int32Array;
  /** Keys whose hash is not below this are to be left out, also of the parts before. */
  readonly threshold: number;
  /** All requests of the recording so far, sampled or not: to the store, and hits above it. */
  readonly below: number;
  readonly above: number;
}

/** What `GET /requests` sends first, a line of JSON; then a {@link RecordLine} a line. */
export interface RecordHead {
  readonly version: 1;
  readonly cache: string;
  readonly maxSize: number;
  /** Bytes that it held when the recording began. */
  readonly size: number;
}
/** A part of a recording as it is sent. */
export interface RecordLine {
  /** The words of its requests, of 32 bits, the least significant byte first; base64. */
  readonly words: string;
  readonly threshold: number;
  readonly below: number;
  readonly above: number;
}

/** See the file's head. */
export class RequestRecording {
  readonly #host: RecordingHost;
  readonly #from: readonly [number, number];
  readonly #begunAt: number;
  #threshold = 0xffffffff;
  #words = new Int32Array(RECORD_WORDS << 10);
  #used = 0;
  #seen = 0;
  #stopped = false;

  constructor(host: RecordingHost) {
    this.#host = host;
    this.#from = host.requests();
    this.#begunAt = host.now();
    host.sample(this.#threshold);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** What becomes of a key (store/sampled.ts). */
  hear(hash: number, bytes: number, what: number): void {
    if (hash >>> 0 >= this.#threshold) return;
    if (this.#used === this.#words.length) {
      this.#grow();
      if (hash >>> 0 >= this.#threshold) return;
    }
    this.#words[this.#used++] = hash;
    this.#words[this.#used++] = bytes;
    this.#words[this.#used++] = what;
    if (++this.#seen % CHECK === 0 && this.#seen > FREE + PER_MS * (this.#host.now() - this.#begunAt)) this.#lower();
  }
  /** These keys were asked for above the store, where that was counted. */
  touched(hashes: Int32Array, n: number): void {
    for (let i = 0; i < n; i++) this.hear(hashes[i] as number, 0, TOUCHED);
  }

  /** What was recorded since this was last called. */
  take(): RecordedPart {
    const words = this.#words.slice(0, this.#used);
    this.#used = 0;
    const [below, above] = this.#host.requests();
    // What was cleared meanwhile has begun to count anew.
    const since = (now: number, then: number): number => Math.max(0, now - then);
    return {
      words,
      threshold: this.#threshold,
      below: since(below, this.#from[0]),
      above: since(above, this.#from[1]),
    };
  }
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#host.stop();
  }

  #grow(): void {
    if (this.#used >= RECORD_WORDS * MOST) {
      this.#lower();
      // Requests for few keys may be nearly all.
      if (this.#used > 0.9 * this.#words.length) this.#used = 0;
      return;
    }
    const grown = new Int32Array(2 * this.#words.length);
    grown.set(this.#words);
    this.#words = grown;
  }
  #lower(): void {
    this.#threshold = Math.max(1, Math.floor(this.#threshold / 2));
    this.#seen /= 2;
    let to = 0;
    for (let i = 0; i < this.#used; i += RECORD_WORDS) {
      if ((this.#words[i] as number) >>> 0 >= this.#threshold) continue;
      this.#words.copyWithin(to, i, i + RECORD_WORDS);
      to += RECORD_WORDS;
    }
    this.#used = to;
    this.#host.sample(this.#threshold);
  }
}
