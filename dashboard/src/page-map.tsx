/** Pages by address, over time: each column a snapshot, each row some pages, the first address on top. */
import { useEffect, useRef, useState } from "preact/hooks";
import { oldest } from "../../src/server/series.ts";
import { AGE_LEVELS, type Header, type PageMap, type Snapshot } from "../../src/server/wire.ts";
import { bytes, exact, span } from "./format.ts";
import { AXIS_WIDTH, type Cursor, Legend, RIGHT, useWidth } from "./plot.tsx";
import { ageColour, type Theme } from "./theme.ts";

const HEIGHT = 260;
const FIRST_NODE = 65;
const FIRST_DEVICE = 97;

type By = "place" | "age";

interface Props {
  readonly header: Header;
  readonly frames: readonly Snapshot[];
  readonly index: number;
  readonly cursor: Cursor;
  readonly theme: Theme;
}

export function PageMapPanel({ header, frames, index, cursor, theme }: Props) {
  const [by, setBy] = useState<By>("place");
  const [row, setRow] = useState<number>();
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const inner = Math.max(1, width - AXIS_WIDTH - RIGHT);
  const first = frames[0]?.at ?? 0;
  const last = frames.at(-1)?.at ?? 1;
  const rows = rowsInUse(frames);
  const most = oldest(frames);
  const toX = (at: number) => (last === first ? inner : ((at - first) / (last - first)) * inner);

  useEffect(() => {
    const element = canvas.current;
    if (element === null || width === 0) return;
    const ratio = devicePixelRatio;
    element.width = Math.round(inner * ratio);
    element.height = Math.round(HEIGHT * ratio);
    const context = element.getContext("2d") as CanvasRenderingContext2D;
    context.scale(ratio, ratio);
    context.imageSmoothingEnabled = false;
    const colours = coloursOf(header, theme, by, most);
    frames.forEach((frame, i) => {
      const column = columnOf(frame, rows, colours, by);
      const from = i === 0 ? 0 : toX((frames[i - 1] as Snapshot).at);
      const to = toX(frame.at);
      // Columns that meet between two pixels leave no seam.
      const left = Math.floor(from * ratio) / ratio;
      const right = Math.ceil(to * ratio) / ratio;
      if (column !== undefined && right > left) context.drawImage(column, left, 0, right - left, HEIGHT);
    });
  }, [frames, width, theme, by, header, most]);

  const frame = frames[index];
  const at = (event: { offsetX: number }) =>
    first + (Math.max(0, Math.min(inner, event.offsetX)) / inner) * (last - first);
  const names = [...header.nodes.map(({ name }) => name), ...header.swap.map(({ name }) => name)];
  const counts = frame === undefined ? [] : bytesAt(frame);
  return (
    <section class="panel wide" aria-labelledby="map-title">
      <header>
        <h2 id="map-title">Pages by address</h2>
        <fieldset class="choice">
          <legend class="hidden">Colour</legend>
          {(["place", "age"] as const).map((choice) => (
            <label key={choice}>
              <input type="radio" name="by" checked={by === choice} onChange={() => setBy(choice)} />
              {choice === "place" ? "where" : "how long idle"}
            </label>
          ))}
        </fieldset>
      </header>
      {by === "place" ? (
        <Legend
          entries={names.map((name, i) => ({
            name,
            colour: placeColour(header, theme, i),
            value: bytes(counts[i] ?? 0),
          }))}
        />
      ) : (
        <AgeScale header={header} most={most} />
      )}
      <div ref={box} class="map" style={{ height: `${HEIGHT + 6}px` }}>
        <span class="map-label first">0</span>
        <span class="map-label last">{frame === undefined ? "" : bytes(frame.map.pages * 4096)}</span>
        <canvas
          ref={canvas}
          role="img"
          aria-label={describe(header, counts, names)}
          style={{ left: `${AXIS_WIDTH}px`, width: `${inner}px`, height: `${HEIGHT}px` }}
          onPointerMove={(event) => {
            cursor.hover(at(event));
            setRow(Math.max(0, Math.min(0.999, event.offsetY / HEIGHT)));
          }}
          onPointerLeave={() => {
            cursor.hover(undefined);
            setRow(undefined);
          }}
          onClick={(event) => cursor.choose(at(event))}
        />
        {cursor.at !== undefined && (
          <span class="map-cursor" style={{ left: `${AXIS_WIDTH + toX(cursor.at)}px`, height: `${HEIGHT}px` }} />
        )}
      </div>
      <p class="note" data-test="map-note">
        {frame !== undefined && row !== undefined ? rowNote(header, frame, rows, row, names) : WHAT}
      </p>
    </section>
  );
}

const WHAT =
  "Time goes right, addresses go down. Each row stands for some pages, and shows one of them, always the same; addresses never used are left out.";

