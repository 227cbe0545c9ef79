/** Plots are well-formed, have no number that is none, and say in words what they show. */
import { describe, expect, test } from "vitest";
import { barPlot, linePlot, scatterPlot } from "../../src/study/plots.ts";
import { at, escapeXml, ticks } from "../../src/study/svg.ts";
import { findXmlFault } from "./xml.ts";

const text = { title: 'a < b & "c"', desc: "x > y" };
const bars = {
  ...text,
  unit: "ns",
  groups: ["one", "two & three"],
  series: [{ name: "s<1>", values: [1, undefined] }],
};
const lines = {
  ...text,
  x: "accesses",
  y: "pages",
  series: [
    {
      name: "a",
      points: [
        [0, 0],
        [10, 3],
      ] as const,
    },
  ],
  marks: [{ name: "high", y: 5 }],
};

describe("plots", () => {
  test.each([
    ["bars", barPlot(bars)],
    ["stacked bars", barPlot({ ...bars, stacked: true })],
    ["bars on a logarithmic axis", barPlot({ ...bars, log: true })],
    ["bars that are all 0", barPlot({ ...bars, series: [{ name: "nothing", values: [0, 0] }] })],
    ["lines", linePlot(lines)],
    ["points", scatterPlot(lines)],
    ["a line of one point", linePlot({ ...lines, series: [{ name: "a", points: [[0, 0]] }] })],
  ])("%s are well-formed XML with a title and a description", (_, svg) => {
    expect(findXmlFault(svg)).toBeUndefined();
    expect(svg).toContain(`<title id="t">${escapeXml(text.title)}</title>`);
    expect(svg).toContain('<desc id="d">x &gt; y</desc>');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).not.toMatch(/<script|url\(|href|@import/);
  });

  test("the fault finder finds faults", () => {
    expect(findXmlFault("<a><b></a>")).toBe("</a> closes nothing");
    expect(findXmlFault("<a>x & y</a>")).toContain("x & y");
    expect(findXmlFault("<a>")).toBe("a left open");
    expect(findXmlFault("<a>1 < 2</a>")).toContain("1 < 2");
  });

  test("a bar is as long as its value, and a line goes through its points", () => {
    const svg = barPlot({ ...bars, groups: ["a", "b"], series: [{ name: "s", values: [50, 100] }] });
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="11"/g)].map((m) => Number(m[1]));
    expect(widths).toHaveLength(2);
    expect((widths[1] as number) / (widths[0] as number)).toBeCloseTo(2, 2);
    const path = / d="(M[^"]+L[^"]+)"/.exec(linePlot(lines))?.[1] as string;
    const [from, to] = path
      .slice(1)
      .split("L")
      .map((p) => p.split(" ").map(Number)) as [[number, number], [number, number]];
    expect(to[0]).toBeGreaterThan(from[0]);
    expect(to[1], "up is less").toBeLessThan(from[1]);
  });

  test("a value that is no number is a bug, not a plot", () => {
    expect(() => at(Number.NaN)).toThrow("EBUG");
    expect(() => linePlot({ ...lines, series: [{ name: "a", points: [[0, Number.NaN]] }] })).toThrow("EBUG");
  });

  test("ticks are round and cover the data", () => {
    expect(ticks(97)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(0.5)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]);
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(24_576)).toEqual([0, 5000, 10_000, 15_000, 20_000, 25_000]);
  });
});
