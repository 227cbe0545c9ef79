/** A store's own chance: each has a generator, so that a run can be repeated. */
import { ld, st } from "../mm/machine.ts";
import { ST_RNG } from "./layout.ts";

/** A random word. (xorshift32, G. Marsaglia) */
export function random(c: i32): i32 {
  let x: i32 = ld(c + ST_RNG);
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  st(c + ST_RNG, x);
  return x;
}
/** A random number from 0 to n - 1. */
export function randomBelow(c: i32, n: i32): i32 {
  return (random(c) >>> 1) % n;
}
