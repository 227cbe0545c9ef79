/**
 * Room made ahead, by a thread of its own (kswapd): so that a set finds free pages where it would else have to send some away first. What
 * goes, and where to, is chosen as it would be then (sink.ts, room.ts); only that it goes a little earlier. What is sent to a device is
 * queued and written while nobody waits (mm/writeback.ts).
 */
import { H_HEADROOM_WANTED, N_FREE, N_PAGES, N_WMARK_LOW, node, setHdr, V_MEMCG, vma } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { nodeDemotionMask } from "../mm/memory-tiers.ts";
import { swapAvailable } from "../mm/swap.ts";
import { inPieces, nrWriteback } from "../mm/writeback.ts";
import { beginWork, wasCut } from "./cut-short.ts";
import {
  controlOf,
  FLAG_TELL,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FLAGS,
  ST_FRESH_SEG,
  ST_LOG_PAGES,
  ST_SEG_SHIFT,
} from "./layout.ts";
import { inNodes } from "./meta.ts";
import { isOthersTurn, keepLimit, sinkSome } from "./room.ts";
import { headroom, homeNode, isPool, leastHeadroom, relieve, roomBelow } from "./sink.ts";
import { settleSunk } from "./sunk.ts";

export const HEADROOM_ENOUGH: i32 = 0;
/** Some was made, or is on its way. */
export const HEADROOM_MADE: i32 = 1;
/** Nothing came of this try; another may bring more. */
export const HEADROOM_NONE: i32 = 2;
/** Nor could it, as somebody waits: it is to be gone on with. */
export const HEADROOM_CUT: i32 = 3;

/** Make room on the store's home node, a piece of it. Returns one of HEADROOM_. */
export function storeHeadroom(meta: i32): i32 {
  const c = controlOf(meta);
  beginWork();
  const nid = homeNode(c);
  const seg = 1 << ld(c + ST_SEG_SHIFT);
  const free = node(nid, N_FREE);
  const low = node(nid, N_WMARK_LOW);
  // Pages under writeback are as good as free.
  const wanted = inPieces() ? leastHeadroom(nid) : headroom(nid);
  if (free + nrWriteback() > low + wanted + 2 * seg) return HEADROOM_ENOUGH;
  // Who wants to hear of what goes does so in the thread that makes it go; and others' pages are the engine's.
  if ((ld(c + ST_FLAGS) & FLAG_TELL) !== 0 || inNodes(c) << 2 < node(nid, N_PAGES)) return HEADROOM_ENOUGH;
  const below = nodeDemotionMask(nid, vma(ld(c + ST_DATA_VMA), V_MEMCG));
  if (below === 0 && !swapAvailable(1)) return HEADROOM_ENOUGH;
  if (roomBelow(c, below)) {
    if (isPool(c)) return HEADROOM_ENOUGH;
    // As for an item that takes all that is free: a segment goes.
    relieve(c, free > low ? free - low : 1);
    keepLimit(c);
    return node(nid, N_FREE) > free ? HEADROOM_MADE : none();
  }
  if (!swapAvailable(1)) return HEADROOM_ENOUGH;
  if (isOthersTurn(c)) return HEADROOM_NONE;
  const before = nrWriteback();
  const did = sinkSome(c);
  keepLimit(c);
  if (did === 0) return HEADROOM_NONE;
  return node(nid, N_FREE) > free || nrWriteback() > before ? HEADROOM_MADE : none();
}
function none(): i32 {
  return wasCut() ? HEADROOM_CUT : HEADROOM_NONE;
}
/** Nobody waits for room any more, until somebody says so. */
export function noteHeadroom(): void {
  setHdr(H_HEADROOM_WANTED, 0);
}

/** Page `vpn` of the store's data mapping has been written to swap while nobody waited. */
export function storeWritten(meta: i32, vpn: i32): void {
  const c = controlOf(meta);
  const page = vpn - ld(c + ST_DATA_START);
  if (page < 0 || page >= ld(c + ST_LOG_PAGES)) return;
  const s = page >>> ld(c + ST_SEG_SHIFT);
  if (s < ld(c + ST_FRESH_SEG)) settleSunk(c, s);
}
