/**
 * What the demo's runs would cost by the study's table (study/costs.ts): waiting for memory, of which each line of a value's page is
 * read; swap; reclaim's work; and fetches, which have no price there.
 */
import { COSTS, price, workOf } from "../study/costs.ts";
import { LINES } from "../study/words.ts";
import type { ReplayResult } from "../trace/replay.ts";

/** Microseconds that a fetch from the origin is taken for: a query of a database nearby. */
export const FETCH_US = 1000;

/** Microseconds a request. */
export interface RequestPrice {
  /** Waiting for memory and swap, and the work of moving pages. */
  readonly memory: number;
  readonly fetches: number;
  readonly total: number;
}

/** The price of a run whose tiers are a fast node, a slower one and swap, in this order. */
export function requestPrice({ hitsByTier, vmstat, misses, requests }: ReplayResult): RequestPrice {
  const [fast = 0, slow = 0, swap = 0] = Object.values(hitsByTier);
  const work = workOf([fast, slow, swap, misses], vmstat, vmstat.numa_hint_faults, vmstat.pgpromote_judged);
  const each = price(work, { ...COSTS, firstTouch: COSTS.dram });
  const memory = (LINES * each.memory + each.swap + each.work) / 1000;
  const fetches = (misses * FETCH_US) / requests;
  return { memory, fetches, total: memory + fetches };
}
