/** The three presets, and what each of lieu's own choices adds: the default left alone, and with one choice taken back. */

import { pricePlot } from "./charts.ts";
import { cross, type Experiment, type Plot, setting, some } from "./experiment.ts";
import { barPlot } from "./plots.ts";
import { breakEven } from "./promotion.ts";
import {
  COLUMNS,
  change,
  counted,
  dec,
  fullTable,
  inWords,
  LINES,
  list,
  matrix,
  nr,
  priceOf,
  tally,
  verdict,
} from "./words.ts";

const PRESETS = ["rfc2020", "linux", "lieu"];
const OWN = [
  "tierFirst",
  "coldRefaults",
  "lean",
  "frequency",
  "promotion",
  "cascade",
  "anyLower",
  "smallNodes",
] as const;
const WORKLOADS = [
  "default-3x-zipf10",
  "default-1.5x-zipf10",
  "default-1.5x-zipf08",
  "default-1.5x-zipf12",
  "default-1.5x-seq",
  "default-3x-zipf08",
  "default-3x-seq",
  "phases",
  "loop",
  "scans",
];

export const presets: Experiment = {
  name: "presets",
  title: "The presets, and lieu's own choices one by one",
  question:
    "What does lieu's default cost or buy beside today's kernel and the patch as posted, and which of its choices is it?",
  method:
    "The three presets as they are (`linux` with promotion, as it comes); then `lieu` with one of its behaviours taken back at a time " +
    "([presets](../presets.md) says what each does). Programs may use both nodes: where they may not, the chapter on policies has the price.",
  cells: ({ quick, traces }) =>
    cross([...some(WORKLOADS, quick), ...traces], {
      rfc2020: setting("rfc2020"),
      linux: setting("linux", { promotion: true, honourCpuset: true }),
      lieu: setting("lieu"),
      ...Object.fromEntries(OWN.map((name) => [`lieu - ${name}`, setting("lieu", { [name]: false })])),
    }),
  conclude(results) {
    const lieu = tally(results, "linux", "lieu");
    const worse = results.pairs("linux", "lieu").filter((p) => lieu.worse.includes(p.workload));
    const even = worse.map((p) => ({ workload: p.workload, k: breakEven(p.before, p.after) }));
    const placing = worse.filter((p) => {
      const work = p.after.price.work - p.before.price.work;
      return work > 0.5 * (p.after.price.total - p.before.price.total);
    });
    const repaid = even.filter((e) => e.k !== undefined);
    const never = even.filter((e) => e.k === undefined);
    const each = OWN.map((name) => ({ name, t: tally(results, `lieu - ${name}`, "lieu") }));
    const values = OWN.map((name) => `lieu - ${name}`);
    const mean = (name: string, k = 1): number => {
      const pairs = results.pairs(`lieu - ${name}`, "lieu");
      const sum = pairs.reduce((n, p) => n + Math.log(priceOf(p.after, k) / priceOf(p.before, k)), 0);
      return 100 * (Math.exp(sum / Math.max(1, pairs.length)) - 1);
    };
    return {
      answer: `\`lieu\` in place of \`linux\` is, at one access to memory an entry of the trace, ${verdict(lieu)}. At ${LINES}, every line of the page, it is ${verdict(tally(results, "linux", "lieu", LINES))}.`,
      findings: [
        ...(worse.length === 0
          ? []
          : [
              `Where it is dearer than \`linux\` (${list(worse.map((p) => p.workload))}), moving and scanning pages is most of the difference on ${list(placing.map((p) => p.workload))}. ${repaid.length === 0 ? "" : `What it spends is repaid if an entry stands for more accesses to memory than ${list(repaid.map((e) => `${dec(e.k ?? 0)} (${e.workload})`))}. `}${never.length === 0 ? "" : `It is never repaid on ${list(never.map((e) => e.workload))}: there the default serves no more from node 0, or swaps more, for its trouble.`}`,
            ]),
        `In place of \`rfc2020\`, at one access an entry, it is ${verdict(tally(results, "rfc2020", "lieu"))}; at ${LINES}, ${verdict(tally(results, "rfc2020", "lieu", LINES))}.`,
        ...each.map(
          ({ name, t }) =>
            `\`${name}\`: with it, an access is ${inWords(t)}; ${change(mean(name) / 100)} in the geometric mean, ${change(mean(name, LINES) / 100)} at ${LINES} accesses an entry.`,
        ),
      ],
      tables: [
        matrix(results, "ns an access, second half of the run", PRESETS, COLUMNS.ns),
        matrix(results, `The same, were each entry ${LINES} accesses to its page: ns an entry`, PRESETS, [
          "ns",
          (t) => nr(priceOf(t, LINES)),
        ]),
        matrix(results, "Accesses served by node 0, percent", PRESETS, COLUMNS.node0),
        matrix(
          results,
          `ns an access: \`lieu\`, and with one of ${counted(OWN.length, "behaviour")} taken back`,
          ["lieu", ...values],
          COLUMNS.ns,
        ),
        fullTable(results, "All figures"),
      ],
      plots: [
        pricePlot("presets", "Price of an access under the three presets", results, PRESETS),
        pricePlot(
          "presets-lines",
          `Price of an entry under the three presets, ${LINES} accesses each`,
          results,
          PRESETS,
          LINES,
        ),
        ownPlot(OWN.map((name) => [name, -mean(name), -mean(name, LINES)] as const)),
      ],
    };
  },
};

/** What each choice takes off the price, at one access an entry and at {@link LINES}; those that do nothing are left out. */
function ownPlot(gains: readonly (readonly [name: string, one: number, lines: number])[]): Plot {
  const moved = gains.filter(([, ...both]) => both.some((g) => Math.abs(g) > 0.05));
  const bars = moved.flatMap(([name, one, lines]) => [
    [`${name}, 1 access an entry`, one] as const,
    [`${name}, ${LINES} accesses`, lines] as const,
  ]);
  const shown = bars.map(([name, g]) => `${name}: ${dec(g)} %`).join("; ");
  const svg = barPlot({
    title: "What each of lieu's choices takes off the price, or adds to it",
    desc: `Geometric mean over workloads, less than nothing where it adds. ${shown}.`,
    unit: "percent of the price, geometric mean over the workloads",
    groups: bars.map(([name]) => name),
    series: [
      { name: "takes off", values: bars.map(([, g]) => (g >= 0 ? g : undefined)) },
      { name: "adds", values: bars.map(([, g]) => (g < 0 ? -g : undefined)) },
    ],
  });
  return { file: "presets-own", svg, alt: `What each of lieu's choices takes off the price: ${shown}.` };
}
