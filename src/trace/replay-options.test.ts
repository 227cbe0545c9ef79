import { describe, expect, test } from "vitest";
import { zipf } from "./generate.ts";
import {
  amountOf,
  checkMemoryOptions,
  checkReplayOptions,
  memoryOptionsOf,
  type ReplayOptions,
} from "./replay-options.ts";

const MIB = 2 ** 20;
/** 4096 objects of 1000 bytes, each of which is asked for. */
const trace = { ...zipf({ keys: 4096, requests: 200_000, alpha: 0.1, size: 1000 }) };
const made = (options: ReplayOptions) => memoryOptionsOf(trace, checkReplayOptions(options), "the/swap");

function errorOf(options: unknown): string {
  try {
    checkMemoryOptions(memoryOptionsOf(trace, checkReplayOptions(options, "tiers.yaml"), "the/swap"), "tiers.yaml");
  } catch (error) {
    return (error as Error).message;
  }
  return "no error";
}

describe("the memory of a replay", () => {
  test("as a region: a third of the footprint in each node, and swap for all of it", () => {
    expect(trace.keys).toBe(4096);
    const { nodes, swap, addressSpace } = made({ as: "region" });
    expect(nodes.dram).toEqual({ kind: "dram", size: Math.ceil(4096 * 0.33) * 4096 });
    expect(nodes.slow).toEqual({ kind: "dram", tier: 1, size: Math.ceil(4096 * 0.33) * 4096 });
    expect(swap).toEqual([{ kind: "file", name: "swap", path: "the/swap", size: 16 * MIB }]);
    expect(addressSpace).toBeGreaterThanOrEqual(16 * MIB);
  });

  test("as a cache: a tenth and two fifths of the footprint, in whole pages, no node under the smallest", () => {
    const { nodes, swap } = made({});
    expect(nodes).toEqual({
      dram: { kind: "dram", size: 100 * 4096 },
      slow: { kind: "dram", tier: 1, size: 200 * 4096 },
    });
    expect(swap?.[0]?.size).toBe(200 * 4096);
    expect(made({ dram: "1%" }).nodes.dram?.size).toBe(64 * 4096);
  });

  test("as a cache of a large footprint: capped", () => {
    const huge = { ...trace, size: new Uint32Array(trace.keys).fill(2 ** 31) };
    const { nodes, swap } = memoryOptionsOf(huge, {}, "the/swap");
    expect([nodes.dram?.size, nodes.slow?.size, swap?.[0]?.size]).toEqual([256 * MIB, 512 * MIB, 512 * MIB]);
  });

  test("as asked for", () => {
    const options = made({ as: "region", dram: "1MiB", slow: "50%", swapSize: 8 * MIB, swapFile: "mine", seed: 7 });
    expect(options.nodes).toEqual({
      dram: { kind: "dram", size: MIB },
      slow: { kind: "dram", tier: 1, size: 8 * MIB },
    });
    expect(options.swap).toEqual([{ kind: "file", name: "swap", path: "mine", size: 8 * MIB }]);
    expect(options.seed).toBe(7);
    expect(Object.keys(made({ slow: 0, swapSize: "0" }).nodes)).toEqual(["dram"]);
    expect(made({ slow: "none", swapSize: "0MiB" }).swap).toEqual([]);
  });

  test("from a configuration's own nodes and devices, sizes in percent too", () => {
    const options = made({
      as: "region",
      nodes: { a: { kind: "dram", size: "25%" }, b: { kind: "dram", size: "1MiB", tier: 1 } },
      swap: [{ kind: "file", path: "s", size: "50%" }],
    });
    expect(options.nodes).toEqual({
      a: { kind: "dram", size: 4 * MIB },
      b: { kind: "dram", size: MIB, tier: 1 },
    });
    expect(options.swap).toEqual([{ kind: "file", path: "s", size: 8 * MIB }]);
  });

  test("without bytes: the same names, sizes and tiers", () => {
    const nodes = { a: { kind: "dram", size: MIB }, b: { kind: "dram", size: MIB, tier: 2 } } as const;
    const swap = [{ kind: "file", path: "s", size: MIB, priority: 3 }] as const;
    const options = made({ as: "region", bytes: false, nodes, swap: [...swap] });
    expect(options.nodes).toEqual({
      a: { kind: "model", size: MIB },
      b: { kind: "model", size: MIB, tier: 2 },
    });
    expect(options.swap).toEqual([{ kind: "null", name: "file", size: MIB, priority: 3 }]);
  });
});

