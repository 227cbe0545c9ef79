/**
 * Loads that are under way, over all threads of a shared memory: so that a key that several ask for at once is loaded by one of them.
 * A small table in the control buffer, all of it under the memory's lock. A load is found by a hash of its key: two keys of one hash
 * wait for each other's load, find that it was not theirs, and load then.
 */
import { type Control, IN_FLIGHT, IN_FLIGHT_SETS, NR_LOADS } from "./control.ts";

// Words of an entry.
const HASH = 0;
/** The mapping that the cache's entries are in. */
const VMA = 1;
/** The slot of the thread that loads; 0: none does. */
const OWNER = 2;
/** Loads of it that brought a value, in a word that wraps. */
const LOADED = 3;
/** The key was set or deleted meanwhile. */
const SUPERSEDED = 4;
/** Moves on with each claim: a load that was superseded may have lost its entry to another. */
const CLAIM = 5;
const WORDS = 8;
/** Entries that a hash may be in. */
const WAYS = 4;
const SET = WAYS * WORDS;
const END = IN_FLIGHT + IN_FLIGHT_SETS * SET;

/** A load of this thread's: its entry, and which of those that have had it it is. */
export interface Claim {
  readonly at: number;
  readonly claim: number;
}

/** The table, as one thread's handle of one cache sees it; see the file's head. */
export class InFlight {
  readonly #control: Control;
  readonly #vma: number;
  readonly #me: number;

  constructor(control: Control, vma: number, me: number) {
    this.#control = control;
    this.#vma = vma;
    this.#me = me;
  }

  /** The load of a hash becomes this thread's. Undefined: another is under way, or there is no room to say so. */
  claim(hash: number): Claim | undefined {
    const { words } = this.#control;
    let at = this.#find(hash);
    if (at >= 0 && words[at + OWNER] !== 0 && words[at + SUPERSEDED] === 0) return undefined;
    if (at < 0) at = this.#free(hash);
    if (at < 0) return undefined;
    if (words[at + HASH] !== hash || words[at + VMA] !== this.#vma) words[at + LOADED] = 0;
    words[at + HASH] = hash;
    words[at + VMA] = this.#vma;
    words[at + SUPERSEDED] = 0;
    if (words[at + OWNER] === 0) words[NR_LOADS] = (words[NR_LOADS] as number) + 1;
    words[at + OWNER] = this.#me;
    const claim = ((words[at + CLAIM] as number) + 1) | 0;
    words[at + CLAIM] = claim;
    return { at, claim };
  }
  /** This thread's load is over. */
  release({ at, claim }: Claim, loaded: boolean): void {
    const { words } = this.#control;
    if (words[at + CLAIM] !== claim) return;
    this.#end(at);
    if (loaded && words[at + SUPERSEDED] === 0) words[at + LOADED] = ((words[at + LOADED] as number) + 1) | 0;
  }
  /** Whether the key was neither set nor deleted since. */
  isCurrent({ at, claim }: Claim): boolean {
    const { words } = this.#control;
    return words[at + CLAIM] === claim && words[at + SUPERSEDED] === 0;
  }
  /** Whether a load of that hash is under way, by a thread that lives as far as is known. */
  isUnderWay(hash: number, look: boolean): boolean {
    const { words } = this.#control;
    const at = this.#find(hash);
    const owner = at < 0 ? 0 : (words[at + OWNER] as number);
    if (owner === 0 || words[at + SUPERSEDED] !== 0) return false;
    if (!look || owner === this.#me || this.#control.isAlive(owner)) return true;
    this.#end(at);
    return false;
  }
  #end(at: number): void {
    const { words } = this.#control;
    words[at + OWNER] = 0;
    words[NR_LOADS] = (words[NR_LOADS] as number) - 1;
  }
  /** Whether any load is under way, of whatever cache. */
  get any(): boolean {
    return this.#control.words[NR_LOADS] !== 0;
  }
  /** Loads of that hash that brought a value; what it begins with says nothing. */
  loaded(hash: number): number {
    const at = this.#find(hash);
    return at < 0 ? 0 : (this.#control.words[at + LOADED] as number);
  }
  /** The key was set or deleted: what is loaded of it is not to be stored. Without a hash: all keys of the cache. */
  supersede(hash?: number): void {
    const { words } = this.#control;
    if (!this.any) return;
    if (hash !== undefined) {
      const at = this.#find(hash);
      if (at >= 0) words[at + SUPERSEDED] = 1;
      return;
    }
    for (let at = IN_FLIGHT; at < END; at += WORDS) if (words[at + VMA] === this.#vma) words[at + SUPERSEDED] = 1;
  }

  #find(hash: number): number {
    const { words } = this.#control;
    const first = setOf(hash);
    for (let at = first; at < first + SET; at += WORDS) {
      if (words[at + HASH] === hash && words[at + VMA] === this.#vma) return at;
    }
    return -1;
  }
  /** An entry that no load needs. */
  #free(hash: number): number {
    const { words } = this.#control;
    const first = setOf(hash);
    for (let at = first; at < first + SET; at += WORDS) if (words[at + OWNER] === 0) return at;
    return -1;
  }
}

/** Loads of threads that are dead are over. Under the lock. */
export function endLoads({ words }: Control, isDead: (slot: number) => boolean): void {
  let nr = 0;
  for (let at = IN_FLIGHT; at < END; at += WORDS) {
    const owner = words[at + OWNER] as number;
    if (owner !== 0 && isDead(owner)) words[at + OWNER] = 0;
    else if (owner !== 0) nr++;
  }
  words[NR_LOADS] = nr;
}

function setOf(hash: number): number {
  return IN_FLIGHT + (hash & (IN_FLIGHT_SETS - 1)) * SET;
}
