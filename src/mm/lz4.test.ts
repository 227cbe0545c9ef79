import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { LZ4_TABLE_SIZE } from "./lz4.ts";

/** Pages like those that programs have: runs, repeated words, text, numbers, noise, and mixtures. */
const part = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 600 }),
  fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 2000 })).map(([byte, n]) => new Uint8Array(n).fill(byte)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 200 }))
    .map(([word, n]) => Uint8Array.from({ length: word.length * n }, (_, i) => word[i % word.length] as number)),
  fc
    .array(fc.constantFrom("user", "name", ": ", '"', ",", "\n", "the ", "id", "0", "17"), { maxLength: 300 })
    .map((words) => Buffer.from(words.join(""))),
);
const bytesOf = (max: number) =>
  fc.tuple(fc.array(part, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max })).map(([parts, n]) => {
    const all = Buffer.concat(parts);
    return all.length === 0 ? Buffer.alloc(n) : Buffer.alloc(n, all);
  });

describe.each(["js", "wasm"] as const)("LZ4 (%s)", (engine) => {
  const memory = bootEngine({ nodes: [{ pages: 64 }], engine });
  const { h8, data } = memory.vm.segment;
  const [plain, block, back, table] = [data, data + 16 * 4096, data + 32 * 4096, data + 48 * 4096];
  const compress = (bytes: Uint8Array, room: number): number => {
    h8.set(bytes, plain);
    return memory.calls.lz4Compress(plain, bytes.length, block, room, table);
  };

  test("gives back what it was given, and writes nothing beside it", () => {
    fc.assert(
      fc.property(bytesOf(9000), (bytes) => {
        h8.fill(0xa5, block, block + 16 * 4096).fill(0xa5, back, back + 16 * 4096);
        const n = compress(bytes, 16 * 4096 - 64);
        expect(n).toBeGreaterThan(0);
        expect(h8.subarray(block + n, block + 16 * 4096).every((byte) => byte === 0xa5)).toBe(true);
        for (const tail of [0, 1, 40]) {
          expect(memory.calls.lz4Decompress(block, n + tail, back, bytes.length)).toBe(n);
          expect(Buffer.compare(h8.subarray(back, back + bytes.length), bytes)).toBe(0);
          expect(h8.subarray(back + bytes.length, back + 16 * 4096).every((byte) => byte === 0xa5)).toBe(true);
        }
        // One byte less room: refused, and the block was no longer than it said.
        h8.fill(0xa5, block, block + 16 * 4096);
        expect(compress(bytes, n)).toBe(n);
        expect(compress(bytes, n - 1)).toBe(0);
        expect(h8.subarray(block + n, block + 16 * 4096).every((byte) => byte === 0xa5)).toBe(true);
      }),
      { numRuns: engine === "js" ? 60 : 200 },
    );
  });

  test("leaves its table as large as it says", () => {
    h8.fill(0x5a, table, table + 2 * LZ4_TABLE_SIZE);
    compress(Buffer.alloc(4096, "abcdefgh12"), 4096);
    expect(h8.subarray(table + LZ4_TABLE_SIZE, table + 2 * LZ4_TABLE_SIZE).every((byte) => byte === 0x5a)).toBe(true);
  });

  test("bytes that are no block, or not this page's, end in -1 and stay within", () => {
    fc.assert(
      fc.property(bytesOf(4096), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), (bytes, changes) => {
        const n = compress(bytes, 8192);
        for (const [at, byte] of changes) h8[block + (at % n)] = byte;
        h8.fill(0xa5, back + bytes.length, back + bytes.length + 64);
        h8.fill(0xa5, back - 64, back);
        const got = memory.calls.lz4Decompress(block, n, back, bytes.length);
        expect(got === -1 || (got > 0 && got <= n)).toBe(true);
        expect(h8.subarray(back - 64, back).every((byte) => byte === 0xa5)).toBe(true);
        expect(h8.subarray(back + bytes.length, back + bytes.length + 64).every((byte) => byte === 0xa5)).toBe(true);
      }),
      { numRuns: engine === "js" ? 100 : 400 },
    );
    for (const block of [[], [0xf0], [0x0f, 0, 0], [0x10, 65, 9, 0], [0x1f, 65, 1, 0, 255, 255], [0x50, 1, 2]]) {
      h8.set(block, data + 16 * 4096);
      expect(memory.calls.lz4Decompress(data + 16 * 4096, block.length, back, 4096)).toBe(-1);
    }
  });
});

test("both twins make the same block", () => {
  const [js, wasm] = (["js", "wasm"] as const).map((engine) => bootEngine({ nodes: [{ pages: 64 }], engine }));
  fc.assert(
    fc.property(bytesOf(4096), (bytes) => {
      const blocks = [js, wasm].map((memory) => {
        const { h8, data } = memory!.vm.segment;
        h8.set(bytes, data);
        const n = memory!.calls.lz4Compress(data, bytes.length, data + 4 * 4096, 8192, data + 8 * 4096);
        return Buffer.from(h8.slice(data + 4 * 4096, data + 4 * 4096 + n));
      });
      expect(blocks[0]!.equals(blocks[1] as Buffer)).toBe(true);
    }),
    { numRuns: 40 },
  );
});
