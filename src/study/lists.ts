/** Active and inactive lists against generations. */
import { kernelValue } from "../parity/check.ts";
import { pricePlot } from "./charts.ts";
import { cross, type Experiment, type Results, setting, some } from "./experiment.ts";
import { COLUMNS, counted, dec, f, fullTable, list, matrix, moves, nr, points, tally, verdict } from "./words.ts";
import { recordedTwin } from "./workloads.ts";

const VALUES = ["linux classic", "linux mglru", "lieu classic", "lieu mglru"];
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
  "max48M",
  "phases",
  "loop",
  "scans",
];

export const lists: Experiment = {
  name: "lists",
  title: "Two lists against generations",
  question: "Which pages are cold: the classic active and inactive lists, or the multi-generational LRU?",
  method:
    "`lru` is switched, `classic` or `mglru`. The kernels were measured both ways, so that the difference between the two designs in the " +
    "engine stands beside the difference between them on a machine.",
  cells: ({ quick, traces }) =>
    cross([...some(WORKLOADS, quick), ...traces], {
      "linux classic": setting("linux", { promotion: false }),
      "linux mglru": { ...setting("linux", { promotion: false }), memory: { lru: "mglru" } },
      "lieu classic": setting("lieu"),
      "lieu mglru": { ...setting("lieu"), memory: { lru: "mglru" } },
    }),
  conclude(results) {
    const [linux, lieu] = [
      tally(results, "linux classic", "linux mglru"),
      tally(results, "lieu classic", "lieu mglru"),
    ];
    const sum = (v: string, figure: string): number =>
      results.workloads.reduce((n, w) => n + f(results.get(w, v), figure), 0);
    const looked = (v: string): number =>
      (sum(v, "pgscan_kswapd") + sum(v, "pgscan_direct")) / Math.max(1, sum(v, "pgsteal"));
    return {
      answer: `Generations in place of two lists are, under \`linux\`, ${verdict(linux)}. Under \`lieu\` they are ${verdict(lieu)}.`,
      findings: [
        `Pages looked at for each reclaimed, over all workloads: ${moves(looked("linux classic"), looked("linux mglru"), (v) => dec(v, 2))} under \`linux\`, ${moves(looked("lieu classic"), looked("lieu mglru"), (v) => dec(v, 2))} under \`lieu\`. Agings, which walk the page table, are not in it: they are the other half of the bargain, and have no counter of the kernel's name.`,
        `Pages read back from swap: ${moves(sum("linux classic", "pswpin"), sum("linux mglru", "pswpin"))} under \`linux\`, ${moves(sum("lieu classic", "pswpin"), sum("lieu mglru", "pswpin"))} under \`lieu\`.`,
        ...besideKernel(results),
      ],
      tables: [
        matrix(results, "ns an access, second half of the run", VALUES, COLUMNS.ns),
        kernelTable(results),
        fullTable(results, "All figures"),
      ],
      plots: [pricePlot("lists", "Price of an access, two lists and generations", results, VALUES)],
    };
  },
};

function kernelRows(results: Results) {
  return results.workloads.flatMap((w) => {
    const [classic, mglru] = [recordedTwin(results.fixture, w, {}), recordedTwin(results.fixture, w, { mglru: true })];
    const [before, after] = [classic, mglru].map((s) => (s === undefined ? undefined : kernelValue(s, "pswpin")));
    if (classic === undefined || mglru === undefined || before === undefined || after === undefined) return [];
    return [{ w, classic, mglru, before, after }];
  });
}

function kernelTable(results: Results) {
  const rows = kernelRows(results).map(({ w, classic, mglru, before, after }) => {
    const ours = ["linux classic", "linux mglru"].map((v) => results.get(w, v));
    const share = (s: typeof classic, i: number): string =>
      `${s.share === undefined ? "-" : dec(s.share[0])} / ${dec(ours[i]?.share[0] ?? 0)}`;
    const swapped = [before, after].map((k, i) => `${nr(k)} / ${nr(ours[i] === undefined ? 0 : f(ours[i], "pswpin"))}`);
    return [w, ...swapped, share(classic, 0), share(mglru, 1)];
  });
  const head = ["workload", "classic: swapped in", "mglru: swapped in", "classic: node 0 %", "mglru: node 0 %"];
  return { caption: "The measured kernel (6.12) / the engine under the preset `linux`", head, rows };
}

function besideKernel(results: Results): string[] {
  const rows = kernelRows(results).filter(
    ({ before, after }) => Math.abs(after - before) > 0.02 * Math.max(before, 64),
  );
  const agree = rows.filter(({ w, before, after }) => {
    const ours = f(results.get(w, "linux mglru"), "pswpin") - f(results.get(w, "linux classic"), "pswpin");
    return Math.sign(ours) === Math.sign(after - before);
  });
  const other = rows.filter((r) => !agree.includes(r)).map((r) => r.w);
  const shares = kernelRows(results).flatMap(({ w, classic, mglru }) => {
    if (classic.share === undefined || mglru.share === undefined) return [];
    const ours = results.get(w, "linux mglru").share[0] - results.get(w, "linux classic").share[0];
    return [{ w, kernel: mglru.share[0] - classic.share[0], ours }];
  });
  const apart = shares.filter(({ kernel, ours }) => Math.abs(kernel - ours) > 5);
  const shown = apart.map(({ w, kernel, ours }) => `${w}: ${points(kernel)} there, ${points(ours)} here`);
  return [
    ...(shares.length === 0
      ? []
      : [
          `What generations change of node 0's share is within 5 points of what they change on the measured kernel, on ${shares.length - apart.length} of ${counted(shares.length, "scenario")}${apart.length === 0 ? "" : `; further apart: ${shown.join("; ")}. There the engine's generations are not the kernel's, and no answer should lean on them`}.`,
        ]),
    ...(rows.length === 0
      ? []
      : [
          `On the measured kernel the two designs differ by over 2 % in swap-in on ${counted(rows.length, "scenario")}; the engine differs the same way on ${agree.length} of them${other.length === 0 ? "" : `, and not on ${list(other)}`}.`,
        ]),
  ];
}
