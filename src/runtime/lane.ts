/**
 * A thread's lane of a shared memory's segment: what a search without the lock works with (store/glimpse.ts), and a ring of the hits that were
 * found so, of which the stores are told by whoever has the lock next. Its thread alone writes to it, but for the number of those that were told.
 *
 * What one thread has got, another that has the lock hears of before it does anything to the cache: so the order in which entries go
 * is what it would be if each get had taken the lock.
 *
 * It takes a processor that lets stores be seen in their order (x86-64); elsewhere, and for more threads than there are lanes, every get takes the lock.
 */
import {
  LANE_KEY,
  LANE_NOTES,
  LANE_OUT,
  LANE_RING,
  LANE_SIZE,
  LANE_TOLD,
  LANE_VALUE,
  laneAddr,
  NR_LANES,
  notedAddr,
} from "../mm/layout.ts";
import { hasChanged, willChange } from "./changing.ts";
import type { Control } from "./control.ts";
import type { EngineCalls } from "./engine.ts";
import { NO_SEGMENT, type Segment } from "./segment.ts";

const WORDS = LANE_SIZE >>> 2;
const TOLD = LANE_TOLD >>> 2;
const RING = LANE_RING >>> 2;
const ORDERED = process.arch === "x64";

/** See the file's head. */
export class Lane {
  /** Byte addresses of the lane, and of what is in it; 0: this thread has none. */
  readonly address: number;
  readonly key: number;
  readonly value: number;
  /** Index of the first word that says what was found. */
  readonly out: number;
  readonly #control: Control;
  #h32: Int32Array;
  /** Index of the first lane's first word, of this one's, and of the word that says that there is something to tell. */
  readonly #first: number;
  readonly #at: number;
  readonly #any: number;

  constructor(control: Control, slot: number, segment: Segment) {
    this.#control = control;
    this.#h32 = segment.h32;
    this.#first = laneAddr(1) >>> 2;
    this.#at = laneAddr(slot) >>> 2;
    this.#any = notedAddr() >>> 2;
    const at = ORDERED && slot <= NR_LANES ? laneAddr(slot) : 0;
    this.address = at;
    this.key = at + LANE_KEY;
    this.value = at + LANE_VALUE;
    this.out = (at + LANE_OUT) >>> 2;
  }

  /** Hold no byte of the memory any more. */
  retire(): void {
    this.#h32 = NO_SEGMENT.h32;
  }
  /** Note a hit on what was found last, in that cache. Returns how many are noted that nobody was told of; 0: there is no room for it. */
  note(vma: number, incarnation: number): number {
    const words = this.#h32;
    const at = this.#at;
    const n = words[at] as number;
    const noted = (n - (words[at + TOLD] as number)) | 0;
    if (noted >= LANE_NOTES) return 0;
    const entry = at + RING + ((n & (LANE_NOTES - 1)) << 2);
    words[entry] = vma;
    words[entry + 1] = incarnation;
    words[entry + 2] = words[this.out + 3] as number;
    words[entry + 3] = words[this.out] as number;
    // Whoever sees that it is there sees what it is.
    words[at] = (n + 1) | 0;
    if (words[this.#any] === 0) words[this.#any] = 1;
    return noted + 1;
  }
  /** Whether any thread has noted anything that nobody was told of. */
  get isNoted(): boolean {
    return this.#h32[this.#any] !== 0;
  }
  /** Tell the stores of all hits that all threads have noted. The caller has the lock. */
  hear(calls: EngineCalls): void {
    const last = Math.min(NR_LANES, this.#control.lastSlot);
    // Before it is looked what there is: what comes meanwhile says so again.
    Atomics.store(this.#h32, this.#any, 0);
    for (let slot = 1; slot <= last; slot++) this.#tell(calls, laneWord(this.#first, slot), false);
  }
  /** Tell of those of this thread, as far as it disturbs nobody who searches without the lock (store/glimpse.ts). The caller has it. */
  hearOwn(calls: EngineCalls): void {
    this.#tell(calls, this.#at, true);
  }
  #tell(calls: EngineCalls, at: number, quiet: boolean): void {
    const words = this.#h32;
    const n = words[at] as number;
    for (let i = words[at + TOLD] as number; i !== n; ) {
      const entry = at + RING + ((i & (LANE_NOTES - 1)) << 2);
      const vma = words[entry] as number;
      const incarnation = words[entry + 1] as number;
      let end = (i + 1) | 0;
      while (end !== n && this.#isOf(at, end, vma, incarnation)) end = (end + 1) | 0;
      const meta = this.#control.lives(vma, incarnation) ? this.#control.storeOf(vma) : 0;
      const before = willChange(this.#control, meta);
      const done = meta === 0 ? end : calls.storeSeen(meta, at << 2, i, end, quiet ? 1 : 0);
      hasChanged(this.#control, before);
      words[at + TOLD] = done;
      if (done !== end) return;
      i = end;
    }
  }
  #isOf(at: number, i: number, vma: number, incarnation: number): boolean {
    const entry = at + RING + ((i & (LANE_NOTES - 1)) << 2);
    return this.#h32[entry] === vma && this.#h32[entry + 1] === incarnation;
  }
}

function laneWord(first: number, slot: number): number {
  return first + (slot - 1) * WORDS;
}
