import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sameValue } from "../../test/support/same.ts";
import { msgpackCodec } from "./codec.ts";
import { decodeValue, encodeValue, type OwnBytes, VALUE_CLONED, VALUE_CODED } from "./values.ts";

const codec = msgpackCodec<unknown>();
function roundTrip(value: unknown): { kind: number; back: unknown } {
  const { kind, bytes } = encodeValue(value, "any", codec, "c");
  return { kind, back: decodeValue(kind, Buffer.from(bytes) as OwnBytes, codec) };
}
const own = (json: string): unknown => JSON.parse(json);
const cyclic: Record<string, unknown> = { list: [], zero: -0 };
(cyclic.list as unknown[]).push(cyclic);

describe("what MessagePack would change comes back as it was", () => {
  test.each<[string, unknown]>([
    ["-0", -0],
    ["-0 within", { a: [1, { b: -0 }] }],
    ["a key of a map that is in a set", new Set([new Map<unknown, unknown>([[{ k: -0 }, "\ud800"]])])],
    ["a lone surrogate", { a: `${"x".repeat(70)}\udfff` }],
    ["a name with one", { "\ud800": 1 }],
    ["an own __proto__", own('{"__proto__":{"admin":true},"b":{"__proto__":1}}')],
    ["holes", { list: Object.assign(new Array(4), { 0: 1, 2: undefined }) }],
    ["wrappers", [Object(1), Object("x"), Object(false), Object(3n)]],
    ["an error with an odd message", Object.assign(new RangeError("\ud800"), { stack: "at" })],
    ["bytes beside it", { z: -0, bytes: Uint8Array.of(1, 2), words: Float64Array.of(-0, 5) }],
  ])("%s", (_, value) => {
    const { kind, back } = roundTrip(value);
    expect(kind).toBe(VALUE_CLONED);
    expect(isDeepStrictEqual(back, value)).toBe(true);
  });

  test("with cycles, and an own __proto__ that changes no prototype", () => {
    const back = roundTrip(cyclic).back as typeof cyclic;
    expect((back.list as unknown[])[0]).toBe(back);
    expect(Object.is(back.zero, -0)).toBe(true);
    const odd = roundTrip(own('{"__proto__":{"admin":true}}')).back as { admin?: boolean };
    expect([odd.admin, Object.getPrototypeOf(odd), Object.hasOwn(odd, "__proto__")]).toEqual([
      undefined,
      Object.prototype,
      true,
    ]);
  });

  test("all else goes through the codec: it is smaller", () => {
    const many = Array.from({ length: 2000 }, (_, i) => ({ i, at: new Date(i), deep: { list: [i, undefined, null] } }));
    const shared = { x: many, y: many };
    for (const value of [many, shared, { a: Number.NaN, b: 2n ** 90n, c: /x/g }, null, 5, true, new Map([["a", 1]])]) {
      const { kind, back } = roundTrip(value);
      expect(kind).toBe(VALUE_CODED);
      expect(isDeepStrictEqual(back, value)).toBe(true);
    }
  });

  test("any value that can be made of these", () => {
    const text = fc.array(fc.nat(0xffff), { maxLength: 5 }).map((codes) => String.fromCharCode(...codes));
    const anything = fc.anything({
      key: fc.oneof(text, fc.constantFrom("__proto__", "constructor", "toString", "a")),
      values: [text, fc.double(), fc.constant(-0), fc.boolean(), fc.bigInt(), fc.constantFrom(null, undefined)],
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      maxDepth: 4,
    });
    fc.assert(
      fc.property(anything, (value) => {
        fc.pre(typeof value !== "string" && value !== undefined);
        const { back } = roundTrip(value);
        expect(sameValue(back, value)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});

describe("what would be lost is refused, by its place", () => {
  const named = (): number => 1;
  test.each<[string, unknown, RegExp]>([
    ["a function", named, /the value is a function/],
    ["a symbol", Symbol("s"), /the value is a symbol/],
    ["a function in a field", { a: [0, { f: named }] }, /a function \(named\) at \.a\[1\]\.f,/],
    ["a method", { save() {} }, /a function \(save\) at \.save,/],
    ["a symbol in a list", [Symbol("x")], /a symbol \(Symbol\(x\)\) at \[0\],/],
    ["a field named by a symbol", { a: { [Symbol("k")]: 1 } }, /named by a symbol \(Symbol\(k\)\) at \.a,/],
    ["a function in a map", { m: new Map([["k", named]]) }, /at \.m\.get\("k"\),/],
    ["a function as a key", new Map([[named, 1]]), /at \.keys\(\)\[0\],/],
    ["a function in a set", new Set([named]), /a function/],
    ["a function in a cause", new Error("x", { cause: named }), /at \.cause,/],
    ["a promise", { p: Promise.resolve(1) }, /a Promise at \.p,/],
    ["a weak map", { w: new WeakMap() }, /a WeakMap at \.w,/],
    ["a weak reference", [new WeakRef({})], /a WeakRef at \[0\],/],
    ["shared memory", { s: new SharedArrayBuffer(8) }, /a SharedArrayBuffer at \.s,/],
    ["a generator", { g: (function* () {})() }, /at \.g,/],
    ["a function behind a cycle", Object.assign([], { 0: cyclic, 1: named }), /at \[1\],/],
    [
      "a function of an instance",
      new (class A {
        f = named;
      })(),
      /at \.f,/,
    ],
    ["a function under something odd", { z: -0, f: named }, /at \.f,/],
    ["what cannot be told from what it says", { z: -0, u: new URL("http://a/") }, /toJSON/],
  ])("%s", (_, value, message) => {
    expect(() => encodeValue(value, "any", codec, "c")).toThrow(message);
    expect(() => encodeValue(value, "any", codec, "c")).toThrow(/^EINVAL/);
  });

  test("nesting without end is an error, not a crash", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(() => encodeValue(deep, "any", codec, "c")).toThrow(/^EINVAL/);
  });
});
