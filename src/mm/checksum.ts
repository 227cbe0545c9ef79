/**
 * The checksum that every slot of a lower tier carries. A page is 64 rows of 16 words; of each column there are two sums modulo 2^32: the words, and their
 * halves (16 bits, signed) times weights that differ from row to row. Then all 32 sums are mixed and joined.
 *
 * What one word's change does to the plain sum of its column, another's can make up for, but then not in the weighted one: two bits of one place move that by
 * a bit's worth times the difference of two weights, which is not 0, and less than 2^32, as no more than 16 bits are multiplied by 16. The weights follow each other at random,
 * as with equal steps between them two changes would make up for two others as far apart. Joining is by multiplication and folding, so what changes more than one sum is found
 * but once in 2^32.
 *
 * So a word takes no 32-bit multiplication, which of all that WebAssembly can do to four words takes longest (machine.wasm.ts).
 */
import { mul, sumLanes } from "./machine.ts";

const P2: i32 = -2048144777;

/** Checksum of the page at byte address `addr`. */
export function checksum(addr: i32): i32 {
  let h = sumLanes(addr);
  h = mul(h ^ (h >>> 15), P2);
  return h ^ (h >>> 13);
}
