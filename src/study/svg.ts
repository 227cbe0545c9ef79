/**
 * A small plot writer: SVG that stands on a page by itself, without scripts, fonts or anything from elsewhere. It brings a
 * background of its own, light or dark as the reader's system is, and Okabe and Ito's colours, which are told apart by
 * readers with any kind of colour vision. The same data gives the same bytes.
 */
import { LieuError } from "../errors.ts";

export const WIDTH = 780;
/** Okabe and Ito, 2008; in the order of use. */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#b8a800"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 4", "1 2", "12 4", "6 2 2 2"];

const STYLE = `
  .paper { fill: #ffffff; } .ink { fill: #1f2328; } .dim { fill: #59636e; } .grid { stroke: #d1d9e0; }
  .axis, .mark { stroke: #59636e; } .mark { stroke-dasharray: 3 4; }
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif; }
  .title { font-size: 15px; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .ink { fill: #f0f6fc; } .dim { fill: #9198a1; } .grid { stroke: #3d444d; }
    .axis, .mark { stroke: #9198a1; }
  }`;

/** What every plot has. */
export interface PlotText {
  readonly title: string;
  /** What a reader who cannot see it is told. */
  readonly desc: string;
  /** Pixels; what stands in a column of a page, or is for a telephone, is narrower. */
  readonly width?: number;
  /** Tells it from other pictures of a page. */
  readonly id?: string;
}

/** The colour of the i-th series. */
export function colour(i: number): string {
  return COLOURS[i % COLOURS.length] as string;
}
/** The dashes of the i-th line, so that lines differ in print too. */
export function dashes(i: number): string {
  return DASHES[i % DASHES.length] as string;
}

/** A coordinate. @throws {@link LieuError} EBUG if it is not a number */
export function at(value: number): string {
  if (!Number.isFinite(value)) throw new LieuError("EBUG", `a plot has a coordinate that is ${value}`);
  return String(Math.round(value * 10) / 10);
}

/** Text as XML has it. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** How wide a text is at most, about, px. */
export function widthOf(text: string, size = 12): number {
  return text.length * size * 0.56;
}

/** Text at a place; `anchor` is start, middle or end. */
export function label(x: number, y: number, text: string, anchor = "start", kind = "ink"): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" class="${kind}">${escapeXml(text)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${kind}"/>`;
}

export function rect(x: number, y: number, w: number, h: number, fill: string): string {
  return `<rect x="${at(x)}" y="${at(y)}" width="${at(Math.max(0, w))}" height="${at(h)}" fill="${fill}"/>`;
}

/** A legend in rows from `y` on; gives its parts and where it ends. */
export function legend(
  names: readonly string[],
  y: number,
  swatch: (i: number, x: number, y: number) => string,
  width: number = WIDTH,
) {
  const parts: string[] = [];
  let x = 16;
  let row = y;
  for (const [i, name] of names.entries()) {
    const wide = 26 + widthOf(name) + 18;
    if (x > 16 && x + wide > width - 8) {
      x = 16;
      row += 18;
    }
    parts.push(swatch(i, x, row), label(x + 26, row + 4, name));
    x += wide;
  }
  return { parts, end: names.length === 0 ? y - 8 : row + 18 };
}

/** A whole document. */
export function document(height: number, text: PlotText, parts: readonly string[]): string {
  const { width = WIDTH, id = "" } = text;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${at(height)}" width="${width}" height="${at(height)}" role="img" aria-labelledby="t${id} d${id}">
<title id="t${id}">${escapeXml(text.title)}</title>
<desc id="d${id}">${escapeXml(text.desc)}</desc>
<style>${STYLE}
</style>
<rect width="100%" height="100%" rx="6" class="paper"/>
<text x="16" y="26" class="ink title">${escapeXml(text.title)}</text>
${parts.join("\n")}
</svg>
`;
}

/** Round values from 0 (or `low`) up to what covers `high`: about `count` steps of 1, 2 or 5 times a power of ten. */
export function ticks(high: number, count = 5, low = 0): number[] {
  const span = high - low;
  if (!(span > 0)) return [low, low + 1];
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) as number);
  const found: number[] = [];
  for (let i = Math.floor(low / step); ; i++) {
    found.push(Number((i * step).toPrecision(12)));
    if (i * step >= high - step * 1e-9) return found;
  }
}

/** A value on an axis. */
export function tickText(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}
