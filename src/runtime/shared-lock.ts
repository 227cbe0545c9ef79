/**
 * The lock of a memory that several threads or processes share: one word, taken by an atomic exchange, slept on where it is held for long.
 *
 * The word says who holds it (a thread's slot, from 1 on), with a bit for "somebody sleeps", so that taking and letting go is all that
 * there is to say who is to be asked about when it is held for too long. Whoever waits looks, every few hundredths of a second,
 * whether the holder still lives: a worker can be terminated at any instruction. The lock of a dead one is taken over by whoever finds
 * it, who is told so, since what the dead one was at is half done.
 *
 * A thread may take it again while it has it.
 */
import type { Control } from "./control.ts";
import { LOCK } from "./control.ts";

const CONTENDED = 0x100;
const OWNER = 0xff;
/** Looks before sleeping: one of a microsecond or two altogether, as most pieces of work under the lock are shorter. */
const SPINS = 100;
/** After so many milliseconds of sleep, a look at whether the holder lives. */
const LOOK_MS = 20;

/** See the file's head. */
export class SharedLock {
  /** How often this thread has taken it and not let go of it. */
  depth = 0;
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

  enter(): void {
    if (this.depth++ !== 0) return;
    if (Atomics.compareExchange(this.#words, LOCK, 0, this.#me) !== 0) this.#wait();
  }

  /** Returns whether somebody was waiting. */
  leave(): boolean {
    if (--this.depth !== 0) return false;
    if (Atomics.exchange(this.#words, LOCK, 0) === this.#me) return false;
    this.#control.sleeper.wake(LOCK, 1);
    return true;
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
