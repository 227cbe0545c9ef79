/**
 * Nodes of kind "numa": a range of the segment whose pages the kernel keeps on one memory node of the machine (mbind). Where a
 * machine has CXL memory, persistent memory or a second socket, this is how a lieu node lies on it.
 */
import { LieuError } from "../errors.ts";
import { libc, SystemError } from "../host/libc.ts";
import { ADISTANCE_DRAM, type HostNode, hostTopology } from "../host/topology.ts";
import { LATENCY_DRAM } from "./dram.ts";

/** What backs a node of kind "numa". */
export interface NumaNode {
  readonly kind: "numa";
  readonly hasBytes: true;
  /** As Linux has it for the host's node. */
  readonly adistance: number;
  /** Nanoseconds, from HMAT; where there is none, DRAM's, in proportion to the NUMA distance from the nearest CPU. */
  readonly latency: number;
  /** Whether that is DRAM's in proportion. */
  readonly estimated: boolean;
  readonly hostNode: number;
  /** NUMA distance to the host's nodes. */
  readonly distances: Readonly<Record<number, number>>;
  /** Where it cannot be bound: go on as a "dram" node, with a warning. */
  readonly fallback: boolean;
}

/**
 * The backing of a "numa" node on host node `hostNode`. `what` is what messages call it.
 *
 * @throws {@link LieuError} EINVAL if the machine has no such node with memory, ENOTSUP where there are no NUMA nodes
 */
export function numaNode(hostNode: number, fallback: boolean, what: string): NumaNode {
  const { nodes } = hostTopology();
  const host = nodes.find((node) => node.id === hostNode);
  if (host === undefined) {
    const known = nodes.map((node) => node.id).join(", ");
    throw new LieuError("EINVAL", `${what}.hostNode is ${hostNode}: this machine has memory on node ${known} alone`);
  }
  if (!host.allowed) {
    const why = "the process's cgroup may not use it (cpuset.mems)";
    throw new LieuError("EACCES", `${what}.hostNode is ${hostNode}: ${why}`);
  }
  const { adistance, distances } = host;
  const latency = latencyOf(host, nodes);
  const estimated = host.performance === undefined;
  return { kind: "numa", hasBytes: true, adistance, latency, estimated, hostNode, distances, fallback };
}

function latencyOf(host: HostNode, nodes: readonly HostNode[]): number {
  if (host.performance !== undefined) return host.performance.readLatency;
  const fromCpus = nodes.filter((node) => node.hasCpu).map((node) => node.distances[host.id] ?? 10);
  // The CPUs may all be on nodes without memory.
  if (fromCpus.length === 0) return Math.round((LATENCY_DRAM * host.adistance) / ADISTANCE_DRAM);
  return Math.round((LATENCY_DRAM * Math.min(...fromCpus)) / 10);
}

/**
 * Keep the pages of `range` on the node's host node, and see that they come to lie there: its first page is touched, which must be
 * zeros or not yet there.
 *
 * @throws {@link LieuError} ENOTSUP without koffi, EACCES if the process may not (CAP_SYS_NICE), EINVAL, ENOMEM if the host node is full
 */
export function bindNode(node: NumaNode, range: Uint8Array, what: string): void {
  const calls = libc(`${what} (kind "numa")`);
  try {
    calls.bindTo(range, node.hostNode);
    range[0] = 0;
    const placed = calls.placement(range.subarray(0, 4096));
    if (placed.size === 0 || placed.has(node.hostNode)) return;
    const where = [...placed.keys()].join(", ");
    throw new LieuError("EIO", `${what}: its pages should be on host node ${node.hostNode} but are on ${where}`);
  } catch (error) {
    if (error instanceof SystemError) throw explain(error, node, what);
    throw error;
  }
}

/** End what {@link bindNode} began, before others use the range: its pages go back to the host's node. */
export function unbindNode(range: Uint8Array): void {
  const calls = libc('kind "numa"');
  calls.unbind(range);
  calls.discard(range);
}

/** Pages of a node's range on each host node, by number; untouched ones are nowhere. @throws {@link LieuError} ENOTSUP */
export function hostPlacement(range: Uint8Array): Map<number, number> {
  return libc("where pages are on the host").placement(range);
}

function explain(error: SystemError, node: NumaNode, what: string): LieuError {
  const target = `${what} on host node ${node.hostNode}`;
  switch (error.errno) {
    case "EPERM":
    case "EACCES":
      return new LieuError("EACCES", `${target}: mbind(2) was refused; the process needs CAP_SYS_NICE`, {
        cause: error,
      });
    case "ENOSYS":
      return new LieuError("ENOTSUP", `${target}: this kernel has no mbind(2)`, { cause: error });
    case "ENOMEM":
    case "EIO":
      return new LieuError("ENOMEM", `${target}: the node has no room`, { cause: error });
    default:
      return new LieuError("EINVAL", `${target}: ${error.message}`, { cause: error });
  }
}
