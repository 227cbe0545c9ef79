/**
 * What a replay keeps in each value: bytes that follow from (key, version), so that every byte of every hit can be
 * checked without keeping a copy. 32-bit word i, little-endian, is
 *
 *     (i odd ? b : a) + i * STEP,   a = key ^ mix(version + STEP),   b = version ^ mix(a)
 *
 * (key, version) to (a, b) is one to one (a Feistel network of two rounds), so another key's value, or an older version
 * of this one, differs in every even word, in every odd word, or in all; as STEP is odd, so does a value that is shifted,
 * whose words are out of order, or that is zeros. What is compared is exact: a flipped bit shows.
 *
 * A value may come in parts, at any address: `offset` says where in the value a part begins.
 */
import type { EngineKind } from "../runtime/engine.ts";
import type { Segment } from "../runtime/segment.ts";
import { patternBytes } from "./pattern-bytes.ts";

const STEP = 0x9e3779b1;

/** Fill and check over one segment. */
export interface Pattern {
  /** Write `length` bytes at byte `address` of the segment: the value of (key, version) from its byte `offset` on. */
  fill(address: number, length: number, key: number, version: number, offset: number): void;
  /** 1 if every byte is as fill() would leave it, else 0. */
  check(address: number, length: number, key: number, version: number, offset: number): number;
}

/** No pattern: values are as their memory happens to be, and always right. */
export const BLANK: Pattern = { fill: () => undefined, check: () => 1 };

/** The pattern over `segment`: WebAssembly, or plain JavaScript if asked for or where the module has not been built. */
export function loadPattern(segment: Segment, kind: EngineKind = "wasm"): Pattern {
  const module = kind === "wasm" ? wasmModule() : undefined;
  if (module === undefined) return plainPattern(segment.h8);
  const imports = { env: { memory: segment.memory } };
  return new WebAssembly.Instance(module, imports).exports as unknown as Pattern;
}

/** The oracle of the WebAssembly, and its fallback. */
export function plainPattern(bytes: Uint8Array): Pattern {
  return {
    fill(address, length, key, version, offset) {
      const a = evenSeed(key, version);
      const b = oddSeed(a, version);
      for (let n = 0; n < length; ) {
        let word = wordAt(a, b, (offset + n) >>> 2) >>> (((offset + n) & 3) << 3);
        const end = Math.min(length, n + 4 - ((offset + n) & 3));
        for (; n < end; n++, word >>>= 8) bytes[address + n] = word;
      }
    },
    check(address, length, key, version, offset) {
      const a = evenSeed(key, version);
      const b = oddSeed(a, version);
      let wrong = 0;
      for (let n = 0; n < length; ) {
        let word = wordAt(a, b, (offset + n) >>> 2) >>> (((offset + n) & 3) << 3);
        const end = Math.min(length, n + 4 - ((offset + n) & 3));
        for (; n < end; n++, word >>>= 8) wrong |= (bytes[address + n] as number) ^ (word & 255);
      }
      return wrong === 0 ? 1 : 0;
    },
  };
}

function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
function evenSeed(key: number, version: number): number {
  return key ^ mix((version + STEP) | 0);
}
function oddSeed(even: number, version: number): number {
  return version ^ mix(even);
}
function wordAt(even: number, odd: number, i: number): number {
  return (((i & 1) !== 0 ? odd : even) + Math.imul(i, STEP)) | 0;
}

let compiled: WebAssembly.Module | undefined;

function wasmModule(): WebAssembly.Module | undefined {
  if (compiled !== undefined) return compiled;
  const bytes = patternBytes();
  if (bytes === undefined) return undefined;
  compiled = new WebAssembly.Module(bytes);
  return compiled;
}
