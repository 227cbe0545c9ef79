/** Plots: horizontal bars in groups, side by side or stacked; lines and points over two axes. */
import {
  at,
  colour,
  dashes,
  document,
  label,
  legend,
  line,
  type PlotText,
  rect,
  ticks,
  tickText,
  WIDTH,
  widthOf,
} from "./svg.ts";

/** Bars of several series over the same groups. */
export interface BarPlot extends PlotText {
  /** Of the values: "ns an access". */
  readonly unit: string;
  readonly groups: readonly string[];
  /** Values, one a group; undefined leaves a gap. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[];
  /** The values of a group add up: drawn in one bar. */
  readonly stacked?: boolean;
  /** A logarithmic axis, from 100; what is less has no bar, but its number. */
  readonly log?: boolean;
}

/** Horizontal bars, so that names have room. */
export function barPlot(plot: BarPlot): string {
  const { groups, series, stacked = false, log = false, unit } = plot;
  const key = legend(
    series.map((s) => s.name),
    48,
    (i, x, y) => rect(x, y - 6, 18, 12, colour(i)),
  );
  const left = Math.min(300, 24 + Math.max(...groups.map((g) => widthOf(g))));
  const right = WIDTH - 70;
  const sums = groups.map((_, g) => series.reduce((n, s) => n + (s.values[g] ?? 0), 0));
  const singles = series.flatMap((s) => s.values.map((v) => v ?? 0));
  const high = Math.max(...(stacked ? sums : singles));
  const marks = log ? decades(high) : ticks(high, 5);
  const top = key.end + 4;
  const bar = stacked ? 18 : 12;
  const pitch = (stacked ? 1 : series.length) * bar + 12;
  const bottom = top + groups.length * pitch + 2;
  const most = marks[marks.length - 1] as number;
  const share = (value: number): number =>
    log ? Math.max(0, Math.log10(Math.max(1, value) / 100) / Math.log10(most / 100)) : value / most;
  const x = (value: number): number => left + (right - left) * share(value);
  const parts = [...key.parts];
  for (const mark of marks) {
    parts.push(
      line(x(mark), top, x(mark), bottom, "grid"),
      label(x(mark), bottom + 16, tickText(mark), "middle", "dim"),
    );
  }
  for (const [g, group] of groups.entries()) {
    const y = top + g * pitch + 6;
    parts.push(label(left - 8, y + (pitch - 12) / 2 + 4, group, "end"));
    let from = 0;
    for (const [i, { values }] of series.entries()) {
      const value = values[g];
      if (value === undefined) continue;
      const row = stacked ? y : y + i * bar;
      parts.push(rect(x(stacked ? from : 0), row, x(value) - left, bar - (stacked ? 0 : 1), colour(i)));
      if (!stacked)
        parts.push(
          label(
            x(value) + 4,
            row + bar - 2,
            tickText(value < 100 ? Math.round(value * 10) / 10 + 0 : Math.round(value)),
            "start",
            "dim",
          ),
        );
      from += value;
    }
  }
  parts.push(line(left, top, left, bottom, "axis"), label((left + right) / 2, bottom + 34, unit, "middle", "dim"));
  return document(bottom + 46, plot, parts);
}

/** 100, 1,000, ... up to what covers `high`. */
function decades(high: number): number[] {
  const marks = [100, 1000];
  while ((marks[marks.length - 1] as number) < high) marks.push(100 * 10 ** marks.length);
  return marks;
}

/** Series over two axes. */
export interface XYPlot extends PlotText {
  readonly x: string;
  readonly y: string;
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
  /** Horizontal lines, such as watermarks. */
  readonly marks?: readonly { readonly name: string; readonly y: number }[];
}

function frame(plot: XYPlot, top: number, parts: string[]) {
  const { width = WIDTH } = plot;
  const points = plot.series.flatMap((s) => s.points);
  const levels = (plot.marks ?? []).map((m) => m.y);
  const xMost = Math.max(...points.map((p) => p[0]));
  const xs = ticks(xMost, width < WIDTH ? 4 : 6).filter((mark) => mark <= xMost);
  const ys = ticks(Math.max(...points.map((p) => p[1]), ...levels), 5);
  const yMost = ys[ys.length - 1] as number;
  const left = 34 + widthOf(tickText(yMost));
  const [right, bottom] = [width - 24, top + Math.min(250, Math.round(width * 0.45))];
  const x = (value: number): number => left + ((right - left) * value) / (xMost || 1);
  const y = (value: number): number => bottom - ((bottom - top) * value) / yMost;
  for (const mark of ys) {
    parts.push(line(left, y(mark), right, y(mark), "grid"), label(left - 6, y(mark) + 4, tickText(mark), "end", "dim"));
  }
  for (const mark of xs) parts.push(label(x(mark), bottom + 16, tickText(mark), "middle", "dim"));
  for (const mark of plot.marks ?? []) {
    parts.push(
      line(left, y(mark.y), right, y(mark.y), "mark"),
      label(right - 4, y(mark.y) - 4, mark.name, "end", "dim"),
    );
  }
  parts.push(line(left, bottom, right, bottom, "axis"), line(left, top, left, bottom, "axis"));
  parts.push(label((left + right) / 2, bottom + 34, plot.x, "middle", "dim"));
  return { x, y, bottom };
}

/** Lines over time, or over whatever x is. */
export function linePlot(plot: XYPlot): string {
  const stroke = (i: number): string =>
    `fill="none" stroke="${colour(i)}" stroke-width="2" stroke-dasharray="${dashes(i)}"`;
  const key = legend(
    plot.series.map((s) => s.name),
    48,
    (i, x, y) => `<path d="M${at(x)} ${at(y)}h20" ${stroke(i)}/>`,
    plot.width,
  );
  const parts = [...key.parts, label(16, key.end + 6, plot.y, "start", "dim")];
  const { x, y, bottom } = frame(plot, key.end + 16, parts);
  for (const [i, { points }] of plot.series.entries()) {
    const path = points.map((p, k) => `${k === 0 ? "M" : "L"}${at(x(p[0]))} ${at(y(p[1]))}`).join("");
    parts.push(`<path d="${path}" ${stroke(i)}/>`);
  }
  return document(bottom + 46, plot, parts);
}

/** Points. */
export function scatterPlot(plot: XYPlot): string {
  const dot = (i: number, x: number, y: number): string =>
    i % 2 === 0
      ? `<circle cx="${at(x)}" cy="${at(y)}" r="5" fill="${colour(i)}"/>`
      : `<rect x="${at(x - 4.5)}" y="${at(y - 4.5)}" width="9" height="9" fill="${colour(i)}"/>`;
  const key = legend(
    plot.series.map((s) => s.name),
    48,
    (i, x, y) => dot(i, x + 10, y),
  );
  const parts = [...key.parts, label(16, key.end + 6, plot.y, "start", "dim")];
  const { x, y, bottom } = frame(plot, key.end + 16, parts);
  for (const [i, { points }] of plot.series.entries()) for (const p of points) parts.push(dot(i, x(p[0]), y(p[1])));
  return document(bottom + 46, plot, parts);
}
