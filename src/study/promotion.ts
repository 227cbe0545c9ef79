/** Promotion on or off. */
import { kernelValue } from "../parity/check.ts";
import { sharePlot } from "./charts.ts";
import { COSTS } from "./costs.ts";
import { cross, type Experiment, type Results, setting, some } from "./experiment.ts";
import type { Trial } from "./trial.ts";
import { COLUMNS, counted, dec, f, fullTable, LINES, list, matrix, nr, points, tally, verdict } from "./words.ts";
import { KERNEL } from "./workloads.ts";

const VALUES = ["linux off", "linux on", "lieu off", "lieu on"];
const WORKLOADS = [
  "default-1.5x-zipf10",
  "phases",
  "default-1.5x-zipf08",
  "default-1.5x-zipf12",
  "default-1.5x-seq",
  "default-3x-zipf08",
  "default-3x-zipf10",
  "promo-1.5x",
  "promo-3x",
  "loop",
  "scans",
];

export const promotion: Experiment = {
  name: "promotion",
  title: "Promotion on or off",
  question:
    "Demotion alone only ever moves pages down. What does it buy to bring hot ones up again, and what does it cost?",
  method:
    "`promotion` (hint faults, numa_balancing mode 2) is switched. Under `linux` a scan is made every 1,000 ms of virtual time, which is " +
    "100,000 accesses here, so that the short runs see two; under `lieu` every 100 ms. The runs of two million accesses give the former time.",
  cells: ({ quick, traces }) =>
    cross([...some(WORKLOADS, quick), ...traces], {
      "linux off": setting("linux", { promotion: false }),
      "linux on": setting("linux", { promotion: true }),
      "lieu off": setting("lieu", { promotion: false }),
      "lieu on": setting("lieu"),
    }),
  conclude(results) {
    const [linux, lieu] = [tally(results, "linux off", "linux on"), tally(results, "lieu off", "lieu on")];
    const dense = (v: string) => tally(results, `${v} off`, `${v} on`, LINES);
    const gain = (v: string) => meanGain(results, `${v} off`, `${v} on`);
    const even = results.pairs("lieu off", "lieu on").map((p) => ({ ...p, k: breakEven(p.before, p.after) }));
    const pays = even.filter((e) => e.k !== undefined && e.k > 1);
    const never = even.filter((e) => e.k === undefined);
    const rows = even.map((e) => [
      e.workload,
      dec(e.before.share[0]),
      dec(e.after.share[0]),
      e.k === undefined ? "never" : e.k === 0 ? "at once" : dec(e.k),
    ]);
    return {
      answer: `Node 0's share of the accesses changes by ${points(gain("linux"))} under \`linux\` and ${points(gain("lieu"))} under \`lieu\`, in the mean over the workloads. Priced at one access to memory an entry of the trace, under \`linux\` ${verdict(linux)}; under \`lieu\` ${verdict(lieu)}. Priced at ${LINES}, every line of the page, under \`linux\` ${verdict(dense("linux"))}; under \`lieu\` ${verdict(dense("lieu"))}.`,
      findings: [
        `Under \`lieu\` a move (${nr(COSTS.migrate)} ns, and another page must go down for it) pays only if the page is then used often enough: at ${nr(COSTS.slow - COSTS.dram)} ns saved an access, a promotion and a demotion are made good by ${nr((2 * COSTS.migrate) / (COSTS.slow - COSTS.dram))} accesses. Each entry of a trace may stand for several accesses to memory. Promotion pays from ${list(pays.map((p) => `${dec(p.k ?? 0)} accesses an entry on ${p.workload}`))}; never on ${list(never.map((e) => e.workload))}.`,
        ...(linux.same.length === 0
          ? []
          : [`Under \`linux\` it changes the price by less than 1 % on ${list(linux.same)}.`]),
        ...besideKernel(results),
      ],
      tables: [
        {
          caption:
            "Under `lieu`: share of node 0 with promotion off and on, and accesses an entry from which promotion pays",
          head: ["workload", "off: node 0 %", "on: node 0 %", "pays from k"],
          rows,
        },
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        matrix(results, "Pages promoted", VALUES, COLUMNS.promoted),
        fullTable(results, "All figures"),
      ],
      plots: [
        sharePlot(
          "promotion",
          "Who serves the accesses, promotion off and on",
          results,
          results.workloads.flatMap((w) => VALUES.map((v) => [w, v] as const)).filter(([, v]) => v.startsWith("lieu")),
        ),
      ],
    };
  },
};

function meanGain(results: Results, before: string, after: string): number {
  const pairs = results.pairs(before, after);
  return pairs.reduce((n, p) => n + p.after.share[0] - p.before.share[0], 0) / Math.max(1, pairs.length);
}

/**
 * How many accesses an entry of the trace must stand for before `after` is cheaper than `before`: memory's part of the price
 * is multiplied by it, the work's is not. 0: it is cheaper whatever they are; undefined: never.
 */
export function breakEven(before: Trial, after: Trial): number | undefined {
  const saved = before.price.memory - after.price.memory;
  const spent = after.price.swap + after.price.work - before.price.swap - before.price.work;
  if (spent <= 0) return saved >= 0 ? 0 : undefined;
  return saved > 0 ? spent / saved : undefined;
}

/** What the kernel's NUMA balancing did on the same two traces. */
function besideKernel(results: Results): string[] {
  const lines: string[] = [];
  for (const w of ["promo-1.5x", "promo-3x"]) {
    if (!results.has(w, "linux on")) continue;
    const id = `${KERNEL}/promo/zipf10-${w.slice(6)}/numab2/mglru0`;
    const scenario = results.fixture.scenarios.find((s) => s.id === id);
    const kernel = scenario === undefined ? undefined : kernelValue(scenario, "pgpromote_success");
    if (kernel === undefined) continue;
    lines.push(
      `${w}: the kernel ${nr(kernel)}, the engine as \`linux\` ${nr(f(results.get(w, "linux on"), "pgpromote_success"))}`,
    );
  }
  return lines.length === 0
    ? []
    : [
        `Pages promoted on the ${counted(lines.length, "trace")} measured with NUMA balancing on (6.12, classic lists): ${lines.join("; ")}.`,
      ];
}
