/** The next tier is full: its own coldest pages go down first, or the source swaps. */
import { pricePlot, timePlot } from "./charts.ts";
import { cross, type Experiment, setting, some } from "./experiment.ts";
import type { Trial } from "./trial.ts";
import { COLUMNS, f, fullTable, inWords, list, matrix, moves, nr, type Tally, tally } from "./words.ts";

const VALUES = ["linux, swap", "linux, own coldest", "lieu, swap", "lieu, own coldest"];
const WORKLOADS = [
  "default-3x-zipf10",
  "bind0-3x-zipf10",
  "default-3x-zipf08",
  "default-3x-seq",
  "bind0-3x-seq",
  "full-target",
  "thp-3x",
  "default-1.5x-zipf10",
];

export const cascade: Experiment = {
  name: "cascade",
  title: "The next tier is full",
  question:
    "When the target has no room, should its own coldest pages go down first, or should the source swap at once?",
  method:
    "`cascade` is switched. Linux swaps from node 0 what finds no room on node 1. With the switch, whoever demotes first shrinks the full " +
    "target, one level deep, and tries once more.",
  cells: ({ quick, traces }) =>
    cross(quick ? some(WORKLOADS, true) : [...WORKLOADS, ...traces], {
      "linux, swap": setting("linux", { promotion: false }),
      "linux, own coldest": setting("linux", { cascade: true, promotion: false }),
      "lieu, swap": setting("lieu", { cascade: false }),
      "lieu, own coldest": setting("lieu"),
    }),
  conclude(results) {
    const sum = (v: string, of: (t: Trial) => number): number =>
      results.workloads.reduce((n, w) => n + of(results.get(w, v)), 0);
    const top = (v: string): number => sum(v, (t) => Math.max(0, f(t, "steal_n0") - f(t, "pgdemote")));
    const back = (v: string): number => sum(v, (t) => f(t, "pswpin"));
    const linux = tally(results, "linux, swap", "linux, own coldest");
    const lieu = tally(results, "lieu, swap", "lieu, own coldest");
    const shown = results.workloads[0] as string;
    const lose = (t: Tally, preset: string): string[] =>
      t.worse.length === 0
        ? []
        : [
            `It costs under \`${preset}\` on ${list(t.worse)}: making room is paid for in demotions there, and what was moved down is used no later than what it displaced.`,
          ];
    return {
      answer: `Pages swapped straight from node 0: ${moves(top("linux, swap"), top("linux, own coldest"))} under \`linux\`, ${moves(top("lieu, swap"), top("lieu, own coldest"))} under \`lieu\`. Priced, it is ${inWords(linux)} under \`linux\`, ${inWords(lieu)} under \`lieu\`.`,
      findings: [
        `What it buys is the choice of the page: pages that had to be read back ${moves(back("linux, swap"), back("linux, own coldest"))} under \`linux\`, ${moves(back("lieu, swap"), back("lieu, own coldest"))} under \`lieu\`.`,
        ...lose(linux, "linux"),
        ...lose(lieu, "lieu"),
        ...(linux.same.length === 0
          ? []
          : [
              `Under \`linux\` the price does not move by 1 % on ${list(linux.same)}; under \`lieu\`, on ${list(lieu.same)}.`,
            ]),
      ],
      tables: [
        matrix(results, "Pages that left node 0 for swap instead of node 1", VALUES, [
          "from node 0",
          (t) => nr(Math.max(0, f(t, "steal_n0") - f(t, "pgdemote"))),
        ]),
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        fullTable(results, "All figures"),
      ],
      plots: [
        pricePlot("cascade", "Price of an access when the next tier is full", results, VALUES),
        timePlot("cascade-demoted", `Demotions so far, ${shown}`, results, shown, VALUES, {
          y: "pages demoted",
          of: (m) => m.demoted,
        }),
      ],
    };
  },
};
