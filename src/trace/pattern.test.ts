import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Segment } from "../runtime/segment.ts";
import { loadPattern, type Pattern, plainPattern } from "./pattern.ts";

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
const bytes = new Uint8Array(memory.buffer);
const segment = { memory, h8: bytes } as Segment;
const plain = plainPattern(bytes);
const wasm = loadPattern(segment);

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const part = fc.record({
  address: fc.integer({ min: 0, max: 200 }),
  length: fc.integer({ min: 0, max: 5000 }),
  key: u32,
  version: u32,
  offset: fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    u32.map((x) => x % 2 ** 31),
  ),
});

test("the module is there: otherwise nothing below tests it", () => {
  expect(String(wasm.fill)).toContain("native code");
});

describe("WebAssembly and its oracle", () => {
  test("fill the same bytes, and those alone", () => {
    fc.assert(
      fc.property(part, ({ address, length, key, version, offset }) => {
        const filled = (pattern: Pattern) => {
          bytes.fill(0xa5, 0, 6000);
          pattern.fill(address, length, key, version, offset);
          return bytes.slice(0, 6000);
        };
        const expected = filled(plain);
        expect(Buffer.compare(filled(wasm), expected)).toBe(0);
        expect(expected.subarray(0, address).every((b) => b === 0xa5)).toBe(true);
        expect(expected.subarray(address + length).every((b) => b === 0xa5)).toBe(true);
      }),
    );
  });

  test("find every flipped bit", () => {
    fc.assert(
      fc.property(part, fc.nat(), ({ address, length, key, version, offset }, where) => {
        fc.pre(length > 0);
        wasm.fill(address, length, key, version, offset);
        const check = (pattern: Pattern) => pattern.check(address, length, key, version, offset);
        expect([check(wasm), check(plain)]).toEqual([1, 1]);
        const bit = where % (length * 8);
        bytes[address + (bit >>> 3)]! ^= 1 << (bit & 7);
        expect([check(wasm), check(plain)]).toEqual([0, 0]);
      }),
    );
  });

  test("see parts as they see the whole", () => {
    fc.assert(
      fc.property(part, fc.nat(5000), ({ address, length, key, version, offset }, at) => {
        const cut = Math.min(at, length);
        for (const pattern of [wasm, plain]) {
          pattern.fill(address, cut, key, version, offset);
          pattern.fill(address + cut, length - cut, key, version, offset + cut);
          expect(pattern.check(address, length, key, version, offset)).toBe(1);
        }
      }),
    );
  });
});

describe.each([
  ["WebAssembly", wasm],
  ["JavaScript", plain],
])("a check by %s", (_, pattern) => {
  const isWrong = (key: number, version: number, offset = 0) => pattern.check(4096, 4096, key, version, offset) === 0;

  test("finds another key's value, another version, and zeros", () => {
    pattern.fill(4096, 4096, 7, 3, 0);
    for (let key = 0; key < 300; key++) expect(isWrong(key, 3)).toBe(key !== 7);
    for (let version = 0; version < 300; version++) expect(isWrong(7, version)).toBe(version !== 3);
    bytes.fill(0, 4096, 8192);
    for (let key = 0; key < 300; key++) expect(isWrong(key, 1)).toBe(true);
  });

  test("finds a value that is shifted, in bytes or words", () => {
    pattern.fill(4096, 4096, 7, 3, 0);
    for (const by of [1, 2, 3, 4, 8, 16, 64, 1024]) {
      expect(isWrong(7, 3, by)).toBe(true);
      const shifted = bytes.slice(4096, 8192);
      bytes.set(shifted.subarray(by), 4096);
      bytes.set(shifted.subarray(0, by), 8192 - by);
      expect(isWrong(7, 3)).toBe(true);
      bytes.set(shifted, 4096);
    }
  });

  test("finds two halves that changed places", () => {
    pattern.fill(4096, 4096, 7, 3, 0);
    bytes.copyWithin(16384, 4096, 6144);
    bytes.copyWithin(4096, 6144, 8192);
    bytes.copyWithin(6144, 16384, 18432);
    expect(isWrong(7, 3)).toBe(true);
  });
});
