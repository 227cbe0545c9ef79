/** A plot over time: uPlot, with the page's one cursor, colours and a legend that reads the numbers out. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Line } from "../../src/server/series.ts";
import { type Clock, tick } from "./format.ts";
import { faded, type Theme } from "./theme.ts";

/** Left of every plot, so that the same moment is at the same place in all of them. */
export const AXIS_WIDTH = 58;
export const RIGHT = 18;

/** Pixels that are drawn, and that are left out. */
export type Dash = [on: number, off: number];

export interface PlotLine {
  readonly name: string;
  readonly colour: string;
  readonly values: Line;
  /** How much of the area to 0 is filled. */
  readonly fill?: number;
  readonly dash?: Dash;
  readonly width?: number;
  /** Each value as a dot. */
  readonly dots?: boolean;
  /** As steps: each value is of the time since the one before. */
  readonly steps?: boolean;
}

export interface Cursor {
  readonly at: number | undefined;
  hover(at: number | undefined): void;
  choose(at: number): void;
}

interface Props {
  readonly label: string;
  readonly lines: readonly PlotLine[];
  readonly x: readonly number[];
  /** What x counts; "levels": nothing of time, and no cursor. */
  readonly clock: Clock | "levels";
  readonly xValue?: (x: number) => string;
  readonly value: (y: number) => string;
  readonly range: (min: number, max: number) => [number, number];
  /** A logarithmic scale, marked at powers of ten. */
  readonly log?: boolean;
  /** Marks at round numbers of bytes. */
  readonly bytes?: boolean;
  readonly height?: number;
  readonly theme: Theme;
  readonly cursor?: Cursor;
}

/** The width of an element, as it is now. */
export function useWidth<T extends HTMLElement>(): [{ current: T | null }, number] {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current as T;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    setWidth(Math.floor(element.clientWidth));
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

export function Plot(props: Props) {
  const { lines, x, theme, cursor, height = 170 } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify(lines.map(({ name, colour, fill, dash, steps }) => [name, colour, fill, dash, steps]));
  const data = [x, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;

  useEffect(() => {
    if (width === 0) return;
    const made = new uPlot(optionsOf(latest, width, height), data, box.current as HTMLElement);
    // Not by way of uPlot's hook, which also fires when the cursor is put somewhere, and when data is.
    made.over.addEventListener("mousemove", ({ offsetX }) => latest.current.cursor?.hover(made.posToVal(offsetX, "x")));
    made.over.addEventListener("mouseleave", () => latest.current.cursor?.hover(undefined));
    made.over.addEventListener("click", ({ offsetX }) => latest.current.cursor?.choose(made.posToVal(offsetX, "x")));
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, theme, width === 0]);
  useEffect(() => plot.current?.setSize({ width, height }), [width, height]);
  useEffect(() => {
    const made = plot.current;
    if (made === undefined) return;
    made.setData(data);
    const left = cursor?.at === undefined ? -10 : made.valToPos(cursor.at, "x");
    made.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
  });
  return <div ref={box} class="plot" role="img" aria-label={props.label} style={{ height: `${height}px` }} />;
}

function optionsOf(latest: { current: Props }, width: number, height: number): uPlot.Options {
  const { lines, theme, log, clock, xValue } = latest.current;
  const yAxis = {
    ...(latest.current.bytes === true && { incrs: BYTES }),
    ...(log === true && { splits: (_u: uPlot, _i: number, min: number, max: number) => decades(min, max) }),
  };
  const axis = {
    stroke: theme.faint,
    grid: { stroke: theme.grid, width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const moments = (_: uPlot, at: number[]) =>
    at.map((v) => (clock === "levels" ? (xValue?.(v) ?? "") : tick(v, clock)));
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, RIGHT, 0, 0],
    scales: {
      x: { time: false, range: (_u, min, max) => (min === max ? [min - 1, max + 1] : [min, max]) },
      y: {
        range: (_u, min, max) => latest.current.range(min ?? 0, max ?? 1),
        ...(log === true && { distr: 3 as const }),
      },
    },
    axes: [
      { ...axis, values: moments, space: clock === "seconds" ? 80 : 64, size: 26 },
      {
        ...axis,
        values: (_, at) => at.map((v) => (v === null ? "" : latest.current.value(v))),
        ...yAxis,
        size: AXIS_WIDTH,
        space: 28,
      },
    ],
    cursor: {
      y: false,
      x: clock !== "levels",
      points: { show: clock !== "levels", size: 6 },
      drag: { x: false, y: false, setScale: false },
    },
    series: [
      {},
      ...lines.map(({ name, colour, fill, dash, width: stroke = 1.5, steps, dots }): uPlot.Series => {
        const paths = steps === true ? uPlot.paths.stepped?.({ align: -1 }) : undefined;
        return {
          label: name,
          stroke: colour,
          width: stroke,
          points: dots === true ? { show: true, size: 10, fill: colour } : { show: false },
          ...(fill !== undefined && { fill: faded(colour, fill), fillTo: 0 }),
          ...(dash !== undefined && { dash }),
          ...(paths !== undefined && { paths }),
        } as uPlot.Series;
      }),
    ],
  };
}

/** Steps between marks: powers of two. */
const BYTES = [...Array(50).keys()].map((i) => 2 ** i);

function decades(min: number, max: number): number[] {
  const first = Math.ceil(Math.log10(min) - 1e-9);
  const last = Math.floor(Math.log10(max) + 1e-9);
  return [...Array(Math.max(0, last - first + 1)).keys()].map((i) => 10 ** (first + i));
}

export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
  readonly value: string;
  readonly dash?: Dash;
}

/** The colours' names, and the numbers at the cursor. */
export function Legend({ entries }: { readonly entries: readonly LegendEntry[] }) {
  return (
    <ul class="legend">
      {entries.map(({ name, colour, value, dash }) => (
        <li key={name}>
          <span
            class={dash === undefined ? "swatch" : "swatch dashed"}
            style={{ "--colour": colour, ...(dash && { "--on": `${dash[0]}px`, "--off": `${dash[0] + dash[1]}px` }) }}
          />
          {name} <b data-value={name}>{value}</b>
        </li>
      ))}
    </ul>
  );
}
