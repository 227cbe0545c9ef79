/**
 * A cache's items, as the engine's store keeps them (src/store): the calls by key and by location, values in and out, and
 * the pages that the engine dropped meanwhile. It knows keys and bytes, not what a cache makes of them.
 */
import {
  allVersionsAddr,
  H_CLOCK,
  H_KSWAPD,
  PAGE_SIZE,
  STORE_VALUE_SIZE,
  storeKeyAddr,
  storeOutAddr,
  storeValueAddr,
} from "../mm/layout.ts";
import { CLOSED_CALLS, type EngineCalls } from "../runtime/engine.ts";
import type { Mapping } from "../runtime/mapping.ts";
import { Pin } from "../runtime/pin.ts";
import { NO_SEGMENT } from "../runtime/segment.ts";
import { checkStore } from "../store/debug-store.ts";
import { HIT, MISS, STALE } from "../store/find.ts";
import { MAX_VALUE, VALUE_KIND_MASK, VALUE_KIND_SHIFT } from "../store/item.ts";
import {
  ST_DROPPED,
  ST_EXPIRED,
  ST_ITEMS,
  ST_LEVEL,
  ST_LOST,
  ST_MISSES,
  ST_SPLIT,
  ST_SWAP_HITS,
  ST_TIER_HITS,
} from "../store/layout.ts";
import { MAX_SCAN } from "../store/read.ts";
import { AS_ACCESS, EVEN_STALE, FROM_AREA, RENEW, WITH_VALUE } from "../store/store.ts";
import { copyBytes, copyFrom, newBytes } from "./bytes.ts";
import { Census, writtenBy } from "./census.ts";
import type { Below } from "./front-types.ts";
import { type CacheKey, KeyArea } from "./keys.ts";
import { type OwnBytes, VALUE_TAGGED, ValueArea } from "./values.ts";

export { AS_ACCESS, EVEN_STALE, HIT, MISS, RENEW, STALE, WITH_VALUE };

/** Words of the out area (store/store.ts). */
const OUT_WORDS = 10;

/** Called for each part of a value that lies in one piece: byte address in the segment, bytes, bytes before it. */
export type Visit = (address: number, length: number, done: number) => void;

/** Calls of storeExpire() in one turn of the memory. */
const EXPIRE_TURNS = 4;

/** The items of one cache; see the file's head. */
export class Items {
  keys: KeyArea;
  values: ValueArea;
  private calls: EngineCalls;
  private readonly mapping: Mapping;
  private h8: Uint8Array;
  private h32: Int32Array;
  private hf: Float64Array;
  /** The store's name: the first page of its meta mapping. */
  readonly meta: number;
  /** Index of the out area's first word, and of its first f64. */
  private readonly out: number;
  private readonly outf: number;
  private readonly lost: number[] = [];
  /** For who holds values above: the segment's words, the index of the version that counts for all, and what is yet to be told. */
  versions: Pick<Below, "h32" | "all" | "lost">;
  private readonly places = new Census();
  /** The time of the operation of which what is asked here is a part. */
  private readonly now: () => number;

  /** `mapping` holds the items, `meta` is the first page of the mapping that holds their index; `now`: the time of the operation under way. */
  constructor(mapping: Mapping, meta: number, now: () => number) {
    this.now = now;
    const { segment, storeCalls } = mapping.vm;
    this.mapping = mapping;
    this.calls = storeCalls;
    this.meta = meta;
    this.h8 = segment.h8;
    this.h32 = segment.h32;
    this.hf = segment.hf;
    mapping.vm.inspect();
    this.keys = new KeyArea(segment, storeKeyAddr());
    this.values = new ValueArea(segment, storeValueAddr(), STORE_VALUE_SIZE);
    this.out = storeOutAddr() >>> 2;
    this.outf = storeOutAddr() >>> 3;
    this.versions = { h32: this.h32, all: allVersionsAddr() >>> 2, lost: this.lost };
    mapping.vm.onDiscard(mapping.id, (vpn) => this.lost.push(vpn));
  }

  /** Hold no byte of the memory any more: the cache or its memory is closed. */
  retire(): void {
    this.mapping.retire();
    this.calls = CLOSED_CALLS;
    this.h8 = NO_SEGMENT.h8;
    this.h32 = NO_SEGMENT.h32;
    this.hf = NO_SEGMENT.hf;
    this.versions = { h32: NO_SEGMENT.h32, all: 0, lost: [] };
    this.keys = new KeyArea(NO_SEGMENT, 0);
    this.values = new ValueArea(NO_SEGMENT, 0, 0);
  }

