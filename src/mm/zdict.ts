/**
 * Dictionaries of compressed pages: what the pages of a group have in common, kept once. The pages of a cache have the same field names,
 * tags and words, which a block of 4 KiB is too short to learn (lz4-dict.ts).
 *
 * A group (each cache is one) that has had pages compressed gets a dictionary, as long as there is a free one: it is filled with pieces
 * of pages that follow (zdict-fill.ts), even of those that take too much without it, and used when it is full. Some of the first pages are compressed
 * without it, too: if it does not pay, it is let go, and tried again much later. Pages change, and the first are not all: so another is filled
 * from time to time, of pages far apart, and tried against the one there is. The old one stays until the last object that needs it has gone.
 *
 * An object's first word has the number of its dictionary (zsmalloc.ts). Of a dictionary whose state is READY or RETIRED the bytes are
 * the truth, as objects cannot be read without them: they are written before the state. Its tables and the number of its users follow
 * from the bytes and from the objects; all else is only for what will be decided.
 */
import {
  C_ZDICT_NEXT,
  C_ZSTORES,
  H_ZSTORES,
  hdr,
  memcg,
  PAGE_SIZE,
  setHdr,
  setMemcg,
  setZdict,
  ZD_EVERY,
  ZD_LAST,
  ZD_MEMCG,
  ZD_OLD,
  ZD_SEEN,
  ZD_STATE,
  ZD_USERS,
  ZD_WITH,
  ZD_WITHOUT,
  zbufferAddr,
  zdict,
  zdictAddr,
  zdictSize,
  zdicts,
  ztableAddr,
} from "./layout.ts";
import { lz4Compress } from "./lz4.ts";
import { lz4CompressUsing, lz4LoadDict } from "./lz4-dict.ts";
import { zdictEmpty, zdictFill, zdictFillPages } from "./zdict-fill.ts";

export const ZDICT_FREE: i32 = 0;
export const ZDICT_FILLING: i32 = 1;
export const ZDICT_READY: i32 = 2;
/** Nothing more is compressed with it. */
export const ZDICT_RETIRED: i32 = 3;

/** Pages that it is tried on: one of so many, and how many. */
const TRIED: i32 = 8;
const TRIALS: i32 = 32;
/** Of how many pages one is looked at for a dictionary that is to take another's place. */
const SPREAD: i32 = 16;
/** Pages of a group before there is another. */
const PAUSE: i32 = 16384;
/** A dictionary that no page has come to for so many pages of all groups may be taken by another. */
const IDLE: i32 = 4096;

/** The group's dictionary in this state; -1: it has none. */
function find(cg: i32, state: i32): i32 {
  for (let d: i32 = zdicts() - 1; d >= 0; d--) if (zdict(d, ZD_STATE) === state && zdict(d, ZD_MEMCG) === cg) return d;
  return -1;
}
function tableOf(d: i32): i32 {
  return zdictAddr(d) + zdictSize();
}

/**
 * Compress the page at `addr` with dictionary `d` (-1: none) to at most `room` bytes of the buffer for it. Returns its bytes, or 0 if it
 * takes more.
 */
export function zdictCompress(d: i32, addr: i32, room: i32): i32 {
  if (d < 0) return lz4Compress(addr, PAGE_SIZE, zbufferAddr(), room, ztableAddr());
  return lz4CompressUsing(addr, PAGE_SIZE, zbufferAddr(), room, ztableAddr(), zdictAddr(d), zdictSize(), tableOf(d));
}
/** The dictionary that a page of group `cg` is to be compressed with; -1: none. */
export function zdictOf(cg: i32): i32 {
  return find(cg, ZDICT_READY);
}
/** An object came to need dictionary `d`; -1: none. */
export function zdictHold(d: i32): void {
  if (d >= 0) setZdict(d, ZD_USERS, zdict(d, ZD_USERS) + 1);
}
/** An object that needed dictionary `d` has gone. */
export function zdictRelease(d: i32): void {
  if (d < 0) return;
  setZdict(d, ZD_USERS, zdict(d, ZD_USERS) - 1);
  letGo(d);
}
/** A dictionary that nothing is compressed with is free when no object needs it, nor the trial of the one that took its place. */
function letGo(d: i32): void {
  if (zdict(d, ZD_STATE) !== ZDICT_RETIRED || zdict(d, ZD_USERS) > 0) return;
  const heir = find(zdict(d, ZD_MEMCG), ZDICT_READY);
  if (heir >= 0 && before(heir) === d && zdict(heir, ZD_SEEN) <= TRIED * TRIALS) return;
  setZdict(d, ZD_STATE, ZDICT_FREE);
}
/** Nothing more is to be compressed with `d`, if it is one. */
function retire(d: i32): void {
  if (d < 0) return;
  const old = before(d);
  setZdict(d, ZD_STATE, zdict(d, ZD_STATE) === ZDICT_READY ? ZDICT_RETIRED : ZDICT_FREE);
  letGo(d);
  if (old >= 0) letGo(old);
}
/** Group `cg` is no more. */
export function zdictForget(cg: i32): void {
  retire(find(cg, ZDICT_FILLING));
  retire(find(cg, ZDICT_READY));
  setMemcg(cg, C_ZSTORES, 0);
  setMemcg(cg, C_ZDICT_NEXT, 0);
}
/** Pages that the dictionaries take, with their tables, that objects need. */
export function zdictPagesInUse(): i32 {
  let pages: i32 = 0;
  for (let d: i32 = zdicts() - 1; d >= 0; d--) if (zdict(d, ZD_USERS) > 0) pages += ((zdictSize() / PAGE_SIZE) | 0) * 3;
  return pages;
}

