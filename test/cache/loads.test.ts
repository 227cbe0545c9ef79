/** What loads cost and count: one look a hit, who waits for whom, who gave up, and when a source that fails is asked again. */
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { type Cache, type CacheOptions, type Memory, openMemorySync, simCrank } from "../../src/index.ts";
import { inShards } from "../support/shards.ts";

const crank = simCrank();
let memory: Memory | undefined;
afterEach(() => {
  memory?.check();
  memory?.[Symbol.dispose]();
  memory = undefined;
});
function open<V = string>(options: CacheOptions<V> & Record<string, unknown>, now?: () => number): Cache<V> {
  memory ??= openMemorySync(
    { nodes: { dram: { kind: "dram", size: "2MiB" } }, pretouch: false, addressSpace: "64MiB" },
    { crank: now === undefined ? crank : { now, stepsPerTurn: 8 } },
  );
  return memory.cache<V>({ maxSize: "256KiB", ...options } as never) as unknown as Cache<V>;
}
const down = async (): Promise<string> => {
  throw new Error("down");
};

/** What failed is remembered by each shard. */
const alone = test.skipIf(inShards);

describe("a hit", () => {
  test("is one look-up and one decode, booked where it was found", async () => {
    let decodes = 0;
    const cache = open<{ k: string }>({
      heap: 0,
      codec: {
        encode: (v: { k: string }) => Buffer.from(JSON.stringify(v)),
        decode: (b: Uint8Array) => {
          decodes++;
          return JSON.parse(Buffer.from(b).toString()) as { k: string };
        },
      } as never,
      fetchMethod: async (k) => ({ k }),
    });
    await cache.fetch("a");
    for (let i = 1; i <= 5; i++) {
      expect(await cache.fetch("a")).toEqual({ k: "a" });
      expect(decodes).toBe(i);
    }
    expect(cache.stats()).toMatchObject({ hits: 5, misses: 1, loads: 1, sets: 1, hitsByTier: { dram: 5 } });
  });

  test.each([1, 3, 9])("a fetch gives the value whatever the clock does meanwhile, step %i", async (step) => {
    let t = 0;
    const cache = open({ ttl: 10, fetchMethod: async () => "v", updateAgeOnGet: step === 3 }, () => {
      t += step;
      return t;
    });
    for (let i = 0; i < 60; i++) expect(await cache.fetch("k")).toBe("v");
    for (let i = 0; i < 60; i++) {
      cache.set("k", "v");
      for (let j = 0; j < 9; j++) expect(cache.getRemainingTTL("k")).toBeGreaterThanOrEqual(0);
      const info = cache.info("k");
      if (info !== undefined) expect(info.value).toBe("v");
      const got = cache.get("k", { allowStale: true });
      expect(got === undefined || got === "v").toBe(true);
    }
  });
});

