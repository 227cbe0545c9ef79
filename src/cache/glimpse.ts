/** Gets of a shared cache without the memory's lock (store/glimpse.ts): values of up to a page, on the first node, that have not expired. */
import { OPEN, STATE } from "../runtime/control.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import { DISTURBED } from "../store/glimpse.ts";
import { VALUE_KIND_MASK, VALUE_KIND_SHIFT } from "../store/item.ts";
import { type CacheKey, KeyArea } from "./keys.ts";
import { ValueArea } from "./values.ts";

/** Looks while others have the lock. */
const TRIES = 200;
/** Gets that take the lock at once after some that had to, at most. */
const MOST_BLIND = 16;
/** From so many hits on that the store was not told of, it is with each of so many more, if nobody has the lock. */
const TELL_FROM = 64;
const TELL_EVERY = 8;
const VALUE_BYTES = 4096;

/** See the file's head. */
export class Glimpse {
  /** Where the value found last is: its bytes are the first there. */
  readonly values: ValueArea;
  readonly #keys: KeyArea;
  readonly #vm: SharedVm;
  readonly #meta: number;
  readonly #vma: number;
  readonly #incarnation: number;
  readonly #lane: number;
  readonly #out: number;
  readonly #now: () => number;
  /** Gets that are to take the lock at once, and how many that are after the next one that has to. */
  #blind = 0;
  #next = 0;

  /** `now`: the time of the operation that a look is of. */
  constructor(vm: SharedVm, meta: number, vma: number, incarnation: number, now: () => number) {
    this.#now = now;
    const { lane, segment } = vm;
    this.#vm = vm;
    this.#meta = meta;
    this.#vma = vma;
    this.#incarnation = incarnation;
    this.#lane = lane.address;
    this.#out = lane.out;
    this.#keys = new KeyArea(segment, lane.key);
    this.values = new ValueArea(segment, lane.value, VALUE_BYTES);
  }

  /** Look `key` up. Returns the bytes of its value, or a negative number: take the lock. @throws {@link LieuError} EINVAL if it is no key */
  find(key: CacheKey, time: number): number {
    if (this.#blind > 0) {
      this.#blind--;
      return DISTURBED;
    }
    const word = this.#keys.put(key);
    const { storeCalls, control } = this.#vm;
    let length = DISTURBED;
    try {
      for (let i = 0; length === DISTURBED && i < TRIES; i++)
        length = storeCalls.storeGlimpse(this.#meta, word, this.#lane, time);
    } catch {
      // Led to no address at all.
    }
    // Whoever has closed it meanwhile had the lock.
    if (length >= 0 && control.words[STATE] === OPEN && control.lives(this.#vma, this.#incarnation)) {
      this.#next = 0;
      return length;
    }
    this.#blind = this.#next;
    this.#next = Math.min(MOST_BLIND, 2 * this.#next + 1);
    return DISTURBED;
  }
  /** What kind of value was found. */
  get kind(): number {
    return ((this.#vm.segment.h32[this.#out + 2] as number) >>> VALUE_KIND_SHIFT) & VALUE_KIND_MASK;
  }
  get location(): number {
    return this.#vm.segment.h32[this.#out] as number;
  }
  /** What was found was a hit: the store is to hear of it. */
  count(): void {
    const vm = this.#vm;
    const { lane } = vm;
    const noted = lane.note(this.#vma, this.#incarnation);
    if (noted > 0 && noted < TELL_FROM && !vm.wantsTurn) return;
    if (noted > 0 && !vm.wantsTurn) {
      if (noted % TELL_EVERY === 0) vm.hearOwn();
      return;
    }
    // Or nobody would do what is to be done beside the gets.
    vm.locked(() => {
      vm.hearSeen();
      vm.turn(this.#now());
      if (noted === 0) lane.note(this.#vma, this.#incarnation);
    });
  }
}
