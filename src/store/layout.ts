/**
 * Where a store's own state lies. A store is one cache's items on discardable pages; it has two mappings:
 *
 *   data   the log (segments of small items and of the heads of large ones), then the bodies of large values
 *   meta   locked pages: control block | first buckets | the policy's tables | segments | later buckets | overflow lines |
 *          pages of bodies | bodies | ghosts
 *
 * Meta offsets are bytes from the start of the meta mapping; its pages come when they are first needed, and the page table is
 * the directory that finds them, so that the index grows without moving. The control block is named by its address, `c`,
 * which holds for the length of one call: locked pages do not move while the engine is at work for this caller.
 *
 * A location is a granule of 8 bytes in the log, counted from 1; 0 is none.
 */
import { frameAddr, pte } from "../mm/layout.ts";
import { ld, ldf, st, stf } from "../mm/machine.ts";

export const PAGE_GRANULES: i32 = 512;

// ---- control block: words, except where marked f64 -----------------------------------------------------------------
export const ST_MAGIC: i32 = 0;
/** The mappings, and their first virtual pages. */
export const ST_DATA_VMA: i32 = 4;
export const ST_DATA_START: i32 = 8;
export const ST_META_VMA: i32 = 12;
export const ST_META_START: i32 = 16;
/** Virtual pages of the log and of the bodies behind it. */
export const ST_LOG_PAGES: i32 = 20;
export const ST_BODY_PAGES: i32 = 24;
/** Pages of a segment, as a power of two. */
export const ST_SEG_SHIFT: i32 = 28;
export const ST_NR_SEGS: i32 = 32;
/** Most pages that may be held, data and meta, swap included. */
export const ST_MAX_PAGES: i32 = 36;
/** Most items; 0 = any number. */
export const ST_MAX_ITEMS: i32 = 40;
/** Where what is settled when a store is made ends. */
export const ST_SETTLED: i32 = 44;
export const ST_ITEMS: i32 = 44;
/** Meta offsets of the parts. */
export const ST_SEGS: i32 = 48;
/** Buckets from the 2^ST_BASE_BITS-th on. */
export const ST_MORE_BUCKETS: i32 = 56;
/** A record for each page of the bodies, and one for each body (body.ts). */
export const ST_BODY_RECORDS: i32 = 60;
export const ST_LINES: i32 = 64;
export const ST_BUCKETS: i32 = 68;
// index (directory.ts)
export const ST_BASE_BITS: i32 = 72;
/** Buckets at the start of this round of splits, as a power of two. */
export const ST_LEVEL: i32 = 76;
export const ST_SPLIT: i32 = 80;
export const ST_LINES_USED: i32 = 84;
export const ST_LINES_FREE: i32 = 88;
export const ST_MAX_LINES: i32 = 92;
export const ST_MAX_BUCKETS: i32 = 96;
// segments (log.ts)
export const ST_FREE_SEG: i32 = 100;
export const ST_FRESH_SEG: i32 = 104;
export const ST_QUARANTINED: i32 = 108;
export const ST_SCRUB_HAND: i32 = 112;
export const ST_SCRUB_PASS: i32 = 116;
/** The first free page of the bodies, plus 1. */
export const ST_BODY_FREE: i32 = 120;
/** Bit 0: tell the host of items that are dropped; bit 1: items with a TTL are or were there. */
export const ST_FLAGS: i32 = 124;
/** f64: nothing expires before this time that timers.ts does not know of. */
export const ST_NEXT_EXPIRY: i32 = 128;
/** Heads of items were lost: passes of the scrubber until no body is without an owner. */
export const ST_ORPHANS: i32 = 136;
/** What was touched ahead (clean.ts): written, so that the touch is not left out as being of no use. */
export const ST_TOUCHED: i32 = 140;
/** Nesting guard: cleaning is under way. */
export const ST_BUSY: i32 = 144;
/** Counters, f64 each. */
export const ST_CARRIED: i32 = 152;
export const ST_CARRIED_BYTES: i32 = 160;
export const ST_DROPPED: i32 = 168;
export const ST_EXPIRED: i32 = 176;
export const ST_LOST: i32 = 184;
export const ST_PROMOTED: i32 = 192;
export const ST_GHOST_HITS: i32 = 200;
/** Average worth of what cleaning drops (clean.ts). */
export const ST_DROP_WORTH: i32 = 208;
export const ST_MISSES: i32 = 216;
/** f64: requests that the guard has seen, as far as it looks back (guard.ts). */
export const ST_GUARD_SEEN: i32 = 224;
/** Low bits of an age that do not matter (rank.ts). */
export const ST_AGE_SHIFT: i32 = 232;
/** f64: how long what has expired is kept as long as there is room, ms; negative: as long as its class of times to live. */
export const ST_GRACE: i32 = 240;
// timers.ts
/** Segments in which something expires at some time; the first and the last of those in which something has, plus 1. */
export const ST_NR_TIMERS: i32 = 236;
export const ST_RIPE: i32 = 248;
export const ST_RIPE_TAIL: i32 = 252;
/** MAX_NODES f64: hits on values that were wholly on nodes up to this one. Then MAX_SWAP f64: hits that read from a device. */
export const ST_TIER_HITS: i32 = 256;
export const ST_SWAP_HITS: i32 = 384;
/** ST_DROP_WORTH and ST_SINK of learned scores, while items are judged by recency (guard.ts). */
export const ST_DROP_SAVED: i32 = 448;
export const ST_SINK_SAVED: i32 = 452;
/** What was looked at for something that has expired, but had not, for the sake of one request; and when that was (expire.ts). */
export const ST_SWEPT: i32 = 456;
export const ST_SWEPT_AT: i32 = 460;
/**
 * Of segments in swap (sunk.ts): pages of them that are somewhere; live granules of them, and items. Then how many tries are left out
 * because swap failed, and how many are yet to be, and f64: pages that went there.
 */
