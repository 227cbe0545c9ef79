/** The default codec: what its shapes cost and save, how many there are, and that everything comes back as it was. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { sameValue } from "../../test/support/same.ts";
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
  for (const [value, bytes] of kept) expect(sameValue(codec.decode(bytes), value)).toBe(true);
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
    expect(sameValue(decoded, value)).toBe(true);
  }
});

test("dates that are none come back as such, as keys too", () => {
  const codec = shapesCodec<unknown>();
  const none = new Date(Number.NaN);
  for (const value of [none, [none], { id: none }, new Map([[none, false]]), new Set([none, new Date(5)])]) {
    for (let times = 0; times < 4; times++) {
      const back = codec.decode(Uint8Array.from(codec.encode(value)));
      expect(sameValue(back, value)).toBe(true);
    }
  }
  expect(sameValue(new Map([[none, false]]), new Map([[none, true]]))).toBe(false);
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
          if (!sameValue(codec.decode(Uint8Array.from(codec.encode(v))), expected)) return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
});

// ---- records, written without msgpackr -----------------------------------------------------------------------------------
/** After a few failures values are not tried for some time. */
function ready(codec: ReturnType<typeof shapesCodec<unknown>>, value: object = { id: 1 }) {
  for (let i = 0; i < 64 && codec.encodeRecord(value) === undefined; ) i++;
  expect(codec.encodeRecord(value)).toBeDefined();
}
/** What comes back by the fast way, if it takes the value. */
function fastWay(codec: ReturnType<typeof shapesCodec<unknown>>, value: object) {
  const fast = codec.encodeRecord(value);
  return fast === undefined ? undefined : codec.decode(Uint8Array.from(fast));
}
const field = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 90 }) },
  { weight: 4, arbitrary: fc.string({ maxLength: 300 }) },
  { weight: 4, arbitrary: fc.integer() },
  { weight: 2, arbitrary: fc.integer({ min: -300, max: 70_000 }) },
  { weight: 2, arbitrary: fc.double() },
  fc.boolean(),
  fc.constantFrom(null, undefined, 0, -0, 2 ** 31, 2 ** 32, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, "", "\ud800", "é"),
  fc.date(),
  fc.anything(),
);
const record = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small", withCrossShrink: true }, field, tie("list"), tie("record"), tie("other")),
  list: fc.array(tie("value"), { maxLength: 20 }),
  record: fc.record({ id: tie("value"), name: tie("value") }),
  other: fc.record({ name: tie("value"), "7": tie("value"), id: tie("value") }, { requiredKeys: ["id"] }),
})).record as fc.Arbitrary<object>;

test("a record comes back as it was, or goes the general way", () => {
  const codec = shapesCodec<unknown>();
  for (let i = 0; i < 9; i++)
    codec.encode([{ id: 1, name: 2 }, { "7": 1, name: 2, id: 3 }, { id: 1 }, { name: 1, id: 3 }]);
  let fast = 0;
  const property = fc.property(record, (value) => {
    ready(codec);
    const got = fastWay(codec, value);
    if (got === undefined) return;
    fast++;
    expect(sameValue(got, value)).toBe(true);
    expect(Object.keys(got as object)).toEqual(Object.keys(value));
  });
  fc.assert(property, { numRuns: 3000 });
  expect(fast).toBeGreaterThan(100);
});

test("records are told from what a single value brings along, whatever was encoded and decoded before", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const small = fc.array(fc.tuple(name, fc.oneof(fc.integer(), fc.string())), { maxLength: 4 });
  const value = fc.array(
    small.map((fields) => Object.fromEntries(fields)),
    { maxLength: 4 },
  );
  const steps = fc.array(fc.tuple(value, fc.boolean()), { maxLength: 60 });
  let fast = 0;
  const property = fc.property(steps, (all) => {
    const codec = shapesCodec<unknown>();
    const kept: [unknown, Uint8Array][] = [];
    for (const [v, decodes] of all) {
      const record = codec.encodeRecord(v);
      if (record !== undefined) fast++;
      kept.push([v, Uint8Array.from(record ?? codec.encode(v))]);
      const [was, bytes] = kept[(kept.length * 7) >> 3] as [unknown, Uint8Array];
      if (decodes) expect(codec.decode(bytes)).toEqual(was);
    }
    for (const [v, bytes] of kept) expect(codec.decode(bytes)).toEqual(v);
  });
  fc.assert(property, { numRuns: 300 });
  expect(fast).toBeGreaterThan(100);
});

test("what a record is not goes the general way, and comes back or is refused there", () => {
  const codec = shapesCodec<unknown>();
  for (let i = 0; i < 9; i++) codec.encode([{ id: 1 }, { id: 1, name: 2 }]);
  const one = { id: 1 };
  let deep: object = { id: 1 };
  for (let i = 0; i < 100; i++) deep = { id: deep };
  const round = { id: 0 as unknown };
  round.id = round;
  class User {
    id = 1;
  }
  const odd: object[] = [
    ...[
      { id: -0 },
      { id: "\udfff" },
      { id: `${"x".repeat(100)}\ud800` },
      { id: 1n },
      { id: () => 1 },
      { id: Symbol("s") },
    ],
    ...[
      { id: 1, [Symbol("s")]: 2 },
      new Array(2),
      [undefined],
      { id: one, name: one },
      deep,
      round,
      new User(),
      new Map(),
      { unseen: 1 },
    ],
    ...[{ name: 1 }, { id: 1, other: 2 }, Object.create(null), { id: new Date(Number.NaN) }, { id: new Date(-1) }],
    ...[{ id: "x".repeat(70_000) }, { id: new Array(70_000).fill(0) }, { id: "é".repeat(30_000) }],
    ...[0.5, 2 ** 31, -(2 ** 31), "x"].map((leaf) => ({ id: new Array(65_000).fill(leaf) })),
  ];
  for (const value of odd) {
    ready(codec);
    expect(codec.encodeRecord(value)).toBeUndefined();
  }
});

