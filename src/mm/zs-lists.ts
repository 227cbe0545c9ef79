/**
 * The lists of a class's zspages by how full they are (zsmalloc.ts): a new object goes to one of the fullest that has room, and compaction
 * empties one of the emptiest.
 */
import {
  setZclass,
  setZpage,
  ZC_LISTS,
  ZC_OBJECTS,
  ZP_INUSE,
  ZP_LIST_NEXT,
  ZP_LIST_PREV,
  zclass,
  zpage,
} from "./layout.ts";

export const LISTS: i32 = 4;
export const FULL: i32 = 3;

/** Which list a zspage belongs on (get_fullness_group). */
export function listOf(c: i32, first: i32): i32 {
  const objects = zclass(c, ZC_OBJECTS);
  const inUse = zpage(first, ZP_INUSE);
  if (inUse === objects) return FULL;
  return ((inUse * FULL) / objects) | 0;
}
/** Put a zspage on a list. */
export function list(c: i32, first: i32, which: i32): void {
  const field = ZC_LISTS + (which << 2);
  const next = zclass(c, field);
  setZpage(first, ZP_LIST_NEXT, next);
  setZpage(first, ZP_LIST_PREV, 0);
  if (next !== 0) setZpage(next - 1, ZP_LIST_PREV, first + 1);
  setZclass(c, field, first + 1);
}
/** Put a zspage, which is on no list, on the one that it belongs on. */
export function listZspage(c: i32, first: i32): void {
  list(c, first, listOf(c, first));
}
/** Take it off. */
export function unlist(c: i32, first: i32, which: i32): void {
  const next = zpage(first, ZP_LIST_NEXT);
  const prev = zpage(first, ZP_LIST_PREV);
  if (next !== 0) setZpage(next - 1, ZP_LIST_PREV, prev);
  if (prev !== 0) setZpage(prev - 1, ZP_LIST_NEXT, next);
  else setZclass(c, ZC_LISTS + (which << 2), next);
}
/** Objects were taken or given: to the list that a zspage now belongs on. */
export function relist(c: i32, first: i32, before: i32): void {
  const now = listOf(c, first);
  if (now === before) return;
  unlist(c, first, before);
  list(c, first, now);
}
/** A zspage with a free object, of the fullest; -1 if the class has none. */
export function fullestOf(c: i32): i32 {
  for (let which: i32 = FULL - 1; which >= 0; which--) {
    const first = zclass(c, ZC_LISTS + (which << 2));
    if (first !== 0) return first - 1;
  }
  return -1;
}
/** One of the emptiest zspages that are not full; -1 if the class has none. */
export function emptiestOf(c: i32): i32 {
  for (let which: i32 = 0; which < FULL; which++) {
    const first = zclass(c, ZC_LISTS + (which << 2));
    if (first !== 0) return first - 1;
  }
  return -1;
}
