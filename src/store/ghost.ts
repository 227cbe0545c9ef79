/**
 * Ghosts: what is remembered of items that were dropped, so that one that comes back is judged by its history.
 *
 *   line of 64 bytes: 8 ghosts of   last access u32 | fingerprint 25 bits, hits 4, gap class 3
 *
 * A line is chosen by the hash; a new ghost goes in front, and the last falls off. The lines grow one at a time, like the
 * index's buckets, to twice the items that are not in swap or 1 % of what the store may hold in the nodes, whichever is less.
 */
import { demoteNow } from "../mm/demote.ts";
import { ld, st } from "../mm/machine.ts";
import { nearItems, noteForgotten } from "./history.ts";
import {
  add,
  metaAddr,
  ST_GHOST_LEVEL,
  ST_GHOST_MAX,
  ST_GHOST_SPLIT,
  ST_GHOSTS,
  ST_META_START,
  ST_NOW,
  ST_NR_GHOSTS,
} from "./layout.ts";
import { ensureMeta } from "./meta.ts";
import { random, randomBelow } from "./random.ts";

/** Ghosts of a line. */
const WAYS: i32 = 8;
/** Lines at the start, as a power of two; the fingerprint begins at this bit of the hash. */
export const GHOST_BASE_BITS: i32 = 2;
const FINGERPRINT: i32 = ~127;

export function nrLines(c: i32): i32 {
  return (1 << ld(c + ST_GHOST_LEVEL)) + ld(c + ST_GHOST_SPLIT);
}
function lineAt(c: i32, n: i32): i32 {
  return metaAddr(c, ld(c + ST_GHOSTS) + (n << 6));
}
/** The address of the line that a hash's ghost would be in. */
export function ghostLine(c: i32, hash: i32): i32 {
  const level = ld(c + ST_GHOST_LEVEL);
  const n = hash & ((1 << level) - 1);
  return lineAt(c, n < ld(c + ST_GHOST_SPLIT) ? hash & ((2 << level) - 1) : n);
}
function fingerprint(hash: i32): i32 {
  return (hash >>> GHOST_BASE_BITS) << 7;
}

/** Touch the line of a hash's ghost. */
export function warmGhost(c: i32, hash: i32): void {
  lastSeen = ld(ghostLine(c, hash));
}

/** Take the ghost of a hash out. Returns its hits and gap class as `hits << 3 | gap`, or -1; {@link ghostLast} is its last access. */
export function takeGhost(c: i32, hash: i32): i32 {
  const line = ghostLine(c, hash);
  const print = fingerprint(hash);
  for (let i: i32 = 0; i < WAYS; i++) {
    const w = ld(line + (i << 3) + 4);
    if (w === 0 || (w & FINGERPRINT) !== print) continue;
    const last = ld(line + (i << 3));
    for (let j: i32 = i; j < WAYS - 1; j++) move(line, j, j + 1);
    clear(line, WAYS - 1);
    add(c + ST_NR_GHOSTS, -1);
    lastSeen = last;
    return w & 127;
  }
  return -1;
}
let lastSeen: i32 = 0;
export function ghostLast(): i32 {
  return lastSeen;
}

function move(line: i32, to: i32, from: i32): void {
  st(line + (to << 3), ld(line + (from << 3)));
  st(line + (to << 3) + 4, ld(line + (from << 3) + 4));
}
function clear(line: i32, i: i32): void {
  st(line + (i << 3), 0);
  st(line + (i << 3) + 4, 0);
}

/** Remember an item that is dropped. */
export function addGhost(c: i32, hash: i32, hits: i32, gapClass: i32, last: i32): void {
  grow(c);
  const line = ghostLine(c, hash);
  forget(c, line, WAYS - 1);
  for (let j: i32 = WAYS - 1; j > 0; j--) move(line, j, j - 1);
  st(line, last);
  st(
    line + 4,
    fingerprint(hash) | (hits << 3) | gapClass | (fingerprint(hash) === 0 && hits === 0 && gapClass === 0 ? 128 : 0),
  );
  add(c + ST_NR_GHOSTS, 1);
}
/** A ghost falls off. */
function forget(c: i32, line: i32, i: i32): void {
  const w = ld(line + (i << 3) + 4);
  if (w === 0) return;
  noteForgotten(c, (w >>> 3) & 15, w & 7, (ld(c + ST_NOW) - ld(line + (i << 3))) | 0);
  add(c + ST_NR_GHOSTS, -1);
}

function grow(c: i32): void {
  const n = nrLines(c);
  // A line for every four items: twice as many ghosts as items, if they were spread evenly.
  if (n >= ld(c + ST_GHOST_MAX) || n * 4 > nearItems(c)) return;
  const off = ld(c + ST_GHOSTS) + (n << 6);
  if (ensureMeta(c, off, 64) < 0) return;
  // Ghosts are looked at only when something is stored: their pages need not be fast.
  if ((off & 4095) === 0) demoteNow(ld(c + ST_META_START) + (off >>> 12));
  const level = ld(c + ST_GHOST_LEVEL);
  const from = lineAt(c, ld(c + ST_GHOST_SPLIT));
  const to = lineAt(c, n);
  const bit = 1 << (7 + level - GHOST_BASE_BITS);
  let kept: i32 = 0;
  let gone: i32 = 0;
  for (let i: i32 = 0; i < WAYS; i++) {
    const last = ld(from + (i << 3));
    const w = ld(from + (i << 3) + 4);
    clear(from, i);
    if (w === 0) continue;
    const at = (w & bit) !== 0 ? to + (gone++ << 3) : from + (kept++ << 3);
    st(at, last);
    st(at + 4, w);
  }
  add(c + ST_GHOST_SPLIT, 1);
  if (ld(c + ST_GHOST_SPLIT) < 1 << level) return;
  st(c + ST_GHOST_SPLIT, 0);
  st(c + ST_GHOST_LEVEL, level + 1);
}

/** The address of a ghost picked at random; 0 = none was found. */
export function ghostSample(c: i32): i32 {
  if (ld(c + ST_NR_GHOSTS) === 0) return 0;
  for (let tries: i32 = 0; tries < 4; tries++) {
    const at = lineAt(c, randomBelow(c, nrLines(c))) + ((random(c) & (WAYS - 1)) << 3);
    if (ld(at + 4) !== 0) return at;
  }
  return 0;
}
