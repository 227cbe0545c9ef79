/**
 * Pins: a view of a region's bytes that stays put while it is held. Where the frames are contiguous it is the memory
 * itself; otherwise `bytes` is a copy, and a pin taken for writing puts it back when released. `chunks` are the memory
 * itself in any case.
 */
import { LieuError } from "../errors.ts";
import { showAs } from "./show.ts";

/** A held part of a region; release it with `using` or {@link Pin.release}. */
export class Pin implements Disposable {
  /**
   * The bytes. Backed by shared memory if {@link zeroCopy}; some Web APIs refuse views of shared memory, Node's own
   * do not. Otherwise a copy, made when first asked for; then {@link chunks} should not be written to.
   */
  get bytes(): Uint8Array {
    this.#ensureHeld();
    if (this.zeroCopy) return this.#chunks[0] as Uint8Array;
    this.#copy ??= concat(this.#chunks);
    return this.#copy;
  }
  /** Whether `bytes` is the region's memory itself. */
  readonly zeroCopy: boolean;
  /** The memory itself as one view for each contiguous run of frames. */
  get chunks(): readonly Uint8Array[] {
    this.#ensureHeld();
    return this.#chunks;
  }
  #chunks: readonly Uint8Array[];
  readonly #write: boolean;
  #copy: Uint8Array | undefined;
  #release: (() => void) | undefined;

  /** @internal */
  constructor(chunks: readonly Uint8Array[], write: boolean, release: () => void) {
    this.#chunks = chunks;
    this.zeroCopy = chunks.length === 1;
    this.#write = write;
    this.#release = release;
  }

  /** Whether the pin has been released. */
  get released(): boolean {
    return this.#release === undefined;
  }

  /** Let go. A second call is an ECLOSED error; disposing a released pin is not. */
  release(): void {
    this.#ensureHeld();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const release = this.#release;
    if (release === undefined) return;
    this.#release = undefined;
    if (this.#write && this.#copy !== undefined) this.#putBack(this.#copy);
    this.#chunks = [];
    this.#copy = undefined;
    release();
  }

  static {
    showAs(Pin.prototype, "Pin", (pin) => {
      if (pin.#release === undefined) return { released: true };
      return { bytes: pin.#chunks.reduce((n, chunk) => n + chunk.length, 0), zeroCopy: pin.zeroCopy };
    });
  }

  #ensureHeld(): void {
    if (this.#release === undefined) throw new LieuError("ECLOSED", "the pin was released");
  }

  #putBack(copy: Uint8Array): void {
    let done = 0;
    for (const chunk of this.#chunks) {
      chunk.set(copy.subarray(done, done + chunk.length));
      done += chunk.length;
    }
  }
}

/**
 * `length` bytes from byte `offset` of the first of `frames` on, as views of the memory itself: one for each run of
 * neighbouring frames. Frame n is at byte n x 4096 of `memory`.
 */
export function contiguousRuns(
  memory: Uint8Array,
  frames: readonly number[],
  offset: number,
  length: number,
): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let skip = offset & 4095;
  let left = length;
  for (let i = 0; i < frames.length; ) {
    let n = 1;
    while (i + n < frames.length && frames[i + n] === (frames[i] as number) + n) n++;
    const bytes = Math.min(n * 4096 - skip, left);
    const at = (frames[i] as number) * 4096 + skip;
    chunks.push(memory.subarray(at, at + bytes));
    left -= bytes;
    skip = 0;
    i += n;
  }
  return chunks;
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
