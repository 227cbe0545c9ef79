/**
 * Looks at a memory that processes share, from outside (memory/named-copy.ts): the same header and snapshots as a recorder of a program's own
 * (recorder.ts), but for what only the program knows: how long gets take, its miss-ratio curves, kswapd's time, hits on its heaps.
 */
import { isLieuError } from "../errors.ts";
import { copiesOf, type NamedCopy } from "../memory/named-copy.ts";
import { joined } from "../memory/named-look.ts";
import { swapBytes } from "../memory/swap-info.ts";
import { globalVmstat, nodeVmstat } from "../memory/vmstat.ts";
import { knowsLastUse } from "../mm/last-use.ts";
import {
  C_HIGH,
  C_LOW,
  C_MAX,
  C_MIN,
  C_SWAP,
  C_USAGE,
  memcg,
  N_FREE,
  N_PAGES,
  N_TIER,
  N_WMARK_HIGH,
  N_WMARK_LOW,
  N_WMARK_MIN,
  node,
  S_FAILED,
  swapDev,
  V_HELD,
  V_RESIDENT,
  V_SWAPPED,
  vma,
} from "../mm/layout.ts";
import { PAGE_COUNTER_MAX } from "../mm/memcg.ts";
import { PageSampler, sampleAll } from "./page-map.ts";
import { IDLE_BASE } from "./recorder.ts";
import { CURVE_SIZES, type GroupSnapshot, type Header, type Snapshot } from "./wire.ts";

const PAGE = 4096;

export class NamedRecorder {
  readonly header: Header;
  readonly #shards: readonly ShardRecorder[];

  /** @throws {@link LieuError} ENOENT, EACCES, EINVAL, EAGAIN: what {@link copiesOf} does */
  constructor(name: string, title: string = name) {
    this.#shards = copiesOf(name).map((copy) => new ShardRecorder(copy));
    const headers = this.#shards.map((shard) => shard.header(title));
    this.header = { ...(headers[0] as Header), ...nodesAndSwap(headers) };
  }