test("objects of different shapes take turns in one place, whatever they have in common", () => {
  const codec = shapesCodec<unknown>();
  const inner = (i: number) => ({ x: i, deep: { y: i } });
  const kinds = [
    (i: number) => ({ a: inner(i), b: i, c: "one" }),
    (i: number) => ({ a: inner(i), b: i }),
    (i: number) => ({ a: inner(i), b: i, d: [inner(i), { x: i }] }),
    (i: number) => ({ a: inner(i), c: i }),
    (i: number) => ({ x: i }),
  ];
  const mix = (i: number, n: number) => Array.from({ length: n }, (_, j) => kinds[(i + j * j) % 5]?.(i + j));
  for (let i = 0; i < 60; i++) codec.encode(mix(i, 5));
  ready(codec, kinds[4]?.(1) as object);
  let fast = 0;
  for (let i = 0; i < 500; i++) {
    const value = mix(i, 1 + (i % 4));
    const got = fastWay(codec, value);
    if (got === undefined) continue;
    fast++;
    expect(got).toEqual(value);
  }
  expect(fast).toBeGreaterThan(300);
  // More objects than are looked for one by one, before it turns out that it is another shape.
  const many = { a: Array.from({ length: 30 }, (_, i) => inner(i)), c: 1 };
  const other = { a: Array.from({ length: 30 }, (_, i) => inner(i)), b: 1 };
  for (let i = 0; i < 9; i++) for (const value of [many, other]) expect(fastWay(codec, value) ?? value).toEqual(value);
  // An object that is met twice is met, though the first time was taken back.
  const twice = inner(1);
  for (const value of [
    { a: twice, c: twice },
    { a: twice, b: twice },
    { a: 1, b: twice, c: twice },
  ])
    expect(codec.encodeRecord(value)).toBeUndefined();
});

test("what is inherited is no field; what a getter takes away is not written", () => {
  const codec = shapesCodec<unknown>();
  for (let i = 0; i < 9; i++) codec.encode([{ id: 1 }, { id: 1, name: 2 }]);
  ready(codec);
  const got: unknown[] = [];
  Object.defineProperty(Object.prototype, "name", {
    value: 2,
    ...{ enumerable: true, configurable: true, writable: true },
  });
  try {
    // Each is foretold to be of the last one's shape.
    for (const value of [{ id: 1 }, { id: 1, name: 2 }, { id: 1 }, { id: 1 }]) got.push(fastWay(codec, value) ?? value);
  } finally {
    delete (Object.prototype as { name?: unknown }).name;
  }
  expect(got).toEqual([{ id: 1 }, { id: 1, name: 2 }, { id: 1 }, { id: 1 }]);
  ready(codec);
  const shrinking = {
    get id() {
      delete (this as { name?: number }).name;
      return 1;
    },
    name: 2,
  };
  const shrunk: unknown = fastWay(codec, shrinking) ?? shrinking;
  expect(shrunk).toEqual({ id: 1 });
});

test("records last while others are written, by getters too; a value that throws leaves no trace", () => {
  const codec = shapesCodec<unknown>();
  for (let i = 0; i < 9; i++) codec.encode([user(1), { id: 1 }]);
  const kept = Array.from({ length: 2000 }, (_, i) => [i, codec.encodeRecord(user(i))] as const);
  for (const [i, bytes] of kept) expect(codec.decode(Uint8Array.from(bytes as Uint8Array))).toEqual(user(i));
  let within: Uint8Array | undefined;
  const getter = {
    get id() {
      within = codec.encodeRecord({ id: 7 });
      return 1;
    },
  };
  expect(codec.decode(Uint8Array.from(codec.encodeRecord(getter) as Uint8Array))).toEqual({ id: 1 });
  expect(within).toBeUndefined();
  const bad = {
    get id(): number {
      throw new Error("bad");
    },
  };
  for (let i = 0; i < 3; i++) expect(() => codec.encodeRecord(bad)).toThrow("bad");
  expect(fastWay(codec, { id: 5 })).toEqual({ id: 5 });
});

test("values that are no records cost a try less and less often; records are found again", () => {
  const codec = shapesCodec<unknown>();
  for (let i = 0; i < 9; i++) codec.encode({ id: 1 });
  let looks = 0;
  const odd = {
    get id() {
      looks++;
      return -0;
    },
  };
  for (let i = 0; i < 10_000; i++) codec.encodeRecord(odd);
  expect(looks).toBeLessThan(200);
  let tries = 0;
  while (codec.encodeRecord({ id: 1 }) === undefined) tries++;
  expect(tries).toBeLessThanOrEqual(64);
  expect(codec.encodeRecord({ id: 1 })).toBeDefined();
});
