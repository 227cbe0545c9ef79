/** Every experiment runs, small, on the engine; its report is whole; and the committed one is of today's experiments. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { anchor } from "../../src/study/report.ts";
import { EXPERIMENTS, type StudyResult, study } from "../../src/study/study.ts";
import { root } from "../support/sources.ts";
import { findXmlFault } from "./xml.ts";

/** The targets of Markdown's links and images. */
function links(text: string): string[] {
  return [...text.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] as string);
}
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) => `#${anchor(match[1] as string)}`);
}

describe("a quick study", () => {
  let result: StudyResult;
  const progress: [number, number][] = [];
  beforeAll(async () => {
    result = await study({ quick: true, onProgress: (done, all) => progress.push([done, all]) });
  });

  test.each(EXPERIMENTS.map((e) => e.name))("%s has an answer, findings, tables and plots", (name) => {
    const chapter = result.chapters.find((c) => c.experiment.name === name);
    expect(chapter).toBeDefined();
    const { answer, findings, tables, plots } = chapter?.outcome ?? { answer: "", findings: [], tables: [], plots: [] };
    expect(answer).toMatch(/\d/);
    expect(findings.length).toBeGreaterThan(1);
    expect(tables.flatMap((t) => t.rows).length).toBeGreaterThan(0);
    for (const table of tables) for (const row of table.rows) expect(row).toHaveLength(table.head.length);
    expect(plots.length).toBeGreaterThan(0);
    for (const plot of plots) expect(findXmlFault(plot.svg), plot.file).toBeUndefined();
    const words = [answer, ...findings, ...tables.flatMap((t) => t.rows.flat()), ...plots.map((p) => p.svg)].join("\n");
    expect(words).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("every link of the report leads somewhere", () => {
    const report = result.files.get("README.md") as string;
    const there = new Set([...result.files.keys(), ...headings(report)]);
    const dead = links(report).filter((l) => !there.has(l) && !existsSync(join(root, "docs/study", l)));
    expect(dead).toEqual([]);
    for (const file of result.files.keys()) if (file.endsWith(".svg")) expect(links(report)).toContain(file);
    expect(report).toContain("This is a quick run");
  });

  test("what holds at any size: nobody's policy is broken under lieu, no one-page count differs, limits demote for nothing", () => {
    const findings = (name: string): string =>
      result.chapters.find((c) => c.experiment.name === name)?.outcome.findings.join("\n") ?? "";
    const answer = (name: string): string =>
      result.chapters.find((c) => c.experiment.name === name)?.outcome.answer ?? "";
    expect(findings("policy")).toMatch(/No page is ever placed against a policy .* under .*`linux \+ both` and `lieu`/);
    expect(answer("policy")).toMatch(/and 0 under `lieu`\.$/);
    expect(answer("limit")).toMatch(/`lieu` makes 0\.$/);
    expect(answer("hostile")).toMatch(
      /^Yes, as a plain target: [1-9].*Under `lieu`, 0 with balancing and 0 with the nodes/,
    );
  });

  test("progress counts every run", () => {
    expect(progress[0]?.[0]).toBe(0);
    expect(progress.map(([done]) => done)).toEqual(progress.map((_, i) => i));
    expect(new Set(progress.map(([, all]) => all))).toEqual(new Set([progress.length]));
  });
});

test("the same study twice is the same, byte for byte", async () => {
  const options = { quick: true, only: ["limit", "hostile"] };
  const [a, b] = [await study(options), await study(options)];
  expect([...a.files]).toEqual([...b.files]);
  expect(a.files.get("README.md")).toContain("npx lieu study --only limit,hostile --quick");
});

test("an experiment that there is not, and a folder that there is not", async () => {
  await expect(study({ only: ["wake", "sleep"] })).rejects.toThrow(/EINVAL.*"sleep".*demotion, wake/);
  await expect(study({ only: ["wake"], traces: join(root, "nowhere") })).rejects.toThrow(/ENOENT/);
});

test("it ends where it is told to", async () => {
  const controller = new AbortController();
  const run = study({
    quick: true,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  });
  await expect(run).rejects.toThrow("enough");
});

describe("the committed report", () => {
  const folder = join(root, "docs/study");
  const report = readFileSync(join(folder, "README.md"), "utf8");

  test("is a whole one, of the experiments that there are", () => {
    expect(report).not.toContain("quick run");
    expect(report).toContain("Made by `npx lieu study --out DIR`;");
    for (const { title } of EXPERIMENTS) expect(report).toMatch(new RegExp(`^## \\d+\\. ${escaped(title)}$`, "m"));
  });

  test("links to what is there, and every plot is in it", () => {
    const there = new Set(headings(report));
    expect(links(report).filter((l) => !there.has(l) && !existsSync(join(folder, l)))).toEqual([]);
    const plots = readdirSync(folder).filter((name) => name.endsWith(".svg"));
    expect(plots.length).toBeGreaterThan(EXPERIMENTS.length - 1);
    for (const plot of plots) {
      expect(links(report)).toContain(plot);
      expect(findXmlFault(readFileSync(join(folder, plot), "utf8")), plot).toBeUndefined();
    }
  });
});

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}
