/** `lieu plan`: what it prints, what it writes, and what it refuses. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { lieu } from "./support.ts";

const TRACE = fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lieu-plan-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a plan of the shipped trace: its table, its files, and a configuration that lieu replay takes", async () => {
  const [svg, html] = [join(folder, "x.svg"), join(folder, "x.html")];
  const { status, stdout } = await lieu(
    "plan",
    TRACE,
    "--limit",
    "60000",
    "--budget",
    "0.05",
    "--svg",
    svg,
    "--html",
    html,
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/^sqlite-session as a region: 60,000 requests/);
  const [, text = ""] = /Fastest for at most 0\.05:[^\n]*\n[\s\S]*?\n\n((?: {2}.*\n?)+)/.exec(stdout) ?? [];
  const config = parse(text) as { swap: { path: string }[] };
  for (const device of config.swap) device.path = join(folder, "swap");
  const file = join(folder, "tiers.yaml");
  writeFileSync(file, stringify(config));
  const replayed = await lieu("replay", TRACE, "--as", "region", "--limit", "60000", "--config", file, "--json");
  const { hitsByTier, requests } = JSON.parse(replayed.stdout) as {
    hitsByTier: Record<string, number>;
    requests: number;
  };
  const json = JSON.parse((await lieu("plan", TRACE, "--limit", "60000", "--budget", "0.05", "--json")).stdout);
  const fastest = json.options.find(({ name }: { name: string }) => name === json.fastest);
  for (const [tier, n] of Object.entries(hitsByTier)) expect(n / requests, tier).toBe(fastest.hits[tier]);
  expect(readFileSync(svg, "utf8")).toMatch(/^<svg /);
  expect(readFileSync(html, "utf8")).toContain("All configurations");
});

test("a price list is printed, and read again", async () => {
  const file = join(folder, "prices.yaml");
  const { stdout } = await lieu("plan", "--print-prices");
  writeFileSync(file, stdout);
  expect(parse(stdout).dram.source).toContain("DDR5");
  const again = await lieu("plan", "--prices", file, "--print-prices", "--zswap-ratio", "3");
  expect(parse(again.stdout)).toEqual({ ...parse(stdout), zswapRatio: 3 });
});

test("a plan of the whole shipped trace is there in less than ten seconds, wherever the command is given", async () => {
  const there = process.cwd();
  process.chdir(folder);
  const begun = process.cpuUsage();
  try {
    const { status, stdout } = await lieu("plan", "traces/sqlite-session.mtr.gz");
    const { user, system } = process.cpuUsage(begun);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/739,384 requests, .*; 35 configurations/)]);
    expect((user + system) / 1e6).toBeLessThan(10);
  } finally {
    process.chdir(there);
  }
}, 60_000);

test.each([
  [["plan"], "give a trace"],
  [["plan", TRACE, "--latency", "5"], "give a time"],
  [["plan", TRACE, "--prices", "none.yaml"], "does not exist"],
  [["plan", TRACE, "--for", "5s"], "EINVAL: --for is for programs that run"],
  [["plan", TRACE, "--cache", "users"], "EINVAL: --cache is for programs that run"],
  [["plan", "http://127.0.0.1:9/", "--as", "cache"], "EINVAL: --as is for traces"],
  [["plan", TRACE, "--print-prices"], "leave"],
  [["plan", TRACE, "--quick"], "EINVAL: --quick is for caches of large objects"],
  [["plan", "--print-prices", "--html", "x.html"], "--html has no effect"],
  [["plan", TRACE, "--svg", join(folder, "no", "x.svg")], "does not exist"],
  [["plan", join(folder, "none.mtr")], "does not exist"],
])("%j is bad usage", async (argv, why) => {
  const { status, stderr } = await lieu(...argv);
  expect([status, stderr]).toEqual([2, expect.stringContaining(why)]);
});
