/** Looking at a few for all: segments, bodies and items picked at random, and what a segment is worth by some of its items. */
import { folioHead, PG_HEAD, PG_LRU, PG_UNEVICTABLE, test } from "../mm/folio.ts";
import { knowsLastUse, lastUse, lruClock } from "../mm/last-use.ts";
import { H_NR_FRAMES, H_NR_NODES, hdr, N_FREE, N_PAGES, N_START, node, ownerVma, pte, vpnOf } from "../mm/layout.ts";
import { lruLook } from "../mm/lru.ts";
import { ld, st } from "../mm/machine.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { bodyOwner, firstPageOf } from "./body.ts";
import { BIT_BODY, BIT_DEAD, bits, END_OF_PAGE, I_LENGTH, inlineGranules } from "./item.ts";
import {
  locAddr,
  PAGE_GRANULES,
  pageInfo,
  SEG_CLOSED,
  SEG_OPEN,
  SG_CURSOR,
  SG_STATE,
  SG_USED,
  ST_BODY_FRESH,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FRESH_SEG,
  ST_NR_BODIES,
  ST_SEG_SHIFT,
  ST_SUNK_PAGES,
  ST_THETA,
  ST_TOUCHED,
  seg,
} from "./layout.ts";

import { inNodes } from "./meta.ts";
import { randomBelow } from "./random.ts";
import { density, NO_THETA, score } from "./rank.ts";

/** Items looked at in each segment, at most two of a page; and pages whose items are fetched at once. */
const LOOKS: i32 = 6;
const AT_ONCE: i32 = 3;
/** Frames that are looked at for the page that has not been used for the longest; and what is few pages: a 2^-this. */
const PAGES: i32 = 16;
const FEW: i32 = 6;

/** A page of the data mapping that is on node `nid`, picked at random; -1 = none was found in `tries` looks at its frames. */
export function randomPageOn(c: i32, nid: i32, tries: i32): i32 {
  return randomPageOf(c, node(nid, N_START), node(nid, N_PAGES), tries);
}
/** The same of any node. */
export function randomPagePresent(c: i32, tries: i32): i32 {
  return randomPageOf(c, 0, hdr(H_NR_FRAMES), tries);
}
function randomPageOf(c: i32, first: i32, frames: i32, tries: i32): i32 {
  const data = ld(c + ST_DATA_VMA);
  for (let i: i32 = 0; i < tries; i++) {
    const f = first + randomBelow(c, frames);
    const head = folioHead(f);
    if (!test(head, PG_HEAD) || ownerVma(head) !== data) continue;
    const vpn = vpnOf(head) + f - head;
    const p = pte(vpn);
    // One that was unmapped while somebody held it is nobody's.
    if ((p & PTE_PRESENT) !== 0 && pteIndex(p) === f) return vpn - ld(c + ST_DATA_START);
  }
  return -1;
}
/**
 * Of a few folios that could go, picked at random among `frames` frames from `first` on, the one that has not been used for the longest, if it is not
 * the store's; -1 = it is.
 */
export function othersColdest(c: i32, first: i32, frames: i32): i32 {
  if (!hasNeighbours(c)) return -1;
  const now = lruClock();
  let best: i32 = -1;
  let most: i32 = 0;
  for (let i: i32 = 0; i < PAGES; i++) {
    const head = folioHead(first + randomBelow(c, frames));
    if (!test(head, PG_HEAD) || !test(head, PG_LRU) || test(head, PG_UNEVICTABLE)) continue;
    lruLook(head);
    const idle = (now - lastUse(head)) | 0;
    if (idle <= most) continue;
    most = idle;
    best = head;
  }
  return best >= 0 && ownerVma(best) !== ld(c + ST_DATA_VMA) ? best : -1;
}
/** Whether pages in the nodes are others', more than a few: where last uses are known, as they are needed for telling which goes first. */
function hasNeighbours(c: i32): boolean {
  if (!knowsLastUse()) return false;
  let used: i32 = 0;
  for (let nid: i32 = 0; nid < hdr(H_NR_NODES); nid++) used += node(nid, N_PAGES) - node(nid, N_FREE);
  return used - inNodes(c) > used >> FEW;
}
/** A segment that holds something and is not in swap, picked at random; -1 = none was found. Open ones only if there is no other. */
export function randomSeg(c: i32): i32 {
  const n = ld(c + ST_FRESH_SEG);
  if (n === 0) return -1;
  let open: i32 = -1;
  let s: i32 = randomBelow(c, n);
  // Those in swap may be many, and neighbours.
  const sunk = ld(c + ST_SUNK_PAGES) > 0;
  for (let i: i32 = 0; i < n && i < 64; i++) {
    const state = seg(c, s, SG_STATE);
    if (state === SEG_CLOSED) return s;
    if (state === SEG_OPEN && seg(c, s, SG_USED) > 0) open = s;
    s = sunk ? randomBelow(c, n) : s + 1 < n ? s + 1 : 0;
  }
  return open;
}
/** How many 256ths of a segment are dead or worth less than `limit` where it is a matter of which node they are on, from a sample. */
export function segBelow(c: i32, s: i32, limit: i32): i32 {
  sample(c, s, true, limit);
  return sampled > 0 ? ((sampledGarbage * 256) / sampled) | 0 : 256;
}
/** How many 256ths of a segment are dead or worth less than the threshold, from a sample; -1 = none of it is on a node. */
export function segGarbage(c: i32, s: i32): i32 {
  sample(c, s, false, ld(c + ST_THETA));
  return sampled > 0 ? ((sampledGarbage * 256) / sampled) | 0 : -1;
}
/** The mean score that goes with the last of these. */
export function lastScore(): i32 {
  return sampledScore;
}

