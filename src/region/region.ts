/**
 * Regions: lossless, byte-addressed memory larger than any one node. An offset never changes its meaning while the page
 * under it moves between nodes and swap.
 *
 * Offsets are whole numbers; whether they are is only checked off the hit path, where a fraction is cut off.
 *
 * A hit is a page-table entry, a mask, a load: no lock, no list, no allocation. What the mask does not pass (absent, not
 * yet marked, marked for a hint) goes to the engine.
 *
 * The masks stand here as literals, since V8 loads an imported constant anew at each use: (entry & 43) === 3 is present,
 * accessed, neither hinted nor watched; (entry & 47) === 7 is that and dirty. A test holds them against runtime/vm.ts. Hits on
 * a watched page, which could be on a faster node, are counted, so that the engine has its turn though nobody ever waits.
 */
import { LieuError, shown } from "../errors.ts";
import { H_SCRATCH } from "../mm/layout.ts";
import { FAULT_OVERWRITE, FAULT_READ, FAULT_WRITE } from "../mm/mm.ts";
import { PTE_ACCESSED, PTE_DIRTY, PTE_HINT, PTE_PRESENT, PTE_WATCH } from "../mm/page-table.ts";
import type { Mapping, ResolvedPolicy } from "../runtime/mapping.ts";
import { contiguousRuns, Pin } from "../runtime/pin.ts";
import { NO_SEGMENT } from "../runtime/segment.ts";
import type { PagePlace, Vm } from "../runtime/vm.ts";
import { checkBytes, faultMode } from "./arguments.ts";
import type { Policy } from "./policy.ts";
import { RegionArray, type TypedArrayKind } from "./region-array.ts";

const PAGE = 4096;

/** What {@link Region.advise} may be told about a range (madvise(2)). */
export type Advice = "cold" | "pageout" | "willneed";

/** What a region needs of the memory that made it. */
export interface RegionHost {
  resolvePolicy(policy: Policy): ResolvedPolicy;
  /** Called once, when the region has been unmapped. */
  unmapped(region: Region): void;
}

/**
 * A lossless region; made by `memory.map()`.
 *
 * Its fields are private to TypeScript only: V8 reads `#` fields with more instructions, which on random reads costs a fifth.
 */
export class Region implements Disposable {
  /** Bytes. */
  readonly size: number;
  readonly name: string;
  private readonly mapping: Mapping;
  private readonly vm: Vm;
  protected readonly host: RegionHost;
  /** This region's page-table entries. */
  protected entries: Int32Array;
  protected u8: Uint8Array;
  /** The whole segment, for {@link translate}'s addresses. @internal */
  view: DataView;
  protected readonly data: number;
  /** The frames alone: frame n starts at byte n x 4096. */
  protected frames: Uint8Array;
  /** The same, as words. */
  protected frameWords: Int32Array;
  /** Offsets under this one fit 32 bits and take the short way; 0 once the region is gone. */
  protected near: number;
  #pins = 0;

  /** @internal */
  constructor(name: string, size: number, mapping: Mapping, host: RegionHost) {
    this.name = name;
    this.size = size;
    this.mapping = mapping;
    this.vm = mapping.vm;
    this.host = host;
    this.entries = mapping.entries;
    const { segment } = mapping.vm;
    this.u8 = segment.h8;
    this.view = new DataView(segment.memory.buffer);
    this.data = segment.data;
    this.frames = segment.h8.subarray(segment.data);
    this.frameWords = segment.h32.subarray(segment.data >>> 2);
    this.near = Math.min(size, 2 ** 31);
  }

  /** Pins that are held now. */
  get pins(): number {
    return this.#pins;
  }

  /** Whether it can be used: neither unmapped nor its memory closed. @internal */
  get isMapped(): boolean {
    return !this.mapping.unmapped && !this.vm.closed;
  }

