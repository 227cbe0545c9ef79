/** Every way in which a configuration can be wrong: an EINVAL that names the key, its value and what is allowed. */
import { existsSync } from "node:fs";
import { describe, expect, expectTypeOf, test } from "vitest";
import { isLieuError, type MemoryOptions, openMemory, openMemorySync, simCrank } from "../../src/index.ts";
import { checkAndClose, expectError, swapPath } from "./helpers.ts";

const dram = { kind: "dram", size: "1MiB" };
const slow = { ...dram, tier: 1 };
const model = { kind: "model", size: "1MiB" };
const two = { a: dram, b: slow };
const peers = { a: dram, b: dram };
const size = 'give bytes or a string such as "256MiB"';
const open = (options: unknown) => openMemorySync(options as MemoryOptions, { crank: simCrank() });

const file = { kind: "file", path: "/nowhere/swap", size: "1MiB" };
const many = (n: number, of: unknown) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`n${i}`, of]));

type Case = [what: string, options: unknown, ...says: string[]];

const SHAPE: Case[] = [
  ["nothing", undefined, "the configuration is missing"],
  ["null", null, "the configuration is null"],
  ["a list", [], "the configuration is []"],
  ["no nodes", {}, "nodes is missing"],
  ["an empty set of nodes", { nodes: {} }, "nodes is empty", "at least one"],
  ["an unknown key", { nodes: { a: dram }, nodez: 1 }, 'unknown key "nodez"', "allowed are nodes, zswap, swap, preset"],
  ["two unknown keys", { nodes: { a: dram }, x: 1, y: 2 }, '"x", "y"'],
  ["an unknown key of a node", { nodes: { a: { ...dram, sise: 1 } } }, "nodes.a", '"sise"', "kind, size, tier"],
  [
    "an unknown kind of node",
    { nodes: { a: { kind: "pmem", size: 1 } } },
    'nodes.a.kind is "pmem"',
    'it can be "dram", "mapped-file", "numa" or "model"',
  ],
  [
    "no kind of node",
    { nodes: { a: { size: 1 } } },
    "nodes.a.kind is missing",
    'it can be "dram", "mapped-file", "numa" or "model"',
  ],
  ["a node without a name", { nodes: { "": dram } }, "nodes"],
  ["17 nodes", { nodes: many(17, dram) }, "17 entries", "at most 16"],
  ["model nodes among others", { nodes: { a: dram, b: model } }, 'kind "model"', "(b)"],
  ["an unknown preset", { nodes: two, preset: "bsd" }, 'preset is "bsd"', 'it can be "rfc2020", "linux" or "lieu"'],
  ["an unknown design of the lists", { nodes: two, lru: "2q" }, 'lru is "2q"', '"classic" or "mglru"'],
  ["an unknown engine", { nodes: two, engine: "rust" }, 'engine is "rust"', '"wasm" or "js"'],
  ["an unknown behaviour", { nodes: two, behaviours: { demotes: true } }, '"demotes"', "allowed are demotion,"],
  [
    "a behaviour that is no boolean",
    { nodes: two, behaviours: { demotion: 1 } },
    "behaviours.demotion is 1",
    "give true or false",
  ],
  ["demotion that is no boolean", { nodes: two, demotion: "yes" }, 'demotion is "yes"', "give true or false"],
  ["pretouch that is no boolean", { nodes: two, pretouch: "yes" }, 'pretouch is "yes"', "give true, false"],
  ["hugePages that is no boolean", { nodes: two, hugePages: "auto" }, 'hugePages is "auto"', "give true or false"],
  ["swap that is no list", { nodes: two, swap: file }, "swap is {", "give a list"],
  ["two faults at once", { nodes: two, seed: -1, preset: "bsd" }, "seed is -1", 'preset is "bsd"'],
];

