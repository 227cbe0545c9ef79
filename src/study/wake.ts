/** Waking the target's kswapd, or not. */
import { timePlot } from "./charts.ts";
import { cross, type Experiment, isFree, setting, some } from "./experiment.ts";
import { COLUMNS, f, fromTop, fullTable, list, matrix, mostMoved, moves, nr, sumOf, tally, verdict } from "./words.ts";

const VALUES = ["linux no wake", "linux wake", "lieu no wake", "lieu wake"];
const WORKLOADS = [
  "bind0-3x-zipf10",
  "default-3x-zipf10",
  "default-3x-zipf08",
  "default-3x-seq",
  "bind0-3x-seq",
  "full-target",
  "thp-3x",
  "default-1.5x-zipf10",
];

export const wake: Experiment = {
  name: "wake",
  title: "Waking the target's kswapd",
  question:
    "When a demotion finds its target low on memory, should it wake the target's kswapd (__GFP_KSWAPD_RECLAIM), or leave it alone?",
  method:
    "`wakeTarget` is switched. The target is never made to wait for either way; what changes is whether somebody makes room there " +
    "before the next demotion. Programs bound to node 0 are run under `linux` only: `lieu` does not demote them. Without room, the page that was to be demoted is swapped out from node 0, hot as it may be beside " +
    "the coldest page of node 1.",
  cells: ({ quick, traces }) => {
    const workloads = [...some(WORKLOADS, quick), ...traces];
    return [
      ...cross(workloads, {
        "linux no wake": setting("linux", { wakeTarget: false, promotion: false }),
        "linux wake": setting("linux", { promotion: false }),
      }),
      ...cross(workloads.filter(isFree), {
        "lieu no wake": setting("lieu", { wakeTarget: false }),
        "lieu wake": setting("lieu"),
      }),
    ];
  },
  conclude(results) {
    const sum = (v: string): number => sumOf(results, v, fromTop);
    const [linux, lieu] = [tally(results, "linux no wake", "linux wake"), tally(results, "lieu no wake", "lieu wake")];
    const shown = mostMoved(results, "linux no wake", "linux wake", (t) => t.price.total);
    const failed = (v: string): number => sumOf(results, v, (t) => f(t, "pgmigrate_fail"));
    const both = (w: string, figure: string): [number, number] => [
      f(results.get(w, "linux no wake"), figure),
      f(results.get(w, "linux wake"), figure),
    ];
    const dearer = linux.worse.map(
      (w) => `${w}: read back ${moves(...both(w, "pswpin"))}, demoted ${moves(...both(w, "pgdemote"))}`,
    );
    const least = (v: string): number => Math.min(...results.get(shown, v).series.map((m) => m.free1));
    const most = (v: string): number =>
      results.get(shown, v).series[results.get(shown, v).series.length - 1]?.free1 ?? 0;
    return {
      answer: `Pages swapped straight from node 0, without and with the wake-up: ${moves(sum("linux no wake"), sum("linux wake"))} under \`linux\`, ${moves(sum("lieu no wake"), sum("lieu wake"))} under \`lieu\`. Priced, under \`linux\` ${verdict(linux)}; under \`lieu\` ${verdict(lieu)}.`,
      findings: [
        `Pages whose migration failed for want of room, over all workloads: ${moves(failed("linux no wake"), failed("linux wake"))} under \`linux\`; under \`lieu\`, where whoever needs room on a full target shrinks it (see "The next tier is full"), ${moves(failed("lieu no wake"), failed("lieu wake"))}.`,
        `On ${shown} under \`linux\`, node 1 ends with ${nr(most("linux no wake"))} pages free without the wake-up and ${nr(most("linux wake"))} with it; the least seen was ${nr(least("linux no wake"))} and ${nr(least("linux wake"))}.`,
        ...(linux.same.length === 0 ? [] : [`Under \`linux\` the price does not move by 1 % on ${list(linux.same)}.`]),
        ...(linux.worse.length === 0
          ? []
          : [
              `It is not free. Where it is dearer under \`linux\`, in pages: ${dearer.join("; ")}. A node 1 whose kswapd sleeps keeps the pages that it got first; one that is kept moving passes them on to swap, and what is passed on may be used again.`,
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
        timePlot("wake", `Free pages on node 1, ${shown}`, results, shown, ["linux no wake", "linux wake"], {
          y: "free pages on node 1",
          of: (m) => m.free1,
        }),
        timePlot(
          "wake-swapped",
          `Pages written to swap so far, ${shown}`,
          results,
          shown,
          ["linux no wake", "linux wake"],
          {
            y: "pages written to swap",
            of: (m) => m.pswpout,
          },
        ),
      ],
    };
  },
};
