/** What names a store's items: the index, the owners of bodies; and the ghosts. Part of debug-store.ts. */

import { pte } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { bodyOf, bodyOwner, bodyVpn, copyOf, firstOfBody, firstPageOf, nextPage, ownerOf } from "./body.ts";
import { holds, type LiveItem, pteOf } from "./debug-store-facts.ts";
import { bucketAddr, bucketOf, locAt, nextLine, nrBuckets, SLOTS, tagAt, tagOf } from "./directory.ts";
import { MAX_SHIFT, MIN_SHIFT, NR_BINS } from "./guard.ts";
import { cell, EVENT, GIVEN_UP, HITS, MAX_EVENTS, NR_AGES, NR_CLASSES } from "./history.ts";
import { BIT_BODY, bits, bodyPages, I_BODY } from "./item.ts";
import {
  metaAddr,
  pageInfo,
  pageOfLoc,
  SEG_CLOSED,
  SEG_OPEN,
  SEG_QUARANTINE,
  SEG_SUNK,
  SEG_TORN,
  SG_CURSOR,
  SG_FLAGS,
  SG_STATE,
  ST_BASE_BITS,
  ST_BIN_COUNT,
  ST_BIN_SHIFT,
  ST_BODIES,
  ST_BODY_FREE,
  ST_BODY_FRESH,
  ST_BODY_PAGES,
  ST_COPIED,
  ST_COPIES,
  ST_EVENTS,
  ST_FRESH_SEG,
  ST_GHOST_LEVEL,
  ST_GHOST_MAX,
  ST_GHOST_SPLIT,
  ST_GHOSTS,
  ST_LEFT_BODIES,
  ST_LEVEL,
  ST_LINES,
  ST_LINES_FREE,
  ST_LINES_USED,
  ST_LOG_PAGES,
  ST_MAX_BUCKETS,
  ST_META_START,
  ST_MORE_BUCKETS,
  ST_NR_BODIES,
  ST_NR_GHOSTS,
  ST_ORPHANS,
  ST_SCRUB_HAND,
  ST_SCRUB_PASS,
  ST_SEG_SHIFT,
  ST_SPLIT,
  seg,
} from "./layout.ts";
import { isLeft } from "./meta.ts";

/** Byte of a line that its link stands at. */
const LINK = 60;

/** The index: each live item named once, in its bucket, with its tag; nothing else but what is stale and cannot come back. */
export function walkIndex(c: number, live: ReadonlyMap<number, LiveItem>): void {
  const buckets = nrBuckets(c);
  const split = ld(c + ST_SPLIT);
  holds(split >= 0 && split < 1 << ld(c + ST_LEVEL), () => `split ${split} at level ${ld(c + ST_LEVEL)}`);
  holds(buckets <= Math.max(ld(c + ST_MAX_BUCKETS), 1), () => `${buckets} buckets`);
  const lines = new Uint8Array(ld(c + ST_LINES_USED) + 1);
  const take = (n: number) => {
    holds(n > 0 && n < lines.length, () => `overflow line ${n} of ${lines.length - 1}`);
    holds(lines[n] === 0, () => `overflow line ${n} is in two places`);
    lines[n] = 1;
  };
  const named = new Set<number>();
  const keys = new Set<string>();
  /** Entries for each page of the log that is somewhere. */
  const byPage = new Map<number, number>();
  for (let b = 0; b < buckets; b++) {
    for (let line = bucketAddr(c, b); line !== 0; line = nextLine(c, line)) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const loc = locAt(line, slot);
        if (loc === 0) continue;
        const page = pageOfLoc(loc);
        const what = () => `entry of bucket ${b} for ${loc}`;
        holds(loc > 0 && page < ld(c + ST_LOG_PAGES), () => `${what()} is outside the log`);
        const entry = pteOf(c, page);
        if (entry === 0) {
          checkStale(c, b, page, what);
          continue;
        }
        holds(!named.has(loc), () => `${what()} is there twice`);
        named.add(loc);
        byPage.set(page, (byPage.get(page) ?? 0) + 1);
        if ((entry & PTE_PRESENT) === 0) continue;
        const item = live.get(loc);
        holds(item !== undefined, () => `${what()} names no live item`);
        holds(!keys.has(item.key), () => `${what()}: its key is there twice`);
        keys.add(item.key);
        const right = bucketOf(c, item.hash) === b && tagOf(c, item.hash) === tagAt(line, slot);
        holds(right, () => `${what()} is not where hash ${item.hash} belongs`);
      }
      if (ld(line + LINK) !== 0) take(ld(line + LINK));
    }
  }
  // The next bucket may have got lines by a split that then failed for want of more.
  const offset = ld(c + ST_MORE_BUCKETS) + ((buckets - (1 << ld(c + ST_BASE_BITS))) << 6);
  if ((pte(ld(c + ST_META_START) + (offset >>> 12)) & PTE_PRESENT) !== 0 && !isLeft(c, offset >>> 12)) {
    for (let line = metaAddr(c, offset); ld(line + LINK) !== 0; line = nextLine(c, line)) take(ld(line + LINK));
  }
  for (const loc of live.keys()) holds(named.has(loc), () => `the index does not name the live item at ${loc}`);
  for (let page = 0; page < ld(c + ST_FRESH_SEG) << ld(c + ST_SEG_SHIFT); page++) {
    if (pteOf(c, page) === 0) continue;
    const items = pageInfo(c, page) >>> 16;
    const entries = byPage.get(page) ?? 0;
    const state = seg(c, page >>> ld(c + ST_SEG_SHIFT), SG_STATE);
    const inUse = state === SEG_OPEN || state === SEG_CLOSED || state === SEG_SUNK;
    holds(inUse && items === entries, () => `page ${page} of the log has ${items} items, the index names ${entries}`);
  }
  for (let n = ld(c + ST_LINES_FREE); n !== 0; n = ld(metaAddr(c, ld(c + ST_LINES) + (n << 6)) + LINK)) take(n);
  for (let n = 1; n < lines.length; n++) holds(lines[n] === 1, () => `overflow line ${n} is nowhere`);
}

