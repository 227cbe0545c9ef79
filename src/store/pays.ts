/**
 * Whether a move pays: the one item's, by the prices of the engine (mm/prices.ts). What it brings is the difference of latencies, for each time
 * that the item is asked for before it goes down again; what it costs is to carry it up, to carry as much down for it, and to get back the hole that
 * it leaves, which takes as many moves as compacting makes for a hole as of late.
 */
import { H_PRICE_LOOK, H_PRICE_TOUCH, hdr } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import { gainOfUse, priceOfMove } from "../mm/prices.ts";
import { bodyPages, inlineGranules, totalGranules } from "./item.ts";
import { PAGE_GRANULES, ST_HOLE_PRICE } from "./layout.ts";
import { chanceAbove } from "./rank.ts";

/** Granules of a line of the processor's cache, as a power of two. */
const LINE: i32 = 3;
/** The price of a hole of which nothing is known yet: of one move. */
export const HOLE_PRICE: i32 = 256;

/** Whether an item that was just accessed on node `from` pays for coming up to `to`, from where it goes when a byte of it is worth less than `limit`. */
export function risePays(c: i32, item: i32, from: i32, to: i32, limit: i32): boolean {
  const chance = chanceAbove(c, item, limit);
  // Each time that it is asked for it may be so again.
  return gainOfHit(item, from, to) * chance > priceOfRise(c, item) * (1 - chance);
}
/** What a hit on the item costs more on node `from` than on node `to`, ns: of all its lines, unless it is said what a use stands for. */
function gainOfHit(item: i32, from: i32, to: i32): f64 {
  const each = gainOfUse(from, to);
  return hdr(H_PRICE_TOUCH) !== 0 ? each : each * ((totalGranules(item) >> LINE) + 1);
}
function priceOfRise(c: i32, item: i32): f64 {
  let part: f64 = inlineGranules(item);
  part /= PAGE_GRANULES;
  const carrying = priceOfMove(1) * part + hdr(H_PRICE_LOOK);
  let hole: f64 = ld(c + ST_HOLE_PRICE);
  hole /= 256;
  return carrying * (2 + hole) + 2 * priceOfMove(bodyPages(item));
}
