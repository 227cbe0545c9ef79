/**
 * Walks a store and checks every invariant: segments and the items in them here, what names them in debug-store-index.ts.
 * Not part of the portable subset: it is the JavaScript side's independent look at what either twin has made. Pages that
 * are in swap cannot be read without a fault; of these only what is known outside them is checked.
 */

import { V_ACTIVE, V_LOCKED, V_PAGES, V_RESIDENT, V_START, V_SWAPPED, vma } from "../mm/layout.ts";
import { ld, ldf } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { holds, type LiveItem, pteOf } from "./debug-store-facts.ts";
import { walkBodies, walkGhosts, walkIndex, walkTables } from "./debug-store-index.ts";
import { checkExpiry, checkTimers } from "./debug-store-timers.ts";
import {
  BIT_ABOVE,
  BIT_BODY,
  BIT_DEAD,
  BIT_TTL,
  bits,
  END_OF_PAGE,
  FREQ_MAX,
  freq,
  gap,
  headBytes,
  I_HASH,
  I_LENGTH,
  inlineGranules,
  KEY_LENGTH_MASK,
  KEY_MASK,
  keyOffset,
  MAX_KEY,
  ttlOffset,
} from "./item.ts";
import {
  controlOf,
  kindOf,
  LOG_PARTS,
  locAddr,
  NR_STREAMS,
  PAGE_GRANULES,
  pageInfo,
  SEG_ABOVE,
  SEG_CLOSED,
  SEG_FREE,
  SEG_OPEN,
  SEG_QUARANTINE,
  SEG_SUNK,
  SEG_TORN,
  SG_CURSOR,
  SG_FLAGS,
  SG_HEADS,
  SG_ITEMS,
  SG_LIVE,
  SG_NEXT,
  SG_STATE,
  SG_USED,
  ST_BODY_PAGES,
  ST_BUSY,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FREE_SEG,
  ST_FRESH_SEG,
  ST_HEADS,
  ST_ITEMS,
  ST_LEFT_SEGS,
  ST_LOG_HELD,
  ST_LOG_LIVE,
  ST_LOG_PAGES,
  ST_MAGIC,
  ST_MAX_ITEMS,
  ST_MAX_PAGES,
  ST_META_START,
  ST_META_VMA,
  ST_NR_SEGS,
  ST_OPEN,
  ST_PART_SEGS,
  ST_PART_SHIFT,
  ST_QUARANTINED,
  ST_SCRUB_PASS,
  ST_SEG_SHIFT,
  ST_SUNK_ITEMS,
  ST_SUNK_LIVE,
  ST_SUNK_PAGES,
  STORE_MAGIC,
  STREAM_BANDS,
  STREAM_COLD,
  STREAM_HEADS,
  STREAM_TTL,
  seg,
  streamOf,
} from "./layout.ts";

/** What is found on the way. */
export interface StoreWalk {
  /** Live items by location, of pages that are present. */
  readonly live: Map<number, LiveItem>;
  /** Pages held, index and swap included. */
  readonly held: number;
  readonly items: number;
}

/** Totals over the segments. */
interface Sums {
  items: number;
  live: number;
  heads: number;
  pages: number;
  sunkItems: number;
  sunkLive: number;
  sunkPages: number;
}

/**
 * Check everything of the store whose meta mapping begins at page `meta`; see the file's head. What the engine dropped must
 * have been settled. The segment must be plugged in (Vm.inspect()).
 *
 * @throws {@link LieuError} EBUG
 */
