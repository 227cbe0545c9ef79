/**
 * The index: key hash to location. Buckets are cache lines of ten entries, grown one at a time (W. Litwin, Linear hashing,
 * 1980), so that no operation ever waits for a rehash; a full bucket goes on in an overflow line.
 *
 *   line: 10 tags of 16 bits | 10 locations | number of the next line
 *
 * A tag is the 16 bits of the hash above the bits that chose the bucket when the index was new, so that a split can tell
 * where an entry belongs without touching the item, which may be on a slow node or in swap.
 *
 * An entry whose page is gone is stale: it is erased by whoever meets it, and by the scrubber (log.ts) before its place in the
 * log is used again.
 */
import { pte } from "../mm/layout.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import {
  add,
  metaAddr,
  ST_BASE_BITS,
  ST_BUCKETS,
  ST_LEVEL,
  ST_LINES,
  ST_LINES_FREE,
  ST_LINES_USED,
  ST_MAX_BUCKETS,
  ST_MAX_LINES,
  ST_META_START,
  ST_MORE_BUCKETS,
  ST_SPLIT,
  ST_SUNK_ITEMS,
  vpnOfLoc,
} from "./layout.ts";
import { ensureMeta } from "./meta.ts";
import { randomBelow } from "./random.ts";

const LINE_SHIFT: i32 = 6;
export const SLOTS: i32 = 10;
const LOCS: i32 = 20;
const LINK: i32 = 60;
/**
 * Entries a bucket that make the index grow: of items in the nodes as many as its first line has room for, nearly always. Those of items in swap take room in
 * the nodes that their items do not, and who looks for one reads a page of swap for it: so they lie close, in lines of which but the last is full.
 */
const FULL_LOAD: f64 = 7;
const FULL_LOAD_BELOW: f64 = 30;

export function nrBuckets(c: i32): i32 {
  return (1 << ld(c + ST_LEVEL)) + ld(c + ST_SPLIT);
}
export function bucketOf(c: i32, hash: i32): i32 {
  const level = ld(c + ST_LEVEL);
  const b = hash & ((1 << level) - 1);
  return b < ld(c + ST_SPLIT) ? hash & ((2 << level) - 1) : b;
}
export function tagOf(c: i32, hash: i32): i32 {
  return (hash >>> ld(c + ST_BASE_BITS)) & 0xffff;
}
export function bucketAddr(c: i32, b: i32): i32 {
  return metaAddr(c, bucketOffset(c, b));
}
function bucketOffset(c: i32, b: i32): i32 {
  const base = 1 << ld(c + ST_BASE_BITS);
  return b < base ? ld(c + ST_BUCKETS) + (b << LINE_SHIFT) : ld(c + ST_MORE_BUCKETS) + ((b - base) << LINE_SHIFT);
}
/** The line after this one; 0 = none. */
export function nextLine(c: i32, line: i32): i32 {
  const link = ld(line + LINK);
  return link === 0 ? 0 : metaAddr(c, ld(c + ST_LINES) + (link << LINE_SHIFT));
}
export function locAt(line: i32, slot: i32): i32 {
  return ld(line + LOCS + (slot << 2));
}
export function setLocAt(line: i32, slot: i32, loc: i32): void {
  st(line + LOCS + (slot << 2), loc);
}
export function tagAt(line: i32, slot: i32): i32 {
  return (ld(line + ((slot >>> 1) << 2)) >>> ((slot & 1) << 4)) & 0xffff;
}
function setTagAt(line: i32, slot: i32, tag: i32): void {
  const p = line + ((slot >>> 1) << 2);
  const shift = (slot & 1) << 4;
  st(p, (ld(p) & ~(0xffff << shift)) | (tag << shift));
}

