/** One run of a workload under one setting, and all that is measured of it. */
import type { Memory } from "../memory/memory.ts";
import type { ScenarioAccesses } from "../parity/accesses.ts";
import type { Sample } from "../parity/program.ts";
import { type RunOptions, runScenario } from "../parity/run.ts";
import { watermarksOf } from "../parity/setup.ts";
import { difference, type Price, price, type Work, workOf } from "./costs.ts";
import type { Workload } from "./workloads.ts";

/** A look at the state of a run. All but `access` are pages. */
export interface Moment {
  /** Accesses done. */
  readonly access: number;
  readonly free0: number;
  readonly free1: number;
  /** The program's pages, page tables left out. */
  readonly on0: number;
  readonly on1: number;
  readonly swapped: number;
  /** Counters since the start. */
  readonly demoted: number;
  readonly pswpout: number;
  readonly violations: number;
}

/** What a run came to. */
export interface Trial {
  readonly workload: string;
  /** The setting's name. */
  readonly value: string;
  /** Accesses of the second half by where the page was: node 0, node 1, swap, percent. */
  readonly share: readonly [number, number, number];
  /** Of the second half. */
  readonly price: Price;
  /** Counters of the whole run, and states at its end, by the kernel's names (parity/figures.ts) and a few of the study's. */
  readonly figures: Readonly<Record<string, number>>;
  /** The same as counts. */
  readonly work: Work;
  readonly series: readonly Moment[];
  /** The work done up to each of them. */
  readonly works: readonly Work[];
  readonly killed: boolean;
}

/** How many looks are taken. */
const LOOKS = 100;
/** Bytes that an entry of a trace stands for, unless the setting says otherwise: one access to memory. */
const LINE = 64;

/** Run `workload` under `options`; `looks`: how often its state is noted. */
export function runTrial(
  workload: Workload,
  value: string,
  options: RunOptions,
  accesses: ScenarioAccesses,
  looks: number = LOOKS,
): Trial {
  const { scenario, kernel } = workload;
  const series: Moment[] = [];
  const totals: Work[] = [];
  let splitForSwap = 0;
  const look = (sample: Sample): void => {
    series.push(momentOf(sample.memory, sample.access));
    splitForSwap = sample.memory.vmstat().thp_swpout_fallback;
    totals.push(workOfSample(sample));
  };
  const sampleEvery = Math.max(1, Math.ceil(accesses.entries.length / looks));
  const how = { accessBytes: LINE, ...options };
  const run = runScenario(scenario, kernel, { ...how, accesses, onSample: look, sampleEvery });
  const half = totals[totals.length >> 1] as Work;
  const last = totals[totals.length - 1] as Work;
  const { high } = watermarksOf(scenario, kernel).node0;
  const over = series.map((m) => m.free0 - high);
  const pressed = over.findIndex((_, i) => (series[i] as Moment).demoted + (series[i] as Moment).pswpout > 0);
  const scanned = (run.figures.pgscan_kswapd ?? 0) + (run.figures.pgscan_direct ?? 0);
  return {
    workload: workload.name,
    value,
    share: run.share,
    price: price(difference(last, half)),
    work: difference(last, half),
    series,
    works: totals,
    killed: run.killed,
    figures: {
      ...run.figures,
      violations: run.violations,
      stalls: run.figures.allocstall_movable ?? 0,
      /** Pages free above high on node 0, the most that was seen once reclaim had begun. */
      overshoot: pressed < 0 ? 0 : Math.max(0, ...over.slice(pressed)),
      scannedPerReclaimed: scanned / Math.max(1, run.figures.pgsteal ?? 0),
      thp_swpout_fallback: splitForSwap,
    },
  };
}

function momentOf(memory: Memory, access: number): Moment {
  const [all, v0, v1] = [memory.vmstat(), memory.node("node0").vmstat(), memory.node("node1").vmstat()];
  return {
    access,
    free0: v0.nr_free_pages,
    free1: v1.nr_free_pages,
    on0: v0.nr_inactive_anon + v0.nr_active_anon,
    on1: v1.nr_inactive_anon + v1.nr_active_anon,
    swapped: all.nr_swapped,
    demoted: all.pgdemote_kswapd + all.pgdemote_direct,
    pswpout: all.pswpout,
    violations: all.policy_violations,
  };
}

function workOfSample({ memory, served }: Sample): Work {
  const v = memory.vmstat();
  return workOf(served, v, v.numa_hint_faults, v.pgpromote_judged);
}
