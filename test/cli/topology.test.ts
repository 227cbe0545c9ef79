import { rmSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { hostTopology } from "../../src/host/topology.ts";
import { openMemory } from "../../src/index.ts";
import { hostNodeOptions } from "../../src/memory/host-options.ts";
import { layMachine, MACHINES, type Machine } from "../host/machines.ts";
import { lieu } from "./support.ts";

const laid: string[] = [];
afterEach(() => {
  for (const root of laid.splice(0)) rmSync(root, { recursive: true });
});
function lay(machine: Machine): string {
  const root = layMachine(machine);
  laid.push(root);
  return root;
}

describe("lieu topology", () => {
  test("draws the tiers, what demotes to what, and the distances", async () => {
    const { status, stdout } = await lieu("topology", "--root", lay(MACHINES.persistentMemoryTiers));
    expect(status).toBe(0);
    expect(stdout).toContain("tier 0   │ node 0, CPUs");
    expect(stdout).toContain("tier 1   │ node 2");
    expect(stdout).toContain("↓ demotes: 0 → 2, 1 → 3");
    expect(stdout).toContain("   from  2   17  28  10  28");
    expect(stdout).toContain("the kernel's own demotion is on");
    const boxes = stdout.split("\n").filter((line) => /[┌│└]/.test(line));
    expect(new Set(boxes.map((line) => line.length)).size).toBe(1);
  });

  test("as JSON, and as a configuration that openMemory() takes", async () => {
    const root = lay(MACHINES.container);
    const json = await lieu("topology", "--json", "--root", root);
    expect(JSON.parse(json.stdout)).toMatchObject({ tiers: [[0], [1]], cgroup: { max: 2 ** 31, high: 2 ** 30 } });
    const both = await lieu("topology", "--config", "--json", "--root", root);
    expect([both.status, both.stderr]).toEqual([
      2,
      "lieu: EINVAL: --json and --config are two ways to print it; give one\n",
    ]);
    const config = await lieu("topology", "--config", "--root", root);
    // Half of what the limit leaves, on the node that the cgroup may use.
    expect(parse(config.stdout)).toEqual({ nodes: { node0: { kind: "numa", hostNode: 0, size: "487MiB" } } });
  });

  test("says so where there is nothing to show", async () => {
    const { status, stderr } = await lieu("topology", "--root", "/nowhere");
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^lieu: ENOTSUP: there is no \/nowhere/)]);
  });
});

test("sizes: half of what is free, and together what one memory holds", () => {
  const options = hostNodeOptions(hostTopology(lay(MACHINES.cxl)));
  expect(options).toEqual({
    node0: { kind: "numa", hostNode: 0, size: "1194MiB" },
    node1: { kind: "numa", hostNode: 1, size: "2389MiB" },
  });
});

test("sizes: what others of a group above have taken is not there", () => {
  const files = { ...MACHINES.container.files, "sys/fs/cgroup/kubepods/pod7/memory.current": `${2 ** 31 - 2 ** 28}\n` };
  expect(hostNodeOptions(hostTopology(lay({ ...MACHINES.container, files })))).toEqual({
    node0: { kind: "numa", hostNode: 0, size: "128MiB" },
  });
});

test("of twenty nodes a memory gets sixteen: those of the fastest tier, and the largest", () => {
  const ids = Array.from({ length: 20 }, (_, id) => id);
  const nodes = Object.fromEntries(
    ids.map((id) => [
      id,
      { distance: ids.map((to) => (to === id ? 10 : 20)).join(" "), mib: id < 4 ? 1024 : 2048 + id },
    ]),
  );
  const machine = { online: "0-19", hasMemory: "0-19", hasCpu: "0-3", nodes, tiers: { 4: "0-3", 22: "4-19" } };
  const options = hostNodeOptions(hostTopology(lay(machine)));
  expect(Object.values(options).map(({ hostNode }) => hostNode)).toEqual([...ids.slice(0, 4), ...ids.slice(8)]);
});

test.runIf(process.platform === "linux")('nodes: "host" opens a memory on this machine\'s nodes', async () => {
  const memory = await openMemory({ nodes: "host", pretouch: false });
  const region = memory.map("1MiB");
  region.fill(7);
  expect(memory.nodes().every(({ kind }) => kind === "numa")).toBe(true);
  const home = memory.nodes()[0];
  expect(home?.hostPlacement().get(Number(home.name.slice(4)))).toBeGreaterThanOrEqual(256);
  await memory.close();
});
