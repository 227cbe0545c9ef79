/** Demotion under memory.max. */
import { kernelValue } from "../parity/check.ts";
import { timePlot } from "./charts.ts";
import { COSTS } from "./costs.ts";
import { cross, type Experiment, setting } from "./experiment.ts";
import { COLUMNS, dec, f, fullTable, moves, nr, ns, relative } from "./words.ts";
import { recordedTwin } from "./workloads.ts";

const VALUES = ["linux off", "linux demotes", "lieu demotes", "lieu off"];

export const limit: Experiment = {
  name: "limit",
  title: "Useless demotion under memory.max",
  question: "A group over its limit demotes its pages, but usage counts all nodes. What are those demotions good for?",
  method:
    "`memcgDemotes` is switched. The program's group may hold 12,288 pages and wants 24,576; node 0 alone has 16,384 free, so no node is " +
    "ever short, and every demotion is made for the limit. A page on node 1 is charged as one on node 0 is: none of them lowers the usage.",
  cells: () =>
    cross(
      ["max48M"],
      {
        "linux off": setting("linux", { memcgDemotes: false, promotion: false }),
        "linux demotes": setting("linux", { promotion: false }),
        "lieu demotes": setting("lieu", { memcgDemotes: true }),
        "lieu off": setting("lieu"),
      },
      { unfold: true },
    ),
  conclude(results) {
    const w = results.workloads[0] as string;
    const [off, on] = [results.get(w, "linux off"), results.get(w, "linux demotes")];
    const [lieuOn, lieu] = [results.get(w, "lieu demotes"), results.get(w, "lieu off")];
    const kernel = recordedTwin(results.fixture, w, {});
    const demoted = kernel === undefined ? undefined : kernelValue(kernel, "pgdemote");
    const kernelOff = recordedTwin(results.fixture, w, { demotion: false });
    const swaps = [kernel, kernelOff].map((s) => (s === undefined ? undefined : kernelValue(s, "pswpout")));
    const work = (f(on, "pgdemote") * COSTS.migrate) / 1e6;
    return {
      answer: `${f(on, "pswpout") > 0.9 * f(off, "pswpout") ? "Next to nothing" : "Some swapping"}: ${nr(f(on, "pgdemote"))} demotions under \`linux\`, none of which lowered the usage; pages swapped out go ${moves(f(off, "pswpout"), f(on, "pswpout"))}, an access in ns ${moves(off.price.total, on.price.total, ns)}. \`lieu\` makes ${nr(f(lieu, "pgdemote"))}.`,
      findings: [
        `When the limit demotes, ${dec(on.share[1])} % of the accesses are served by node 1, although node 0 has room (${dec(off.share[1])} % without).`,
        `The moves alone are ${dec(work, 0)} ms of copying at ${nr(COSTS.migrate)} ns each, ${dec(f(on, "pgdemote") / Math.max(1, f(on, "pswpout")))} for each page swapped.`,
        `Under \`lieu\`, turned on: ${nr(f(lieuOn, "pgdemote"))} demotions, swap-out ${moves(f(lieu, "pswpout"), f(lieuOn, "pswpout"))}, ns an access ${moves(lieu.price.total, lieuOn.price.total, ns)}.`,
        ...(demoted === undefined
          ? []
          : [
              `The measured kernel (6.12, classic lists) made ${nr(demoted)} demotions on this trace; the engine under \`linux\` makes ${nr(f(on, "pgdemote"))} (${relative(demoted, f(on, "pgdemote"))}).`,
            ]),
        ...(swaps[0] === undefined || swaps[1] === undefined
          ? []
          : [
              `The kernel swapped out ${nr(swaps[1])} pages with demotion off altogether and ${nr(swaps[0])} with it on.`,
            ]),
      ],
      tables: [
        fullTable(
          results,
          "memory.max = 48 MiB",
          [
            COLUMNS.node0,
            COLUMNS.node1,
            COLUMNS.swap,
            COLUMNS.demoted,
            COLUMNS.pswpout,
            COLUMNS.pswpin,
            COLUMNS.stalls,
            COLUMNS.ns,
          ],
          false,
        ),
      ],
      plots: [
        timePlot("limit", "Demotions so far under memory.max", results, w, VALUES, {
          y: "pages demoted",
          of: (m) => m.demoted,
        }),
      ],
    };
  },
};
