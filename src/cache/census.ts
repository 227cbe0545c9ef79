/** Where the entries of a cache are, counted anew only when enough has happened since the last time. */

import { PAGE_SIZE } from "../mm/layout.ts";
import type { EngineCalls } from "../runtime/engine.ts";
import { PLACES } from "../store/census.ts";
import { ST_NEW_BYTES, ST_SUNK_IN_ALL } from "../store/layout.ts";

/** See the file's head. */
export class Census {
  private activity = 0;
  private items = 0;
  private found = new Float64Array(2 * PLACES);

  /** `items` and `pages` are how many the store `meta` has; its answer stands in `hf` from `first` on. */
  take(calls: EngineCalls, meta: number, items: number, pages: number, hf: Float64Array, first: number) {
    const activity = calls.storeActivity(meta);
    const moved = Math.abs(activity - this.activity) + Math.abs(items - this.items);
    // Who asks after each operation is not given a walk each time.
    if (moved > 0 && moved * 64 >= pages) {
      calls.storeCensus(meta);
      this.found = hf.slice(first, first + 2 * PLACES);
      this.activity = activity;
      this.items = items;
    }
    const { found } = this;
    return (place: number) => ({ pages: found[2 * place] as number, items: found[2 * place + 1] as number });
  }
}

/** Bytes that store `meta` has written to swap, and bytes of items that were stored in it anew. */
export function writtenBy(calls: EngineCalls, meta: number): { swapWritten: number; newBytes: number } {
  return {
    swapWritten: calls.storeCount(meta, ST_SUNK_IN_ALL) * PAGE_SIZE,
    newBytes: calls.storeCount(meta, ST_NEW_BYTES),
  };
}
