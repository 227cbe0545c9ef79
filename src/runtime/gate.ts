/**
 * Reads and writes of words of regions without the memory's lock, while another thread moves pages: an asymmetric barrier, as in biased
 * locks (D. Dice and A. Kogan, BRAVO, USENIX ATC 2019) and as membarrier(2) is for. Each thread has a mark and a gate, two words of a line of
 * the processor's cache that is its own, in the segment.
 *
 *   an access      mark = 1; entry; if my gate is open and the page is at hand: access; mark = 0              plain loads and stores
 *   who has the    close all gates; membarrier(2); wait until no thread whose gate was open has its mark set;
 *   lock           move pages; let go of the lock
 *
 * The barrier makes every thread that runs pass a full fence. Who looked at his gate before it has his mark to be seen; who looks after it finds
 * it closed, and takes the lock. So an access costs two stores and a load more than in a memory that nobody shares, and the one
 * who moves pages pays for both. Where stores may be seen late (not x86), a second barrier stands behind the waiting: then what was
 * accessed is done when its mark is seen cleared.
 *
 * **Opening.** A thread opens its own gate, when it has the lock, after some accesses that had to take it: each of them costs a hundredth of
 * what closing does. So it has seen all that was done before, and nobody is waited for who uses no region. Before, it looks which of its
 * regions have been unmapped meanwhile, of which nobody else could tell it: their pages may be others' by now.
 *
 * **Death.** Who waits for a mark looks after a while whether its thread lives; the mark of a dead one says nothing any more. A slot's mark is
 * cleared, and its gate closed, when a thread takes the slot. If the one who waits dies, whoever takes the lock over waits anew, for all marks.
 *
 * Without koffi, or where the system has no membarrier(2), no gate is opened and each access takes the lock.
 */
import { type Libc, libcIfThere } from "../host/libc.ts";
import { gateAddr, MARK_SIZE, marksAddr } from "../mm/layout.ts";
import { type Control, MOST_THREADS, NO_BARRIER } from "./control.ts";

/** Accesses under the lock after which a gate that was closed is opened. */
const OPEN_AFTER = 64;
/** Looks at a mark before sleeping; then milliseconds between two, and looks until it is asked whether the thread lives. */
const SPINS = 1000;
const SLEEP_MS = 0.1;
const LOOKS = 100;
/** How long accesses that were begun are given where there is no barrier to wait with. */
const GRACE_MS = 2;
/** What a gate is while it is closed: no bit of an entry that says that its page is at hand. */
const CLOSED_GATE = 64;
/** Threads of which a word of the map of open gates tells. */
const BITS = 32;
/** Whether a thread's stores are seen in their order by all. */
const ORDERED = process.arch === "x64";

/** A region, as far as its gate is concerned. */
export interface Gated {
  /** It may be gone: find out, under the lock. */
  lookAfter(): void;
}

/** The gate of one thread; see the file's head. */
export class Gate {
  /** This thread's line: its mark, and its gate. */
  readonly line: Int32Array;
  /** This thread's regions. */
  readonly regions = new Set<Gated>();
  readonly #words: Int32Array;
  readonly #control: Control;
  readonly #slot: number;
  /** The word of the mark of slot 0, which nobody has: the map of open gates is there. */
  readonly #first: number;
  /** The word that says whether any gate is open. */
  readonly #any: number;
  readonly #barrier: (() => void) | undefined;
  #wanted = 0;
  #ended = 0;

  /** @param processes whether threads of other processes have the memory, too */
  constructor(control: Control, slot: number, words: Int32Array, processes: boolean) {
    this.#words = words;
    this.#control = control;
    this.#slot = slot;
    this.#first = marksAddr() >>> 2;
    this.#any = gateAddr() >>> 2;
    this.line = new Int32Array(words.buffer, this.#markOf(slot) * 4, 2);
    this.#barrier = barrierOf(libcIfThere(), processes);
    // Of whoever had the slot before, who is dead.
    Atomics.store(this.line, 0, 0);
    this.line[1] = CLOSED_GATE;
  }

  /** For a thread that has just come, with the lock: one that has no barrier keeps the gates closed for good. */
  joined(): void {
    if (this.#barrier !== undefined) return;
    this.#control.words[NO_BARRIER] = 1;
    this.still();
  }
  /** With the lock: nobody else is within an access from now on, until it is let go. */
  still(): void {
    if (this.#words[this.#any] !== 0) this.#settle(this.#open());
  }
  /** With a lock that was a dead thread's, who may have been waiting. */
  stillAnew(): void {
    this.#settle(Array.from({ length: MOST_THREADS }, (_, i) => i + 1));
  }
  /** With the lock, after an access that could not do without: perhaps the next ones can. */
  pass(): void {
    const words = this.#words;
    if (this.line[1] === 0 || ++this.#wanted < OPEN_AFTER) return;
    const { ended } = this.#control;
    if (this.#barrier === undefined || this.#control.words[NO_BARRIER] !== 0) return;
    if (ended !== this.#ended) for (const region of this.regions) region.lookAfter();
    this.#ended = ended;
    const at = this.#first + (this.#slot >>> 5);
    words[at] = (words[at] as number) | (1 << (this.#slot % BITS));
    words[this.#any] = 1;
    this.line[1] = 0;
  }

  #markOf(slot: number): number {
    return this.#first + slot * (MARK_SIZE >>> 2);
  }
  /** Slots of threads whose gates are open. */
  #open(): number[] {
    const found: number[] = [];
    for (let i = 0; i <= MOST_THREADS / BITS; i++) {
      for (let bits = this.#words[this.#first + i] as number; bits !== 0; bits &= bits - 1)
        found.push(i * BITS + 31 - Math.clz32(bits & -bits));
    }
    return found;
  }
  #settle(open: readonly number[]): void {
    const words = this.#words;
    for (const slot of open) words[this.#markOf(slot) + 1] = CLOSED_GATE;
    words.fill(0, this.#first, this.#first + Math.ceil((MOST_THREADS + 1) / BITS));
    words[this.#any] = 0;
    const others = open.filter((slot) => slot !== this.#slot);
    // Its own was closed for nobody's sake.
    this.#wanted = others.length === 0 ? OPEN_AFTER : 0;
    if (others.length === 0) return;
    if (this.#barrier === undefined) Atomics.wait(IDLE, 0, 0, GRACE_MS);
    else this.#barrier();
    for (const slot of others) this.#wait(slot);
    if (!ORDERED) this.#barrier?.();
  }
  #wait(slot: number): void {
    const mark = this.#markOf(slot);
    for (let i = 0; Atomics.load(this.#words, mark) !== 0; i++) {
      if (i < SPINS) continue;
      // It does not run: let it.
      Atomics.wait(IDLE, 0, 0, SLEEP_MS);
      if ((i - SPINS) % LOOKS === LOOKS - 1 && !this.#control.isAlive(slot)) Atomics.store(this.#words, mark, 0);
    }
  }
}

/** Nobody wakes who waits for this. */
const IDLE = new Int32Array(new SharedArrayBuffer(4));

function barrierOf(calls: Libc | undefined, processes: boolean): (() => void) | undefined {
  try {
    return calls?.barrier(processes);
  } catch {
    // An old kernel, or one that may not be asked.
    return undefined;
  }
}
