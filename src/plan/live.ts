/**
 * Planning for a cache of a running program: what was recorded of its requests (cache/recording.ts) is run on configurations as a trace
 * is, at the size that the sampled keys are of all (a miniature simulation: C. Waldspurger et al., USENIX ATC 2017).
 *
 * **What was there before.** A key whose first request of the recording was a hit was in the cache already, and what was asked for
 * soonest most recently, about: such keys are stored, in this order, before the run begins, and that is not counted. A key that was
 * no hit may or may not have been in a larger cache; it is taken for one that was not.
 *
 * **Not run.** Hits on the heap stay hits there, whatever is below: they are counted as the fastest node's. What had no value, and got
 * none, is a miss anywhere.
 *
 * **Chance.** How many requests there were is known. What the sample has too few or too many of is put down to its hottest keys, of which
 * there are few: hits of the fastest node (as SHARDS-adj does).
 */
import {
  RECORD_WORDS,
  type RecordHead,
  type RecordLine,
  SAMPLED_EXPIRED,
  SAMPLED_GET,
  SAMPLED_GONE,
  TOUCHED,
} from "../cache/recording.ts";
import { LieuError } from "../errors.ts";
import type { MemoryOptions } from "../memory/memory-options.ts";
import { openMemory } from "../memory/open.ts";
import { RequestClock } from "../trace/replayer.ts";
import { memoryDevice } from "./memory-device.ts";
import type { Prediction } from "./simulate.ts";

/** Requests that are run at most: of more, a smaller sample. */
const MOST_RUN = 1 << 20;
/** Requests between two turns of kswapd. */
const TICK = 1024;
const MS_PER_REQUEST = 0.01;
const ALL = 2 ** 32;

/** Requests for sampled keys, in their order. */
export interface Recorded {
  readonly name: string;
  /** Share of keys that is sampled. */
  readonly rate: number;
  /** Requests of the cache meanwhile: to its store, and hits on the heap. */
  readonly below: number;
  readonly above: number;
  readonly keys: number;
  /** [requests] which key, and one of the SAMPLED_ constants or TOUCHED. */
  readonly key: Uint32Array;
  readonly what: Uint8Array;
  /** [keys] bytes of value and key; 0 if it never had a value. */
  readonly size: Uint32Array;
  /** Keys that were there before, the coldest first. */
  readonly before: Uint32Array;
}

/** Puts what is sent together. */
export class RecordingReader {
  readonly #head: RecordHead;
  readonly #parts: Int32Array[] = [];
  #last: Pick<RecordLine, "threshold" | "below" | "above"> | undefined;

