/**
 * A region that is larger than what a shard of its memory has room for: extents of one size, a power of two, go round the shards, so
 * that each holds about as much of what is hot as of what is cold. Each shard has one plain region for all extents that it holds.
 *
 *     offset   0        1 extent   2          3          4
 *              | shard 0 | shard 1 | shard 2 | shard 0 | shard 1 ...
 *
 * Whatever copies bytes goes over borders. What gives a view of the memory itself cannot, as the two sides lie in two buffers: a pin that
 * crosses a border is refused, and there are no addresses.
 */
import { LieuError, shown } from "../errors.ts";
import type { Pin } from "../runtime/pin.ts";
import type { PagePlace } from "../runtime/vm.ts";
import { checkBytes } from "./arguments.ts";
import type { Policy } from "./policy.ts";
import type { Advice, Region } from "./region.ts";
import { type ArrayHolder, RegionArray, type TypedArrayKind } from "./region-array.ts";

const PAGE = 4096;
const ADVICE: readonly Advice[] = ["cold", "pageout", "willneed"];

/** What a region in extents is made of. */
export interface Extents {
  readonly name: string;
  /** Bytes of the region, and of an extent: a power of two. */
  readonly size: number;
  readonly extent: number;
  /** One a shard, in the order of the first extents. */
  readonly parts: readonly Region[];
  readonly policy: Policy;
  /** Called once, when the region has been unmapped. */
  unmapped(): void;
}

/** Bytes that part `i` of so many has of a region of `size` in extents of `extent`. */
export function partSize(size: number, extent: number, i: number, parts: number): number {
  const whole = Math.floor(size / extent);
  const mine = Math.floor(whole / parts) + (i < whole % parts ? 1 : 0);
  return mine * extent + (i === whole % parts ? size % extent : 0);
}

/** See the file's head; it is all that a {@link Region} is. */
export class ShardedRegion implements Disposable, Everything {
  readonly size: number;
  readonly name: string;
  readonly #extent: number;
  /** Extents a byte. */
  readonly #perByte: number;
  readonly #parts: readonly Region[];
  readonly #count: number;
  /** Of the byte last looked up: its offset in its part, and that of its extent in the region. */
  #at = 0;
  #begin = 0;
  readonly #unmapped: () => void;
  #policy: Policy;

  /** @internal */
  constructor({ name, size, extent, parts, policy, unmapped }: Extents) {
    this.name = name;
    this.size = size;
    this.#extent = extent;
    this.#perByte = 1 / extent;
    this.#parts = parts;
    this.#count = parts.length;
    this.#policy = policy;
    this.#unmapped = unmapped;
  }

  get pins(): number {
    return this.#parts.reduce((n, part) => n + part.pins, 0);
  }
  get isMapped(): boolean {
    return this.#first.isMapped;
  }
  translate(): never {
    throw this.#noAddress("translate()");
  }
  get buffer(): never {
    throw this.#noAddress("buffer");
  }
  get view(): never {
    throw this.#noAddress("view");
  }

