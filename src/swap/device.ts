/**
 * The contract of a swap device: something that keeps pages in numbered slots. The engine owns the slots (which are free,
 * whose page is where) and their checksums; a device only moves bytes, synchronously, and reports failure by throwing.
 */

import type { RemoteLanes } from "./remote-lanes.ts";

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
  /**
   * Where {@link read} takes long: get a slot's content without blocking the thread, so that a read that soon follows finds it. Never
   * rejects; what goes wrong shows at the read.
   */
  readAhead?(slot: number): Promise<void>;
  /**
   * Where waits are bounded: an operation begins, and what was waited for before is no part of it. All waits of an operation together are
   * no longer than one may be. Never throws.
   */
  begin?(): void;
  /** The slot's content will not be asked for again until it is written anew. Never throws, not even once closed. */
  free(slot: number): void;
  /** Give up all resources, and the content. Closing twice is allowed. */
  close(): void;
  /**
   * What another thread of the process needs to use the same slots ({@link attachDevice}, attach.ts). Who uses a slot when is for the
   * threads to settle; calls for different slots may be made at the same time. A device without this serves one thread alone.
   *
   * @throws LieuError ECLOSED
   */
  descriptor?(): DeviceDescriptor;
}

/** A device's descriptor: data that a message to another thread can carry, shared memory included, and that holds no secret. */
export type DeviceDescriptor = FileDescriptor | RemoteDescriptor | PoolDescriptor | NullDescriptor;

/** Of a file: which it is, even when it has no name any more. */
export interface FileDescriptor {
  readonly kind: "file";
  readonly slots: number;
  /** Where it is, or was, for messages. */
  readonly path: string;
  /** The owner's number for it, good in every thread of the process for as long as the owner has it open. */
  readonly fd: number;
  /** Its device and inode, as a file of another may get the number. */
  readonly identity: string;
  /** Whether it has a name, by which other processes open it. */
  readonly named: boolean;
}
/** Of a server: the memory by which its worker is asked. */
export interface RemoteDescriptor {
  readonly kind: "remote";
  readonly slots: number;
  readonly lanes: RemoteLanes;
  /** The server, for messages. */
  readonly label: string;
  /** Milliseconds that an operation may take. */
  readonly timeout: number;
}
/** Of the pool of compressed pages: it lies in the segment, so whoever has that has all. */
export interface PoolDescriptor {
  readonly kind: "zswap";
  readonly slots: number;
}
/** Of a device that keeps nothing. Who attaches to it counts for itself. */
export interface NullDescriptor {
  readonly kind: "null";
  readonly slots: number;
}