  constructor(head: RecordHead) {
    this.#head = head;
  }
  /** Requests so far, sampled or not. */
  get requests(): number {
    return this.#last === undefined ? 0 : this.#last.below + this.#last.above;
  }
  add({ words, ...last }: RecordLine): void {
    const bytes = Buffer.from(words, "base64");
    this.#parts.push(Int32Array.from({ length: bytes.length >>> 2 }, (_, i) => bytes.readInt32LE(i << 2)));
    this.#last = last;
  }
  /** @throws {@link LieuError} EINVAL if nothing was asked for */
  done(): Recorded {
    const { threshold = 0, below = 0, above = 0 } = this.#last ?? {};
    let limit = threshold;
    while (countBelow(this.#parts, limit) > MOST_RUN) limit /= 2;
    const { cache: name } = this.#head;
    const made = numbered(this.#parts, limit);
    if (made.key.length === 0) {
      throw new LieuError("EINVAL", `nothing was asked of cache ${JSON.stringify(name)} meanwhile; record for longer`);
    }
    return { name, rate: Math.min(1, (limit + 1) / ALL), below, above, ...made };
  }
}

function countBelow(parts: readonly Int32Array[], threshold: number): number {
  let n = 0;
  for (const words of parts)
    for (let i = 0; i < words.length; i += RECORD_WORDS) if ((words[i] as number) >>> 0 < threshold) n++;
  return n;
}

/** The requests for keys whose hash is below the threshold, keys being numbered. */
function numbered(parts: readonly Int32Array[], threshold: number) {
  const n = countBelow(parts, threshold);
  const key = new Uint32Array(n);
  const what = new Uint8Array(n);
  const numbers = new Map<number, number>();
  const sizes: number[] = [];
  const before: number[] = [];
  let at = 0;
  for (const words of parts) {
    for (let i = 0; i < words.length; i += RECORD_WORDS) {
      const [hash, bytes, kind] = words.subarray(i, i + RECORD_WORDS) as unknown as [number, number, number];
      if (hash >>> 0 >= threshold) continue;
      let k = numbers.get(hash);
      if (k === undefined) {
        k = numbers.size;
        numbers.set(hash, k);
        sizes.push(0);
        if (kind === TOUCHED || (kind === SAMPLED_GET && bytes > 0)) before.push(k);
      }
      if (bytes > 0) sizes[k] = bytes;
      key[at] = k;
      what[at++] = kind;
    }
  }
  const known = before.filter((k) => (sizes[k] as number) > 0).reverse();
  return { keys: sizes.length, key, what, size: Uint32Array.from(sizes), before: Uint32Array.from(known) };
}

/** Bytes that all keys with a value need, those that are not sampled included. */
export function recordedFootprint({ size, rate }: Recorded): number {
  return size.reduce((sum, bytes) => sum + bytes, 0) / rate;
}

/** Run what was recorded on a memory, whose sizes are `rate` times those that the result is for. */
export async function runRecorded(
  recorded: Recorded,
  options: MemoryOptions,
  signal?: AbortSignal,
): Promise<Prediction> {
  const { key, what, size, before, below, above, rate } = recorded;
  const clock = new RequestClock(MS_PER_REQUEST);
  await using memory = await openMemory(options, { crank: clock, wrapDevice: memoryDevice });
  const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0 });
  const blank = (): void => undefined;
  /** A value without the eight bytes of its key. */
  const store = (k: number): unknown => cache.setBytes(k, Math.max(0, (size[k] as number) - 8), blank);
  for (const k of before) store(k);
  const from = cache.stats();
  /** Stored on a miss: the program does that, too, with what comes next. */
  const filled = new Uint8Array(recorded.keys);
  const fastest = memory.nodeNames[0] as string;
  let [requests, misses, touched] = [0, 0, 0];
  for (let i = 0; i < key.length; i++) {
    if (i % TICK === 0) {
      signal?.throwIfAborted();
      memory.tick();
      if (i % (64 * TICK) === 0) await new Promise(setImmediate);
    }
    clock.request = i;
    const k = key[i] as number;
    const kind = what[i] as number;
    if (kind === SAMPLED_GET) {
      requests++;
      if (size[k] === 0) misses++;
      else if (!cache.getBytes(k, blank)) {
        misses++;
        store(k);
        filled[k] = 1;
      }
    } else if (kind === TOUCHED) {
      if (size[k] !== 0 && cache.getBytes(k, blank)) touched++;
    } else if (kind === SAMPLED_GONE || kind === SAMPLED_EXPIRED) {
      cache.delete(k);
      if (kind === SAMPLED_EXPIRED) {
        requests++;
        misses++;
      }
    } else if (filled[k] === 1) filled[k] = 0;
    else store(k);
  }
  const { hitsByTier } = cache.stats();
  memory.check();
  const all = Math.max(1, below + above);
  // So many requests were to be expected of the sample. Those that it has not are for keys that are asked for most, which hit.
  const expected = Math.max(below * rate, misses, 1);
  const hot = expected - requests - touched;
  const share = below / all / expected;
  const hits = Object.entries(hitsByTier).map(([tier, n]) => {
    const own = n - (from.hitsByTier[tier] ?? 0);
    return [tier, tier === fastest ? Math.max(0, own + hot) * share + above / all : own * share] as const;
  });
  return { hits: Object.fromEntries(hits), misses: misses * share };
}
