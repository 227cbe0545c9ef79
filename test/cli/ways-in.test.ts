/** Ways to ask and to be told: help of a verb, traces from a pipe, JSON, what is written where, what is not allowed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { describePackage } from "../package/installed.ts";
import { manifest, root } from "../support/sources.ts";
import { lieu } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "lieu-ways-"));
afterAll(() => rmSync(folder, { recursive: true }));
const TINY = "time,id,size\n1,a,100\n2,b,200\n3,a,100\n";
const tiny = join(folder, "tiny.csv");
writeFileSync(tiny, TINY);

test("lieu help VERB is lieu VERB --help", async () => {
  for (const verb of ["replay", "demo", "parity", "study"]) {
    const asked = await lieu("help", verb);
    expect(asked).toEqual(await lieu(verb, "--help"));
    expect(asked.status).toBe(0);
  }
  expect((await lieu("help")).stdout).toContain("replay a trace over tiers of memory");
});

test.each(["cache", "region"])("a trace of three requests replays as a %s with no option set", async (as) => {
  const { status, stdout, stderr } = await lieu("replay", tiny, "--as", as, "--json");
  expect([status, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toMatchObject({ requests: 3, hits: 1, misses: 2, corrupt: 0 });
});

test("what is wrong is said in our words, and of what was set", async () => {
  for (const setting of [
    "nodes=3",
    "swappiness=high",
    "promotion.scanSize=[]",
    "balance=[[a]]",
    "seed=-1",
    "noodles=1",
  ]) {
    const { status, stderr } = await lieu("replay", tiny, "--set", setting);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^lieu: EINVAL: --set .*(give|allowed are)/);
    expect(stderr).not.toMatch(/invalid|expected|received|unrecognized/i);
  }
  const small = await lieu("replay", tiny, "--dram", "256KiB", "--slow", "0", "--swap", "0");
  expect(small.stderr).toMatch(/^lieu: EINVAL: the nodes that it may use have room for .* KiB: a cache needs 64 KiB/);
});

test("a study writes where it is told to, and nowhere else", async () => {
  const before = process.cwd();
  const empty = mkdtempSync(join(folder, "empty-"));
  process.chdir(empty);
  try {
    const printed = await lieu("study", "--quick", "--only", "count");
    expect([printed.status, readdirSync(empty)]).toEqual([0, []]);
    expect(printed.stdout).not.toContain("README.md");
    const written = await lieu("study", "--quick", "--only", "count", "--out", "report");
    expect(written.stdout).toContain(join("report", "README.md"));
    expect(existsSync(join(empty, "report/README.md"))).toBe(true);
  } finally {
    process.chdir(before);
  }
});

describePackage("the built command", () => {
  const bin = join(root, manifest.bin.lieu as string);
  const run = (args: readonly string[], input?: string) =>
    spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", ...(input !== undefined && { input }) });

  test("reads a trace from the standard input, and from a pipe by any name", () => {
    const piped = run([bin, "replay", "-", "--json"], TINY);
    expect([piped.status, piped.stderr]).toEqual([0, ""]);
    expect(JSON.parse(piped.stdout)).toMatchObject({ trace: "stdin", requests: 3, hits: 1 });
    expect(run([bin, "replay", "-", "--format", "mtr"], TINY).stderr).toMatch(/^lieu: EFORMAT: stdin /);
    expect(run([bin, "replay", "-"], "").stderr).toMatch(/^lieu: EFORMAT: stdin /);
  });

  test("demo --json prints all results", () => {
    const { status, stdout } = run([bin, "demo", "--json"]);
    expect(status).toBe(0);
    const { records, ...runs } = JSON.parse(stdout) as Record<string, { misses: number; corrupt: number }>;
    expect(records).toMatchObject({ discard: { wrong: 0 }, zswap: { wrong: 0 } });
    expect(Object.keys(runs)).toEqual(["demote", "swap", "discard"]);
    expect(Object.values(runs).map(({ corrupt }) => corrupt)).toEqual([0, 0, 0]);
    expect(runs.demote?.misses).toBeLessThan(runs.discard?.misses as number);
  }, 120_000);

  describe("under Node's permission model", () => {
    const flag = Number.parseInt(process.versions.node, 10) < 23 ? "--experimental-permission" : "--permission";
    const may = [flag, "--no-warnings", `--allow-fs-read=${join(root, "*")}`];

    test("says EACCES of a trace that may not be read, and of a swap file that may not be written", () => {
      const trace = run([...may, bin, "replay", tiny]);
      expect([trace.status, trace.stderr]).toEqual([
        2,
        expect.stringMatching(/^lieu: EACCES: .*tiny\.csv may not be read/),
      ]);
      const swap = run([...may, `--allow-fs-read=${join(folder, "*")}`, bin, "replay", tiny]);
      expect([swap.status, swap.stderr]).toEqual([2, expect.stringMatching(/^lieu: EACCES: swap file /)]);
    });

    test("opens a memory without swap where nothing but the package may be read", () => {
      const program = `import(${JSON.stringify(join(root, "dist/index.js"))}).then(async ({ openMemory }) => {
        await using memory = await openMemory({ nodes: { dram: { kind: "dram", size: "4MiB" } } });
        console.log(memory.nodeNames[0]);
      })`.replace("await using", "const");
      expect(run([...may, "-e", program])).toMatchObject({ status: 0, stdout: "dram\n", stderr: "" });
    });
  });
});
