/**
 * Pages that the pool of compressed pages is to do without for a while: taken from its free ones, for which it makes room if it must, and
 * kept on a list of their own. Nobody touches them there, so their bytes can be given back to the system (memory/pool-balloon.ts).
 */
import { changed, WHY_SWAP } from "./hopeless.ts";
import {
  H_ZPOOL_FREE,
  H_ZPOOL_FREE_LIST,
  H_ZPOOL_HELD,
  H_ZPOOL_HELD_LIST,
  H_ZSWAP_FULL,
  hdr,
  setHdr,
  setZpage,
  ZP_NEXT,
  zpage,
} from "./layout.ts";
import { makeRoom } from "./zswap.ts";

/**
 * Take `nr` pages from the pool: free ones, then those that compaction gives, then those of its oldest pages, which are written back
 * or, a cache's, dropped. Returns how many there were.
 */
export function zswapHold(nr: i32): i32 {
  let held: i32 = 0;
  while (held < nr && (hdr(H_ZPOOL_FREE) > 0 || makeRoom())) {
    if (hdr(H_ZPOOL_FREE) === 0) continue;
    move(H_ZPOOL_FREE_LIST, H_ZPOOL_FREE, H_ZPOOL_HELD_LIST, H_ZPOOL_HELD);
    held++;
  }
  return held;
}
/** Give the pool `nr` of the pages back that it had to do without. Returns how many there were. */
export function zswapRelease(nr: i32): i32 {
  let given: i32 = 0;
  while (given < nr && hdr(H_ZPOOL_HELD) > 0) {
    move(H_ZPOOL_HELD_LIST, H_ZPOOL_HELD, H_ZPOOL_FREE_LIST, H_ZPOOL_FREE);
    given++;
  }
  if (given > 0) {
    setHdr(H_ZSWAP_FULL, 0);
    changed(WHY_SWAP);
  }
  return given;
}
/** The first page of one list, which is counted, becomes that of another. */
function move(fromList: i32, from: i32, toList: i32, to: i32): void {
  const p = hdr(fromList) - 1;
  setHdr(fromList, zpage(p, ZP_NEXT));
  setHdr(from, hdr(from) - 1);
  setZpage(p, ZP_NEXT, hdr(toList));
  setHdr(toList, p + 1);
  setHdr(to, hdr(to) + 1);
}
