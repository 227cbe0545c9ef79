/**
 * What a clear leaves behind. Emptying a store is a matter of where its index begins; the pages of the log, of the bodies and of the
 * index itself, of which there may be very many, are given back in steps: by the memory's tick, by who needs room, and by who takes
 * their place.
 */
import { ld, st } from "../mm/machine.ts";
import { zapPages } from "../mm/mmap.ts";
import { bodyVpn } from "./body.ts";
import {
  ST_BODY_FRESH,
  ST_DATA_START,
  ST_DATA_VMA,
  ST_FRESH_SEG,
  ST_LEFT_BODIES,
  ST_LEFT_META_PAGES,
  ST_LEFT_SEGS,
  ST_SEG_SHIFT,
} from "./layout.ts";
import { giveBackMeta } from "./meta.ts";

/** Pages that one turn gives back at most. */
export const LEFT_TURN: i32 = 1024;

/** Give back `pages` pages or so. Returns whether there are more. */
export function giveBack(c: i32, pages: i32): boolean {
  const data = ld(c + ST_DATA_VMA);
  const shift = ld(c + ST_SEG_SHIFT);
  let left: i32 = pages;
  while (left > 0 && ld(c + ST_LEFT_SEGS) > ld(c + ST_FRESH_SEG)) {
    const s = ld(c + ST_LEFT_SEGS) - 1;
    zapPages(data, ld(c + ST_DATA_START) + (s << shift), 1 << shift);
    st(c + ST_LEFT_SEGS, s);
    left -= 1 << shift;
  }
  while (left > 0 && ld(c + ST_LEFT_BODIES) > ld(c + ST_BODY_FRESH)) {
    const page = ld(c + ST_LEFT_BODIES) - 1;
    zapPages(data, bodyVpn(c, page), 1);
    st(c + ST_LEFT_BODIES, page);
    left--;
  }
  if (left > 0) giveBackMeta(c, left);
  return anyLeft(c);
}
export function anyLeft(c: i32): boolean {
  if (ld(c + ST_LEFT_META_PAGES) > 0) return true;
  return ld(c + ST_LEFT_SEGS) > ld(c + ST_FRESH_SEG) || ld(c + ST_LEFT_BODIES) > ld(c + ST_BODY_FRESH);
}
