/**
 * Prices, measured where a memory is real, and the options do not say them.
 *
 * How long an access to a node takes: where a node lies on memory of the machine of whose latency the firmware says nothing
 * (HMAT), and the options neither: `latency`, or a `tier` or `distance`, which stand for one. What turns out to be about as fast is taken for as fast, so that nothing is worth a move between them.
 *
 * What a move of a page costs, and a look at one (measure-moves.ts), where a page could move: both nodes have a part in a move, and the
 * price is that of the one that is dearest to copy from.
 *
 * It takes a few milliseconds, once for each host node in the process.
 */
import { N_START, node as nodeField } from "../mm/layout.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Harness } from "./harness.ts";
import { measureCopy, measureEngine } from "./measure-moves.ts";
import type { MemoryConfig, NodeConfig } from "./options.ts";

/** Reads of a round, each of which waits for the one before; rounds, of which the fastest counts: the others were interrupted. */
const READS = 4096;
const ROUNDS = 8;
/** A node of fewer words may well be in the CPU's caches. */
const LEAST_WORDS = 2 ** 24;

/** Latencies that differ by less than a part in so many are the same: rounds of one memory differ by as much. */
const ALIKE = 8;

/** Nanoseconds by the memory that a node lies on: of an access, and of the copy of a page. */
const measured = new Map<string, number>();
const copies = new Map<string, number>();

function isEstimate({ backing, latencyGiven }: NodeConfig): boolean {
  return backing.kind === "numa" && backing.estimated && !latencyGiven;
}
function memoryOf({ backing }: NodeConfig): string {
  return backing.kind === "numa" ? `host node ${backing.hostNode}` : backing.kind;
}
/**
 * Measure what nobody has said, and tell the engine. All pages must have been touched. Not where a run is to be the
 * same each time.
 */
export function measurePrices(vm: Vm, config: MemoryConfig, harness: Harness): void {
  if (harness.crank !== undefined || config.seeded || config.nodes.length === 1) return;
  if (vm.closed || !vm.segment.touched) return;
  if (config.nodes.some(isEstimate)) measureLatencies(vm, config);
  const { touch, moveGiven, lookGiven } = config.prices;
  let { move, look } = config.prices;
  const copy = moveGiven ? undefined : dearestCopy(vm, config);
  if (copy !== undefined) move = Math.round(measureEngine().move + copy);
  if (!lookGiven) look = Math.round(measureEngine().look);
  vm.calls.setPrices(move, look, touch);
}
/** What is estimated, and DRAM beside it. */
function measureLatencies(vm: Vm, config: MemoryConfig): void {
  config.nodes.forEach((node, nid) => {
    if (!isEstimate(node) && (node.backing.kind !== "dram" || node.latencyGiven)) return;
    const known = measured.get(memoryOf(node));
    const ns = known ?? measure(vm, nid, node.pages);
    if (ns === undefined) return;
    const alike = known ?? [...measured.values()].find((other) => Math.abs(other - ns) * ALIKE <= other) ?? ns;
    measured.set(memoryOf(node), alike);
    vm.calls.setLatency(nid, alike);
  });
}
/** Nanoseconds to copy a page, of the nodes of the machine's memory; undefined if there are none. A file's pages may be on a disk. */
function dearestCopy(vm: Vm, config: MemoryConfig): number | undefined {
  let most: number | undefined;
  config.nodes.forEach((node, nid) => {
    if (node.backing.kind !== "dram" && node.backing.kind !== "numa") return;
    const ns = copies.get(memoryOf(node)) ?? measureCopy(vm, nid);
    copies.set(memoryOf(node), ns);
    most = Math.max(most ?? 0, ns);
  });
  return most;
}

/** Whole nanoseconds, at least 1; undefined if the node is too small to tell. */
function measure(vm: Vm, nid: number, pages: number): number | undefined {
  const words = 2 ** Math.floor(Math.log2(pages * 1024));
  if (words < LEAST_WORDS) return undefined;
  const { h32, data } = vm.segment;
  vm.inspect();
  const first = (data >>> 2) + nodeField(nid, N_START) * 1024;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    chase(h32, first, words - 1, round, vm.shape.nodes >>> 8);
    best = Math.min(best, performance.now() - begun);
  }
  return Math.max(1, Math.round((best * 1e6) / READS));
}
/** Read words at random, each at a place that depends on the one before. `nothing`: 0, which the compiler does not know. */
function chase(words: Int32Array, first: number, mask: number, seed: number, nothing: number): number {
  let x = Math.imul(seed + 1, 0x9e3779b1);
  for (let i = 0; i < READS; i++) {
    const word = words[first + ((x >>> 5) & mask)] as number;
    x = (Math.imul(x ^ (word & nothing), 1664525) + 1013904223) | 0;
  }
  return x;
}
