/** `lieu compare` and `lieu serve`, of recorded runs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import { lieu } from "./support.ts";

const TRACE = fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lieu-compare-"));
const [A, B, BOTH] = ["plain.html", "linux.html", "both.html"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
type Replayed = {
  requests: number;
  misses: number;
  hitsByTier: Record<string, number>;
  vmstat: Record<string, number>;
};
const ends: Replayed[] = [];
beforeAll(async () => {
  for (const [file, ...more] of [
    [A, "--slow", "2MiB"],
    [B, "--preset", "linux", "--slow", "0"],
  ] as [string, ...string[]][]) {
    const run = await lieu(
      "replay",
      TRACE,
      "--as",
      "region",
      "--dram",
      "2MiB",
      "--limit",
      "60000",
      "--report",
      file,
      "--json",
      ...more,
    );
    ends.push(JSON.parse(run.stdout) as Replayed);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("two runs: shares and counters are those that the replays ended with", async () => {
  const { status, stdout } = await lieu("compare", A, B, "--json");
  expect(status).toBe(0);
  const { names, rows } = JSON.parse(stdout) as { names: string[]; rows: { name: string; a?: number; b?: number }[] };
  expect(names).toEqual(["plain", "linux"]);
  const of = (name: string) => rows.find((row) => row.name === name);
  const [a, b] = ends as [Replayed, Replayed];
  expect(of("served by miss")).toMatchObject({ a: a.misses / a.requests, b: b.misses / b.requests });
  expect(of("served by slow")).toMatchObject({ a: (a.hitsByTier.slow as number) / a.requests });
  expect(of("served by slow")?.b).toBeUndefined();
  for (const [counter, value] of Object.entries(a.vmstat)) {
    const other = b.vmstat[counter];
    if (value !== 0 || other !== 0) expect(of(counter), counter).toMatchObject({ a: value, b: other });
    else expect(of(counter)).toBeUndefined();
  }
});

test("in words and as a page; a run against itself differs in nothing", async () => {
  const { stdout, stderr } = await lieu("compare", A, B, "--report", BOTH);
  expect(stdout).toMatch(/│ {17}│ +plain │ +linux │ +difference │|served by dram/);
  expect(stdout).toMatch(/served by slow +│ +[\d.]+ % │ +– │ +│/);
  expect(stderr).toContain("both.html");
  const page = readFileSync(BOTH, "utf8");
  expect(page).toContain("<title>plain and linux – lieu compare</title>");
  expect(page.match(/<svg /g)?.length).toBeGreaterThan(5);
  expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  const same = JSON.parse((await lieu("compare", A, A, "--json")).stdout) as { rows: { a: number; b: number }[] };
  for (const { a, b } of same.rows) expect(a).toBe(b);
});

test("what is no report is refused", async () => {
  const text = join(folder, "text.html");
  writeFileSync(text, '<script type="application/json" id="lieu-run">{"header":{"version":1},"frames":[]}</script>');
  expect(await lieu("compare", A, text)).toMatchObject({ status: 2, stderr: expect.stringContaining("is no report") });
  expect(await lieu("compare", A, join(folder, "none"))).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("does not exist"),
  });
  expect(await lieu("serve", TRACE)).toMatchObject({ status: 2, stderr: expect.stringContaining("is no report") });
  expect(await lieu("compare", A, B, "--report", join(folder, "no", "x"))).toMatchObject({ status: 2 });
});

test("a recorded run is served, and lieu top shows it, until Ctrl-C", async () => {
  let said = "";
  let heard = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const stderr = {
    write(text: string) {
      said += text;
      if (said.includes("Ctrl-C")) heard();
    },
  };
  const served = runCli(["serve", A], { stdout: stderr, stderr });
  await ready;
  const url = /http:\S+/.exec(said)?.[0] as string;
  const { stdout } = await lieu("top", url, "--once");
  expect(stdout).toContain("sqlite-session as region, request 60,000");
  process.emit("SIGINT");
  expect(await served).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

test("runs of different traces are said to be", async () => {
  const other = join(folder, "other.html");
  writeFileSync(join(folder, "other.csv"), "1,a,100\n2,b,100\n");
  await lieu("replay", join(folder, "other.csv"), "--report", other);
  const { status, stderr } = await lieu("compare", A, other);
  expect([status, stderr]).toEqual([
    0,
    "These ran different things: plain is sqlite-session as region, other is other as cache\n",
  ]);
  expect((await lieu("compare", A, B)).stderr).toBe("");
});
