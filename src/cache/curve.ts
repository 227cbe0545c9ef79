/**
 * A miss-ratio curve, live: what share of a cache's requests an LRU cache of any size would miss. It is SHARDS of a fixed
 * size (C. Waldspurger et al., FAST 2015): keys are sampled by their hash, all requests for a sampled key are seen, and how
 * many bytes lie between two of them, divided by the share of keys that is sampled, is the least size that would have hit.
 *
 * **Why LRU, when the store has another policy.** One pass over a sample gives the curve of a stack algorithm at all sizes; what
 * the store does at another size only a store of that size can tell, and it takes a replay to find out. And the store is held
 * to LRU: it misses no more than that by half a point (store/guard.ts). So the curve is what can be relied on, and where the cache
 * is below it, that is what learning wins.
 *
 * **Bytes.** Each entry takes what its value, its key and its share of the index take. An entry's own bytes are not scaled: half of
 * a large object is none. Where sizes differ much, a few objects have most of the bytes, and whether they are in the sample would be
 * most of what it says. So whatever has as many bytes as one sampled entry stands for on average is kept track of whatever its hash,
 * and stands for itself; only its requests are counted by hash alone, like all others'.
 *
 * **Bounds.** At most {@link MOST_KEYS} keys, 25 bytes each: when there are more, what lies deeper than the largest size that is
 * asked about goes, and if that is not enough, the threshold falls. It falls too when more requests are seen than may be in the
 * time that has passed: {@link FREE} in any case, then {@link PER_MS} a millisecond, which is about a hundredth of it (bench/metrics.mjs). It does not
 * rise; when there could be a larger sample, another one is begun (curve-learner.ts).
 */

import { NR_SAMPLED_AGES, SAMPLED_EXPIRED, SAMPLED_GET, SAMPLED_GONE } from "../store/sampled.ts";
import { CountedSince } from "./counted.ts";
import { Distances, type MissRatioCurve, OTHERS, type Requests } from "./distances.ts";
import { HashFilter } from "./hash-filter.ts";
import { PlaceSums, TOGETHER } from "./place-sums.ts";

/** A key in the sample at most; arrays for them grow up to this. */
export const MOST_KEYS = 32_768;
const FIRST_KEYS = 1024;
/** Places for each entry that there is room for: gaps are closed when they are used up. */
const PLACES = 2;
/** Bytes of an entry beside value and key: head, stamp, its share of the index. */
export const ENTRY_BYTES = 30;
/** Requests for sampled keys that may always be seen, and in each millisecond. */
const FREE = 1 << 19;
const PER_MS = 8;
/** Milliseconds in which what one more sampler may always see is a quarter of what the first may. */
export const MS_OF_FREE: number = (4 * FREE) / PER_MS;
/** A sample of less than this part of what there is room for may be larger. */
export const FEW = 8;
/** Seen requests between two looks at the clock. */
const CHECK = 1024;
/** Sizes up to this many times the cache's are told of. */
const BEYOND = 8;
/** By what the threshold falls, and by what at most. */
const FALL = 0.75;
const LEAST_FALL = 1 / 16;
const ALL = 2 ** 32;
// Words of an entry.
const WORDS = 3;
const [HASH, PLACE, SIZE] = [0, 1, 2] as const;
/** Bytes of a key, but for unusual ones. */
const MOST_KEY = 64;
/** Beside SAMPLED_GET and the like (store/sampled.ts): a hit above the store, of which the length of the key is not known. */
export const SAMPLED_HIT = -1;
/** No value is as large. */
const BIGGEST = 0x7fffffff;
/** Requests after which what was counted is halved. */
const HALVE_AFTER = 2 ** 24;

/** What a sampler needs of its cache. */
export interface CurveHost {
  /** Most bytes that the cache may hold. */
  readonly maxSize: number;
  /** Requests so far. */
  requests(): Requests;
  /** Milliseconds, not falling. */
  now(): number;
  /** Keys whose hash is below this are to be told of, and those of values of at least `big` bytes. */
  sample(threshold: number, big: number): void;
  /** Told now and then. `few`: there is room and time for a larger sample. */
  looked?(few: boolean): void;
}

/**
 * See the file's head. Entries are numbers, 0 to the number of keys less 1; `place` is a position in the order of last requests,
 * from 1 on, with gaps where entries were.
 */