/**
 * The page at `addr` of group `cg` was compressed to `bytes` bytes (PAGE_SIZE: not at all) with dictionary `d` (-1: none). The buffer that
 * it was compressed to is free again.
 */
export function zdictLearn(cg: i32, addr: i32, bytes: i32, d: i32): void {
  if (zdicts() === 0) return;
  setHdr(H_ZSTORES, hdr(H_ZSTORES) + 1);
  setMemcg(cg, C_ZSTORES, memcg(cg, C_ZSTORES) + 1);
  if (d >= 0) judge(d, cg, addr, bytes);
  const filling = find(cg, ZDICT_FILLING);
  if (filling >= 0) feed(filling, cg, addr);
  else if (isDue(cg)) begin(cg);
}
/** Note what a page took with a dictionary. If the first take hardly less than without, or than with the one before, it is let go. */
function judge(d: i32, cg: i32, addr: i32, bytes: i32): void {
  setZdict(d, ZD_LAST, hdr(H_ZSTORES));
  const seen = zdict(d, ZD_SEEN);
  if (seen > TRIED * TRIALS) return;
  setZdict(d, ZD_SEEN, seen + 1);
  if (seen < TRIED * TRIALS) {
    if (seen % TRIED !== 0) return;
    const without = zdictCompress(before(d), addr, PAGE_SIZE);
    setZdict(d, ZD_WITH, zdict(d, ZD_WITH) + bytes);
    setZdict(d, ZD_WITHOUT, zdict(d, ZD_WITHOUT) + (without > 0 ? without : PAGE_SIZE));
    return;
  }
  const old = before(d);
  // A twentieth less at least.
  const pays = zdict(d, ZD_WITH) * 20 <= zdict(d, ZD_WITHOUT) * 19;
  if (old >= 0 && pays) letGo(old);
  if (pays) return;
  if (old >= 0) setZdict(old, ZD_STATE, ZDICT_READY);
  retire(d);
  pause(cg);
}
/** The dictionary that `d` took the place of, if it is still there; -1: none. */
function before(d: i32): i32 {
  const old = zdict(d, ZD_OLD) - 1;
  return old >= 0 && zdict(old, ZD_STATE) === ZDICT_RETIRED && zdict(old, ZD_MEMCG) === zdict(d, ZD_MEMCG) ? old : -1;
}
/** Let a dictionary that is being filled see a page; when it is full it is ready. */
function feed(d: i32, cg: i32, addr: i32): void {
  const seen = zdict(d, ZD_SEEN);
  setZdict(d, ZD_SEEN, seen + 1);
  setZdict(d, ZD_LAST, hdr(H_ZSTORES));
  const every = zdict(d, ZD_EVERY);
  if (seen % every !== 0 || !zdictFill(d, addr, (seen / every) | 0)) return;
  const old = find(cg, ZDICT_READY);
  lz4LoadDict(zdictAddr(d), zdictSize(), tableOf(d));
  setZdict(d, ZD_OLD, old + 1);
  setZdict(d, ZD_SEEN, 0);
  setZdict(d, ZD_STATE, ZDICT_READY);
  if (old >= 0) setZdict(old, ZD_STATE, ZDICT_RETIRED);
}
/** Whether the group has stored pages enough for a new one. */
function isDue(cg: i32): boolean {
  const stores = memcg(cg, C_ZSTORES);
  // As many as it takes to fill one; what a difference of numbers that wrap says is good for half of them.
  const next = memcg(cg, C_ZDICT_NEXT);
  if (next === 0) return stores >= zdictFillPages();
  if (((stores - next) | 0) < 0) return false;
  setMemcg(cg, C_ZDICT_NEXT, stores | 1);
  return true;
}
function pause(cg: i32): void {
  setMemcg(cg, C_ZDICT_NEXT, (memcg(cg, C_ZSTORES) + PAUSE) | 1);
}
/** Fill a new one for the group, if one is free, or nobody uses it. */
function begin(cg: i32): void {
  let found: i32 = -1;
  for (let d: i32 = zdicts() - 1; d >= 0; d--) {
    const state = zdict(d, ZD_STATE);
    const idle = zdict(d, ZD_USERS) === 0 && ((hdr(H_ZSTORES) - zdict(d, ZD_LAST)) | 0) > IDLE;
    if (state === ZDICT_FREE || (found < 0 && idle)) found = d;
  }
  if (found < 0) {
    pause(cg);
    return;
  }
  if (zdict(found, ZD_STATE) !== ZDICT_FREE) retire(found);
  for (let field: i32 = ZD_STATE; field <= ZD_OLD; field += 4) setZdict(found, field, 0);
  zdictEmpty(found);
  setZdict(found, ZD_EVERY, find(cg, ZDICT_READY) < 0 ? 1 : SPREAD);
  setZdict(found, ZD_MEMCG, cg);
  setZdict(found, ZD_LAST, hdr(H_ZSTORES));
  setZdict(found, ZD_STATE, ZDICT_FILLING);
  pause(cg);
}