  /**
   * The byte address, in {@link buffer}, of the byte at `offset`; the rest of its page follows it. Valid until the next
   * call into lieu that is not a read or write of a page that is present. The fastest way to a page, for those who keep
   * that rule; others use a {@link pin}.
   *
   * @param mode "read"; "write"; or "overwrite", which promises to write the whole page, so that it need not be zeroed
   *   or read from swap first
   * @param length bytes from there to the page's end that are going to be read or written, by which it is judged where the page
   *   should be; all of the page if absent
   */
  translate(offset: number, mode: "read" | "write" | "overwrite" = "read", length = 0): number {
    if (offset >= 0 && offset < this.near) {
      const write = mode !== "read";
      const p = this.entries[offset >>> 12] as number;
      if (write ? (p & 47) === 7 : (p & 43) === 3) {
        return this.data + (p >>> 6) * 4096 + (offset & 4095);
      }
    }
    if (mode === "overwrite" && this.vm.segment.secondHand) return this.#zeroed(offset);
    return this.#slow(offset, length, faultMode(mode));
  }

  /** The shared buffer that {@link translate}'s addresses are in. @throws {@link LieuError} ECLOSED */
  get buffer(): SharedArrayBuffer {
    this.mapping.ensureMapped();
    this.vm.segment.lent = true;
    return this.vm.segment.memory.buffer;
  }

