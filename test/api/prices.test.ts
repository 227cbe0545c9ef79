/** What things cost is measured where a memory is real and nobody says it: an access to a node (numa.test.ts), the move of a page. */
import { expect, test } from "vitest";
import { type MemoryOptions, openMemory, openMemorySync, simCrank } from "../../src/index.ts";
import type { Harness } from "../../src/memory/harness.ts";

const SIZE = 8 * 2 ** 20;
const nodes = { dram: { kind: "dram", size: SIZE }, slow: { kind: "dram", size: SIZE, tier: 1 } } as const;

test("a move is measured where pages can move, once, and both ways of opening know it", async () => {
  const sync = openMemorySync({ nodes, pretouch: "wait" });
  const { move } = sync.node("slow");
  // Not the table's 2000, but for chance, on any machine there is.
  expect(move).toBeGreaterThan(1);
  expect(move).toBeLessThan(200_000);
  expect(sync.node("dram").move).toBe(move);
  expect(sync.vmstat()).toMatchObject({ pgmigrate_success: 0, pgscan_proactive: 0, nr_free_pages: (2 * SIZE) / 4096 });
  sync.check();
  await sync.close();
  const again = await openMemory({ nodes, pretouch: "wait" });
  expect(again.node("slow").move).toBe(move);
  await again.close();
});

test("a region that is there when it is measured keeps its bytes", async () => {
  const memory = openMemorySync({ nodes });
  const region = memory.map(SIZE);
  for (let at = 0; at < SIZE; at += 4096) region.writeFloat64(at, at + 0.5);
  await memory.pretouched();
  for (let at = 0; at < SIZE; at += 4096) expect(region.readFloat64(at)).toBe(at + 0.5);
  memory.check();
  await memory.close();
});

test("it is as given, and the table's where runs are to be the same", async () => {
  const given = openMemorySync({ nodes, pretouch: "wait", prices: { move: 777 } });
  expect(given.node("slow").move).toBe(777);
  await given.close();
  const seeded = openMemorySync({ nodes, pretouch: "wait", seed: 1 });
  expect(seeded.node("slow").move).toBe(2000);
  await seeded.close();
  const driven = openMemorySync({ nodes, pretouch: "wait" }, { crank: simCrank() });
  expect(driven.node("slow").move).toBe(2000);
  await driven.close();
  const model = openMemorySync({
    nodes: { a: { kind: "model", size: SIZE }, b: { kind: "model", size: SIZE, tier: 1 } },
  });
  expect(model.node("b").move).toBe(2000);
  await model.close();
});

test("a tier says in which order nodes are filled: memory that is the same is as fast, on whichever it is, unless somebody says otherwise", async () => {
  const said = { ...nodes, slow: { ...nodes.slow, latency: 250 } };
  const far = { ...nodes, slow: { kind: "dram", size: SIZE, distance: 2 * 576 } } as const;
  for (const more of [{}, { shared: true }, { shards: 2 }]) {
    const latencies = (options: MemoryOptions, harness: Harness = {}): number[] => {
      const memory = openMemorySync({ ...options, ...more }, harness);
      const ns = memory.nodeNames.map((name) => memory.node(name).latency);
      expect(memory.node("slow").tier).toBeGreaterThan(memory.node("dram").tier);
      memory[Symbol.dispose]();
      return ns;
    };
    expect(latencies({ nodes, pretouch: false })).toEqual([100, 100]);
    expect(latencies({ nodes, pretouch: "wait" })).toEqual([100, 100]);
    expect(latencies({ nodes: said })).toEqual([100, 250]);
    expect(latencies({ nodes: far })).toEqual([100, 200]);
    // Runs that are to be the same take the tier at its word.
    expect(latencies({ nodes, seed: 1 })).toEqual([100, 300]);
    expect(latencies({ nodes }, { crank: simCrank() })).toEqual([100, 300]);
  }
});

test("between tiers that are as fast nothing moves but to save swapping", async () => {
  for (const latency of [undefined, 300]) {
    const memory = openMemorySync({ nodes: { ...nodes, slow: { ...nodes.slow, latency } }, pretouch: "wait" });
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", maxSize: "12MiB", heap: 0 });
    const value = Buffer.alloc(1000);
    for (let i = 0; i < 20_000; i++) cache.set(i, value);
    for (let i = 0; i < 60_000; i++) cache.get(i % 3000);
    const { pgmigrate_success } = memory.vmstat();
    // Sets alone fill the first node more than twice over.
    if (latency === undefined) expect(pgmigrate_success).toBeLessThan(200);
    else expect(pgmigrate_success).toBeGreaterThan(2000);
    memory.check();
    await memory.close();
  }
});