/** An entry whose page is gone: its place must not be used again before the scrubber has been there. */
function checkStale(c: number, b: number, page: number, what: () => string): void {
  const s = page >>> ld(c + ST_SEG_SHIFT);
  holds(s < ld(c + ST_FRESH_SEG), () => `${what()} is beyond all segments`);
  const state = seg(c, s, SG_STATE);
  const known =
    state === SEG_QUARANTINE ||
    ((state === SEG_OPEN || state === SEG_CLOSED || state === SEG_SUNK) && (seg(c, s, SG_FLAGS) & SEG_TORN) !== 0);
  holds(known, () => `${what()} is stale, but segment ${s} is in state ${state} and not torn`);
  const scrubbed = ((ld(c + ST_SCRUB_PASS) - seg(c, s, SG_CURSOR)) | 0) > 0 && b < ld(c + ST_SCRUB_HAND);
  holds(state !== SEG_QUARANTINE || !scrubbed, () => `${what()} is stale after the scrubber was there`);
}

/** Bodies: they and items name each other, each page is in one or free, and no page is there that is nobody's. */
export function walkBodies(c: number, live: ReadonlyMap<number, LiveItem>): void {
  const fresh = ld(c + ST_BODY_FRESH);
  const bodies = ld(c + ST_NR_BODIES);
  holds(fresh <= ld(c + ST_BODY_PAGES), () => `${fresh} pages of bodies were in use, of ${ld(c + ST_BODY_PAGES)}`);
  const inUse = new Uint8Array(fresh);
  const take = (page: number, what: () => string) => {
    holds(page >= 0 && page < fresh, () => `${what()}: page ${page} of ${fresh}`);
    holds(inUse[page] === 0, () => `${what()}: page ${page} is in two places`);
    inUse[page] = 1;
  };
  let count = 0;
  let copies = 0;
  const owners = new Map<number, number>();
  for (let n = 0; n < bodies; n++) {
    const owner = ownerOf(c, n);
    const first = firstPageOf(c, n);
    const what = () => `body ${n}, of ${owner}`;
    holds(!owners.has(owner), () => `${what()}, which has another one`);
    owners.set(owner, first);
    const pages = walkChain(c, first, n, take, what);
    const copy = copyOf(c, n);
    holds(n >= ld(c + ST_COPIED) || copy >= 0, () => `${what()}: ${ld(c + ST_COPIED)} have copies, this one has none`);
    if (copy >= 0) {
      const nr = walkChain(c, copy, n, take, () => `${what()}, its copy`);
      holds(nr === pages, () => `${what()}, of ${pages} pages, has a copy of ${nr}`);
      copies += nr;
    }
    count += pages + (copy >= 0 ? pages : 0);
    holds(owner > 0 && pageOfLoc(owner) < ld(c + ST_LOG_PAGES), () => `${what()}, outside the log`);
    const entry = pteOf(c, pageOfLoc(owner));
    holds(entry !== 0 || ld(c + ST_ORPHANS) !== 0, () => `${what()}, which is gone`);
    if ((entry & PTE_PRESENT) === 0) continue;
    const item = live.get(owner);
    holds(item !== undefined && (bits(item.at) & BIT_BODY) !== 0, () => `${what()}, which has no body`);
    holds(ld(item.at + I_BODY) === first, () => `${what()}, begins at ${first}, not ${ld(item.at + I_BODY)}`);
    holds(pages === bodyPages(item.at), () => `${what()}, has ${pages} pages, not ${bodyPages(item.at)}`);
  }
  holds(count === ld(c + ST_BODIES), () => `${count} pages of bodies, ${ld(c + ST_BODIES)} counted`);
  holds(copies === ld(c + ST_COPIES), () => `${copies} pages of copies, ${ld(c + ST_COPIES)} counted`);
  for (const [loc, { at }] of live) {
    holds(bodyPages(at) === 0 || owners.has(loc), () => `item at ${loc} has no body of ${bodyPages(at)} pages`);
  }
  for (let page = ld(c + ST_BODY_FREE) - 1; page >= 0; page = nextPage(c, page)) {
    take(page, () => "free page of bodies");
    holds(bodyOwner(c, page) === 0, () => `free page ${page} of bodies has an owner`);
    holds(pte(bodyVpn(c, page)) === 0, () => `page ${page} of the bodies is there, but nobody's`);
  }
  for (let page = 0; page < fresh; page++) holds(inUse[page] === 1, () => `page ${page} of the bodies is nowhere`);
  for (let page = Math.max(fresh, ld(c + ST_LEFT_BODIES)); page < ld(c + ST_BODY_PAGES); page++) {
    holds(pte(bodyVpn(c, page)) === 0, () => `page ${page} of the bodies is there, beyond all bodies`);
  }
}

