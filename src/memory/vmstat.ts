/** Counter snapshots: Linux's names, for the whole memory, a node, or a group. */
import {
  C_ACTIVE,
  C_SWAP,
  C_ZSWAP,
  C_ZSWAPPED,
  H_NR_SWAP,
  H_ZPOOL_FREE,
  H_ZPOOL_HELD,
  H_ZPOOL_PAGES,
  hdr,
  L_SIZE,
  lru,
  lruvecOf,
  MAX_MEMCG,
  memcg,
  N_FREE,
  N_ISOLATED_ANON,
  N_ISOLATED_FILE,
  node,
  S_FREE,
  S_SLOTS,
  statGlobal,
  statMemcg,
  statNode,
  swapDev,
} from "../mm/layout.ts";
import { isDescendant } from "../mm/memcg.ts";
import { poolDevice } from "../mm/swap.ts";
import { VM_EVENTS, type VmEventName } from "../mm/vmstat-names.ts";
import { zdictPagesInUse } from "../mm/zdict.ts";
import type { Vm } from "../runtime/vm.ts";

/** Gauges: pages now. */
const LISTS = ["nr_inactive_anon", "nr_active_anon", "nr_inactive_file", "nr_active_file", "nr_unevictable"] as const;
const GAUGES = [
  "nr_free_pages",
  ...LISTS,
  "nr_isolated_anon",
  "nr_isolated_file",
  "nr_swapped",
  "nr_zswapped",
  "nr_zspages",
] as const;

/** The name of a gauge. */
export type VmGaugeName = (typeof GAUGES)[number];
/** A snapshot: gauges (nr_*, pages now) and counters since the memory was opened. */
export type Vmstat = Readonly<Record<VmGaugeName | VmEventName, number>>;

function snapshot(nids: readonly number[], groups: (cg: number) => boolean, event: (item: number) => number): Vmstat {
  const out = {} as Record<VmGaugeName | VmEventName, number>;
  for (const name of GAUGES) out[name] = 0;
  for (const nid of nids) {
    out.nr_free_pages += node(nid, N_FREE);
    out.nr_isolated_anon += node(nid, N_ISOLATED_ANON);
    out.nr_isolated_file += node(nid, N_ISOLATED_FILE);
    for (let cg = 0; cg < MAX_MEMCG; cg++) {
      if (memcg(cg, C_ACTIVE) === 0 || !groups(cg)) continue;
      LISTS.forEach((name, i) => {
        out[name] += lru(lruvecOf(nid, cg), L_SIZE + (i << 2));
      });
    }
  }
  VM_EVENTS.forEach(([name], item) => {
    out[name] = event(item);
  });
  const pool = poolDevice();
  for (let dev = 0; dev < hdr(H_NR_SWAP); dev++) out.nr_swapped += swapDev(dev, S_SLOTS) - swapDev(dev, S_FREE);
  if (pool >= 0) {
    out.nr_zswapped = swapDev(pool, S_SLOTS) - swapDev(pool, S_FREE);
    out.nr_zspages = hdr(H_ZPOOL_PAGES) - hdr(H_ZPOOL_HELD) - hdr(H_ZPOOL_FREE) + zdictPagesInUse();
  }
  return out;
}

/** Those of several shards, added up. */
export function addVmstat(all: readonly Vmstat[]): Vmstat {
  if (all.length === 1) return all[0] as Vmstat;
  const out = { ...(all[0] as Vmstat) } as Record<keyof Vmstat, number>;
  for (const one of all.slice(1)) for (const name of Object.keys(out) as (keyof Vmstat)[]) out[name] += one[name];
  return out;
}

/** What counters are read of: an engine, or a copy of its segment. */
export interface Counted {
  readonly shape: { readonly nodes: number };
  readonly segment: { readonly hf: Float64Array };
  inspect(): void;
}

function read(vm: Counted, address: number): number {
  return vm.segment.hf[address >>> 3] as number;
}

/** Counters of the whole memory; `nr_swapped` is pages in swap, `nr_zswapped` those of them in the pool. */
export function globalVmstat(vm: Counted): Vmstat {
  vm.inspect();
  const nids = [...Array(vm.shape.nodes).keys()];
  return snapshot(
    nids,
    () => true,
    (item) => read(vm, statGlobal(item)),
  );
}

/** Counters of one node; `nr_swapped` is of the whole memory. */
export function nodeVmstat(vm: Counted, nid: number): Vmstat {
  vm.inspect();
  return snapshot(
    [nid],
    () => true,
    (item) => read(vm, statNode(nid, item)),
  );
}

/** Counters of one group and those below it; free and isolated pages are no group's and stay 0. */
export function groupVmstat(vm: Vm, group: number): Vmstat {
  vm.inspect();
  const members = [...Array(MAX_MEMCG).keys()].filter((cg) => memcg(cg, C_ACTIVE) !== 0 && isDescendant(cg, group));
  const sum = (item: number) => members.reduce((n, cg) => n + read(vm, statMemcg(cg, item)), 0);
  const nids = [...Array(vm.shape.nodes).keys()];
  const out = snapshot(nids, (cg) => members.includes(cg), sum);
  return {
    ...out,
    nr_free_pages: 0,
    nr_isolated_anon: 0,
    nr_isolated_file: 0,
    nr_zswapped: memcg(group, C_ZSWAPPED),
    nr_zspages: Math.ceil(memcg(group, C_ZSWAP) / 256),
    nr_swapped: memcg(group, C_SWAP),
  };
}
