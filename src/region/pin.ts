/**
 * Pins: a view of a region's bytes that stays put while it is held. Where the frames are contiguous it is the memory
 * itself; otherwise `bytes` is a copy, and a pin taken for writing puts it back when released. `chunks` are the memory
 * itself in any case.
 */
import { LieuError } from "../errors.ts";

/** How a pin lets go: drop the references; `bytes` is the copy to write back first, if there is one. */
export type PinRelease = (bytes: Uint8Array | undefined) => void;

/** A held part of a region; release it with `using` or {@link Pin.release}. */
export class Pin implements Disposable {
  /**
   * The bytes. Backed by shared memory if {@link zeroCopy}; some Web APIs refuse views of shared memory, Node's own
   * do not. Otherwise a copy, made when first asked for; then {@link chunks} should not be written to.
   */
  get bytes(): Uint8Array {
    if (this.zeroCopy) return this.chunks[0] as Uint8Array;
    this.#copy ??= concat(this.chunks);
    return this.#copy;
  }
  /** Whether `bytes` is the region's memory itself. */
  readonly zeroCopy: boolean;
  /** The memory itself as one view for each contiguous run of frames. */
  readonly chunks: readonly Uint8Array[];
  readonly #write: boolean;
  #copy: Uint8Array | undefined;
  #release: PinRelease | undefined;

  /** @internal */
  constructor(chunks: readonly Uint8Array[], write: boolean, release: PinRelease) {
    this.chunks = chunks;
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
    if (this.#release === undefined) throw new LieuError("ECLOSED", "the pin was released");
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const release = this.#release;
    this.#release = undefined;
    release?.(this.#write ? this.#copy : undefined);
  }
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
