/** Bytes that values are given out in: nobody's but their owner's, however long and however they lie. */
import { expect, test } from "vitest";
import { copyBytes, newBytes } from "./bytes.ts";

test("each has bytes of its own, of any length", () => {
  const all = Array.from({ length: 3000 }, (_, i) =>
    newBytes([0, 1, 1000, 1024, 1025, 4096, 5001, 16_384, 16_385][i % 9] as number),
  );
  for (const [i, bytes] of all.entries()) bytes.fill(i);
  for (const [i, bytes] of all.entries()) expect(bytes.every((b) => b === (i & 255))).toBe(true);
  expect(all.map(({ length }) => length).slice(0, 9)).toEqual([0, 1, 1000, 1024, 1025, 4096, 5001, 16_384, 16_385]);
});

test("what one is part of cannot be transferred away from the others", () => {
  const [a, b] = [newBytes(4096).fill(1), newBytes(4096).fill(2)];
  try {
    structuredClone(a, { transfer: [a.buffer as ArrayBuffer] });
  } catch {
    // Newer versions of Node say so, older ones copy.
  }
  expect([a[4095], b[4095], newBytes(4096).length]).toEqual([1, 2, 4096]);
});

test("copies to and from shared memory, however both ends are aligned", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(10_000));
  const own = new Uint8Array(10_000).map((_, i) => i * 31 + (i >> 8));
  for (const length of [0, 1, 7, 255, 256, 257, 1000, 4096, 9000])
    for (let from = 0; from < 9; from++)
      for (let to = 0; to < 9; to++) {
        const part = own.subarray(from, from + length);
        shared.fill(7);
        copyBytes(shared, to, part);
        const back = new Uint8Array(10_000).fill(9);
        copyBytes(back, from, shared.subarray(to, to + length));
        expect(Buffer.compare(back.subarray(from, from + length), part)).toBe(0);
        const rest = [shared[to - 1] ?? 7, shared[to + length], back[from - 1] ?? 9, back[from + length]];
        expect(rest).toEqual([7, 7, 9, 9]);
      }
});
