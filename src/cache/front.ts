/**
 * The fastest tier: the hottest values of a cache, decoded, on the JavaScript heap of this thread. A hit here is a look-up in a Map and
 * a check of two words of the segment, and gives the same reference as long as the entry stays.
 *
 * **Right.** An entry is good as long as its version is (store/above.ts): whatever the store does to the item, of its own accord or for whoever has
 * the segment, moves the version on, and nobody has to tell the front. What versions do not say is kept here: when the entry expires, and the last
 * invalidation of a tag that it has been held against. What is not good any more is not given; it stays in its place, uncounted, until it is got again or makes room.
 *
 * **Admission and eviction.** A value comes up with the second get that had to go to the store for it within a while (front-ghosts.ts).
 * What gives way is chosen by SIEVE (Y. Zhang et al., NSDI 2024): a hit sets a mark; the hand goes from the oldest entry to the
 * newest, takes marks away, and evicts the first entry without.
 *
 * **The store still learns.** What is hot here is never asked for below, and would be taken for cold. So an entry is told of, by its
 * hash, with the first hit after some times as many hits as the front has entries, less where the store drops items and would
 * take it for cold by then; tellings go down in one call for every 64, or when a few thousand hits have gone by (store/heard.ts).
 * What is hit most is told of least often for each hit.
 *
 * **The curve learns, too.** Of keys that the miss-ratio curve samples every hit is told (front-sample.ts), in the order in which they were
 * made, and before what the store tells next: whoever hears it calls {@link Front.tellSampled} first. Of others the time of a hit is
 * noted now and then, and with the next one on the same entry its age is known.
 */
import { classOfAge } from "../store/sampled.ts";
import { FrontGhosts } from "./front-ghosts.ts";
import { FrontSample, NO_AGE, SIGN } from "./front-sample.ts";
import type { Below, FrontLimit, Held, Until } from "./front-types.ts";
import type { CacheKey } from "./keys.ts";
import { SieveOrder } from "./sieve-order.ts";

/** What an entry takes beside its value and what its key takes, in bytes, about. */
const ENTRY_BYTES = 160;
/** Hashes told in one call. */
const RING = 64;
/** An entry is told of once in so many times as many hits as there are entries, or more often if the store wants it. */
const PERIOD = 64;
/** Hits after which what is to be told is told. */
const TELL_AFTER = 4096;
/** Entries that the hand passes at most to evict one. */
const MAX_STEPS = 64;
/** An entry takes no more than this part of the front. */
const LARGEST = 8;
/** Bytes of a key that is a number. */
const NUMBER_BYTES = 8;

// Words of an entry, side by side: what a hit looks at.
const VERSION = 0;
/** Where its version is, from the first one on, and the marks. */
const STATE = 1;
/** The number of the hit with which it was last told of. */
const TOLD = 2;
const HASH = 3;
const WORDS = 2;
/** From the word that counts for all to the first version of items. */
const TO_FIRST = 16;
const PLACE = 0xffff;
const VISITED = 1 << 16;
const HAS_UNTIL = 2 << 16;
/** Its key is of bytes, its id being their Latin-1. */
const OF_BYTES = 4 << 16;
/** The time of its last hit is noted; and it was, whatever its key. */
const WATCHED = 8 << 16;
const BY_CHANCE = 16 << 16;
const NONE = -1;
const FIRST_SLOTS = 64;
const SHUT: readonly number[] = [0];

/**
 * See the file's head. Entries are numbers: what is known of them lies in arrays without pointers, which take a hit fewer lines of the
 * processor's cache than an object for each would, and the collector none of its time.
 */
export class Front<V> {
  /** The number of the last invalidation of a tag. */
  epoch = 0;
  /** What is held, {@link FrontLimit.bytes} being the bound. */
  size = 0;
  readonly limit: FrontLimit;
  private readonly below: Below;
  private readonly h32: Int32Array;
  private readonly all: number;
  private readonly lost: readonly number[];
  /** `lost`, or what is never empty: then gets are not answered. One field for both, so that a hit has nothing more to look at. */
  private gate: readonly number[];
  private readonly map = new Map<string | number, number>();
  private readonly mapOfBytes = new Map<string, number>();
  private values: (V | undefined)[] = [];
  private ids: (string | number)[] = [];
  private untils: (Until | undefined)[] = [];
  private words = new Int32Array(FIRST_SLOTS << WORDS);
  private sizes = new Int32Array(FIRST_SLOTS);
  /** Of those that are watched: the number of the request of the last hit. */
  private seen = new Int32Array(FIRST_SLOTS);
  private readonly order = new SieveOrder();
  /** Hits, in a word that wraps; what it was when they were last told of, how many they were until then, and what it is at a pause. */
  private requests = 0;
  private drained = 0;
  private past = 0;
  private pauseAt = 0;
  private readonly ring = new Int32Array(RING);
  private inRing = 0;
  /** Hits from one telling of an entry to the next; and at most how many the store wants. */
  private period = RING;
  private wanted = 0x7fffffff;
  private readonly ghosts = new FrontGhosts();
  private readonly sampled: FrontSample;
  /** Hits on keys whose hash, as a word with a sign, is below this are to be noted for it. */
  private noteBelow = SIGN;
  /** The entry that was watched and has just been hit, and the class of its age. */
  private aged = NONE;
  private age = NO_AGE;