/** The address of the slot that names `loc`, of an item with this hash; 0 = the index does not name it. */
export function slotOf(c: i32, hash: i32, loc: i32): i32 {
  let line: i32 = bucketAddr(c, bucketOf(c, hash));
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      if (locAt(line, slot) === loc) return line + LOCS + (slot << 2);
    }
    line = nextLine(c, line);
  }
  return 0;
}

/** Pages that are not there yet of what insert() would need. */
export function newLinePages(c: i32, hash: i32): i32 {
  if (ld(c + ST_LINES_FREE) !== 0 || emptySlot(c, bucketAddr(c, bucketOf(c, hash)), 0) !== 0) return 0;
  const at = ld(c + ST_LINES) + ((ld(c + ST_LINES_USED) + 1) << LINE_SHIFT);
  return (pte(ld(c + ST_META_START) + (at >>> 12)) & PTE_PRESENT) !== 0 ? 0 : 1;
}
/** Enter an item. Returns 0, or -ENOMEM if there is no room for a line. */
export function insert(c: i32, hash: i32, loc: i32): i32 {
  return insertInto(c, bucketAddr(c, bucketOf(c, hash)), tagOf(c, hash), loc);
}
function insertInto(c: i32, bucket: i32, tag: i32, loc: i32): i32 {
  let line: i32 = bucket;
  let last: i32 = bucket;
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      if (locAt(line, slot) !== 0) continue;
      setTagAt(line, slot, tag);
      setLocAt(line, slot, loc);
      return 0;
    }
    last = line;
    line = nextLine(c, line);
  }
  const n = takeLine(c);
  if (n <= 0) return -12;
  st(last + LINK, n);
  line = metaAddr(c, ld(c + ST_LINES) + (n << LINE_SHIFT));
  setTagAt(line, 0, tag);
  setLocAt(line, 0, loc);
  return 0;
}
/** An empty overflow line, by number from 1; 0 = there is no room. */
function takeLine(c: i32): i32 {
  let n: i32 = ld(c + ST_LINES_FREE);
  if (n !== 0) {
    const line = metaAddr(c, ld(c + ST_LINES) + (n << LINE_SHIFT));
    st(c + ST_LINES_FREE, ld(line + LINK));
    st(line + LINK, 0);
    return n;
  }
  n = ld(c + ST_LINES_USED) + 1;
  if (n >= ld(c + ST_MAX_LINES) || ensureMeta(c, ld(c + ST_LINES) + (n << LINE_SHIFT), 1 << LINE_SHIFT) < 0) return 0;
  st(c + ST_LINES_USED, n);
  return n;
}

