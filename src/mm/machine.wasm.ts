/**
 * The machine under the engine, for WebAssembly (AssemblyScript only; see machine.ts, its twin).
 */
// @ts-nocheck: AssemblyScript's builtins and decorators are not TypeScript's.

@external("host", "swapWrite") declare function swapWrite(dev: i32, slot: i32, n: i32, addrs: i32): i32;
@external("host", "swapRead") declare function swapRead(dev: i32, slot: i32, addr: i32): i32;
@external("host", "swapFree") declare function swapFree(dev: i32, slot: i32): void;
@external("host", "discard") declare function discard(vma: i32, vpn: i32): void;
@external("host", "evict") declare function evict(store: i32, loc: i32, why: i32): void;
@external("host", "bug") declare function bug(code: i32, a: i32, b: i32): void;

@inline export function ld(p: i32): i32 { return load<i32>(<usize>p); }
@inline export function st(p: i32, v: i32): void { store<i32>(<usize>p, v); }
@inline export function ldf(p: i32): f64 { return load<f64>(<usize>p); }
@inline export function stf(p: i32, v: f64): void { store<f64>(<usize>p, v); }
@inline export function copyBytes(to: i32, from: i32, bytes: i32): void { memory.copy(<usize>to, <usize>from, <usize>bytes); }
@inline export function zeroBytes(to: i32, bytes: i32): void { memory.fill(<usize>to, 0, <usize>bytes); }
@inline export function mul(a: i32, b: i32): i32 { return a * b; }
@inline export function ltu(a: i32, b: i32): bool { return <u32>a < <u32>b; }
@inline export function unsigned(x: i32): f64 { return <f64><u32>x; }
@inline export function toI32(x: f64): i32 { return <i32><i64>x; }
@inline export function leadingZeros(x: i32): i32 { return clz<i32>(x); }
@inline export function lowestBit(x: i32): i32 { return ctz<i32>(x); }
@inline export function countBits(x: i32): i32 { return popcnt<i32>(x); }
@inline export function hostSwapWrite(dev: i32, slot: i32, n: i32, addrs: i32): i32 { return swapWrite(dev, slot, n, addrs); }
@inline export function hostSwapRead(dev: i32, slot: i32, addr: i32): i32 { return swapRead(dev, slot, addr); }
@inline export function hostSwapFree(dev: i32, slot: i32): void { swapFree(dev, slot); }
@inline export function hostDiscard(vma: i32, vpn: i32): void { discard(vma, vpn); }
@inline export function hostEvict(store: i32, loc: i32, why: i32): void { evict(store, loc, why); }
@inline export function hostBug(code: i32, a: i32, b: i32): void { bug(code, a, b); }