export function checkStore(meta: number): StoreWalk {
  const c = controlOf(meta);
  const held = walkControl(c, meta);
  const listed = walkLists(c);
  const live = new Map<number, LiveItem>();
  const sums: Sums = { items: 0, live: 0, heads: 0, pages: 0, sunkItems: 0, sunkLive: 0, sunkPages: 0 };
  for (let s = 0; s < ld(c + ST_FRESH_SEG); s++) walkSegment(c, s, listed, live, sums);
  checkTimers(c);
  const beyond = Math.max(ld(c + ST_FRESH_SEG), ld(c + ST_LEFT_SEGS));
  for (let page = beyond << ld(c + ST_SEG_SHIFT); page < ld(c + ST_LOG_PAGES); page++) {
    holds(pteOf(c, page) === 0, () => `page ${page} of the log is there, beyond all segments`);
  }
  const counted: [string, number, number][] = [
    ["items", sums.items, ld(c + ST_ITEMS)],
    ["live granules", sums.live, ld(c + ST_LOG_LIVE)],
    ["granules of heads", sums.heads, ld(c + ST_HEADS)],
    ["pages of the log", sums.pages, ld(c + ST_LOG_HELD)],
    ["items of sunk segments", sums.sunkItems, ld(c + ST_SUNK_ITEMS)],
    ["live granules of sunk segments", sums.sunkLive, ld(c + ST_SUNK_LIVE)],
    ["pages of sunk segments", sums.sunkPages, ld(c + ST_SUNK_PAGES)],
  ];
  for (const [what, found, says] of counted) holds(found === says, () => `${found} ${what}, ${says} counted`);
  walkIndex(c, live);
  walkBodies(c, live);
  walkGhosts(c);
  walkTables(c);
  return { live, held, items: sums.items };
}

/** The control block and the mappings. Returns the pages held. */
function walkControl(c: number, meta: number): number {
  holds(ld(c + ST_MAGIC) === STORE_MAGIC && ld(c + ST_META_START) === meta, () => `no store at page ${meta}`);
  holds(ld(c + ST_BUSY) === 0, () => "cleaning is under way at rest");
  const data = ld(c + ST_DATA_VMA);
  const index = ld(c + ST_META_VMA);
  for (const [v, start] of [
    [data, ld(c + ST_DATA_START)],
    [index, meta],
  ] as const) {
    holds(vma(v, V_ACTIVE) !== 0 && vma(v, V_START) === start, () => `mapping ${v} does not begin at page ${start}`);
  }
  holds(vma(index, V_LOCKED) !== 0 && vma(index, V_SWAPPED) === 0, () => "the index is not locked");
  const pages = ld(c + ST_LOG_PAGES) + ld(c + ST_BODY_PAGES);
  holds(pages === vma(data, V_PAGES), () => `${pages} pages of log and bodies in ${vma(data, V_PAGES)}`);
  const nr = ld(c + ST_NR_SEGS);
  holds(nr << ld(c + ST_SEG_SHIFT) === ld(c + ST_LOG_PAGES), () => `${nr} segments are not the log`);
  holds(ld(c + ST_FRESH_SEG) <= nr, () => `${ld(c + ST_FRESH_SEG)} segments begun of ${nr}`);
  const held = vma(data, V_RESIDENT) + vma(data, V_SWAPPED) + vma(index, V_RESIDENT);
  holds(held <= ld(c + ST_MAX_PAGES), () => `${held} pages held, at most ${ld(c + ST_MAX_PAGES)} are allowed`);
  const most = ld(c + ST_MAX_ITEMS);
  holds(most === 0 || ld(c + ST_ITEMS) <= most, () => `${ld(c + ST_ITEMS)} items, at most ${most} are allowed`);
  return held;
}

/** The lists of free and of quarantined segments, and the open ones. Returns the state that each of those should have. */
function walkLists(c: number): Map<number, number> {
  const listed = new Map<number, number>();
  const enter = (s: number, state: number) => {
    holds(s >= 0 && s < ld(c + ST_FRESH_SEG), () => `segment ${s} is listed as ${state}, but was never begun`);
    holds(!listed.has(s), () => `segment ${s} is listed as ${state} and as ${listed.get(s)}`);
    listed.set(s, state);
  };
  for (let s = ld(c + ST_FREE_SEG) - 1; s >= 0; s = seg(c, s, SG_NEXT) - 1) enter(s, SEG_FREE);
  for (let s = ld(c + ST_QUARANTINED) - 1; s >= 0; s = seg(c, s, SG_NEXT) - 1) enter(s, SEG_QUARANTINE);
  for (let stream = 0; stream < NR_STREAMS; stream++) {
    const s = ld(c + ST_OPEN + (stream << 2)) - 1;
    if (s < 0) continue;
    enter(s, SEG_OPEN);
    holds(streamOf(c, s) === stream, () => `segment ${s} is open for ${stream}, says ${streamOf(c, s)}`);
  }
  for (let part = 0; part < LOG_PARTS; part++) {
    const size = 1 << ld(c + ST_PART_SHIFT);
    let used = 0;
    for (let s = part * size; s < Math.min((part + 1) * size, ld(c + ST_FRESH_SEG)); s++) {
      const state = seg(c, s, SG_STATE);
      if (state === SEG_OPEN || state === SEG_CLOSED || state === SEG_SUNK) used++;
    }
    const says = ld(c + ST_PART_SEGS + (part << 2));
    holds(says === used, () => `part ${part} of the log has ${used} segments in use, ${says} counted`);
  }
  return listed;
}

