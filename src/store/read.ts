/** What is in an item: described in the out area, copied to the value area, or piece by piece; and which items there are. */
import { pte, storeOutAddr, storeValueAddr } from "../mm/layout.ts";
import { copyBytes, copyShort, ld, ldf, st, stf } from "../mm/machine.ts";
import { PTE_PRESENT, pteIndex } from "../mm/page-table.ts";
import { bodyVpn, pageOfBody } from "./body.ts";
import { bringPage } from "./bring.ts";
import { bucketAddr, locAt, nextLine, nrBuckets, SLOTS, slotOf } from "./directory.ts";
import { HIT, loseHead, MISS, STALE, whole } from "./find.ts";
import {
  BIT_BODY,
  BIT_DEAD,
  BIT_TTL,
  bits,
  bodyPages,
  hasExpired,
  headBytes,
  I_BODY,
  I_HASH,
  I_LENGTH,
  keyOffset,
  ttlOffset,
} from "./item.ts";
import { controlOf, vpnOfLoc } from "./layout.ts";
import { look, lookAtPage } from "./present.ts";

/** Locations that one storeScan() gives at most. */
export const MAX_SCAN: i32 = 4096;

/** Copy an inline value to the value area. Returns false if a part of it is lost. */
export function copyOut(c: i32, loc: i32): boolean {
  const item = look(c, loc);
  const w = bits(item);
  if ((w & BIT_BODY) !== 0) return true;
  const length = ld(item + I_LENGTH);
  const from = (((loc - 1) & 511) << 3) + headBytes(w);
  if (from + length <= 4096) {
    copyShort(storeValueAddr(), item + headBytes(w), length);
    return true;
  }
  let done: i32 = 0;
  while (done < length) {
    const n = pieceOf(c, loc, done, false);
    if (n <= 0) break;
    copyBytes(storeValueAddr() + done, ld(storeOutAddr() + 12), n);
    done += n;
  }
  return done === length;
}

/** The same of an item that was just looked at and lies on one page. */
export function copyNear(item: i32): void {
  copyShort(storeValueAddr(), item + headBytes(bits(item)), ld(item + I_LENGTH));
}

/** Write a value that is in the value area, piece by piece. Returns false if a part cannot be had. */
export function copyIn(c: i32, loc: i32, length: i32): boolean {
  let done: i32 = 0;
  while (done < length) {
    const n = pieceOf(c, loc, done, true);
    if (n <= 0) return false;
    copyBytes(ld(storeOutAddr() + 12), storeValueAddr() + done, n);
    done += n;
  }
  return true;
}

/** Say in the out area what the item at `loc`, whose head can be looked at, is like. */
export function describe(c: i32, loc: i32): void {
  describeAt(loc, look(c, loc));
}
/** The same of an item that was just looked at. */
export function describeAt(loc: i32, item: i32): void {
  const out = storeOutAddr();
  const w = bits(item);
  const length = ld(item + I_LENGTH);
  const head = headBytes(w);
  st(out, loc);
  st(out + 4, length);
  st(out + 8, w);
  st(out + 12, (w & BIT_BODY) === 0 && (((loc - 1) & 511) << 3) + head + length <= 4096 ? item + head : -1);
  st(out + 16, item + keyOffset(w));
  const at = item + ttlOffset(w);
  stf(out + 24, (w & BIT_TTL) !== 0 ? ldf(at) : 0);
  stf(out + 32, (w & BIT_TTL) !== 0 ? ldf(at + 8) : 0);
}

/** Where the item is that the last search counted as a hit; 0 = it counted none. */
let accessed: i32 = 0;
export function lastAccessed(): i32 {
  return accessed;
}
export function setAccessed(loc: i32): void {
  accessed = loc;
}

/** Describe the live item at `loc`, as storeScan() gave it. Returns MISS if it is there no longer, HIT or STALE. */
export function storeAt(meta: i32, loc: i32): i32 {
  const c = controlOf(meta);
  setAccessed(0);
  const item = look(c, loc);
  if (item === 0) {
    loseHead(c, loc);
    return MISS;
  }
  if ((bits(item) & BIT_DEAD) !== 0) return MISS;
  const slot = slotOf(c, ld(item + I_HASH), loc);
  if (slot === 0 || !whole(c, loc, slot)) return MISS;
  describe(c, loc);
  return hasExpired(item) ? STALE : HIT;
}

