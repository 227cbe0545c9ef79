/**
 * For a quick plan: traces whose objects are large, made small. What a run costs goes by the pages that objects have, and most of what is decided
 * goes by objects. So where a run would touch far more pages than there are requests, all objects, nodes and devices are one `by`-th as large, as
 * long as objects still have several pages (a miniature simulation in the sense of C. Waldspurger et al., USENIX ATC 2017, of bytes instead of
 * keys: all keys are there, so nothing is left to chance). What is as large as before, the head of an object and its share of the index, is little
 * beside several pages.
 *
 * It is not exact. As measured, already where all is half as large the fastest of two nodes has a point more of the requests than it should, and
 * the one below it a point or more less.
 */
import type { ReplayOptions } from "../trace/replay-options.ts";
import type { Trace } from "../trace/trace.ts";
import { type Layout, LEAST_SAMPLED, scaled } from "./grid.ts";

const PAGE = 4096;
/** Pages that a run may touch as it is: some seconds. */
const MOST_PAGES = 1 << 21;
/** Pages that an object keeps, on average over the requests. */
const LEAST_PAGES = 8;
/** The least free memory that a node can keep. */
const LEAST_FREE = 4 * PAGE;

/** By what a cache's objects are made smaller for the first `requests` of a trace, on these layouts; 1: not at all. */
export function miniatureOf(trace: Trace, requests: number, grid: readonly Layout[]): number {
  let pages = 0;
  for (let i = 0; i < requests; i++) pages += (trace.size[trace.key[i] as number] as number) / PAGE;
  const least = Math.min(...grid.map(({ dram }) => dram));
  return Math.max(1, Math.floor(Math.min(pages / MOST_PAGES, pages / requests / LEAST_PAGES, least / LEAST_SAMPLED)));
}

/** The trace with objects one `by`-th as large. */
export function smallerTrace(trace: Trace, by: number): Trace {
  return { ...trace, size: trace.size.map((bytes) => Math.max(1, Math.round(bytes / by))) };
}

/** A layout one `by`-th as large, and what it keeps free: as large a part as the whole one does, by Linux's formula. */
export function smallerLayout(layout: Layout, by: number): { layout: Layout; free: Pick<ReplayOptions, "minFree"> } {
  const kib = (layout.dram + layout.cxl) / 1024;
  const minFree = Math.max(LEAST_FREE, Math.round((Math.sqrt(kib * 16) * 1024) / by));
  return { layout: scaled(layout, 1 / by), free: { minFree } };
}
