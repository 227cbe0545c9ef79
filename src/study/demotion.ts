/** Demotion on or off. */

import { kernelValue } from "../parity/check.ts";
import { pricePlot } from "./charts.ts";
import { cross, type Experiment, type Results, setting, some } from "./experiment.ts";
import {
  COLUMNS,
  counted,
  dec,
  f,
  fullTable,
  list,
  matrix,
  moves,
  nr,
  sentence,
  sumOf,
  tally,
  verdict,
} from "./words.ts";
import { recordedTwin } from "./workloads.ts";

const VALUES = ["linux off", "linux on", "lieu off", "lieu on"];
const WORKLOADS = [
  "bind0-1.5x-zipf08",
  "default-3x-zipf10",
  "default-1.5x-zipf08",
  "default-1.5x-zipf10",
  "default-1.5x-zipf12",
  "default-1.5x-seq",
  "default-3x-zipf08",
  "default-3x-seq",
  "bind0-1.5x-zipf10",
  "bind0-3x-zipf10",
  "bind0-3x-seq",
  "phases",
  "loop",
  "scans",
  "locked",
];

export const demotion: Experiment = {
  name: "demotion",
  title: "Demotion on or off",
  question: "What does it buy to move cold pages to slower memory in lieu of swapping them?",
  method:
    "`demotion` is switched, all else is kept: under the preset `linux` with promotion off, as the kernels were measured, " +
    "and under `lieu`. The presets differ in much more than this one factor; only on and off under the same preset compare.",
  cells: ({ quick, traces }) =>
    cross([...some(WORKLOADS, quick), ...traces], {
      "linux off": setting("linux", { demotion: false, promotion: false }),
      "linux on": setting("linux", { promotion: false }),
      "lieu off": setting("lieu", { demotion: false }),
      "lieu on": setting("lieu"),
    }),
  conclude(results) {
    const [linux, lieu] = [tally(results, "linux off", "linux on"), tally(results, "lieu off", "lieu on")];
    const io = (value: string): number => sumOf(results, value, (t) => f(t, "pswpout") + f(t, "pswpin"));
    const dram = results.pairs("linux off", "linux on").filter((p) => p.after.share[0] < p.before.share[0] - 0.5);
    const cross = tally(results, "linux off", "lieu on");
    const findings = [
      `Swap traffic over all workloads, pages out and in, when demotion is turned on: ${moves(io("linux off"), io("linux on"))} under \`linux\`, ${moves(io("lieu off"), io("lieu on"))} under \`lieu\`.`,
      `It has a cost that no swap counter shows: without promotion, node 0 serves fewer accesses with demotion on, on ${dram.length} of ${counted(results.workloads.length, "workload")} (${list(dram.slice(0, 3).map((p) => `${p.workload}: ${dec(p.before.share[0])} % to ${dec(p.after.share[0])} %`))}${dram.length > 3 ? ", ..." : ""}), because a page that was swapped comes back to where it is allocated, and a page that was demoted stays down.`,
      `Off under \`lieu\` is a poor standard: its allocations make room in their own tier first, and without demotion that is swapping, with node 1 empty or not. \`lieu\` with demotion beside \`linux\` without: ${verdict(cross)}. "The presets" below says where that comes from.`,
      ...sameOf("linux", linux.same),
      ...sameOf("lieu", lieu.same),
      ...besideKernels(results),
    ];
    const answer = `Slower accesses in place of swap traffic. Under \`linux\` ${verdict(linux)}. Under \`lieu\` ${verdict(lieu)}.`;
    return {
      answer,
      findings,
      tables: [
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        kernelTable(results),
        fullTable(results, "All figures"),
      ],
      plots: [pricePlot("demotion", "Price of an access, demotion off and on", results, VALUES)],
    };
  },
};

function sameOf(preset: string, same: readonly string[]): string[] {
  return same.length === 0 ? [] : [`Under \`${preset}\` it makes no difference (within 1 %) on ${list(same)}.`];
}

/** The kernel's share of node 0 and its swap traffic, off and on, beside the preset `linux`. */
function kernelRows(results: Results) {
  return results.workloads.flatMap((w) => {
    const on = recordedTwin(results.fixture, w, {});
    const off = recordedTwin(results.fixture, w, { demotion: false });
    return on === undefined || off === undefined ? [] : [{ w, on, off }];
  });
}

function kernelTable(results: Results) {
  const rows = kernelRows(results).map(({ w, on, off }) => [
    w,
    ...[off, on].flatMap((s, i) => {
      const ours = results.get(w, VALUES[i] as string);
      const kernel = kernelValue(s, "pswpout");
      return [
        `${kernel === undefined ? "-" : nr(kernel)} / ${nr(f(ours, "pswpout"))}`,
        `${s.share === undefined ? "-" : dec(s.share[0])} / ${dec(ours.share[0])}`,
      ];
    }),
  ]);
  const head = ["workload", "off: swapped out", "off: node 0 %", "on: swapped out", "on: node 0 %"];
  return { caption: "The measured kernel (6.12, classic lists) / the engine under the preset `linux`", head, rows };
}

function besideKernels(results: Results): string[] {
  const both = kernelRows(results).filter(
    ({ on, off }) => kernelValue(on, "pswpout") !== undefined && kernelValue(off, "pswpout") !== undefined,
  );
  const agree = both.filter(({ w, on, off }) => {
    const kernel = (kernelValue(on, "pswpout") as number) - (kernelValue(off, "pswpout") as number);
    const ours = f(results.get(w, "linux on"), "pswpout") - f(results.get(w, "linux off"), "pswpout");
    return Math.sign(Math.round(kernel / 64)) === Math.sign(Math.round(ours / 64));
  });
  if (both.length === 0) return [];
  const other = both.filter((b) => !agree.includes(b)).map(({ w }) => w);
  const text = `the measured kernel's swap-out moves the same way as the engine's when demotion is turned on, on ${agree.length} of ${counted(both.length, "scenario")}`;
  return [`${sentence(text)}${other.length === 0 ? "" : ` (not on ${list(other)})`}.`];
}
