/** Loading through a cache: one load a key, and who wins when the key changes meanwhile. */
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import {
  type Cache,
  type CacheKey,
  type CacheOptions,
  type FetcherOptions,
  type Memory,
  openMemorySync,
  simCrank,
} from "../../src/index.ts";

interface Load {
  readonly key: unknown;
  readonly stale: string | undefined;
  readonly options: FetcherOptions<unknown>;
  resolve(value: string | undefined): void;
  reject(error: Error): void;
}

const crank = simCrank();
let memory: Memory | undefined;
afterEach(() => {
  memory?.check();
  memory?.[Symbol.dispose]();
  memory = undefined;
});

/** A cache whose loads the test ends by hand. */
function loading(options: CacheOptions<string, CacheKey> = {}): { cache: Cache<string, CacheKey>; loads: Load[] } {
  const loads: Load[] = [];
  memory = openMemorySync(
    { nodes: { dram: { kind: "dram", size: "1MiB" } }, pretouch: false, addressSpace: "64MiB" },
    { crank },
  );
  const cache = memory.cache<string, CacheKey>({
    fetchMethod: (key, stale, opts) =>
      new Promise((resolve, reject) => loads.push({ key, stale, options: opts, resolve, reject })),
    ...options,
  });
  return { cache, loads };
}
const only = (loads: Load[]): Load => {
  expect(loads.length).toBe(1);
  return loads[0] as Load;
};

describe("one load a key", () => {
  test("however many wait for it", async () => {
    const { cache, loads } = loading();
    const all = [cache.fetch("k"), cache.fetch("k"), cache.fetch("other")];
    await turn();
    expect(loads.map((load) => load.key)).toEqual(["k", "other"]);
    loads[0]?.resolve("v");
    loads[1]?.resolve("w");
    expect(await Promise.all(all)).toEqual(["v", "v", "w"]);
    expect([cache.get("k"), cache.get("other"), await cache.fetch("k")]).toEqual(["v", "w", "v"]);
    expect(loads.length).toBe(2);
  });

  test("keys of other kinds are other keys", async () => {
    const { cache, loads } = loading();
    const all = [cache.fetch("1"), cache.fetch(1), cache.fetch(Uint8Array.of(0x31)), cache.fetch(Buffer.from("1"))];
    await turn();
    expect(loads.length).toBe(3);
    loads.forEach((load, i) => {
      load.resolve(`${i}`);
    });
    expect(await Promise.all(all)).toEqual(["0", "1", "2", "2"]);
  });

  test("a key of bytes is what it was when the fetch began", async () => {
    const { cache, loads } = loading();
    const key = Uint8Array.of(1, 2);
    const got = cache.fetch(key);
    key[0] = 9;
    await turn();
    only(loads).resolve("v");
    expect(await got).toBe("v");
    expect([cache.get(Uint8Array.of(1, 2)), cache.get(Uint8Array.of(9, 2))]).toEqual(["v", undefined]);
  });

  test("one that fails rejects for all, stores nothing, and the next fetch tries again", async () => {
    const { cache, loads } = loading();
    const both = Promise.allSettled([cache.fetch("k"), cache.fetch("k")]);
    await turn();
    only(loads).reject(new Error("no"));
    expect((await both).map((r) => r.status)).toEqual(["rejected", "rejected"]);
    expect(cache.size).toBe(0);
    const again = cache.fetch("k");
    await turn();
    loads[1]?.resolve("v");
    expect(await again).toBe("v");
  });

  test("undefined is not stored", async () => {
    const { cache, loads } = loading();
    const got = cache.fetch("k");
    await turn();
    only(loads).resolve(undefined);
    expect([await got, cache.has("k")]).toEqual([undefined, false]);
  });

  test("a method that gives its value at once, or throws at once", async () => {
    const { cache } = loading({ fetchMethod: (key) => `${key}!` });
    expect(await cache.fetch("k")).toBe("k!");
    const thrower = () => {
      throw new Error("no");
    };
    const bad = memory?.cache<string>({ fetchMethod: thrower }) as Cache<string>;
    await expect(bad.fetch("k")).rejects.toThrow("no");
    expect(bad.size).toBe(0);
  });
});

