/** The next tier is full: its own coldest pages go down first, or the source swaps. */
import { pricePlot, timePlot } from "./charts.ts";
import { cross, type Experiment, isFree, setting, some } from "./experiment.ts";
import { COLUMNS, f, fromTop, fullTable, list, matrix, mostMoved, moves, nr, sumOf, tally, verdict } from "./words.ts";

const VALUES = ["linux swap", "linux own coldest", "lieu swap", "lieu own coldest"];
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
  cells: ({ quick, traces }) => {
    const workloads = [...some(WORKLOADS, quick), ...traces];
    return [
      ...cross(workloads, {
        "linux swap": setting("linux", { promotion: false }),
        "linux own coldest": setting("linux", { cascade: true, promotion: false }),
      }),
      ...cross(workloads.filter(isFree), {
        "lieu swap": setting("lieu", { cascade: false }),
        "lieu own coldest": setting("lieu"),
      }),
    ];
  },
  conclude(results) {
    const top = (v: string): number => sumOf(results, v, fromTop);
    const back = (v: string): number => sumOf(results, v, (t) => f(t, "pswpin"));
    const moved = (v: string): number => sumOf(results, v, (t) => f(t, "pgdemote"));
    const linux = tally(results, "linux swap", "linux own coldest");
    const lieu = tally(results, "lieu swap", "lieu own coldest");
    const shown = mostMoved(results, "linux swap", "linux own coldest", fromTop);
    return {
      answer: `Pages swapped straight from node 0, source swaps and own coldest first: ${moves(top("linux swap"), top("linux own coldest"))} under \`linux\`, ${moves(top("lieu swap"), top("lieu own coldest"))} under \`lieu\`. Priced, under \`linux\` ${verdict(linux)}; under \`lieu\` ${verdict(lieu)}.`,
      findings: [
        `What it buys is the choice of the page: pages that had to be read back go ${moves(back("linux swap"), back("linux own coldest"))} under \`linux\`, ${moves(back("lieu swap"), back("lieu own coldest"))} under \`lieu\`.`,
        `What it costs is moves: demotions ${moves(moved("linux swap"), moved("linux own coldest"))} under \`linux\`, ${moves(moved("lieu swap"), moved("lieu own coldest"))} under \`lieu\`.`,
        ...(linux.worse.length === 0 ? [] : [`It is dearer under \`linux\` on ${list(linux.worse)}.`]),
        ...(lieu.worse.length === 0 ? [] : [`It is dearer under \`lieu\` on ${list(lieu.worse)}.`]),
        ...(linux.same.length === 0
          ? []
          : [
              `Under \`linux\` the price does not move by 1 % on ${list(linux.same)}; under \`lieu\`, on ${list(lieu.same)}.`,
            ]),
      ],
      tables: [
        matrix(results, "Pages that left node 0 for swap instead of node 1", VALUES, [
          "from node 0",
          (t) => nr(fromTop(t)),
        ]),
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        fullTable(results, "All figures"),
      ],
      plots: [
        pricePlot("cascade", "Price of an access when the next tier is full", results, VALUES),
        timePlot(
          "cascade-demoted",
          `Demotions so far, ${shown}`,
          results,
          shown,
          VALUES.filter((v) => results.has(shown, v)),
          {
            y: "pages demoted",
            of: (m) => m.demoted,
          },
        ),
      ],
    };
  },
};
