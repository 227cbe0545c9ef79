/** What a memory publishes on diagnostics_channel, and what util.inspect shows of it. */
import { channel } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { type Memory, openMemorySync, simCrank } from "../../src/index.ts";
import { inShards } from "../support/shards.ts";

const KINDS = ["load", "evict", "demote", "error"] as const;
type Message = { memory: Memory } & Record<string, unknown>;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Messages of these kinds from now on, without the memory that they are of. */
function listen(memory: Memory, ...kinds: (typeof KINDS)[number][]): Record<string, unknown>[] {
  const heard: Record<string, unknown>[] = [];
  for (const kind of kinds) {
    const listener = (message: unknown) => {
      const { memory: of, ...rest } = message as Message;
      if (of === memory) heard.push({ kind, ...rest });
    };
    channel(`lieu:${kind}`).subscribe(listener);
    ends.push(() => void channel(`lieu:${kind}`).unsubscribe(listener));
  }
  return heard;
}
function open(swap = 0): Memory {
  const memory = openMemorySync(
    {
      nodes: { dram: { kind: "dram", size: "512KiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
      addressSpace: "64MiB",
      pretouch: swap > 0,
    },
    { crank: simCrank() },
  );
  ends.push(() => memory[Symbol.dispose]());
  return memory;
}

describe("diagnostics_channel", () => {
  test("nobody listens: nothing is asked for", () => {
    const memory = open();
    const cache = memory.cache({ maxSize: "64KiB" });
    let asked = 0;
    cache.stats = () => {
      asked++;
      throw new Error("nobody wanted to know");
    };
    memory.tick();
    Reflect.deleteProperty(cache, "stats");
    expect([asked, KINDS.some((kind) => channel(`lieu:${kind}`).hasSubscribers)]).toEqual([0, false]);
  });

  test("evictions are told a batch at a time, from the first tick on", () => {
    const memory = open();
    const cache = memory.cache<string, number>({ name: "c", maxSize: "64KiB" });
    const fill = () => {
      for (let i = 0; i < 500; i++) cache.set(i, "x".repeat(500));
    };
    fill();
    const heard = listen(memory, "evict");
    memory.tick();
    expect(heard).toEqual([]);
    const before = cache.stats().evicted;
    fill();
    memory.tick();
    memory.tick();
    expect(heard).toEqual([
      { kind: "evict", cache: "c", evicted: cache.stats().evicted - before, expired: 0, lost: 0 },
    ]);
    const late = memory.cache<string, number>({ name: "late", maxSize: "64KiB" });
    for (let i = 0; i < 500; i++) late.set(i, "x".repeat(500));
    memory[Symbol.dispose]();
    expect(heard.slice(1)).toEqual([
      { kind: "evict", cache: "late", evicted: expect.any(Number), expired: 0, lost: 0 },
    ]);
  });

  test("who stops listening and begins again does not hear of the time between", () => {
    const memory = open();
    const cache = memory.cache<string, number>({ name: "c", maxSize: "64KiB" });
    listen(memory, "evict");
    memory.tick();
    ends.pop()?.();
    for (let i = 0; i < 500; i++) cache.set(i, "x".repeat(500));
    memory.tick();
    const heard = listen(memory, "evict");
    memory.tick();
    memory.tick();
    expect(heard).toEqual([]);
  });

  test("pages that went down are told by the node that they left", () => {
    const memory = open();
    const heard = listen(memory, "demote");
    memory.tick();
    const region = memory.map("1MiB");
    region.fill(1);
    memory.tick();
    const { pgdemote_kswapd, pgdemote_direct } = memory.node("dram").vmstat();
    expect(pgdemote_kswapd + pgdemote_direct).toBeGreaterThan(50);
    expect(heard).toEqual([{ kind: "demote", node: "dram", pages: pgdemote_kswapd + pgdemote_direct }]);
  });

  test("loads, and errors of loads, which the cache's own listener hears too", async () => {
    const memory = open();
    const mine: unknown[] = [];
    const cache = memory.cache<string>({
      name: "c",
      fetchMethod: async (key) => {
        if (key === "bad") throw new Error("no such thing");
        return key;
      },
      onFetchError: (error) => mine.push(error),
    });
    const heard = listen(memory, "load", "error");
    memory.tick();
    await Promise.all([
      cache.fetch("a"),
      cache.fetch("a"),
      cache.fetch("b"),
      cache.fetch("bad").catch(() => undefined),
    ]);
    memory.tick();
    expect(heard).toEqual([
      { kind: "load", cache: "c", loads: 3, errors: 1, joined: 1 },
      { kind: "error", cache: "c", key: "bad", error: mine[0], count: 1 },
    ]);
    expect(mine).toEqual([new Error("no such thing")]);
  });
});

describe("util.inspect", () => {
  test.skipIf(inShards)("shows what there is, by the names of the API", () => {
    const memory = open();
    const region = memory.map("64KiB", { name: "table" });
    region.fill(1, 0, 8192);
    const cache = memory.cache({ name: "users", maxSize: "64KiB" });
    cache.set("a", "b").get("a");
    expect(inspect(region)).toBe(`Region "table" { size: 65536, pages: { dram: 2 }, pins: 0 }`);
    expect(inspect(cache)).toMatch(
      /^Cache "users" \{\n {2}size: 1,\n {2}calculatedSize: \d+,\n {2}maxSize: 65536,\n {2}hits: 1,/,
    );
    expect(inspect(memory)).toMatch(
      /^Memory \{\n {2}nodes: \{\n {4}dram: \{ kind: 'dram', tier: 0, size: 524288, free: \d+ \},/,
    );
    expect(inspect(memory)).toMatch(/regions: \[ 'table' \],\n {2}caches: \[ 'users' \],\n {2}groups: \[\]\n\}$/);
    const group = memory.group("tenant", { max: "1MiB" });
    expect(inspect(group)).toBe(`Group "tenant" { usage: 0, swapUsage: 0, max: 1048576 }`);
    const pin = region.pin(0, 100);
    expect(inspect(pin)).toBe("Pin { bytes: 100, zeroCopy: true }");
    pin.release();
    expect(inspect(pin)).toBe("Pin { released: true }");
    expect(inspect(memory.node("dram"))).toMatch(
      /^Node \{\n {2}name: 'dram',\n[^(]*latency: 100,\n {2}move: 2000\n\}$/,
    );
    group.remove();
    expect(inspect(group)).toBe(`Group "tenant" { closed }`);
    expect(inspect({ deep: { er: { cache } } }, { depth: 1 })).toContain("[Object]");
    expect(inspect({ cache }, { depth: 0 })).toBe(`{ cache: [Cache "users"] }`);
    expect(Object.keys(cache)).not.toContain("Symbol(nodejs.util.inspect.custom)");
  });

  test("never throws: what is closed says so", () => {
    const memory = open();
    const [region, cache] = [memory.map("64KiB"), memory.cache({ maxSize: "64KiB" })];
    cache.close();
    expect(inspect(cache)).toBe(`Cache "cache0" { closed }`);
    memory[Symbol.dispose]();
    expect([inspect(memory), inspect(region)]).toEqual(["Memory { closed }", `Region "region0" { closed }`]);
  });
});