/** The bytes of a value from byte `done` on that lie in one piece: their number, 0 if they are lost; address and page in the out area. */
export function storePiece(meta: i32, loc: i32, done: i32): i32 {
  return pieceOf(controlOf(meta), loc, done, true);
}
/** The same to be written at once: the pages of a body that follow one another in frames, too, are one piece. */
export function storeRun(meta: i32, loc: i32, done: i32): i32 {
  const c = controlOf(meta);
  return runOf(c, loc, done, pieceOf(c, loc, done, true));
}
/** The same to be read at once: what is in swap stays there, and the address is that of a copy. */
export function storeLook(meta: i32, loc: i32, done: i32): i32 {
  const c = controlOf(meta);
  return runOf(c, loc, done, pieceOf(c, loc, done, false));
}
/** A piece of `n` bytes begins at byte `done`: as long as it is with what follows it in the next frames. */
function runOf(c: i32, loc: i32, done: i32, n: i32): i32 {
  let page: i32 = ld(storeOutAddr() + 20);
  if (n <= 0 || ((done + n) & 4095) !== 0 || (pte(page) & PTE_PRESENT) === 0) return n;
  const item = look(c, loc);
  if (item === 0) return n;
  const inBody = bodyPages(item) << 12;
  const length = ld(item + I_LENGTH);
  let frame: i32 = pteIndex(pte(page));
  let end: i32 = done + n;
  while (end < inBody && end < length) {
    page = bodyVpn(c, pageOfBody(c, ld(item + I_BODY), end >>> 12));
    if ((pte(page) & PTE_PRESENT) === 0 || pteIndex(pte(page)) !== ++frame) break;
    end += 4096;
  }
  return (end < length ? end : length) - done;
}

/** With `here`, in the page itself, which is brought in; else where it can be read. */
export function pieceOf(c: i32, loc: i32, done: i32, here: boolean): i32 {
  const item = look(c, loc);
  if (item === 0) return 0;
  const length = ld(item + I_LENGTH);
  const inBody = bodyPages(item) << 12;
  const byte = done < inBody ? done : (((loc - 1) & 511) << 3) + headBytes(bits(item)) + done - inBody;
  const vpn =
    done < inBody ? bodyVpn(c, pageOfBody(c, ld(item + I_BODY), done >>> 12)) : vpnOfLoc(c, loc) + (byte >>> 12);
  if (here && !bringPage(c, vpn)) return 0;
  const page = lookAtPage(c, vpn);
  if (page === 0) return 0;
  const most = 4096 - (byte & 4095);
  const out = storeOutAddr();
  st(out + 12, page + (byte & 4095));
  st(out + 20, vpn);
  return length - done < most ? length - done : most;
}

/**
 * The locations of the items whose hash belongs to bucket `b` of an index of `n` buckets at `level`, to the value area.
 * An iteration that goes through all buckets as they were when it began meets each item that stays once, though the index grow.
 * The first `skip` are left out. Returns their number, of which there may be more if it is {@link MAX_SCAN}.
 */
export function storeScan(meta: i32, b: i32, n: i32, level: i32, skip: i32): i32 {
  const c = controlOf(meta);
  const step = b < n - (1 << level) || b >= 1 << level ? 2 << level : 1 << level;
  let count: i32 = -skip;
  for (let at: i32 = b; at < nrBuckets(c) && count < MAX_SCAN; at += step) {
    let line: i32 = bucketAddr(c, at);
    while (line !== 0) {
      for (let slot: i32 = 0; slot < SLOTS; slot++) {
        if (locAt(line, slot) === 0 || count === MAX_SCAN) continue;
        if (count >= 0) st(storeValueAddr() + (count << 2), locAt(line, slot));
        count++;
      }
      line = nextLine(c, line);
    }
  }
  return count > 0 ? count : 0;
}
