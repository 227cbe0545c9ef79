/**
 * What the threads of a shared memory know of each other and of what is on it, beside the segment: one small shared buffer.
 *
 *   state | - | registry's length | incarnations | loads | the thread that reclaims | ... | the last slot that ever was one's | ... |
 *   who is about to begin one that reclaims | which store is being changed | ... | lock
 *   threads: thread id, start time (two words), process id
 *   stores: of a mapping that is a cache's, the first page of its index; 0
 *   mappings that live: which incarnation of the number it is; 0
 *   loads under way (in-flight.ts)
 *   registry: what has a name, as JSON, in one of two halves
 *
 * All but a thread's own slot is written under the lock. The lock and the state are read by atomics; what is read under the lock needs none.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { LieuError } from "../errors.ts";
import { MAX_VMAS } from "../mm/layout.ts";

/** To be moved on with whatever makes two builds of lieu read this buffer otherwise: the processes that share one must be of one. */
export const CONTROL_VERSION = 7;

/** In a line of the processor's cache that has nothing else: who only looks at the words beside it need not have it anew with each turn. */
export const LOCK = 16;
export const STATE = 1;
/** The length of the registry, and, by the sign, in which half of its room it is. */
const LENGTH = 3;
const SECOND = -0x80000000;
const MOST_TEXT = 0xffffff;
const INCARNATIONS = 4;
/** Loads under way. */
export const NR_LOADS = 5;
/** What the thread that reclaims is at: one of the KSWAPD_ states; it sleeps on this word. */
export const KSWAPD = 6;
/** 1: one of the threads cannot make the others' stores visible: nobody does without the lock (gate.ts). */
export const NO_BARRIER = 8;
/** The highest slot that any thread has had. */
const LAST_SLOT = 9;
/** The slot of the thread that is about to begin one that reclaims, so that no other does (kswapd-turns.ts); 0: none. */
export const KSWAPD_HEIR = 12;
/** The slot of the thread that reclaims. */
export const KSWAPD_SLOT = 7;
/** Which store is being changed (changing.ts). */
export const CHANGING = 13;
/** 1: the thread that reclaims writes the pages of the writeback table, to which nobody may add meanwhile. */
export const KSWAPD_WRITING = 14;
const SLOTS = 64;
const SLOT_WORDS = 4;
/** What the lock's word can tell apart. */
export const MOST_THREADS = 255;
/** In place of a thread's number: somebody takes the slot, and has not said yet who he is. */
const TAKEN = -0x80000000;
/** Of a mapping: it is the memory's own, and has no name. */
const OWN = -0x80000000;
const STORES = 2048;
const LIVE = STORES + MAX_VMAS;
/** Loads under way (in-flight.ts): the first word, and sets of 32 words. */
export const IN_FLIGHT: number = LIVE + MAX_VMAS;
export const IN_FLIGHT_SETS = 256;
/** f64, at this byte: mappings that have ended (gate.ts). */
const ENDED = 40;
/** Byte at which the registry begins. */
const REGISTRY_BYTES = 1 << 16;
/** Bytes of it all. */
export const CONTROL_BYTES: number = 1 << 20;

/** States of the memory. */
export const OPEN = 0;
export const CLOSED = 1;
/** A thread died in the middle of an operation, and what it left is being made whole, or cannot be (takeover.ts). */
export const BROKEN = 2;

/** Nobody: whoever comes by reclaims. */
export const KSWAPD_NONE = 0;
export const KSWAPD_RUNNING = 1;
export const KSWAPD_ASLEEP = 2;

/** A mapping, as another thread may hold it. */
export interface SharedMapping {
  readonly id: number;
  readonly start: number;
  readonly pages: number;
}
/** A cache, as other threads find it. */
export interface SharedCacheEntry {
  readonly name: string;
  readonly data: SharedMapping;
  readonly meta: SharedMapping;
  readonly maxPages: number;
  /** What its values are ("any", ...). */
  readonly accepts: string;
  readonly max: number;
  readonly incarnation: number;
  /** Of the part of a cache that is spread over the shards of a memory: the secret with which keys are routed. */
  readonly route?: number;
  /** What was asked for, where those who ask for the same get this one. */
  readonly asked?: string;
}
/** A region, as other threads find it. */
export interface SharedRegionEntry {
  readonly name: string;
  readonly mapping: SharedMapping;
  readonly size: number;
  readonly incarnation: number;
  /** Of what lies here of a region that is spread over the shards of a memory: that one's bytes, and those of an extent. */
  readonly spread?: { readonly size: number; readonly extent: number };
  readonly asked?: string;
}
/** A group, as other processes find it. */
export interface SharedGroupEntry {
  readonly name: string;
  readonly id: number;
  readonly asked: string;
  /** In the first shard of a memory of several: what was asked for, the limits of all shards together (field, pages), and whether each has its share. */
  readonly whole?: {
    readonly asked: string;
    readonly limits: readonly (readonly [number, number])[];
    readonly areDivided: boolean;
  };
}
/** What has a name; and the groups of tenants' caches. */
export interface Registry {
  readonly caches: readonly SharedCacheEntry[];
  readonly regions: readonly SharedRegionEntry[];
  readonly groups: readonly SharedGroupEntry[];
  readonly cacheGroups: readonly { readonly tenant: number; readonly id: number }[];
}
const NOTHING: Registry = { caches: [], regions: [], groups: [], cacheGroups: [] };