  // ---- what the last call said of an item -----------------------------------------------------------------------------
  get location(): number {
    return this.h32[this.out] as number;
  }
  /** Bytes of the value. */
  get length(): number {
    return this.h32[this.out + 1] as number;
  }
  get bits(): number {
    return this.h32[this.out + 2] as number;
  }
  get kind(): number {
    return ((this.h32[this.out + 2] as number) >>> VALUE_KIND_SHIFT) & VALUE_KIND_MASK;
  }
  /** Whether the value has a trailer that says its tags. */
  get tagged(): boolean {
    return this.kind === VALUE_TAGGED;
  }
  /** Byte address of the value, if it lies in one piece; -1 otherwise. */
  get address(): number {
    const at = this.h32[this.out + 3] as number;
    return at === -1 ? -1 : at >>> 0;
  }
  get start(): number {
    return this.hf[this.outf + 3] as number;
  }
  /** Time to live, ms; 0 = for ever. */
  get ttl(): number {
    return this.hf[this.outf + 4] as number;
  }
  get key(): CacheKey {
    return this.keys.read((this.h32[this.out + 4] as number) >>> 0, this.bits);
  }

  // ---- by key ---------------------------------------------------------------------------------------------------------
  /** Look a key up. Returns MISS, HIT or STALE; with WITH_VALUE the value is in the value area if {@link inArea}. */
  find(key: CacheKey, flags: number, now: number): number {
    const word = this.keys.put(key);
    this.ready();
    return this.calls.storeGet(this.meta, word, flags, now);
  }
  /** Whether a value of this length stands in the value area after a search WITH_VALUE. */
  get inArea(): boolean {
    return (this.bits & (1 << 18)) === 0;
  }
  /** Store bytes. Returns whether there was room; if not, the key has no value any more. */
  set(key: CacheKey, bytes: Uint8Array, kind: number, now: number, ttl: number): boolean {
    if (bytes.length > MAX_VALUE) return this.refuse(key);
    // Copies between shared and other memory are several times as fast if both ends are aligned alike: the area is, an item not.
    if (bytes.length < PAGE_SIZE) {
      this.values.put(bytes);
      return this.setFromArea(key, bytes.length, kind, now, ttl);
    }
    const word = this.keys.put(key);
    this.ready();
    const loc = this.calls.storeSet(this.meta, word, bytes.length, kind, now, ttl);
    if (loc === 0) return false;
    const at = this.h32[this.out + 3] as number;
    if (at !== -1) {
      copyBytes(this.h8, at >>> 0, bytes);
      return true;
    }
    return this.fill(loc, bytes.length, (address, length, done) => {
      // A view costs as much as a small copy.
      copyBytes(this.h8, address, length === bytes.length ? bytes : bytes.subarray(done, done + length));
    });
  }
  /** Store what is in the value area. */
  setFromArea(key: CacheKey, length: number, kind: number, now: number, ttl: number): boolean {
    const word = this.keys.put(key);
    this.ready();
    return this.calls.storeSet(this.meta, word, length, kind | FROM_AREA, now, ttl) !== 0;
  }
  /** Store `length` bytes that `write` writes part by part into the memory itself. */
  setBy(key: CacheKey, length: number, kind: number, now: number, ttl: number, write: Visit): boolean {
    if (length > MAX_VALUE) return this.refuse(key);
    const word = this.keys.put(key);
    this.ready();
    const loc = this.calls.storeSet(this.meta, word, length, kind, now, ttl);
    if (loc === 0) return false;
    const at = this.h32[this.out + 3] as number;
    if (at === -1) return this.fill(loc, length, write);
    if (length > 0) write(at >>> 0, length, 0);
    return true;
  }
  /** A value that no store holds: the old one is gone all the same. */
  private refuse(key: CacheKey): false {
    this.delete(key);
    return false;
  }
  delete(key: CacheKey): boolean {
    const word = this.keys.put(key);
    this.ready();
    return this.calls.storeDelete(this.meta, word) !== 0;
  }

