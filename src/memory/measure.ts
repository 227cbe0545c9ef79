/**
 * How long an access to a node takes, measured: where a node lies on memory of the machine of whose latency the firmware says nothing
 * (HMAT), and the options neither. It takes a few milliseconds, once for each host node in the process. Nodes that turn out to
 * be equally fast differ by so little that nothing is worth a move between them.
 */
import { N_START, node as nodeField } from "../mm/layout.ts";
import type { Vm } from "../runtime/vm.ts";
import type { Harness } from "./harness.ts";
import type { MemoryConfig, NodeConfig } from "./options.ts";

/** Reads of a round, each of which waits for the one before; rounds, of which the fastest counts: the others were interrupted. */
const READS = 4096;
const ROUNDS = 8;
/** A node of fewer words may well be in the CPU's caches. */
const LEAST_WORDS = 2 ** 24;

/** Nanoseconds by the memory that a node lies on. */
const measured = new Map<string, number>();

function isEstimate({ backing, latencyGiven }: NodeConfig): boolean {
  return backing.kind === "numa" && backing.estimated && !latencyGiven;
}
/**
 * Measure what is estimated, and DRAM beside it, and tell the engine. All pages must have been touched. Not where a run is to be the
 * same each time.
 */
export function measureLatencies(vm: Vm, config: MemoryConfig, harness: Harness): void {
  if (harness.crank !== undefined || config.seeded || !config.nodes.some(isEstimate)) return;
  if (vm.closed || !vm.segment.touched) return;
  config.nodes.forEach((node, nid) => {
    if (!isEstimate(node) && (node.backing.kind !== "dram" || node.latencyGiven)) return;
    const { backing } = node;
    const key = backing.kind === "numa" ? `host node ${backing.hostNode}` : backing.kind;
    const ns = measured.get(key) ?? measure(vm, nid, node.pages);
    if (ns === undefined) return;
    measured.set(key, ns);
    vm.calls.setLatency(nid, ns);
  });
  const { move, look, touch } = config.prices;
  vm.calls.setPrices(move, look, touch);
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
