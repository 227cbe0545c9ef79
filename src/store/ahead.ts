/**
 * What a search for a key will read from swap, so that who can wait for a device without blocking does (cache/ahead.ts). Nothing is moved,
 * counted or erased.
 */
import { pte, scratch, storeKeyAddr } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT, PTE_SWAP, pteIndex } from "../mm/page-table.ts";
import { bodyVpn, nextPage } from "./body.ts";
import { bucketAddr, bucketOf, locAt, nextLine, SLOTS, tagAt, tagOf } from "./directory.ts";
import { hashKey } from "./hash.ts";
import { BIT_BODY, bits, I_BODY, I_HASH, inlineGranules, KEY_KIND_SHIFT, KEY_LENGTH_MASK } from "./item.ts";
import { controlOf, pageOfLoc, vpnOfLoc } from "./layout.ts";
import { look } from "./present.ts";

/** Slots that one call tells of at most. */
const MAX_AHEAD: i32 = 32;

/**
 * The slots of pages that hold what may be the item of the key in the key area, as words of the room for arguments: with `looking` 0 those of
 * its head; with 1, when these are at hand, those of the rest of it. Returns how many.
 */
export function storeAhead(meta: i32, key: i32, looking: i32): i32 {
  const c = controlOf(meta);
  const hash = hashKey(c, storeKeyAddr(), key & KEY_LENGTH_MASK, key >>> KEY_KIND_SHIFT);
  const tag = tagOf(c, hash);
  let n: i32 = 0;
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      const loc = locAt(line, slot);
      if (loc === 0 || tagAt(line, slot) !== tag) continue;
      const inSwap = (pte(vpnOfLoc(c, loc)) & PTE_SWAP) !== 0;
      if (inSwap && looking === 0) n = note(n, vpnOfLoc(c, loc));
      else n = noteRest(c, loc, hash, n);
    }
    line = nextLine(c, line);
  }
  return n;
}
/** The pages of an item behind that of its head, if it is the one that is looked for. */
function noteRest(c: i32, loc: i32, hash: i32, before: i32): i32 {
  const item = look(c, loc);
  if (item === 0 || ld(item + I_HASH) !== hash) return before;
  const body = (bits(item) & BIT_BODY) !== 0 ? ld(item + I_BODY) : -1;
  const last = pageOfLoc(loc + inlineGranules(item) - 1);
  let n: i32 = before;
  for (let page = pageOfLoc(loc) + 1; page <= last; page++) n = note(n, vpnOfLoc(c, (page << 9) + 1));
  for (let page = body; page >= 0 && n < MAX_AHEAD; page = nextPage(c, page)) n = note(n, bodyVpn(c, page));
  return n;
}
function note(n: i32, vpn: i32): i32 {
  const p = pte(vpn);
  if (n >= MAX_AHEAD || (p & PTE_PRESENT) !== 0 || (p & PTE_SWAP) === 0) return n;
  st(scratch() + (n << 2), pteIndex(p));
  return n + 1;
}
