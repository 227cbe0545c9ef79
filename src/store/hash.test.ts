import { expect, test } from "vitest";
import { seeded } from "../../test/property/source.ts";
import { type Machine, plug } from "../mm/machine.ts";
import { hashKey } from "./hash.ts";
import { ST_SECRET } from "./layout.ts";

const buffer = new ArrayBuffer(4096);
const h8 = new Uint8Array(buffer);
const machine = { h32: new Int32Array(buffer), h8, hf: new Float64Array(buffer) };

/** The hash of a key, of a store whose control block is at 0. */
function hashOf(bytes: Uint8Array, kind = 0, secret: readonly [number, number] = [1, 0]): number {
  plug(machine as unknown as Machine);
  h8.fill(0);
  machine.h32[ST_SECRET >> 2] = secret[0];
  machine.h32[(ST_SECRET >> 2) + 1] = secret[1];
  h8.set(bytes, 2048);
  return hashKey(0, 2048, bytes.length, kind);
}

/** HalfSipHash with `c` rounds a word and `d` at the end, over whole words: written down again, from the paper. */
function halfSip(words: readonly number[], key: readonly [number, number], c: number, d: number): number {
  const v = [key[0], key[1], key[0] ^ 0x6c796765, key[1] ^ 0x74656462] as [number, number, number, number];
  const rotl = (x: number, by: number) => (x << by) | (x >>> (32 - by));
  const round = () => {
    v[0] = (v[0] + v[1]) | 0;
    v[1] = rotl(v[1], 5) ^ v[0];
    v[0] = rotl(v[0], 16);
    v[2] = (v[2] + v[3]) | 0;
    v[3] = rotl(v[3], 8) ^ v[2];
    v[0] = (v[0] + v[3]) | 0;
    v[3] = rotl(v[3], 7) ^ v[0];
    v[2] = (v[2] + v[1]) | 0;
    v[1] = rotl(v[1], 13) ^ v[2];
    v[2] = rotl(v[2], 16);
  };
  for (const m of words) {
    v[3] ^= m;
    for (let i = 0; i < c; i++) round();
    v[0] ^= m;
  }
  v[2] ^= 0xff;
  for (let i = 0; i < d; i++) round();
  return v[1] ^ v[3];
}

test("is HalfSipHash-1-3, the last word being length and kind", () => {
  // The first of the reference's vectors of HalfSipHash-2-4 (vectors_hsip32): the key 00 01 .. 07, and nothing.
  expect(halfSip([0], [0x03020100, 0x07060504], 2, 4) >>> 0).toBe(0x5b9f35a9);
  const source = seeded(3);
  for (let round = 0; round < 200; round++) {
    const key = Uint8Array.from({ length: source.below(40) }, () => source.below(256));
    const kind = source.below(4);
    const secret: [number, number] = [source.below(2 ** 31), -source.below(2 ** 31)];
    const padded = new Uint8Array((key.length + 3) & ~3);
    padded.set(key);
    const words = [...new Int32Array(padded.buffer), key.length | (kind << 24)];
    expect(hashOf(key, kind, secret)).toBe(halfSip(words, secret, 1, 3));
  }
});

test("keys that meet under one secret are apart under another", () => {
  const met = new Map<number, Uint8Array[]>();
  for (let i = 0; i < 200_000; i++) {
    const key = new Uint8Array(Int32Array.of(i).buffer);
    const low = hashOf(key) & 0xfff;
    if (low === 7) met.set(low, [...(met.get(low) ?? []), key]);
  }
  const keys = met.get(7) as Uint8Array[];
  expect(keys.length).toBeGreaterThan(20);
  const places = keys.map((key) => hashOf(key, 0, [2, 3]) & 0xfff);
  expect(new Set(places).size).toBeGreaterThan(keys.length - 5);
});

test("any one bit of a key changes each bit of the hash about every second time", () => {
  const source = seeded(7);
  const flips = new Array<number>(32).fill(0);
  let n = 0;
  for (let round = 0; round < 60; round++) {
    const key = Uint8Array.from({ length: 1 + source.below(24) }, () => source.below(256));
    const hash = hashOf(key);
    for (let bit = 0; bit < key.length * 8; bit++) {
      const other = key.slice();
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      const difference = hash ^ hashOf(other);
      expect(difference).not.toBe(0);
      for (let i = 0; i < 32; i++) flips[i] = (flips[i] as number) + ((difference >>> i) & 1);
      n++;
    }
  }
  for (const count of flips) expect(Math.abs(count / n - 0.5)).toBeLessThan(0.05);
});

test("length and kind count, too", () => {
  const zeros = Array.from({ length: 64 }, (_, i) => hashOf(new Uint8Array(i)));
  expect(new Set(zeros).size).toBe(64);
  const kinds = [0, 1, 2, 3].map((kind) => hashOf(Uint8Array.of(1, 2, 3), kind));
  expect(new Set(kinds).size).toBe(4);
});

test("numbers in a row fill the low bits evenly", () => {
  const counts = new Array<number>(64).fill(0);
  const number = new Float64Array(1);
  const bytes = new Uint8Array(number.buffer);
  for (let i = 0; i < 6400; i++) {
    number[0] = i;
    const low = hashOf(bytes, 3) & 63;
    counts[low] = (counts[low] as number) + 1;
  }
  // 100 each: chi squared with 63 degrees of freedom is under 120 but once in 20 000.
  expect(counts.reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0)).toBeLessThan(120);
});