function walkSegment(c: number, s: number, listed: Map<number, number>, live: Map<number, LiveItem>, sums: Sums): void {
  const state = seg(c, s, SG_STATE);
  const should = listed.get(s) ?? (state === SEG_SUNK ? SEG_SUNK : SEG_CLOSED);
  holds(state === should, () => `segment ${s} is in state ${state}, should be ${should}`);
  const shift = ld(c + ST_SEG_SHIFT);
  const first = s << shift;
  let pages = 0;
  for (let page = first; page < first + (1 << shift); page++) if (pteOf(c, page) !== 0) pages++;
  sums.pages += pages;
  if (state === SEG_FREE || state === SEG_QUARANTINE) {
    holds(pages === 0, () => `segment ${s} is in state ${state} with ${pages} pages`);
    const passes = state === SEG_FREE ? 0 : (ld(c + ST_SCRUB_PASS) - seg(c, s, SG_CURSOR)) | 0;
    holds(passes >= 0, () => `segment ${s} is in quarantine since a pass to come`);
    return;
  }
  const used = seg(c, s, SG_USED);
  holds(used >= 0 && used <= 4096 << shift, () => `segment ${s} has ${used} bytes in use`);
  const found = walkPages(c, s, live);
  const says = [seg(c, s, SG_ITEMS), seg(c, s, SG_LIVE), seg(c, s, SG_HEADS)] as const;
  holds(found.items === says[0], () => `segment ${s} has ${found.items} items, ${says[0]} counted`);
  // What was lost is reckoned; what is in swap is not looked at.
  const known = (seg(c, s, SG_FLAGS) & SEG_TORN) === 0;
  const least = found.all && known;
  holds(!least || found.live === says[1], () => `segment ${s} has ${found.live} live granules, ${says[1]} counted`);
  holds(!least || found.heads === says[2], () => `segment ${s} has ${found.heads} in heads, ${says[2]} counted`);
  holds(
    !known || (says[2] >= 0 && says[2] <= says[1]),
    () => `segment ${s} has ${says[2]} of ${says[1]} granules in heads`,
  );
  sums.items += says[0];
  sums.live += says[1];
  sums.heads += says[2];
  if (state !== SEG_SUNK) return;
  sums.sunkPages += pages;
  sums.sunkItems += says[0];
  sums.sunkLive += says[1];
}

interface Found {
  items: number;
  live: number;
  heads: number;
  /** Every page that was written and not yet cleaned could be read. */
  all: boolean;
}

