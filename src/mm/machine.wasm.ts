/**
 * The machine under the engine, for WebAssembly (AssemblyScript only; see machine.ts, its twin).
 */
// @ts-nocheck: AssemblyScript's builtins and decorators are not TypeScript's.

@external("host", "swapWrite") declare function swapWrite(dev: i32, slot: i32, n: i32, addrs: i32): i32;
@external("host", "swapRead") declare function swapRead(dev: i32, slot: i32, addr: i32): i32;
@external("host", "swapFree") declare function swapFree(dev: i32, slot: i32): void;
@external("host", "discard") declare function discard(vma: i32, vpn: i32): void;
@external("host", "evict") declare function evict(store: i32, loc: i32, why: i32): void;
@external("host", "sampled") declare function sampled(store: i32, hash: i32, bytes: i32, what: i32): void;
@external("host", "share") declare function share(cg: i32, field: i32, nr: i32, how: i32): i32;
@external("host", "still") declare function still(): void;
@external("host", "bug") declare function bug(code: i32, a: i32, b: i32): void;

@inline export function ld(p: i32): i32 { return load<i32>(<usize>p); }
@inline export function st(p: i32, v: i32): void { store<i32>(<usize>p, v); }
@inline export function ldf(p: i32): f64 { return load<f64>(<usize>p); }
@inline export function ldfOrdered(p: i32): f64 { return reinterpret<f64>(atomic.load<i64>(<usize>p)); }
@inline export function stf(p: i32, v: f64): void { store<f64>(<usize>p, v); }
@inline export function ld8(p: i32): i32 { return <i32>load<u8>(<usize>p); }
@inline export function st8(p: i32, v: i32): void { store<u8>(<usize>p, <u8>v); }
@inline export function ld16(p: i32): i32 { return <i32>load<u16>(<usize>p); }
@inline export function st16(p: i32, v: i32): void { store<u16>(<usize>p, <u16>v); }
@inline export function ld32(p: i32): i32 { return load<i32>(<usize>p); }
@inline export function copySteps(to: i32, from: i32, bytes: i32): void {
  for (let i = 0; i < bytes; i += 8) store<u64>(<usize>(to + i), load<u64>(<usize>(from + i)));
}
@inline export function equalBytes(a: i32, b: i32, most: i32): i32 {
  let n = 0;
  while (n + 8 <= most) {
    const x = load<u64>(<usize>(a + n)) ^ load<u64>(<usize>(b + n));
    if (x !== 0) return n + (<i32>ctz<u64>(x) >> 3);
    n += 8;
  }
  while (n < most && load<u8>(<usize>(a + n)) === load<u8>(<usize>(b + n))) n++;
  return n;
}
@inline export function copyBytes(to: i32, from: i32, bytes: i32): void { memory.copy(<usize>to, <usize>from, <usize>bytes); }
export function copyShort(to: i32, from: i32, bytes: i32): void {
  if (<u32>bytes > 1024 || bytes < 16) {
    memory.copy(<usize>to, <usize>from, <usize>bytes);
    return;
  }
  let p = <usize>from;
  let q = <usize>to;
  const end = p + <usize>bytes - 16;
  for (; p < end; p += 16, q += 16) v128.store(q, v128.load(p, 0, 1), 0, 1);
  // The last 16, some of them once more.
  v128.store(<usize>to + <usize>bytes - 16, v128.load(end, 0, 1), 0, 1);
}
@inline export function prefetch(p: i32): void { atomic.load<i32>(<usize>p); }
@inline export function zeroBytes(to: i32, bytes: i32): void { memory.fill(<usize>to, 0, <usize>bytes); }
@inline export function mul(a: i32, b: i32): i32 { return a * b; }
@inline export function ltu(a: i32, b: i32): bool { return <u32>a < <u32>b; }
@inline export function unsigned(x: i32): f64 { return <f64><u32>x; }
@inline export function toI32(x: f64): i32 { return <i32><i64>x; }
@inline export function leadingZeros(x: i32): i32 { return clz<i32>(x); }
@inline export function lowestBit(x: i32): i32 { return ctz<i32>(x); }
@inline export function matchTags(p: i32, tag: i32): i32 {
  const last = load<i32>(<usize>p, 16) ^ (tag | (tag << 16));
  const first = i16x8.bitmask(i16x8.eq(v128.load(<usize>p, 0, 4), i16x8.splat(<i16>tag)));
  return first | (<i32>((last & 0xffff) === 0) << 8) | (<i32>(last >>> 16 === 0) << 9);
}
@inline export function countBits(x: i32): i32 { return popcnt<i32>(x); }
@inline export function hostSwapWrite(dev: i32, slot: i32, n: i32, addrs: i32): i32 { return swapWrite(dev, slot, n, addrs); }
@inline export function hostSwapRead(dev: i32, slot: i32, addr: i32): i32 { return swapRead(dev, slot, addr); }
@inline export function hostSwapFree(dev: i32, slot: i32): void { swapFree(dev, slot); }
@inline export function hostDiscard(vma: i32, vpn: i32): void { discard(vma, vpn); }
@inline export function hostEvict(store: i32, loc: i32, why: i32): void { evict(store, loc, why); }
@inline export function hostSampled(store: i32, hash: i32, bytes: i32, what: i32): void { sampled(store, hash, bytes, what); }
@inline export function hostShare(cg: i32, field: i32, nr: i32, how: i32): i32 { return share(cg, field, nr, how); }
@inline export function hostStill(): void { still(); }
@inline export function hostBug(code: i32, a: i32, b: i32): void { bug(code, a, b); }