/** How a thread sleeps on a word of the control buffer, and is woken: Atomics, or futex(2) where there are other processes. */
export interface Sleeper {
  /** Sleep for at most `ms` while word `index` is `value`. Returns whether the time was up; it may wake for no reason. */
  wait(index: number, value: number, ms: number): boolean;
  wake(index: number, count: number): void;
}

/** A thread that shares the memory. */
export interface Member {
  readonly slot: number;
  readonly pid: number;
  readonly tid: number;
  readonly alive: boolean;
  /** Whether it is the thread that reclaims. */
  readonly kswapd: boolean;
}

/** The control buffer, as one thread sees it; see the file's head. */
export class Control {
  readonly words: Int32Array;
  /** For whoever waits for a word of it. */
  readonly sleeper: Sleeper;
  readonly #bytes: Uint8Array;
  readonly #ended: Float64Array;
  /** Whether the slot of this thread was another's who died: what he held is to be let go. */
  inherits = false;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(CONTROL_BYTES), sleeper?: Sleeper) {
    this.words = new Int32Array(buffer, 0, CONTROL_BYTES >>> 2);
    this.#bytes = new Uint8Array(buffer, REGISTRY_BYTES, CONTROL_BYTES - REGISTRY_BYTES);
    this.#ended = new Float64Array(buffer, ENDED, 1);
    this.sleeper = sleeper ?? threadSleeper(this.words);
  }

  get buffer(): SharedArrayBuffer {
    return this.words.buffer as SharedArrayBuffer;
  }
  get state(): number {
    return Atomics.load(this.words, STATE);
  }
  set state(state: number) {
    Atomics.store(this.words, STATE, state);
  }

  // ---- the thread that reclaims --------------------------------------------------------------------------------------
  /** Sleep for at most `ms` while its word is `state`. */
  sleepKswapd(state: number, ms: number): void {
    this.sleeper.wait(KSWAPD, state, ms);
  }
  /** Wake it, if it sleeps. */
  rouseKswapd(): void {
    if (Atomics.compareExchange(this.words, KSWAPD, KSWAPD_ASLEEP, KSWAPD_RUNNING) === KSWAPD_ASLEEP)
      this.sleeper.wake(KSWAPD, 1);
  }
  /** The slot of the thread that reclaims, or of one that did and has died; 0: there is none. */
  get kswapdSlot(): number {
    return Atomics.load(this.words, KSWAPD) === KSWAPD_NONE ? 0 : Atomics.load(this.words, KSWAPD_SLOT);
  }
  /** Give it another state, and wake it. Under the lock. */
  wakeKswapd(state: number): void {
    Atomics.store(this.words, KSWAPD, state);
    this.sleeper.wake(KSWAPD, 1);
  }

  // ---- threads ----------------------------------------------------------------------------------------------------------
  /** A slot for this thread, from 1 on. @throws {@link LieuError} ENOMEM if there are too many threads */
  join(): number {
    const { words } = this;
    const { pid, tid, start } = thisThread();
    for (let dead = 0; dead < 2; dead++) {
      for (let slot = 1; slot <= MOST_THREADS; slot++) {
        const at = slotAt(slot);
        const there = Atomics.load(words, at);
        // Slots of the dead are taken when no other is left.
        if (there !== 0 && (dead === 0 || this.isAlive(slot) || this.#holdsLock(slot))) continue;
        if (Atomics.compareExchange(words, at, there, TAKEN) !== there) continue;
        this.inherits = there !== 0;
        words[at + 1] = start | 0;
        words[at + 2] = Math.floor(start / 2 ** 32);
        words[at + 3] = pid;
        Atomics.store(words, at, tid);
        for (let last = this.lastSlot; last < slot; last = this.lastSlot)
          Atomics.compareExchange(words, LAST_SLOT, last, slot);
        return slot;
      }
    }
    throw new LieuError("ENOMEM", `${MOST_THREADS} threads share the memory already: that is the most`);
  }
  /** No thread has ever had a slot above it. */
  get lastSlot(): number {
    return Atomics.load(this.words, LAST_SLOT);
  }
  /** The lock of a dead thread is to be taken over first: it says by the slot whom to ask after. */
  #holdsLock(slot: number): boolean {
    return (Atomics.load(this.words, LOCK) & MOST_THREADS) === slot;
  }
  /** This thread lets go of its slot. */
  part(slot: number): void {
    Atomics.store(this.words, slotAt(slot), 0);
  }
  /** Whether the thread of a slot lives. Where that cannot be known, it does. */
  isAlive(slot: number): boolean {
    const at = slotAt(slot);
    const tid = Atomics.load(this.words, at);
    if (tid <= 0) return tid < 0;
    const start = startOf(this.words[at + 3] as number, tid);
    if (start === undefined) return false;
    return start === ((this.words[at + 1] as number) >>> 0) + (this.words[at + 2] as number) * 2 ** 32;
  }
  /** Who has a slot. */
  members(): Member[] {
    const found: Member[] = [];
    const { kswapdSlot } = this;
    for (let slot = 1; slot <= MOST_THREADS; slot++) {
      const at = slotAt(slot);
      const tid = Atomics.load(this.words, at);
      if (tid !== 0 && tid !== TAKEN)
        found.push({
          ...{ slot, pid: this.words[at + 3] as number, tid, alive: this.isAlive(slot) },
          kswapd: slot === kswapdSlot,
        });
    }
    return found;
  }

  // ---- mappings ---------------------------------------------------------------------------------------------------------
  /** A number for a mapping that begins to live, and the store that it holds, if it is a cache's. */
  begin(vma: number, meta = 0): number {
    const incarnation = ((this.words[INCARNATIONS] as number) + 1) | 0 || 1;
    this.words[INCARNATIONS] = incarnation;
    this.words[LIVE + vma] = incarnation;
    this.words[STORES + vma] = meta;
    return incarnation;
  }
  /** The mapping is no more, nor what it was of. */
  end(vma: number): void {
    this.register(({ caches, regions, ...rest }) => ({
      ...rest,
      caches: caches.filter(({ data }) => data.id !== vma),
      regions: regions.filter(({ mapping }) => mapping.id !== vma),
    }));
    this.forget(vma);
  }
  /** The mapping has no name, and stays. */
  own(vma: number): void {
    this.words[LIVE + vma] = OWN;
  }
  isOwn(vma: number): boolean {
    return this.words[LIVE + vma] === OWN;
  }
  /** What the number stood for is no more. */
  forget(vma: number): void {
    if (this.words[LIVE + vma] !== 0) this.#ended[0] = this.ended + 1;
    this.words[LIVE + vma] = 0;
    this.words[STORES + vma] = 0;
  }
  /** How many mappings have ended so far. */
  get ended(): number {
    return this.#ended[0] as number;
  }
  lives(vma: number, incarnation: number): boolean {
    return this.words[LIVE + vma] === incarnation;
  }
  /** The first page of the index of the cache whose entries are in mapping `vma`; 0: it is none's. */
  storeOf(vma: number): number {
    return this.words[STORES + vma] as number;
  }

  // ---- names ------------------------------------------------------------------------------------------------------------
  registry(): Registry {
    const word = this.words[LENGTH] as number;
    const length = word & MOST_TEXT;
    if (length === 0) return NOTHING;
    const at = word < 0 ? this.#bytes.length >>> 1 : 0;
    return JSON.parse(Buffer.from(this.#bytes.subarray(at, at + length)).toString()) as Registry;
  }
  /**
   * Change the registry. The new one is written beside the old, and is in force by one store: whoever dies in the middle has changed nothing.
   *
   * @throws {@link LieuError} ENOMEM if there is no room for it
   */
  register(change: (registry: Registry) => Registry): void {
    const text = Buffer.from(JSON.stringify(change(this.registry())));
    const half = this.#bytes.length >>> 1;
    if (text.length > Math.min(half, MOST_TEXT)) {
      throw new LieuError("ENOMEM", "the names of the regions and caches of the memory are too long together");
    }
    const second = (this.words[LENGTH] as number) >= 0;
    this.#bytes.set(text, second ? half : 0);
    Atomics.store(this.words, LENGTH, text.length | (second ? SECOND : 0));
  }
}

function slotAt(slot: number): number {
  return SLOTS + (slot - 1) * SLOT_WORDS;
}

/** The system's numbers for this process and thread, and when that began; -1 where that is not to be had. */
function thisThread(): { readonly pid: number; readonly tid: number; readonly start: number } {
  const nobody = { pid: process.pid, tid: -1, start: 0 };
  if (process.platform !== "linux") return nobody;
  try {
    const tid = Number(readlinkSync("/proc/thread-self").split("/").pop());
    return { pid: process.pid, tid, start: startOf(process.pid, tid) ?? 0 };
  } catch {
    return nobody;
  }
}
/** When a thread of a process began, in the system's ticks; undefined: there is none. */
function startOf(pid: number, tid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "latin1");
    // The name before it is in brackets, and may have any in it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // Zombies have ended.
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}

/** Sleeping as threads of one process do. */
function threadSleeper(words: Int32Array): Sleeper {
  return {
    wait: (index, value, ms) => Atomics.wait(words, index, value, ms) === "timed-out",
    wake: (index, count) => void Atomics.notify(words, index, count),
  };
}
