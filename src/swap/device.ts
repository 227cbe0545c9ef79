/**
 * The contract of a swap device: something that keeps pages in numbered slots. The engine owns the slots (which are free,
 * whose page is where) and their checksums; a device only moves bytes, synchronously, and reports failure by throwing.
 */

/** Bytes of a page, and of a slot. */
export const PAGE_SIZE = 4096;

/** A device that keeps pages in slots 0 to `slots - 1`. */
export interface SwapDevice {
  /** What it is, as in the configuration: "file", "null", ... */
  readonly kind: string;
  /** How many pages it can hold. */
  readonly slots: number;
  /** Whether it gives back the bytes that it was given. One that does not can only serve a memory without bytes. */
  readonly keepsBytes: boolean;
  /**
   * Write `nr` pages to the consecutive slots from `slot` on. Page i is the 4096 bytes of `memory` at byte `addrs[i]`.
   * All or nothing as far as the caller is concerned: if it throws, none of these slots may be relied on.
   *
   * `addrs` may be longer than `nr`. Both arrays stay the caller's: they are not changed, and not looked at any more
   * once the call returns.
   *
   * @throws LieuError ENOSPC (no room), EIO (failed or short write), EACCES, ECLOSED
   */
  write(slot: number, nr: number, memory: Uint8Array, addrs: Uint32Array): void;
  /**
   * Read one slot into the 4096 bytes of `memory` at byte `addr`. Need not detect corruption: the engine checks. Asked
   * only for slots that were written and not freed since. If it throws, these 4096 bytes may hold anything.
   *
   * @throws LieuError EIO (failed or short read), ECLOSED
   */
  read(slot: number, memory: Uint8Array, addr: number): void;
  /** The slot's content will not be asked for again until it is written anew. Never throws, not even once closed. */
  free(slot: number): void;
  /** Give up all resources, and the content. Closing twice is allowed. */
  close(): void;
}
