import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idOf, ODD_KEYS } from "../../test/cache/data.ts";
import type { Segment } from "../runtime/segment.ts";
import { KEY_LENGTH_MASK, MAX_KEY } from "../store/item.ts";
import { type CacheKey, checkKey, identity, KeyArea } from "./keys.ts";

const AREA = 64;
const buffer = new SharedArrayBuffer(8192);
const views = { h32: new Int32Array(buffer), h8: new Uint8Array(buffer), hf: new Float64Array(buffer) };
const area = new KeyArea(views as unknown as Segment, AREA);

/** The words that stand for a key, and what it reads as from another place. */
function put(key: CacheKey): { form: string; back: CacheKey } {
  views.h8.fill(0xa5, AREA, AREA + MAX_KEY);
  const word = area.put(key);
  const bytes = ((word & KEY_LENGTH_MASK) + 3) & ~3;
  const at = 4096 + 4;
  views.h8.copyWithin(at, AREA, AREA + bytes);
  return {
    form: `${word}:${Buffer.from(views.h8.subarray(at, at + bytes)).toString("hex")}`,
    back: area.read(at, word),
  };
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "binary-ascii", maxLength: 40 }),
  fc.array(fc.nat(255), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes)),
  fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes)),
);
const anyKey: fc.Arbitrary<CacheKey> = fc.oneof(text, fc.double(), fc.integer(), fc.uint8Array({ maxLength: 40 }));

describe("keys", () => {
  test("come back as they went in", () => {
    for (const key of ODD_KEYS) checkKey(key);
    for (const key of ODD_KEYS) expect(idOf(put(key).back)).toBe(idOf(key));
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(idOf(put(key).back)).toBe(idOf(key));
      }),
      { numRuns: 2000 },
    );
  });

  test("are the same words exactly if they are the same key, whatever was there before", () => {
    const seen = new Map<string, string>();
    for (const key of ODD_KEYS) {
      const { form } = put(key);
      expect(seen.get(form) ?? idOf(key)).toBe(idOf(key));
      seen.set(form, idOf(key));
    }
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(put(a).form === put(b).form).toBe(idOf(a) === idOf(b));
        put("\xff".repeat(64));
        expect(put(a).form).toBe(put(a).form);
      }),
      { numRuns: 2000 },
    );
  });

  test("all NaNs are one, whatever their bits", () => {
    const bits = new BigUint64Array(1);
    const number = new Float64Array(bits.buffer);
    const forms = new Set([put(Number.NaN).form]);
    for (const word of [0x7ff8000000000001n, 0xfff8000000000000n, 0x7ff0000000000001n, 0xffffffffffffffffn]) {
      bits[0] = word;
      forms.add(put(number[0] as number).form);
      forms.add(put(-(number[0] as number)).form);
    }
    expect(forms.size).toBe(1);
    expect(put(Number.NaN).back).toBe(Number.NaN);
  });

  test("have an identity of their own", () => {
    const ids = new Set(ODD_KEYS.map(idOf));
    expect(new Set(ODD_KEYS.map(identity)).size).toBe(ids.size);
    expect([identity(-0), identity(Buffer.from("a"))]).toEqual([identity(0), identity(Uint8Array.of(0x61))]);
  });

  test.each<[string, unknown]>([
    ["a long string", "a".repeat(MAX_KEY + 1)],
    ["a long string in Latin-1", "é".repeat(MAX_KEY + 1)],
    ["a long string in UTF-16", "Ā".repeat(MAX_KEY / 2 + 1)],
    ["long bytes", new Uint8Array(MAX_KEY + 1)],
    ["undefined", undefined],
    ["null", null],
    ["a bigint", 1n],
    ["an object", {}],
    ["a symbol", Symbol("key")],
    ["other numbers", new Uint16Array(2)],
  ])("%s is none", (_, key) => {
    expect(() => area.put(key as CacheKey)).toThrow(/^EINVAL: the key /);
    expect(() => checkKey(key as CacheKey)).toThrow(/^EINVAL: the key /);
  });
});
