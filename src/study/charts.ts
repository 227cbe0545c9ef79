/** The plots that several experiments draw: prices, shares by tier, states over time. */
import type { Plot, Results } from "./experiment.ts";
import { barPlot, linePlot } from "./plots.ts";
import type { Moment } from "./trial.ts";
import { dec, ns, priceOf } from "./words.ts";

/** Prices of an entry of the trace by workload and setting; `k`: as {@link priceOf} has it. */
export function pricePlot(file: string, title: string, results: Results, values: readonly string[], k = 1): Plot {
  const groups = results.workloads.filter((w) => values.every((v) => results.has(w, v)));
  const of = (w: string, v: string): number => priceOf(results.get(w, v), k);
  const numbers = groups.map((w) => `${w}: ${values.map((v) => `${v} ${ns(of(w, v))}`).join(", ")}`).join("; ");
  const svg = barPlot({
    title,
    desc: `Nanoseconds an access by workload. ${numbers}.`,
    unit: `ns ${k === 1 ? "an access" : "an entry"}, second half of the run${k === 1 ? ", logarithmic" : ""} (fewer is better)`,
    groups,
    series: values.map((v) => ({ name: v, values: groups.map((w) => of(w, v)) })),
    log: k === 1,
  });
  return { file, svg, alt: `${title}, by workload: ${values.join(", ")}.` };
}

/** Who serves the accesses, by workload and setting. */
export function sharePlot(
  file: string,
  title: string,
  results: Results,
  runs: readonly (readonly [workload: string, value: string])[],
): Plot {
  const groups = runs.map(([w, v]) => `${w}: ${v}`);
  const of = (i: number): number[] => runs.map(([w, v]) => results.get(w, v).share[i] as number);
  const svg = barPlot({
    title,
    desc: `Percent of accesses from node 0, node 1 and swap. ${groups.map((g, i) => `${g}: ${[0, 1, 2].map((k) => dec(of(k)[i] as number)).join(", ")}`).join("; ")}.`,
    unit: "accesses of the second half, percent",
    groups,
    series: ["node 0", "node 1", "swap"].map((name, i) => ({ name, values: of(i) })),
    stacked: true,
  });
  return { file, svg, alt: `${title}: percent of accesses served by node 0, node 1 and swap.` };
}

/** A state over the accesses of one workload, a line a setting. */
export function timePlot(
  file: string,
  title: string,
  results: Results,
  workload: string,
  values: readonly string[],
  { y, of, marks }: { y: string; of: (m: Moment) => number; marks?: { name: string; y: number }[] },
): Plot {
  const series = values.map((value) => {
    const points = results.get(workload, value).series.map((m) => [m.access / 1000, of(m)] as const);
    return { name: value, points };
  });
  const ends = series.map((s) => `${s.name}: ends at ${ns(s.points[s.points.length - 1]?.[1] ?? 0)}`).join("; ");
  const svg = linePlot({
    title,
    desc: `${y} over the accesses of ${workload}. ${ends}.`,
    x: "accesses, thousands",
    y,
    series,
    ...(marks !== undefined && { marks }),
  });
  return { file, svg, alt: `${title}: ${y} over time, ${values.join(", ")}.` };
}
