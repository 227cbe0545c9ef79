/**
 * A region of a memory that several threads share. A page may be moved by any of them, so no read or write may be under way on a page
 * while it is: it is made under the memory's lock, or, of an aligned word that is on a page at hand, while the gate is open
 * (runtime/gate.ts). So no write is lost and no word torn, however many threads write and whatever moves. Of more than a word, up to a piece is
 * written or read under the lock at once. Long ones let go of it between pieces, so that others' turns come.
 */
import { LieuError } from "../errors.ts";
import { PTE_PRESENT, PTE_SWAP } from "../mm/page-table.ts";
import type { SharedRegionEntry } from "../runtime/control.ts";
import type { Gate, Gated } from "../runtime/gate.ts";
import type { Mapping } from "../runtime/mapping.ts";
import type { Pin } from "../runtime/pin.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import type { Policy } from "./policy.ts";
import { type Advice, Region, type RegionHost } from "./region.ts";
import { RegionArray, type TypedArrayKind, type Words, wordsOf } from "./region-array.ts";

/** Bytes that are copied under the lock at once. */
const PIECE = 64 * 1024;
const PAGE = 4096;
/** How often what is in swap is read before an operation: it may be written out again before the lock is there. */
const ROUNDS = 2;

/** See the file's head; made by `memory.map()`. */
export class SharedRegion extends Region implements Gated {
  readonly #shared: SharedVm;
  readonly #mapping: Mapping;
  readonly #incarnation: number;
  /** Which of the segment's words is this thread's mark; its gate is the next. Private to TypeScript only, as the fields of {@link Region}. */
  private readonly line: Int32Array;
  private readonly hf: Float64Array;
  readonly #gate: Gate;
  /** The segment as elements of the kinds of arrays that there are. */
  private words: Partial<Record<TypedArrayKind, Words>> = {};

  /** @internal */
  constructor(name: string, size: number, mapping: Mapping, host: RegionHost, incarnation?: number) {
    super(name, size, mapping, host);
    this.#shared = mapping.vm as SharedVm;
    this.#mapping = mapping;
    const { gate } = this.#shared;
    this.#gate = gate;
    this.line = gate.line;
    this.hf = mapping.vm.segment.hf;
    gate.regions.add(this);
    this.#incarnation = incarnation ?? this.#shared.control.begin(mapping.id);
  }

