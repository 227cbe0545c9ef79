/** Files that processes lock (flock): the lock of one who dies is the next one's. */
import { closeSync } from "node:fs";
import { LieuError } from "../errors.ts";
import type { Libc } from "../host/libc.ts";

/** How long to wait for who has it, ms; and between two tries. */
export const MOST_WAIT_MS = 30_000;
const TRY_MS = 5;

/** Lock a file, for a time at most. @throws {@link LieuError} EBUSY */
export function lockUntil(fd: number, path: string, calls: Libc, until: number): void {
  const word = new Int32Array(new SharedArrayBuffer(4));
  while (!calls.lock(fd)) {
    if (Date.now() > until)
      throw new LieuError("EBUSY", `${path} is locked by another process, which does not let go of it`);
    Atomics.wait(word, 0, 0, TRY_MS);
  }
}

/** What those who have a file do one at a time. */
export class FileGate {
  readonly #fd: number;
  readonly #path: string;
  readonly #calls: Libc;
  #depth = 0;
  #closed = false;

  /** @internal */
  constructor(fd: number, path: string, calls: Libc) {
    this.#fd = fd;
    this.#path = path;
    this.#calls = calls;
  }

  /** When it is this one's turn. @throws {@link LieuError} EBUSY: somebody does not let go of it */
  hold<R>(work: () => R): R {
    if (this.#depth === 0) lockUntil(this.#fd, this.#path, this.#calls, Date.now() + MOST_WAIT_MS);
    return this.#held(work);
  }
  /** If it is nobody's turn now. */
  tryHold(work: () => void): void {
    if (this.#depth > 0 || this.#calls.lock(this.#fd)) this.#held(work);
  }
  #held<R>(work: () => R): R {
    this.#depth++;
    try {
      return work();
    } finally {
      if (--this.#depth === 0) this.#calls.unlock(this.#fd);
    }
  }
  close(): void {
    if (!this.#closed) closeSync(this.#fd);
    this.#closed = true;
  }
}
