/** Setting a store up in two fresh mappings, and emptying it. */
import { ENOMEM } from "../mm/errno.ts";
import { frameAddr, H_INITIAL, H_NR_NODES, hdr, N_PAGES, node, pte, V_PAGES, V_START, vma } from "../mm/layout.ts";
import { ld, st, stf, toI32, zeroBytes } from "../mm/machine.ts";
import { FAULT_WRITE, fault } from "../mm/mm.ts";
import { zapPages } from "../mm/mmap.ts";
import { outdateAll } from "./above.ts";
import { BODY_RECORD } from "./body.ts";
import { nrBuckets } from "./directory.ts";
import { GHOST_BASE_BITS, nrLines } from "./ghost.ts";
import { BINS_SIZE, MIN_SHIFT } from "./guard.ts";
import { ageShift, TABLES_SIZE } from "./history.ts";
import {
  CONTROL_BYTES,
  controlOf,
  LOG_PARTS,
  SEG_RECORD_SHIFT,
  ST_AGE_SHIFT,
  ST_BASE_BITS,
  ST_BIN_FIRST,
  ST_BIN_SHIFT,
  ST_BINS,
  ST_BODY_FRESH,
  ST_BODY_PAGES,
  ST_BODY_RECORDS,
  ST_BODY_TABLE,
  ST_BUCKETS,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FLAGS,
  ST_FRESH_SEG,
  ST_GHOST_LEVEL,
  ST_GHOST_MAX,
  ST_GHOSTS,
  ST_GRACE,
  ST_GUARD_AT,
  ST_HOLE_PRICE,
  ST_LEFT_BODIES,
  ST_LEFT_META,
  ST_LEFT_SEGS,
  ST_LEVEL,
  ST_LINES,
  ST_LINES_USED,
  ST_LOG_PAGES,
  ST_MAGIC,
  ST_MAX_BUCKETS,
  ST_MAX_ITEMS,
  ST_MAX_LINES,
  ST_MAX_PAGES,
  ST_META_START,
  ST_META_VMA,
  ST_MORE_BUCKETS,
  ST_NEXT_EXPIRY,
  ST_NOW,
  ST_NR_SEGS,
  ST_PART_SHIFT,
  ST_REBUILT,
  ST_SCRUB_PASS,
  ST_SECRET,
  ST_SEG_SHIFT,
  ST_SEGS,
  ST_SETTLED,
  ST_SINK,
  ST_TABLES,
  ST_THETA,
  STORE_MAGIC,
} from "./layout.ts";
import { giveBack, LEFT_TURN } from "./left.ts";
import { ensureMeta, leaveMeta } from "./meta.ts";
import { initPace } from "./pace.ts";
import { HOLE_PRICE } from "./pays.ts";
import { initRanks, MAX_INTERVAL, NO_THETA } from "./rank.ts";

/** The most buckets of 64 bytes that a store of `pages` pages gets: items of 64 bytes on average, seven a bucket. */
function maxBuckets(pages: i32): i32 {
  const n = pages * 10 + 64;
  return n < 1 << 23 ? n : 1 << 23;
}

/** Buckets that a store which may hold `pages` pages in the nodes has from the start, as a power of two. What lies in swap takes no room before it is there. */
function baseBits(pages: i32): i32 {
  let bits: i32 = 0;
  while (bits < 16 && 16 << bits <= pages) bits++;
  return bits;
}

/**
 * Set a store up over a data and a meta mapping, both untouched. `logPages` of the data mapping are the log, the rest is
 * for bodies; a segment has 2^segShift pages. Returns 0 or -ENOMEM.
 */
