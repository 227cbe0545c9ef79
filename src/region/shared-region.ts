/**
 * A region of a memory that several threads share. A page may be moved by any of them, so each read and write is made under the
 * memory's lock: it is whole, and no write is lost, however many threads write and whatever moves. Long ones let go of the lock between
 * pieces, so that others' turns come; what is longer than a piece may be seen half written.
 */
import { LieuError } from "../errors.ts";
import type { SharedRegionEntry } from "../runtime/control.ts";
import type { Mapping } from "../runtime/mapping.ts";
import type { Pin } from "../runtime/pin.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import type { Policy } from "./policy.ts";
import { type Advice, Region, type RegionHost } from "./region.ts";
import { RegionArray, type TypedArrayKind } from "./region-array.ts";

/** Bytes that are copied under the lock at once. */
const PIECE = 64 * 1024;

/** See the file's head; made by `memory.map()`. */
export class SharedRegion extends Region {
  readonly #shared: SharedVm;
  readonly #mapping: Mapping;
  readonly #incarnation: number;

  /** @internal */
  constructor(name: string, size: number, mapping: Mapping, host: RegionHost, incarnation?: number) {
    super(name, size, mapping, host);
    this.#shared = mapping.vm as SharedVm;
    this.#mapping = mapping;
    this.#incarnation = incarnation ?? this.#shared.control.begin(mapping.id);
  }

  /** What other threads find it by. @internal */
  get entry(): SharedRegionEntry {
    const { id, start, pages } = this.#mapping;
    return { name: this.name, mapping: { id, start, pages }, size: this.size, incarnation: this.#incarnation };
  }

  /** Do something under the lock. @internal */
  locked<R>(work: () => R): R {
    this.#enter();
    try {
      return work();
    } finally {
      this.#shared.leave();
    }
  }
  #enter(): void {
    this.#shared.enter();
    if (this.#shared.control.lives(this.#mapping.id, this.#incarnation)) return;
    this.#shared.leave();
    throw new LieuError("ECLOSED", `region ${JSON.stringify(this.name)} was unmapped`);
  }

  /** Addresses change when any thread has a page moved: there is none to be given away. @throws {@link LieuError} ENOTSUP */
  override translate(offset: number, mode?: "read" | "write" | "overwrite", length?: number): number {
    if (this.#shared.lock.depth === 0) throw this.#noAddress("translate()");
    return super.translate(offset, mode, length);
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
    this.#enter();
    try {
      return super.readUint8(offset);
    } finally {
      this.#shared.leave();
    }
  }
  override writeUint8(offset: number, value: number): void {
    this.#enter();
    try {
      super.writeUint8(offset, value);
    } finally {
      this.#shared.leave();
    }
  }
  override readInt32(offset: number): number {
    this.#enter();
    try {
      return super.readInt32(offset);
    } finally {
      this.#shared.leave();
    }
  }
  override writeInt32(offset: number, value: number): void {
    this.#enter();
    try {
      super.writeInt32(offset, value);
    } finally {
      this.#shared.leave();
    }
  }
  override readFloat64(offset: number): number {
    this.#enter();
    try {
      return super.readFloat64(offset);
    } finally {
      this.#shared.leave();
    }
  }
  override writeFloat64(offset: number, value: number): void {
    this.#enter();
    try {
      super.writeFloat64(offset, value);
    } finally {
      this.#shared.leave();
    }
  }
  override readInto(offset: number, target: Uint8Array): void {
    if (!(target instanceof Uint8Array) || target.length <= PIECE) {
      this.locked(() => super.readInto(offset, target));
      return;
    }
    // Before the first piece: nothing is half done.
    this.check(offset, target.length);
    pieces(target.length, (at, n) => this.locked(() => super.readInto(offset + at, target.subarray(at, at + n))));
  }
  override write(offset: number, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array) || bytes.length <= PIECE) {
      this.locked(() => super.write(offset, bytes));
      return;
    }
    this.check(offset, bytes.length);
    pieces(bytes.length, (at, n) => this.locked(() => super.write(offset + at, bytes.subarray(at, at + n))));
  }
  override fill(value: number, offset = 0, length: number = this.size - offset): void {
    this.check(offset, length);
    if (length <= PIECE) this.locked(() => super.fill(value, offset, length));
    else pieces(length, (at, n) => this.locked(() => super.fill(value, offset + at, n)));
  }
  override array(kind: TypedArrayKind, offset = 0, length?: number): RegionArray {
    return this.locked(() => new SharedRegionArray(this, kind, offset, length));
  }
  override pin(offset: number, length: number, options: { write?: boolean } = {}): Pin {
    return this.locked(() => super.pin(offset, length, options));
  }
  override advise(advice: Advice, offset = 0, length: number = this.size - offset): number {
    return this.locked(() => super.advise(advice, offset, length));
  }
  override setPolicy(policy: Policy): void {
    this.locked(() => super.setPolicy(policy));
  }

  /** Give the region back, for all threads; in one that attached to it, let go of it. */
  override unmap(): void {
    if (!this.#shared.attached) {
      this.locked(() => {
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

/** Its elements, each read and written under the lock. */
class SharedRegionArray extends RegionArray {
  readonly #holder: SharedRegion;

  constructor(region: SharedRegion, kind: TypedArrayKind, offset: number, length: number | undefined) {
    super(region, kind, offset, length);
    this.#holder = region;
  }
  override get(index: number): number {
    return this.#holder.locked(() => super.get(index));
  }
  override set(index: number, value: number): void {
    this.#holder.locked(() => super.set(index, value));
  }
}

function pieces(length: number, each: (at: number, n: number) => void): void {
  for (let at = 0; at < length; at += PIECE) each(at, Math.min(PIECE, length - at));
}
