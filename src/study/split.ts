/** Splitting a huge page that fits nowhere whole, or not. */
import { timePlot } from "./charts.ts";
import { cross, type Experiment, type Results, setting, some } from "./experiment.ts";
import { COLUMNS, f, fullTable, matrix, mostMoved, moves, nr, tally, verdict } from "./words.ts";

const VALUES = ["linux no split", "linux split", "lieu no split", "lieu split"];
const WORKLOADS = ["thp-full", "thp-3x", "thp-bind0", "default-3x-zipf10"];

const sum = (results: Results, v: string, figure: string): number =>
  results.workloads.reduce((n, w) => n + f(results.get(w, v), figure), 0);

export const split: Experiment = {
  name: "split",
  title: "Split on -ENOMEM",
  question:
    "A huge page finds no contiguous room on the target. Split it and demote the pieces, or let reclaim have it?",
  method:
    "`splitLarge` is switched. Without it, what cannot be demoted whole is reclaimed as though demotion were off: split then after all, " +
    "and swapped piece by piece. A workload of base pages is the control.",
  cells: ({ quick }) =>
    cross(
      some(WORKLOADS, quick, 2),
      {
        "linux no split": setting("linux", { splitLarge: false, promotion: false }),
        "linux split": setting("linux", { promotion: false }),
        "lieu no split": setting("lieu", { splitLarge: false }),
        "lieu split": setting("lieu"),
      },
      { unfold: true },
    ),
  conclude(results) {
    const whole = (v: string): number => sum(results, v, "thp_migration_success");
    const forSwap = (v: string): number => sum(results, v, "thp_swpout_fallback");
    const out = (v: string): number => sum(results, v, "pswpout");
    const shown = mostMoved(results, "linux no split", "linux split", (t) => f(t, "pswpout"));
    return {
      answer: `Pages written to swap, without and with the split: ${moves(out("linux no split"), out("linux split"))} under \`linux\`, ${moves(out("lieu no split"), out("lieu split"))} under \`lieu\`. Priced, under \`linux\` ${verdict(tally(results, "linux no split", "linux split"))}; under \`lieu\` ${verdict(tally(results, "lieu no split", "lieu split"))}.`,
      findings: [
        `Under \`linux\`, huge pages demoted whole: ${moves(whole("linux no split"), whole("linux split"))}; split to be demoted in pieces: ${moves(sum(results, "linux no split", "thp_migration_split"), sum(results, "linux split", "thp_migration_split"))}; split to be swapped: ${moves(forSwap("linux no split"), forSwap("linux split"))}.`,
        `Under \`lieu\`: whole ${moves(whole("lieu no split"), whole("lieu split"))}, in pieces ${moves(sum(results, "lieu no split", "thp_migration_split"), sum(results, "lieu split", "thp_migration_split"))}, to be swapped ${moves(forSwap("lieu no split"), forSwap("lieu split"))}.`,
        "Neither way keeps the huge page: where there is no contiguous room below, it is lost in any case, and the choice is where its pieces go.",
      ],
      tables: [
        fullTable(
          results,
          "Huge pages: allocated, demoted whole, split for demotion, split for swap; and pages",
          [
            ["allocated", (t) => nr(f(t, "thp_fault_alloc"))],
            ["whole", (t) => nr(f(t, "thp_migration_success"))],
            ["in pieces", (t) => nr(f(t, "thp_migration_split"))],
            ["for swap", (t) => nr(f(t, "thp_swpout_fallback"))],
            COLUMNS.demoted,
            COLUMNS.pswpout,
            COLUMNS.pswpin,
            COLUMNS.ns,
          ],
          false,
        ),
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        fullTable(results, "All figures"),
      ],
      plots: [
        timePlot("split", `Pages written to swap so far, ${shown}`, results, shown, VALUES.slice(0, 2), {
          y: "pages written to swap",
          of: (m) => m.pswpout,
        }),
      ],
    };
  },
};