describe("counts", () => {
  test("loads, failures, those who joined, and expired values given", async () => {
    let fail = false;
    const cache = open({
      ttl: 100,
      fetchBackoff: 0,
      allowStaleOnFetchRejection: true,
      fetchMethod: async (k) => (fail ? down() : `${k}!`),
    });
    await Promise.all([cache.fetch("a"), cache.fetch("a"), cache.fetch("a"), cache.fetch("b")]);
    expect(cache.stats()).toMatchObject({ loads: 2, joined: 2, loadErrors: 0, stale: 0, hits: 0, misses: 4 });
    crank.advance(100);
    fail = true;
    expect(await Promise.all([cache.fetch("a"), cache.fetch("a")])).toEqual(["a!", "a!"]);
    expect(cache.stats()).toMatchObject({ loads: 3, joined: 3, loadErrors: 1, stale: 2 });
    await expect(cache.fetch("none")).rejects.toThrow("down");
    expect(cache.get("a", { allowStale: true, noDeleteOnStaleGet: true })).toBe("a!");
    expect(cache.stats()).toMatchObject({ loads: 4, loadErrors: 2, stale: 3, hits: 0, misses: 8 });
  });

  test("neither what was given up nor what was overtaken is a failure", async () => {
    const cache = open({
      fetchMethod: (_, __, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    });
    const abort = new AbortController();
    const gave = cache.fetch("a", { signal: abort.signal });
    const overtaken = cache.fetch("b");
    await turn();
    abort.abort(new Error("enough"));
    cache.set("b", "set");
    await expect(gave).rejects.toThrow("enough");
    await expect(overtaken).rejects.toThrow("aborted");
    expect(cache.stats()).toMatchObject({ loads: 2, loadErrors: 0 });
  });
});

describe("a signal that is aborted already", () => {
  test.each([
    ["with nothing there", false, {}],
    ["with an expired value that will do", true, { allowStale: true }],
    ["with one that will do if the load fails", true, { allowStaleOnFetchRejection: true }],
    ["with a refresh forced", true, { allowStale: true, forceRefresh: true }],
  ])("%s: nothing is loaded", async (_, there, options) => {
    let loads = 0;
    const cache = open({
      ttl: 100,
      grace: 1000,
      fetchMethod: async () => {
        loads++;
        return "new";
      },
    });
    if (there) cache.set("k", "old");
    crank.advance(150);
    const got = cache.fetch("k", { ...options, signal: AbortSignal.abort(new Error("no")) });
    if ("allowStale" in options) expect(await got).toBe("old");
    else await expect(got).rejects.toThrow("no");
    await turn();
    expect([loads, cache.stats().loads]).toEqual([0, 0]);
  });
});

describe("a load that waits for itself is an error", () => {
  test("directly, and others get their values", async () => {
    const cache: Cache<string> = open({
      fetchMethod: async (k: string) => (k === "self" ? `${await cache.fetch("self")}` : k),
    });
    await expect(cache.fetch("self")).rejects.toThrow(/^EDEADLK/);
    expect(await cache.fetch("other")).toBe("other");
    expect(cache.stats().loadErrors).toBe(1);
  });

  test("by way of others, of another cache, and by many ways at once", async () => {
    const next: Record<string, string[]> = { a: ["x", "b"], b: ["c", "x"], c: ["y", "a"], d: ["x", "y"] };
    const one: Cache<string> = open({ name: "one", fetchMethod: async (k: string) => load(k) });
    const two: Cache<string> = open({ name: "two", fetchMethod: async (k: string) => load(k) });
    async function load(k: string): Promise<string> {
      await turn();
      const parts = await Promise.all((next[k] ?? []).map((n) => (n === "c" ? two : one).fetch(n)));
      return `${k}(${parts.join()})`;
    }
    expect(await one.fetch("d")).toBe("d(x(),y())");
    await expect(one.fetch("a")).rejects.toThrow(/EDEADLK/);
    const all = await Promise.allSettled([one.fetch("a"), one.fetch("b"), two.fetch("c"), one.fetch("d")]);
    expect(all.map((r) => r.status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
  });

  test("a load that gave up waiting for another may be waited for by it", async () => {
    const abort = new AbortController();
    let free: () => void = () => undefined;
    const freed = new Promise<void>((resolve) => {
      free = resolve;
    });
    const cache: Cache<string> = open({
      fetchMethod: async (k: string) => {
        if (k === "a") {
          await cache.fetch("b", { signal: abort.signal }).catch(() => undefined);
          free();
          return "a";
        }
        await freed;
        return `b of ${await cache.fetch("a")}`;
      },
    });
    const a = cache.fetch("a");
    const b = cache.fetch("b");
    await turn();
    abort.abort(new Error("too slow"));
    expect(await Promise.all([a, b])).toEqual(["a", "b of a"]);
  });

  test("work that outlives its load may fetch the key again", async () => {
    let later: Promise<string | undefined> | undefined;
    const cache: Cache<string> = open({
      ttl: 1,
      fetchMethod: async (k: string) => {
        later ??= turn().then(() => cache.fetch(k, { forceRefresh: true }));
        return k;
      },
    });
    expect(await cache.fetch("k")).toBe("k");
    expect(await later).toBe("k");
  });
});

describe("a source that fails", () => {
  test("is not asked again at once for a key that has an expired value; the waits double, and end with the first success", async () => {
    let asked = 0;
    let up = true;
    const heard: [string, number][] = [];
    const cache = open({
      ttl: 1000,
      grace: 1e9,
      allowStaleOnFetchRejection: true,
      fetchBackoff: 100,
      maxFetchBackoff: 500,
      onFetchError: (error: unknown, key: string, retryIn: number) => heard.push([`${key}: ${error}`, retryIn]),
      fetchMethod: async () => {
        asked++;
        return up ? `v${asked}` : down();
      },
    });
    await cache.fetch("k");
    up = false;
    crank.advance(1000);
    const many = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) expect(await cache.fetch("k")).toBe("v1");
    };
    const waits = [100, 200, 400, 500, 500];
    for (const wait of waits) {
      const before = asked;
      await many();
      crank.advance(wait - 1);
      await many();
      expect(asked).toBe(before + 1);
      crank.advance(1);
    }
    expect(heard).toEqual(waits.map((wait) => ["k: Error: down", wait]));
    up = true;
    expect(await cache.fetch("k")).toBe("v7");
    up = false;
    crank.advance(1000);
    const before = asked;
    await cache.fetch("k");
    crank.advance(100);
    await cache.fetch("k");
    expect(asked).toBe(before + 2);
  });

  alone(
    "that is down for all is asked by one at a time, and seldom; when it is up again all are refreshed",
    async () => {
      let asked = 0;
      let up = true;
      const cache = open({
        ttl: 1000,
        grace: 1e9,
        allowStale: true,
        fetchMethod: async (k) => {
          asked++;
          return up ? `${k} ${crank.now()}` : down();
        },
      });
      const keys = Array.from({ length: 500 }, (_, i) => `k${i}`);
      for (const key of keys) await cache.fetch(key);
      up = false;
      crank.advance(1500);
      asked = 0;
      for (let round = 0; round < 20; round++) {
        for (const key of keys) expect(await cache.fetch(key)).toMatch(/^k/);
        await turn();
        crank.advance(100);
      }
      // 10,000 fetches in two seconds.
      expect(asked).toBeGreaterThan(3);
      expect(asked).toBeLessThan(12);
      up = true;
      crank.advance(30_000);
      for (let round = 0; round < 2; round++) {
        for (const key of keys) await cache.fetch(key);
        await turn();
      }
      for (const key of keys) expect(await cache.fetch(key)).toBe(`${key} ${crank.now()}`);
    },
  );

  test("is asked by every fetch that has nothing to give, by a forced one, and always with fetchBackoff 0", async () => {
    let asked = 0;
    const fetchMethod = async (): Promise<string> => {
      asked++;
      return down();
    };
    const cache = open({ ttl: 100, grace: 1e9, allowStaleOnFetchRejection: true, fetchMethod });
    for (let i = 0; i < 5; i++) await expect(cache.fetch("none")).rejects.toThrow("down");
    cache.set("k", "old");
    for (let i = 0; i < 5; i++) expect(await cache.fetch("k", { forceRefresh: true })).toBe("old");
    expect(asked).toBe(10);
    const eager = open({ ttl: 100, grace: 1e9, allowStaleOnFetchRejection: true, fetchMethod, fetchBackoff: 0 });
    eager.set("k", "old");
    crank.advance(100);
    for (let i = 0; i < 5; i++) expect(await eager.fetch("k")).toBe("old");
    expect(asked).toBe(15);
  });
});
