/**
 * Fill and check of pattern.ts, for WebAssembly (AssemblyScript only): 64 bytes a step, at any address, over the
 * memory's own segment. pattern.ts has the same as plain TypeScript, and says what the pattern is.
 */
// @ts-nocheck: AssemblyScript's builtins are not TypeScript's.

const STEP: u32 = 0x9e3779b1;
/** Bytes that check() goes over twice: they stay in the processor's nearest cache. */
const STRETCH: u32 = 4096;

function mix(x: u32): u32 {
  x = (x ^ (x >> 16)) * 0x7feb352d;
  x = (x ^ (x >> 15)) * 0x846ca68b;
  return x ^ (x >> 16);
}
@inline function evenSeed(key: u32, version: u32): u32 { return key ^ mix(version + STEP); }
@inline function oddSeed(even: u32, version: u32): u32 { return version ^ mix(even); }

@inline function word(even: u32, odd: u32, i: u32): u32 { return ((i & 1) != 0 ? odd : even) + i * STEP; }
@inline function byteAt(even: u32, odd: u32, offset: u32): u8 { return <u8>(word(even, odd, offset >> 2) >> ((offset & 3) << 3)); }

/** Words i to i + 3, where the first of them is of `first`'s parity. */
@inline function fourWords(first: u32, second: u32, i: u32): v128 {
  const seeds = i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(first), 1, second), 3, second);
  return i32x4.add(seeds, i32x4.mul(i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3)), i32x4.splat(STEP)));
}

export function fill(address: u32, length: u32, key: u32, version: u32, offset: u32): void {
  const even = evenSeed(key, version);
  const odd = oddSeed(even, version);
  let left: u32 = length;
  for (; (offset & 3) != 0 && left > 0; offset++, address++, left--) store<u8>(address, byteAt(even, odd, offset));
  if (left >= 64) {
    const i = offset >> 2;
    let a = (i & 1) != 0 ? fourWords(odd, even, i) : fourWords(even, odd, i);
    let b = i32x4.add(a, i32x4.splat(4 * STEP));
    let c = i32x4.add(a, i32x4.splat(8 * STEP));
    let d = i32x4.add(a, i32x4.splat(12 * STEP));
    const step = i32x4.splat(16 * STEP);
    for (; left >= 64; offset += 64, address += 64, left -= 64) {
      v128.store(address, a, 0, 1);
      v128.store(address, b, 16, 1);
      v128.store(address, c, 32, 1);
      v128.store(address, d, 48, 1);
      a = i32x4.add(a, step);
      b = i32x4.add(b, step);
      c = i32x4.add(c, step);
      d = i32x4.add(d, step);
    }
  }
  for (; left >= 4; offset += 4, address += 4, left -= 4) store<u32>(address, word(even, odd, offset >> 2), 0, 1);
  for (; left > 0; offset++, address++, left--) store<u8>(address, byteAt(even, odd, offset));
}

/** 1 if every byte is as fill() would leave it, else 0. */
/**
 * 1 if every byte is as fill() would leave it, else 0. A page that is to be checked is mostly not in the processor's cache, and
 * what it takes is how many lines are on their way at once: so of each stretch the first 16 bytes of every line are checked
 * before the rest, in few instructions a line.
 */
export function check(address: u32, length: u32, key: u32, version: u32, offset: u32): i32 {
  const even = evenSeed(key, version);
  const odd = oddSeed(even, version);
  let left: u32 = length;
  let wrong: u32 = 0;
  for (; (offset & 3) != 0 && left > 0; offset++, address++, left--) wrong |= load<u8>(address) ^ byteAt(even, odd, offset);
  if (left >= 64) {
    const i = offset >> 2;
    const step = i32x4.splat(16 * STEP);
    let a = (i & 1) != 0 ? fourWords(odd, even, i) : fourWords(even, odd, i);
    let b = i32x4.add(a, i32x4.splat(4 * STEP));
    let odds = i32x4.splat(0);
    while (left >= 64) {
      const bytes: u32 = (left < STRETCH ? left : STRETCH) & ~63;
      const end = address + bytes;
      for (let at = address; at != end; at += 64) {
        odds = v128.or(odds, v128.xor(v128.load(at, 0, 1), a));
        a = i32x4.add(a, step);
      }
      for (; address != end; address += 64) {
        const c = i32x4.add(b, i32x4.splat(4 * STEP));
        const d = i32x4.add(b, i32x4.splat(8 * STEP));
        const bc = v128.or(v128.xor(v128.load(address, 16, 1), b), v128.xor(v128.load(address, 32, 1), c));
        odds = v128.or(odds, v128.or(bc, v128.xor(v128.load(address, 48, 1), d)));
        b = i32x4.add(b, step);
      }
      offset += bytes;
      left -= bytes;
    }
    wrong |= v128.any_true(odds) ? 1 : 0;
  }
  for (; left >= 4; offset += 4, address += 4, left -= 4) wrong |= load<u32>(address, 0, 1) ^ word(even, odd, offset >> 2);
  for (; left > 0; offset++, address++, left--) wrong |= load<u8>(address) ^ byteAt(even, odd, offset);
  return wrong == 0 ? 1 : 0;
}
