/**
 * Keys as bytes, in the key area of the segment: written on the way in, read from an item on the way out.
 *
 * A key of another kind is another key: "1", 1 and the byte 0x31 are three. A string has one form only: Latin-1 if all its
 * characters are, else UTF-16, so that no two strings are ever the same bytes.
 */
import { LieuError } from "../errors.ts";
import type { Segment } from "../runtime/segment.ts";
import { KEY_KIND_SHIFT, KEY_LENGTH_MASK, MAX_KEY } from "../store/item.ts";

/** Keys of a cache. */
export type CacheKey = string | number | Uint8Array;

const KIND_LATIN1 = 0;
const KIND_UTF16 = 1 << KEY_KIND_SHIFT;
const KIND_BYTES = 2 << KEY_KIND_SHIFT;
const KIND_NUMBER = 3 << KEY_KIND_SHIFT;
/** Up to here a loop over the characters beats the encoder's fixed cost. */
const SHORT = 28;
/** The high word of the NaN that stands for all of them. */
const NAN_HIGH = 0x7ff80000;

const encoder = new TextEncoder();

/** Writes keys to the key area; one a memory would do. */
export class KeyArea {
  private readonly h32: Int32Array;
  /** First word of the key area. */
  private readonly first: number;
  private readonly area: Uint8Array;
  private readonly number: Float64Array;
  private readonly whole: Buffer;

  constructor(segment: Segment, address: number) {
    this.h32 = segment.h32;
    this.first = address >>> 2;
    this.area = segment.h8.subarray(address, address + MAX_KEY);
    this.number = segment.hf.subarray(address >>> 3, (address >>> 3) + 1);
    const { buffer, byteOffset, length } = segment.h8;
    this.whole = Buffer.from(buffer as unknown as ArrayBuffer, byteOffset, length);
  }

  /** Write `key`, padded with zeros to whole words. Returns its length and kind. @throws {@link LieuError} EINVAL */
  put(key: CacheKey): number {
    if (typeof key === "string") {
      const n = key.length;
      if (n <= SHORT) {
        const { h32 } = this;
        let at = this.first;
        let all = 0;
        let i = 0;
        for (; i + 4 <= n; i += 4) {
          const a = key.charCodeAt(i);
          const b = key.charCodeAt(i + 1);
          const c = key.charCodeAt(i + 2);
          const d = key.charCodeAt(i + 3);
          all |= a | b | c | d;
          h32[at++] = a | (b << 8) | (c << 16) | (d << 24);
        }
        if (i < n) {
          const a = key.charCodeAt(i);
          const b = i + 1 < n ? key.charCodeAt(i + 1) : 0;
          const c = i + 2 < n ? key.charCodeAt(i + 2) : 0;
          all |= a | b | c;
          h32[at] = a | (b << 8) | (c << 16);
        }
        if (all <= 0xff) return n;
      }
      return this.putLong(key);
    }
    if (typeof key === "number") {
      // -0 and 0 are one key, as in a Map; so are all NaNs, which may differ in their bits.
      if (Number.isNaN(key)) {
        this.h32[this.first] = 0;
        this.h32[this.first + 1] = NAN_HIGH;
      } else this.number[0] = key + 0;
      return 8 | KIND_NUMBER;
    }
    checkKey(key);
    this.pad(key.length);
    this.area.set(key);
    return key.length | KIND_BYTES;
  }

  private putLong(key: string): number {
    const n = key.length;
    if (n <= MAX_KEY) {
      // All ASCII: as many bytes as characters.
      const { read, written } = encoder.encodeInto(key, this.area);
      if (read === n && written === n) return this.padded(n) | KIND_LATIN1;
      if (isLatin1(key)) {
        for (let i = 0; i < n; i++) this.area[i] = key.charCodeAt(i);
        return this.padded(n) | KIND_LATIN1;
      }
    }
    if (n * 2 > MAX_KEY) throw tooLong(isLatin1(key) ? n : n * 2);
    for (let i = 0; i < n; i++) {
      const code = key.charCodeAt(i);
      this.area[i * 2] = code & 0xff;
      this.area[i * 2 + 1] = code >>> 8;
    }
    return this.padded(n * 2) | KIND_UTF16;
  }
  /** Zeros from the `length`-th byte to the end of its word. */
  private padded(length: number): number {
    for (let i = length; (i & 3) !== 0; i++) this.area[i] = 0;
    return length;
  }
  /** Zero the word that the last of `length` bytes will be in. */
  private pad(length: number): void {
    if (length > 0) this.h32[this.first + ((length - 1) >>> 2)] = 0;
  }

  /** The key at byte address `at` of an item with these bits. */
  read(at: number, bits: number): CacheKey {
    const n = bits & KEY_LENGTH_MASK;
    switch (bits & (3 << KEY_KIND_SHIFT)) {
      case KIND_LATIN1:
        return this.whole.latin1Slice(at, at + n);
      case KIND_UTF16:
        return this.whole.ucs2Slice(at, at + n);
      case KIND_BYTES:
        return Buffer.from(this.whole.subarray(at, at + n));
      default:
        // Not a multiple of 8 away from the segment's start, perhaps.
        return this.whole.readDoubleLE(at);
    }
  }
}

function isLatin1(key: string): boolean {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0xff) return false;
  return true;
}
function tooLong(bytes: number): LieuError {
  return new LieuError("EINVAL", `the key has ${bytes} bytes; at most ${MAX_KEY} are allowed`);
}
function shownType(key: unknown): string {
  return key === null ? "null" : typeof key;
}

/** Refuse what is no key. @throws {@link LieuError} EINVAL */
export function checkKey(key: CacheKey): void {
  if (typeof key === "number") return;
  if (typeof key === "string") {
    const n = key.length;
    if (n * 2 <= MAX_KEY || (n <= MAX_KEY && isLatin1(key))) return;
    throw tooLong(isLatin1(key) ? n : n * 2);
  }
  if (!(key instanceof Uint8Array)) {
    throw new LieuError("EINVAL", `the key is ${shownType(key)}; keys are strings, numbers or Uint8Arrays`);
  }
  if (key.length > MAX_KEY) throw tooLong(key.length);
}

/** A string that two keys have in common only if they are the same key. */
export function identity(key: CacheKey): string {
  if (typeof key === "string") return `s${key}`;
  return typeof key === "number"
    ? `n${key + 0}`
    : `b${Buffer.from(key.buffer, key.byteOffset, key.length).latin1Slice()}`;
}