  /** What other threads find it by. @internal */
  get entry(): SharedRegionEntry {
    const { id, start, pages } = this.#mapping;
    return { name: this.name, mapping: { id, start, pages }, size: this.size, incarnation: this.#incarnation };
  }

  /** Do something under the lock, to a range of at most a piece, which is read from swap before, without it. @internal */
  locked<R>(work: () => R, offset = 0, length = 0): R {
    this.#enter(offset, length);
    try {
      return work();
    } finally {
      this.#shared.leave();
    }
  }
  /** Of what another thread has unmapped the pages are others' by now. @internal */
  lookAfter(): void {
    if (!this.#shared.control.lives(this.#mapping.id, this.#incarnation)) this.near = 0;
  }
  /** Let go of the lock after an access that could not do without it: perhaps the next ones can. */
  #pass(): void {
    this.#gate.pass();
    this.#shared.leave();
  }
  #enter(offset: number, length: number): void {
    const shared = this.#shared;
    shared.enter();
    this.#ensureLives();
    if (!shared.reads.wanted || length === 0) return;
    // What is written out again meanwhile is read under the lock.
    for (let i = 0; i < ROUNDS && shared.readSlots(this.#slots(offset, length)); i++) this.#ensureLives();
  }
  /** With the lock, which is let go of if it throws. */
  #ensureLives(): void {
    if (this.#shared.control.lives(this.#mapping.id, this.#incarnation)) return;
    this.#shared.leave();
    throw new LieuError("ECLOSED", `region ${JSON.stringify(this.name)} was unmapped`);
  }
  /** Slots that pages of a range are in. */
  *#slots(offset: number, length: number): IterableIterator<number> {
    const { entries } = this.#mapping;
    for (let page = Math.floor(offset / PAGE); page * PAGE < offset + length; page++) {
      const p = entries[page] ?? 0;
      if ((p & (PTE_PRESENT | PTE_SWAP)) === PTE_SWAP) yield p >>> 6;
    }
  }

  /** Addresses change when any thread has a page moved: there is none to be given away. @throws {@link LieuError} ENOTSUP */
  override translate(offset: number, mode?: "read" | "write" | "overwrite", length?: number): number {
    if (this.#shared.lock.depth === 0) throw this.#noAddress("translate()");
    // Who dies while he writes over a page must not leave in it what was in its frame before.
    return super.translate(offset, mode === "overwrite" ? "write" : mode, length);
  }
  /** As {@link translate}. @throws {@link LieuError} ENOTSUP */
  override get buffer(): SharedArrayBuffer {
    throw this.#noAddress("buffer");
  }
  #noAddress(what: string): LieuError {
    const why = "other threads may have its pages moved at any time; pin what is to stay";
    return new LieuError("ENOTSUP", `${what} of shared region ${JSON.stringify(this.name)}: ${why}`);
  }

  override readUint8(offset: number): number {
    if (offset >= 0 && offset < this.near) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 43) | (line[1] as number)) === 3) {
        const value = this.frames[(((p >>> 6) << 12) + (offset & 4095)) >>> 0] as number;
        line[0] = 0;
        return value;
      }
      line[0] = 0;
    }
    this.#enter(offset, 1);
    try {
      return super.readUint8(offset);
    } finally {
      this.#pass();
    }
  }
  override writeUint8(offset: number, value: number): void {
    if (offset >= 0 && offset < this.near) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 47) | (line[1] as number)) === 7) {
        this.frames[(((p >>> 6) << 12) + (offset & 4095)) >>> 0] = value;
        line[0] = 0;
        return;
      }
      line[0] = 0;
    }
    this.#enter(offset, 1);
    try {
      super.writeUint8(offset, value);
    } finally {
      this.#pass();
    }
  }
  override readInt32(offset: number): number {
    if (offset >= 0 && offset < this.near - 3 && (offset & 3) === 0) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 43) | (line[1] as number)) === 3) {
        const value = this.frameWords[(((p >>> 6) << 10) + ((offset & 4095) >>> 2)) >>> 0] as number;
        line[0] = 0;
        return value;
      }
      line[0] = 0;
    }
    this.#enter(offset, 4);
    try {
      return super.readInt32(offset);
    } finally {
      this.#pass();
    }
  }
  override writeInt32(offset: number, value: number): void {
    if (offset >= 0 && offset < this.near - 3 && (offset & 3) === 0) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 47) | (line[1] as number)) === 7) {
        this.frameWords[(((p >>> 6) << 10) + ((offset & 4095) >>> 2)) >>> 0] = value;
        line[0] = 0;
        return;
      }
      line[0] = 0;
    }
    this.#enter(offset, 4);
    try {
      super.writeInt32(offset, value);
    } finally {
      this.#pass();
    }
  }
  override readFloat64(offset: number): number {
    if (offset >= 0 && offset < this.near - 7 && (offset & 7) === 0) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 43) | (line[1] as number)) === 3) {
        const at = this.data + (p >>> 6) * 4096 + (offset & 4095);
        const value = this.hf[at >>> 3] as number;
        line[0] = 0;
        return value;
      }
      line[0] = 0;
    }
    this.#enter(offset, 8);
    try {
      return super.readFloat64(offset);
    } finally {
      this.#pass();
    }
  }
  override writeFloat64(offset: number, value: number): void {
    if (offset >= 0 && offset < this.near - 7 && (offset & 7) === 0) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 47) | (line[1] as number)) === 7) {
        const at = this.data + (p >>> 6) * 4096 + (offset & 4095);
        this.hf[at >>> 3] = value;
        line[0] = 0;
        return;
      }
      line[0] = 0;
    }
    this.#enter(offset, 8);
    try {
      super.writeFloat64(offset, value);
    } finally {
      this.#pass();
    }
  }
  /** The element of an array at `offset`, which is aligned to its `2 ** shift` bytes. @internal */
  readElement(kind: TypedArrayKind, shift: number, offset: number): number {
    const words = this.words[kind] ?? this.#wordsAs(kind);
    if (offset < this.near) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 43) | (line[1] as number)) === 3) {
        const value = words[(this.data + (p >>> 6) * 4096 + (offset & 4095)) >>> shift] as number;
        line[0] = 0;
        return value;
      }
      line[0] = 0;
    }
    this.#enter(offset, 1);
    try {
      return words[super.translate(offset, "read", 1 << shift) >>> shift] as number;
    } finally {
      this.#pass();
    }
  }
  /** @internal */
  writeElement(kind: TypedArrayKind, shift: number, offset: number, value: number): void {
    const words = this.words[kind] ?? this.#wordsAs(kind);
    if (offset < this.near) {
      const { line } = this;
      line[0] = 1;
      const p = this.entries[offset >>> 12] as number;
      if (((p & 47) | (line[1] as number)) === 7) {
        words[(this.data + (p >>> 6) * 4096 + (offset & 4095)) >>> shift] = value;
        line[0] = 0;
        return;
      }
      line[0] = 0;
    }
    this.#enter(offset, 1);
    try {
      words[super.translate(offset, "write", 1 << shift) >>> shift] = value;
    } finally {
      this.#pass();
    }
  }
  #wordsAs(kind: TypedArrayKind): Words {
    this.#mapping.ensureMapped();
    const words = wordsOf(kind, this.#shared.segment.memory.buffer);
    this.words[kind] = words;
    return words;
  }
  override readInto(offset: number, target: Uint8Array): void {
    if (!(target instanceof Uint8Array) || target.length <= PIECE) {
      this.locked(() => super.readInto(offset, target), offset, target?.length);
      return;
    }
    // Before the first piece: nothing is half done.
    this.check(offset, target.length);
    pieces(target.length, (at, n) =>
      this.locked(() => super.readInto(offset + at, target.subarray(at, at + n)), offset + at, n),
    );
  }
  override write(offset: number, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array) || bytes.length <= PIECE) {
      this.locked(() => super.write(offset, bytes), offset, bytes?.length);
      return;
    }
    this.check(offset, bytes.length);
    pieces(bytes.length, (at, n) =>
      this.locked(() => super.write(offset + at, bytes.subarray(at, at + n)), offset + at, n),
    );
  }
  override fill(value: number, offset = 0, length: number = this.size - offset): void {
    this.check(offset, length);
    if (length <= PIECE) this.locked(() => super.fill(value, offset, length), offset, length);
    else pieces(length, (at, n) => this.locked(() => super.fill(value, offset + at, n), offset + at, n));
  }
  override array(kind: TypedArrayKind, offset = 0, length?: number): RegionArray {
    return this.locked(() => new SharedRegionArray(this, kind, offset, length));
  }
  override pin(offset: number, length: number, options: { write?: boolean } = {}): Pin {
    return this.locked(() => super.pin(offset, length, options), offset, Math.min(length, PIECE));
  }
  override advise(advice: Advice, offset = 0, length: number = this.size - offset): number {
    if (advice !== "willneed") return this.locked(() => super.advise(advice, offset, length));
    this.check(offset, length);
    let pages = 0;
    // From a border between pages to the next.
    const first = offset - (offset % PAGE);
    pieces(length + (offset % PAGE), (at, n) => {
      pages += this.locked(() => super.advise(advice, first + at, n), first + at, n);
    });
    return pages;
  }
  override setPolicy(policy: Policy): void {
    this.locked(() => super.setPolicy(policy));
  }

  override retire(): void {
    this.#gate.regions.delete(this);
    this.words = {};
    super.retire();
  }
  /** Give the region back, for all threads; in one that attached to it, let go of it. */
  override unmap(): void {
    if (!this.#shared.attached) {
      this.locked(() => {
        // Who has it open yet is to find out.
        this.#gate.still();
        super.unmap();
        this.#shared.control.end(this.#mapping.id);
      });
      return;
    }
    this.#mapping.ensureMapped();
    if (this.pins > 0) throw new LieuError("EBUSY", `region ${JSON.stringify(this.name)} has pins; release them first`);
    this.#mapping.letGo();
    this.retire();
    this.host.unmapped(this);
  }
}

/** Its elements, which are aligned words: each is read and written as a whole, without the lock where it can be. */
class SharedRegionArray extends RegionArray {
  readonly #holder: SharedRegion;
  readonly #shift: number;

  constructor(region: SharedRegion, kind: TypedArrayKind, offset: number, length: number | undefined) {
    super(region, kind, offset, length);
    this.#holder = region;
    this.#shift = Math.log2(this.bytes);
  }
  override get(index: number): number {
    return this.#holder.readElement(this.kind, this.#shift, this.offsetOf(index));
  }
  override set(index: number, value: number): void {
    this.#holder.writeElement(this.kind, this.#shift, this.offsetOf(index), value);
  }
}

function pieces(length: number, each: (at: number, n: number) => void): void {
  for (let at = 0; at < length; at += PIECE) each(at, Math.min(PIECE, length - at));
}
