/**
 * Logarithms in fixed point, by additions and multiplications alone, so that both twins of the engine agree to the last bit.
 */
import { toI32 } from "../mm/machine.ts";

/** 1 in fixed point. */
export const ONE: i32 = 65536;

/** log2(x) in units of 2^-16, within about 0.0003; x > 0. */
export function log2(x: f64): i32 {
  let whole: i32 = 0;
  let m: f64 = x;
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
  // log2(1 + t) for 0 <= t < 1.
  const t = m - 1;
  const part = t * (1.4419 + t * (-0.7096 + t * (0.4175 + t * (-0.1946 + t * 0.0448))));
  return whole * ONE + toI32(Math.floor(part * 65536));
}
