/** nr_reclaimed++ against += nr_pages. */

import { kernelValue } from "../parity/check.ts";
import { timePlot } from "./charts.ts";
import { cross, type Experiment, setting, some } from "./experiment.ts";
import { COLUMNS, dec, f, fullTable, inWords, list, matrix, moves, nr, tally } from "./words.ts";
import { recordedTwin } from "./workloads.ts";

const VALUES = ["linux folios", "linux pages", "lieu folios", "lieu pages"];
const HUGE = ["thp-bind0", "thp-full", "thp-3x"];
const WORKLOADS = [...HUGE, "default-3x-zipf10", "bind0-3x-zipf10"];

export const count: Experiment = {
  name: "count",
  title: "nr_reclaimed++ against += nr_pages",
  question: "The patch counted a demoted page as one, whatever its size. What does it matter?",
  method:
    "`countFolios` is switched: a demoted huge page (512 base pages) counts as one page of the 32 or so that a pass is asked for, or " +
    "as 512. With base pages the two are the same, and two such workloads are here as a control.",
  cells: ({ quick }) =>
    cross(
      some(WORKLOADS, quick, 2),
      {
        "linux folios": setting("linux", { countFolios: true, promotion: false }),
        "linux pages": setting("linux", { promotion: false }),
        "lieu folios": setting("lieu", { countFolios: true }),
        "lieu pages": setting("lieu"),
      },
      { looks: 400, unfold: true },
    ),
  conclude(results) {
    const huge = results.workloads.filter((w) => HUGE.includes(w));
    const gone = (w: string, v: string): number => f(results.get(w, v), "pgdemote") + f(results.get(w, v), "pswpout");
    const sum = (v: string, of: (w: string, v: string) => number): number => huge.reduce((n, w) => n + of(w, v), 0);
    const over = (w: string, v: string): number => f(results.get(w, v), "overshoot");
    const worst = [...huge].sort((a, b) => over(b, "linux folios") - over(a, "linux folios"))[0] as string;
    const direct = ["linux folios", "linux pages"].map((v) => results.get(worst, v));
    const kernel = recordedTwin(results.fixture, worst, {});
    const demoted = kernel === undefined ? undefined : kernelValue(kernel, "pgdemote");
    const control = results.workloads.filter((w) => !huge.includes(w));
    const moved = control.filter(
      (w) => gone(w, "linux folios") !== gone(w, "linux pages") || gone(w, "lieu folios") !== gone(w, "lieu pages"),
    );
    const shown = huge[0] as string;
    return {
      answer: `Overshoot: counting folios, node 0 had up to ${nr(over(worst, "linux folios"))} pages free above high under \`linux\` (${worst}); counting pages, ${nr(over(worst, "linux pages"))}. Pages taken by reclaim with huge pages: ${moves(sum("linux folios", gone), sum("linux pages", gone))}.${control.length > 0 && moved.length === 0 ? " With base pages no counter differs." : ""}`,
      findings: [
        `Priced with base pages counted instead of folios: ${inWords(tally(results, "linux folios", "linux pages"))} under \`linux\`; ${inWords(tally(results, "lieu folios", "lieu pages"))} under \`lieu\`.`,
        `On ${worst} under \`linux\`, callers that reclaimed for themselves did so ${list(direct.map((t) => nr(f(t, "stalls"))))} times, folios counted and pages counted, and demoted ${list(direct.map((t) => nr(f(t, "pgdemote_direct"))))} pages. Who wants a huge page asks for 512 pages, and goes on until so many have been counted, be they folios. (The engine has no compaction; Linux would stop once that could serve the request.)`,
        ...(demoted === undefined
          ? []
          : [
              `The measured kernel, which counts pages, demoted ${nr(demoted)} pages on ${worst}; the engine, ${nr(f(results.get(worst, "linux pages"), "pgdemote"))} counting pages and ${nr(f(results.get(worst, "linux folios"), "pgdemote"))} counting folios.`,
            ]),
        `Accesses served by node 0 on ${shown} under \`linux\`: ${dec(results.get(shown, "linux folios").share[0])} % with folios counted, ${dec(results.get(shown, "linux pages").share[0])} % with pages.`,
        `Under \`lieu\`, pages taken on the same workloads, folios counted and pages counted: ${moves(sum("lieu folios", gone), sum("lieu pages", gone))}.`,
        control.length === 0
          ? "No workload of base pages was run."
          : moved.length === 0
            ? `With base pages only (${list(control)}) no counter differs, as it must be.`
            : `With base pages only, counters differ on ${list(moved)}, which they must not.`,
      ],
      tables: [
        matrix(results, "Pages taken (demoted and swapped out)", VALUES, [
          "taken",
          (t) => nr(f(t, "pgdemote") + f(t, "pswpout")),
        ]),
        matrix(results, "Most pages free on node 0 above its high watermark, once reclaim had begun", VALUES, [
          "overshoot",
          (t) => nr(f(t, "overshoot")),
        ]),
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        fullTable(results, "All figures"),
      ],
      plots: [
        timePlot("count", `Free pages on node 0, ${worst}`, results, worst, ["linux folios", "linux pages"], {
          y: "free pages on node 0",
          of: (m) => m.free0,
        }),
      ],
    };
  },
};