export function storeInit(
  metaVma: i32,
  dataVma: i32,
  maxPages: i32,
  maxItems: i32,
  logPages: i32,
  segShift: i32,
  flags: i32,
): i32 {
  const start = vma(metaVma, V_START);
  if (fault(metaVma, start, FAULT_WRITE) < 0) return ENOMEM;
  const c = controlOf(start);
  zeroBytes(c, 4096);
  st(c + ST_META_VMA, metaVma);
  st(c + ST_META_START, start);
  st(c + ST_DATA_VMA, dataVma);
  st(c + ST_DATA_START, vma(dataVma, V_START));
  st(c + ST_MAX_PAGES, maxPages);
  st(c + ST_MAX_ITEMS, maxItems);
  st(c + ST_LOG_PAGES, logPages);
  st(c + ST_BODY_PAGES, vma(dataVma, V_PAGES) - logPages);
  st(c + ST_SEG_SHIFT, segShift);
  st(c + ST_NR_SEGS, logPages >>> segShift);
  st(c + ST_FLAGS, flags);
  st(c + ST_MAGIC, STORE_MAGIC);
  return format(c);
}
/** Of `pages` those that all nodes together hold at most. */
function mostInNodes(pages: i32): i32 {
  let all: i32 = 0;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) all += node(nid, N_PAGES);
  return pages < all ? pages : all;
}
/** An empty store over what is settled of it: the first words of the control block, which nothing writes to from then on. Returns 0 or -ENOMEM. */
function format(c: i32): i32 {
  let part: i32 = 0;
  while (ld(c + ST_NR_SEGS) > LOG_PARTS << part) part++;
  st(c + ST_PART_SHIFT, part);
  stf(c + ST_NEXT_EXPIRY, Infinity);
  const maxPages = ld(c + ST_MAX_PAGES);
  const base = baseBits(mostInNodes(maxPages));
  st(c + ST_BASE_BITS, base);
  st(c + ST_LEVEL, base);
  const buckets = maxBuckets(maxPages);
  st(c + ST_MAX_BUCKETS, buckets);
  st(c + ST_MAX_LINES, buckets);
  let at: i32 = CONTROL_BYTES;
  st(c + ST_BUCKETS, at);
  at += 64 << base;
  // The bins must not lie across pages.
  at = (at + BINS_SIZE - 1) & ~(BINS_SIZE - 1);
  st(c + ST_BINS, at);
  at += BINS_SIZE;
  // The rows of the tables must not lie across pages.
  if ((at & 4095) > 1024) at = (at + 4095) & ~4095;
  st(c + ST_TABLES, at);
  at += TABLES_SIZE;
  const first = at;
  // Records of 128 bytes must not lie across pages.
  at = (at + 127) & ~127;
  st(c + ST_SEGS, at);
  at += ld(c + ST_NR_SEGS) << SEG_RECORD_SHIFT;
  st(c + ST_MORE_BUCKETS, (at + 4095) & ~4095);
  at = ((at + 4095) & ~4095) + (buckets << 6);
  st(c + ST_LINES, at);
  at += buckets << 6;
  st(c + ST_BODY_RECORDS, at);
  at += ld(c + ST_BODY_PAGES) << BODY_RECORD;
  st(c + ST_BODY_TABLE, at);
  at += ld(c + ST_BODY_PAGES) << BODY_RECORD;
  // On pages of their own, which may be slow ones.
  at = (at + 4095) & ~4095;
  st(c + ST_GHOSTS, at);
  st(c + ST_GHOST_LEVEL, GHOST_BASE_BITS);
  st(c + ST_GHOST_MAX, ghostLines(mostInNodes(maxPages)));
  if (ensureMeta(c, 0, first) < 0 || ensureMeta(c, at, 64 << GHOST_BASE_BITS) < 0) return ENOMEM;
  startClock(c, hdr(H_INITIAL));
  st(c + ST_AGE_SHIFT, ageShift(maxPages));
  initPace(c);
  initRanks(c, ld(c + ST_META_START) + 1);
  st(c + ST_THETA, NO_THETA);
  st(c + ST_SINK, NO_THETA);
  st(c + ST_HOLE_PRICE, HOLE_PRICE);
  return 0;
}
/** The clock, and what counts by it, begin at `now`; the ranks are due. */
function startClock(c: i32, now: i32): void {
  st(c + ST_NOW, now);
  st(c + ST_BIN_SHIFT, MIN_SHIFT);
  st(c + ST_BIN_FIRST, now >>> MIN_SHIFT);
  st(c + ST_GUARD_AT, now);
  st(c + ST_REBUILT, (now - MAX_INTERVAL) | 0);
  st(c + ST_SCRUB_PASS, now);
}
/** Lines of ghosts: a hundredth of what a store may hold in the nodes, where they lie, and at least the page that the first ones are on. */
function ghostLines(pages: i32): i32 {
  const n = (pages / 100) | 0;
  return (n < 1 ? 1 : n) * 64;
}
/** Virtual pages that the meta mapping of a store needs. */
export function storeMetaPages(maxPages: i32, dataPages: i32, logPages: i32, segShift: i32): i32 {
  const bytes: f64 =
    CONTROL_BYTES +
    (dataPages - logPages) * 16 +
    (64 << baseBits(maxPages)) +
    (logPages >>> segShift) * 128 +
    TABLES_SIZE +
    16384;
  const index: f64 = maxBuckets(maxPages) * 128 + ghostLines(maxPages) * 64;
  return toI32(Math.floor((bytes + index) / 4096)) + 2;
}
function zeroPage(vpn: i32): void {
  if (pte(vpn) !== 0) zeroBytes(frameAddr(pte(vpn) >>> 6), 4096);
}
/** The first page of a store, but for what is settled and what its users have said of it. */
function zeroFirst(c: i32): void {
  zeroBytes(c + ST_SETTLED, ST_FLAGS - ST_SETTLED);
  zeroBytes(c + ST_FLAGS + 4, ST_GRACE - ST_FLAGS - 4);
  zeroBytes(c + ST_GRACE + 8, ST_SECRET - ST_GRACE - 8);
  zeroBytes(c + ST_SECRET + 8, 4096 - ST_SECRET - 8);
}
/**
 * A store in which somebody died: nothing of it is believed but what is settled, and it is as empty as a new one. Of its data no page is there
 * any more (mm/rebuild.ts). Returns 0 or -ENOMEM.
 */
