/**
 * Identifiers to dense keys. Traces name objects by 64-bit numbers or by text, up to hundreds of millions of them; a Map
 * of bigints costs a hundred bytes and an allocation each (and ends at 16.7 million), so identifiers are kept as two
 * 32-bit halves in an open-addressing table: 8 bytes a key plus 8 to 16 of table.
 */

import { Column } from "./column.ts";

/** 64 bits as two unsigned halves; readers keep one and overwrite it for every request. */
export interface Id {
  lo: number;
  hi: number;
}

/** Numbers the distinct identifiers it is shown 0, 1, 2, ... by first appearance. */
export class IdTable {
  /** key + 1 at the identifier's slot, 0 where free; a power of two long, at most half full. */
  #slots = new Int32Array(1024);
  readonly #lo = new Column(Uint32Array);
  readonly #hi = new Column(Uint32Array);

  get size(): number {
    return this.#lo.length;
  }

  /** The identifier's key; a new identifier gets `size` as it was before the call. Halves are unsigned 32-bit. */
  intern(lo: number, hi: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = mix(lo, hi) & mask; ; slot = (slot + 1) & mask) {
      const key = this.#slots[slot]! - 1;
      if (key < 0) return this.#insert(slot, lo, hi);
      if (this.#lo.get(key) === lo && this.#hi.get(key) === hi) return key;
    }
  }

  /** [size] the identifiers in the order of their keys. */
  originals(): BigUint64Array {
    const ids = new BigUint64Array(this.size);
    const halves = new Uint32Array(ids.buffer); // little-endian, as all that Node runs on
    for (let key = 0; key < ids.length; key++) {
      halves[key * 2] = this.#lo.get(key);
      halves[key * 2 + 1] = this.#hi.get(key);
    }
    return ids;
  }

  #insert(slot: number, lo: number, hi: number): number {
    const key = this.size;
    this.#slots[slot] = key + 1;
    this.#lo.push(lo);
    this.#hi.push(hi);
    if (this.size * 2 > this.#slots.length) this.#grow();
    return key;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let key = 0; key < this.size; key++) {
      let slot = mix(this.#lo.get(key), this.#hi.get(key)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = key + 1;
    }
    this.#slots = slots;
  }
}

/**
 * An identifier written as text, into `id`: a decimal or 0x-hexadecimal number under 2^64 is itself; any other text
 * is its 64-bit hash, so that of ten million names two are taken for one with a chance of about 3 in a million.
 */
export function parseId(text: string, id: Id): void {
  if (text.length <= 15 && /^\d+$/.test(text)) {
    const value = Number(text);
    id.lo = value >>> 0;
    id.hi = Math.floor(value / 0x1_0000_0000);
    return;
  }
  if (/^(\d{1,20}|0[xX][0-9a-fA-F]{1,16})$/.test(text)) {
    const value = BigInt(text);
    if (value < 1n << 64n) {
      id.lo = Number(value & 0xffffffffn);
      id.hi = Number(value >> 32n);
      return;
    }
  }
  hashText(text, id);
}

/** Two murmur-style lanes over UTF-16 code units. */
function hashText(text: string, id: Id): void {
  let lo = 0x9e3779b9;
  let hi = 0x85ebca6b ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    lo = Math.imul(lo ^ unit, 0x9e3779b1);
    lo ^= lo >>> 15;
    hi = Math.imul(hi ^ unit, 0x5f356495);
    hi ^= hi >>> 13;
  }
  id.lo = mix(lo, hi) >>> 0;
  id.hi = mix(hi, ~lo) >>> 0;
}

/** murmur3 (x86, 32 bits) of the two halves. */
function mix(lo: number, hi: number): number {
  let h = absorb(absorb(0, lo), hi) ^ 8;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function absorb(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  h ^= k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}
