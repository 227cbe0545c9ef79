/**
 * Bytes for values that are given out, and copies between the memory and what is the caller's.
 *
 * A Buffer with memory of its own costs several times what copying 4 KiB to it does: to allocate, and to be given back by the collector.
 * So values share memory, as Node's own Buffers do under 4 KiB; but 64 KiB at a time, not 8. What is kept of a value keeps all of that, so small ones
 * are left to Node.
 */
import { newSlab } from "../runtime/slab.ts";

/** A Buffer of the caller's own. Declared without naming Buffer, so that users' projects need no `@types/node`. */
export interface OwnBytes extends Uint8Array {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  ucs2Slice(start?: number, end?: number): string;
}

const SLAB = 64 * 1024;
/** Values up to here share Node's memory; longer than the second, they have their own. */
const SMALL = 1024;
const LARGE = 16 * 1024;
/** Bytes from which on a call that copies as fast as it goes beats one that copies byte by byte. */
const WORTH = 256;
/** And from which on it does even where both ends are aligned alike: V8 copies to and from shared memory word by word, each on its own. */
const LONG = 8192;

let slab: Buffer | undefined;
let free = 0;

/** `length` bytes of the caller's own, with anything in them. */
export function newBytes(length: number): OwnBytes {
  if (length <= SMALL || length > LARGE) return Buffer.allocUnsafe(length);
  if (slab === undefined || free + length > SLAB) {
    slab = newSlab(SLAB);
    free = 0;
  }
  const bytes = slab.subarray(free, free + length);
  free = (free + length + 7) & ~7;
  return bytes;
}

const { fill } = Buffer.prototype;

/**
 * Copy `from` to `to`, from byte `at` on, where one of them is shared memory. V8 copies to and from that by words if both ends are aligned
 * alike, else byte by byte, which takes four times as long; Buffer's fill() copies at full speed, but costs more to call.
 */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array): void {
  copyFrom(to, at, from, from.length, from.byteOffset);
}
/** The same where length and place of `from` are known: to ask a view of shared memory for them costs as much as to copy a few hundred bytes. */
export function copyFrom(to: Uint8Array, at: number, from: Uint8Array, length: number, place: number): void {
  if (length < WORTH || (length < LONG && (((to.byteOffset + at) ^ place) & 7) === 0)) to.set(from, at);
  else fill.call(to, from, at, at + length);
}
