/** The hash of a key: 32 bits over its words (MurmurHash3_x86_32 by Austin Appleby, public domain). */
import { ld, mul } from "../mm/machine.ts";

function rotl(x: i32, by: i32): i32 {
  return (x << by) | (x >>> (32 - by));
}

/** Hash `length` bytes at `at`, which are padded with zeros to whole words; `seed` is the kind of key. */
export function hashKey(at: i32, length: i32, seed: i32): i32 {
  let h: i32 = mul(seed + 1, -1640531535);
  const end = at + ((length + 3) & ~3);
  for (let p: i32 = at; p < end; p += 4) {
    h ^= mul(rotl(mul(ld(p), -862048943), 15), 0x1b873593);
    h = (mul(rotl(h, 13), 5) + -430675100) | 0;
  }
  h ^= length;
  h ^= h >>> 16;
  h = mul(h, -2048144789);
  h ^= h >>> 13;
  h = mul(h, -1028477387);
  return h ^ (h >>> 16);
}
