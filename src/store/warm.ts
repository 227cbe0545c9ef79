/**
 * Before an operation on many keys: what each of them will need is touched, first the lines of the index, then the items' heads, then the
 * rest of them. Fetches from memory overlap here, as nothing waits for one before the next is asked for; one key after the other, each
 * waits for its own. Nothing is moved, counted, judged or erased, and what is in swap is left alone.
 */
import { frameAddr, pte, storeKeyAddr, storeValueAddr } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { bucketAddr, bucketOf, locAt, tagOf } from "./directory.ts";
import { ghostLine } from "./ghost.ts";
import { hashKey } from "./hash.ts";
import { BIT_BODY, bits, headBytes, I_HASH, I_LENGTH, KEY_KIND_SHIFT, KEY_LENGTH_MASK } from "./item.ts";
import { controlOf, ST_TOUCHED, vpnOfLoc } from "./layout.ts";

/** Keys at once: more than a processor has fetches under way, and few enough that what is touched is still there when it is used. */
export const MAX_WARM: i32 = 32;
/** Bytes of an item that are touched at most: a longer one is fetched by the processor as it is read. */
const MOST: i32 = 1024;
const LINE: i32 = 64;

/** The key in the key area is the `i`-th of those to come; its hash is kept in the value area. */
export function storeNote(meta: i32, key: i32, i: i32): void {
  const c = controlOf(meta);
  const hash = hashKey(c, storeKeyAddr(), key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT);
  st(storeValueAddr() + (i << 2), hash);
}

/** Touch what the `n` keys noted will need; those that are to be set, too, if `sets` is not 0. */
export function storeWarm(meta: i32, n: i32, sets: i32): void {
  const c = controlOf(meta);
  const hashes = storeValueAddr();
  const items = hashes + (MAX_WARM << 2);
  let sum: i32 = 0;
  for (let i: i32 = 0; i < n; i++) {
    const hash = ld(hashes + (i << 2));
    sum ^= ld(bucketAddr(c, bucketOf(c, hash)));
    if (sets !== 0) sum ^= ld(ghostLine(c, hash));
  }
  for (let i: i32 = 0; i < n; i++) {
    const item = itemOf(c, ld(hashes + (i << 2)));
    st(items + (i << 2), item);
    if (item !== 0) sum ^= ld(item + I_HASH);
  }
  for (let i: i32 = 0; i < n; i++) {
    const item = ld(items + (i << 2));
    if (item === 0 || ld(item + I_HASH) !== ld(hashes + (i << 2)) || (bits(item) & BIT_BODY) !== 0) continue;
    const size = headBytes(bits(item)) + ld(item + I_LENGTH);
    // To the end of its page: the next one is somewhere else.
    const rest = 4096 - (item & 4095);
    const length = size < rest ? size : rest;
    const end = item + (length < MOST ? length : MOST);
    for (let at: i32 = (item & ~(LINE - 1)) + LINE; at < end; at += LINE) sum ^= ld(at);
  }
  // So that no compiler leaves the loads out.
  st(c + ST_TOUCHED, sum);
}

/** The address of what may be the item of a hash: the first in its line with that tag whose page is in a frame; 0 = there is none. */
function itemOf(c: i32, hash: i32): i32 {
  const tag = tagOf(c, hash);
  const pair = tag | (tag << 16);
  const line = bucketAddr(c, bucketOf(c, hash));
  for (let w: i32 = 0; w < 5; w++) {
    const x = ld(line + (w << 2)) ^ pair;
    const slot = (x & 0xffff) === 0 ? w << 1 : x >>> 16 === 0 ? (w << 1) | 1 : -1;
    if (slot < 0) continue;
    const loc = locAt(line, slot);
    if (loc === 0) continue;
    const p = pte(vpnOfLoc(c, loc));
    if ((p & PTE_PRESENT) !== 0) return frameAddr(p >>> 6) + (((loc - 1) & 511) << 3);
  }
  return 0;
}
