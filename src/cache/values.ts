/**
 * Values as bytes. Strings and Uint8Arrays are stored as they are, each item saying which it is; anything else goes
 * through the codec. A string takes one byte a character if it is ASCII, else UTF-8, else (with lone surrogates) UTF-16. What
 * the default codec would change is stored as structured clone has it.
 */
import { LieuError } from "../errors.ts";
import { STORE_VALUE_SIZE } from "../mm/layout.ts";
import type { Segment } from "../runtime/segment.ts";
import { copyFrom, newBytes, type OwnBytes } from "./bytes.ts";
import { type Codec, copies, describe, hasRecords } from "./codec.ts";
import { cloneFromBytes, cloneToBytes, isOdd } from "./structured.ts";
import { splitTrailer, withTrailer } from "./trailer.ts";

export type { OwnBytes };

/** Kinds of value, as items say them (store/item.ts, VALUE_KIND_SHIFT). */
export const VALUE_BYTES = 0;
export const VALUE_ASCII = 1;
export const VALUE_UTF8 = 2;
export const VALUE_UTF16 = 3;
export const VALUE_CODED = 4;
/** By V8's structured clone (structured.ts). */
export const VALUE_CLONED = 5;
/** Of any of these kinds, with tags (trailer.ts). */
export const VALUE_TAGGED = 6;

/** What a cache takes: "any" = strings, bytes and whatever the codec can say. */
export type Accepts = "any" | "bytes" | "string" | "coded";

const encoder = new TextEncoder();
/** Views of the value area are kept up to this length. */
const KEPT_VIEWS = 4096;

/** The value area of the segment, and how values get in and out of it. */
export class ValueArea {
  readonly address: number;
  readonly size: number;
  private readonly h8: Uint8Array;
  private readonly whole: Buffer;
  private readonly area: Uint8Array;
  private readonly views: Uint8Array[] = [];

  constructor(segment: Segment, address: number, size: number) {
    this.address = address;
    this.size = size;
    this.h8 = segment.h8;
    const { buffer, byteOffset, length } = segment.h8;
    this.whole = Buffer.from(buffer as unknown as ArrayBuffer, byteOffset, length);
    this.area = segment.h8.subarray(address, address + size);
  }

  /** The first `length` bytes of the area. */
  view(length: number): Uint8Array {
    if (length > KEPT_VIEWS) return this.area.subarray(0, length);
    let view = this.views[length];
    if (view === undefined) {
      // Dense from the start, so that it stays an array.
      while (this.views.length < length) this.views.push(this.area.subarray(0, this.views.length));
      view = this.area.subarray(0, length);
      this.views[length] = view;
    }
    return view;
  }
  /** Copy the first `length` bytes of the area to `target`, from its byte `at` on. */
  give(target: Uint8Array, at: number, length: number): void {
    copyFrom(target, at, this.view(length), length, this.address);
  }
  /** Write bytes, which must fit. */
  put(bytes: Uint8Array): void {
    this.h8.set(bytes, this.address);
  }
  /**
   * Write a string as ASCII or UTF-8 if it is sure to fit and to come back the same. Returns its bytes, or -1; it is ASCII
   * if they are as many as its characters.
   */
  putString(value: string): number {
    if (value.length * 3 > this.size) return -1;
    const written = encoder.encodeInto(value, this.area).written;
    return written === value.length || value.isWellFormed() ? written : -1;
  }
  ascii(length: number): string {
    return this.whole.latin1Slice(this.address, this.address + length);
  }
  /** A copy of `length` bytes at byte address `at`. */
  copy(at: number, length: number, last = false): OwnBytes {
    const out = last ? Buffer.allocUnsafeSlow(length) : newBytes(length);
    copyFrom(out, 0, this.h8.subarray(at, at + length), length, at);
    return out;
  }
  /** The same in a buffer that is written over the next time; it is as long as the area. */
  lend(length: number): OwnBytes {
    scratch ??= Buffer.allocUnsafeSlow(STORE_VALUE_SIZE);
    scratch.set(this.view(length));
    return scratch;
  }
  /** A copy of the first `length` bytes of the area; of memory of its own if it is to `last`, as it would keep its pool. */
  take(length: number, last = false): OwnBytes {
    const out = last ? Buffer.allocUnsafeSlow(length) : newBytes(length);
    out.set(this.view(length));
    return out;
  }
}

