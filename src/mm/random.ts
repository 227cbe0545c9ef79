/** The engine's random numbers: one xorshift32 word in the header, so that a seed gives the same run. */
import { H_RNG, hdr, setHdr } from "./layout.ts";

/** A number from 0 to n-1. */
export function randomBelow(n: i32): i32 {
  let x: i32 = hdr(H_RNG);
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  setHdr(H_RNG, x);
  return (x & 0x7fffffff) % n;
}