/** A chain of pages of the n-th body. Returns how many they are. */
function walkChain(
  c: number,
  first: number,
  n: number,
  take: (page: number, what: () => string) => void,
  what: () => string,
): number {
  let pages = 0;
  for (let page = first; page >= 0; page = nextPage(c, page), pages++) {
    take(page, what);
    holds(bodyOf(c, page) === n && firstOfBody(c, page) === first, () => `${what()}: page ${page} is another's`);
  }
  return pages;
}

/** The tables of what happened, whose words must not overflow however long nothing has to go; and the guard's bins. */
export function walkTables(c: number): void {
  const events = ld(c + ST_EVENTS);
  holds(events >= 0 && events <= MAX_EVENTS, () => `${events} events in the tables`);
  let sum = 0;
  for (const table of [HITS, GIVEN_UP]) {
    for (let i = 0; i < NR_CLASSES * NR_AGES; i++) {
      const n = ld(cell(c, table, 0, i));
      holds(n >= 0, () => `word ${i} of the table at ${table} is ${n}`);
      sum += n;
    }
  }
  holds(sum <= (events + 1) * EVENT, () => `the tables hold ${sum / EVENT} events, ${events} counted`);
  const bins = ld(c + ST_BIN_COUNT);
  const shift = ld(c + ST_BIN_SHIFT);
  holds(
    bins >= 0 && bins <= NR_BINS && shift >= MIN_SHIFT && shift <= MAX_SHIFT,
    () => `${bins} bins of 2^${shift} requests`,
  );
}

/** Ghosts: counted, and in the lines that their fingerprints choose. */
export function walkGhosts(c: number): void {
  const level = ld(c + ST_GHOST_LEVEL);
  const split = ld(c + ST_GHOST_SPLIT);
  const lines = (1 << level) + split;
  holds(split >= 0 && split < 1 << level, () => `ghosts: split ${split} at level ${level}`);
  holds(lines <= ld(c + ST_GHOST_MAX), () => `${lines} lines of ghosts, at most ${ld(c + ST_GHOST_MAX)}`);
  let count = 0;
  for (let n = 0; n < lines; n++) {
    const offset = ld(c + ST_GHOSTS) + (n << 6);
    holds((pte(ld(c + ST_META_START) + (offset >>> 12)) & PTE_PRESENT) !== 0, () => `line ${n} of ghosts is not there`);
    const line = metaAddr(c, offset);
    for (let i = 0; i < 8; i++) {
      const w = ld(line + (i << 3) + 4);
      if (w === 0) continue;
      count++;
      holds((w & 7) <= 4, () => `ghost ${n}/${i} has gap class ${w & 7}`);
      // The fingerprint leaves out the lowest bits, which every line of one chain of splits has in common.
      const hash = ((w >>> 7) << 2) | (n & 3);
      const short = hash & ((1 << level) - 1);
      const right = short < split ? hash & ((2 << level) - 1) : short;
      holds(right === n || w >>> 7 === 1, () => `ghost ${n}/${i} belongs in line ${right}`);
    }
  }
  holds(count === ld(c + ST_NR_GHOSTS), () => `${count} ghosts, ${ld(c + ST_NR_GHOSTS)} counted`);
}
