/** The default codec: what its shapes cost and save, how many there are, and that everything comes back as it was. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { msgpackCodec, shapesCodec } from "./codec.ts";

const user = (id: number) => ({
  id,
  name: `user ${id}`,
  address: { street: "Main Street", city: "Springfield" },
  on: true,
});

test("objects of one shape leave the names of their fields out", () => {
  const codec = shapesCodec<unknown>();
  const sizes = Array.from({ length: 6 }, (_, i) => codec.encode(user(i)).length);
  expect(sizes[5]).toBeLessThan(0.6 * (sizes[0] as number));
  expect(sizes[5]).toBeLessThan(0.6 * msgpackCodec().encode(user(5)).length);
  expect(Buffer.from(codec.encode(user(9))).includes("street")).toBe(false);
});

test("dictionaries use up no shape; when there are no more, an object says its own", () => {
  const codec = shapesCodec<unknown>();
  const kept: [unknown, Uint8Array][] = [];
  const keep = (value: unknown) => kept.push([value, Uint8Array.from(codec.encode(value))]);
  for (let i = 0; i < 3000; i++) keep({ [`k${i}`]: i, [`l${i}`]: user(i) });
  for (let i = 0; i < 3000; i++) keep({ [`m${i % 50}`]: i, other: i });
  for (let i = 0; i < 300; i++)
    keep({ [`m${i % 50}`]: i, wide: Object.fromEntries(Array.from({ length: 70 }, (_, j) => [`f${j}`, j])) });
  for (const [value, bytes] of kept) expect(isDeepStrictEqual(codec.decode(bytes), value)).toBe(true);
});

test("what was encoded before a shape had a number is decoded after", () => {
  const codec = shapesCodec<unknown>();
  const early = Uint8Array.from(codec.encode(user(1)));
  for (let i = 0; i < 200; i++) codec.encode(user(i));
  expect(codec.decode(early)).toEqual(user(1));
});

test("what was decoded from bytes that are written over stays as it was", () => {
  const codec = shapesCodec<unknown>();
  const value = {
    bytes: Buffer.from("some bytes"),
    floats: Float64Array.of(1, 2),
    text: "a text of some length",
    deep: [user(1)],
  };
  for (let i = 0; i < 8; i++) {
    const encoded = codec.encode(value);
    const lent = Buffer.alloc(4096);
    lent.set(encoded);
    const decoded = codec.decodeFrom(lent, encoded.length);
    lent.fill(0xff);
    expect(isDeepStrictEqual(decoded, value)).toBe(true);
  }
});

test("any value, however often its shape was met, comes back", () => {
  const value = fc.anything({
    ...{ withMap: true, withSet: true, withDate: true, withBigInt: false, withTypedArray: true, maxDepth: 4 },
    key: fc.constantFrom("a", "b", "id", "name", "constructor", "toString", "0", "é", ""),
  });
  const codec = shapesCodec<unknown>();
  const plain = msgpackCodec<unknown>();
  fc.assert(
    fc.property(fc.array(value, { maxLength: 8 }), (values) => {
      for (const v of values) {
        let expected: unknown;
        try {
          expected = plain.decode(Uint8Array.from(plain.encode(v)));
        } catch {
          continue;
        }
        for (let times = 0; times < 4; times++) {
          if (!isDeepStrictEqual(codec.decode(Uint8Array.from(codec.encode(v))), expected)) return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
});
