import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";

describe("the checksum of a page", () => {
  const js = bootEngine({ nodes: [{ pages: 64 }], engine: "js" });
  const wasm = bootEngine({ nodes: [{ pages: 64 }], engine: "wasm" });
  const sums = (page: Uint8Array): [number, number] => {
    const of = (memory: typeof js): number => {
      const { h8, data } = memory.vm.segment;
      h8.set(page, data);
      return memory.calls.checksum(data);
    };
    return [of(js), of(wasm)];
  };

  test("is the same from both twins", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), (page) => {
        const [a, b] = sums(page);
        expect(a).toBe(b);
      }),
      { numRuns: 50 },
    );
    expect(sums(new Uint8Array(4096))[0]).toBe(sums(new Uint8Array(4096))[1]);
  });

  test("tells any one bit", () => {
    const page = new Uint8Array(randomBytes(4096));
    const [sum] = sums(page);
    const { h8, data } = js.vm.segment;
    h8.set(page, data);
    for (let bit = 0; bit < 32768; bit += 7) {
      h8[data + (bit >>> 3)]! ^= 1 << (bit & 7);
      if (js.calls.checksum(data) === sum) throw new Error(`bit ${bit} of ${page.toString()}`);
      h8[data + (bit >>> 3)]! ^= 1 << (bit & 7);
    }
    expect(js.calls.checksum(data)).toBe(sum);
  });

  test("tells any two bits of words of a column", () => {
    const page = new Uint8Array(randomBytes(4096));
    const { h8, h32, data } = js.vm.segment;
    h8.set(page, data);
    const sum = js.calls.checksum(data);
    const at = data >>> 2;
    for (const word of [0, 37, 947, 979]) {
      for (const next of word < 900 ? [word + 16, word + 32, word + 64] : [word + 16, word + 32]) {
        for (let bit = 0; bit < 32; bit++) {
          for (let other = 0; other < 32; other++) {
            h32[at + word]! ^= 1 << bit;
            h32[at + next]! ^= 1 << other;
            if (js.calls.checksum(data) === sum)
              throw new Error(`bits ${word}.${bit} and ${next}.${other} of ${page.toString()}`);
            h32[at + word]! ^= 1 << bit;
            h32[at + next]! ^= 1 << other;
          }
        }
      }
    }
    expect(js.calls.checksum(data)).toBe(sum);
  });

  test("tells two bits of one place in any two rows", () => {
    const page = new Uint8Array(randomBytes(4096));
    const { h8, h32, data } = js.vm.segment;
    h8.set(page, data);
    const at = data >>> 2;
    const sum = js.calls.checksum(data);
    for (const bit of [0, 15, 16, 31]) {
      for (let row = 0; row < 64; row++) {
        for (let other = row + 1; other < 64; other++) {
          const column = (row * 7 + other) & 15;
          h32[at + 16 * row + column]! ^= 1 << bit;
          h32[at + 16 * other + column]! ^= 1 << bit;
          if (js.calls.checksum(data) === sum)
            throw new Error(`bit ${bit} of rows ${row}, ${other}: ${page.toString()}`);
          h32[at + 16 * row + column]! ^= 1 << bit;
          h32[at + 16 * other + column]! ^= 1 << bit;
        }
      }
    }
  });

  test("tells what is moved by as many rows one way as the other", () => {
    const zero = new Uint8Array(4096);
    const seen = new Set<number>();
    let pages = 0;
    for (let row = 0; row < 32; row++) {
      for (let by = 1; by < 16; by++) {
        const page = zero.slice();
        for (const at of [row + 16 - by, row + 16 + by]) page[at * 64 + 4] = 1;
        seen.add(sums(page)[0]);
        pages++;
      }
    }
    expect(seen.size).toBe(pages);
  });

  test("tells changes in two words, swapped words and lanes, and pages of one value", () => {
    const zero = new Uint8Array(4096);
    const seen = new Map<number, string>([[sums(zero)[0], "zeros"]]);
    const note = (page: Uint8Array, what: string): void => {
      const [sum] = sums(page);
      expect(seen.get(sum), `${what} has the sum of`).toBeUndefined();
      seen.set(sum, what);
    };
    for (let value = 1; value < 256; value++) note(zero.slice().fill(value), `all ${value}`);
    for (let at = 0; at < 4096; at += 4) note(zero.slice().fill(1, at, at + 1), `1 at ${at}`);
    for (let at = 0; at < 4080; at += 4) {
      const page = zero.slice();
      page[at] = 2;
      page[at + 16] = 3;
      note(page, `2 and 3 from ${at}`);
    }
  });
});
