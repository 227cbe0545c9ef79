/** The figures of a run, named as the kernels' are, so that the two can be laid side by side. */
import type { Memory } from "../memory/memory.ts";
import type { Vmstat } from "../memory/vmstat.ts";
import type { Region } from "../region/region.ts";

/** Figures by name: /proc/vmstat's, and those of the scenarios (end_node0, scan_n0, ...). */
export type Figures = Readonly<Record<string, number>>;

/** Counters that go by the same name here and there. */
const SAME = [
  "pgdemote_kswapd",
  "pgdemote_direct",
  "pswpout",
  "pswpin",
  "pgscan_kswapd",
  "pgscan_direct",
  "pgsteal_kswapd",
  "pgsteal_direct",
  "pgmigrate_success",
  "pgmigrate_fail",
  "pgactivate",
  "pgdeactivate",
  "workingset_refault_anon",
  "pageoutrun",
  "thp_fault_alloc",
  "thp_split_page",
  "thp_migration_success",
  "thp_migration_split",
  "pgpromote_success",
] as const satisfies readonly (keyof Vmstat)[];

/** Read the figures off a memory of two nodes and the one region on it. */
export function figuresOf(memory: Memory, region: Region, tables: Region, killed: boolean): Figures {
  const all = memory.vmstat();
  const node0 = memory.node("node0").vmstat();
  const node1 = memory.node("node1").vmstat();
  const at = placesOf(region);
  const tabled = placesOf(tables);
  const scans = (v: Vmstat): number => v.pgscan_kswapd + v.pgscan_direct + v.pgrefill;
  const steals = (v: Vmstat): number => v.pgsteal_kswapd + v.pgsteal_direct;
  return {
    end_node0: at[0],
    end_node1: at[1],
    end_swap: at[2],
    end_none: at[3],
    tables_node0: tabled[0],
    tables_node1: tabled[1],
    ...Object.fromEntries(SAME.map((name) => [name, all[name]])),
    pgdemote: all.pgdemote_kswapd + all.pgdemote_direct,
    pgsteal: steals(all),
    allocstall_movable: all.allocstall_normal,
    oom_kill: killed ? 1 : 0,
    fallback_node1: node1.numa_miss,
    node0_from_node1: 0,
    scan_n0: scans(node0),
    scan_n1: scans(node1),
    steal_n0: steals(node0),
    steal_n1: steals(node1),
    demoted_n1: node1.pgdemote_kswapd + node1.pgdemote_direct,
    free_node0: node0.nr_free_pages,
    free_node1: node1.nr_free_pages,
    policy_violations: all.policy_violations,
  };
}

/** Pages of a region by place: node 0, node 1, swap, nowhere. */
function placesOf(region: Region): [number, number, number, number] {
  const at: [number, number, number, number] = [0, 0, 0, 0];
  for (let page = 0; page < region.size / 4096; page++) {
    const code = region.placeCode(page);
    const place = code >= 0 ? code : code === -1 ? 3 : 2;
    at[place] = (at[place] as number) + 1;
  }
  return at;
}

/** Figures that are sums of recorded ones. */
export const SUMS: Readonly<Record<string, readonly string[]>> = {
  pgdemote: ["pgdemote_kswapd", "pgdemote_direct"],
  pgsteal: ["pgsteal_kswapd", "pgsteal_direct"],
};
