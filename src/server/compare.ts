/** Two recorded runs side by side: numbers, and plots over the same requests, as one page that needs nothing else. */
import { columns, htmlTable, page } from "../study/page.ts";
import { linePlot } from "../study/plots.ts";
import { escapeXml } from "../study/svg.ts";
import type { RecordedRun } from "./run-file.ts";
import { counted, DOWN, rateName, rates, SCANNED, STOLEN, tierNames, UP } from "./series.ts";
import type { Snapshot } from "./wire.ts";

const MIB = 2 ** 20;
const SERVED = "served by ";
/** Pixels that a plot is drawn in: two stand side by side, and one has room on a telephone, with letters that can be read. */
const COLUMN = 400;

/** A number of both runs. */
export interface Compared {
  readonly name: string;
  /** undefined: that run does not have it. */
  readonly a: number | undefined;
  readonly b: number | undefined;
  /** "share": a part of 1. */
  readonly unit: "" | "share";
}

/** What two runs came to: where requests were served, and every counter that is not 0 in both. */
export function compared(a: RecordedRun, b: RecordedRun): Compared[] {
  const [endA, endB] = [a, b].map((run) => run.frames.at(-1) as Snapshot) as [Snapshot, Snapshot];
  const tiers = [...new Set([...tierNames(a.header).slice(0, -1), ...tierNames(b.header).slice(0, -1), "miss"])];
  const share = ({ header }: RecordedRun, { served }: Snapshot, tier: string): number | undefined => {
    const i = tierNames(header).lastIndexOf(tier);
    const all = served.reduce((sum, n) => sum + n, 0);
    return i < 0 || all === 0 ? undefined : (served[i] as number) / all;
  };
  const counter = ({ header }: RecordedRun, { vmstat }: Snapshot, name: string): number | undefined =>
    vmstat[header.counters.indexOf(name)];
  const counters = [...new Set([...a.header.counters, ...b.header.counters])];
  return [
    ...tiers.map((tier): Compared => {
      return { name: `${SERVED}${tier}`, a: share(a, endA, tier), b: share(b, endB, tier), unit: "share" };
    }),
    ...counters
      .map((name): Compared => ({ name, a: counter(a, endA, name), b: counter(b, endB, name), unit: "" }))
      .filter(({ a: x = 0, b: y = 0 }) => x !== 0 || y !== 0),
  ];
}

/** A cell: a number as people read it. */
export function cell(value: number | undefined, unit: Compared["unit"]): string {
  if (value === undefined) return "–";
  return unit === "share" ? `${(value * 100).toFixed(2)} %` : value.toLocaleString("en-US");
}
/** How the second differs from the first. */
export function difference({ a, b, unit }: Compared): string {
  if (a === undefined || b === undefined || a === b) return "";
  if (unit === "share") return `${b > a ? "+" : "−"}${Math.abs((b - a) * 100).toFixed(2)} points`;
  if (a === 0) return "";
  const percent = ((b - a) / a) * 100;
  return `${b > a ? "+" : "−"}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}

/** The page. @param names what the runs are called */
export function comparePage(a: RecordedRun, b: RecordedRun, names: readonly [string, string]): string {
  const rows = compared(a, b).map((row) => [row.name, cell(row.a, row.unit), cell(row.b, row.unit), difference(row)]);
  const served = rows.filter(([name]) => name?.startsWith(SERVED));
  const counters = rows.slice(served.length);
  const tiers = served.map(([name = "", ...cells]) => [name.slice(SERVED.length), ...cells]);
  const title = `${names[0]} and ${names[1]}`;
  const head = (first: string) => [first, ...names, "difference"];
  return page(
    `${title} – lieu compare`,
    `<h1>${escapeXml(title)}</h1>
<p>${[a, b].map(({ header, frames }, i) => escapeXml(`${names[i]}: ${header.title}, up to ${Math.round(frames.at(-1)?.at ?? 0).toLocaleString("en-US")} ${header.clock}, on ${header.nodes.map(({ name }) => name).join(", ")}`)).join("<br>")}.</p>
<section><h2>What served the requests</h2>
${htmlTable("What served the requests", head("tier"), tiers)}</section>
${columns(plots(a, b, names))}
<section><h2>Every counter that moved</h2>
${htmlTable("Every counter that moved", head("counter"), counters)}</section>`,
  );
}

/** Both runs over time: misses and the fastest node's hits so far, what moves, what reclaim does, what each node holds. */
function plots(a: RecordedRun, b: RecordedRun, names: readonly [string, string]): string[] {
  const runs = [a, b] as const;
  const scale = a.header.clock === "requests" ? 1000 : 1;
  const x = a.header.clock === "requests" ? "requests, thousands" : "seconds";
  let pictures = 0;
  const plot = (title: string, y: string, of: (run: RecordedRun) => readonly number[] | undefined): string[] => {
    const series = runs.flatMap((run, i) => {
      const values = of(run);
      const begin = run.header.clock === "seconds" ? (run.frames[0]?.at ?? 0) : 0;
      if (values === undefined) return [];
      return [
        {
          name: names[i] as string,
          points: run.frames.map(({ at }, k) => [(at - begin) / scale, values[k] as number] as const),
        },
      ];
    });
    const ends = series.map(({ name, points }) => `${name} ends at ${(points.at(-1)?.[1] ?? 0).toFixed(2)}`).join("; ");
    return series.some(({ points }) => points.some(([, value]) => value > 0))
      ? [linePlot({ title, desc: `${title}: ${ends}.`, width: COLUMN, id: `${++pictures}`, x, y, series })]
      : [];
  };
  const soFar = (tier: string) => (run: RecordedRun) => {
    const i = tierNames(run.header).lastIndexOf(tier);
    if (i < 0 || (run.frames.at(-1)?.served.every((n) => n === 0) ?? true)) return undefined;
    return run.frames.map(
      ({ served }) =>
        (100 * (served[i] as number)) /
        Math.max(
          1,
          served.reduce((sum, n) => sum + n, 0),
        ),
    );
  };
  const rate = (counters: readonly string[]) => (run: RecordedRun) =>
    rates(run.header, run.frames, counted(run.header, counters));
  const unit = `pages ${rateName(a.header)}`;
  const tiers = [...new Set(runs.flatMap(({ header }) => tierNames(header).slice(0, -1)))];
  const nodes = [...new Set(runs.flatMap(({ header }) => header.nodes.map(({ name }) => name)))];
  return [
    ...[...tiers, "miss"].flatMap((tier) =>
      plot(
        tier === "miss" ? "Misses, or first touches" : `Served by ${tier}`,
        "percent of the requests so far",
        soFar(tier),
      ),
    ),
    ...[...UP, ...DOWN].flatMap(([name, counters]) => plot(`Pages ${name}`, unit, rate(counters))),
    ...plot("Scanned", unit, rate(SCANNED)),
    ...plot("Stolen", unit, rate(STOLEN)),
    ...nodes.flatMap((node) =>
      plot(`Node ${node} in use`, "MiB", ({ header, frames }) => {
        const nid = header.nodes.findIndex(({ name }) => name === node);
        const size = header.nodes[nid]?.size;
        return size === undefined ? undefined : frames.map(({ nodes: all }) => (size - (all[nid]?.free ?? size)) / MIB);
      }),
    ),
  ];
}
