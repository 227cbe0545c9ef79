/**
 * What a thread has left that died in the middle of an operation, made whole again. It may have died between any two stores; so what is
 * believed is what one store changes from one state that is right to another:
 *
 *   page-table entries   where each page is. One that moves is copied first; its entry names the old place up to one store, the new one
 *                        from then on. A place is given up when no entry names it any more, not before
 *   mappings, groups     what they are, with the word that says that they are there written last
 *   the content          of frames that entries name, of slots that they name, with their checksum or handle
 *   pins                 who holds what (pins.ts)
 *   intents              of what takes several of these at once: two pages that change places in place (exchange.ts), a mapping or group
 *                        that may no longer be where it was (placement.ts)
 *
 * All else follows from these and is made anew: free blocks, folios, references, lists and their lengths, generations, slots in use, the pool's
 * lists, usage and swap of groups, counts of all kinds. The order of lists is kept as far as they can be followed, which is to the
 * store at which the thread died; what was on its way between two lists is added to the one that its flags say. Counters of events
 * (vmstat.ts) may lack what was under way.
 *
 *   rebuild-entries.ts   the page table: what it says of frames and slots, what each mapping and group has
 *   rebuild-folios.ts    frames: folios and free blocks
 *   rebuild-lists.ts     lists
 *   rebuild-slots.ts     slots of devices
 *   rebuild-pool.ts      the pool of compressed pages
 *
 * It may be cut short itself, at any store, and begun again: it believes nothing that it has made, and what it does to what it believes is
 * the same the second time.
 */
import { finishExchange } from "./exchange.ts";
import { endHopeless } from "./hopeless.ts";
import {
  H_DEPTH,
  H_HOPELESS,
  H_LOOKED,
  H_PRESSURE,
  H_SWAP_TRIED,
  H_WRITES_LATER,
  H_ZSWAP_FULL,
  N_COMING,
  N_GIVING,
  N_ISOLATED_ANON,
  N_ISOLATED_FILE,
  N_LEAVING,
  nodes,
  setHdr,
  setNode,
} from "./layout.ts";
import { takeLost } from "./older-half.ts";
import { rebuildPins } from "./pins.ts";
import { undoPlacement } from "./placement.ts";
import { readEntries } from "./rebuild-entries.ts";
import { rebuildFolios, rebuildFree } from "./rebuild-folios.ts";
import { rebuildLists } from "./rebuild-lists.ts";
import { rebuildPool } from "./rebuild-pool.ts";
import { rebuildSlots } from "./rebuild-slots.ts";
import { forgetGone } from "./regrets.ts";
import { rebuildVmas } from "./vma.ts";
import { count, TAKEOVER } from "./vmstat.ts";

/**
 * Make a segment whole; see the file's head. `writing`: 1 if a living thread has the writeback table (writeback.ts) and may be writing to the
 * slots in it, 0 if nobody is.
 */
export function rebuild(writing: i32): void {
  setHdr(H_DEPTH, -1);
  setHdr(H_PRESSURE, -1);
  setHdr(H_WRITES_LATER, 0);
  setHdr(H_SWAP_TRIED, 0);
  setHdr(H_ZSWAP_FULL, 0);
  forgetGone();
  takeLost(false);
  setHdr(H_LOOKED, 0);
  setHdr(H_LOOKED + 4, 0);
  rebuildVmas();
  finishExchange();
  rebuildPins();
  readEntries();
  rebuildFolios();
  rebuildLists();
  rebuildFree();
  rebuildSlots(writing);
  rebuildPool();
  for (let nid: i32 = 0; nid < nodes(); nid++) {
    setNode(nid, N_ISOLATED_ANON, 0);
    setNode(nid, N_ISOLATED_FILE, 0);
    setNode(nid, N_LEAVING, 0);
    setNode(nid, N_GIVING, 0);
    setNode(nid, N_COMING, 0);
  }
  setHdr(H_HOPELESS, -1);
  endHopeless(-1, -1, -1);
  undoPlacement();
  count(TAKEOVER, -1, -1, 1);
}
