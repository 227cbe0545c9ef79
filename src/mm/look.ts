/**
 * Looking at a page that is in swap, without bringing it in: for an owner that wants a part of it, and no frame. The copy lies in one
 * of two pages beside the engine's own words, and the page stays in its slot, so that it need not be written again.
 *
 * A slot's content does not change as long as it is in use, so a copy is good until some slot is given back (swap.ts).
 */
import { H_LOOK_TURN, H_LOOKED, hdr, lookAddr, PAGE_SHIFT, pte, setHdr, V_MEMCG, vma } from "./layout.ts";
import { readSlot } from "./mm.ts";
import { pteIndex } from "./page-table.ts";
import { poolDevice, slotDevice } from "./swap.ts";
import { count, PSWPREAD, SWAP_READ_ERROR } from "./vmstat.ts";

/**
 * The byte address of a copy of page `vpn` of mapping `v`, which is in swap: good until the page after the next one is looked at. 0:
 * it cannot be read.
 */
export function lookAtSwapped(v: i32, vpn: i32): i32 {
  const last = hdr(H_LOOK_TURN);
  if (hdr(H_LOOKED + (last << 2)) === vpn + 1) return lookAddr() + (last << PAGE_SHIFT);
  const turn = last ^ 1;
  setHdr(H_LOOK_TURN, turn);
  const addr = lookAddr() + (turn << PAGE_SHIFT);
  if (hdr(H_LOOKED + (turn << 2)) === vpn + 1) return addr;
  setHdr(H_LOOKED + (turn << 2), 0);
  const slot = pteIndex(pte(vpn));
  if (readSlot(slot, addr) < 0) {
    count(SWAP_READ_ERROR, -1, vma(v, V_MEMCG), 1);
    return 0;
  }
  setHdr(H_LOOKED + (turn << 2), vpn + 1);
  if (slotDevice(slot) !== poolDevice()) count(PSWPREAD, -1, vma(v, V_MEMCG), 1);
  return addr;
}
