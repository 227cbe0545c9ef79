/** Waking the target's kswapd, or not. */
import { timePlot } from "./charts.ts";
import { cross, type Experiment, setting, some } from "./experiment.ts";
import { COLUMNS, counted, f, fullTable, inWords, list, matrix, moves, nr, tally } from "./words.ts";

const VALUES = ["linux, no wake", "linux, wake", "lieu, no wake", "lieu, wake"];
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
    "before the next demotion. Without room, the page that was to be demoted is swapped out from node 0, hot as it may be beside " +
    "the coldest page of node 1.",
  cells: ({ quick, traces }) =>
    cross(quick ? some(WORKLOADS, true) : [...WORKLOADS, ...traces], {
      "linux, no wake": setting("linux", { wakeTarget: false, promotion: false }),
      "linux, wake": setting("linux", { promotion: false }),
      "lieu, no wake": setting("lieu", { wakeTarget: false }),
      "lieu, wake": setting("lieu"),
    }),
  conclude(results) {
    const top = (w: string, v: string): number => {
      const t = results.get(w, v);
      return Math.max(0, f(t, "steal_n0") - f(t, "pgdemote"));
    };
    const sum = (v: string): number => results.workloads.reduce((n, w) => n + top(w, v), 0);
    const [linux, lieu] = [
      tally(results, "linux, no wake", "linux, wake"),
      tally(results, "lieu, no wake", "lieu, wake"),
    ];
    const shown = results.workloads[0] as string;
    const failed = (v: string): number =>
      results.workloads.reduce((n, w) => n + f(results.get(w, v), "pgmigrate_fail"), 0);
    const least = (v: string): number => Math.min(...results.get(shown, v).series.map((m) => m.free1));
    const most = (v: string): number =>
      results.get(shown, v).series[results.get(shown, v).series.length - 1]?.free1 ?? 0;
    return {
      answer: `With the wake-up, pages swapped straight from node 0 ${moves(sum("linux, no wake"), sum("linux, wake"))} under \`linux\` and ${moves(sum("lieu, no wake"), sum("lieu, wake"))} under \`lieu\`. Priced, it is ${inWords(linux)} under \`linux\`, ${inWords(lieu)} under \`lieu\`.`,
      findings: [
        `Under \`linux\`, pages whose migration failed for want of room ${moves(failed("linux, no wake"), failed("linux, wake"))} over all workloads; under \`lieu\`, where a full target is shrunk by whoever needs room there (question ${"`cascade`"}), ${moves(failed("lieu, no wake"), failed("lieu, wake"))}.`,
        `On ${shown} under \`linux\`, node 1 ends with ${nr(most("linux, no wake"))} pages free without the wake-up and ${nr(most("linux, wake"))} with it; the least seen was ${nr(least("linux, no wake"))} and ${nr(least("linux, wake"))}.`,
        ...(linux.same.length === 0 ? [] : [`Under \`linux\` the price does not move by 1 % on ${list(linux.same)}.`]),
        ...(linux.worse.length === 0
          ? []
          : [
              `The wake-up is not free: on ${counted(linux.worse.length, "workload")} (${list(linux.worse)}) it is dearer under \`linux\`, as kswapd on node 1 frees more than is asked for, and what it swaps is used again.`,
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
        timePlot("wake", `Free pages on node 1, ${shown}`, results, shown, ["linux, no wake", "linux, wake"], {
          y: "free pages on node 1",
          of: (m) => m.free1,
        }),
        timePlot(
          "wake-swapped",
          `Pages written to swap so far, ${shown}`,
          results,
          shown,
          ["linux, no wake", "linux, wake"],
          {
            y: "pages written to swap",
            of: (m) => m.pswpout,
          },
        ),
      ],
    };
  },
};
