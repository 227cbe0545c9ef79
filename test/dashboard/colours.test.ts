/** The dashboard's colours: what stands in one plot can be told apart in either theme, by whoever sees colours as most do or otherwise. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const CSS = readFileSync("dashboard/src/style.css", "utf8");

function theme(name: "light" | "dark"): Record<string, string> {
  const [, block = ""] = new RegExp(`:root\\[data-theme="${name}"\\] \\{([^}]*)\\}`).exec(CSS) ?? [];
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, k, v]) => [k, v]));
}

type Three = readonly [number, number, number];

/** Linear light of the three primaries, 0 to 1. */
function light(hex: string): Three {
  return [1, 3, 5]
    .map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as unknown as Three;
}

/** What is seen of red, green and blue by one who lacks a kind of cones (Machado, Oliveira and Fernandes, 2009, whole severity). */
const SIGHTS: Readonly<Record<string, readonly Three[]>> = {
  "all three cones": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const dot = (row: Three, [r, g, b]: Three) => row[0] * r + row[1] * g + row[2] * b;
const all = (matrix: readonly Three[], v: Three) => matrix.map((row) => dot(row, v)) as unknown as Three;

/** A colour as it is seen, in Oklab (B. Ottosson, 2020): lengths in it are differences for the eye. */
function seen(hex: string, sight: readonly Three[]): Three {
  const rgb = all(sight, light(hex)).map((c) => Math.min(1, Math.max(0, c))) as unknown as Three;
  const cones = all(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  ).map(Math.cbrt) as unknown as Three;
  return all(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  );
}
function difference(a: string, b: string, sight: readonly Three[]): number {
  const [p, q] = [seen(a, sight), seen(b, sight)];
  return Math.hypot(...p.map((v, i) => v - (q[i] as number)));
}
/** By WCAG. */
function contrast(a: string, b: string): number {
  const [low, high] = [a, b].map((hex) => dot([0.2126, 0.7152, 0.0722], light(hex))).sort((x, y) => x - y) as [
    number,
    number,
  ];
  return (high + 0.05) / (low + 0.05);
}

const PLOTS = {
  "what moves": ["node-0", "device-1", "in-place", "node-1", "device-0", "drop"],
  "where pages are, and what serves": ["node-0", "node-1", "node-2", "node-3", "device-0", "device-1", "miss"],
};
/** Two that are this far apart are about four times what can just be told apart side by side. */
const APART = 0.08;
/** WCAG 1.4.11, for what must be seen to understand a picture. */
const CONTRAST = 3;

for (const name of ["light", "dark"] as const) {
  const colours = theme(name);
  const of = (colour: string) => colours[colour] as string;
  test.each(Object.entries(PLOTS))(`${name}, %s: each can be seen, and told from each other`, (_, plot) => {
    for (const colour of plot) expect(contrast(of(colour), of("panel")), colour).toBeGreaterThanOrEqual(CONTRAST);
    for (const [sight, matrix] of Object.entries(SIGHTS)) {
      plot.forEach((a, i) => {
        for (const b of plot.slice(i + 1))
          expect(difference(of(a), of(b), matrix), `${a} and ${b}, ${sight}`).toBeGreaterThanOrEqual(APART);
      });
    }
  });
}

test("the measures are right", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
  const sight = SIGHTS["all three cones"] as readonly Three[];
  expect(difference("#000000", "#ffffff", sight)).toBeCloseTo(1, 3);
  // A red and a green that are one to who lacks the cones for green.
  const [red, green] = ["#c06030", "#808030"];
  expect(difference(red, green, sight)).toBeGreaterThan(0.1);
  expect(difference(red, green, SIGHTS.deuteranopia as readonly Three[])).toBeLessThan(0.06);
});
