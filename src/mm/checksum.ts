/**
 * The checksum that every slot of a lower tier carries, in 32 lanes over the 1024 words of a page, word i in lane i mod 32: add the word, fold the upper half
 * over the lower, multiply. A round is a bijection of its word and of its lane, lanes are mixed and joined one to one, so any change
 * within one word is always found; and what a changed bit leaves is no bit of the next word of its lane, so that two bits do not make up for each other. With xxHash32's
 * rounds, whose multiplication comes before, or here after, a rotation, some do: bit 16 of a word and bit 29 of the next in one case of two. (There are as many lanes so that WebAssembly may take them four at a time with the multiplications
 * of eight such under way; see machine.wasm.ts, where the rounds are.)
 */
import { mul, sumLanes } from "./machine.ts";

const P2: i32 = -2048144777;

/** Checksum of the page at byte address `addr`. */
export function checksum(addr: i32): i32 {
  let h = sumLanes(addr);
  h = mul(h ^ (h >>> 15), P2);
  return h ^ (h >>> 13);
}