/** Where values are decoded from by who keeps none of it: reading out of shared memory would cost several times as much. */
let scratch: OwnBytes | undefined;

/** A value as it is stored. */
export interface Encoded {
  readonly kind: number;
  readonly bytes: Uint8Array;
  /** How many of the bytes are no part of the value itself. */
  readonly trailer?: number;
}

/** An encoded value with tags, set when `epoch` was the number of the last invalidation (tags.ts). */
export function tagValue(value: Encoded, tags: readonly string[], epoch: number): Encoded {
  const bytes = withTrailer(value.bytes, value.kind, tags, epoch);
  return { kind: VALUE_TAGGED, bytes, trailer: bytes.length - value.bytes.length };
}

/** Bytes and kind of a value that is not written by {@link ValueArea.putString}. @throws {@link LieuError} EINVAL */
export function encodeValue<V>(value: V, accepts: Accepts, codec: Codec<V>, name: string): Encoded {
  if (accepts !== "coded") {
    if (value instanceof Uint8Array && accepts !== "string") return { kind: VALUE_BYTES, bytes: value };
    if (typeof value === "string" && accepts !== "bytes") {
      const utf8 = value.isWellFormed();
      const bytes = Buffer.from(value, utf8 ? "utf8" : "utf16le");
      return { kind: !utf8 ? VALUE_UTF16 : bytes.length === value.length ? VALUE_ASCII : VALUE_UTF8, bytes };
    }
    if (accepts !== "any") {
      const takes = accepts === "bytes" ? "Uint8Arrays" : "strings";
      throw new LieuError("EINVAL", `the value is ${describe(value)}; a cache with codec "${accepts}" takes ${takes}`);
    }
  }
  if (accepts === "any") {
    if (typeof value === "function" || typeof value === "symbol") {
      throw new LieuError("EINVAL", `the value is a ${typeof value}, which has no bytes; give what it stands for`);
    }
    if (typeof value === "object" && value !== null && hasRecords(codec)) {
      const bytes = codec.encodeRecord(value);
      if (bytes !== undefined) return { kind: VALUE_CODED, bytes };
    }
    if (isOdd(value)) return { kind: VALUE_CLONED, bytes: cloneToBytes(value) };
  }
  const bytes: unknown = codec.encode(value);
  if (bytes instanceof Uint8Array) return { kind: VALUE_CODED, bytes };
  throw new LieuError("EINVAL", `the codec of cache ${JSON.stringify(name)} must encode to a Uint8Array`);
}

/** The value of `length` bytes that stands in an area; `last`: it will be held for long. */
export function valueIn<V>(area: ValueArea, kind: number, length: number, codec: Codec<V>, last = false): V {
  if (kind === VALUE_ASCII) return area.ascii(length) as unknown as V;
  if (kind === VALUE_BYTES) return area.take(length, last) as unknown as V;
  if (kind === VALUE_CODED && copies(codec)) return codec.decodeFrom(area.lend(length), length);
  return decodeValue(kind, area.take(length, last), codec);
}
/** The value that these bytes, which are the caller's own, stand for. */
export function decodeValue<V>(kind: number, bytes: OwnBytes, codec: Codec<V>): V {
  switch (kind) {
    case VALUE_BYTES:
      return bytes as unknown as V;
    case VALUE_ASCII:
      return bytes.latin1Slice() as unknown as V;
    case VALUE_UTF8:
      return bytes.utf8Slice() as unknown as V;
    case VALUE_UTF16:
      return bytes.ucs2Slice() as unknown as V;
    case VALUE_CLONED:
      return cloneFromBytes(bytes) as V;
    case VALUE_TAGGED: {
      const value = splitTrailer(bytes);
      return decodeValue(value.kind, value.bytes, codec);
    }
    default:
      return codec.decode(bytes);
  }
}
