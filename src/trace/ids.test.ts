import fc from "fast-check";
import { expect, test } from "vitest";
import { type Id, IdTable, parseId } from "./ids.ts";

function idOf(text: string): bigint {
  const id: Id = { lo: 0, hi: 0 };
  parseId(text, id);
  return (BigInt(id.hi) << 32n) | BigInt(id.lo);
}

test("an IdTable numbers identifiers as a Map does, through all its growths", () => {
  // Few values of either half, so that identifiers repeat and share halves.
  const half = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(0xffff_ffff, 0x8000_0000, 0x7fff_ffff));
  fc.assert(
    fc.property(fc.array(fc.tuple(half, half), { maxLength: 3000, size: "max" }), (ids) => {
      const table = new IdTable();
      const expected = new Map<bigint, number>();
      for (const [lo, hi] of ids) {
        const id = (BigInt(hi) << 32n) | BigInt(lo);
        if (!expected.has(id)) expected.set(id, expected.size);
        expect(table.intern(lo, hi)).toBe(expected.get(id));
      }
      expect([...table.originals()]).toEqual([...expected.keys()]);
    }),
    { numRuns: 20 },
  );
});

test("numbers are themselves, in decimal and hexadecimal, up to 2^64 - 1", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      expect(idOf(`${value}`)).toBe(value);
      expect(idOf(`0x${value.toString(16)}`)).toBe(value);
    }),
  );
  expect(idOf("007")).toBe(7n);
});

test("other text is hashed: equal text alike, different text apart", () => {
  const texts = ["a", "b", "ab", "ba", "-1", "1.5", "", " ", "18446744073709551616", "0x1ffffffffffffffff", "é"];
  for (let i = 0; i < 20_000; i++) texts.push(`user:${i}`, `${i}/index.html`);
  expect(new Set(texts.map(idOf)).size).toBe(texts.length);
  expect(idOf("user:7")).toBe(idOf("user:7"));
});

test("identifiers that are multiples of each other's halves, or of a hash's constants, do not pile up", () => {
  const table = new IdTable();
  const start = performance.now();
  for (const factor of [1, 0x9e3779b1, 0x85ebca6b, 0xcc9e2d51]) {
    for (let i = 0; i < 50_000; i++) table.intern(Math.imul(i, factor) >>> 0, i);
    for (let i = 0; i < 50_000; i++) table.intern(i, Math.imul(i, factor) >>> 0);
  }
  expect(table.size).toBe(350_000 - 6);
  expect(performance.now() - start).toBeLessThan(5000); // piled up, they take minutes
});