export class CurveSampler {
  readonly #host: CurveHost;
  #most: number;
  /** Entries that there is room for, and places: twice as many. */
  #room = 0;
  #threshold = ALL - 1;
  /** For how many keys one stands, unless it has at least so many bytes. */
  #scale = 1;
  #big = BIGGEST;
  #keys = 0;
  /** Of each entry its words, side by side, for a line of the processor's cache: hash, place; size. */
  #words = new Int32Array(0);
  #reals = new Float32Array(0);
  /** By hash, linear probing: an entry plus 1. */
  #table = new Uint16Array(0);
  /** The hashes of large entries that are not below the threshold. */
  readonly #others = new HashFilter();
  /** By place: the entry plus 1; and bytes. */
  #at = new Uint16Array(0);
  #sums = new PlaceSums(0);
  #last = 0;
  readonly #distances: Distances;
  #seen = 0;
  readonly #begunAt: number;
  #lookedAt: number;
  /** What the cache has counted since sampling began; older requests count less. */
  readonly #all: CountedSince;

  /** @param most keys, a power of two */
  constructor(host: CurveHost, most = MOST_KEYS) {
    this.#host = host;
    this.#most = most;
    this.#begunAt = this.#lookedAt = host.now();
    this.#all = new CountedSince(() => host.requests());
    this.#distances = new Distances(BEYOND * host.maxSize);
    this.#rebuild(Math.min(FIRST_KEYS, most));
    this.#tell();
  }

