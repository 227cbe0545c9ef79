/**
 * The memory of this machine as tiers, derived as Linux derives it (mm/memory-tiers.c): where the kernel says what its tiers are,
 * by that; else by what HMAT says of each node, as mt_perf_to_adistance() weighs it; else a node without CPUs is taken for the
 * slower memory that such nodes usually are (dax/kmem's default distance). A node demotes to the nearest nodes of the next tier, all
 * that are equally near (establish_demotion_targets).
 */
import { type CgroupLimits, type Performance, readSysfs, type SysfsMemory, type SysfsNode } from "./sysfs.ts";

/** Abstract distance of DRAM, of slower memory of which nothing is known (MEMTIER_DEFAULT_DAX_ADISTANCE), and of one tier. */
export const ADISTANCE_DRAM = 576;
const ADISTANCE_DAX = 5 * ADISTANCE_DRAM;
const TIER_SHIFT = 7;

/** A memory node of the machine. */
export interface HostNode {
  /** The kernel's number. */
  readonly id: number;
  readonly hasCpu: boolean;
  /** Bytes in all, and free now. */
  readonly size: number;
  readonly free: number;
  /** NUMA distance to the nodes with memory, by number. */
  readonly distances: Readonly<Record<number, number>>;
  readonly performance: Performance | undefined;
  /** Abstract distance: smaller is faster, 576 is DRAM, 128 make a tier. */
  readonly adistance: number;
  /** 0 is the fastest of this machine. */
  readonly tier: number;
  /** Nodes that it demotes to first. */
  readonly demotionTargets: readonly number[];
  /** Whether the process's cgroup may use it. */
  readonly allowed: boolean;
}

/** The machine's memory. */
export interface HostTopology {
  readonly nodes: readonly HostNode[];
  /** Node numbers of each tier, fastest first. */
  readonly tiers: readonly (readonly number[])[];
  /** Whether the kernel demotes pages by itself; undefined where it cannot. */
  readonly demotionEnabled: boolean | undefined;
  readonly cgroup: CgroupLimits | undefined;
  /** Bytes that may still be taken until a limit of the cgroup or of one above it is reached; Infinity: there is none. */
  readonly room: number;
}

/** Read the machine's memory. `root`: "/" or a folder with a copy of its sysfs. @throws {@link LieuError} ENOTSUP */
export function hostTopology(root = "/"): HostTopology {
  return deriveTopology(readSysfs(root));
}

/** What {@link hostTopology} makes of what sysfs says. */
export function deriveTopology(sysfs: SysfsMemory): HostTopology {
  const adistances = new Map(sysfs.nodes.map((node) => [node.id, adistanceOf(node, sysfs)]));
  const chunks = [...new Set([...adistances.values()].map((d) => d >> TIER_SHIFT))].sort((a, b) => a - b);
  const tierOf = (id: number): number => chunks.indexOf((adistances.get(id) as number) >> TIER_SHIFT);
  const nodes = sysfs.nodes.map((node): HostNode => {
    const { id, hasCpu, size, free, performance } = node;
    const distances: Record<number, number> = {};
    for (const to of sysfs.nodes) distances[to.id] = node.distances.get(to.id) ?? (to.id === id ? 10 : 20);
    const next = sysfs.nodes.filter((to) => tierOf(to.id) === tierOf(id) + 1).map((to) => to.id);
    const nearest = Math.min(...next.map((to) => distances[to] as number));
    return {
      id,
      hasCpu,
      size,
      free,
      distances,
      performance,
      adistance: adistances.get(id) as number,
      tier: tierOf(id),
      demotionTargets: next.filter((to) => distances[to] === nearest),
      allowed: sysfs.cgroup?.mems?.includes(id) ?? true,
    };
  });
  const tiers = chunks.map((_, tier) => nodes.filter((node) => node.tier === tier).map((node) => node.id));
  return { nodes, tiers, demotionEnabled: sysfs.demotionEnabled, cgroup: sysfs.cgroup, room: sysfs.room };
}

function adistanceOf(node: SysfsNode, { nodes, tiers }: SysfsMemory): number {
  const tier = tiers?.find((t) => t.nodes.includes(node.id));
  // The middle of the tier's chunk, as DRAM's is of its own.
  if (tier !== undefined) return (tier.id << TIER_SHIFT) + (1 << (TIER_SHIFT - 1));
  const dram = nodes.find((n) => n.hasCpu && n.performance !== undefined)?.performance;
  if (dram === undefined || node.performance === undefined) return node.hasCpu ? ADISTANCE_DRAM : ADISTANCE_DAX;
  return perfToAdistance(node.performance, dram);
}

/** mt_perf_to_adistance(): DRAM's distance, times how much slower, times how much narrower. */
export function perfToAdistance(perf: Performance, dram: Performance): number {
  const latency = (p: Performance): number => p.readLatency + p.writeLatency;
  const bandwidth = (p: Performance): number => p.readBandwidth + p.writeBandwidth;
  const slower = latency(perf) / latency(dram);
  const narrower = bandwidth(perf) > 0 && bandwidth(dram) > 0 ? bandwidth(dram) / bandwidth(perf) : 1;
  return Math.max(1, Math.round(ADISTANCE_DRAM * slower * narrower));
}
