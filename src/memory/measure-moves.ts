/**
 * What it costs to move a page to another node, and for reclaim to look at one, measured (measure.ts says when). A move is
 *
 *   the engine's work   entries, lists, counters: timed on a small memory of its own, whose pages have no bytes
 *   the copy            of a page at random from the node, to memory that is not in the CPU's caches
 *
 * and what has been measured once holds for all memories of the process.
 */
import { N_PAGES, N_START, node as nodeField } from "../mm/layout.ts";
import { PTE_ACCESSED } from "../mm/page-table.ts";
import { Mapping } from "../runtime/mapping.ts";
import { simCrank } from "../runtime/sim.ts";
import type { Vm } from "../runtime/vm.ts";
import { boot } from "./boot.ts";
import { resolveOptions } from "./options.ts";
import { globalVmstat } from "./vmstat.ts";

const PAGE = 4096;
/** Pages that are moved, or copied, in a round; rounds, of which the fastest counts: the others were interrupted. */
const PAGES = 256;
const ROUNDS = 3;
/** Bytes of each of the small memory's nodes; and of what pages are copied to, more than a core's own caches hold. */
const NODE = 4 * 2 ** 20;
const SIZE = 8 * 2 ** 20;
/** Ask for a demotion or nothing (RECLAIM_DEMOTE_ONLY of mm/limits.ts). */
const DEMOTE_ONLY = 1;

/** Nanoseconds of the engine's work. */
export interface EngineWork {
  /** For a page that is moved, the look that found it not counted. */
  readonly move: number;
  readonly look: number;
}

let engineWork: EngineWork | undefined;

/** What the engine does for a move and for a look. */
export function measureEngine(): EngineWork {
  engineWork ??= timeEngine();
  return engineWork;
}
function timeEngine(): EngineWork {
  const slow = { kind: "model", size: NODE, tier: 1 };
  const config = resolveOptions({ nodes: { fast: { kind: "model", size: NODE }, slow }, promotion: false, seed: 1 });
  const vm = boot(config, simCrank());
  try {
    let both = Number.POSITIVE_INFINITY;
    let longer = Number.POSITIVE_INFINITY;
    let more = 1;
    for (let round = 0; round < ROUNDS; round++) {
      const cold = timeRound(vm, false);
      both = Math.min(both, cold.ns / cold.moved);
      const warm = timeRound(vm, true);
      longer = Math.min(longer, warm.ns / warm.moved);
      more = Math.max(1, warm.looked - warm.moved) / warm.moved;
    }
    // Each by its fastest round: an early one's moves would take the looks of a later one for nothing.
    const look = (longer - both) / more;
    return { move: Math.max(1, both - Math.max(1, look)), look: Math.max(1, look) };
  } finally {
    vm.close();
  }
}
/** Send half of a region down that is not in use, or that was when it was last looked at. */
function timeRound(vm: Vm, used: boolean): { ns: number; moved: number; looked: number } {
  const policy = { mode: "default" as const, mask: 0, weights: new Map<number, number>() };
  const pages = 2 * PAGES;
  const mapping = new Mapping(vm, { what: "pages", pages, file: false, memcg: 0, order: 0, locked: false, policy });
  for (let page = 0; page < pages; page++) mapping.fault(page, 1, 0);
  vm.calls.adviseCold(mapping.start, pages);
  const { h32 } = vm.segment;
  const first = vm.pageTable + mapping.start;
  if (used) for (let page = 0; page < pages; page++) h32[first + page] = (h32[first + page] as number) | PTE_ACCESSED;
  const before = globalVmstat(vm);
  const begun = performance.now();
  vm.calls.reclaimProactive(PAGES, 1, -1, DEMOTE_ONLY);
  const ns = (performance.now() - begun) * 1e6;
  const after = globalVmstat(vm);
  mapping.unmap();
  const looks = (v: typeof after): number => v.pgscan_proactive + v.pgrefill;
  const moved = Math.max(1, after.pgmigrate_success - before.pgmigrate_success);
  return { ns, moved, looked: looks(after) - looks(before) };
}

let target: Uint8Array | undefined;

/** Nanoseconds to copy a page of node `nid`, which must have been touched. It is only read: others may be at work there. */
export function measureCopy(vm: Vm, nid: number): number {
  target ??= new Uint8Array(SIZE);
  const { h8, data } = vm.segment;
  vm.inspect();
  const start = data + nodeField(nid, N_START) * PAGE;
  const pages = nodeField(nid, N_PAGES);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= ROUNDS; round++) {
    const begun = performance.now();
    copyPages(h8, start, pages, target, round);
    // The first finds the memory that it copies to untouched.
    if (round > 0) best = Math.min(best, performance.now() - begun);
  }
  target = undefined;
  return (best * 1e6) / PAGES;
}
/** Each page a step of about five eighths of all further on: no two that follow are neighbours. */
function copyPages(from: Uint8Array, start: number, pages: number, to: Uint8Array, round: number): void {
  const step = Math.max(1, Math.floor(pages * 0.618)) | 1;
  for (let i = 0, at = round % pages; i < PAGES; i++, at = (at + step) % pages) {
    const page = start + at * PAGE;
    to.set(from.subarray(page, page + PAGE), ((i * 1669) % (SIZE / PAGE)) * PAGE);
  }
}
