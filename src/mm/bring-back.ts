/**
 * Room before loss, for what is in swap already: a cache's page whose slot is needed by another comes back to memory, if a node
 * that its owner may use has room by now, rather than be dropped (OPT_ROOM_FIRST). It takes the slowest such node, where it is the next
 * to go.
 */
import { PG_FILE, setFlag } from "./folio.ts";
import { noteArrival } from "./futile.ts";
import { noteNoUse } from "./last-use.ts";
import {
  frameAddr,
  N_TIER,
  node,
  SC_VACATE,
  sc,
  setOwner,
  setPriv,
  setRefs,
  setShadow,
  setVpnOf,
  V_MEMCG,
  vma,
} from "./layout.ts";
import { lruAddTail } from "./lru.ts";
import { lowestBit } from "./machine.ts";
import { charge, overMax } from "./memcg.ts";
import { placementMask } from "./mempolicy.ts";
import { allNodes } from "./node.ts";
import { freeBlock, takeBlock } from "./page-alloc.ts";
import { findVma, mapFolio, PTE_PRESENT } from "./page-table.ts";
import { roomFirst, roomyNodes } from "./room.ts";
import { freeSlot, oldestDiscardable, readDevice, slotPage, slotsFree } from "./swap.ts";
import { count, PSWPIN } from "./vmstat.ts";

/** If no slot is free, free that of the oldest cache page by bringing it back, where there is room for it. */
export function bringBack(): void {
  if (!roomFirst() || slotsFree()) return;
  const slot = oldestDiscardable();
  if (slot < 0) return;
  const vpn = slotPage(slot);
  const v = findVma(vpn);
  const cg = vma(v, V_MEMCG);
  const nid = slowestWithRoom(placementMask(v));
  if (nid < 0 || overMax(cg, 1) >= 0) return;
  const f = takeBlock(nid, 0);
  if (readDevice(slot, frameAddr(f)) < 0) {
    setRefs(f, 0);
    freeBlock(f);
    return;
  }
  charge(cg, 1);
  freeSlot(slot, v);
  setOwner(f, v, cg);
  setVpnOf(f, vpn);
  setPriv(f, 0);
  setFlag(f, PG_FILE);
  setShadow(vpn, 0);
  mapFolio(f, PTE_PRESENT);
  noteNoUse(f);
  noteArrival(f);
  lruAddTail(f);
  count(PSWPIN, nid, cg, 1);
}
/** The slowest node of `mask` with room that is not to be emptied; -1. What a request takes by name is another's, whatever it empties. */
function slowestWithRoom(mask: i32): i32 {
  const vacate = sc(SC_VACATE) === allNodes() ? 0 : sc(SC_VACATE);
  let best: i32 = -1;
  for (let m: i32 = roomyNodes(mask & ~vacate); m !== 0; m &= m - 1) {
    if (best < 0 || node(lowestBit(m), N_TIER) > node(best, N_TIER)) best = lowestBit(m);
  }
  return best;
}