  /** Bytes that the sample takes. */
  get bytes(): number {
    const arrays = [this.#words, this.#table, this.#others, this.#at, this.#sums, this.#distances];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Keys whose hash is below this are to be told of, and those of values of at least so many bytes. */
  get threshold(): number {
    return this.#threshold;
  }
  get big(): number {
    // It compares values alone.
    return Math.max(1, this.#big - ENTRY_BYTES - MOST_KEY);
  }
  /** All keys, about. */
  get allKeys(): number {
    return this.#keys * this.#scale;
  }
  /** Requests since it began, or since what was counted was forgotten. */
  get requests(): number {
    return this.#all.total;
  }
  /** Count anew; the keys stay. */
  forgetCounts(): void {
    this.#all.forget();
    this.#distances.clear();
  }
  /** There may be at most so many keys, a power of two, and no fewer than there are. */
  setMost(most: number): void {
    this.#most = most;
    if (this.#room > most) this.#rebuild(most);
  }

  /** What becomes of a sampled key (store/sampled.ts, {@link SAMPLED_HIT}); `bytes` are those of its value and key, `stratum` is a request's. */
  hear(hash: number, bytes: number, what: number, stratum: number = OTHERS): void {
    const counts = hash >>> 0 < this.#threshold;
    // Of hits above, what is large is told of, now and then, by touched().
    if (!counts && what === SAMPLED_HIT) return;
    const slot = this.#find(hash);
    const e = (this.#table[slot] as number) - 1;
    const size = bytes > 0 ? bytes + ENTRY_BYTES : 0;
    if (!counts && size < this.#big) {
      // It was large, or seemed to be.
      if (e >= 0) this.#remove(slot, e);
      return;
    }
    if (what === SAMPLED_GONE || what === SAMPLED_EXPIRED) {
      if (what === SAMPLED_EXPIRED) this.#distances.bookCold(this.#scale);
      if (e >= 0) this.#remove(slot, e);
    } else {
      // How long ago the last request was is not known of the first hit above.
      if ((what === SAMPLED_GET || what === SAMPLED_HIT) && counts && stratum >= 0) {
        if (e >= 0) this.#request(e, stratum);
        else this.#distances.bookCold(this.#scale, stratum);
      }
      if (stratum >= 0 && stratum < NR_SAMPLED_AGES && (size > 0 || e >= 0)) {
        this.#distances.bookBytes(this.#weigh(size > 0 ? size : this.#sizeOf(e)), stratum);
      }
      if (e >= 0) this.#toFront(e, size > 0 && what !== SAMPLED_HIT ? size : this.#sizeOf(e));
      else if (size > 0) this.#add(slot, hash, size);
    }
    if (++this.#seen % CHECK === 0) this.#look();
  }
  /** These keys were asked for above the store, now and then: of those below the threshold all requests are heard. */
  touched(hashes: Int32Array, n: number): void {
    const others = this.#others;
    for (let i = 0; i < n; i++) {
      const hash = hashes[i] as number;
      if (hash >>> 0 < this.#threshold || !others.mayHave(hash)) continue;
      const e = (this.#table[this.#find(hash)] as number) - 1;
      if (e >= 0) this.#toFront(e, this.#sizeOf(e));
    }
  }

  /** The curve as it is now. */
  curve(): MissRatioCurve {
    const largest = BEYOND * this.#host.maxSize;
    const meanBytes = this.#sums.behind(0, this.#last) / Math.max(1, this.allKeys);
    const sample = { keys: this.#keys, rate: 1 / this.#scale, smallest: 0, largest, meanBytes };
    return this.#distances.curve(this.#all.requests, sample);
  }

  /** A request for an entry: book the least size that would have had it. */
  #request(e: number, stratum: number): void {
    const place = this.#words[e * WORDS + PLACE] as number;
    let above = 0;
    const at = this.#at;
    const last = this.#last;
    // The rest of its few places, and what is behind them.
    for (let i = place + 1; (i & (TOGETHER - 1)) !== 0 && i <= last; i++) {
      const other = at[i] as number;
      if (other !== 0) above += this.#weigh(this.#sizeOf(other - 1));
    }
    above += this.#sums.behind(place, last);
    this.#distances.book(above + this.#sizeOf(e), this.#scale, stratum);
  }
  /** The bytes that an entry of this size stands for. */
  #weigh(size: number): number {
    return size >= this.#big ? size : size * this.#scale;
  }
  #leave(e: number): void {
    const place = this.#words[e * WORDS + PLACE] as number;
    this.#at[place] = 0;
    this.#sums.add(place, -this.#weigh(this.#sizeOf(e)));
  }
  #enter(e: number, size: number): void {
    const place = ++this.#last;
    this.#at[place] = e + 1;
    this.#words[e * WORDS + PLACE] = place;
    this.#reals[e * WORDS + SIZE] = size;
    this.#sums.add(place, this.#weigh(this.#sizeOf(e)));
    if (place === this.#at.length - 1) this.#closeUp();
  }
  #toFront(e: number, size: number): void {
    if (this.#words[e * WORDS + PLACE] === this.#last && this.#sizeOf(e) === size) return;
    this.#leave(e);
    this.#enter(e, size);
  }
  #add(slot: number, hash: number, size: number): void {
    let free = slot;
    if (this.#keys === this.#room) {
      this.#makeRoom();
      if (!this.#tracks(hash, size)) return;
      free = this.#find(hash);
    }
    const e = this.#keys++;
    this.#words[e * WORDS + HASH] = hash;
    this.#noteOther(hash);
    this.#table[free] = e + 1;
    this.#enter(e, size);
  }
  #noteOther(hash: number): void {
    if (hash >>> 0 >= this.#threshold) this.#others.add(hash);
  }
  #remove(slot: number, e: number): void {
    this.#leave(e);
    this.#unslot(slot);
    // The last entry takes the place of the one that goes.
    const moved = --this.#keys;
    if (moved === e) return;
    const words = this.#words;
    this.#table[this.#find(words[moved * WORDS + HASH] as number)] = e + 1;
    words.copyWithin(e * WORDS, moved * WORDS, (moved + 1) * WORDS);
    this.#at[words[e * WORDS + PLACE] as number] = e + 1;
  }
  #sizeOf(e: number): number {
    return this.#reals[e * WORDS + SIZE] as number;
  }
  /** Where an entry is in the table, or would be. */
  #find(hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const e = (table[slot] as number) - 1;
      if (e < 0 || this.#words[e * WORDS + HASH] === hash) return slot;
    }
  }
  /** Empty a slot; those behind it that were displaced move up. */
  #unslot(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = slot;
    for (let at = (slot + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = (this.#words[((table[at] as number) - 1) * WORDS + HASH] as number) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at] as number;
      hole = at;
    }
    table[hole] = 0;
  }

  /** There are as many entries as there is room for. */
  #makeRoom(): void {
    if (this.#room < this.#most) {
      this.#rebuild(this.#room * 2);
      return;
    }
    this.#dropDeep();
    while (this.#keys > FALL * this.#room) this.#lower();
  }
  #dropDeep(): void {
    const deepest = BEYOND * this.#host.maxSize;
    if (this.#sums.behind(0, this.#last) > deepest) this.#rebuild(this.#room, deepest);
  }
  /** Whether a key belongs to the sample. */
  #tracks(hash: number, size: number): boolean {
    return hash >>> 0 < this.#threshold || size >= this.#big;
  }
  /** Sample fewer keys: a part of them. */
  #lower(part = FALL): void {
    let [bytes, n] = [0, 0];
    for (let e = 0; e < this.#keys; e++) {
      if ((this.#words[e * WORDS + HASH] as number) >>> 0 >= this.#threshold) continue;
      bytes += this.#sizeOf(e);
      n++;
    }
    this.#threshold = Math.max(1, Math.floor(this.#threshold * part));
    this.#scale = ALL / this.#threshold;
    // It never falls, as what is smaller was not kept track of.
    const mean = n > 0 ? bytes / n : 0;
    this.#big = Math.max(this.#big === BIGGEST ? 0 : this.#big, Math.min(BIGGEST, Math.ceil(mean * this.#scale)));
    this.#rebuild(this.#room);
    this.#tell();
  }
  #tell(): void {
    this.#host.sample(this.threshold, this.big);
  }
  /** Close the gaps between places. */
  #closeUp(): void {
    const at = this.#at;
    const last = this.#last;
    this.#sums.fill(0);
    this.#last = 0;
    for (let place = 1; place <= last; place++) {
      const e = (at[place] as number) - 1;
      if (e < 0) continue;
      const to = ++this.#last;
      at[to] = e + 1;
      this.#words[e * WORDS + PLACE] = to;
      this.#sums.add(to, this.#weigh(this.#sizeOf(e)));
    }
    at.fill(0, this.#last + 1);
  }
  /** Give entries and places anew, in the order that there is, to those of the sample that have no more than `deepest` bytes before them. */
  #rebuild(room: number, deepest = Number.POSITIVE_INFINITY): void {
    const from = this.#words;
    const order = new Int32Array(this.#keys);
    let [n, above] = [0, 0];
    for (let place = this.#last; place > 0 && above <= deepest; place--) {
      const e = (this.#at[place] as number) - 1;
      if (e < 0) continue;
      if (this.#tracks(from[e * WORDS + HASH] as number, this.#sizeOf(e))) order[n++] = e;
      above += this.#weigh(this.#sizeOf(e));
    }
    if (room !== this.#room) {
      this.#room = room;
      this.#table = new Uint16Array(2 * room);
      this.#at = new Uint16Array(PLACES * room);
      this.#sums = new PlaceSums(PLACES * room);
    } else for (const array of [this.#table, this.#at, this.#sums]) array.fill(0);
    this.#words = new Int32Array(room * WORDS);
    this.#reals = new Float32Array(this.#words.buffer);
    this.#keys = this.#last = n;
    this.#others.clear();
    for (let e = 0; e < n; e++) {
      const old = (order[n - 1 - e] as number) * WORDS;
      for (let i = 0; i < WORDS; i++) this.#words[e * WORDS + i] = from[old + i] as number;
      const hash = from[old + HASH] as number;
      this.#noteOther(hash);
      this.#table[this.#find(hash)] = e + 1;
      this.#words[e * WORDS + PLACE] = e + 1;
      this.#at[e + 1] = e + 1;
      this.#sums.add(e + 1, this.#weigh(this.#sizeOf(e)));
    }
  }

  /** Now and then: whether more is seen than there is time for, and whether what was counted is old. */
  #look(): void {
    const host = this.#host;
    const now = host.now();
    const busy = CHECK > PER_MS * (now - this.#lookedAt);
    // A clock that stands still tells nothing.
    if (busy && now > this.#begunAt && this.#seen > FREE + PER_MS * (now - this.#begunAt)) {
      // To what there is time for, as each fall takes time, too.
      this.#lower(Math.min(FALL, Math.max(LEAST_FALL, (PER_MS * (now - this.#lookedAt)) / CHECK)));
    }
    const idle = CHECK < (PER_MS / 4) * (now - this.#lookedAt);
    this.#lookedAt = now;
    const larger = idle && this.#scale > 2;
    if (larger) this.#dropDeep();
    host.looked?.(larger && this.#keys < this.#most / FEW);
    if (this.requests < HALVE_AFTER) return;
    this.#all.halve();
    this.#distances.halve();
  }
}