  // ---- held above the store, decoded (front.ts, store/above.ts) ---------------------------------------------------------
  /** The value last found is about to be held above: the index of its version, and its item's hash. Undefined: it cannot be. */
  hold(): { at: number; hash: number } | undefined {
    const at = this.calls.storeAbove(this.meta, this.location) >>> 2;
    if (at === 0) return undefined;
    return { at, hash: this.h32[this.out + 10] as number };
  }
  /** There were `requests` hits above; the first `n` hashes stand for them. Returns within how many requests each should be told of. */
  hear(hashes: Int32Array, n: number, requests: number): number {
    this.ready();
    this.h32.set(hashes, this.values.address >>> 2);
    return this.calls.storeHeard(this.meta, n, requests);
  }

  // ---- by location ----------------------------------------------------------------------------------------------------
  /** Visit a value part by part, from byte `from` on. Returns false, the item being removed as lost, if a part is. */
  visit(loc: number, length: number, visit: Visit, from = 0): boolean {
    const whole = this.pieces(loc, length, visit, this.calls.storeLook, from);
    if (!whole) this.calls.storeLose(this.meta, loc);
    return whole;
  }
  private pieces(loc: number, length: number, visit: Visit, piece: EngineCalls["storePiece"], from = 0): boolean {
    for (let done = from; done < length; ) {
      const n = Math.min(piece(this.meta, loc, done), length - done);
      if (n <= 0) return false;
      visit((this.h32[this.out + 3] as number) >>> 0, n, done);
      done += n;
    }
    return true;
  }
  /** The bytes of the value last described, of memory of their own if they are to `last`. Undefined if a part is lost. */
  bytes(last = false): OwnBytes | undefined {
    const { address, length, location } = this;
    if (address >= 0) return this.values.copy(address, length, last);
    const out = last ? Buffer.allocUnsafeSlow(length) : newBytes(length);
    const copy: Visit = (at, n, done) => copyFrom(out, done, this.h8.subarray(at, at + n), n, at);
    return this.visit(location, length, copy) ? out : undefined;
  }
  /** Copy the last `n` bytes of what was last described to `into`; it stays described. Returns false if a part is lost. */
  tail(into: Uint8Array, n: number): boolean {
    const { address, length, location } = this;
    if (address >= 0) {
      into.set(this.h8.subarray(address + length - n, address + length));
      return true;
    }
    const said = this.h32.slice(this.out, this.out + OUT_WORDS);
    const whole = this.visit(
      location,
      length,
      (at, size, done) => {
        into.set(this.h8.subarray(at, at + size), done - (length - n));
      },
      length - n,
    );
    this.h32.set(said, this.out);
    return whole;
  }
  /** Hold the pages that the first `length` bytes of the value last described are on. Undefined if a part is lost. */
  pin(length: number, released: () => void): Pin | undefined {
    const { location } = this;
    const frames: number[] = [];
    /** Where the value lies: pieces that follow one another are one. */
    const pieces: { at: number; end: number }[] = [];
    const unpin = () => {
      for (const frame of frames) this.mapping.vm.unpin(frame);
      released();
    };
    for (let done = 0; done < length; ) {
      let n = this.calls.storePiece(this.meta, location, done);
      if (n <= 0) {
        this.calls.storeLose(this.meta, location);
        unpin();
        return undefined;
      }
      const address = (this.h32[this.out + 3] as number) >>> 0;
      n = Math.min(n, length - done);
      const last = pieces.at(-1);
      if (last?.end === address) last.end += n;
      else pieces.push({ at: address, end: address + n });
      frames.push(this.mapping.vm.pin(this.h32[this.out + 5] as number, unpin));
      done += n;
    }
    this.mapping.vm.segment.lent = true;
    const chunks = pieces.map(({ at, end }) => this.h8.subarray(at, end));
    return new Pin(length === 0 ? [new Uint8Array(0)] : chunks, false, unpin);
  }
  /** Describe the item at `loc`. Returns MISS, HIT or STALE. */
  at(loc: number): number {
    return this.calls.storeAt(this.meta, loc);
  }
  remove(loc: number): void {
    this.calls.storeRemove(this.meta, loc);
  }
  /** An item that would be among the next to go, or one that has not expired: the `first` of a few that are asked for, or the `next`; 0 = none. */
  victim(fresh?: "first" | "next"): number {
    this.ready();
    return this.calls.storeVictim(this.meta, fresh === "first" ? 1 : fresh === "next" ? 2 : 0);
  }
  /** Locations of all items, a bucket at a time; each that stays is met once. */
  *scan(): IterableIterator<number[]> {
    this.ready();
    const level = this.calls.storeWord(this.meta, ST_LEVEL);
    const buckets = (1 << level) + this.calls.storeWord(this.meta, ST_SPLIT);
    const first = this.values.address >>> 2;
    for (let b = 0; b < buckets; b++) {
      this.ready();
      const found: number[] = [];
      for (let n = MAX_SCAN; n === MAX_SCAN; ) {
        n = this.calls.storeScan(this.meta, b, buckets, level, found.length);
        for (let i = 0; i < n; i++) found.push(this.h32[first + i] as number);
      }
      if (found.length > 0) yield found;
    }
  }

