/** Nodes of kind "dram": frames with bytes, in the shared segment. */

/** What backs a node of kind "dram". */
export interface DramNode {
  readonly kind: "dram";
  readonly hasBytes: true;
  /** Default abstract distance (MEMTIER_ADISTANCE_DRAM). */
  readonly adistance: number;
  /** Nanoseconds an access is taken to cost in reports. */
  readonly latency: number;
}

/** Abstract distance of DRAM (MEMTIER_ADISTANCE_DRAM: four chunks of 128 and a half). */
export const ADISTANCE_DRAM = 576;
/** Latency of DRAM in nanoseconds that others are compared with. */
export const LATENCY_DRAM = 100;

/** The backing of a "dram" node. */
export function dramNode(): DramNode {
  return { kind: "dram", hasBytes: true, adistance: ADISTANCE_DRAM, latency: LATENCY_DRAM };
}
