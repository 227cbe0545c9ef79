/**
 * Two tenants on two DRAM nodes: one holds its working set on a node of its own, the other overruns the node beside it. One
 * run under one wiring of the nodes; the experiment is hostile.ts.
 */
import type { Group, GroupOptions } from "../memory/group.ts";
import type { MemoryOptions } from "../memory/memory-options.ts";
import { openMemorySync } from "../memory/open.ts";
import { makeAccesses } from "../parity/accesses.ts";
import { type Policy, preferred } from "../region/policy.ts";
import type { Region } from "../region/region.ts";
import { difference, price, type Work, workOf } from "./costs.ts";
import type { Moment, Trial } from "./trial.ts";
import { Turns } from "./turns.ts";
import { QUICK } from "./workloads.ts";

const PAGE = 4096;

/** How the two nodes are wired. */
export interface Wiring {
  readonly preset: "linux" | "lieu";
  /** dram1 is a tier of its own between dram0 and the slow node, so that it is dram0's demotion target. */
  readonly path?: boolean;
  /** dram0 and dram1 may balance. */
  readonly balance?: boolean;
  /** The victim's memory.low is its size. */
  readonly protect?: boolean;
  /** The aggressor's mems leave dram1 out. */
  readonly fenced?: boolean;
}

/** A tenant's accesses by place: dram, slow, swap, first touch. */
type Served = [number, number, number, number];

/** Run the two tenants. Figures are the victim's unless they say otherwise. */
export function runPeers(value: string, wiring: Wiring, quick: boolean): Trial {
  const by = quick ? QUICK : 1;
  const [size, slow, accesses] = [16384 / by, 24576 / by, 320_000 / by];
  const victimPages = Math.round(14_000 / by);
  const greedyPages = 3 * size;
  const turns = new Turns();
  using memory = openMemorySync(optionsOf(wiring, size, slow), { crank: turns.clock });
  turns.attach(memory);
  const low: GroupOptions = wiring.protect === true ? { low: victimPages * PAGE } : {};
  const victims = memory.group("victim", low);
  const greedy = memory.group("aggressor", wiring.fenced === true ? { mems: ["dram0", "slow"] } : {});
  const map = (pages: number, policy: Policy, group: Group): Region => memory.map(pages * PAGE, { policy, group });
  const victim = map(victimPages, preferred("dram1"), victims);
  const aggressor = map(greedyPages, preferred("dram0"), greedy);
  for (let page = 0; page < victimPages; page++) turns.touch(victim, page);
  const trace = makeAccesses({ pattern: "zipf", alpha: 0.8, pages: victimPages, n: accesses >> 3 }).entries;
  const at = (region: Region): [number, number, number, number, number] => placesOf(region);
  const start = at(victim)[1];
  const served: Record<"victim" | "aggressor", Served> = { victim: [0, 0, 0, 0], aggressor: [0, 0, 0, 0] };
  const series: Moment[] = [];
  let half: Work | undefined;
  let halfGreedy: Work | undefined;
  const every = Math.max(1, Math.floor(accesses / 100));
  for (let i = 0; i < accesses; i++) {
    if (i % every === 0) series.push(moment(i));
    if (i === accesses >> 1) [half, halfGreedy] = [work(served.victim, victims), work(served.aggressor, greedy)];
    // One access in eight is the victim's: it is the quieter one, and its pages look the colder for it.
    if (i % 8 === 0) add(served.victim, turns.touch(victim, (trace[i >> 3] as number) >>> 1));
    else add(served.aggressor, turns.touch(aggressor, (i - (i >> 3)) % greedyPages));
  }
  series.push(moment(accesses));
  turns.settle();
  memory.check();
  const end = at(victim);
  const stat = victims.vmstat();
  const second = difference(work(served.victim, victims), half as Work);
  const total = second.node0 + second.node1 + second.swap + second.fresh;
  return {
    workload: "peers",
    value,
    share: [second.node0, second.node1, second.swap].map((n) => (100 * n) / total) as unknown as Trial["share"],
    price: price(second),
    work: second,
    series,
    works: [],
    killed: false,
    figures: {
      start,
      home: end[1],
      pushed: stat.pgdemote_kswapd + stat.pgdemote_direct,
      swapped: stat.pswpout,
      greedyOnPeer: at(aggressor)[1],
      balanced: memory.vmstat().pgbalance,
      greedyNs: price(difference(work(served.aggressor, greedy), halfGreedy as Work)).total,
    },
  };

  function moment(access: number): Moment {
    const [all, own] = [memory.vmstat(), victims.vmstat()];
    const [free0, free1] = [memory.node("dram0").vmstat().nr_free_pages, memory.node("dram1").vmstat().nr_free_pages];
    const demoted = own.pgdemote_kswapd + own.pgdemote_direct;
    const common = { access, free0, free1, swapped: own.nr_swapped, demoted, pswpout: own.pswpout };
    return { ...common, on0: at(victim)[1], on1: at(aggressor)[1], violations: all.policy_violations };
  }
}

function optionsOf({ preset, path, balance }: Wiring, size: number, slow: number): MemoryOptions {
  const scale = (of: number, marks: readonly number[], full: number) => {
    const [min = 8, lowMark = 16, high = 24] = marks.map((m) => Math.max(4, Math.round((m * of) / full)));
    return { min, low: Math.max(min + 4, lowMark), high: Math.max(min + 8, high) };
  };
  const dram = scale(size, [767, 958, 1149], 16384);
  return {
    nodes: {
      dram0: { kind: "model", size: size * PAGE, watermarks: dram },
      dram1: { kind: "model", size: size * PAGE, tier: path === true ? 1 : 0, watermarks: dram },
      slow: { kind: "model", size: slow * PAGE, tier: 2, watermarks: scale(slow, [32, 149, 266], 24576) },
    },
    swap: [{ kind: "null", size: 4 * size * PAGE }],
    preset,
    // Promotion would carry pages between the peers of a path; it is another question.
    promotion: false,
    pretouch: false,
    ...(balance === true && { balance: [["dram0", "dram1"]] }),
  };
}

function add(served: Served, place: number): void {
  // Both DRAM nodes are as fast; whose pages are on which is counted apart.
  const i = place === -1 ? 3 : place < -1 ? 2 : place === 2 ? 1 : 0;
  served[i]++;
}

/** Hint faults are counted for the whole memory, not for a group. */
function work(served: Served, group: Group): Work {
  return workOf(served, group.vmstat(), 0);
}

/** Pages on dram0, dram1 and the slow node, in swap, and nowhere. */
function placesOf(region: Region): [number, number, number, number, number] {
  const places: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  for (let page = 0; page < region.size / PAGE; page++) {
    const code = region.placeCode(page);
    places[(code >= 0 ? code : code === -1 ? 4 : 3) as 0]++;
  }
  return places;
}