  // ---- all of them ----------------------------------------------------------------------------------------------------
  get count(): number {
    this.settle();
    return this.calls.storeWord(this.meta, ST_ITEMS);
  }
  /** Pages held, index included. */
  get pages(): number {
    return this.calls.storeHeld(this.meta);
  }
  /** Drop what has expired and is not kept for grace: all of it, or a part that takes no more than a millisecond or so. */
  expire(all: boolean): void {
    this.ready();
    for (let turns = all ? Number.POSITIVE_INFINITY : EXPIRE_TURNS; turns > 0; turns--)
      if (this.calls.storeExpire(this.meta) === 0) return;
  }
  /** How long to keep what has expired as long as there is room, ms; undefined: as long as its time to live, about. */
  setGrace(grace: number | undefined): void {
    this.calls.storeGrace(this.meta, grace ?? -1);
  }
  /** Drop at least one item to make room. Returns false if there is none. */
  clean(drops: number): boolean {
    this.ready();
    return this.calls.storeClean(this.meta, drops) !== 0;
  }
  clear(): void {
    this.lost.length = 0;
    this.calls.storeClear(this.meta);
  }
  /** Tell the engine the time. */
  setClock(now: number): void {
    this.hf[H_CLOCK >>> 3] = now;
  }
  counters(): { hits: number; misses: number; evicted: number; expired: number; lost: number } {
    const count = (field: number) => this.calls.storeCount(this.meta, field);
    this.settle();
    return {
      hits: this.hits(),
      misses: this.misses(),
      evicted: count(ST_DROPPED),
      expired: count(ST_EXPIRED),
      lost: count(ST_LOST),
    };
  }
  misses = () => this.calls.storeCount(this.meta, ST_MISSES);
  hits(): number {
    let n = 0;
    const { devices, shape } = this.mapping.vm;
    for (let nid = 0; nid < shape.nodes; nid++) n += this.nodeHits(nid);
    for (let dev = 0; dev < devices.length; dev++) n += this.swapHits(dev);
    return n;
  }
  /** Hits by the lowest node, or swap device, that a part of the value was on. */
  nodeHits(nid: number): number {
    return this.calls.storeCount(this.meta, ST_TIER_HITS + nid * 8);
  }
  swapHits(dev: number): number {
    return this.calls.storeCount(this.meta, ST_SWAP_HITS + dev * 8);
  }

  written = () => writtenBy(this.calls, this.meta);
  census(): (place: number) => { pages: number; items: number } {
    return this.places.take(this.calls, this.meta, this.count, this.pages, this.hf, this.values.address >>> 3);
  }

  /** Walk the whole store. @throws {@link LieuError} EBUG */
  check(): void {
    this.settle();
    // What could not be read from a device was not told of.
    this.mapping.vm.inspect();
    checkStore(this.meta);
  }

  private fill(loc: number, length: number, write: Visit): boolean {
    const whole = this.pieces(loc, length, write, this.calls.storeRun);
    if (!whole) this.calls.storeRemove(this.meta, loc);
    return whole;
  }
  /** Before an operation: kswapd's turn, if it was woken, and what the engine has dropped. */
  private ready(): void {
    if ((this.h32[H_KSWAPD >>> 2] as number) !== 0) this.mapping.vm.turn(this.now());
    if (this.lost.length !== 0) this.settle();
  }
  private settle(): void {
    for (let vpn = this.lost.pop(); vpn !== undefined; vpn = this.lost.pop()) this.calls.storeLost(this.meta, vpn);
  }
}
