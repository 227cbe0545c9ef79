/** The command as a whole: help, version, the demo, and the real thing as a process. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { conclusion } from "../../src/cli/demo.ts";
import { requestPrice } from "../../src/cli/demo-price.ts";
import type { ReplayResult } from "../../src/trace/replay.ts";
import { requireThat } from "../support/requires.ts";
import { manifest, root } from "../support/sources.ts";
import { lieu } from "./support.ts";

const { upToDate } = await import(pathToFileURL(join(root, "scripts/fingerprint.mjs")).href);
const describeBuilt = requireThat(upToDate(root).all, "needs dist/ as these sources make it: npm run build");
const shipped = join(root, "traces/sqlite-session.mtr.gz");

test("--help and --version say what they should, on stdout", async () => {
  expect(await lieu("--version")).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
  const help = await lieu("--help");
  expect([help.status, help.stderr]).toEqual([0, ""]);
  for (const word of ["replay", "demo", "Examples:"]) expect(help.stdout).toContain(word);
  const replay = await lieu("replay", "--help");
  expect([replay.status, replay.stderr]).toEqual([0, ""]);
  for (const flag of ["--as", "--dram", "--no-demotion", "--preset", "--json", "Examples:"]) {
    expect(replay.stdout).toContain(flag);
  }
});

test("without a verb it prints the help to stderr, and an unknown verb is an error", async () => {
  const { status, stdout, stderr } = await lieu();
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("Usage: lieu");
  expect(await lieu("repaly")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^lieu: EINVAL: unknown command 'repaly' .*replay.*\n$/),
  });
});

test("the demo answers its questions from the numbers", { timeout: 180_000 }, async () => {
  const { status, stdout, stderr } = await lieu("demo");
  // On a busy machine it says how far it has got.
  const said = stderr.split("\n").filter((line) => !/^\w+ *: [\d,]+ of [\d,]+ requests$/.test(line));
  expect([status, said]).toEqual([0, [""]]);
  for (const words of [
    "origin fetches",
    "hits in dram",
    "hits in slow",
    "hits in swap",
    "written to swap",
    "Try next",
  ]) {
    expect(stdout).toContain(words);
  }
  const cells = (row: string): number[] => {
    const line = stdout.split("\n").find((text) => text.includes(row)) as string;
    return line
      .split("│")
      .slice(2, 5)
      .map((cell) => Number(cell.replaceAll(",", "")));
  };
  const [demote, swap, discard] = cells("origin fetches") as [number, number, number];
  expect(demote).toBeLessThan(swap);
  expect(swap).toBeLessThan(discard);
  expect(cells("wrong values")).toEqual([0, 0, 0]);
  expect(stdout).toContain(`${Math.round((1 - demote / discard) * 100)} % fewer fetches from the origin`);
  // What is served from swap was read there.
  const read = stdout.split("\n").find((line) => line.includes("read from swap")) as string;
  expect(read).toMatch(/│ +[\d.]+ MiB │ +[\d.]+ MiB │ +0 │/);
  // The second table.
  const below = stdout.slice(stdout.indexOf("The same requests again")).split("\n");
  const fetches = below.find((line) => line.includes("origin fetches"))?.match(/[\d,]+/g) ?? [];
  const [dropped, compressed] = fetches.map((text) => Number(text.replaceAll(",", ""))) as [number, number];
  expect(compressed).toBeLessThan(dropped / 2);
});

test("the demo's conclusion says so if demoting did not pay", () => {
  const result = (misses: number, io: number, inDram: number): ReplayResult =>
    ({
      requests: 1000,
      hits: 1000 - misses,
      misses,
      footprint: 4096 * 10,
      elapsedSeconds: 1,
      checkedBytes: 0,
      corrupt: 0,
      hitsByTier: { dram: inDram },
      nodes: { dram: {} },
      vmstat: { pswpin: io, pswpread: 0, pswpout: io, pgdemote_kswapd: 0, pgdemote_direct: 0, pgdemote_proactive: 0 },
    }) as unknown as ReplayResult;
  const says = (demote: ReplayResult, swap: ReplayResult, discard: ReplayResult) =>
    conclusion({ demote, swap, discard }).replaceAll("\n", " ");
  expect(says(result(300, 60, 5), result(300, 30, 0), result(200, 0, 4))).toMatch(
    /50 % more fetches .* 25 % more hits in the nodes \(5 for 4\).*as many fetches and 100 % more swap I\/O .*It costs no hits in dram \(5 for 4\)/,
  );
  expect(says(result(100, 6, 98), result(300, 30, 60), result(200, 0, 100))).toMatch(
    /50 % fewer fetches .* 2 % fewer hits in the nodes .*67 % fewer fetches .*The price: 2 % fewer hits in dram than with discarding/,
  );
  expect(says(result(100, 6, 90), result(300, 30, 100), result(200, 0, 80))).toMatch(
    /The price: 10 % fewer hits in dram than with swapping/,
  );
});

test("the demo prices a request by the study's table, each line of a value's page being read", () => {
  const vmstat = { pswpout: 2, pgmigrate_success: 3, pgscan_kswapd: 4, pgscan_direct: 0, pgrefill: 0 };
  const result = { hitsByTier: { dram: 90, slow: 5, swap: 1 }, misses: 4, requests: 100 };
  const { memory, fetches, total } = requestPrice({
    ...result,
    vmstat: { ...vmstat, numa_hint_faults: 0, pgpromote_judged: 0 },
  } as unknown as ReplayResult);
  // 64 lines of 94 pages in DRAM and of 5 slower ones; 3 pages of swap; 3 moves and 4 looks.
  expect(memory).toBeCloseTo((64 * (94 * 100 + 5 * 300) + 3 * 10_000 + 3 * 2000 + 4 * 50) / 100 / 1000);
  expect([fetches, total]).toEqual([40, memory + 40]);
});

describeBuilt("the built command", () => {
  const bin = join(root, manifest.bin.lieu as string);
  const folder = mkdtempSync(join(tmpdir(), "lieu-test-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const options = { cwd: root, encoding: "utf8", env: { ...process.env, TMPDIR: folder } } as const;

  test("replays, prints JSON, and leaves nothing behind", () => {
    const args = [bin, "replay", shipped, "--as", "region", "--limit", "50000", "--json"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({ trace: "sqlite-session", requests: 50_000, corrupt: 0, violations: 0 });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("cleans up after Ctrl-C", async () => {
    const args = [bin, "replay", shipped, "--dram", "1MiB", "--slow", "1MiB", "--engine", "js"];
    const child = spawn(process.execPath, args, { ...options, stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    // It has its swap file open, which has no name any more.
    const replays = () => {
      try {
        const files = readdirSync(`/proc/${child.pid}/fd`);
        return files.some((file) => readlinkSync(`/proc/${child.pid}/fd/${file}`).startsWith(join(folder, "lieu-")));
      } catch {
        return false;
      }
    };
    for (let i = 0; i < (process.platform === "linux" ? 1000 : 200) && !replays(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("ends quietly when nobody reads on", () => {
    const { stdout, stderr } = spawnSync(
      "sh",
      ["-c", `"${process.execPath}" "${bin}" replay --help | head -n 1`],
      options,
    );
    expect([stdout, stderr]).toEqual(["Usage: lieu replay [options] <trace>\n", ""]);
  });
});
