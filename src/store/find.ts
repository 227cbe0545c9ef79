/** Finding an item by its key: hash, bucket, tag, then the key itself. */
import { frameAddr, pte, storeKeyAddr } from "../mm/layout.ts";
import { ld, lowestBit, matchTags } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { bodyWhole } from "./body.ts";
import { bucketAddr, bucketOf, locAt, nextLine, setLocAt, tagOf } from "./directory.ts";
import {
  BIT_BODY,
  bits,
  bodyPages,
  headBytes,
  I_BODY,
  I_HASH,
  I_LENGTH,
  inlineGranules,
  KEY_LENGTH_MASK,
  KEY_MASK,
  keyOffset,
} from "./item.ts";
import { addf, pageOfLoc, ST_LOST, vpnOfLoc } from "./layout.ts";
import { zapLogPage } from "./log.ts";
import { look, losePage } from "./present.ts";
import { releaseIfEmpty, removeItem } from "./remove.ts";

/** Results of a search. */
export const MISS: i32 = 0;
export const HIT: i32 = 1;
/** There, but expired. */
export const STALE: i32 = 2;

// What the last search found.
let slotAddr: i32 = 0;
let itemLoc: i32 = 0;
let itemAddr: i32 = 0;

/** The address of the item last found, until a page moves; of a copy, if it is in swap (present.ts). */
export function foundItem(): i32 {
  return itemAddr;
}
/** Where the index names the item last found. */
export function foundSlot(): i32 {
  return slotAddr;
}

/**
 * Find the item of the key in the key area; `key` is its length and kind (KEY_MASK). Returns its location, or 0. Entries that turn out to be stale are erased.
 */
export function find(c: i32, hash: i32, key: i32): i32 {
  const tag = tagOf(c, hash);
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  while (line !== 0) {
    for (let m: i32 = matchTags(line, tag); m !== 0; m &= m - 1)
      if (isIt(c, line, lowestBit(m), hash, key)) return itemLoc;
    line = nextLine(c, line);
  }
  return 0;
}
function isIt(c: i32, line: i32, slot: i32, hash: i32, key: i32): boolean {
  const loc = locAt(line, slot);
  if (loc === 0) return false;
  const p = pte(vpnOfLoc(c, loc));
  const item = (p & PTE_PRESENT) !== 0 ? frameAddr(p >>> 6) + (((loc - 1) & 511) << 3) : look(c, loc);
  if (item === 0) {
    loseHead(c, loc);
    setLocAt(line, slot, 0);
    return false;
  }
  const w = bits(item);
  if (ld(item + I_HASH) !== hash || (w & KEY_MASK) !== key) return false;
  const wanted = storeKeyAddr();
  const at = item + keyOffset(w);
  const words = ((key & KEY_LENGTH_MASK) + 3) & ~3;
  for (let i: i32 = 0; i < words; i += 4) if (ld(at + i) !== ld(wanted + i)) return false;
  slotAddr = line + 20 + (slot << 2);
  itemLoc = loc;
  itemAddr = item;
  return true;
}

/** The page of the head at `loc` cannot be had: all items whose heads are on it are lost. */
export function loseHead(c: i32, loc: i32): void {
  zapLogPage(c, vpnOfLoc(c, loc));
  losePage(c, pageOfLoc(loc));
}

/** Whether the item has no body and does not lie across pages. */
export function onOnePage(loc: i32, item: i32): boolean {
  const w = bits(item);
  return (w & BIT_BODY) === 0 && (((loc - 1) & 511) << 3) + headBytes(w) + ld(item + I_LENGTH) <= 4096;
}
/** Whether all of the item's value still is somewhere. If not, the item is removed, as lost: for a cache that is a miss. */
export function whole(c: i32, loc: i32, slot: i32): boolean {
  const item = look(c, loc);
  if (onOnePage(loc, item)) return true;
  const nr = bodyPages(item);
  const last = loc + inlineGranules(item) - 1;
  let there = nr === 0 || bodyWhole(c, ld(item + I_BODY));
  for (let page = pageOfLoc(loc) + 1; page <= pageOfLoc(last); page++) {
    if (pte(vpnOfLoc(c, (page << 9) + 1)) === 0) there = false;
  }
  if (there) return true;
  addf(c + ST_LOST, 1);
  removeItem(c, loc, item, slot);
  releaseIfEmpty(c, loc);
  return false;
}