export const ST_SUNK_PAGES: i32 = 512;
export const ST_SUNK_LIVE: i32 = 516;
export const ST_SUNK_ITEMS: i32 = 520;
export const ST_SINK_PAUSE: i32 = 524;
export const ST_SINK_WAIT: i32 = 528;
/** Pages of copies of bodies (copies.ts), which are counted in ST_BODIES, too. */
export const ST_COPIES: i32 = 532;
/** Bodies that have a copy: the first of all. */
export const ST_COPIED: i32 = 560;
export const ST_SUNK_IN_ALL: i32 = 536;
/** Granules of segments in swap that are dead, but are no room: gathering what is alive there came to nothing (holes.ts). */
export const ST_VAIN_HOLES: i32 = 584;
/** What goes down from the fastest node is worth on average, as a score (sort.ts). */
export const ST_SINK_WORTH: i32 = 588;
/** f64: bytes of items that were stored anew, in the log and in bodies. */
export const ST_NEW_BYTES: i32 = 544;
/** f64: ST_NEW_BYTES when the ranks were last learned. */
export const ST_REBUILT_BYTES: i32 = 552;
/** f64: ticks of the engine's time a request (pace.ts), negative: not known yet; and the request and the tick since which they are counted anew. */
export const ST_PACE: i32 = 568;
export const ST_PACE_NOW: i32 = 576;
export const ST_PACE_TICK: i32 = 580;
/** Open segment of each stream, plus 1. */
export const ST_OPEN: i32 = 1280;
/**
 * Heads of items with a body, then inline items by band of heat, then what is on its way to swap, then those that expire, by class
 * of time to live. Then the same once more (LOW) for those that are on a lower node than new ones, and are to stay there.
 */
