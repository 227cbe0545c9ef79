/** The plots over time, in the order in which one asks: is it full, what moves, what serves, how cold is the rest. */

import {
  coldTail,
  counted,
  DOWN,
  type Line,
  oldest,
  rateName,
  rates,
  SCANNED,
  STOLEN,
  shares,
  stacked,
  tierNames,
  UP,
} from "../../src/server/series.ts";
import type { Header, Snapshot } from "../../src/server/wire.ts";
import { bytes, count, duration, percent, span } from "./format.ts";
import { placeColour } from "./page-map.tsx";
import { type Cursor, type Dash, Legend, type LegendEntry, Plot, type PlotLine } from "./plot.tsx";
import type { Theme } from "./theme.ts";

export interface PanelProps {
  readonly header: Header;
  readonly frames: readonly Snapshot[];
  readonly index: number;
  readonly cursor: Cursor;
  readonly theme: Theme;
}

const times = (frames: readonly Snapshot[]) => frames.map(({ at }) => at);
const fromZero = (_: number, max: number): [number, number] => [0, max > 0 ? max * 1.05 : 1];

export function Occupancy({ header, frames, index, cursor, theme }: PanelProps) {
  return (
    <>
      {header.nodes.map(({ name, size: first, min, low, high, tier }, nid) => {
        const sizes = frames.map(({ nodes }) => nodes[nid]?.size ?? first);
        const size = sizes[index] ?? first;
        const most = Math.max(first, ...sizes);
        const used = frames.map(({ nodes }, i) => (sizes[i] as number) - (nodes[nid]?.free ?? first));
        const mark = (title: string, free: number, colour: string, dash: Dash) => ({
          name: title,
          colour,
          values: sizes.map((whole) => whole - free),
          dash,
          width: 1,
        });
        // Their dashes tell them apart for who does not see the colours.
        const marks = [
          mark("high", high, theme.high, [2, 3]),
          mark("low", low, theme.low, [5, 4]),
          mark("min", min, theme.min, [10, 4]),
        ];
        const colour = theme.node(nid);
        const now = used[index] ?? 0;
        return (
          <section class="panel" key={name} aria-labelledby={`node-${nid}`}>
            <header>
              <h2 id={`node-${nid}`}>
                Node {name} <small>tier {tier}</small>
              </h2>
            </header>
            <Legend
              entries={[
                { name: "in use", colour, value: `${bytes(now)} of ${bytes(size)}` },
                ...marks.map(({ name: title, colour: c, dash }, i) => ({
                  name: title,
                  colour: c,
                  value: bytes([high, low, min][i] as number),
                  dash,
                })),
              ]}
            />
            <Plot
              label={`Memory of node ${name} in use over time: ${bytes(now)} of ${bytes(size)} at the cursor.`}
              x={times(frames)}
              lines={[{ name: "in use", colour, values: used, fill: 0.35 }, ...marks]}
              clock={header.clock}
              value={bytes}
              bytes
              range={() => [0, most]}
              theme={theme}
              cursor={cursor}
              height={150}
            />
            <p class="note">Dashed: with less than low free kswapd wakes, and works up to high; at min callers wait.</p>
          </section>
        );
      })}
    </>
  );
}

