/**
 * Moving a folio in lieu of losing it (see room.ts): to a lower tier with room, else to a peer, else up; the nearest of those.
 */
import { folioNid, folioNr, folioOrder } from "./folio.ts";
import { N_TIER, N_WMARK_HIGH, node, ownerMemcg, SC_ACTOR, SC_SPARED, sc, setSc } from "./layout.ts";
import { lruAddTail, lruDel } from "./lru.ts";
import { lowestBit } from "./machine.ts";
import { nearest } from "./memory-tiers.ts";
import { migrateFolio } from "./migrate.ts";
import { watermarkOk } from "./page-alloc.ts";
import { refuges } from "./room.ts";
import { count, PGDEMOTE_KSWAPD, PGRELOCATE } from "./vmstat.ts";

/** What keepInMemory() says of a folio that did not move: it may go; its node has room; it has to be split to move. */
export const ROOM_NONE: i32 = 0;
export const ROOM_HERE: i32 = -1;
export const ROOM_SPLIT: i32 = -2;

/** The nodes of `mask` that are of a lower tier than `nid`, of the same, or of a faster one: the first of these that has any. */
function slowestFirst(nid: i32, mask: i32): i32 {
  const tier = node(nid, N_TIER);
  let peers: i32 = 0;
  let lower: i32 = 0;
  for (let m: i32 = mask; m !== 0; m &= m - 1) {
    const t = lowestBit(m);
    if (node(t, N_TIER) > tier) lower |= 1 << t;
    else if (node(t, N_TIER) === tier) peers |= 1 << t;
  }
  return lower !== 0 ? lower : peers !== 0 ? peers : mask;
}

/**
 * Find an isolated folio a place other than swap. Returns the pages moved, or one of the ROOM_ constants; where it has not
 * moved, it is still isolated and whole.
 */
export function keepInMemory(f: i32): i32 {
  const nid = folioNid(f);
  const room = refuges(f);
  if ((room & (1 << nid)) !== 0) {
    setSc(SC_SPARED, 1);
    return ROOM_HERE;
  }
  let left: i32 = room;
  while (left !== 0) {
    const t = nearest(nid, slowestFirst(nid, left));
    left &= ~(1 << t);
    if (!watermarkOk(t, folioOrder(f), node(t, N_WMARK_HIGH))) continue;
    const moved = relocate(f, nid, t);
    if (moved > 0) return moved;
  }
  return room !== 0 && folioOrder(f) > 0 ? ROOM_SPLIT : ROOM_NONE;
}
function relocate(f: i32, nid: i32, to: i32): i32 {
  const nr = folioNr(f);
  const cg = ownerMemcg(f);
  const r = migrateFolio(f, to);
  if (r < 0) return 0;
  if (node(to, N_TIER) > node(nid, N_TIER)) {
    count(PGDEMOTE_KSWAPD + sc(SC_ACTOR), nid, cg, nr);
    return nr;
  }
  count(PGRELOCATE, nid, cg, nr);
  if (node(to, N_TIER) < node(nid, N_TIER)) {
    lruDel(r);
    lruAddTail(r);
  }
  return nr;
}