  constructor(limit: FrontLimit, below: Below) {
    this.limit = limit;
    this.below = below;
    this.sampled = new FrontSample(below);
    this.h32 = below.h32;
    this.all = below.all;
    this.lost = below.lost;
    this.gate = below.lost;
  }

  get entries(): number {
    return this.map.size + this.mapOfBytes.size;
  }
  /** Hits since it was made. */
  get hits(): number {
    return this.past + ((this.requests - this.drained) >>> 0);
  }

  /**
   * The value of `key`, if it is held and is what the store would give, and the front is not shut. An access. What is rare another function does, giving the value
   * in its place: where a call can come back here, compiled code looks anew at all that it knew, a tenth of a hit in a program that ever makes it.
   */
  get(key: CacheKey): V | undefined {
    const e = typeof key === "object" ? this.ofBytes(key) : this.map.get(key);
    if (e === undefined) return undefined;
    const { words, h32, all } = this;
    const w = e << WORDS;
    const state = words[w | STATE] as number;
    // isCurrent(), in full: a compiler that has other things to inline as well leaves it out, for a tenth of a hit and more.
    const version = ((h32[all] as number) + (h32[all + TO_FIRST + (state & PLACE)] as number)) | 0;
    if (words[w | VERSION] !== version || this.gate.length !== 0) return undefined;
    if ((state & (HAS_UNTIL | WATCHED)) !== 0) return this.getMarked(e, state);
    if ((state & VISITED) === 0) words[w | STATE] = state | VISITED;
    const now = (this.requests + 1) | 0;
    this.requests = now;
    if (
      now === this.pauseAt ||
      ((words[w | HASH] as number) ^ SIGN) < this.noteBelow ||
      (now - (words[w | TOLD] as number)) >>> 0 > this.period
    )
      return this.attend(e, now);
    return this.values[e];
  }
  /** The same of an entry that may end by itself, or is watched. */
  private getMarked(e: number, state: number): V | undefined {
    if (!this.passes(e, state)) return undefined;
    this.words[(e << WORDS) + STATE] = (this.words[(e << WORDS) + STATE] as number) | VISITED;
    this.requests = (this.requests + 1) | 0;
    return this.attend(e, this.requests);
  }
  /** The value of an entry that was hit, and whatever is to be done about the hit. */
  private attend(e: number, now: number): V | undefined {
    const value = this.values[e];
    const w = e << WORDS;
    if (now === this.pauseAt) this.below.paused();
    if (((this.words[w + HASH] as number) ^ SIGN) < this.noteBelow) this.note(e);
    if ((now - (this.words[w + TOLD] as number)) >>> 0 > this.period) this.tell(e, now);
    return value;
  }
  /** {@link get}, whether or not the front is shut. */
  ask(key: CacheKey): V | undefined {
    const { gate } = this;
    this.gate = this.lost;
    const value = this.get(key);
    if (gate !== this.lost) this.gate = gate;
    return value;
  }
  /** While it is shut {@link get} answers nothing: who asks goes on to what is below, and is seen there. */
  set isShut(shut: boolean) {
    this.gate = shut ? SHUT : this.lost;
  }
  get isShut(): boolean {
    return this.gate !== this.lost;
  }
  /** The same, but no access. */
  peek(key: CacheKey): V | undefined {
    const e = this.entry(key);
    if (e === undefined || !this.isCurrent(e)) return undefined;
    return this.has(e, HAS_UNTIL) && !this.lasts(e) ? undefined : this.values[e];
  }
  /**
   * The value of `key`, which the store has just found to be there and valid, if that is held: so that a value of which only
   * its tags had to be looked at is not decoded again.
   */
  confirm(key: CacheKey): V | undefined {
    const e = this.entry(key);
    if (e === undefined || !this.isCurrent(e)) return undefined;
    const until = this.untils[e];
    if (until !== undefined && until.epoch < this.epoch) until.epoch = this.epoch;
    this.visit(e, VISITED);
    if (this.has(e, WATCHED)) this.seen[e] = this.clock();
    return this.values[e];
  }
  /** Whether the value of `key`, of so many bytes at that location of the store, is to be held from now on. */
  wants(key: CacheKey, length: number, location: number): boolean {
    if ((length + ENTRY_BYTES) * LARGEST > this.limit.bytes) return false;
    if (this.entry(key) !== undefined) return true;
    return this.ghosts.has(location, this.entries);
  }
  /** What the versions of the items whose word is at `at` come to now. */
  version(at: number): number {
    return ((this.h32[this.all] as number) + (this.h32[at] as number)) | 0;
  }
  /** Hold a value. Whatever has happened since its version was read makes it one that is never given. */
  put(key: CacheKey, held: Held<V>): void {
    const size = held.length + ENTRY_BYTES;
    const there = this.entry(key);
    if (there !== undefined) {
      this.size += size - (this.sizes[there] as number);
      this.fill(there, held, size, VISITED | (this.has(there, OF_BYTES) ? OF_BYTES : 0));
      this.watch(there);
      while (this.isOver(0, 0)) this.evict(there);
      return;
    }
    while (this.isOver(size, 1)) this.evict(NONE);
    const e = this.order.add();
    if (e === this.sizes.length) this.grow(2 * e);
    const bytes = typeof key === "object";
    const id = bytes ? latin1(key) : key;
    if (bytes) this.mapOfBytes.set(id as string, e);
    else this.map.set(id, e);
    this.ids[e] = id;
    this.fill(e, held, size, bytes ? OF_BYTES : 0);
    this.words[(e << WORDS) + TOLD] = this.requests;
    this.size += size;
    this.watch(e);
    this.setPeriod();
  }
  /** Tell of each hit on a key whose hash is below this, without a sign; values of `big` bytes are all sampled. */
  sample(threshold: number, big: number): void {
    this.sampled.set(threshold, big, this.hits);
    this.noteBelow = this.sampled.below;
  }
  /** Tell of hits on sampled keys that were not told yet. */
  tellSampled(): void {
    this.sampled.tell();
  }
  /** Add all hits to those of the store, by class of ages. */
  addAges(counts: Float64Array, bytes: Float64Array): void {
    this.sampled.addTo(counts, bytes, this.hits);
  }
  /** A hit that is watched or sampled. */
  private note(e: number): void {
    const age = this.aged === e ? this.age : NO_AGE;
    this.aged = NONE;
    this.sampled.note(this.words[(e << WORDS) + HASH] as number, this.bytesOf(e), age);
    this.noteBelow = this.sampled.below;
    this.watch(e);
  }
  /** If it is to be: the entry was asked for just now. */
  private watch(e: number): void {
    const w = e << WORDS;
    if (((this.words[w + HASH] as number) ^ SIGN) >= this.noteBelow) return;
    this.seen[e] = this.clock();
    const marks = this.sampled.watchesAll ? WATCHED | BY_CHANCE : WATCHED;
    this.words[w + STATE] = ((this.words[w + STATE] as number) & ~BY_CHANCE) | marks;
  }
  /** The number of the last request, to the store or here. */
  private clock(): number {
    return (this.below.requests() + this.requests - this.drained) | 0;
  }
  /** Bytes of an entry's key and value, about. */
  private bytesOf(e: number): number {
    const id = this.ids[e];
    return (this.sizes[e] as number) - ENTRY_BYTES + (typeof id === "string" ? id.length : NUMBER_BYTES);
  }
  /** Tell when there were so many hits more. */
  pauseAfter(hits: number): void {
    this.pauseAt = (this.requests + hits) | 0;
  }
  /** Hold nothing any more. What was counted stays. */
  clear(): void {
    this.map.clear();
    this.mapOfBytes.clear();
    this.values = [];
    this.ids = [];
    this.untils = [];
    this.order.clear();
    this.size = this.inRing = 0;
    this.setPeriod();
    this.ghosts.clear();
  }
  forgetCounts(): void {
    this.past = 0;
    this.drained = this.requests;
    this.sampled.forget();
  }

