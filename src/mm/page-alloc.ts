/**
 * The buddy allocator of a node (mm/page_alloc.c): free blocks of 2^order frames on a list an order; a block is split
 * on the way out and merged with its buddy on the way in. It says "not on this node above that mark" and never reclaims:
 * mm.ts reacts.
 */
import { BUG_FREE } from "./errno.ts";
import { folioOrder, makeFlags, PG_BUDDY, PG_HEAD, PG_TAIL } from "./folio.ts";
import { noteFree } from "./hopeless.ts";
import {
  addNode,
  flags,
  freeHead,
  MAX_ORDER,
  N_FREE,
  N_PAGES,
  N_START,
  next,
  node,
  setFlags,
  setRefs,
} from "./layout.ts";
import { listAdd, listAddTail, listDel, listEmpty } from "./list.ts";
import { hostBug } from "./machine.ts";
import { count, PGALLOC_NORMAL, PGFREE } from "./vmstat.ts";

/** Whether taking 2^order frames leaves more than `mark` free, and there is such a block (zone_watermark_ok). */
export function watermarkOk(nid: i32, order: i32, mark: i32): boolean {
  if (node(nid, N_FREE) - ((1 << order) - 1) <= mark) return false;
  if (order === 0) return true;
  for (let o: i32 = order; o <= MAX_ORDER; o++) if (!listEmpty(freeHead(nid, o))) return true;
  return false;
}

/** Blocks that single frames which are to lie together are taken from: more would leave none for who needs them (PAGE_ALLOC_COSTLY_ORDER). */
const RUN_ORDER: i32 = 3;
/** What the next single frame that is taken is wished to be: this one; else the first of so many that lie together; 0 = there is no wish. */
let beside: i32 = -1;
let together: i32 = 0;

/**
 * A wish: the next single frame that is taken is frame `f`, if that is free, else one behind which others are, as `nr` pages that are read together
 * follow one another. Any other will do; with `nr` 0 it is none.
 */
export function wishFor(f: i32, nr: i32): void {
  beside = f;
  together = nr;
}

/** Take 2^order contiguous frames off the node, head aligned; -1 if no block is large enough. Not zeroed. */
export function takeBlock(nid: i32, order: i32): i32 {
  if (order === 0 && together > 0) return takeWished(nid);
  const o = orderFrom(nid, order);
  return o < 0 ? -1 : takeFrom(nid, next(freeHead(nid, o)), o, order, 0);
}
function takeWished(nid: i32): i32 {
  const wish = beside;
  let want: i32 = 0;
  while (want < RUN_ORDER && 1 << want < together) want++;
  wishFor(-1, 0);
  const around = orderAround(nid, wish);
  if (around >= 0) return takeFrom(nid, wish & ~((1 << around) - 1), around, 0, wish & ((1 << around) - 1));
  let o: i32 = orderFrom(nid, want);
  while (o < 0 && want > 0) if (!listEmpty(freeHead(nid, --want))) o = want;
  return o < 0 ? -1 : takeFrom(nid, next(freeHead(nid, o)), o, 0, 0);
}
/** The least order from `order` on of which a block is free; -1 = none is. */
function orderFrom(nid: i32, order: i32): i32 {
  for (let o: i32 = order; o <= MAX_ORDER; o++) if (!listEmpty(freeHead(nid, o))) return o;
  return -1;
}
/** The order of the free block that frame `f` of the node is in; -1 = it is not free. */
function orderAround(nid: i32, f: i32): i32 {
  const start = node(nid, N_START);
  if (f < start || f >= start + node(nid, N_PAGES)) return -1;
  for (let o: i32 = 0; o <= MAX_ORDER; o++) {
    const head = f & ~((1 << o) - 1);
    if (head < start) return -1;
    if (flags(head) === makeFlags(nid, o, PG_BUDDY)) return o;
  }
  return -1;
}
/** Take the 2^order frames from the `at`-th on of the free block of 2^from frames at `block`. */
function takeFrom(nid: i32, block: i32, from: i32, order: i32, at: i32): i32 {
  listDel(block);
  let f: i32 = block;
  let o: i32 = from;
  while (o > order) {
    o--;
    const second = (at & (1 << o)) !== 0;
    const left = second ? f : f + (1 << o);
    if (second) f += 1 << o;
    setFlags(left, makeFlags(nid, o, PG_BUDDY));
    listAdd(freeHead(nid, o), left);
  }
  setFlags(f, makeFlags(nid, order, PG_HEAD));
  for (let i: i32 = 1; i < 1 << order; i++) setFlags(f + i, makeFlags(nid, order, PG_TAIL));
  setRefs(f, 1);
  addNode(nid, N_FREE, -(1 << order));
  count(PGALLOC_NORMAL, nid, -1, 1 << order);
  return f;
}

/** Give a folio's frames back. Its references must be gone. */
export function freeBlock(head: i32): void {
  const w = flags(head);
  const order = folioOrder(head);
  const nid = (w >>> 4) & 15;
  if ((w & PG_HEAD) === 0) hostBug(BUG_FREE, head, w);
  for (let i: i32 = 1; i < 1 << order; i++) setFlags(head + i, makeFlags(nid, 0, 0));
  addNode(nid, N_FREE, 1 << order);
  count(PGFREE, nid, -1, 1 << order);
  noteFree(nid, 1 << order);
  merge(nid, head, order);
}

function merge(nid: i32, head: i32, order: i32): void {
  const start = node(nid, N_START);
  const end = start + node(nid, N_PAGES);
  let f: i32 = head;
  let o: i32 = order;
  while (o < MAX_ORDER) {
    const buddy = f ^ (1 << o);
    if (buddy < start || buddy + (1 << o) > end) break;
    if (flags(buddy) !== makeFlags(nid, o, PG_BUDDY)) break;
    listDel(buddy);
    setFlags(buddy, makeFlags(nid, 0, 0));
    if (buddy < f) {
      setFlags(f, makeFlags(nid, 0, 0));
      f = buddy;
    }
    o++;
  }
  setFlags(f, makeFlags(nid, o, PG_BUDDY));
  listAdd(freeHead(nid, o), f);
}

/** Put all frames of a new node on its free lists, in the largest aligned blocks (memblock_free_all). */
export function freeNode(nid: i32): void {
  const start = node(nid, N_START);
  const end = start + node(nid, N_PAGES);
  let f: i32 = start;
  while (f < end) {
    let o: i32 = MAX_ORDER;
    while ((f & ((1 << o) - 1)) !== 0 || f + (1 << o) > end) o--;
    setFlags(f, makeFlags(nid, o, PG_BUDDY));
    for (let i: i32 = 1; i < 1 << o; i++) setFlags(f + i, makeFlags(nid, 0, 0));
    // Appended in order, so that a fresh node is handed out from its start.
    listAddTail(freeHead(nid, o), f);
    f += 1 << o;
  }
  addNode(nid, N_FREE, end - start);
}
