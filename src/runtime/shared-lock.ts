/**
 * The lock of a memory that several threads or processes share: one word, taken by an atomic exchange, slept on where it is held for long.
 *
 * The word says who holds it (a thread's slot, from 1 on), with a bit for "somebody sleeps", so that taking and letting go is all that
 * there is to say who is to be asked about when it is held for too long. Whoever waits looks, every few hundredths of a second,
 * whether the holder still lives: a worker can be terminated at any instruction. The lock of a dead one is taken over by whoever finds
 * it, who is told so, since what the dead one was at is half done.
 *
 * Beside it there is how many turns it has had, which is odd while somebody has it: who reads without the lock sees by it that nobody
 * has changed anything meanwhile (store/glimpse.ts). It is a number of 64 bits, that no memory lives long enough to see again. And there is
 * a word that says that somebody waits: the thread that reclaims (kswapd.ts) ends its piece of work sooner then, and is the last to ask for the
 * next. Whoever waits writes it again as long as he looks, and clears it when he has the lock, so it may be wrong for a moment, either way.
 *
 * A thread may take it again while it has it. Of the locks of several shards it may have one: two threads, each with one and waiting for the
 * other's, would wait for ever.
 */
import { LieuError } from "../errors.ts";
import type { Control } from "./control.ts";
import { KSWAPD_SLOT, LOCK } from "./control.ts";
import { NO_SEGMENT } from "./segment.ts";

const CONTENDED = 0x100;
const OWNER = 0xff;
/** Looks before sleeping: some three hundred microseconds altogether, as most pieces of work under the lock are shorter, and waking up takes as long. */
const SPINS = 40;
/** And while the thread that reclaims has it, which is soon done: some two hundred microseconds. */
const KSWAPD_SPINS = 3200;
/**
 * Steps between two looks, at first and at most (a quarter of a microsecond, and eight; of the thread that reclaims, 50 ns): whoever has the lock needs its line of the processor's cache, and
 * what it guards is soonest done by one thread for a while, as all of it comes over with the lock.
 */
const PAUSE = 160;
const LONGEST_PAUSE = 5120;
const KSWAPD_PAUSE = 32;
/**
 * Looks of {@link SharedLock.giveWay}, and steps between two: as long as several others' pieces of work take, some two hundred microseconds. Where they always
 * want it, it must have its turns, too.
 */
const WAYS = 500;
const WAY_PAUSE = 256;
/** As many of these looks as take some twenty microseconds: who works all the time has had a turn in them. */
const QUIET = 50;
/** After so many milliseconds of sleep, a look at whether the holder lives. */
const LOOK_MS = 20;

let paused = 1;
/** A time that nobody else takes notice of. */
function pause(steps: number): void {
  // By a variable of its own: one of the module's is stored in each step, which takes five times as long.
  let at = paused;
  for (let i = 0; i < steps; i++) at = (Math.imul(at, 0x9e3779b1) ^ i) | 0;
  paused = at;
}

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
  #quiet = false;
  /** The number of turns, and whether somebody waits: in the segment, a word each. */
  #turns: Float64Array;
  #wanted: Int32Array;

  /** `takenOver` is called when the lock was taken from a thread that is dead; this one has it then. */
  constructor(control: Control, slot: number, turns: Float64Array, wanted: Int32Array, takenOver: () => void) {
    this.#control = control;
    this.#words = control.words;
    this.#me = slot;
    this.#turns = turns;
    this.#wanted = wanted;
    this.#takenOver = takenOver;
  }

  /** Whether somebody waits for it. */
  get isWanted(): boolean {
    return this.#wanted[0] !== 0;
  }
  /** Whether nobody takes it for some {@link QUIET} looks. */
  get isQuiet(): boolean {
    const turns = this.#turns[0] as number;
    if (turns % 2 !== 0) return false;
    for (let i = 0; i < QUIET; i++) {
      pause(WAY_PAUSE);
      if (this.#turns[0] !== turns) return false;
    }
    return true;
  }
  /** Before {@link enter}: let others have it first, for a while. */
  giveWay(): void {
    for (let i = 0; i < WAYS; i++) {
      if (Atomics.load(this.#words, LOCK) === 0 && this.#wanted[0] === 0) return;
      pause(WAY_PAUSE);
    }
    // Whoever still does says so again; who died waiting does not.
    this.#wanted[0] = 0;
  }

  /** @throws {@link LieuError} EDEADLK while the thread has another lock of the family */
  enter(): void {
    if (this.depth++ !== 0) return;
    if (this.family.held++ !== 0) this.#refuse();
    if (Atomics.compareExchange(this.#words, LOCK, 0, this.#me) !== 0) this.#wait();
    this.#count();
  }
  /**
   * Take it if nobody has it, for something that who searches without the lock need not know of: it counts as no turn. Returns whether
   * this thread has it then.
   */
  enterQuietly(): boolean {
    if (this.family.held !== 0) return false;
    if (Atomics.compareExchange(this.#words, LOCK, 0, this.#me) !== 0) return false;
    this.depth = this.family.held = 1;
    this.#quiet = true;
    return true;
  }
  #count(): void {
    this.#turns[0] = (this.#turns[0] as number) + 1;
  }

  /** The memory is given up: hold no byte of it. With the lock, or when nobody else has it. */
  retire(): void {
    this.#turns = NO_SEGMENT.hf;
    this.#wanted = NO_SEGMENT.h32;
  }
  /** Returns whether somebody was waiting. */
  leave(): boolean {
    if (--this.depth !== 0) return false;
    this.family.held--;
    if (this.#quiet) this.#quiet = false;
    else this.#count();
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
    if (!this.#look()) this.#sleep();
    this.#wanted[0] = 0;
  }
  /** Wait for it awake, as long as that may pay. Returns whether this thread has it. */
  #look(): boolean {
    const words = this.#words;
    const kswapd = words[KSWAPD_SLOT] as number;
    let longest = LONGEST_PAUSE;
    for (let i = 0, spins = SPINS; i < spins; i++) {
      if (this.#wanted[0] === 0) this.#wanted[0] = 1;
      const seen = Atomics.load(words, LOCK);
      if (seen === 0 && Atomics.compareExchange(words, LOCK, 0, this.#me) === 0) return true;
      if (spins === SPINS && kswapd !== 0 && (seen & OWNER) === kswapd) {
        spins = KSWAPD_SPINS;
        longest = KSWAPD_PAUSE;
      }
      pause(Math.min(longest, PAUSE << Math.min(i, 5)));
    }
    return false;
  }
  #sleep(): void {
    const words = this.#words;
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
      // The dead one has counted its turn, or died before.
      if ((this.#turns[0] as number) % 2 === 0) this.#count();
      this.#takenOver();
      this.#count();
      return;
    }
  }
}