export function storeEmpty(meta: i32): i32 {
  const c = controlOf(meta);
  zapPages(ld(c + ST_META_VMA), meta + 1, vma(ld(c + ST_META_VMA), V_PAGES) - 1);
  zeroFirst(c);
  return format(c);
}
/** Forget everything; most of the pages are given back in later turns. Returns 0 or -ENOMEM. */
export function storeClear(meta: i32): i32 {
  const c = controlOf(meta);
  outdateAll();
  const metaVma = ld(c + ST_META_VMA);
  const segs = larger(ld(c + ST_FRESH_SEG), ld(c + ST_LEFT_SEGS));
  const bodies = larger(ld(c + ST_BODY_FRESH), ld(c + ST_LEFT_BODIES));
  // What it starts with is kept, so that there is no question of room for it.
  const ghosts = ld(c + ST_GHOSTS) >>> 12;
  const first = ld(c + ST_SEGS) >>> 12;
  const more = ld(c + ST_MORE_BUCKETS) >>> 12;
  const lines = ld(c + ST_LINES) >>> 12;
  const records = ld(c + ST_BODY_RECORDS) >>> 12;
  const table = ld(c + ST_BODY_TABLE) >>> 12;
  const base = 1 << ld(c + ST_BASE_BITS);
  // Up to where each part was in use; pages that two parts share are given back now.
  const segsTo = pagesTo(c, 0, ld(c + ST_SEGS) + (ld(c + ST_FRESH_SEG) << SEG_RECORD_SHIFT), more);
  const moreTo = pagesTo(c, 1, ld(c + ST_MORE_BUCKETS) + ((nrBuckets(c) - base) << 6), lines);
  const linesTo = pagesTo(c, 2, ld(c + ST_LINES) + ((ld(c + ST_LINES_USED) + 1) << 6), records);
  const recordsTo = pagesTo(c, 3, ld(c + ST_BODY_RECORDS) + (ld(c + ST_BODY_FRESH) << BODY_RECORD), table);
  const tableTo = pagesTo(c, 4, ld(c + ST_BODY_TABLE) + (ld(c + ST_BODY_FRESH) << BODY_RECORD), ghosts);
  const ghostsTo = pagesTo(c, 5, ld(c + ST_GHOSTS) + (nrLines(c) << 6), vma(metaVma, V_PAGES));
  zapPages(metaVma, meta + lines, 1);
  zapPages(metaVma, meta + records, 1);
  zapPages(metaVma, meta + table, 1);
  zeroPage(meta + ghosts);
  for (let i: i32 = first; i > 0; i--) zeroPage(meta + i);
  zeroFirst(c);
  const r = format(c);
  if (r < 0) return r;
  // Making room for its pages may have moved it.
  const made = controlOf(meta);
  st(made + ST_LEFT_SEGS, segs);
  st(made + ST_LEFT_BODIES, bodies);
  leaveMeta(made, 0, first + 1, segsTo);
  leaveMeta(made, 1, more, moreTo);
  leaveMeta(made, 2, lines + 1, linesTo);
  leaveMeta(made, 3, records + 1, recordsTo);
  leaveMeta(made, 4, table + 1, tableTo);
  leaveMeta(made, 5, ghosts + 1, ghostsTo);
  // A small store's at once.
  giveBack(made, LEFT_TURN);
  return r;
}
/** How long to keep what has expired as long as there is room, ms; negative: as long as its class of times to live. */
export function storeGrace(meta: i32, grace: f64): void {
  stf(controlOf(meta) + ST_GRACE, grace);
}
/** The first page of a part, which ends where page `end` begins, that holds nothing: what is written reaches to byte `to`. */
function pagesTo(c: i32, part: i32, to: i32, end: i32): i32 {
  const page = larger((to + 4095) >>> 12, ld(c + ST_LEFT_META + (part << 3) + 4));
  return page < end ? page : end;
}
function larger(a: i32, b: i32): i32 {
  return a > b ? a : b;
}
/** Before the first item: two words that its keys are hashed with. */
export function storeSecret(meta: i32, a: i32, b: i32): void {
  const c = controlOf(meta);
  st(c + ST_SECRET, a);
  st(c + ST_SECRET + 4, b);
}