  /** The byte at `offset`. */
  readUint8(offset: number): number {
    if (offset >= 0 && offset < this.near) {
      // From arrays of entries and of frames alone, by arithmetic that needs no check: the fewer instructions, the more reads are under way at a time.
      const p = this.entries[offset >>> 12] as number;
      if ((p & 43) === 3) return this.frames[(((p >>> 6) << 12) + (offset & 4095)) >>> 0] as number;
    }
    return this.u8[this.#slow(offset, 1, FAULT_READ)] as number;
  }

  writeUint8(offset: number, value: number): void {
    if (offset >= 0 && offset < this.near) {
      const p = this.entries[offset >>> 12] as number;
      if ((p & 47) === 7) {
        this.frames[(((p >>> 6) << 12) + (offset & 4095)) >>> 0] = value;
        return;
      }
    }
    this.u8[this.#slow(offset, 1, FAULT_WRITE)] = value;
  }

  /** The little-endian 32-bit integer at `offset`; any alignment. */
  readInt32(offset: number): number {
    if (offset >= 0 && offset < this.near - 3 && (offset & 3) === 0) {
      const p = this.entries[offset >>> 12] as number;
      if ((p & 43) === 3) return this.frameWords[(((p >>> 6) << 10) + ((offset & 4095) >>> 2)) >>> 0] as number;
    }
    return this.view.getInt32(this.#whole(offset, 4) ?? this.#gather(offset, 4), true);
  }

  writeInt32(offset: number, value: number): void {
    const at = this.#wholeForWrite(offset, 4);
    if (at !== undefined) this.view.setInt32(at, value, true);
    else this.#scatter(offset, 4, (v) => v.setInt32(0, value, true));
  }

  /** The little-endian double at `offset`; any alignment. */
  readFloat64(offset: number): number {
    return this.view.getFloat64(this.#whole(offset, 8) ?? this.#gather(offset, 8), true);
  }

  writeFloat64(offset: number, value: number): void {
    const at = this.#wholeForWrite(offset, 8);
    if (at !== undefined) this.view.setFloat64(at, value, true);
    else this.#scatter(offset, 8, (v) => v.setFloat64(0, value, true));
  }

  /** Copy `length` bytes from `offset` out, into a new array. */
  read(offset: number, length: number): Uint8Array {
    this.check(offset, length);
    const out = new Uint8Array(length);
    this.readInto(offset, out);
    return out;
  }

  /** Fill `target` with the bytes from `offset` on. */
  readInto(offset: number, target: Uint8Array): void {
    checkBytes(target, "target");
    this.check(offset, target.length);
    let done = 0;
    while (done < target.length) {
      const n = Math.min(PAGE - ((offset + done) & 4095), target.length - done);
      const at = this.translate(offset + done, "read", n);
      target.set(this.u8.subarray(at, at + n), done);
      done += n;
    }
  }

  /**
   * Write `bytes` at `offset`. If there is no room for a page, the pages before it have been written.
   *
   * @throws {@link LieuError} ENOMEM, ERANGE, EIO, ECLOSED
   */
  write(offset: number, bytes: Uint8Array): void {
    checkBytes(bytes, "bytes");
    this.check(offset, bytes.length);
    let done = 0;
    while (done < bytes.length) {
      const n = Math.min(PAGE - ((offset + done) & 4095), bytes.length - done);
      const at = this.translate(offset + done, n === PAGE ? "overwrite" : "write", n);
      this.u8.set(done === 0 && n === bytes.length ? bytes : bytes.subarray(done, done + n), at);
      done += n;
    }
  }

  /** Set `length` bytes from `offset` on to `value`. */
  fill(value: number, offset = 0, length: number = this.size - offset): void {
    if (!Number.isInteger(value)) throw new LieuError("EINVAL", `value is ${shown(value)}; it must be a whole number`);
    this.check(offset, length);
    for (let done = 0; done < length; ) {
      const n = Math.min(PAGE - ((offset + done) & 4095), length - done);
      const at = this.translate(offset + done, n === PAGE ? "overwrite" : "write", n);
      this.u8.fill(value, at, at + n);
      done += n;
    }
  }

  /**
   * The region, or `length` elements of it from byte `offset` on, as an array of numbers.
   *
   * @throws {@link LieuError} EINVAL if the offset is not a multiple of the element's size, ERANGE
   */
  array(kind: TypedArrayKind, offset = 0, length?: number): RegionArray {
    this.mapping.ensureMapped();
    return new RegionArray(this, kind, offset, length);
  }

  /**
   * Hold `length` bytes from `offset` on in place. The view is the memory itself where the frames are contiguous, which
   * they always are within a page or a large folio.
   *
   * @throws {@link LieuError} ENOMEM, ERANGE, EIO, ECLOSED; nothing is held then
   */
  pin(offset: number, length: number, options: { write?: boolean } = {}): Pin {
    this.check(offset, length);
    if (length === 0) throw new LieuError("EINVAL", "a pin of 0 bytes holds nothing; length must be 1 or more");
    const write = options.write === true;
    const frames: number[] = [];
    try {
      const last = Math.floor((offset + length - 1) / PAGE);
      for (let page = Math.floor(offset / PAGE); page <= last; page++) {
        this.translate(page * PAGE, write ? "write" : "read", Math.min(PAGE, length));
        frames.push(this.vm.pin(this.mapping.start + page));
      }
    } catch (error) {
      this.#unpin(frames);
      throw error;
    }
    this.#pins++;
    this.vm.segment.lent = true;
    return new Pin(contiguousRuns(this.frames, frames, offset, length), write, () => {
      this.#unpin(frames);
      this.#pins--;
    });
  }

  /**
   * Advise about a range (madvise(2)): "cold" makes its pages the next to be reclaimed; "pageout" swaps them out now,
   * pinned ones excepted, and never demotes them; "willneed" brings them in. Returns the pages concerned.
   */
  advise(advice: Advice, offset = 0, length: number = this.size - offset): number {
    this.check(offset, length);
    if (length === 0) return 0;
    const first = Math.floor(offset / PAGE);
    const nr = Math.floor((offset + length - 1) / PAGE) - first + 1;
    const { calls } = this.vm;
    this.vm.turn();
    switch (advice) {
      case "cold":
        return calls.adviseCold(this.mapping.start + first, nr);
      case "pageout":
        return calls.advisePageout(this.mapping.id, this.mapping.start + first, nr);
      case "willneed":
        for (let page = first; page < first + nr; page++) this.translate(page * PAGE);
        return nr;
      default:
        throw new LieuError("EINVAL", `advice is ${shown(advice)}; it can be "cold", "pageout" or "willneed"`);
    }
  }

  /**
   * Change the policy and move the pages that it forbids (mbind with MPOL_MF_MOVE). On an error the old policy holds.
   *
   * @throws {@link LieuError} EINVAL, EBUSY if such a page is pinned, ENOMEM if there is no room for it
   */
  setPolicy(policy: Policy): void {
    this.mapping.setPolicy(this.host.resolvePolicy(policy));
  }

  /** Where the page at `offset` is now; does not count as an access. */
  placeOf(offset: number): PagePlace {
    this.check(offset, 1);
    return this.vm.placeOf(this.mapping.start + Math.floor(offset / PAGE));
  }

  /**
   * The same as a number, for hot loops: page `page` is in node n, -1 = nowhere, -2 - d = swap device d. Unchecked.
   * @internal
   */
  placeCode(page: number): number {
    return this.vm.placeCode(this.mapping.start + page);
  }

  /** Give the region back. @throws {@link LieuError} EBUSY while pins are held, ECLOSED the second time */
  unmap(): void {
    this.mapping.ensureMapped();
    if (this.#pins > 0) {
      throw new LieuError("EBUSY", `region ${JSON.stringify(this.name)} has ${this.#pins} pins; release them first`);
    }
    this.mapping.unmap();
    this.retire();
    this.host.unmapped(this);
  }

  /** End the short way, as the page table's entries are another's by now or nobody's, and hold no byte any more. @internal */
  retire(): void {
    this.near = 0;
    this.mapping.retire();
    this.entries = this.frameWords = NO_SEGMENT.h32;
    this.u8 = this.frames = NO_SEGMENT.h8;
    this.view = new DataView(NO_SEGMENT.memory.buffer);
  }

  /** Unmaps the region unless that was done, or the memory was closed. */
  [Symbol.dispose](): void {
    if (!this.mapping.unmapped && !this.vm.closed) this.unmap();
  }

  /** Everything that is not a plain hit: bounds, marks, faults. `length`: as {@link translate} has it. Returns the byte's address. */
  #slow(offset: number, length: number, mode: number): number {
    this.check(offset, 1);
    const page = Math.floor(offset / PAGE);
    const p = this.entries[page] as number;
    const lines = length > 0 ? (Math.min(length, PAGE) + 63) >> 6 : 0;
    if ((p & (PTE_PRESENT | PTE_HINT)) === PTE_PRESENT && ((p & PTE_WATCH) === 0 || this.vm.countHit(p >>> 6, lines))) {
      this.entries[page] = p | PTE_ACCESSED | (mode === FAULT_READ ? 0 : PTE_DIRTY);
    } else {
      const r = this.mapping.fault(page, mode, lines);
      if (r < 0) throw this.vm.error(r, `page ${page} of region ${JSON.stringify(this.name)}`);
    }
    return this.data + ((this.entries[page] as number) >>> 6) * PAGE + (offset & 4095);
  }

  /** For a caller's overwriting: the frame may hold a closed memory's bytes, and nobody can know that all will be written over. */
  #zeroed(offset: number): number {
    const page = Math.floor(offset / PAGE);
    const present = ((this.entries[page] ?? 0) & PTE_PRESENT) !== 0;
    const at = this.#slow(offset, PAGE, FAULT_OVERWRITE);
    if (!present && this.data > 0) this.u8.fill(0, at - (offset & 4095), at - (offset & 4095) + PAGE);
    return at;
  }

  protected check(offset: number, length: number): void {
    this.mapping.ensureMapped();
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new LieuError("ERANGE", `offset ${offset}, length ${length}: both must be whole numbers, not negative`);
    }
    if (offset + length > this.size) {
      const range = `bytes ${offset} to ${offset + length}`;
      throw new LieuError("ERANGE", `${range} of region ${JSON.stringify(this.name)}: it has ${this.size} bytes`);
    }
  }

  /** Address of `length` bytes that lie within one page; undefined if they do not. */
  #whole(offset: number, length: number): number | undefined {
    if ((offset & 4095) > PAGE - length) return undefined;
    if (offset > this.size - length) this.check(offset, length);
    return this.translate(offset, "read", length);
  }
  #wholeForWrite(offset: number, length: number): number | undefined {
    if ((offset & 4095) > PAGE - length) return undefined;
    if (offset > this.size - length) this.check(offset, length);
    return this.translate(offset, "write", length);
  }
  /** Bytes across two pages, copied to a scratch place of the segment that only this does. Returns its address. */
  #gather(offset: number, length: number): number {
    const bytes = this.read(offset, length);
    this.u8.set(bytes, H_SCRATCH);
    return H_SCRATCH;
  }
  #scatter(offset: number, length: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(length);
    set(new DataView(bytes.buffer));
    this.write(offset, bytes);
  }

  #unpin(frames: readonly number[]): void {
    for (const frame of frames) this.vm.unpin(frame);
  }
}