  readUint8(offset: number): number {
    return (this.#locate(offset, 1) as Region).readUint8(this.#at);
  }
  writeUint8(offset: number, value: number): void {
    (this.#locate(offset, 1) as Region).writeUint8(this.#at, value);
  }
  readInt32(offset: number): number {
    const part = this.#locate(offset, 4);
    return part === undefined ? dataView(this.read(offset, 4)).getInt32(0, true) : part.readInt32(this.#at);
  }
  writeInt32(offset: number, value: number): void {
    const part = this.#locate(offset, 4);
    if (part === undefined) this.#scatter(offset, 4, (view) => view.setInt32(0, value, true));
    else part.writeInt32(this.#at, value);
  }
  readFloat64(offset: number): number {
    const part = this.#locate(offset, 8);
    return part === undefined ? dataView(this.read(offset, 8)).getFloat64(0, true) : part.readFloat64(this.#at);
  }
  writeFloat64(offset: number, value: number): void {
    const part = this.#locate(offset, 8);
    if (part === undefined) this.#scatter(offset, 8, (view) => view.setFloat64(0, value, true));
    else part.writeFloat64(this.#at, value);
  }

  read(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    const out = new Uint8Array(length);
    this.readInto(offset, out);
    return out;
  }
  readInto(offset: number, target: Uint8Array): void {
    checkBytes(target, "target");
    this.#check(offset, target.length);
    this.#each(offset, target.length, (part, at, n, done) => part.readInto(at, target.subarray(done, done + n)));
  }
  write(offset: number, bytes: Uint8Array): void {
    checkBytes(bytes, "bytes");
    this.#check(offset, bytes.length);
    this.#each(offset, bytes.length, (part, at, n, done) => part.write(at, bytes.subarray(done, done + n)));
  }
  fill(value: number, offset = 0, length: number = this.size - offset): void {
    if (!Number.isInteger(value)) throw new LieuError("EINVAL", `value is ${shown(value)}; it must be a whole number`);
    this.#check(offset, length);
    this.#each(offset, length, (part, at, n) => part.fill(value, at, n));
  }
  /** Elements are aligned, so none lies across a border. */
  array(kind: TypedArrayKind, offset = 0, length?: number): RegionArray {
    this.#check(0, 0);
    const parts = this.#parts.map((part) => part.array(kind));
    const seek = (at: number): Seat => {
      const part = this.#seek(at);
      return { part, at: this.#at };
    };
    return new ShardedArray(this, parts, seek, kind, offset, length);
  }

  /** As {@link Region.pin}, within an extent. @throws {@link LieuError} EINVAL too: the range crosses a border */
  pin(offset: number, length: number, options: { write?: boolean } = {}): Pin {
    const part = this.#locate(offset, length);
    if (part !== undefined) return part.pin(this.#at, length, options);
    const left = this.#left(offset);
    const range = `bytes ${offset} to ${offset + length} of region ${JSON.stringify(this.name)}`;
    const why = `cross a border between shards at ${offset + left}; there is one at each multiple of ${this.#extent}`;
    throw new LieuError("EINVAL", `${range} ${why}: pin each side of it, or read() them`);
  }
  advise(advice: Advice, offset = 0, length: number = this.size - offset): number {
    this.#check(offset, length);
    if (length > 0 && !ADVICE.includes(advice)) this.#first.advise(advice, 0, 1);
    let pages = 0;
    this.#each(offset, length, (part, at, n) => {
      pages += part.advise(advice, at, n);
    });
    return pages;
  }
  /** Of all extents, or of none. */
  setPolicy(policy: Policy): void {
    const changed: Region[] = [];
    try {
      for (const part of this.#parts) {
        part.setPolicy(policy);
        changed.push(part);
      }
      this.#policy = policy;
    } catch (error) {
      for (const part of changed) part.setPolicy(this.#policy);
      throw error;
    }
  }
  placeOf(offset: number): PagePlace {
    return (this.#locate(offset, 1) as Region).placeOf(this.#at);
  }
  placeCode(page: number): number {
    const offset = page * PAGE;
    return this.#part(offset).placeCode(this.#at / PAGE);
  }

  unmap(): void {
    this.#check(0, 0);
    const { pins } = this;
    if (pins > 0) {
      throw new LieuError("EBUSY", `region ${JSON.stringify(this.name)} has ${pins} pins; release them first`);
    }
    for (const part of this.#parts) part.unmap();
    this.#unmapped();
  }
  retire(): void {
    for (const part of this.#parts) part.retire();
  }
  [Symbol.dispose](): void {
    const { isMapped } = this;
    for (const part of this.#parts) part[Symbol.dispose]();
    if (isMapped && !this.isMapped) this.#unmapped();
  }

  get #first(): Region {
    return this.#parts[0] as Region;
  }
  /** The part that holds those bytes, which are at `#at` in it; undefined if they lie across a border. */
  #locate(offset: number, length: number): Region | undefined {
    this.#check(offset, length);
    const part = this.#part(offset);
    return offset - this.#begin + length <= this.#extent ? part : undefined;
  }
  /** The part that holds the byte at `offset`, which is at `#at` in it. Offsets are exact as floats, and so are quotients by a power of two. */
  #part(offset: number): Region {
    return this.#parts[this.#seek(offset)] as Region;
  }
  #seek(offset: number): number {
    const n = (offset * this.#perByte) | 0;
    const round = (n / this.#count) | 0;
    this.#begin = n * this.#extent;
    this.#at = round * this.#extent + (offset - this.#begin);
    return n - round * this.#count;
  }
  /** Bytes from `offset` to the next border. */
  #left(offset: number): number {
    return this.#extent - (offset % this.#extent);
  }
  #each(offset: number, length: number, visit: (part: Region, at: number, n: number, done: number) => void): void {
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const n = Math.min(this.#left(at), length - done);
      visit(this.#part(at), this.#at, n, done);
      done += n;
    }
  }
  #scatter(offset: number, length: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(length);
    set(dataView(bytes));
    this.write(offset, bytes);
  }

  #check(offset: number, length: number): void {
    // Throws what there is to say.
    if (!this.#first.isMapped) this.#first.fill(0, 0, 0);
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new LieuError("ERANGE", `offset ${offset}, length ${length}: both must be whole numbers, not negative`);
    }
    if (offset + length > this.size) {
      const range = `bytes ${offset} to ${offset + length}`;
      throw new LieuError("ERANGE", `${range} of region ${JSON.stringify(this.name)}: it has ${this.size} bytes`);
    }
  }
  #noAddress(what: string): LieuError {
    const why = `region ${JSON.stringify(this.name)} lies in ${this.#parts.length} shards, which have a buffer each`;
    return new LieuError("ENOTSUP", `${what}: ${why}; use read(), write(), array(), or a pin within an extent`);
  }
}

/** Where a byte is: in which part, and at what offset there. */
interface Seat {
  readonly part: number;
  readonly at: number;
}

/** Its elements: each is one of the part that holds it. */
class ShardedArray extends RegionArray {
  readonly #parts: readonly RegionArray[];
  readonly #seek: (offset: number) => Seat;

  constructor(
    region: ArrayHolder,
    parts: readonly RegionArray[],
    seek: (offset: number) => Seat,
    kind: TypedArrayKind,
    offset: number,
    length: number | undefined,
  ) {
    super(region, kind, offset, length);
    this.#parts = parts;
    this.#seek = seek;
  }
  override get(index: number): number {
    const { part, at } = this.#seek(this.offsetOf(index));
    return (this.#parts[part] as RegionArray).get(at / this.bytes);
  }
  override set(index: number, value: number): void {
    const { part, at } = this.#seek(this.offsetOf(index));
    (this.#parts[part] as RegionArray).set(at / this.bytes, value);
  }
}

/** All that a plain region has: the compiler asks for what is missing. */
type Everything = { [P in keyof Region]: Region[P] };

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer);
}
