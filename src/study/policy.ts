/** Memory policies and cpusets honoured by demotion, or not. */
import { kernelValue } from "../parity/check.ts";
import { pricePlot, timePlot } from "./charts.ts";
import { cross, type Experiment, setting, some } from "./experiment.ts";
import { COLUMNS, counted, f, fullTable, list, matrix, moves, nr, ns } from "./words.ts";
import { recordedTwin } from "./workloads.ts";

const VALUES = ["rfc2020", "linux 6.12", "linux + cpuset", "linux + both", "lieu"];
const WORKLOADS = ["bind0-1.5x-zipf08", "cpuset0", "bind0-1.5x-zipf10", "bind0-1.5x-seq", "bind0-3x-zipf10", "mbind0"];

export const policy: Experiment = {
  name: "policy",
  title: "Policies honoured or not",
  question:
    "Demotion does not know the policy of a page's owner. How many pages end where mbind(), set_mempolicy() or cpuset.mems forbid them?",
  method:
    "Programs that may use node 0 alone, by policy or by their group's mems. `rfc2020` asks nobody, nor does Linux up to 6.15; Linux " +
    "6.16 asks the group (`honourCpuset`); `linux + both` asks the mapping's policy too (`honourMempolicy`), as `lieu` does. A violation " +
    "is a page placed on a node that its owner forbids.",
  cells: ({ quick }) =>
    cross(some(WORKLOADS, quick), {
      rfc2020: setting("rfc2020"),
      "linux 6.12": setting("linux", { honourCpuset: false, promotion: false }),
      "linux + cpuset": setting("linux", { honourCpuset: true, promotion: false }),
      "linux + both": setting("linux", { honourCpuset: true, honourMempolicy: true, promotion: false }),
      lieu: setting("lieu"),
    }),
  conclude(results) {
    const total = (v: string, figure: string): number =>
      results.workloads.reduce((n, w) => n + f(results.get(w, v), figure), 0);
    const clean = VALUES.filter((v) => total(v, "violations") === 0);
    const shown = results.workloads[0] as string;
    const [loose, strict] = [results.get(shown, "linux 6.12"), results.get(shown, "linux + both")];
    const kernel = results.workloads.flatMap((w) => {
      const s = recordedTwin(results.fixture, w, {});
      const value = s === undefined ? undefined : kernelValue(s, "end_node1");
      return value === undefined ? [] : [[w, nr(value), nr(f(results.get(w, "linux 6.12"), "end_node1"))]];
    });
    return {
      answer: `Over ${counted(results.workloads.length, "confined program")}, ${nr(total("rfc2020", "end_node1"))} pages end on a forbidden node under \`rfc2020\`, ${nr(total("linux 6.12", "end_node1"))} as Linux 6.12 does it, ${nr(total("linux + cpuset", "end_node1"))} with the cpuset asked, ${nr(total("linux + both", "end_node1"))} with the policy asked too and ${nr(total("lieu", "end_node1"))} under \`lieu\`.`,
      findings: [
        `No page is ever placed against a policy (violations 0, not only at the end) under ${list(clean.map((v) => `\`${v}\``))}.`,
        `Obedience has a price. On ${shown}, when \`linux\` asks the policy, swap traffic in pages goes ${moves(f(loose, "pswpout") + f(loose, "pswpin"), f(strict, "pswpout") + f(strict, "pswpin"))} and the price of an access in ns ${moves(loose.price.total, strict.price.total, ns)}: a page that may be nowhere else can only be swapped. Who would rather have the page on slower memory can say so (\`preferred\` in place of \`bind\`).`,
        ...(kernel.length === 0
          ? []
          : [
              `The measured kernel does the same: on ${list(kernel.map(([w, k]) => `${w} ${k} pages`))} end on node 1 against the owner's word.`,
            ]),
      ],
      tables: [
        matrix(results, "Pages on a forbidden node at the end", VALUES, ["forbidden", (t) => nr(f(t, "end_node1"))]),
        matrix(results, "Violations, all placements of the run", VALUES, COLUMNS.violations),
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        {
          caption: "Pages on node 1 at the end, the measured kernel and the engine as `linux 6.12`",
          head: ["workload", "kernel 6.12", "engine"],
          rows: kernel,
        },
        fullTable(results, "All figures"),
      ],
      plots: [
        timePlot(
          "policy",
          `Pages on the forbidden node, ${shown}`,
          results,
          shown,
          ["linux + cpuset", "linux + both", "lieu"],
          {
            y: "pages on node 1",
            of: (m) => m.on1,
          },
        ),
        pricePlot("policy-price", "Price of an access of a program bound to node 0", results, VALUES),
      ],
    };
  },
};
