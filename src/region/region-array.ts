/**
 * A region as an array of numbers. The pages under it may be anywhere, so it is not a TypedArray, but it is used like
 * one; for a real one, pin the range.
 */
import { LieuError, shown } from "../errors.ts";

const KINDS = {
  uint8: { bytes: 1, get: "getUint8", set: "setUint8", words: Uint8Array },
  int8: { bytes: 1, get: "getInt8", set: "setInt8", words: Int8Array },
  uint16: { bytes: 2, get: "getUint16", set: "setUint16", words: Uint16Array },
  int16: { bytes: 2, get: "getInt16", set: "setInt16", words: Int16Array },
  uint32: { bytes: 4, get: "getUint32", set: "setUint32", words: Uint32Array },
  int32: { bytes: 4, get: "getInt32", set: "setInt32", words: Int32Array },
  float32: { bytes: 4, get: "getFloat32", set: "setFloat32", words: Float32Array },
  float64: { bytes: 8, get: "getFloat64", set: "setFloat64", words: Float64Array },
} as const;

/** Element types of {@link RegionArray}, little-endian. */
export type TypedArrayKind = keyof typeof KINDS;

/** All of the bytes that addresses are in, as elements of one kind. */
export type Words =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;
export function wordsOf(kind: TypedArrayKind, buffer: SharedArrayBuffer): Words {
  const Kind: new (buffer: SharedArrayBuffer) => Words = KINDS[kind].words;
  return new Kind(buffer);
}

/** What an array asks of the region that it lies in. */
export interface ArrayHolder {
  readonly name: string;
  readonly size: number;
  /** What {@link translate} gives addresses in. */
  readonly view: DataView;
  translate(offset: number, access: "read" | "write", length: number): number;
}

/** Numbers in a region, by index; made by `region.array()`. */
export class RegionArray {
  readonly kind: TypedArrayKind;
  /** Elements. */
  readonly length: number;
  readonly #region: ArrayHolder;
  readonly #offset: number;
  /** Of an element. */
  protected readonly bytes: number;
  readonly #get: (typeof KINDS)[TypedArrayKind]["get"];
  readonly #set: (typeof KINDS)[TypedArrayKind]["set"];

  /** @internal */
  constructor(region: ArrayHolder, kind: TypedArrayKind, offset: number, length: number | undefined) {
    const k = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (k === undefined) {
      throw new LieuError("EINVAL", `kind is ${shown(kind)}; it can be ${Object.keys(KINDS).join(", ")}`);
    }
    if (!Number.isSafeInteger(offset) || offset < 0 || offset % k.bytes !== 0) {
      throw new LieuError("EINVAL", `offset ${offset} must be a multiple of ${k.bytes}, the size of ${kind}`);
    }
    if (offset > region.size) {
      throw new LieuError("ERANGE", `offset ${offset}: region ${shown(region.name)} has ${region.size} bytes`);
    }
    const fits = Math.floor((region.size - offset) / k.bytes);
    this.length = length ?? Math.max(0, fits);
    if (!Number.isSafeInteger(this.length) || this.length < 0 || this.length > fits) {
      throw new LieuError("ERANGE", `length ${length}: at most ${fits} elements of ${kind} follow offset ${offset}`);
    }
    this.kind = kind;
    this.#region = region;
    this.#offset = offset;
    this.bytes = k.bytes;
    this.#get = k.get;
    this.#set = k.set;
  }

  /** Element `index`. @throws {@link LieuError} ERANGE */
  get(index: number): number {
    const at = this.#region.translate(this.offsetOf(index), "read", this.bytes);
    return this.#region.view[this.#get](at, true);
  }

  /** Set element `index`. @throws {@link LieuError} ERANGE, ENOMEM */
  set(index: number, value: number): void {
    const at = this.#region.translate(this.offsetOf(index), "write", this.bytes);
    this.#region.view[this.#set](at, value, true);
  }

  /** All elements in order. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  /** Elements are aligned, so none lies across two pages. */
  protected offsetOf(index: number): number {
    if (!(Number.isInteger(index) && index >= 0 && index < this.length)) {
      throw new LieuError("ERANGE", `index ${index}: the array has ${this.length} elements`);
    }
    return this.#offset + index * this.bytes;
  }
}