export function Moves({ header, frames, index, cursor, theme }: PanelProps) {
  const colours = [theme.node(0), theme.device(1), theme.inPlace, theme.node(1), theme.device(0), theme.drop];
  const all = [...UP, ...DOWN].map(([, names]) => rates(header, frames, counted(header, names)));
  const up = stacked(all.slice(0, UP.length));
  const down = stacked(all.slice(UP.length)).map((line) => line.map((v) => (v === null ? null : -v)));
  // The sums first, so that what they are of covers them.
  const lines = [...up.map((values, i) => [values, i] as const).reverse()]
    .concat(down.map((values, i) => [values, UP.length + i] as const).reverse())
    .map(([values, i]): PlotLine => {
      const [name] = [...UP, ...DOWN][i] as (typeof UP)[number];
      return { name, colour: colours[i] as string, values: values as Line, fill: 1, width: 0.5, steps: true };
    });
  const entries = [...UP, ...DOWN].map(([name], i): LegendEntry => {
    return { name, colour: colours[i] as string, value: count(all[i]?.[index] ?? 0) };
  });
  return (
    <section class="panel wide" aria-labelledby="moves-title">
      <header>
        <h2 id="moves-title">
          What moves <small>pages {rateName(header)}; up above, down below</small>
        </h2>
      </header>
      <Legend entries={entries} />
      <Plot
        label={`Pages moved ${rateName(header)}. At the cursor: ${entries.map((e) => `${e.value} ${e.name}`).join(", ")}.`}
        x={times(frames)}
        lines={lines}
        clock={header.clock}
        value={(v) => count(Math.abs(v))}
        range={(min, max) => {
          const most = Math.max(-min, max);
          return most === 0 ? [-1, 1] : [Math.min(min * 1.08, -most * 0.08), Math.max(max * 1.08, most * 0.08)];
        }}
        theme={theme}
        cursor={cursor}
        height={210}
      />
    </section>
  );
}

function tierColour(header: Header, theme: Theme, tier: number): string {
  return tier === header.nodes.length + header.swap.length ? theme.miss : placeColour(header, theme, tier);
}

export function Hits({ header, frames, index, cursor, theme }: PanelProps) {
  const names = tierNames(header);
  const lines = shares(frames);
  const entries = names.map((name, tier): LegendEntry => {
    return { name, colour: tierColour(header, theme, tier), value: percent(lines[tier]?.[index]) };
  });
  const sums = stacked(lines);
  return (
    <section class="panel" aria-labelledby="hits-title">
      <header>
        <h2 id="hits-title">
          What serves <small>share of accesses, by the lowest tier that had a part</small>
        </h2>
      </header>
      <Legend entries={entries} />
      {frames.some(({ served }) => served.some((n) => n > 0)) ? (
        <Plot
          label={`Accesses by what served them. At the cursor: ${entries.map((e) => `${e.name} ${e.value}`).join(", ")}.`}
          x={times(frames)}
          lines={sums
            .map((values, tier): PlotLine => {
              const colour = tierColour(header, theme, tier);
              return { name: names[tier] as string, colour, values, fill: 1, width: 0.5, steps: true };
            })
            .reverse()}
          clock={header.clock}
          value={(v) => `${Math.round(v * 100)} %`}
          range={() => [0, 1]}
          theme={theme}
          cursor={cursor}
        />
      ) : (
        <p class="empty">
          No cache has been asked for anything yet. Reads of regions are not counted: they cost no call.
        </p>
      )}
    </section>
  );
}

export function Latency({ header, frames, index, cursor, theme }: PanelProps) {
  const names = tierNames(header);
  const used = names
    .map((_, tier) => tier)
    .filter((tier) => frames.some((f) => f.latency.some((l) => l.tier === tier)));
  if (used.length === 0) return null;
  const of = (frame: Snapshot | undefined, tier: number) => frame?.latency.find((l) => l.tier === tier);
  const lines = used.flatMap((tier): PlotLine[] => {
    const colour = tierColour(header, theme, tier);
    const name = names[tier] as string;
    return [
      { name: `${name} p50`, colour, values: frames.map((f) => of(f, tier)?.p50 ?? null) },
      { name: `${name} p99`, colour, values: frames.map((f) => of(f, tier)?.p99 ?? null), dash: [4, 3] },
    ];
  });
  const entries = used.map((tier): LegendEntry => {
    const found = of(frames[index], tier);
    const value = found === undefined ? "–" : `${duration(found.p50)}, ${duration(found.p99)}`;
    return { name: names[tier] as string, colour: tierColour(header, theme, tier), value };
  });
  return (
    <section class="panel" aria-labelledby="latency-title">
      <header>
        <h2 id="latency-title">
          How long {header.clock === "requests" ? "an access" : "a get"} takes{" "}
          <small>median, and dashed the 99th percentile</small>
        </h2>
      </header>
      <Legend entries={entries} />
      <Plot
        label={`Latency of gets by what served them. At the cursor, median and p99: ${entries.map((e) => `${e.name} ${e.value}`).join("; ")}.`}
        x={times(frames)}
        lines={lines}
        clock={header.clock}
        value={duration}
        range={(min, max) => [10 ** Math.floor(Math.log10(min || 1e-7)), 10 ** Math.ceil(Math.log10(max || 1e-3))]}
        log
        theme={theme}
        cursor={cursor}
      />
      {header.clock === "requests" && (
        <p class="note">
          As measured in this replay, where slower nodes may be as fast as DRAM; without reading the bytes.
        </p>
      )}
    </section>
  );
}