const SIZES: Case[] = [
  ...([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "0", "-1MiB", "12 parsecs", "", "1e3", null, {}, 10n] as const).map(
    (value): Case => [
      `a node of ${String(value) || "nothing"}`,
      { nodes: { a: { kind: "dram", size: value } } },
      "nodes.a.size is ",
      size,
    ],
  ),
  [
    "a node that is too small",
    { nodes: { a: { kind: "dram", size: "255KiB" } } },
    "nodes.a.size is 255 KiB",
    "256 KiB",
  ],
  ["a node of 1 TiB", { nodes: { a: { kind: "dram", size: "1TiB" } } }, "GiB", "at most 4 GiB"],
  ["a model node of 1 TiB", { nodes: { a: { kind: "model", size: "1TiB" } } }, "GiB", "at most 4 GiB"],
  ["more frames than 32 bits count", { nodes: { a: { kind: "model", size: 2 ** 44 + 2 ** 20 } } }, "at most 4 GiB"],
  ["a size beyond all numbers", { nodes: { a: { kind: "dram", size: "9999999TiB" } } }, "9999999TiB", "too large"],
  ["swap of nothing", { nodes: two, swap: [{ ...file, size: 0 }] }, "swap[0].size is 0", size],
  ["swap of less than a page", { nodes: two, swap: [{ ...file, size: 4095 }] }, "swap[0].size", "4096"],
  ["swap of 300 GiB", { nodes: two, swap: [{ ...file, size: "300GiB" }] }, "more than 256.0 GiB"],
  ["no reserve", { nodes: two, minFree: 0 }, "minFree is 0", size],
  ["a reserve larger than all", { nodes: two, minFree: "1GiB" }, 'minFree is "1GiB"', "at most 2 MiB"],
  ["marks over a node's size", { nodes: two, minFree: "1.3MiB" }, "watermarks of node a", "256 pages", "minFree"],
  [
    "marks over it by scale",
    { nodes: two, minFree: "256KiB", watermarkScaleFactor: 3000 },
    "watermarks of node",
    "watermarkScaleFactor (3000)",
  ],
  ["no scale", { nodes: two, watermarkScaleFactor: 0 }, "watermarkScaleFactor is 0", "from 1 to 3000"],
  ["a negative address space", { nodes: two, addressSpace: -1 }, "addressSpace is -1", size],
  ["an absurd address space", { nodes: two, addressSpace: "100TiB" }, '"100TiB"', "at most 256.0 GiB"],
  ["swappiness over 200", { nodes: two, swappiness: 201 }, "swappiness is 201", "from 0 to 200"],
  ["a negative seed", { nodes: two, seed: -1 }, "seed is -1", "from 0 to"],
  ["a seed that is a bigint", { nodes: two, seed: 1n }, "seed is 1", "give a whole number"],
];

