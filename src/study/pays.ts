/** Every move pays: the default beside the cheapest setting of the kernel's, workload by workload, at several prices. */
import type { RunOptions } from "../parity/run.ts";
import { COSTS, type Costs, difference, type Price, price, type Work } from "./costs.ts";
import { type Cell, cross, type Experiment, isFree, type Plot, type Results, setting, some } from "./experiment.ts";
import { barPlot, linePlot } from "./plots.ts";
import type { Trial } from "./trial.ts";
import { counted, dec, fullTable, LINES, list, ns } from "./words.ts";

const PAGE = 4096;

/** The kernel's settings, mems honoured: a violation is no standard. */
const KERNEL: Readonly<Record<string, RunOptions>> = {
  linux: setting("linux", { promotion: false, honourCpuset: true }),
  "linux, promotion": setting("linux", { promotion: true, honourCpuset: true }),
  "linux, no demotion": setting("linux", { demotion: false, promotion: false, honourCpuset: true }),
  "linux, promotion, no demotion": setting("linux", { demotion: false, promotion: true, honourCpuset: true }),
};
/** Of those, what a program that a policy confines is compared with. */
const CONFINED = ["linux, no demotion", "linux, promotion, no demotion"];

const WORKLOADS = [
  "shift-1.5x",
  "default-3x-zipf10",
  "default-1.5x-zipf08",
  "default-1.5x-zipf10",
  "default-1.5x-zipf12",
  "default-1.5x-seq",
  "default-3x-zipf08",
  "default-3x-seq",
  "loop",
  "scans",
  "phases",
  "shift-3x",
  "bind0-1.5x-zipf10",
  "bind0-3x-zipf10",
];

/** How much of a page an entry of the trace stands for, in the report's words. */
const TOUCHES: Readonly<Record<string, number>> = { "one line": 64, "all 64 lines": PAGE };
/** Latencies of node 1, ns, moves and swap, us, that are tried, each with each. */
const SLOW = [150, 300, 1000];
const MOVES = [0.5, 2, 5];
const SWAPS = [5, 10, 80];
const told = (slow: number, move: number): string => `lieu, node 1 ${slow} ns, moves ${move} us`;

const one = "lieu, one line";
const whole = "lieu, all 64 lines";

export const pays: Experiment = {
  name: "pays",
  title: "Every move pays",
  question: "Is there a setting of the kernel's that is cheaper than the default, on any workload, at any price?",
  method:
    "`lieu` beside `linux` with demotion and promotion on and off, four settings, of which the cheapest counts, for each workload anew. An entry of the trace is one access to memory, or one to " +
    "each of the page's 64 lines, and the program says which, as a region's read does. Then latency of node 1 (150, 300, 1,000 ns), moves (0.5, 2, 5 us) and swap (5, 10, 80 us) are varied, each with each, " +
    "and the engine is told of the first two. What a policy confines is compared with the kernel's demotion off: with it on, the kernel breaks the policy.",
  cells: ({ quick, traces }) => cells([...some(WORKLOADS, quick), ...traces], quick),
  conclude(results) {
    const free = results.workloads.filter(isFree);
    const at = (lines: number): Compared[] => results.workloads.map((w) => compare(results, w, lines));
    const [single, all] = [at(1), at(LINES)];
    const worst = (compared: readonly Compared[]): Compared =>
      compared.reduce((most, c) => (c.lieu / c.cheapest > most.lieu / most.cheapest ? c : most));
    const mean = (compared: readonly Compared[], of: (c: Compared) => number): number => {
      const some = compared.filter((c) => free.includes(c.workload));
      return Math.exp(some.reduce((sum, c) => sum + Math.log(c.lieu / of(c)), 0) / some.length);
    };
    const prices = varied(results);
    const dearest = prices.toSorted((a, b) => b.lieu / b.cheapest - a.lieu / a.cheapest)[0];
    const dearer = single.filter((c) => c.lieu > 1.01 * c.cheapest);
    const [w1, w64] = [worst(single), worst(all)];
    return {
      answer: `At one access an entry the default costs at most ${dec(w1.lieu / w1.cheapest, 2)} of the cheapest of the kernel's settings (${w1.workload}), and ${dec(
        mean(single, (c) => c.linux),
        2,
      )} of \`linux\` with demotion on in the geometric mean of the workloads that no policy confines; at 64, at most ${dec(w64.lieu / w64.cheapest, 2)} (${w64.workload}) and ${dec(
        mean(all, (c) => c.linux),
        2,
      )}.`,
      findings: [
        `Beside the cheapest setting, chosen for each workload by who has seen them all, the mean is ${dec(
          mean(single, (c) => c.cheapest),
          2,
        )} at one access an entry and ${dec(
          mean(all, (c) => c.cheapest),
          2,
        )} at 64.`,
        dearer.length === 0
          ? "At one access an entry none is dearer by more than a hundredth."
          : `At one access an entry ${list(dearer.map((c) => `${c.workload} (${dec(c.lieu / c.cheapest, 2)})`))} ${dearer.length === 1 ? "is" : "are"} dearer by more than a hundredth.`,
        ...(dearest === undefined
          ? []
          : [
              `Of ${counted(prices.length, "case")} of workload and prices, the dearest beside the cheapest of the kernel's settings under the same prices is ${dearest.workload}, ${dearest.what}: ${dec(dearest.lieu / dearest.cheapest, 2)}.`,
            ]),
      ],
      tables: [
        tableOf("ns an access, second half of the run, at one access an entry", single),
        tableOf("ns an entry, at 64 accesses", all),
        ...(prices.length === 0 ? [] : [variedTable(results, prices)]),
        fullTable(results, "All figures"),
      ],
      plots: [ratioPlot(single, all), ...phasePlots(results)],
    };
  },
};