  private fill(e: number, { value, version, at, hash, until }: Held<V>, size: number, marks: number): void {
    const w = e << WORDS;
    this.values[e] = value;
    this.untils[e] = until;
    this.words[w + VERSION] = version;
    this.words[w + HASH] = hash;
    this.words[w + STATE] = (at - this.all - TO_FIRST) | marks | (until === undefined ? 0 : HAS_UNTIL);
    this.sizes[e] = size;
  }
  private grow(slots: number): void {
    const grown = (from: Int32Array, to: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      to.set(from);
      return to;
    };
    this.words = grown(this.words, new Int32Array(slots << WORDS));
    this.sizes = grown(this.sizes, new Int32Array(slots));
    this.seen = grown(this.seen, new Int32Array(slots));
  }
  private isOver(bytes: number, entries: number): boolean {
    return this.size + bytes > this.limit.bytes || this.entries + entries > this.limit.entries;
  }
  private isCurrent(e: number): boolean {
    const { h32, words, all } = this;
    const w = e << WORDS;
    const at = all + TO_FIRST + ((words[w + STATE] as number) & PLACE);
    return words[w + VERSION] === (((h32[all] as number) + (h32[at] as number)) | 0) && this.lost.length === 0;
  }
  private has(e: number, mark: number): boolean {
    return ((this.words[(e << WORDS) + STATE] as number) & mark) !== 0;
  }
  private visit(e: number, mark: 0 | typeof VISITED): void {
    const w = (e << WORDS) + STATE;
    this.words[w] = ((this.words[w] as number) & ~VISITED) | mark;
  }
  /** Whether an entry still is good that may end by itself, or is watched. */
  private passes(e: number, state: number): boolean {
    if ((state & HAS_UNTIL) !== 0 && !this.lasts(e)) return false;
    if ((state & WATCHED) === 0) return true;
    const w = e << WORDS;
    this.words[w + STATE] = state & ~(WATCHED | BY_CHANCE);
    this.aged = e;
    // Of what the store was told of, it takes no notice of what has gone: its clock may fall behind.
    this.age = classOfAge(Math.max(1, (this.clock() + 1 - (this.seen[e] as number)) | 0));
    if ((state & BY_CHANCE) !== 0) this.sampled.count(this.words[w + HASH] as number, this.bytesOf(e), this.age);
    return true;
  }
  /** Whether an entry has neither expired nor perhaps a tag that was invalidated. */
  private lasts(e: number): boolean {
    const { epoch, expiry } = this.untils[e] as Until;
    if (epoch < this.epoch) return false;
    if (expiry === Number.POSITIVE_INFINITY) return true;
    const now = this.below.now();
    if (expiry <= now) this.below.expired(now);
    return expiry > now;
  }
  private entry(key: CacheKey): number | undefined {
    return typeof key === "object" ? this.ofBytes(key) : this.map.get(key);
  }
  private ofBytes(key: Uint8Array): number | undefined {
    // What is no key is told so by the store.
    return this.mapOfBytes.size > 0 && key instanceof Uint8Array ? this.mapOfBytes.get(latin1(key)) : undefined;
  }
  private tell(e: number, now: number): void {
    this.words[(e << WORDS) + TOLD] = now;
    this.ring[this.inRing++] = this.words[(e << WORDS) + HASH] as number;
    if (this.inRing === RING || (now - this.drained) >>> 0 > TELL_AFTER) this.drain();
  }
  private drain(): void {
    const n = this.inRing;
    const requests = (this.requests - this.drained) >>> 0;
    this.inRing = 0;
    this.drained = this.requests;
    this.past += requests;
    this.wanted = this.below.hear(this.ring, n, requests);
    this.setPeriod();
    this.sampled.pace();
    this.noteBelow = this.sampled.below;
  }
  private setPeriod(): void {
    this.period = Math.max(RING, Math.min(this.wanted, PERIOD * this.entries));
  }
  /** Evict an entry, but not `spared`. There must be another. */
  private evict(spared: number): void {
    const { order } = this;
    let e = order.atHand();
    for (let steps = 0; e === spared || (steps < MAX_STEPS && this.has(e, VISITED) && this.isCurrent(e)); steps++) {
      this.visit(e, 0);
      e = order.after(e);
    }
    order.remove(e);
    const id = this.ids[e] as string | number;
    if (this.has(e, OF_BYTES)) this.mapOfBytes.delete(id as string);
    else this.map.delete(id);
    this.size -= this.sizes[e] as number;
    this.values[e] = undefined;
    this.untils[e] = undefined;
    this.ids[e] = 0;
  }
}

function latin1(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).latin1Slice();
}
