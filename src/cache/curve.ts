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
 * **Bounds.** At most {@link MOST_KEYS} keys, 28 bytes each: when there are more, what lies deeper than the largest size that is
 * asked about goes, and if that is not enough, the threshold falls. It falls too when more requests are seen than may be in the
 * time that has passed: {@link FREE} in any case, then {@link PER_MS} a millisecond, which is under a hundredth of it.
 */

import { SAMPLED_EXPIRED, SAMPLED_GET, SAMPLED_GONE } from "../store/sampled.ts";
import { Distances, type MissRatioCurve } from "./distances.ts";

/** A key in the sample at most; arrays for them grow up to this. */
export const MOST_KEYS = 32_768;
const FIRST_KEYS = 1024;
/** Places for each entry that there is room for: gaps are closed when they are used up. */
const PLACES = 4;
/** Bytes of an entry beside value and key: head, stamp, its share of the index. */
const ENTRY_BYTES = 30;
/** Requests for sampled keys that may always be seen, and in each millisecond. */
const FREE = 1 << 17;
const PER_MS = 30;
/** Seen requests between two looks at the clock. */
const CHECK = 4096;
/** Sizes up to this many times the cache's are told of. */
const BEYOND = 8;
/** And from this part of them on, if there are values above the store. */
const ABOVE = 4;
/** By what the threshold falls. */
const FALL = 0.75;
const ALL = 2 ** 32;
/** Bytes of a key, but for unusual ones. */
const MOST_KEY = 64;
/** No value is as large. */
const BIGGEST = 0x7fffffff;
/** Requests after which what was counted is halved. */
const HALVE_AFTER = 2 ** 24;

/** What a sampler needs of its cache. */
export interface CurveHost {
  /** Most bytes that the cache may hold. */
  readonly maxSize: number;
  /** Requests so far that came to the store, and that were hits above it. */
  requests(): readonly [below: number, above: number];
  /** Milliseconds, not falling. */
  now(): number;
  /** Keys whose hash is below this are to be told of, and those of values of at least `big` bytes. */
  sample(threshold: number, big: number): void;
}

/**
 * See the file's head. Entries are numbers, 0 to the number of keys less 1; `place` is a position in the order of last requests,
 * from 1 on, with gaps where entries were.
 */
export class CurveSampler {
  readonly #host: CurveHost;
  readonly #most: number;
  /** Entries that there is room for, and places: twice as many. */
  #room = 0;
  #threshold = ALL - 1;
  /** For how many keys one stands, unless it has at least so many bytes. */
  #scale = 1;
  #big = BIGGEST;
  #keys = 0;
  #hash = new Int32Array(0);
  #size = new Float32Array(0);
  #place = new Int32Array(0);
  /** By hash, linear probing: an entry plus 1. */
  #table = new Uint16Array(0);
  /** Requests for each entry. */
  #count = new Float32Array(0);
  /** By place: the entry plus 1; and the bytes of those of 32 places, and of 1024. */
  #at = new Uint16Array(0);
  #sums = new Float64Array(0);
  #tops = new Float64Array(0);
  #last = 0;
  readonly #distances = new Distances();
  #seen = 0;
  readonly #begunAt: number;
  #lookedAt: number;
  /** What the cache had counted when sampling began, or when what was counted was last halved; and what was left of that then. */
  #from: readonly [number, number];
  #past: readonly [number, number] = [0, 0];

  /** @param most keys, a power of two */
  constructor(host: CurveHost, most = MOST_KEYS) {
    this.#host = host;
    this.#most = most;
    this.#begunAt = this.#lookedAt = host.now();
    this.#from = host.requests();
    this.#rebuild(Math.min(FIRST_KEYS, most), () => true);
    this.#tell();
  }