/** The pages of a segment that is in use. */
function walkPages(c: number, s: number, live: Map<number, LiveItem>): Found {
  const shift = ld(c + ST_SEG_SHIFT);
  const used = seg(c, s, SG_USED);
  const cursor = seg(c, s, SG_CURSOR) >>> 9;
  const found: Found = { items: 0, live: 0, heads: 0, all: true };
  // Where the items seen so far end, in granules of the segment; -1 = not known.
  let end = 0;
  for (let i = 0; i < 1 << shift; i++) {
    const page = (s << shift) + i;
    const entry = pteOf(c, page);
    const first = pageInfo(c, page) & 0xffff;
    const items = pageInfo(c, page) >>> 16;
    const where = () => `page ${page} of the log`;
    found.items += items;
    if (i << 12 >= used || i < cursor) {
      holds(items === 0 && first === PAGE_GRANULES, () => `${where()}: ${items} items, but it is not in use`);
      holds(i >= cursor || entry === 0, () => `${where()} was cleaned, but is there`);
      end = -1;
      continue;
    }
    if (entry === 0) {
      holds(items === 0, () => `${where()} is gone with ${items} items`);
      holds((seg(c, s, SG_FLAGS) & SEG_TORN) !== 0, () => `${where()} is gone, but segment ${s} is not torn`);
    }
    if ((entry & PTE_PRESENT) === 0) {
      if (entry !== 0) found.all = false;
      end = -1;
      continue;
    }
    const from = i << 9;
    const covered = Math.min(end - from, PAGE_GRANULES);
    holds(end < 0 || first >= covered, () => `${where()} begins at ${first}, the item before it ends at ${covered}`);
    const size = Math.min(PAGE_GRANULES, (used >>> 3) - from);
    const last = walkItems(c, s, page, first, size, items, found, live);
    end = last >= 0 ? from + last : Math.max(end, from + PAGE_GRANULES);
  }
  return found;
}

/** The items of a page that is present. Returns the granule that they end at; -1 = there are none. */
function walkItems(
  c: number,
  s: number,
  page: number,
  first: number,
  size: number,
  items: number,
  found: Found,
  live: Map<number, LiveItem>,
): number {
  const stream = kindOf(c, s);
  let count = 0;
  let g = first;
  for (; g < size; ) {
    const loc = (page << 9) + g + 1;
    const at = locAddr(c, loc);
    if (ld(at + I_LENGTH) === END_OF_PAGE) break;
    const w = bits(at);
    const granules = inlineGranules(at);
    const head = headBytes(w);
    const what = () => `item at ${loc} (segment ${s}, page ${page}, granule ${g})`;
    holds(ld(at + I_LENGTH) >= 0 && granules > 0, () => `${what()} has ${ld(at + I_LENGTH)} bytes`);
    holds((g << 3) + head <= 4096, () => `${what()}: its head of ${head} bytes lies across pages`);
    const most = (4096 << ld(c + ST_SEG_SHIFT)) - (((loc - 1) << 3) & ((4096 << ld(c + ST_SEG_SHIFT)) - 1));
    holds(granules << 3 <= most, () => `${what()} of ${granules} granules goes beyond its segment`);
    if ((w & BIT_DEAD) === 0) {
      count++;
      found.live += granules;
      if ((w & BIT_BODY) !== 0) found.heads += granules;
      holds((w & KEY_LENGTH_MASK) <= MAX_KEY, () => `${what()} has a key of ${w & KEY_LENGTH_MASK} bytes`);
      holds(freq(at) <= FREQ_MAX && gap(at) <= 4, () => `${what()} has ${freq(at)} hits, gap class ${gap(at)}`);
      const told = (w & BIT_ABOVE) === 0 || (seg(c, s, SG_FLAGS) & SEG_ABOVE) !== 0;
      holds(told, () => `${what()} may be held above the store, its segment does not say so`);
      const timed = (w & BIT_TTL) !== 0;
      const body = (w & BIT_BODY) !== 0;
      const right = timed
        ? stream >= STREAM_TTL
        : body
          ? stream === STREAM_HEADS || stream === STREAM_COLD
          : stream >= STREAM_BANDS && stream < STREAM_TTL;
      holds(right, () => `${what()} with bits ${w} is in stream ${stream}`);
      const expiry = timed ? ldf(at + ttlOffset(w)) + ldf(at + ttlOffset(w) + 8) : Number.POSITIVE_INFINITY;
      checkExpiry(c, s, expiry, what);
      live.set(loc, { hash: ld(at + I_HASH), key: keyOf(at), at });
    }
    g += granules;
  }
  holds(count === items, () => `page ${page} of the log has ${count} live items, ${items} counted`);
  return first < size ? g : -1;
}
function keyOf(at: number): string {
  const w = bits(at);
  let key = `${w & KEY_MASK}`;
  for (let i = 0; i < (w & KEY_LENGTH_MASK); i += 4) key += `,${ld(at + keyOffset(w) + i)}`;
  return key;
}
