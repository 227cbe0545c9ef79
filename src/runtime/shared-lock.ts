/**
 * The lock of a memory that several threads or processes share: one word, taken by an atomic exchange, slept on where it is held for long.
 *
 * The word says who holds it (a thread's slot, from 1 on), with a bit for "somebody sleeps", so that taking and letting go is all that
 * there is to say who is to be asked about when it is held for too long. Whoever waits looks, every few hundredths of a second,
 * whether the holder still lives: a worker can be terminated at any instruction. The lock of a dead one is taken over by whoever finds
 * it, who is told so, since what the dead one was at is half done.
 *
 * A thread may take it again while it has it. Of the locks of several shards it may have one: two threads, each with one and waiting for the
 * other's, would wait for ever.
 */
import { LieuError } from "../errors.ts";
import type { Control } from "./control.ts";
import { LOCK } from "./control.ts";

const CONTENDED = 0x100;
const OWNER = 0xff;
/** Looks before sleeping: one of a microsecond or two altogether, as most pieces of work under the lock are shorter. */
const SPINS = 100;
/** After so many milliseconds of sleep, a look at whether the holder lives. */
const LOOK_MS = 20;

/** Locks of which a thread may have one at a time. */
export interface LockFamily {
  /** How many this thread has. */
  held: number;
}

/** See the file's head. */
export class SharedLock {
  /** How often this thread has taken it and not let go of it. */
  depth = 0;
  /** What other locks it is one with. */
  family: LockFamily = { held: 0 };
  readonly #control: Control;
  readonly #words: Int32Array;
  readonly #me: number;
  readonly #takenOver: () => void;

  /** `takenOver` is called when the lock was taken from a thread that is dead; this one has it then. */
  constructor(control: Control, slot: number, takenOver: () => void) {
    this.#control = control;
    this.#words = control.words;
    this.#me = slot;
    this.#takenOver = takenOver;
  }

  /** @throws {@link LieuError} EDEADLK while the thread has another lock of the family */
  enter(): void {
    if (this.depth++ !== 0) return;
    if (this.family.held++ !== 0) this.#refuse();
    if (Atomics.compareExchange(this.#words, LOCK, 0, this.#me) !== 0) this.#wait();
  }

  /** Returns whether somebody was waiting. */
  leave(): boolean {
    if (--this.depth !== 0) return false;
    this.family.held--;
    if (Atomics.exchange(this.#words, LOCK, 0) === this.#me) return false;
    this.#control.sleeper.wake(LOCK, 1);
    return true;
  }

  #refuse(): never {
    this.depth--;
    this.family.held--;
    const why = "an operation was begun within another, of the same memory but on another shard of it";
    throw new LieuError(
      "EDEADLK",
      `${why}: what runs within one (a codec's decode, an abort listener) must use no cache or region`,
    );
  }
  #wait(): void {
    const words = this.#words;
    for (let i = 0; i < SPINS; i++) {
      if (Atomics.load(words, LOCK) === 0 && Atomics.compareExchange(words, LOCK, 0, this.#me) === 0) return;
    }
    for (;;) {
      const seen = Atomics.load(words, LOCK);
      // Whoever has slept cannot know that no other does.
      if (seen === 0) {
        if (Atomics.compareExchange(words, LOCK, 0, this.#me | CONTENDED) === 0) return;
        continue;
      }
      const held = seen | CONTENDED;
      if (seen !== held && Atomics.compareExchange(words, LOCK, seen, held) !== seen) continue;
      if (!this.#control.sleeper.wait(LOCK, held, LOOK_MS) || this.#control.isAlive(held & OWNER)) continue;
      if (Atomics.compareExchange(words, LOCK, held, this.#me | CONTENDED) !== held) continue;
      this.#takenOver();
      return;
    }
  }
}
