/** What things cost is measured where a memory is real and nobody says it: an access to a node (numa.test.ts), the move of a page. */
import { expect, test } from "vitest";
import { openMemory, openMemorySync, simCrank } from "../../src/index.ts";

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
