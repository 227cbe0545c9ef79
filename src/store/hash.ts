/**
 * The hash of a key: 32 bits over its words, with a secret of the store. Who chooses keys but does not know the secret cannot
 * choose many that meet in one bucket: HalfSipHash-1-3 (J.-P. Aumasson and D. J. Bernstein, SipHash: a fast short-input PRF,
 * INDOCRYPT 2012). MurmurHash, CityHash and their like collide whatever their seed.
 */
import { ld } from "../mm/machine.ts";
import { ST_SECRET } from "./layout.ts";

function rotl(x: i32, by: i32): i32 {
  return (x << by) | (x >>> (32 - by));
}

/**
 * Hash `length` bytes at `at`, which are padded with zeros to whole words, for the store at `c`; `kind` is the kind of key.
 * The last word is of length and kind.
 */
export function hashKey(c: i32, at: i32, length: i32, kind: i32): i32 {
  const words = (length + 3) >>> 2;
  let v0: i32 = ld(c + ST_SECRET);
  let v1: i32 = ld(c + ST_SECRET + 4);
  let v2: i32 = v0 ^ 0x6c796765;
  let v3: i32 = v1 ^ 0x74656462;
  const last = length | (kind << 24);
  for (let i: i32 = 0; i <= words; i++) {
    const m = i < words ? ld(at + (i << 2)) : last;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = rotl(v1, 5) ^ v0;
    v0 = rotl(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotl(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotl(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotl(v1, 13) ^ v2;
    v2 = rotl(v2, 16);
    v0 ^= m;
  }
  v2 ^= 0xff;
  // Three rounds to finish, which take in nothing.
  for (let i: i32 = 0; i < 3; i++) {
    v0 = (v0 + v1) | 0;
    v1 = rotl(v1, 5) ^ v0;
    v0 = rotl(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotl(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotl(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotl(v1, 13) ^ v2;
    v2 = rotl(v2, 16);
  }
  return v1 ^ v3;
}
