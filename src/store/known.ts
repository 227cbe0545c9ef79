/**
 * What has to be known of what lies in swap: its place in the index, a record of each segment and of each page of a body, a body's head. All that lies in
 * the nodes, and takes room of what is served from there. As long as the entries are large that is little; a node hardly larger than the index of all that swap could
 * take would hold nothing else, and each get would read from swap. So half of what the store has there is for other things, and when there is no more than that left swap is as good as full.
 */
import { V_SWAPPED, vma } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { ST_BODIES, ST_DATA_VMA, ST_NR_BODIES, ST_SUNK_ITEMS, ST_SUNK_PAGES } from "./layout.ts";
import { inNodes, sunkBodies } from "./meta.ts";

/** Bytes of an entry in the index, with its part of what is empty there; of a record of a page; and of a body's place and head. */
const ENTRY: f64 = 8;
const PAGE: f64 = 8;
const BODY: f64 = 48;

/** Pages that what is known of all that is in swap takes in the nodes, about. */
export function knownPages(c: i32): f64 {
  const pages: f64 = sunkBodies(c);
  const all: f64 = ld(c + ST_BODIES);
  const bodies: f64 = pages > 0 ? (ld(c + ST_NR_BODIES) * pages) / all : 0;
  const log: f64 = ld(c + ST_SUNK_PAGES);
  const items: f64 = ld(c + ST_SUNK_ITEMS);
  return ((items + bodies) * ENTRY + (log + pages) * PAGE + bodies * BODY) / 4096;
}
/** Whether so much is known of what is in swap that no more may go there. */
export function knowsTooMuch(c: i32): boolean {
  return vma(ld(c + ST_DATA_VMA), V_SWAPPED) > 0 && knownPages(c) * 2 > inNodes(c);
}
