/**
 * Hits above the store (above.ts), told of now and then and by hash alone: a value that is hot up there stays worth its place down
 * here, for when it is given up there, and is not taken for cold in the meantime. They are accesses like others, but that they
 * are counted as hits where they were made. What is told of may have moved or gone: then there is nothing to note.
 */
import { storeValueAddr } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { noteAccess } from "./access.ts";
import { bucketAddr, bucketOf, locAt, nextLine, SLOTS, setLocAt, tagAt, tagOf } from "./directory.ts";
import { loseHead, whole } from "./find.ts";
import { passRequests } from "./guard.ts";
import { hasExpired, I_HASH } from "./item.ts";
import { controlOf, ST_ITEMS, ST_NR_GHOSTS } from "./layout.ts";
import { look } from "./present.ts";
import { setAccessed } from "./read.ts";

/**
 * There were `requests` hits above; `n` of them, whose items' hashes are in the value area, stand for all. Returns within how
 * many requests an item that is hot above should be told of again, not to be taken for one that may go.
 */
export function storeHeard(meta: i32, n: i32, requests: i32): i32 {
  const c = controlOf(meta);
  setAccessed(0);
  if (requests > n) passRequests(c, requests - n);
  for (let i: i32 = 0; i < n; i++) hear(c, ld(storeValueAddr() + (i << 2)));
  return ld(c + ST_NR_GHOSTS) === 0 ? 0x7fffffff : ld(c + ST_ITEMS) >> 3;
}
function hear(c: i32, hash: i32): void {
  const tag = tagOf(c, hash);
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      const loc = locAt(line, slot);
      if (loc === 0 || tagAt(line, slot) !== tag) continue;
      const item = look(c, loc);
      if (item === 0) {
        loseHead(c, loc);
        setLocAt(line, slot, 0);
        return;
      }
      if (ld(item + I_HASH) !== hash) continue;
      const at = line + 20 + (slot << 2);
      if (!hasExpired(item) && whole(c, loc, at)) noteAccess(c, loc, at);
      return;
    }
    line = nextLine(c, line);
  }
}