const NODES: Case[] = [
  ["tier and distance", { nodes: { a: { ...dram, tier: 1, distance: 600 } } }, "nodes.a", "tier and distance"],
  ["half a tier", { nodes: { a: { ...dram, tier: 1.5 } } }, "nodes.a.tier is 1.5", "give a whole number"],
  ["a tier too fast", { nodes: { a: { ...dram, tier: -5 } } }, "nodes.a.tier is -5", "from -4 to 1000"],
  ["a distance of 0", { nodes: { a: { ...dram, distance: 0 } } }, "nodes.a.distance is 0", "from 1 to"],
  [
    "watermarks that fall",
    { nodes: { a: { ...dram, watermarks: { min: 5, low: 4, high: 8 } } } },
    "min 5, low 4",
    "256 pages",
  ],
  [
    "watermarks over the node",
    { nodes: { a: { ...dram, watermarks: { min: 5, low: 6, high: 500 } } } },
    "high 500",
    "256 pages",
  ],
  [
    "a watermark of 0",
    { nodes: { a: { ...dram, watermarks: { min: 0, low: 6, high: 9 } } } },
    "nodes.a.watermarks.min is 0",
  ],
  [
    "an unknown watermark",
    { nodes: { a: { ...dram, watermarks: { min: 1, low: 6, hi: 9 } } } },
    '"hi"',
    "min, low, high, promo",
  ],
  ["a latency of nothing", { nodes: { a: { ...dram, latency: 0 } } }, "nodes.a.latency is 0", "over 0"],
  ["a negative latency", { nodes: { a: { ...model, latency: -5 } } }, "nodes.a.latency is -5", "over 0"],
  ["targets of an unknown node", { nodes: two, demotionTargets: { z: ["b"] } }, '"z"', "there are: a, b"],
  ["an unknown target", { nodes: two, demotionTargets: { a: ["z"] } }, "demotionTargets.a", '"z"', "there are: a, b"],
  ["a cycle", { nodes: two, demotionTargets: { a: ["b"], b: ["a"] } }, "cycle: a -> b -> a"],
  [
    "a long cycle",
    { nodes: { ...two, c: { ...dram, tier: 2 } }, demotionTargets: { a: ["b"], b: ["c"], c: ["a"] } },
    "cycle: a -> b -> c -> a",
  ],
  ["a node as its own target", { nodes: two, demotionTargets: { a: ["a"] } }, "cycle: a -> a"],
  [
    "a faster target",
    { nodes: two, demotionTargets: { b: ["a"] } },
    "demotionTargets.b names a",
    "strictly lower tier",
  ],
  [
    "a peer as target",
    { nodes: peers, demotionTargets: { b: ["a"] } },
    "demotionTargets.b names a",
    "strictly lower tier",
  ],
  ["balance with an unknown node", { nodes: peers, balance: [["a", "z"]] }, "balance", '"z"', "there are: a, b"],
  ["balance with itself", { nodes: peers, balance: [["a", "a"]] }, "a with a", "two nodes of one tier"],
  ["balance across tiers", { nodes: two, balance: [["a", "b"]] }, "a with b", "two nodes of one tier"],
  ["balance of three", { nodes: peers, balance: [["a", "b", "a"]] }, 'balance[0] is ["a","b","a"]'],
  ["a distance to an unknown node", { nodes: peers, distances: { a: { z: 20 } } }, "distances.a", '"z"'],
  ["a distance from an unknown node", { nodes: peers, distances: { z: { a: 20 } } }, "distances", '"z"'],
  ["a node far from itself", { nodes: peers, distances: { a: { a: 20 } } }, "distances.a.a is 20", "10"],
  ["a distance under 10", { nodes: peers, distances: { a: { b: 9 } } }, "distances.a.b is 9", "from 10 to 255"],
  ["a home that there is not", { nodes: two, home: "z" }, "home", '"z"', "there are: a, b"],
  ["promotion by a word", { nodes: two, promotion: "on" }, 'promotion is "on"', "true, false or an object"],
  ["promotion with an unknown key", { nodes: two, promotion: { period: 1 } }, "promotion", '"period"', "scanPeriod"],
  ["a scan period of 0", { nodes: two, promotion: { scanPeriod: 0 } }, "promotion.scanPeriod is 0", "from 1 to"],
  [
    "a threshold over 32 bits",
    { nodes: two, promotion: { hotThreshold: 2 ** 40 } },
    "promotion.hotThreshold is 1099511627776",
  ],
  ["a scan of negative size", { nodes: two, promotion: { scanSize: "-1" } }, "promotion.scanSize", size],
  ["a scan of absurd size", { nodes: two, promotion: { scanSize: "100TiB" } }, "promotion.scanSize", "at most"],
];

