/** Codecs: how a cache's values become bytes and come back. */
import { Packr } from "msgpackr";
import { LieuError } from "../errors.ts";
import { RecordWriter } from "./records.ts";

/** A codec that keeps nothing of the bytes it decodes, so that they may be written over: the first `length` of `bytes`. */
export interface CopyingCodec<V> extends Codec<V> {
  decodeFrom(bytes: Uint8Array, length: number): V;
}
/** A codec with a faster way for what most values are: undefined if a value must go the other way. */
export interface RecordCodec<V> extends Codec<V> {
  encodeRecord(value: object): Uint8Array | undefined;
}
export function hasRecords<V>(codec: Codec<V>): codec is RecordCodec<V> {
  return "encodeRecord" in codec;
}
export function copies<V>(codec: Codec<V>): codec is CopyingCodec<V> {
  return "decodeFrom" in codec;
}

/** Turns values into bytes and back. `decode` gets bytes that it may keep; they are not shared memory. */
export interface Codec<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

/**
 * Anything that MessagePack, with msgpackr's extensions, can say: objects, arrays, dates, maps, sets, buffers. What it encodes says
 * all of itself: any other such codec decodes it.
 */
export function msgpackCodec<V>(): Codec<V> {
  return codecOf<V>(new Packr({ structuredClone: true }));
}

/**
 * The same for one cache, which keeps the names of fields beside its values rather than in each: the shapes of the objects that it
 * meets again and again are numbered, and an object is a number and the values of its fields. Only this codec decodes what it encodes.
 *
 * Shapes are bounded: 32, each of at most 64 fields. A shape is numbered when it is met for the third time within some hundred
 * others, so that dictionaries, of which no two have the same keys, do not use the numbers up; until then, and when there are
 * none left, an object says its shape itself, as msgpackCodec() has it.
 */
export function shapesCodec<V>(): CopyingCodec<V> & RecordCodec<V> {
  const met = new Map<string, number>();
  const often = (names: string[]): boolean => {
    if (names.length > MAX_FIELDS) return false;
    const shape = names.join("\0");
    if (shape.length > MAX_NAMES) return false;
    const times = (met.get(shape) ?? 0) + 1;
    if (met.size > MAX_MET) met.clear();
    met.set(shape, times);
    return times >= OFTEN;
  };
  const shapes: string[][] = [];
  const records = new RecordWriter(shapes);
  const packr = new Packr({
    structuredClone: true,
    structures: shapes,
    copyBuffers: true,
    maxSharedStructures: MAX_SHAPES,
    shouldShareStructure: often,
  });
  return {
    ...codecOf<V>(packr),
    decodeFrom: (bytes, length) => packr.unpack(bytes, length) as V,
    encodeRecord: (value) => records.write(value),
  };
}
/** What one thread's handle encodes, another's decodes: each value says all of itself. */
export function sharedCodec<V>(): CopyingCodec<V> {
  const packr = new Packr({ structuredClone: true, copyBuffers: true });
  return { ...codecOf<V>(packr), decodeFrom: (bytes, length) => packr.unpack(bytes, length) as V };
}
const MAX_SHAPES = 32;
const MAX_FIELDS = 64;
/** Characters of all names of a shape. */
const MAX_NAMES = 1024;
/** Shapes that are counted, and how often one is met before it is numbered. */
const MAX_MET = 256;
const OFTEN = 3;

function codecOf<V>(packr: Packr): Codec<V> {
  return {
    encode(value) {
      try {
        return packr.pack(value);
      } catch (cause) {
        throw new LieuError("EINVAL", `the value is ${describe(value)}, which MessagePack has no word for: ${cause}`, {
          cause,
        });
      }
    },
    decode: (bytes) => packr.unpack(bytes) as V,
  };
}

export function describe(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}