function cells(workloads: readonly string[], quick: boolean): Cell[] {
  const lieu = setting("lieu");
  const touches = Object.entries(TOUCHES).map(([name, accessBytes]) => [`lieu, ${name}`, { ...lieu, accessBytes }]);
  const prices = SLOW.flatMap((slow) =>
    MOVES.map((move) => [
      told(slow, move),
      { ...lieu, slowLatency: slow, memory: { prices: { move: move * 1000 } } } as RunOptions,
    ]),
  );
  return cross(workloads, {
    ...KERNEL,
    ...Object.fromEntries(touches),
    ...(quick ? {} : Object.fromEntries(prices)),
  });
}

/** What a workload costs, ns an entry. */
interface Compared {
  readonly workload: string;
  readonly lieu: number;
  readonly linux: number;
  readonly cheapest: number;
  /** The setting that is. */
  readonly which: string;
}
const entry = (p: Price, lines: number): number => lines * p.memory + p.swap + p.work;

function kernelSettings(workload: string): readonly string[] {
  return isFree(workload) ? Object.keys(KERNEL) : CONFINED;
}
function compare(results: Results, workload: string, lines: number): Compared {
  const costs = kernelSettings(workload).map((which) => ({
    which,
    cost: entry(results.get(workload, which).price, lines),
  }));
  const least = costs.reduce((a, b) => (b.cost < a.cost ? b : a));
  const lieu = entry(results.get(workload, lines === 1 ? one : whole).price, lines);
  const linux = entry(results.get(workload, kernelSettings(workload)[0] as string).price, lines);
  return { workload, lieu, linux, cheapest: least.cost, which: least.which };
}
function tableOf(caption: string, compared: readonly Compared[]) {
  return {
    caption,
    head: ["workload", "cheapest of linux", "which", "lieu", "lieu / cheapest"],
    rows: compared.map((c) => [c.workload, ns(c.cheapest), c.which, ns(c.lieu), dec(c.lieu / c.cheapest, 2)]),
  };
}

