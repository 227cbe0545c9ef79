import { rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { layMachine, MACHINES, type Machine } from "../../test/host/machines.ts";
import { parseList } from "./sysfs.ts";
import { type HostTopology, hostTopology, perfToAdistance } from "./topology.ts";

function topologyOf(machine: Machine): HostTopology {
  const root = layMachine(machine);
  try {
    return hostTopology(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}
const targetsOf = (t: HostTopology): Record<number, readonly number[]> =>
  Object.fromEntries(t.nodes.map((node) => [node.id, node.demotionTargets]));

test("lists as the kernel prints them", () => {
  expect(parseList("0-1,4\n")).toEqual([0, 1, 4]);
  expect(parseList("3")).toEqual([3]);
  expect(parseList("\n")).toEqual([]);
  expect(parseList("all, 2,x-y,-1,0-999999999,5-")).toEqual([2]);
});

describe("tiers and targets", () => {
  test("a laptop: one tier", () => {
    const t = topologyOf(MACHINES.laptop);
    expect(t.tiers).toEqual([[0]]);
    expect(t.nodes[0]).toMatchObject({ size: 16 * 2 ** 30, free: 8 * 2 ** 30, adistance: 576, demotionTargets: [] });
    expect(t.demotionEnabled).toBeUndefined();
  });
  test("two sockets: one tier, and no demotion between them", () => {
    const t = topologyOf(MACHINES.twoSockets);
    expect(t.tiers).toEqual([[0, 1]]);
    expect(targetsOf(t)).toEqual({ 0: [], 1: [] });
    expect(t.demotionEnabled).toBe(false);
  });
  test.each(["persistentMemory", "persistentMemoryTiers"] as const)("%s: each socket to its own", (name) => {
    const t = topologyOf(MACHINES[name]);
    expect(t.tiers).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(targetsOf(t)).toEqual({ 0: [2], 1: [3], 2: [], 3: [] });
    expect(t.demotionEnabled).toBe(true);
  });
  test("CXL, by what HMAT says: slower and narrower", () => {
    const t = topologyOf(MACHINES.cxl);
    expect(t.tiers).toEqual([[0], [1]]);
    expect(t.nodes[0]?.adistance).toBe(576);
    // 2.55 times as slow, 7.14 times as narrow.
    expect(t.nodes[1]?.adistance).toBe(Math.round(576 * (505 / 198) * (400 / 56)));
    expect(t.nodes[1]?.performance?.readLatency).toBe(250);
  });
  test("HBM is the faster tier although it has no CPUs", () => {
    const t = topologyOf(MACHINES.hbm);
    expect(t.tiers).toEqual([
      [2, 3],
      [0, 1],
    ]);
    expect(targetsOf(t)).toEqual({ 0: [], 1: [], 2: [0], 3: [1] });
  });
  test("asymmetric distances: by the row of who demotes", () => {
    const t = topologyOf(MACHINES.asymmetric);
    expect(targetsOf(t)).toEqual({ 0: [2], 1: [], 2: [] });
    expect(t.nodes.map((node) => node.distances)).toEqual([
      { 0: 10, 1: 30, 2: 20 },
      { 0: 20, 1: 10, 2: 40 },
      { 0: 28, 1: 40, 2: 10 },
    ]);
  });
  test("nodes that are offline or have no memory are none, and rows are read right without them", () => {
    const t = topologyOf(MACHINES.holes);
    expect(t.nodes.map((node) => node.id)).toEqual([0, 3]);
    expect(t.nodes[0]?.distances).toEqual({ 0: 10, 3: 17 });
    expect(targetsOf(t)).toEqual({ 0: [3], 3: [] });
  });
});

describe("files that are missing or spoilt", () => {
  const { cxl } = MACHINES;
  test.each(["", "all of them", "0 0", "10"])("distances %j are the usual ones", (distance) => {
    const t = topologyOf({
      ...cxl,
      nodes: { 0: { ...cxl.nodes[0], distance }, 1: { ...cxl.nodes[1], distance: "20 10" } },
    });
    expect(t.nodes.map((node) => node.distances)).toEqual([
      { 0: 10, 1: 20 },
      { 0: 20, 1: 10 },
    ]);
    expect(targetsOf(t)).toEqual({ 0: [1], 1: [] });
  });
  test("nodes of which nothing is there have no memory, and are as far as any", () => {
    const t = topologyOf({ online: "0-1", hasMemory: "0-1", hasCpu: "0", nodes: {} });
    expect(t.nodes.map(({ size, distances }) => [size, distances])).toEqual([
      [0, { 0: 10, 1: 20 }],
      [0, { 0: 20, 1: 10 }],
    ]);
  });
  test("a cpuset that names no node is none", () => {
    const files = { ...MACHINES.container.files, "sys/fs/cgroup/kubepods/pod7/app/cpuset.mems.effective": "?\n" };
    expect(topologyOf({ ...MACHINES.container, files }).nodes.every((node) => node.allowed)).toBe(true);
  });
});

describe("the process's cgroup", () => {
  test("what may still be taken: a group above may be nearer to its limit than our own", () => {
    expect(topologyOf(MACHINES.container).room).toBe(2 ** 30 - 50 * 2 ** 20);
    const files = {
      ...MACHINES.container.files,
      "sys/fs/cgroup/kubepods/pod7/memory.current": `${2 ** 31 - 2 ** 20}\n`,
    };
    expect(topologyOf({ ...MACHINES.container, files }).room).toBe(2 ** 20);
    expect(topologyOf(MACHINES.laptop).room).toBe(Number.POSITIVE_INFINITY);
  });
  test("the tightest limit of it and those above it; nodes it may not use", () => {
    const t = topologyOf(MACHINES.container);
    expect(t.cgroup).toEqual({
      path: "/kubepods/pod7/app",
      max: 2 ** 31,
      high: 2 ** 30,
      current: 50 * 2 ** 20,
      mems: [0],
    });
    expect(t.nodes.map((node) => node.allowed)).toEqual([true, false]);
  });
  test("version 1", () => {
    expect(topologyOf(MACHINES.oldContainer).cgroup).toMatchObject({ max: 2 ** 29, current: 2 ** 20, mems: undefined });
  });
  test("none to be seen", () => {
    expect(topologyOf(MACHINES.laptop).cgroup).toBeUndefined();
  });
});

test("a machine without nodes in sysfs", () => {
  expect(() => hostTopology("/nowhere")).toThrow("ENOTSUP");
});

test("distance rises with latency and falls with bandwidth, and is DRAM's for DRAM", () => {
  const dram = { readLatency: 100, writeLatency: 100, readBandwidth: 1000, writeBandwidth: 1000 };
  expect(perfToAdistance(dram, dram)).toBe(576);
  expect(perfToAdistance({ ...dram, readLatency: 300 }, dram)).toBe(1152);
  expect(perfToAdistance({ ...dram, readBandwidth: 3000 }, dram)).toBe(288);
  expect(perfToAdistance({ ...dram, readBandwidth: 0, writeBandwidth: 0 }, dram)).toBe(576);
});