test("a share of the footprint is whole pages", () => {
  expect(amountOf("33%", 1_000_000, "x")).toBe(81 * 4096);
  expect(amountOf(" 0.5 % ", 4096, "x")).toBe(4096);
  expect(amountOf("200%", MIB, "x")).toBe(2 * MIB);
  expect(amountOf("64KiB", 1, "x")).toBe(65536);
});

const node = { kind: "dram", size: "1MiB" } as const;
const lower = { ...node, tier: 1 } as const;

test.each<[string, unknown, RegExp]>([
  ["an unknown key", { dramm: 1 }, /^EINVAL: tiers.yaml: .*"dramm"; allowed are nodes, .*accessTime$/],
  ["an unknown key of a node", { nodes: { a: { ...node, sise: 1 } } }, /^EINVAL: tiers.yaml: nodes.a.*"sise"/],
  ["no object", [1], /^EINVAL: tiers.yaml: the configuration/],
  ["an unknown way", { as: "heap" }, /as is "heap".*"cache".*"region"/],
  ["an unknown preset", { preset: "bsd" }, /preset is "bsd".*"rfc2020"/],
  ["a size of zero", { dram: 0 }, /^EINVAL: dram is 0: must be more than 0/],
  ["a share of zero", { dram: "0%" }, /^EINVAL: dram is "0%": must be more than 0/],
  ["a negative size", { slow: "-1MiB" }, /^EINVAL: slow is "-1MiB": must be more than 0/],
  ["a negative share", { swapSize: "-5%" }, /^EINVAL: swap size is "-5%": not a percentage/],
  ["no size at all", { dram: "lots" }, /^EINVAL: dram is "lots": not a size/],
  ["a node of no pages", { nodes: { a: { kind: "dram", size: 4096 } } }, /nodes.a.size is 4 KiB: .*at least 256 KiB/],
  ["an absurd size", { dram: "9000TiB" }, /^EINVAL: dram is "9000TiB": too large/],
  ["no nodes", { nodes: {} }, /^EINVAL: tiers.yaml: nodes is empty/],
  ["a size for a node that is not there", { nodes: { a: node }, dram: "1MiB" }, /dram is 1MiB.*has nodes \(a\)/],
  ["a swap size and devices", { swap: [], swapSize: 1 }, /has swap devices of its own/],
  ["a swap file of no size", { swapSize: 0, swapFile: "x" }, /swap file is "x", but the swap size is 0/],
  ["an unknown home", { nodes: { a: node }, home: "b" }, /^EINVAL: tiers.yaml: home names the node "b"; there are: a/],
  [
    "an unknown demotion target",
    { nodes: { a: node }, demotionTargets: { a: ["b"] } },
    /demotionTargets.a names the node "b"; there are: a/,
  ],
  [
    "a cycle",
    { nodes: { a: node, b: lower }, demotionTargets: { a: ["b"], b: ["a"] } },
    /^EINVAL: tiers.yaml: demotionTargets has a cycle: a -> b -> a/,
  ],
  [
    "overlapping devices",
    { swap: [1, 2].map((i) => ({ kind: "file", name: `s${i}`, path: "same", size: "1MiB" })) },
    /same is used twice: devices may not overlap/,
  ],
  [
    "watermarks over the node",
    { nodes: { a: { ...node, watermarks: { min: 1, low: 2, high: 999 } } } },
    /nodes.a.watermarks .* must rise and stay under the node's 256 pages/,
  ],
  ["a limit of zero", { limit: 0 }, /limit is 0/],
  ["a broken limit", { limit: 1.5 }, /limit is 1.5/],
  ["a negative access time", { accessTime: -1 }, /accessTime is -1/],
  ["a cache without bytes", { bytes: false }, /^ENOTSUP: .*--as region/],
  ["a largest size of a region", { as: "region", maxSize: "1MiB" }, /maxSize is 1MiB: only a cache has one/],
])("refuses %s, and says what is allowed", (_, options, message) => {
  expect(errorOf(options)).toMatch(message);
});
