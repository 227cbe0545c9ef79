/**
 * The nodes of a memory on this machine (`nodes: "host"`): one of kind "numa" for each memory node that the process may use, with the
 * tiers and distances that Linux gives them. How large: half of what is free on each, of what the cgroup's limit leaves too, and all
 * of them together as much as one segment holds. Of more nodes than a memory can have, the fastest and then the largest.
 */
import { LieuError } from "../errors.ts";
import { type HostTopology, hostTopology } from "../host/topology.ts";
import { MAX_NODES } from "../mm/layout.ts";
import type { NumaNodeOptions } from "./memory-options.ts";

const MiB = 2 ** 20;
/** What all nodes together may come to: one segment, less room for its metadata. */
const MOST = 3.5 * 2 ** 30;
/** Nodes smaller than this are left out. */
const LEAST = 4 * MiB;

/** Options of the nodes that this machine has. @throws {@link LieuError} ENOTSUP where the system has no memory nodes, or no room */
export function hostNodeOptions(topology: HostTopology = hostTopology()): Record<string, NumaNodeOptions> {
  const nodes = topology.nodes
    .filter((node) => node.allowed && node.free / 2 >= LEAST)
    .sort((a, b) => a.tier - b.tier || b.free - a.free)
    .slice(0, MAX_NODES)
    .sort((a, b) => a.id - b.id);
  const sizes = nodes.map((node) => node.free / 2);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const share = Math.min(1, MOST / total, topology.room / 2 / total);
  const options: Record<string, NumaNodeOptions> = {};
  nodes.forEach(({ id }, i) => {
    const mib = Math.floor(((sizes[i] as number) * share) / MiB);
    if (mib * MiB >= LEAST) options[`node${id}`] = { kind: "numa", hostNode: id, size: `${mib}MiB` };
  });
  if (Object.keys(options).length === 0) {
    throw new LieuError("ENOTSUP", "no memory node of this machine has room for a node of a memory");
  }
  return options;
}
