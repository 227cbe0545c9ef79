/** Bad arguments, while loads are in flight or not: an error that says so, and nothing has changed. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Cache, isLieuError, openMemorySync, simCrank } from "../../src/index.ts";

type Any = Cache<unknown>;
const bad: readonly [string, (c: Any) => unknown][] = [
  ["set with no key", (c) => c.set({} as never, 1)],
  ["set with a long key", (c) => c.set("x".repeat(3000), 1)],
  ["set with a bad ttl", (c) => c.set("k", 1, { ttl: -1 })],
  ["set with a ttl that is no number", (c) => c.set("k", 1, { ttl: Number.NaN })],
  ["set with a start that is no time", (c) => c.set("k", 1, { ttl: 10, start: Number.NaN })],
  ["set with a start without end", (c) => c.set("k", 1, { ttl: 10, start: Number.POSITIVE_INFINITY })],
  ["set with a value that has no bytes", (c) => c.set("k", { f: () => 1 })],
  ["set with options that are none", (c) => c.set("k", 1, 5 as never)],
  ["set of nothing with a bad ttl", (c) => c.set("k", undefined, { ttl: Number.NaN })],
  ["set of nothing with options that are none", (c) => c.set("k", undefined, 5 as never)],
  ["setMany of nothing with a bad ttl", (c) => c.setMany([["k", undefined, { ttl: -1 }]])],
  ["setMany of nothing with bad tags of all", (c) => c.setMany([["k", undefined]], { tags: "t" as never })],
  ["setMany of no entries with a bad ttl", (c) => c.setMany([], { ttl: -1 })],
  ["memo with a bad ttl", (c) => c.memo("other", { ttl: Number.NaN })],
  ["memo with a bad start", (c) => c.memo("other", { ttl: 1, start: Number.POSITIVE_INFINITY })],
  ["memo with bad tags", (c) => c.memo("other", { tags: "t" as never })],
  ["memo with options that are none", (c) => c.memo("other", null as never)],
  ["get with no key", (c) => c.get(null as never)],
  ["get with no options", (c) => c.get("k", null as never)],
  ["delete with no key", (c) => c.delete(null as never)],
  ["getInto before the target", (c) => c.getInto("k", new Uint8Array(9), -1)],
  ["getInto behind the target", (c) => c.getInto("k", new Uint8Array(9), 10)],
  ["getInto between two bytes", (c) => c.getInto("k", new Uint8Array(9), 0.5)],
  ["getInto no bytes", (c) => c.getInto("k", new Float64Array(9) as never)],
  ["getInto of what is not there, before the target", (c) => c.getInto("none", new Uint8Array(9), -1)],
  ["load of nothing", (c) => c.load(null as never)],
  ["load of an entry without a value", (c) => c.load([["a", { value: 1 }], ["b"] as never])],
  [
    "load with a bad key",
    (c) =>
      c.load([
        ["a", { value: 1 }],
        [null as never, { value: 1 }],
      ]),
  ],
  [
    "load with a bad ttl",
    (c) =>
      c.load([
        ["a", { value: 1 }],
        ["b", { value: 1, ttl: -5 }],
      ]),
  ],
  [
    "load with a bad start",
    (c) =>
      c.load([
        ["a", { value: 1 }],
        ["b", { value: 1, ttl: 5, start: Number.NaN }],
      ]),
  ],
  [
    "load of a value that has no bytes",
    (c) =>
      c.load([
        ["a", { value: 1 }],
        ["b", { value: Symbol("s") }],
      ]),
  ],
  ["fetch with no key", (c) => c.fetch({} as never)],
  ["fetch with a bad ttl", (c) => c.fetch("other", { ttl: -1 })],
  ["fetch with no signal", (c) => c.fetch("other", { signal: 5 as never })],
];

test.each(bad)("%s", async (_, action) => {
  for (const loading of [false, true]) {
    const memory = openMemorySync(
      { nodes: { dram: { kind: "dram", size: "1MiB" } }, pretouch: false, addressSpace: "64MiB" },
      { crank: simCrank() },
    );
    let loads = 0;
    let finish: (value: string) => void = () => undefined;
    const cache = memory.cache<unknown>({
      dispose: () => expect.unreachable("nothing has gone"),
      memoMethod: () => expect.unreachable("nothing is made"),
      fetchMethod: () => {
        loads++;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
    });
    cache.set("k", "old");
    const flight = loading ? cache.fetch("x") : undefined;
    await turn();
    let thrown: unknown;
    try {
      await action(cache);
    } catch (error) {
      thrown = error;
    }
    expect(isLieuError(thrown, "EINVAL") || isLieuError(thrown, "ERANGE")).toBe(true);
    expect([cache.size, cache.peek("k"), loads]).toEqual([1, "old", loading ? 1 : 0]);
    expect(cache.stats()).toMatchObject({ sets: 1, deleted: 0, rejected: 0 });
    memory.check();
    finish("loaded");
    if (flight !== undefined) expect([await flight, cache.peek("x")]).toEqual(["loaded", "loaded"]);
    memory[Symbol.dispose]();
  }
});

test("counters outlive clear() and close()", async () => {
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "1MiB" } }, pretouch: false });
  const cache = memory.cache<string>();
  for (let round = 1; round <= 3; round++) {
    cache.set("a", "v");
    cache.get("a");
    cache.get("b");
    expect(cache.delete("a")).toBe(true);
    cache.set("c", "v");
    cache.clear();
    const counted = { sets: 2 * round, hits: round, misses: round, deleted: round, hitsByTier: { dram: round } };
    expect(cache.stats()).toMatchObject(counted);
  }
  cache.clear({ stats: true });
  expect(cache.stats()).toMatchObject({ sets: 0, hits: 0, misses: 0, deleted: 0, hitsByTier: { dram: 0 } });
  cache.set("a", "v").get("a");
  const last = cache.stats();
  cache.close();
  expect(cache.stats()).toEqual(last);
  const other = memory.cache<string>();
  other.set("a", "v");
  await memory.close();
  expect(other.stats()).toMatchObject({ sets: 1 });
  expect(() => other.get("a")).toThrow(/^ECLOSED/);
});

test("caches with no size given: each gets some of the addresses that are left", () => {
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "16MiB" } }, pretouch: false });
  const caches = ["a", "b", "c", "d", "e"].map((name) => memory.cache<string>({ name }));
  for (let i = 0; i < 50; i++) for (const cache of caches) cache.set(`k${i}`, `${cache.name} ${i}`);
  for (let i = 0; i < 50; i++) for (const cache of caches) expect(cache.get(`k${i}`)).toBe(`${cache.name} ${i}`);
  memory.check();
  memory[Symbol.dispose]();
});
