/**
 * The checksum that every slot of a lower tier carries: xxHash32's round in four lanes over the 1024 words of a page.
 * A round is a bijection of its word and of its lane, so any change within one word is always found.
 */
import { PAGE_SIZE } from "./layout.ts";
import { ld, mul } from "./machine.ts";

const P1: i32 = -1640531535;
const P2: i32 = -2048144777;

function round(acc: i32, word: i32): i32 {
  const x: i32 = (acc + mul(word, P2)) | 0;
  return mul((x << 13) | (x >>> 19), P1);
}

/** Checksum of the page at byte address `addr`. */
export function checksum(addr: i32): i32 {
  let a: i32 = 606290984;
  let b: i32 = P2;
  let c: i32 = 0;
  let d: i32 = 1640531535;
  for (let i: i32 = 0; i < PAGE_SIZE; i += 16) {
    a = round(a, ld(addr + i));
    b = round(b, ld(addr + i + 4));
    c = round(c, ld(addr + i + 8));
    d = round(d, ld(addr + i + 12));
  }
  let h: i32 = ((a << 1) | (a >>> 31)) + ((b << 7) | (b >>> 25));
  h = (h + ((c << 12) | (c >>> 20))) | 0;
  h = (h + ((d << 18) | (d >>> 14))) | 0;
  h = mul(h ^ (h >>> 15), P2);
  return h ^ (h >>> 13);
}