/** A workload at other prices, one access an entry. */
interface Varied extends Pick<Compared, "workload" | "lieu" | "cheapest"> {
  readonly what: string;
  readonly slow: number;
  readonly move: number;
  readonly swap: number;
}
function varied(results: Results): Varied[] {
  const all: Varied[] = [];
  for (const workload of results.workloads) {
    for (const slow of SLOW) {
      for (const move of MOVES) {
        if (!results.has(workload, told(slow, move))) continue;
        for (const swap of SWAPS) {
          const costs: Costs = { ...COSTS, slow, migrate: move * 1000, swapIn: swap * 1000, swapOut: swap * 1000 };
          const of = (value: string): number => price(results.get(workload, value).work, costs).total;
          const cheapest = Math.min(...kernelSettings(workload).map(of));
          const what = `node 1 ${slow} ns, moves ${move} us, swap ${swap} us`;
          all.push({ workload, lieu: of(told(slow, move)), cheapest, what, slow, move, swap });
        }
      }
    }
  }
  return all;
}
/** Of each workload the dearest of the swap prices, a column a price of the other two. */
function variedTable(results: Results, prices: readonly Varied[]) {
  const pairs = SLOW.flatMap((slow) => MOVES.map((move) => [slow, move] as const));
  const most = (workload: string, slow: number, move: number): string => {
    const some = prices.filter((p) => p.workload === workload && p.slow === slow && p.move === move);
    return dec(Math.max(...some.map((p) => p.lieu / p.cheapest)), 2);
  };
  return {
    caption:
      "lieu / cheapest of linux at other prices, one access an entry: latency of node 1, ns, and of a move, us; the highest of three prices of swap",
    head: ["workload", ...pairs.map(([slow, move]) => `${slow}, ${move}`)],
    rows: results.workloads.map((w) => [w, ...pairs.map(([slow, move]) => most(w, slow, move))]),
  };
}

function ratioPlot(single: readonly Compared[], all: readonly Compared[]): Plot {
  const title = "Price of the default, in percent of the cheapest of the kernel's settings";
  const percent = (compared: readonly Compared[]): number[] => compared.map((c) => (100 * c.lieu) / c.cheapest);
  const groups = single.map((c) => c.workload);
  const numbers = groups.map((w, i) => `${w}: ${dec(percent(single)[i] as number)}, ${dec(percent(all)[i] as number)}`);
  const svg = barPlot({
    title,
    desc: `Percent by workload, at one access an entry and at 64. ${numbers.join("; ")}.`,
    unit: "percent of the cheapest setting of linux, second half of the run (fewer is better)",
    groups,
    series: [
      { name: "one access an entry", values: percent(single) },
      { name: "64 accesses an entry", values: percent(all) },
    ],
  });
  return { file: "pays", svg, alt: `${title}, by workload.` };
}

/** What happens around changes of the working set: moves, node 0's share and the price, over time. */
function phasePlots(results: Results): Plot[] {
  const workload = "shift-1.5x";
  if (!results.workloads.includes(workload)) return [];
  const values = ["linux", "linux, promotion", one, whole];
  const share = (w: Work): number => (100 * w.node0) / Math.max(1, w.node0 + w.node1 + w.swap + w.fresh);
  const accesses = (w: Work): number => Math.max(1, w.node0 + w.node1 + w.swap + w.fresh);
  const plots: readonly [file: string, title: string, y: string, of: (w: Work, value: string) => number][] = [
    [
      "pays-moves",
      "Moves while working sets change",
      "pages moved a thousand accesses",
      (w) => (1000 * w.migrated) / accesses(w),
    ],
    ["pays-share", "Node 0's share while working sets change", "accesses served by node 0, percent", share],
    ["pays-price", "Price while working sets change", "ns an entry of 64 accesses", (w) => entry(price(w), LINES)],
  ];
  return plots.map(([file, title, y, of]) => {
    const series = values.map((name) => ({ name, points: overTime(results.get(workload, name), (w) => of(w, name)) }));
    const ends = series.map((s) => `${s.name}: ends at ${dec(s.points[s.points.length - 1]?.[1] ?? 0)}`).join("; ");
    const desc = `${y} over the accesses of ${workload}. ${ends}.`;
    const svg = linePlot({ title, desc, x: "accesses, thousands", y, series });
    return { file, svg, alt: `${title}: ${y} over time, ${values.join(", ")}.` };
  });
}
/** A figure of the work between one look and the next. */
function overTime(trial: Trial, of: (w: Work) => number): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = [];
  for (let i = 1; i < trial.works.length; i++) {
    const between = difference(trial.works[i] as Work, trial.works[i - 1] as Work);
    points.push([(trial.series[i]?.access ?? 0) / 1000, of(between)]);
  }
  return points;
}