  /** The memory as it is now, which is `at`; undefined: it is no more, or another has its name. @throws {@link LieuError} EACCES, EIO */
  snapshot(at: number): Snapshot | undefined {
    for (const shard of this.#shards) if (!shard.take()) return undefined;
    const pages = this.#shards.map((shard) => shard.pages);
    return { ...joinSnapshots(this.#shards.map((shard) => shard.snapshot(at))), ...sampleAll(pages, at) };
  }
}

/** What is not of the map of pages. */
type Counts = Omit<Snapshot, "map" | "idle">;

function nodesAndSwap(headers: readonly Header[]): Pick<Header, "nodes" | "swap"> {
  return { nodes: joined(headers.map(({ nodes }) => nodes)), swap: joined(headers.map(({ swap }) => swap)) };
}
const addUp = (lists: readonly (readonly number[])[]): number[] =>
  (lists[0] as readonly number[]).map((_, i) => lists.reduce((sum, list) => sum + (list[i] as number), 0));
/** Snapshots of the shards of a memory, as one. */
function joinSnapshots(all: readonly Counts[]): Counts {
  const [first] = all as [Counts];
  if (all.length === 1) return first;
  return {
    ...first,
    vmstat: addUp(all.map(({ vmstat }) => vmstat)),
    nodes: first.nodes.map((_, nid) => {
      const nodes = all.map((one) => one.nodes[nid] as Counts["nodes"][number]);
      const [size, free] = addUp(nodes.map((node) => [node.size, node.free])) as [number, number];
      return { size, free, vmstat: addUp(nodes.map(({ vmstat }) => vmstat)) };
    }),
    swap: first.swap.map((_, dev) => {
      const swap = all.map((one) => one.swap[dev] as Counts["swap"][number]);
      const sums = addUp(swap.map(({ size, used, stored }) => [size, used, stored])) as [number, number, number];
      return { size: sums[0], used: sums[1], stored: sums[2], failed: swap.some(({ failed }) => failed) };
    }),
    groups: joinGroups(all.map(({ groups }) => groups)),
    caches: joined(all.map(({ caches }) => caches)),
    served: addUp(all.map(({ served }) => served)),
  };
}
/** A limit is the sum of its shares; none is none. */
function joinGroups(shards: readonly (readonly GroupSnapshot[])[]): GroupSnapshot[] {
  return joined(shards).map((group) => {
    const parts = shards.flatMap((groups) => groups.filter(({ name }) => name === group.name));
    const unlimited = (limit: "high" | "max"): boolean => parts.some((part) => part[limit] === null);
    return { ...group, high: unlimited("high") ? null : group.high, max: unlimited("max") ? null : group.max };
  });
}

/** Of one shard, or of a memory that has no other. */
class ShardRecorder {
  readonly #copy: NamedCopy;
  readonly pages: PageSampler;

  constructor(copy: NamedCopy) {
    this.#copy = copy;
    this.pages = new PageSampler(copy, IDLE_BASE.seconds);
  }

  header(title: string): Header {
    const copy = this.#copy;
    copy.inspect();
    const { about } = copy;
    const tiers = [...new Set(about.nodes.map((_, nid) => node(nid, N_TIER)))].sort((a, b) => a - b);
    const bytes = (nid: number, field: number): number => node(nid, field) * PAGE;
    return {
      version: 1,
      title,
      clock: "seconds",
      counters: Object.keys(globalVmstat(copy)),
      nodes: about.nodes.map((name, nid) => ({
        name,
        kind: "shared",
        tier: tiers.indexOf(node(nid, N_TIER)),
        size: bytes(nid, N_PAGES),
        min: bytes(nid, N_WMARK_MIN),
        low: bytes(nid, N_WMARK_LOW),
        high: bytes(nid, N_WMARK_HIGH),
      })),
      swap: about.swap.map((name, dev) => ({
        name,
        kind: about.devices[dev]?.kind ?? "",
        size: swapBytes(dev).size,
      })),
      ages: knowsLastUse() ? "uses" : "lists",
      idleBase: IDLE_BASE.seconds,
    };
  }

  /** Copy it as it is now. False: it is no more, or another has its name. */
  take(): boolean {
    try {
      this.#copy.take();
    } catch (error) {
      if (isLieuError(error) && error.code === "ENOENT") return false;
      throw error;
    }
    return true;
  }
  /** What was copied. */
  snapshot(at: number): Counts {
    const copy = this.#copy;
    copy.inspect();
    const { nodes, swap } = copy.about;
    const { caches, groups } = copy.control.registry();
    const served = new Array<number>(nodes.length + swap.length + 1).fill(0);
    const seen = caches.map(({ name, data, meta, maxPages }) => {
      const { entries, misses, hits } = copy.storeCounts(meta.start) ?? { entries: 0, misses: 0, hits: [] };
      for (const [tier, n] of [...hits.entries(), [served.length - 1, misses] as const])
        served[tier] = (served[tier] as number) + n;
      const pages = [V_RESIDENT, V_SWAPPED, V_HELD].reduce((sum, field) => sum + vma(data.id, field), 0);
      const requests = hits.reduce((sum, n) => sum + n, misses);
      return {
        name,
        entries,
        size: (pages + vma(meta.id, V_RESIDENT)) * PAGE,
        maxSize: maxPages * PAGE,
        requests,
        misses,
        curve: CURVE_SIZES.map(() => null),
      };
    });
    return {
      at,
      vmstat: Object.values(globalVmstat(copy)),
      nodes: nodes.map((_, nid) => ({
        size: node(nid, N_PAGES) * PAGE,
        free: node(nid, N_FREE) * PAGE,
        vmstat: Object.values(nodeVmstat(copy, nid)),
      })),
      swap: swap.map((_, dev) => ({ ...swapBytes(dev), failed: swapDev(dev, S_FAILED) !== 0 })),
      groups: groups.map(({ name, id }) => groupSnapshot(name, id)),
      caches: seen,
      served,
      latency: [],
      kswapdMs: null,
    };
  }
}

function groupSnapshot(name: string, id: number): GroupSnapshot {
  const bytes = (field: number): number => memcg(id, field) * PAGE;
  const limit = (field: number): number | null => (memcg(id, field) === PAGE_COUNTER_MAX ? null : bytes(field));
  const limits = { min: bytes(C_MIN), low: bytes(C_LOW), high: limit(C_HIGH), max: limit(C_MAX) };
  return { name, usage: bytes(C_USAGE), swap: bytes(C_SWAP), ...limits };
}
