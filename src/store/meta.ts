/** A store's meta pages, which come when they are first needed; and how many pages it holds in all. */
import { pte, V_HELD, V_RESIDENT, V_SWAPPED, vma } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { FAULT_WRITE, fault } from "../mm/mm.ts";
import { PTE_PRESENT } from "../mm/page-table.ts";
import { ST_BODIES, ST_DATA_VMA, ST_META_START, ST_META_VMA, ST_SUNK_PAGES } from "./layout.ts";

/** See that the meta pages of bytes [off, off + bytes) are there, zeroed when new. Returns 0 or -ENOMEM. */
export function ensureMeta(c: i32, off: i32, bytes: i32): i32 {
  const start = ld(c + ST_META_START);
  const last = (off + bytes - 1) >>> 12;
  for (let page: i32 = off >>> 12; page <= last; page++) {
    if ((pte(start + page) & PTE_PRESENT) !== 0) continue;
    const r = fault(ld(c + ST_META_VMA), start + page, FAULT_WRITE);
    if (r < 0) return r;
  }
  return 0;
}

/** Meta pages of bytes [off, off + bytes) that are not there yet. */
export function newMeta(c: i32, off: i32, bytes: i32): i32 {
  const start = ld(c + ST_META_START);
  const last = (off + bytes - 1) >>> 12;
  let n: i32 = 0;
  for (let page: i32 = off >>> 12; page <= last; page++) if ((pte(start + page) & PTE_PRESENT) === 0) n++;
  return n;
}

/** Pages that the store holds on nodes, its index included. */
export function inNodes(c: i32): i32 {
  return vma(ld(c + ST_DATA_VMA), V_RESIDENT) + vma(ld(c + ST_META_VMA), V_RESIDENT);
}

/** Pages that the store holds, on nodes and in swap, its index included, and those that are held although their items are gone. */
export function held(c: i32): i32 {
  const data = ld(c + ST_DATA_VMA);
  return vma(data, V_RESIDENT) + vma(data, V_SWAPPED) + vma(data, V_HELD) + vma(ld(c + ST_META_VMA), V_RESIDENT);
}
/** Pages of bodies that are in swap, about: pages of the log that are there without a whole segment are counted, too. */
export function sunkBodies(c: i32): i32 {
  const n = vma(ld(c + ST_DATA_VMA), V_SWAPPED) - ld(c + ST_SUNK_PAGES);
  const bodies = ld(c + ST_BODIES);
  return n < 0 ? 0 : n < bodies ? n : bodies;
}
