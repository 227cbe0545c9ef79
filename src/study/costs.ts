/**
 * What things cost: the one table that turns counts into nanoseconds. Round figures of the order of published measurements,
 * to be changed by whoever has measured their own; no finding depends on the third digit.
 */

/** Nanoseconds each. */
export interface Costs {
  /** An access (a miss of the CPU's caches) to a page on node 0. */
  readonly dram: number;
  /** ... to a page on a slower node. */
  readonly slow: number;
  /** The first touch of a page: a fault that a zeroed page answers. */
  readonly firstTouch: number;
  /** A page read back from swap, fault and all. */
  readonly swapIn: number;
  /** A page written to swap. */
  readonly swapOut: number;
  /** A page copied to another node, unmapped and mapped again; a large folio costs so much for each of its pages. */
  readonly migrate: number;
  /** A page that reclaim looks at. */
  readonly scan: number;
  /** A hint fault, by which promotion learns that a page was touched. */
  readonly hintFault: number;
  /** A call by which a program that counts a page's uses asks whether a move pays. */
  readonly judge: number;
}

export const COSTS: Costs = {
  dram: 100,
  slow: 300,
  firstTouch: 1000,
  swapIn: 10_000,
  swapOut: 10_000,
  migrate: 2000,
  scan: 50,
  hintFault: 1000,
  judge: 200,
};

/** Names and units of the table, for the report. */
export const COST_NAMES: Readonly<Record<keyof Costs, string>> = {
  dram: "access to a page on node 0 (DRAM)",
  slow: "access to a page on node 1 (slower memory)",
  firstTouch: "first touch of a page",
  swapIn: "page read from swap, with its fault",
  swapOut: "page written to swap",
  migrate: "page moved to another node",
  scan: "page looked at by reclaim",
  hintFault: "hint fault (promotion)",
  judge: "page judged for promotion by its uses",
};

/** What happened in a stretch of a run: accesses by where their page was, and the work done meanwhile. */
export interface Work {
  readonly node0: number;
  readonly node1: number;
  readonly swap: number;
  /** First touches. */
  readonly fresh: number;
  readonly pswpout: number;
  readonly migrated: number;
  readonly scanned: number;
  readonly hintFaults: number;
  /** Pages judged by their uses. */
  readonly judged?: number | undefined;
}

/** Nanoseconds an access: waiting for memory, waiting for swap, and reclaim's and promotion's own work. */
export interface Price {
  readonly memory: number;
  readonly swap: number;
  readonly work: number;
  readonly total: number;
}

/** Price a stretch. All work is charged to the program, as on a machine of one CPU. */
export function price(w: Work, costs: Costs = COSTS): Price {
  const accesses = Math.max(1, w.node0 + w.node1 + w.swap + w.fresh);
  const memory = (w.node0 * costs.dram + w.node1 * costs.slow + w.fresh * costs.firstTouch) / accesses;
  const swap = (w.swap * costs.swapIn + w.pswpout * costs.swapOut) / accesses;
  const work =
    (w.migrated * costs.migrate +
      w.scanned * costs.scan +
      w.hintFaults * costs.hintFault +
      (w.judged ?? 0) * costs.judge) /
    accesses;
  return { memory, swap, work, total: memory + swap + work };
}

/** What was served from where (node 0, node 1, swap, first touch), and what that took by these counters. */
export function workOf(
  served: readonly number[],
  v: Readonly<Record<"pswpout" | "pgmigrate_success" | "pgscan_kswapd" | "pgscan_direct" | "pgrefill", number>>,
  hintFaults: number,
  judged = 0,
): Work {
  const [node0 = 0, node1 = 0, swap = 0, fresh = 0] = served;
  const scanned = v.pgscan_kswapd + v.pgscan_direct + v.pgrefill;
  return { node0, node1, swap, fresh, pswpout: v.pswpout, migrated: v.pgmigrate_success, scanned, hintFaults, judged };
}
/** The work done between two moments. */
export function difference(to: Work, from: Work): Work {
  return {
    node0: to.node0 - from.node0,
    node1: to.node1 - from.node1,
    swap: to.swap - from.swap,
    fresh: to.fresh - from.fresh,
    pswpout: to.pswpout - from.pswpout,
    migrated: to.migrated - from.migrated,
    scanned: to.scanned - from.scanned,
    hintFaults: to.hintFaults - from.hintFaults,
    judged: (to.judged ?? 0) - (from.judged ?? 0),
  };
}