function AgeScale({ header, most }: { readonly header: Header; readonly most: number }) {
  const levels = [...Array(most + 1).keys()];
  const idle = (level: number) => span(header.idleBase * 2 ** level, header.clock);
  return (
    <p class="age-scale">
      {header.ages === "uses" ? "in use" : "used lately"}{" "}
      <span aria-hidden="true">
        {levels.map((level) => (
          <i key={level} style={{ background: ageColour(level, most + 1) }} />
        ))}
      </span>{" "}
      {header.ages === "uses"
        ? `idle for ${idle(most - 1)} or more; grey is in swap`
        : "cold (by its list; these rules note no uses); grey is in swap"}
    </p>
  );
}

/** Bytes at each place: not from the map, which is a sample. */
function bytesAt({ nodes, swap }: Snapshot): number[] {
  return [...nodes.map(({ size, free }) => size - free), ...swap.map(({ stored }) => stored)];
}

/** The rows that are drawn: of addresses that nothing ever lay at, none, if every snapshot is of the same ones. */
function rowsInUse(frames: readonly Snapshot[]): number[] {
  const last = frames.at(-1)?.map;
  if (last === undefined) return [];
  const all = [...Array(last.place.length).keys()];
  if (frames.some(({ map }) => map.pages !== 0 && map.pages !== last.pages)) return all;
  return all.filter((row) => frames.some(({ map }) => (map.place[row] ?? ".") !== "."));
}

function placeOf(code: number, header: Header): number | undefined {
  if (code >= FIRST_DEVICE) return header.nodes.length + code - FIRST_DEVICE;
  return code >= FIRST_NODE ? code - FIRST_NODE : undefined;
}

export function placeColour({ nodes }: Header, theme: Theme, place: number): string {
  return place < nodes.length ? theme.node(place) : theme.device(place - nodes.length);
}

/** Colours of the letters of a map, as numbers that a picture's memory holds. */
function coloursOf(header: Header, theme: Theme, by: By, most: number): Map<string, number> {
  const colours = new Map<string, number>();
  if (by === "place") {
    header.nodes.forEach((_, i) => {
      colours.set(String.fromCharCode(FIRST_NODE + i), pixel(theme.node(i)));
    });
    header.swap.forEach((_, i) => {
      colours.set(String.fromCharCode(FIRST_DEVICE + i), pixel(theme.device(i)));
    });
  } else {
    for (let level = 0; level <= most; level++) {
      colours.set(level.toString(AGE_LEVELS), pixel(ageColour(level, most + 1)));
    }
    colours.set("swap", pixel(theme.miss));
  }
  return colours;
}

/** "#rrggbb" as a picture's memory has it, where the lowest byte comes first. */
function pixel(colour: string): number {
  const part = (i: number) => Number.parseInt(colour.slice(i, i + 2), 16);
  return (255 << 24) | (part(5) << 16) | (part(3) << 8) | part(1);
}

/** A picture one pixel wide. */
function columnOf(
  { map }: Snapshot,
  shown: readonly number[],
  colours: Map<string, number>,
  by: By,
): HTMLCanvasElement | undefined {
  if (map.place.length === 0 || shown.length === 0) return undefined;
  const rows = shown.length;
  const column = document.createElement("canvas");
  column.width = 1;
  column.height = rows;
  const context = column.getContext("2d") as CanvasRenderingContext2D;
  const image = context.createImageData(1, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) {
    const at = scaled(shown[row] as number, map, shown);
    const place = map.place[at] as string;
    const letter = by === "place" ? place : place.charCodeAt(0) >= FIRST_DEVICE ? "swap" : (map.age[at] as string);
    pixels[row] = colours.get(letter) ?? 0;
  }
  context.putImageData(image, 0, 0);
  return column;
}

/** A snapshot of fewer mappings has fewer rows: each of the picture's rows is then as far down in it. */
function scaled(row: number, map: PageMap, shown: readonly number[]): number {
  const most = (shown.at(-1) as number) + 1;
  return map.place.length >= most ? row : Math.floor((row * map.place.length) / most);
}

function rowNote(
  header: Header,
  { map }: Snapshot,
  shown: readonly number[],
  at: number,
  names: readonly string[],
): string {
  const rows = map.place.length;
  if (rows === 0 || shown.length === 0) return "Nothing is mapped.";
  const row = scaled(shown[Math.floor(at * shown.length)] as number, map, shown);
  const from = Math.floor((row * map.pages) / rows);
  const to = Math.floor(((row + 1) * map.pages) / rows);
  const place = placeOf(map.place.charCodeAt(row), header);
  const level = Number.parseInt(map.age[row] as string, AGE_LEVELS);
  const idle =
    Number.isNaN(level) || header.ages === "lists"
      ? ""
      : level === 0
        ? ", in use"
        : `, idle for about ${span(header.idleBase * 2 ** (level - 1), header.clock)}`;
  const where = place === undefined ? "nowhere" : `one of them, in ${names[place]}`;
  return `Pages ${exact(from)} to ${exact(to - 1)}, from ${bytes(from * 4096)}: ${where}${idle}.`;
}

function describe(header: Header, counts: readonly number[], names: readonly string[]): string {
  const where = names.map((name, i) => `${bytes(counts[i] ?? 0)} in ${name}`).join(", ");
  return `Map of pages by address over ${header.clock === "seconds" ? "time" : "requests"}. At the cursor: ${where}.`;
}
