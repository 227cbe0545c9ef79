/** An operation is one moment: the clock is read once for it, however many parts it has. */
import { expect, test } from "vitest";
import { openMemorySync } from "../../src/index.ts";
import { inMemory } from "../property/strict-device.ts";

test.each([false, true])(
  "each operation reads a clock that moves at each reading once, of a value on the heap or not, of one key or many; shared: %s",
  async (shared) => {
    let time = 0;
    let readings = 0;
    const now = () => {
      readings++;
      time += 1;
      return time;
    };
    using memory = openMemorySync(
      { nodes: { dram: { kind: "dram", size: "8MiB" } }, shared },
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
  },
);

test.each([false, true])(
  "nor more than once where nothing expires and kswapd has its turn before each part; shared: %s",
  (shared) => {
    let readings = 0;
    using memory = openMemorySync(
      {
        nodes: { dram: { kind: "dram", size: "1MiB" }, slow: { kind: "dram", size: "2MiB", tier: 1 } },
        swap: [{ kind: "file", path: `moment-${process.pid}`, size: "8MiB" }],
        minFree: "16KiB",
        seed: 1,
        shared,
      },
      // A step a turn, so that kswapd has more to do for long.
      { crank: { now: () => ++readings, stepsPerTurn: 1 }, wrapDevice: inMemory },
    );
    // What uses the memory beside it keeps kswapd awake.
    const region = memory.map("4MiB");
    const onInsert = () => {};
    const cache = memory.cache<Uint8Array, number>({ codec: "bytes", heap: 0, dispose: onInsert, onInsert });
    const out = Buffer.alloc(2000);
    const seen = new Map<string, number>();
    let at = 0;
    const once = (name: string, operation: () => unknown) => {
      for (let i = 0; i < 8; i++) region.write((at++ % 1024) * 4096, out);
      readings = 0;
      operation();
      seen.set(name, Math.max(readings, seen.get(name) ?? 0));
    };
    for (let i = 0; i < 3000; i++) {
      once("set", () => cache.set(i, out));
      once("get", () => cache.get(i - 500));
      once("getInto", () => cache.getInto(i - 700, out));
      once("getMany", () => cache.getMany([i - 300, i - 400, i - 800, i - 900]));
      if (i % 5 === 0) once("setMany", () => cache.setMany([0, 1, 2, 3].map((n) => [i - 10 * n, out] as const)));
      if (i % 7 === 0) once("delete", () => cache.delete(i - 200));
    }
    once("the first that expires", () => cache.set(1, out, { ttl: 1000 }));
    expect(Object.fromEntries(seen)).toEqual({
      set: 1,
      get: 1,
      getInto: 1,
      getMany: 1,
      setMany: 1,
      delete: 1,
      "the first that expires": 1,
    });
  },
);

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