export const NR_STREAMS: i32 = 66;
export const STREAM_HEADS: i32 = 0;
export const STREAM_BANDS: i32 = 1;
export const NR_BANDS: i32 = 7;
export const STREAM_COLD: i32 = 8;
export const STREAM_TTL: i32 = 9;
export const NR_TTL_CLASSES: i32 = 24;
export const LOW: i32 = 33;
/** NR_SAMPLED_AGES f64, behind the open segments: hits by how long ago the last access was (sampled.ts). */
export const ST_AGES: i32 = 1544;
/** Keys whose hash is below this, without a sign, are sampled (sampled.ts); 0 = none. */
export const ST_SAMPLED: i32 = 632;
/** And those whose value has as many bytes, when something is found or stored; 0 = none. */
export const ST_SAMPLED_BIG: i32 = 636;
/** Live granules of all segments; of them, heads of items with a body; and pages of bodies. */
export const ST_LOG_LIVE: i32 = 640;
export const ST_HEADS: i32 = 644;
export const ST_BODIES: i32 = 648;
/** Pages of the log that are there. */
export const ST_LOG_HELD: i32 = 652;
export const ST_RNG: i32 = 656;
// rank.ts
/** Requests so far: the policy's clock. It wraps, and so do the stamps that are taken of it: ages are differences, without a sign. */
export const ST_NOW: i32 = 660;
/** Misses that no value was stored for yet. */
export const ST_UNANSWERED: i32 = 664;
/** When the ranks were last learned. */
export const ST_REBUILT: i32 = 668;
/** Events in the tables; at most MAX_EVENTS. */
export const ST_EVENTS: i32 = 672;
export const ST_TABLES: i32 = 676;
// evict.ts: scores are logarithms to base 2 in units of 2^-16
export const ST_THETA: i32 = 680;
export const ST_FRUITLESS: i32 = 684;
// guard.ts
export const ST_LRU_MODE: i32 = 688;
/** When items began to be judged by recency, and for how many requests at most. */
export const ST_LRU_SINCE: i32 = 692;
export const ST_LRU_LENGTH: i32 = 696;
export const ST_THETA_SAVED: i32 = 700;
/** f64: what LRU would have hit more than was hit, since the two were last compared. */
export const ST_AHEAD: i32 = 704;
/** Age in requests at which LRU would have dropped an item; -1 = never. */
export const ST_LRU_AGE: i32 = 712;
/** The same, if heads, index and holes took nothing. */
export const ST_LRU_FULL_AGE: i32 = 796;
/** When the two were last compared. */
export const ST_GUARD_AT: i32 = 716;
/** f64: how far LRU is ahead. */
export const ST_DEFICIT: i32 = 720;
export const ST_BINS: i32 = 728;
/** A bin is 2^this requests; the number of the first one, as many bits as are left of a stamp. */
export const ST_BIN_SHIFT: i32 = 732;
export const ST_BIN_FIRST: i32 = 736;
export const ST_BIN_COUNT: i32 = 740;
// ghost.ts
export const ST_GHOSTS: i32 = 744;
export const ST_GHOST_LEVEL: i32 = 748;
export const ST_GHOST_SPLIT: i32 = 752;
export const ST_GHOST_MAX: i32 = 756;
export const ST_NR_GHOSTS: i32 = 760;
// sink.ts: the threshold of the fastest node: what a byte of is worth less goes down, as a score
export const ST_SINK: i32 = 764;
/** The page of a body that is sinking from which on the rest of it is yet to go, plus 1; 0 = none is. */
export const ST_SINK_PAGE: i32 = 856;
// body.ts
export const ST_BODY_TABLE: i32 = 768;
/** Pages of the bodies that were ever in use; bodies. */
export const ST_BODY_FRESH: i32 = 772;
export const ST_NR_BODIES: i32 = 776;
/** The page of a body last asked for: the body's first page plus 1, which of its pages, and that. */
export const ST_AT_BODY: i32 = 780;
export const ST_AT_NUMBER: i32 = 784;
export const ST_AT_PAGE: i32 = 788;
/** Bodies up to this one, plus 1, are yet to be looked at in this pass of the scrubber (scrub.ts). */
export const ST_ORPHAN_HAND: i32 = 792;
/** Of each part of the meta mapping: pages from the first up to the second are what a clear left behind (meta.ts). */
export const ST_LEFT_META: i32 = 800;
/** Pages of all parts that are left behind. */
export const ST_LEFT_META_PAGES: i32 = 848;
/** Two words that nobody else knows (hash.ts). */
export const ST_SECRET: i32 = 896;
/** What a clear left behind of the data mapping, to be given back in steps: segments from the fresh ones up to this, and pages of bodies (left.ts). */
export const ST_LEFT_SEGS: i32 = 904;
export const ST_LEFT_BODIES: i32 = 908;
/** Where the search for any item goes on (evict.ts). */
export const ST_VICTIM_HAND: i32 = 912;
/** A word for each knot of the curve over sizes (fair.ts), and behind the control words an f64: requests near it in a turnover. */
export const ST_FAIR: i32 = 916;
export const ST_FAIR_ASKED: i32 = 1024;
/** Segments in use in each of as many parts of the log; a part is 2^this segments (log.ts). */
export const ST_PART_SHIFT: i32 = 852;
export const ST_PART_SEGS: i32 = 1192;
export const LOG_PARTS: i32 = 16;
/** What compacting carries for each granule that it frees, in 256ths (evict.ts). */
export const ST_HOLE_PRICE: i32 = 1740;
/** Two words each: cleaning, sorting and compacting that was cut short (cut-short.ts); and granules that may yet stay where sorting goes on (sort.ts). */
export const ST_CUT_CLEAN: i32 = 1744;
export const ST_CUT_SORT: i32 = 1752;
export const ST_CUT_MOST: i32 = 1760;
export const ST_CUT_HOLES: i32 = 1768;
/** Of the items whose heads are in the nodes, the 256ths whose body is not (rank.ts). */
export const ST_AWAY: i32 = 1764;
/** Sixteen words: the candidates of a choice (evict.ts). */
export const ST_PICKS: i32 = 1792;
/** NR_SAMPLED_AGES f64: bytes of keys and values of the hits of ST_AGES, counted while keys are sampled. Here, where they are at hand: each hit counts. */
export const ST_AGE_BYTES: i32 = 1856;
export const CONTROL_BYTES: i32 = 2048;
export const STORE_MAGIC: i32 = 0x73746f72;

