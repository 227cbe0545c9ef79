import { expect, test } from "vitest";
import { seeded } from "../../test/property/source.ts";
import { type Machine, plug } from "../mm/machine.ts";
import { hashKey } from "./hash.ts";

const buffer = new ArrayBuffer(4096);
const h8 = new Uint8Array(buffer);
const machine = { h32: new Int32Array(buffer), h8, hf: new Float64Array(buffer) };

function hashOf(bytes: Uint8Array, kind = 0): number {
  plug(machine as unknown as Machine);
  h8.fill(0);
  h8.set(bytes, 64);
  return hashKey(64, bytes.length, kind);
}

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
