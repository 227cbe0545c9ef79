/**
 * Nodes of kind "model": frames without bytes and a latency, for study and planning. A memory of model nodes makes the
 * same decisions as a real one of the same sizes, but holds no data.
 */
import { ADISTANCE_DRAM, LATENCY_DRAM } from "./dram.ts";

/** What stands for a node of kind "model". */
export interface ModelNode {
  readonly kind: "model";
  readonly hasBytes: false;
  readonly adistance: number;
  readonly latency: number;
}

/**
 * A model node of the given latency in nanoseconds. Its abstract distance follows from the latency as mt_perf_to_adistance()
 * has it, taking the bandwidth to fall as the latency rises only through that one figure: 576 x latency / DRAM's.
 */
export function modelNode(latency: number = LATENCY_DRAM): ModelNode {
  const adistance = Math.max(1, Math.round((ADISTANCE_DRAM * latency) / LATENCY_DRAM));
  return { kind: "model", hasBytes: false, adistance, latency };
}