export const FLAG_TELL: i32 = 1;
export const FLAG_TTL: i32 = 2;

// ---- segments ------------------------------------------------------------------------------------------------------
export const SG_STATE: i32 = 0;
/** Low 8 bits: the stream; above: how often the segment was begun, so that who remembers a place knows if it is still that. */
export const SG_STREAM: i32 = 4;
/** Bytes written, gaps included. */
export const SG_USED: i32 = 8;
/** Live items whose head is in it. */
export const SG_ITEMS: i32 = 12;
/** The next free, quarantined or ripe segment (timers.ts), plus 1. */
export const SG_NEXT: i32 = 16;
/** The ripe segment before this one, plus 1; of the first, -1; 0 = it is not ripe. */
export const SG_PREV: i32 = 20;
/** f64: when the last of its items expires; Infinity if one never does. */
export const SG_EXPIRY: i32 = 24;
/** Granule that cleaning has come to; in quarantine, the scrub pass at its start. */
export const SG_CURSOR: i32 = 32;
/** Live granules: heads, keys and inline values. */
export const SG_LIVE: i32 = 36;
/** Of them, heads of items with a body. */
export const SG_HEADS: i32 = 40;
/**
 * Bit 0: a page of it was lost, so the index may still name items on it. Bit 1: of some items somebody holds the value (above.ts).
 * The others, of a segment in swap: when it went there, without the clock's lowest two bits.
 */
export const SG_FLAGS: i32 = 44;
export const SEG_TORN: i32 = 1;
export const SEG_ABOVE: i32 = 2;
/**
 * A word for each page: low 14 bits: granule of the first head on it, or PAGE_GRANULES; high 16: live items. Between them, whether the page
 * is counted in ST_LOG_HELD, and in ST_SUNK_PAGES: the engine may drop a page of its own, and say so only after the next operation began.
 */