export function ColdTail({ header, frames, index, theme }: PanelProps) {
  const most = oldest(frames);
  const frame = frames[index];
  if (header.ages !== "uses" || frame === undefined) return null;
  const tails = coldTail(frame).map((tail) => tail.slice(0, most + 1));
  const sums = stacked(tails);
  const idle = (level: number) => span(header.idleBase * 2 ** (level - 1), header.clock);
  const cold = Math.ceil(most / 2);
  const entries = header.nodes.map(({ name }, nid): LegendEntry => {
    return { name, colour: theme.node(nid), value: bytes(tails[nid]?.[cold] ?? 0) };
  });
  return (
    <section class="panel" aria-labelledby="tail-title">
      <header>
        <h2 id="tail-title">
          The cold tail <small>memory that has been idle for at least so long</small>
        </h2>
      </header>
      <Legend entries={entries} />
      <Plot
        label={`Memory by idle time at the cursor. Idle for ${idle(cold)} or more: ${entries.map((e) => `${e.value} in ${e.name}`).join(", ")}.`}
        x={[...Array(most + 1).keys()]}
        lines={sums
          .map((values, nid): PlotLine => {
            const colour = theme.node(nid);
            return { name: entries[nid]?.name as string, colour, values, fill: 0.8, width: 0.5 };
          })
          .reverse()}
        clock="levels"
        xValue={(level) => (Number.isInteger(level) ? (level === 0 ? "0" : idle(level).replace(" requests", "")) : "")}
        value={bytes}
        bytes
        range={fromZero}
        theme={theme}
      />
      <p class="note">
        The numbers above: idle for {idle(cold)} or more. Estimated from the sample that the map is made of
        {header.clock === "requests" ? "; idle time in requests" : ""}.
      </p>
    </section>
  );
}

export function Reclaim({ header, frames, index, cursor, theme }: PanelProps) {
  const scanned = rates(header, frames, counted(header, SCANNED));
  const stolen = rates(header, frames, counted(header, STOLEN));
  const efficiency = frames.length === 0 ? Number.NaN : (stolen[index] ?? 0) / (scanned[index] ?? 0);
  const known = frames[index]?.kswapdMs !== null;
  const busy = rates(header, frames, ({ kswapdMs }) => kswapdMs ?? 0)[index] ?? 0;
  const entries: LegendEntry[] = [
    { name: "scanned", colour: theme.node(2), value: count(scanned[index] ?? 0) },
    { name: "stolen", colour: theme.high, value: count(stolen[index] ?? 0) },
  ];
  return (
    <section class="panel" aria-labelledby="reclaim-title">
      <header>
        <h2 id="reclaim-title">
          Reclaim: scanned against stolen <small>pages {rateName(header)}</small>
        </h2>
      </header>
      <Legend entries={entries} />
      <Plot
        label={`Pages scanned and stolen ${rateName(header)}: ${entries.map((e) => `${e.value} ${e.name}`).join(", ")} at the cursor.`}
        x={times(frames)}
        lines={[
          { name: "scanned", colour: theme.node(2), values: scanned, fill: 0.25, steps: true },
          { name: "stolen", colour: theme.high, values: stolen, steps: true },
        ]}
        clock={header.clock}
        value={count}
        range={fromZero}
        theme={theme}
        cursor={cursor}
      />
      <p class="note">
        Stolen of scanned at the cursor: {percent(efficiency)}; the rest was in use.
        {known && ` kswapd takes ${duration(busy / 1000)} ${rateName(header)}.`}
      </p>
    </section>
  );
}
