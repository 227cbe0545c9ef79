/**
 * Logarithms in fixed point, by additions and multiplications alone, so that both twins of the engine agree to the last bit.
 */
import { leadingZeros, toI32 } from "../mm/machine.ts";

/** 1 in fixed point. */
export const ONE: i32 = 65536;

/** Numbers are taken for no less and no more than these, 2^-96 and 2^96; what is no number for the least. */
const LEAST: f64 = 1 / 7.922816251426434e28;
const MOST: f64 = 7.922816251426434e28;

/** log2(x) in units of 2^-16, within about 0.0003; of x <= 0, and of what is no number, that of the least: there is an end to it, whatever x is. */
export function log2(x: f64): i32 {
  let whole: i32 = 0;
  let m: f64 = x > LEAST ? (x < MOST ? x : MOST) : LEAST;
  while (m < 1 / 65536) {
    m *= 65536;
    whole -= 16;
  }
  while (m < 1) {
    m *= 2;
    whole--;
  }
  while (m >= 65536) {
    m /= 65536;
    whole += 16;
  }
  while (m >= 2) {
    m /= 2;
    whole++;
  }
  return whole * ONE + fraction(m - 1);
}
/** The same of a whole number from 1 to 2^31 - 1, without the search for its magnitude. */
export function log2Whole(x: i32): i32 {
  const zeros = leadingZeros(x);
  const below: f64 = (x << zeros) & 0x7fffffff;
  return (31 - zeros) * ONE + fraction(below / 2147483648);
}
/** log2(1 + t) for 0 <= t < 1. */
function fraction(t: f64): i32 {
  const part = t * (1.4419 + t * (-0.7096 + t * (0.4175 + t * (-0.1946 + t * 0.0448))));
  return toI32(Math.floor(part * 65536));
}
