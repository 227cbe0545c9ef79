/** The miss-ratio curve of each cache, and where the cache is now. */
import { CURVE_SIZES, type Snapshot } from "../../src/server/wire.ts";
import { bytes, percent } from "./format.ts";
import { Legend, Plot, type PlotLine } from "./plot.tsx";
import type { Theme } from "./theme.ts";

interface Props {
  readonly frame: Snapshot;
  readonly theme: Theme;
}

const HERE = CURVE_SIZES.indexOf(1);
const TWICE = CURVE_SIZES.indexOf(2);

export function Curves({ frame, theme }: Props) {
  return (
    <>
      {frame.caches.map((cache, i) => (
        <Curve key={cache.name} {...{ cache, i, theme }} />
      ))}
    </>
  );
}

function Curve({ cache, i, theme }: { cache: Snapshot["caches"][number]; i: number; theme: Theme }) {
  const { name, maxSize, requests, misses, curve } = cache;
  if (!curve.some((ratio) => ratio !== null)) return null;
  const missed = requests > 0 ? misses / requests : null;
  const most = Math.max(missed ?? 0, ...curve.map((ratio) => ratio ?? 0));
  const lines: PlotLine[] = [
    { name: "LRU", colour: theme.node(1), values: [...curve], fill: 0.15 },
    { name: "here", colour: theme.node(0), values: curve.map((_, at) => (at === HERE ? missed : null)), dots: true },
  ];
  const entries = [
    { name: "this cache misses", colour: theme.node(0), value: percent(missed) },
    { name: "LRU of its size", colour: theme.node(1), value: percent(curve[HERE]) },
    { name: "of twice its size", colour: theme.node(1), value: percent(curve[TWICE]) },
  ];
  return (
    <section class="panel" aria-labelledby={`curve-${i}`}>
      <header>
        <h2 id={`curve-${i}`}>
          More or less for {name} <small>what would be missed, by size</small>
        </h2>
      </header>
      <Legend entries={entries} />
      <Plot
        label={`Miss-ratio curve of cache ${name}: ${entries.map((e) => `${e.name} ${e.value}`).join(", ")}.`}
        x={CURVE_SIZES.map((_, at) => at)}
        lines={lines}
        clock="levels"
        xValue={(at) => (Number.isInteger(at) ? bytes((CURVE_SIZES[at] as number) * maxSize) : "")}
        value={(ratio) => `${Math.round(ratio * 100)} %`}
        range={() => [0, most > 0 ? Math.min(1, most * 1.1) : 1]}
        theme={theme}
      />
      <p class="note">
        The curve is LRU's, from a sample; the dot is this cache, at the most that it may hold. Sizes are logarithmic.
      </p>
    </section>
  );
}
