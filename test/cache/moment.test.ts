/** An operation is one moment: the clock is read once for it, however many parts it has. */
import { expect, test } from "vitest";
import { openMemorySync } from "../../src/index.ts";

test("each operation reads a clock that moves at each reading once, of a value on the heap or not, of one key or many", async () => {
  let time = 0;
  let readings = 0;
  const now = () => {
    readings++;
    time += 1;
    return time;
  };
  using memory = openMemorySync(
    { nodes: { dram: { kind: "dram", size: "8MiB" } } },
    { crank: { now, stepsPerTurn: 1 } },
  );
  const cache = memory.cache<unknown>({
    ttl: 1e6,
    maxSize: "2MiB",
    fetchMethod: async (key) => `loaded ${key}`,
  });
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
  cache.setMany(keys.map((key) => [key, `value of ${key}`] as const));
  for (let i = 0; i < 4; i++) for (const key of keys.slice(0, 9)) cache.get(key);
  const out = Buffer.alloc(100);
  const operations: Record<string, () => unknown> = {
    "get, on the heap": () => cache.get("k1"),
    get: () => cache.get("k40"),
    "get of none": () => cache.get("none"),
    "get, a copy": () => cache.get("k1", { copy: true }),
    "peek, on the heap": () => cache.peek("k1"),
    peek: () => cache.peek("k41"),
    has: () => cache.has("k1"),
    info: () => cache.info("k1"),
    getRemainingTTL: () => cache.getRemainingTTL("k1"),
    getInto: () => cache.getInto("k1", out),
    pin: () => cache.pin("k1")?.release(),
    set: () => cache.set("k2", "another"),
    "set, undefined": () => cache.set("k3", undefined),
    delete: () => cache.delete("k4"),
    getMany: () => cache.getMany(keys),
    setMany: () => cache.setMany(keys.map((key) => [key, key.length] as const)),
    deleteMany: () => cache.deleteMany(keys.slice(20)),
    "fetch, on the heap": () => cache.fetch("k1"),
    fetch: () => cache.fetch("k19"),
    dump: () => cache.dump(),
    pop: () => cache.pop(),
    purgeStale: () => cache.purgeStale(),
    clear: () => cache.clear(),
  };
  const counted: Record<string, number> = {};
  for (const [name, operation] of Object.entries(operations)) {
    readings = 0;
    await operation();
    counted[name] = readings;
  }
  expect(counted).toEqual(Object.fromEntries(Object.keys(operations).map((name) => [name, 1])));
});

test("what is stored together, or loaded, expires together", () => {
  let time = 0;
  using memory = openMemorySync(
    { nodes: { dram: { kind: "dram", size: "8MiB" } } },
    { crank: { now: () => ++time, stepsPerTurn: 1 } },
  );
  const cache = memory.cache<number>({ ttl: 5000, maxSize: "1MiB" });
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
  const starts = () => new Set(cache.dump().map(([, { start }]) => start)).size;
  cache.setMany(keys.map((key, i) => [key, i] as const));
  expect(cache.getMany(keys)).toEqual(keys.map((_, i) => i));
  expect(starts()).toBe(1);
  cache.load(cache.dump());
  expect(cache.size).toBe(40);
  expect(starts()).toBe(1);
});