const SWAP: Case[] = [
  [
    "an unknown kind",
    { nodes: two, swap: [{ kind: "tape", size: 1 }] },
    'swap[0].kind is "tape"',
    'it can be "file", "remote" or "null"',
  ],
  ["an unknown key", { nodes: two, swap: [{ ...file, paht: 1 }] }, "swap[0]", '"paht"', "kind, path"],
  ["no path", { nodes: two, swap: [{ kind: "file", size: 4096 }] }, "swap[0].path is missing", "give a string"],
  [
    "nodes with bytes on a null device",
    { nodes: two, swap: [{ kind: "null", size: 4096 }] },
    'kind is "null"',
    'use kind "file"',
  ],
  ["model nodes on a file", { nodes: { a: model }, swap: [file] }, 'kind is "file"', 'use kind "null"'],
  ["the same path twice", { nodes: two, swap: [file, file] }, "swap[1].path /nowhere/swap is used twice"],
  ["a node's name", { nodes: two, swap: [{ ...file, name: "a" }] }, 'swap[0].name is "a"', "taken"],
  [
    "the same name twice",
    {
      nodes: two,
      swap: [
        { ...file, name: "s" },
        { ...file, path: "/nowhere/t", name: "s" },
      ],
    },
    "swap[1].name",
  ],
  [
    "nine devices",
    { nodes: two, swap: Array.from({ length: 9 }, (_, i) => ({ ...file, path: `/nowhere/${i}` })) },
    "9 entries",
    "at most 8",
  ],
  [
    "a priority over 16 bits",
    { nodes: two, swap: [{ ...file, priority: 1e6 }] },
    "swap[0].priority is 1000000",
    "from -32768 to 32767",
  ],
];

describe.each([
  ["shape", SHAPE],
  ["sizes", SIZES],
  ["nodes and tiers", NODES],
  ["swap", SWAP],
] as const)("a bad configuration: %s:", (_, cases) => {
  test.each(cases)("%s", (_what, options, ...says) => {
    expectError(() => open(options), "EINVAL", ...says);
  });
});

describe("a good configuration", () => {
  test("may leave optional keys undefined", () => {
    const memory = open({
      nodes: two,
      swap: undefined,
      preset: undefined,
      promotion: undefined,
      behaviours: { demotion: undefined },
    });
    const region = memory.map("1.25MiB");
    region.fill(1);
    // What is undefined is the preset's: demotion is on.
    expect(memory.vmstat().pgdemote_kswapd + memory.vmstat().pgdemote_direct).toBeGreaterThan(0);
    checkAndClose(memory);
  });

  test("puts the fastest node first, whatever the order given", () => {
    const memory = open({ nodes: { z: { ...dram, tier: 2 }, y: dram, x: { ...dram, tier: -1 }, w: dram } });
    expect(memory.nodeNames).toEqual(["x", "y", "w", "z"]);
    expect(memory.nodes().map((n) => n.tier)).toEqual([0, 1, 1, 2]);
    checkAndClose(memory);
  });

  test("leaves nothing behind when a later part of it fails", () => {
    const path = swapPath();
    const options = {
      nodes: two,
      swap: [
        { ...file, path },
        { ...file, path: "/nowhere/at/all" },
      ],
    };
    expectError(() => open(options), "ENOENT", "/nowhere/at/all");
    expect(existsSync(path)).toBe(false);
    expectError(() => open({ nodes: two, minFree: "1.3MiB", swap: [{ ...file, path }] }), "EINVAL");
    expect(existsSync(path)).toBe(false);
  });

  test("openMemory() rejects rather than throws", async () => {
    const promise = openMemory({ nodes: {} });
    await expect(promise).rejects.toSatisfy((error) => isLieuError(error, "EINVAL"));
  });

  test("is typed", () => {
    expectTypeOf<{ nodes: { a: { kind: "dram"; size: "1MiB" } } }>().toExtend<MemoryOptions>();
    expectTypeOf<{
      nodes: { a: { kind: "dram"; size: number; tier: 1 } };
      preset: "linux";
    }>().toExtend<MemoryOptions>();
    expectTypeOf<{ nodes: { a: { kind: "tape"; size: 1 } } }>().not.toExtend<MemoryOptions>();
    expectTypeOf<{ nodes: { a: { kind: "dram" } } }>().not.toExtend<MemoryOptions>();
    expectTypeOf<{ nodes: object; preset: "bsd" }>().not.toExtend<MemoryOptions>();
  });
});