/** A round of four lanes that are joined. */
@inline function sumRound(acc: v128, words: v128): v128 {
  const x = i32x4.add(acc, words);
  return i32x4.mul(v128.xor(x, i32x4.shr_u(x, 15)), i32x4.splat(-1640531535));
}
/** Ends a lane: what a change in one lane leaves must not be what one in another could. */
@inline function sumEnd(acc: v128): v128 {
  const x = i32x4.mul(v128.xor(acc, i32x4.shr_u(acc, 15)), i32x4.splat(-2048144777));
  return v128.xor(x, i32x4.shr_u(x, 13));
}
@inline function sumRoundOfOne(acc: i32, word: i32): i32 {
  const x = acc + word;
  return (x ^ (x >>> 15)) * -1640531535;
}
/** The weights two rows further down: two steps of x * 25173 + 13849. */
@inline function nextWeights(weights: v128): v128 {
  return i16x8.add(i16x8.mul(weights, i16x8.splat(12345)), i16x8.splat(-16794));
}
@inline function seeds(lane: i32): v128 {
  return i32x4.mul(i32x4.add(i32x4.splat(lane), i32x4(1, 2, 3, 4)), i32x4.splat(-2048144777));
}
export function sumLanes(addr: i32): i32 {
  let l0 = seeds(0);
  let l1 = seeds(4);
  let l2 = seeds(8);
  let l3 = seeds(12);
  let l4 = seeds(16);
  let l5 = seeds(20);
  let l6 = seeds(24);
  let l7 = seeds(28);
  // Of this row and the next: the one after that is made from this one's, while the next one's are used.
  let weights = i16x8(-20373, 20130, -4903, -29936, 10567, -14466, 26037, 1004);
  let next = i16x8(-16480, 21987, -5082, -32151, 6316, -20753, 17714, -9355);
  const end = <usize>addr + 4096;
  for (let at = <usize>addr; at != end; at += 64) {
    let w = v128.load(at, 0);
    l0 = i32x4.add(l0, w);
    l4 = i32x4.add(l4, i32x4.dot_i16x8_s(w, weights));
    w = v128.load(at, 16);
    l1 = i32x4.add(l1, w);
    l5 = i32x4.add(l5, i32x4.dot_i16x8_s(w, weights));
    w = v128.load(at, 32);
    l2 = i32x4.add(l2, w);
    l6 = i32x4.add(l6, i32x4.dot_i16x8_s(w, weights));
    w = v128.load(at, 48);
    l3 = i32x4.add(l3, w);
    l7 = i32x4.add(l7, i32x4.dot_i16x8_s(w, weights));
    const after = nextWeights(weights);
    weights = next;
    next = after;
  }
  l0 = sumEnd(l0);
  l0 = sumRound(l0, sumEnd(l1));
  l0 = sumRound(l0, sumEnd(l2));
  l0 = sumRound(l0, sumEnd(l3));
  l0 = sumRound(l0, sumEnd(l4));
  l0 = sumRound(l0, sumEnd(l5));
  l0 = sumRound(l0, sumEnd(l6));
  l0 = sumRound(l0, sumEnd(l7));
  let sum = sumRoundOfOne(0, i32x4.extract_lane(l0, 0));
  sum = sumRoundOfOne(sum, i32x4.extract_lane(l0, 1));
  sum = sumRoundOfOne(sum, i32x4.extract_lane(l0, 2));
  return sumRoundOfOne(sum, i32x4.extract_lane(l0, 3));
}
