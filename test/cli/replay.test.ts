/** `lieu replay`: what it prints, what it refuses, and what it takes for an answer. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { zipf } from "../../src/trace/generate.ts";
import { encodeMtr } from "../../src/trace/mtr.ts";
import type { Pattern } from "../../src/trace/pattern.ts";
import type { Trace } from "../../src/trace/trace.ts";
import { lieu } from "./support.ts";

const pattern = vi.hoisted(() => ({ broken: false }));
vi.mock(import("../../src/trace/pattern.ts"), async (original) => {
  const { loadPattern, ...rest } = await original();
  const check: Pattern["check"] = () => 0;
  return {
    ...rest,
    loadPattern: (...args) => {
      const { fill, check: real } = loadPattern(...args);
      return { fill, check: pattern.broken ? check : real };
    },
  };
});

const trace: Trace = zipf({ keys: 3000, requests: 20_000, alpha: 0.8, writeRatio: 0.3 });
const folder = mkdtempSync(join(tmpdir(), "lieu-test-"));
const at = (name: string): string => join(folder, name);
const mtr = at("small.mtr.gz");
const before = process.env.TMPDIR;

beforeAll(() => {
  process.env.TMPDIR = mkdtempSync(join(folder, "tmp-"));
  const bytes = Buffer.concat([...encodeMtr(trace)]);
  writeFileSync(mtr, gzipSync(bytes));
  writeFileSync(at("plain.mtr"), bytes);
  const rows = Array.from(trace.key, (key, i) => `${i},${key},4096`);
  writeFileSync(at("rows.csv"), `time,id,size\n${rows.join("\n")}\n`);
  const oracle = Buffer.alloc(24 * trace.requests);
  trace.key.forEach((key, i) => {
    oracle.writeUInt32LE(i, 24 * i);
    oracle.writeBigUInt64LE(BigInt(key), 24 * i + 4);
    oracle.writeUInt32LE(4096, 24 * i + 12);
    oracle.writeBigInt64LE(-1n, 24 * i + 16);
  });
  writeFileSync(at("x.oracleGeneral"), oracle);
});
afterAll(() => {
  const left = readdirSync(process.env.TMPDIR as string);
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

const KEYS = [
  "trace",
  "requests",
  "hits",
  "misses",
  "objectMissRatio",
  "byteMissRatio",
  "hitsByTier",
  "corrupt",
  "vmstat",
  "nodes",
  "violations",
  "requestsPerSecond",
  "elapsedSeconds",
  "peakRssBytes",
  "seed",
];

describe("--json", () => {
  test.each([
    ["cache", ["--as", "cache"]],
    ["region", ["--as", "region"]],
    ["region without bytes", ["--as", "region", "--no-bytes"]],
  ])("prints one object with these keys and nothing else, as a %s", async (_, flags) => {
    const { status, stdout, stderr } = await lieu("replay", mtr, ...flags, "--json", "--seed", "3");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(KEYS);
    expect(result).toMatchObject({ trace: "small", requests: 20_000, corrupt: 0, violations: 0, seed: 3 });
    expect(result.hits + result.misses).toBe(20_000);
    expect(Object.keys(result.hitsByTier)).toEqual(["dram", "slow", "swap"]);
    expect(Object.keys(result.nodes)).toEqual(["dram", "slow"]);
    for (const node of Object.values(result.nodes)) {
      expect(node).toEqual({ size: expect.any(Number), residentPages: expect.any(Number), vmstat: expect.any(Object) });
    }
    expect(result.vmstat.policy_violations).toBe(0);
  });

  test("says the same of the same trace in any format", async () => {
    const figures = async (name: string) => {
      const { stdout } = await lieu("replay", at(name), "--json", "--dram", "1MiB");
      const { trace: _, requestsPerSecond, elapsedSeconds, peakRssBytes, ...rest } = JSON.parse(stdout);
      return rest;
    };
    const first = await figures("small.mtr.gz");
    for (const name of ["plain.mtr", "rows.csv", "x.oracleGeneral"]) expect(await figures(name)).toEqual(first);
  });
});

test("without --json it prints where the requests were served and what moved", async () => {
  const { status, stdout, stderr } = await lieu("replay", mtr);
  expect([status, stderr]).toEqual([0, ""]);
  for (const words of [
    "small as cache: 20,000 requests",
    "dram",
    "slow",
    "swap",
    "origin",
    "demotions",
    "promotions",
  ]) {
    expect(stdout).toContain(words);
  }
  expect(stdout).toMatch(/swapped out[\s\S]*swapped in[\s\S]*discards[\s\S]*direct reclaims[\s\S]*0 values wrong/);
});

test("ends with status 1, and says so, where values came back wrong", async () => {
  pattern.broken = true;
  const { status, stdout, stderr } = await lieu("replay", mtr, "--json").finally(() => {
    pattern.broken = false;
  });
  expect(status).toBe(1);
  const { corrupt, hits } = JSON.parse(stdout);
  expect(corrupt).toBe(hits);
  expect(stderr).toBe(`lieu: ${hits} values were not what had been stored\n`);
});

describe("a configuration file", () => {
  const write = (name: string, text: string): string => {
    writeFileSync(at(name), text);
    return at(name);
  };
  const YAML = `
as: region
nodes:
  near: { kind: dram, size: 25% }
  far:  { kind: dram, size: 25%, tier: 1 }
swap:
  - { kind: file, name: disk, path: ${JSON.stringify(join(folder, "swap"))}, size: 100% }
seed: 9
limit: 5000
`;

  test("in YAML or JSON gives the tiers, and flags win over it", async () => {
    const path = write("tiers.yaml", YAML);
    const { stdout } = await lieu("replay", mtr, "--config", path, "--json");
    const result = JSON.parse(stdout);
    expect(Object.keys(result.hitsByTier)).toEqual(["near", "far", "disk"]);
    expect([result.seed, result.requests]).toEqual([9, 5000]);
    const json = write("tiers.json", JSON.stringify({ as: "region", dram: "25%", seed: 9 }));
    const run = await lieu("replay", mtr, "--config", json, "--json", "--seed", "4", "--limit", "100", "--no-demotion");
    expect(JSON.parse(run.stdout)).toMatchObject({ seed: 4, requests: 100, vmstat: { pgdemote_kswapd: 0 } });
  });

  test("can be changed by --set", async () => {
    const path = write("tiers.yaml", YAML);
    const set = ["--set", "limit=3000", "--set", "nodes.near.size=1MiB", "--set", "behaviours.promotion=false"];
    const result = JSON.parse((await lieu("replay", mtr, "--config", path, ...set, "--json")).stdout);
    expect([result.requests, result.nodes.near.size, result.vmstat.pgpromote_success]).toEqual([3000, 2 ** 20, 0]);
  });

  test.each([
    ["a key that is not known", "tiers.yaml", "nodez: {}", /tiers\.yaml: .*"nodez"; allowed are nodes, zswap, swap/],
    [
      "a node's key that is not known",
      "tiers.yml",
      "nodes: {a: {kind: dram, size: 1MiB, speed: 3}}",
      /tiers\.yml: .*"speed"/,
    ],
    ["a kind that is not known", "t.json", '{"nodes": {"a": {"kind": "flash", "size": 1}}}', /t\.json: nodes\.a/],
    [
      "a cycle in demotion",
      "tiers.yaml",
      "nodes: {a: {kind: dram, size: 1MiB}, b: {kind: dram, size: 1MiB, tier: 1}}\ndemotionTargets: {a: [b], b: [a]}",
      /tiers\.yaml: demotionTargets has a cycle: a -> b -> a/,
    ],
    ["a size of zero", "t.yaml", "nodes: {a: {kind: dram, size: 0}}", /nodes\.a\.size is 0: must be more than 0/],
    ["a negative size", "t.yaml", "nodes: {a: {kind: dram, size: -4MiB}}", /nodes\.a\.size is "-4MiB": must be/],
    [
      "a name of no node",
      "t.yaml",
      "nodes: {a: {kind: dram, size: 1MiB}}\nhome: b",
      /t\.yaml: home names the node "b"/,
    ],
    ["no YAML", "t.yaml", "nodes: [", /^lieu: EFORMAT: .*t\.yaml: /],
    ["no JSON", "t.json", "{", /^lieu: EFORMAT: .*t\.json: /],
    ["a list", "t.json", "[]", /t\.json: the configuration is \[\]/],
    ["an extension that is not known", "t.toml", "", /t\.toml must be a \.yaml, \.yml or \.json file/],
  ])("with %s is refused in one line", async (_, name, text, message) => {
    const { status, stdout, stderr } = await lieu("replay", mtr, "--config", write(name, text));
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^lieu: E[A-Z]+: [^\n]+\n$/);
  });
});

describe("refuses in one line", () => {
  const refused = async (...argv: string[]): Promise<string> => {
    const { status, stdout, stderr } = await lieu("replay", ...argv);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^lieu: E[A-Z]+: [^\n]+\n$/);
    return stderr;
  };

  test.each([
    [["--dram", "0"], /dram is "0": must be more than 0/],
    [["--slow", "-1MiB"], /slow is "-1MiB": must be more than 0/],
    [["--dram", "much"], /dram is "much": not a size; give bytes/],
    [["--dram", "4KiB"], /nodes\.dram\.size is 4 KiB: a node needs at least 256 KiB/],
    [["--dram", "900GiB"], /at most 4 GiB/],
    [["--swap", "%"], /swap size is "%": not a percentage/],
    [["--seed", "x"], /--seed is "x"; give a number/],
    [["--seed", "-1"], /seed is -1/],
    [["--limit", "0"], /limit is 0/],
    [["--as", "heap"], /'heap' is invalid\. Allowed choices are cache, region/],
    [["--preset", "bsd"], /'bsd' is invalid\. Allowed choices are rfc2020, linux, lieu/],
    [["--no-bytes"], /ENOTSUP: .*--as region/],
    [["--wat"], /unknown option '--wat'/],
    [["--set", "x"], /--set is "x"; give key=value/],
    [["--set", "wat=1"], /--set wat=1: .*"wat"; allowed are/],
    [["--set", "seed.a=1", "--set", "seed=1"], /--set seed\.a=1: seed is/],
    [["--config", "no/such.yaml"], /ENOENT: no\/such\.yaml does not exist/],
    [["--paused"], /EINVAL: --paused goes with --watch/],
    [["--port", "7070", "--report", "x.html"], /EINVAL: --port goes with --watch/],
    [["--as", "region", "--no-bytes", "--swap-file", "x"], /swapFile is "x": without bytes/],
    [["--swap-file", "no/such/folder/swap"], /ENOENT: swap file .*create the directory/],
  ])("%j", async (flags, message) => {
    expect(await refused(mtr, ...flags)).toMatch(message);
  });

  test("a swap file where something else is, and leaves that alone", async () => {
    expect(await refused(mtr, "--swap-file", at("rows.csv"))).toMatch(/rows\.csv exists and is not a lieu swap file/);
    expect(await refused(mtr, "--swap-file", folder)).toMatch(/EACCES: swap file .* is a directory/);
  });

  test("a trace that is not there, not a trace, cut short, or absurd", async () => {
    const bytes = Buffer.concat([...encodeMtr(trace)]);
    const file = (name: string, content: Uint8Array | string): string => {
      writeFileSync(at(name), content);
      return at(name);
    };
    const absurd = Buffer.from(bytes);
    absurd.writeUInt32LE(0xffff_ffff, 12);
    expect(await refused(at("none.mtr"))).toMatch(/ENOENT: .*none\.mtr does not exist/);
    expect(await refused(folder)).toMatch(/EINVAL: .*not a regular file|EINVAL: .*is a directory/);
    expect(await refused(file("bad.mtr", "MTRACE2\n".padEnd(64)))).toMatch(/EFORMAT: .*bad\.mtr/);
    expect(await refused(file("cut.mtr", bytes.subarray(0, bytes.length >> 1)))).toMatch(/EFORMAT: .*cut\.mtr/);
    const packed = gzipSync(bytes);
    expect(await refused(file("cut.mtr.gz", packed.subarray(0, packed.length >> 1)))).toMatch(
      /EFORMAT: .*cut\.mtr\.gz/,
    );
    expect(await refused(file("huge.mtr", absurd))).toMatch(/EFORMAT: .*huge\.mtr/);
    expect(await refused(file("empty.mtr", ""))).toMatch(/EFORMAT: .*empty\.mtr/);
    expect(await refused(file("what.xyz", "\0\0\0"))).toMatch(/EFORMAT: .*what\.xyz.*supported/);
  });

  test("a missing argument, and one too many", async () => {
    expect(await refused()).toMatch(/missing required argument 'trace'/);
    expect(await refused(mtr, mtr)).toMatch(/too many arguments/);
  });
});
