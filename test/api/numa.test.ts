import { describe, expect, test } from "vitest";
import { isLieuError, openMemory } from "../../src/index.ts";
import { nodeContract } from "../contract/node.ts";

const MiB = 2 ** 20;
const numa = {
  dram: { kind: "dram", size: 2 * MiB },
  host: { kind: "numa", hostNode: 0, size: 4 * MiB, tier: 1 },
} as const;

/** Warnings that lieu gives while `run` runs. */
async function warningsOf(run: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const listen = (warning: Error & { code?: string }): void => {
    if (warning.code === "LIEU_FALLBACK") seen.push(warning.message);
  };
  process.on("warning", listen);
  await run();
  await new Promise(setImmediate);
  process.off("warning", listen);
  return seen;
}

describe.runIf(process.platform === "linux")("a node of kind numa", () => {
  nodeContract("numa", () => ({ kind: "numa", hostNode: 0, size: "4MiB" }));

  test("lies where it is said to, and pages that are demoted to it and promoted from it do", async () => {
    const memory = await openMemory({ nodes: numa, pretouch: true });
    const region = memory.map("3MiB");
    for (let at = 0; at < region.size; at += 4096) region.writeFloat64(at, at);
    expect(memory.vmstat().pgdemote_kswapd + memory.vmstat().pgdemote_direct).toBeGreaterThan(0);
    for (let at = 0; at < region.size; at += 4096) expect(region.readFloat64(at)).toBe(at);
    const { kind, residentPages } = memory.node("host");
    expect(kind).toBe("numa");
    const placed = memory.node("host").hostPlacement();
    expect([...placed.keys()]).toEqual([0]);
    expect(placed.get(0)).toBeGreaterThanOrEqual(residentPages);
    memory.check();
    await memory.close();
  });

  test("how fast it is, is measured where nobody says it, and between memories that are as fast nothing comes up", async () => {
    const size = 96 * MiB;
    const far = { kind: "numa", hostNode: 0, size } as const;
    const nodes = { dram: { kind: "dram", size, distance: 500 }, far: { ...far, distance: 800 } } as const;
    const given = await openMemory({ nodes, pretouch: "wait" });
    expect([given.node("dram").latency, given.node("far").latency]).toEqual([87, 139]);
    await given.close();
    const memory = await openMemory({ nodes: { dram: { kind: "dram", size }, far }, pretouch: "wait" });
    const latencies = memory.nodeNames.map((name) => memory.node(name).latency);
    // Neither the table's 100 nor a multiple of it, but for chance, on any machine there is.
    for (const ns of latencies) expect(ns).toBeGreaterThan(1);
    for (const ns of latencies) expect(ns).toBeLessThan(100_000);
    const again = await openMemory({ nodes: { dram: { kind: "dram", size }, far }, pretouch: "wait" });
    expect(again.nodeNames.map((name) => again.node(name).latency)).toEqual(latencies);
    await again.close();
    await memory.close();
    const seeded = await openMemory({ nodes: { dram: { kind: "dram", size }, far }, pretouch: "wait", seed: 1 });
    expect(seeded.node("far").latency).toBe(100);
    await seeded.close();
  });

  test("a segment that was bound serves others afterwards, empty", async () => {
    for (let round = 0; round < 3; round++) {
      const bound = await openMemory({ nodes: numa });
      bound.map("3MiB").fill(0xff);
      await bound.close();
      const plain = await openMemory({ nodes: { dram: { kind: "dram", size: 6 * MiB } } });
      const region = plain.map("5MiB");
      for (let at = 0; at < region.size; at += 4096) expect(region.readFloat64(at)).toBe(0);
      await plain.close();
    }
  });

  test("host nodes that are not there are refused by name, or replaced with a warning", async () => {
    const nodes = { far: { kind: "numa", hostNode: 963, size: "1MiB" } } as const;
    const error = await openMemory({ nodes }).catch((e: unknown) => e);
    expect(isLieuError(error, "EINVAL") && error.message).toMatch(/nodes\.far\.hostNode is 963: .* node 0/);
    const warnings = await warningsOf(async () => {
      const memory = await openMemory({ nodes: { far: { ...nodes.far, fallback: true } } });
      expect(memory.node("far").kind).toBe("dram");
      await memory.close();
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/nodes\.far is ordinary memory now: EINVAL/);
  });

  test("bad options", async () => {
    for (const hostNode of [-1, 1.5, "0", 4096]) {
      const nodes = { n: { kind: "numa", hostNode: hostNode as number, size: "1MiB" } } as const;
      await expect(openMemory({ nodes })).rejects.toThrow("EINVAL: nodes.n.hostNode is");
    }
  });
});

test("where pages lie is asked of nodes with bytes alone", async () => {
  const memory = await openMemory({ nodes: { m: { kind: "model", size: "1MiB" } } });
  expect(() => memory.node("m").hostPlacement()).toThrow("ENOTSUP");
  await memory.close();
});