export const SG_PAGES: i32 = 48;
export const PAGE_HELD: i32 = 0x4000;
export const PAGE_SUNK: i32 = 0x8000;
const PAGE_COUNTS: i32 = 0xc000;
/** Behind the pages, of which there are 16 at most: f64: the time it is due; its place in the heap, from 1; the segment at the heap's place that has this record's number. */
export const SG_DUE: i32 = 112;
export const SG_PLACE: i32 = 120;
export const SG_HEAP: i32 = 124;
/** Bytes of a segment's record, as a power of two. */
export const SEG_RECORD_SHIFT: i32 = 7;
export const SEG_FREE: i32 = 0;
export const SEG_OPEN: i32 = 1;
export const SEG_CLOSED: i32 = 2;
export const SEG_QUARANTINE: i32 = 3;
/** Closed, and its pages went to swap. */
export const SEG_SUNK: i32 = 4;

// ---- where things are ----------------------------------------------------------------------------------------------
/** The address of a store's control block; `meta` is the first virtual page of its meta mapping. */
export function controlOf(meta: i32): i32 {
  return frameAddr(pte(meta) >>> 6);
}
/** The address of byte `off` of the meta mapping; its page must be there. */
export function metaAddr(c: i32, off: i32): i32 {
  return frameAddr(pte(ld(c + ST_META_START) + (off >>> 12)) >>> 6) + (off & 4095);
}
export function segAddr(c: i32, seg: i32): i32 {
  return metaAddr(c, ld(c + ST_SEGS) + (seg << SEG_RECORD_SHIFT));
}
export function seg(c: i32, n: i32, field: i32): i32 {
  return ld(segAddr(c, n) + field);
}
/** The stream that a segment is of, and which of its lives this is. */
export function streamOf(c: i32, n: i32): i32 {
  return seg(c, n, SG_STREAM) & 255;
}
/** The same of a segment on a lower node as of one that is not. */
export function kindOf(c: i32, n: i32): i32 {
  const stream = streamOf(c, n);
  return stream < LOW ? stream : stream - LOW;
}
export function lifeOf(c: i32, n: i32): i32 {
  return seg(c, n, SG_STREAM) >>> 8;
}
export function nextLife(c: i32, n: i32): void {
  setSeg(c, n, SG_STREAM, (seg(c, n, SG_STREAM) + 256) | 0);
}
export function setSeg(c: i32, n: i32, field: i32, v: i32): void {
  st(segAddr(c, n) + field, v);
}
export function addSeg(c: i32, n: i32, field: i32, d: i32): void {
  const p = segAddr(c, n) + field;
  st(p, ld(p) + d);
}
export function add(p: i32, d: i32): void {
  st(p, ld(p) + d);
}
export function addf(p: i32, d: f64): void {
  stf(p, ldf(p) + d);
}

/** The address of what is known of log page `page` (SG_PAGES). */
function pageWord(c: i32, page: i32): i32 {
  const shift = ld(c + ST_SEG_SHIFT);
  return segAddr(c, page >>> shift) + SG_PAGES + ((page & ((1 << shift) - 1)) << 2);
}
export function pageInfo(c: i32, page: i32): i32 {
  return ld(pageWord(c, page)) & ~PAGE_COUNTS;
}
export function setPageInfo(c: i32, page: i32, v: i32): void {
  const p = pageWord(c, page);
  st(p, (ld(p) & PAGE_COUNTS) | v);
}
/** What a page of the log is counted in: PAGE_HELD, PAGE_SUNK. */
export function pageCounts(c: i32, page: i32): i32 {
  return ld(pageWord(c, page)) & PAGE_COUNTS;
}
export function setPageCounts(c: i32, page: i32, counts: i32): void {
  const p = pageWord(c, page);
  st(p, (ld(p) & ~PAGE_COUNTS) | counts);
}
/** The virtual page of a location. */
export function vpnOfLoc(c: i32, loc: i32): i32 {
  return ld(c + ST_DATA_START) + ((loc - 1) >>> 9);
}
/** The log page of a location. */
export function pageOfLoc(loc: i32): i32 {
  return (loc - 1) >>> 9;
}
/** The address of a location whose page is present. */
export function locAddr(c: i32, loc: i32): i32 {
  return frameAddr(pte(vpnOfLoc(c, loc)) >>> 6) + (((loc - 1) & 511) << 3);
}