// A sample of a segment: granules looked at, those that are dead or worth less than the threshold, and the mean score.
let sampled: i32 = 0;
let sampledGarbage: i32 = 0;
let sampledScore: i32 = 0;
function sample(c: i32, s: i32, near: boolean, theta: i32): void {
  const from = seg(c, s, SG_CURSOR) >>> 9;
  const pages = ((seg(c, s, SG_USED) + 4095) >>> 12) - from;
  let looked: i32 = 0;
  let bytes: i32 = 0;
  let alive: i32 = 0;
  let garbage: i32 = 0;
  let worth: i32 = 0;
  const first = randomBelow(c, pages > 0 ? pages : 1);
  for (let i: i32 = 0; i < pages && looked < LOOKS; i++) {
    if (i % AT_ONCE === 0) warm(c, s, from, pages, first + i * 5);
    const at = from + ((first + i * 5) % pages);
    const page = (s << ld(c + ST_SEG_SHIFT)) + at;
    if ((pte(ld(c + ST_DATA_START) + page) & PTE_PRESENT) === 0) continue;
    let g: i32 = pageInfo(c, page) & 0xffff;
    const used = (seg(c, s, SG_USED) - at * 4096) >>> 3;
    for (let k: i32 = 0; k < 2 && g < PAGE_GRANULES && g < used; k++) {
      const item = locAddr(c, (page << 9) + g + 1);
      if (ld(item + I_LENGTH) === END_OF_PAGE) break;
      const n = inlineGranules(item);
      looked++;
      bytes += n;
      if ((bits(item) & BIT_DEAD) !== 0) garbage += n;
      else {
        const w = near ? density(c, item) : score(c, item);
        if ((bits(item) & BIT_BODY) === 0 && w < theta) garbage += n;
        worth += (w >> 6) * n;
        alive += n;
      }
      g += n;
    }
  }
  sampled = bytes;
  sampledGarbage = garbage;
  sampledScore = alive === 0 ? NO_THETA : ((worth / alive) | 0) << 6;
}
/** Touch the items of the next few pages that {@link sample} looks at: their fetches overlap here, where they would wait for one another there. */
function warm(c: i32, s: i32, from: i32, pages: i32, first: i32): void {
  const base = (s << ld(c + ST_SEG_SHIFT)) + from;
  let sum: i32 = 0;
  for (let i: i32 = 0; i < AT_ONCE && i < pages; i++) sum ^= headOf(c, base + ((first + i * 5) % pages), false);
  for (let i: i32 = 0; i < AT_ONCE && i < pages; i++) sum ^= headOf(c, base + ((first + i * 5) % pages), true);
  st(c + ST_TOUCHED, sum);
}
/** A word of the first item of a page, or of the second, if it is there. */
function headOf(c: i32, page: i32, second: boolean): i32 {
  const p = pte(ld(c + ST_DATA_START) + page);
  const g = pageInfo(c, page) & 0xffff;
  if ((p & PTE_PRESENT) === 0 || g >= PAGE_GRANULES) return 0;
  const item = locAddr(c, (page << 9) + g + 1);
  if (!second) return ld(item + I_LENGTH);
  const next = g + inlineGranules(item);
  return next < PAGE_GRANULES ? ld(locAddr(c, (page << 9) + next + 1) + I_LENGTH) : 0;
}
/** A page of a body picked at random: any one, or where few are in use the first of a body; -1 = there are none. */
export function randomBodyPage(c: i32): i32 {
  const n = ld(c + ST_NR_BODIES);
  if (n === 0) return -1;
  for (let tries: i32 = 0; tries < 4; tries++) {
    const page = randomBelow(c, ld(c + ST_BODY_FRESH));
    if (bodyOwner(c, page) !== 0) return page;
  }
  return firstPageOf(c, randomBelow(c, n));
}