  /** Bytes that the sample takes. */
  get bytes(): number {
    const arrays = [this.#hash, this.#size, this.#count, this.#place, this.#table, this.#at, this.#sums, this.#tops];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** What becomes of a sampled key (store/sampled.ts); `bytes` are those of its value and key. */
  hear(hash: number, bytes: number, what: number): void {
    const counts = hash >>> 0 < this.#threshold;
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
      if (what === SAMPLED_GET && counts) {
        if (e >= 0) this.#request(e);
        else this.#distances.bookCold(this.#scale);
      }
      if (e >= 0) this.#toFront(e, size > 0 ? size : (this.#size[e] as number));
      else if (size > 0) this.#add(slot, hash, size);
    }
    if (++this.#seen % CHECK === 0) this.#look();
  }
  /** These keys were asked for above the store, where that was counted. */
  touched(hashes: Int32Array, n: number): void {
    for (let i = 0; i < n; i++) {
      const hash = hashes[i] as number;
      const e = (this.#table[this.#find(hash)] as number) - 1;
      if (e >= 0) this.#toFront(e, this.#size[e] as number);
    }
  }

  /** The curve as it is now. */
  curve(): MissRatioCurve {
    const { maxSize } = this.#host;
    const requests = this.#requests();
    const smallest = requests[1] > 0 ? maxSize / ABOVE : 0;
    const sample = { keys: this.#keys, rate: 1 / this.#scale, smallest, largest: BEYOND * maxSize };
    return this.#distances.curve(requests, sample);
  }

  #requests(): readonly [below: number, above: number] {
    const [below, above] = this.#host.requests();
    return [this.#past[0] + below - this.#from[0], this.#past[1] + above - this.#from[1]];
  }
  /** A request for an entry: book the least size that would have had it. */
  #request(e: number): void {
    const place = this.#place[e] as number;
    const count = (this.#count[e] as number) + 1;
    this.#count[e] = count;
    let above = 0;
    // The rest of its 32 places, of its 1024, and of all.
    const at = this.#at;
    const size = this.#size;
    const sums = this.#sums;
    const tops = this.#tops;
    for (let i = place + 1; (i & 31) !== 0; i++) {
      const other = at[i] as number;
      if (other !== 0) above += this.#weigh(size[other - 1] as number);
    }
    for (let i = (place >>> 5) + 1; (i & 31) !== 0; i++) above += sums[i] as number;
    for (let i = (place >>> 10) + 1; i < tops.length; i++) above += tops[i] as number;
    this.#distances.book(above + (size[e] as number), this.#scale, count);
  }
  /** The bytes that an entry of this size stands for. */
  #weigh(size: number): number {
    return size >= this.#big ? size : size * this.#scale;
  }
  #addAt(place: number, bytes: number): void {
    this.#sums[place >>> 5] = (this.#sums[place >>> 5] as number) + bytes;
    this.#tops[place >>> 10] = (this.#tops[place >>> 10] as number) + bytes;
  }
  #leave(e: number): void {
    const place = this.#place[e] as number;
    this.#at[place] = 0;
    this.#addAt(place, -this.#weigh(this.#size[e] as number));
  }
  #enter(e: number, size: number): void {
    const place = ++this.#last;
    this.#at[place] = e + 1;
    this.#place[e] = place;
    this.#size[e] = size;
    this.#addAt(place, this.#weigh(this.#size[e] as number));
    if (place === this.#at.length - 1) this.#closeUp();
  }
  #toFront(e: number, size: number): void {
    if (this.#place[e] === this.#last && this.#size[e] === size) return;
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
    this.#hash[e] = hash;
    this.#count[e] = 1;
    this.#table[free] = e + 1;
    this.#enter(e, size);
  }
  #remove(slot: number, e: number): void {
    this.#leave(e);
    this.#unslot(slot);
    // The last entry takes the place of the one that goes.
    const moved = --this.#keys;
    if (moved === e) return;
    this.#table[this.#find(this.#hash[moved] as number)] = e + 1;
    this.#hash[e] = this.#hash[moved] as number;
    this.#size[e] = this.#size[moved] as number;
    this.#count[e] = this.#count[moved] as number;
    this.#place[e] = this.#place[moved] as number;
    this.#at[this.#place[e] as number] = e + 1;
  }
  /** Where an entry is in the table, or would be. */
  #find(hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const e = (table[slot] as number) - 1;
      if (e < 0 || this.#hash[e] === hash) return slot;
    }
  }
  /** Empty a slot; those behind it that were displaced move up. */
  #unslot(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = slot;
    for (let at = (slot + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = (this.#hash[(table[at] as number) - 1] as number) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at] as number;
      hole = at;
    }
    table[hole] = 0;
  }

  /** There are as many entries as there is room for. */
  #makeRoom(): void {
    if (this.#room < this.#most) {
      this.#rebuild(this.#room * 2, () => true);
      return;
    }
    const deepest = BEYOND * this.#host.maxSize;
    this.#rebuild(this.#room, (_hash, _size, above) => above <= deepest);
    while (this.#keys > FALL * this.#room) this.#lower();
  }
  /** Whether a key belongs to the sample. */
  #tracks(hash: number, size: number): boolean {
    return hash >>> 0 < this.#threshold || size >= this.#big;
  }
  /** Sample fewer keys. */
  #lower(): void {
    let [bytes, n] = [0, 0];
    for (let e = 0; e < this.#keys; e++) {
      if ((this.#hash[e] as number) >>> 0 >= this.#threshold) continue;
      bytes += this.#size[e] as number;
      n++;
    }
    this.#threshold = Math.max(1, Math.floor(this.#threshold * FALL));
    this.#scale = ALL / this.#threshold;
    // It never falls, as what is smaller was not kept track of.
    const mean = n > 0 ? bytes / n : 0;
    this.#big = Math.max(this.#big === BIGGEST ? 0 : this.#big, Math.min(BIGGEST, Math.ceil(mean * this.#scale)));
    this.#rebuild(this.#room, (hash, size) => this.#tracks(hash, size));
    this.#tell();
  }
  #tell(): void {
    // It compares values alone.
    this.#host.sample(this.#threshold, Math.max(1, this.#big - ENTRY_BYTES - MOST_KEY));
  }
  /** Close the gaps between places. */
  #closeUp(): void {
    const at = this.#at;
    const last = this.#last;
    this.#sums.fill(0);
    this.#tops.fill(0);
    this.#last = 0;
    for (let place = 1; place <= last; place++) {
      const e = (at[place] as number) - 1;
      if (e < 0) continue;
      const to = ++this.#last;
      at[to] = e + 1;
      this.#place[e] = to;
      this.#addAt(to, this.#weigh(this.#size[e] as number));
    }
    at.fill(0, this.#last + 1);
  }
  /** Give entries and places anew, in the order that there is, to the entries that are to stay. `above`: bytes of those asked for after it. */
  #rebuild(room: number, stays: (hash: number, size: number, above: number) => boolean): void {
    const order: number[] = [];
    let above = 0;
    for (let place = this.#last; place > 0; place--) {
      const e = (this.#at[place] as number) - 1;
      if (e < 0) continue;
      const size = this.#size[e] as number;
      if (stays(this.#hash[e] as number, size, above)) order.push(e);
      above += this.#weigh(size);
    }
    order.reverse();
    const hashes = Int32Array.from(order, (e) => this.#hash[e] as number);
    const sizes = Float32Array.from(order, (e) => this.#size[e] as number);
    const counts = Float32Array.from(order, (e) => this.#count[e] as number);
    if (room !== this.#room) {
      this.#room = room;
      this.#hash = new Int32Array(room);
      this.#size = new Float32Array(room);
      this.#count = new Float32Array(room);
      this.#place = new Int32Array(room);
      this.#table = new Uint16Array(2 * room);
      this.#at = new Uint16Array(PLACES * room);
      this.#sums = new Float64Array(Math.ceil((PLACES * room) / 1024) * 32);
      this.#tops = new Float64Array(Math.ceil((PLACES * room) / 1024));
    } else for (const array of [this.#table, this.#at, this.#sums, this.#tops]) array.fill(0);
    this.#hash.set(hashes);
    this.#size.set(sizes);
    this.#count.set(counts);
    this.#keys = this.#last = hashes.length;
    for (let e = 0; e < hashes.length; e++) {
      this.#table[this.#find(hashes[e] as number)] = e + 1;
      this.#place[e] = e + 1;
      this.#at[e + 1] = e + 1;
      this.#addAt(e + 1, this.#weigh(sizes[e] as number));
    }
  }

  /** Now and then: whether more is seen than there is time for, and whether what was counted is old. */
  #look(): void {
    const host = this.#host;
    const now = host.now();
    const busy = CHECK > PER_MS * (now - this.#lookedAt);
    // A clock that stands still tells nothing.
    if (busy && now > this.#begunAt && this.#seen > FREE + PER_MS * (now - this.#begunAt)) this.#lower();
    this.#lookedAt = now;
    const [below, above] = this.#requests();
    if (below + above < HALVE_AFTER) return;
    this.#past = [below / 2, above / 2];
    this.#from = host.requests();
    this.#distances.halve();
    for (let e = 0; e < this.#keys; e++) this.#count[e] = (this.#count[e] as number) / 2;
  }
}