describe("what happens to the key meanwhile wins", () => {
  const changes: [string, (cache: Cache<string, CacheKey>) => unknown, string | undefined][] = [
    ["set", (cache) => cache.set("k", "set"), "set"],
    ["delete", (cache) => cache.delete("k"), undefined],
    ["clear", (cache) => cache.clear(), undefined],
    ["load", (cache) => cache.load([["k", { value: "loaded" }]]), "loaded"],
    ["set to undefined", (cache) => cache.set("k", undefined), undefined],
  ];
  test.each(changes)("%s", async (_, change, expected) => {
    const { cache, loads } = loading();
    const got = cache.fetch("k");
    await turn();
    change(cache);
    expect(only(loads).options.signal.aborted).toBe(true);
    only(loads).resolve("fetched");
    expect(await got).toBe("fetched");
    expect(cache.get("k")).toBe(expected);
  });

  test("a fetch after a delete begins a load of its own, and its value stays", async () => {
    const { cache, loads } = loading();
    const first = cache.fetch("k");
    await turn();
    cache.delete("k");
    const second = cache.fetch("k");
    await turn();
    loads[1]?.resolve("new");
    expect(await second).toBe("new");
    loads[0]?.resolve("old");
    expect([await first, cache.get("k")]).toEqual(["old", "new"]);
  });

  test("closing", async () => {
    const { cache, loads } = loading();
    const got = cache.fetch("k");
    await turn();
    cache.close();
    expect(only(loads).options.signal.aborted).toBe(true);
    only(loads).resolve("v");
    expect(await got).toBe("v");
    await expect(cache.fetch("k")).rejects.toThrow(/^ECLOSED/);
  });
});

describe("giving up", () => {
  test("one of two: the load goes on for the other", async () => {
    const { cache, loads } = loading();
    const abort = new AbortController();
    const first = cache.fetch("k", { signal: abort.signal });
    const second = cache.fetch("k");
    await turn();
    abort.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    expect(only(loads).options.signal.aborted).toBe(false);
    only(loads).resolve("v");
    expect([await second, cache.get("k")]).toEqual(["v", "v"]);
  });

  test("all: the load is aborted, what it brings is not stored, the next fetch begins anew", async () => {
    const { cache, loads } = loading();
    const aborts = [new AbortController(), new AbortController()];
    const waits = Promise.allSettled(aborts.map(({ signal }) => cache.fetch("k", { signal })));
    await turn();
    for (const abort of aborts) abort.abort(new Error("enough"));
    expect((await waits).map((r) => r.status)).toEqual(["rejected", "rejected"]);
    expect(only(loads).options.signal.aborted).toBe(true);
    const again = cache.fetch("k");
    await turn();
    expect(loads.length).toBe(2);
    loads[0]?.resolve("late");
    await turn();
    expect(cache.has("k")).toBe(false);
    loads[1]?.resolve("v");
    expect([await again, cache.get("k")]).toEqual(["v", "v"]);
  });

  test("before it began: no load", async () => {
    const { cache, loads } = loading();
    await expect(cache.fetch("k", { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
    await turn();
    expect(loads.length).toBe(0);
  });
});

describe("age", () => {
  test("a value that expired is loaded anew, with the ttl of the cache, of the call, or of the method", async () => {
    const { cache, loads } = loading({ ttl: 1000 });
    const load = async (value: string, ttl?: number, own?: number): Promise<void> => {
      const got = cache.fetch("k", ttl === undefined ? {} : { ttl });
      await turn();
      const last = loads.at(-1) as Load;
      if (own !== undefined) last.options.options.ttl = own;
      last.resolve(value);
      expect(await got).toBe(value);
    };
    await load("a");
    expect(cache.getRemainingTTL("k")).toBe(1000);
    crank.advance(1000);
    await load("b", 50);
    expect([loads[1]?.stale, cache.getRemainingTTL("k")]).toEqual(["a", 50]);
    crank.advance(50);
    await load("c", 50, 7);
    expect([loads.length, cache.getRemainingTTL("k")]).toEqual([3, 7]);
  });

  test("allowStale gives the expired value at once and loads behind the scenes, once", async () => {
    const { cache, loads } = loading({ ttl: 1000, allowStale: true });
    cache.set("k", "old");
    crank.advance(2000);
    expect([await cache.fetch("k"), await cache.fetch("k")]).toEqual(["old", "old"]);
    await turn();
    only(loads).resolve("new");
    await turn();
    expect([cache.get("k"), cache.getRemainingTTL("k")]).toEqual(["new", 1000]);
  });

  test("a load behind the scenes that fails goes unheard, and leaves the expired value", async () => {
    const { cache, loads } = loading({ ttl: 1000, allowStale: true });
    cache.set("k", "old");
    crank.advance(2000);
    expect(await cache.fetch("k")).toBe("old");
    await turn();
    only(loads).reject(new Error("no"));
    await turn();
    expect(cache.peek("k")).toBe("old");
  });

  test("allowStaleOnFetchRejection gives the expired value when the load fails", async () => {
    const { cache, loads } = loading({ ttl: 1000, allowStaleOnFetchRejection: true });
    cache.set("k", "old");
    crank.advance(2000);
    const got = cache.fetch("k");
    await turn();
    only(loads).reject(new Error("no"));
    expect(await got).toBe("old");
  });

  test("forceRefresh loads though there is a value", async () => {
    const { cache, loads } = loading();
    cache.set("k", "old");
    const got = cache.fetch("k", { forceRefresh: true });
    await turn();
    expect(only(loads).stale).toBe("old");
    only(loads).resolve("new");
    expect([await got, cache.get("k")]).toEqual(["new", "new"]);
  });
});
