/**
 * The memory through which threads ask the worker of a remote device for pages, and wait for its answer as for a page fault: Atomics.wait on
 * one word, with a deadline.
 *
 * A lane serves one request at a time: whoever wants something takes a free lane, puts the request in it, sets its word and rings. The
 * worker reads requests, and answers by setting the word again, unless the asker has given up meanwhile: every request has a
 * word of its own. What the worker writes (a page that was read, a message) and what it reads (pages to be written) lie apart, so
 * that an answer that comes too late spoils no request that came after.
 */

/** Words of the head. */
export const BELL = 0;
export const STATE = 1;
/** Slots that were freed since the worker last looked. */
export const FREED = 2;
/** Counts lanes that became free. */
export const LANE_FREED = 3;
/** Why there is no connection: as RESULT and LENGTH of a lane, its text behind the lanes' bytes. */
export const LAST_RESULT = 4;
export const LAST_LENGTH = 5;
export const HEAD = 16;
/** Words of a lane, from its first on. 0: it is free; else the millisecond by which who took it will have let go, or has died ({@link laneClock}). */
export const TAKEN = 0;
export const WORD = 1;
export const OP = 2;
export const SLOT = 3;
export const NR = 4;
/** 0: done. Else 1 + the number in {@link REMOTE_CODES}, and the bytes of the message. */
export const RESULT = 5;
export const LENGTH = 6;
/** 1: who took it looks for the answer all the time, rather than sleep until it is there. */
export const POLLS = 7;
export const LANE = 16;

/** Values of STATE. */
export const CONNECTING = 0;
export const UP = 1;
export const DOWN = 2;
export const CLOSED = 3;

export const OP_WRITE = 1;
export const OP_READ = 2;

export const NR_LANES = 8;
/** Most pages in one request. */
export const BATCH = 32;
export const MESSAGE = 512;
const PAGE = 4096;
export const LANE_BYTES: number = (BATCH + 1) * PAGE + MESSAGE;

/** Milliseconds, the same in all threads, and never 0; it wraps. */
export function laneClock(ahead = 0): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1000 + nanoseconds / 1e6 + ahead) | 1;
}
/** Whether a lane whose first word says `taken` is to be had: nobody has it, or whoever took it has died. */
export function isFree(taken: number, now: number): boolean {
  return taken === 0 || ((now - taken) | 0) > 0;
}

/** How many threads look for their answer all the time, or are about to. */
export function nrPolling(words: Int32Array): number {
  const now = laneClock();
  let nr = 0;
  for (let w = HEAD; w < HEAD + NR_LANES * LANE; w += LANE)
    if (Atomics.load(words, w + POLLS) !== 0 && !isFree(words[w + TAKEN] as number, now)) nr++;
  return nr;
}

/** What may go wrong at the other end. */
export const REMOTE_CODES = ["EIO", "ENOSPC", "EACCES"] as const;

/** The shared memory; see the file's head. Plain data: a message to another thread can carry it. */
export interface RemoteLanes {
  readonly words: Int32Array;
  /** For each lane: BATCH pages to be written, a page that was read, a message. */
  readonly bytes: Uint8Array;
  /** A bit a slot: it was freed. And a bit for each word of these that may not be 0. */
  readonly freed: Int32Array;
  readonly freedWords: Int32Array;
  /** A number for each slot that is another after each write; the worker's to write. */
  readonly generations: Uint16Array;
}

export function createLanes(slots: number): RemoteLanes {
  const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(Math.ceil(bytes / 4) * 4);
  const nrWords = Math.ceil(slots / 32);
  return {
    words: new Int32Array(shared((HEAD + NR_LANES * LANE) * 4)),
    bytes: new Uint8Array(shared(NR_LANES * LANE_BYTES + MESSAGE)),
    freed: new Int32Array(shared(nrWords * 4)),
    freedWords: new Int32Array(shared(Math.ceil(nrWords / 32) * 4)),
    generations: new Uint16Array(shared(slots * 2)),
  };
}

/** Note that a slot was freed. Any thread. */
export function noteFreed({ words, freed, freedWords }: RemoteLanes, slot: number): void {
  const word = slot >>> 5;
  if ((Atomics.or(freed, word, 1 << (slot & 31)) & (1 << (slot & 31))) !== 0) return;
  Atomics.or(freedWords, word >>> 5, 1 << (word & 31));
  // Enough for a command of their own; before, they wait for the next request, or until nothing has been asked for a while.
  if ((Atomics.add(words, FREED, 1) & 255) === 255) ring(words);
}

/** Wake the worker. */
export function ring(words: Int32Array): void {
  Atomics.add(words, BELL, 1);
  Atomics.notify(words, BELL);
}