/** Grow by a bucket if the index is full for `items` entries. */
export function growFor(c: i32, items: i32): void {
  const n = nrBuckets(c);
  const below: f64 = ld(c + ST_SUNK_ITEMS);
  const near: f64 = items - below;
  if (near / FULL_LOAD + below / FULL_LOAD_BELOW <= n || n >= ld(c + ST_MAX_BUCKETS)) return;
  if (ensureMeta(c, bucketOffset(c, n), 1 << LINE_SHIFT) === 0) split(c, n);
}
/** Divide the next bucket of this round between itself and the new bucket `n`. */
function split(c: i32, n: i32): void {
  const level = ld(c + ST_LEVEL);
  const from = bucketAddr(c, ld(c + ST_SPLIT));
  const to = bucketAddr(c, n);
  const bit = 1 << (level - ld(c + ST_BASE_BITS));
  if (!extend(c, to, countMoving(c, from, bit))) return;
  let line: i32 = from;
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      const loc = locAt(line, slot);
      if (loc === 0 || (tagAt(line, slot) & bit) === 0) continue;
      // A stale entry need not go along.
      if (pte(vpnOfLoc(c, loc)) !== 0) insertInto(c, to, tagAt(line, slot), loc);
      setLocAt(line, slot, 0);
      setTagAt(line, slot, 0);
    }
    line = nextLine(c, line);
  }
  compact(c, from);
  add(c + ST_SPLIT, 1);
  if (ld(c + ST_SPLIT) < 1 << level) return;
  st(c + ST_SPLIT, 0);
  st(c + ST_LEVEL, level + 1);
}
/** Entries of a bucket that a split would move. */
function countMoving(c: i32, from: i32, bit: i32): i32 {
  let n: i32 = 0;
  for (let line: i32 = from; line !== 0; line = nextLine(c, line)) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) if (locAt(line, slot) !== 0 && (tagAt(line, slot) & bit) !== 0) n++;
  }
  return n;
}
/** See that an empty bucket has room for `entries`. Returns false if there are no lines for them. */
function extend(c: i32, bucket: i32, entries: i32): boolean {
  let line: i32 = bucket;
  for (let room: i32 = SLOTS; room < entries; room += SLOTS) {
    if (ld(line + LINK) === 0) {
      const n = takeLine(c);
      if (n === 0) return false;
      st(line + LINK, n);
    }
    line = nextLine(c, line);
  }
  return true;
}
/** Something is about to be entered in the bucket of this hash: if it goes on in lines, they hold no more than they have to. */
export function tidyFor(c: i32, hash: i32): void {
  const bucket = bucketAddr(c, bucketOf(c, hash));
  if (ld(bucket + LINK) !== 0) compact(c, bucket);
}
/** Fill the holes of a bucket from its last lines, and give back the lines that are empty then. */
function compact(c: i32, bucket: i32): void {
  let line: i32 = nextLine(c, bucket);
  let before: i32 = bucket;
  // The first place that may be a hole: there is none before it.
  let hole: i32 = bucket;
  let at: i32 = 0;
  while (line !== 0) {
    let left: i32 = 0;
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      const loc = locAt(line, slot);
      if (loc === 0) continue;
      while (hole !== line && locAt(hole, at) !== 0) {
        at++;
        if (at < SLOTS) continue;
        at = 0;
        hole = nextLine(c, hole);
      }
      if (hole === line) {
        left++;
        continue;
      }
      setTagAt(hole, at, tagAt(line, slot));
      setLocAt(hole, at, loc);
      setLocAt(line, slot, 0);
      setTagAt(line, slot, 0);
    }
    const after = nextLine(c, line);
    if (left === 0) {
      if (hole === line) hole = after;
      const n = ld(before + LINK);
      st(before + LINK, ld(line + LINK));
      st(line + LINK, ld(c + ST_LINES_FREE));
      st(c + ST_LINES_FREE, n);
    } else before = line;
    line = after;
  }
}
/** The address of an empty slot in a bucket's lines before `end`; 0 = none. */
function emptySlot(c: i32, bucket: i32, end: i32): i32 {
  let line: i32 = bucket;
  while (line !== end) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) if (locAt(line, slot) === 0) return line + LOCS + (slot << 2);
    line = nextLine(c, line);
  }
  return 0;
}

/** Erase the stale entries of a bucket. */
export function scrubBucket(c: i32, b: i32): void {
  let line: i32 = bucketAddr(c, b);
  while (line !== 0) {
    for (let slot: i32 = 0; slot < SLOTS; slot++) {
      const loc = locAt(line, slot);
      if (loc !== 0 && pte(vpnOfLoc(c, loc)) === 0) setLocAt(line, slot, 0);
    }
    line = nextLine(c, line);
  }
}

/** The location of an item picked at random, its head present; 0 = none was found. */
export function randomItem(c: i32): i32 {
  for (let tries: i32 = 0; tries < 4; tries++) {
    const line = bucketAddr(c, randomBelow(c, nrBuckets(c)));
    const from = randomBelow(c, SLOTS);
    for (let i: i32 = 0; i < SLOTS; i++) {
      const loc = locAt(line, (from + i) % SLOTS);
      if (loc !== 0 && (pte(vpnOfLoc(c, loc)) & PTE_PRESENT) !== 0) return loc;
    }
  }
  return 0;
}
