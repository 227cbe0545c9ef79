/**
 * A store that nobody was at when a thread died in the middle of something else (runtime/takeover.ts). Its index, its segments and its bodies are whole, but
 * that thread may have dropped pages of its data, and not have told it: what is gone is found by what the store takes to be there.
 */
import { pte } from "../mm/layout.ts";
import { ld } from "../mm/machine.ts";
import {
  controlOf,
  PAGE_HELD,
  pageCounts,
  ST_BODY_FRESH,
  ST_DATA_START,
  ST_FRESH_SEG,
  ST_SEG_SHIFT,
} from "./layout.ts";
import { countPageOut } from "./log.ts";
import { losePage } from "./present.ts";
import { loseBodyPage } from "./remove.ts";

/** Take note of all pages that the engine has dropped. It may be done twice. */
export function storeMend(meta: i32): void {
  const c = controlOf(meta);
  const pages = ld(c + ST_FRESH_SEG) << ld(c + ST_SEG_SHIFT);
  for (let page: i32 = 0; page < pages; page++) {
    if ((pageCounts(c, page) & PAGE_HELD) === 0 || pte(ld(c + ST_DATA_START) + page) !== 0) continue;
    countPageOut(c, page);
    losePage(c, page);
  }
  const bodies = ld(c + ST_BODY_FRESH);
  for (let page: i32 = 0; page < bodies; page++) loseBodyPage(c, page);
}
