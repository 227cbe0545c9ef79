/** Keys and values of all kinds for the random operations on caches, and what they must come back as. */
import { isDeepStrictEqual } from "node:util";
import type { CacheKey } from "../../src/index.ts";
import { oneIn, pick, type Source, seeded } from "../property/source.ts";

/** A string that is the same for two keys exactly if they are the same key. */
export function idOf(key: CacheKey): string {
  if (typeof key === "string") return `s${key}`;
  if (typeof key === "number") return `n${key === 0 ? 0 : key}`;
  return `b${Buffer.from(key).toString("hex")}`;
}

/** For messages: what a key is, not all of it. */
export function shownKey(key: CacheKey): string {
  const id = JSON.stringify(idOf(key));
  return id.length <= 40 ? id : `${id.slice(0, 30)}...(${id.length})`;
}

const utf8 = (text: string): Uint8Array => Buffer.from(text);
const wide = "ключ 键";

/** Keys that could be taken for one another, or that lie at the limits of their kind. */
export const ODD_KEYS: readonly CacheKey[] = [
  ...[
    "",
    "1",
    "a",
    "a\0",
    "\0",
    "\0\0",
    "abcd",
    "abc",
    "abcde",
    "ÿ",
    "é",
    "été",
    "Ā",
    wide,
    "\u{1f600}",
    "x\u{1f600}y",
  ],
  ...["\ud800", "\udc00", "\ud800a", "a\udc00", "\udc00\ud800", "1".repeat(27), "1".repeat(28), "1".repeat(29)],
  ...["é".repeat(28), "é".repeat(29), "Ā".repeat(29), "a".repeat(2048), "é".repeat(2048), "Ā".repeat(1024)],
  ...[0, -0, 1, -1, 1.5, 2 ** 53, Number.MAX_VALUE, Number.MIN_VALUE, Number.NaN, Number.POSITIVE_INFINITY, -Infinity],
  ...["", "1", "a", "a\0", "\0", "abc", "abcd", "é", wide].map(utf8),
  ...[new Uint8Array(8), new Uint8Array(2048), new Uint8Array(2048).fill(7), Uint8Array.of(0xe9), Uint8Array.of(0, 1)],
  Buffer.from(Float64Array.of(1).buffer),
  Buffer.from("é", "utf16le"),
];

/** `count` keys: the odd ones among plain ones, or (every other seed) plain ones alone. */
export function keyPool(seed: number, count: number): CacheKey[] {
  const keys: CacheKey[] = seed % 2 === 0 ? [...ODD_KEYS] : [];
  for (let i = keys.length; i < count; i++) keys.push(i % 3 === 0 ? i : `key ${i}`);
  return keys.slice(0, Math.max(count, 4));
}

/** A value and how it is stored. */
export interface Datum {
  readonly value: unknown;
  /** Its bytes as stored; undefined where the codec decides. */
  readonly bytes: Uint8Array | undefined;
  readonly text: string;
}

/** Whether a value that came out is the one that went in. */
export function same(out: unknown, value: unknown): boolean {
  if (value instanceof Uint8Array) return out instanceof Uint8Array && Buffer.compare(out, value) === 0;
  return typeof value === "object" ? isDeepStrictEqual(out, value) : Object.is(out, value);
}

/** Strings and bytes to take values from. */
export class Pool {
  readonly #bytes = new Uint8Array(1 << 19);
  readonly #ascii: string;
  readonly #wide: string;

  constructor(seed: number) {
    const source = seeded(seed ^ 0x3c6ef372);
    const words = new Uint32Array(this.#bytes.buffer);
    for (let i = 0; i < words.length; i++) words[i] = source.below(0x100000000);
    this.#ascii = Buffer.from(this.#bytes.map((b) => 32 + (b % 95))).toString("latin1");
    this.#wide = Array.from({ length: 4096 }, () => pick(source, [..."aé中\u{1f600}ÿ\0"])).join("");
  }

  /** A value for a cache that takes `codec`, of `length` bytes or about that. */
  make(source: Source, codec: "any" | "bytes" | "string", length: number): Datum {
    const kind = codec === "bytes" ? 0 : codec === "string" ? 1 + source.below(3) : source.below(5);
    if (kind === 0) {
      const at = source.below(this.#bytes.length - length);
      const bytes = this.#bytes.subarray(at, at + length);
      return { value: bytes, bytes, text: `${length} bytes` };
    }
    if (kind === 1) {
      const at = source.below(this.#ascii.length - length);
      const value = this.#ascii.slice(at, at + length);
      return { value, bytes: Buffer.from(value), text: `ASCII of ${length}` };
    }
    if (kind <= 3) {
      const some = this.#wide
        .slice(source.below(2048))
        .repeat(1 + (length >>> 11))
        .slice(0, length);
      const value = kind === 3 ? `${some}\ud800` : some;
      const bytes = Buffer.from(value, value.isWellFormed() ? "utf8" : "utf16le");
      return { value, bytes, text: `string of ${value.length}, ${bytes.length} bytes` };
    }
    return { value: this.#object(source, length), bytes: undefined, text: `object of about ${length}` };
  }

  #object(source: Source, length: number): unknown {
    const text = this.#ascii.slice(source.below(4096)).slice(0, length);
    const plain = [null, true, false, 0, -1, 1.5, 2 ** 40, new Date(source.below(1e9)), [], {}, new Map([["a", 1]])];
    if (oneIn(source, 3)) return pick(source, plain);
    return {
      id: source.below(1e6),
      text,
      list: [1, "two", null, { deep: [text.slice(0, 9)] }],
      set: new Set([1, "1"]),
    };
  }
}
