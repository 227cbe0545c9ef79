/**
 * cache-manager over a cache of lieu, through Keyv. Its package has no suite to run; these are the behaviours that its
 * README promises.
 */
import { createCache } from "cache-manager";
import { Keyv } from "keyv";
import { describe, expect, test, vi } from "vitest";
import { type AdaptedCache, KeyvLieu } from "../../src/adapters/keyv.ts";
import { openCache } from "./caches.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A Keyv over `cache` that makes strings of values, or leaves that to the cache's codec. */
function openKeyv(serialize: boolean, cache: AdaptedCache, namespace = "keyv"): Keyv {
  const keyv = new Keyv({ store: new KeyvLieu(cache), namespace });
  if (serialize) return keyv;
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return keyv;
}

describe.each([true, false])("a store with a serializer: %s", (serialize) => {
  const keyvOf = (cache: AdaptedCache, namespace?: string): Keyv => openKeyv(serialize, cache, namespace);

  test("set, get, del", async () => {
    const cache = createCache({ stores: [keyvOf(openCache())] });
    expect(await cache.set("x", { y: [1, "2", null] })).toEqual({ y: [1, "2", null] });
    expect(await cache.get("x")).toEqual({ y: [1, "2", null] });
    expect(await cache.get("y")).toBeUndefined();
    expect(await cache.del("x")).toBe(true);
    expect(await cache.get("x")).toBeUndefined();
    expect(await cache.ttl("x")).toBeUndefined();
  });

  test("mset, mget, mdel", async () => {
    const cache = createCache({ stores: [keyvOf(openCache())] });
    const list = [
      { key: "a", value: 1 },
      { key: "b", value: 2, ttl: 1500 },
      { key: "c", value: 3, ttl: 60_000 },
    ];
    expect(await cache.mset(list)).toMatchObject(list);
    expect(await cache.mget(["a", "b", "none", "c"])).toEqual([1, 2, undefined, 3]);
    await sleep(1600);
    expect(await cache.mget(["a", "b", "none", "c"])).toEqual([1, undefined, undefined, 3]);
    expect(await cache.mdel(["a", "none"])).toBe(true);
    expect(await cache.mget(["a", "c"])).toEqual([undefined, 3]);
  });

  test("ttl: of the call, by default that of the cache", async () => {
    const cache = createCache({ stores: [keyvOf(openCache())], ttl: 1500 });
    const start = Date.now();
    await cache.set("default", 1);
    await cache.set("own", 2, 60_000);
    await cache.set("none", 3, 0);
    expect((await cache.ttl("default"))! - start).toBeLessThan(10_000);
    expect((await cache.ttl("own"))! - start).toBeGreaterThan(50_000);
    expect(await cache.ttl("none")).toBeUndefined();
    await sleep(1600);
    expect(await cache.mget(["default", "own", "none"])).toEqual([undefined, 2, 3]);
  });

  test("wrap: one call for all who wait, then none while the value is there", async () => {
    const cache = createCache({ stores: [keyvOf(openCache())] });
    const load = vi.fn(async () => {
      await sleep(10);
      return { loaded: load.mock.calls.length };
    });
    const wrap = () => cache.wrap("x", load, 1500);
    expect(await Promise.all([wrap(), wrap(), wrap()])).toEqual(Array(3).fill({ loaded: 1 }));
    expect(await wrap()).toEqual({ loaded: 1 });
    expect(await cache.wrap("x", load, { raw: true })).toMatchObject({
      value: { loaded: 1 },
      expires: expect.any(Number),
    });
    await sleep(1600);
    expect(await wrap()).toEqual({ loaded: 2 });
    await expect(
      cache.wrap("y", () => {
        throw new Error("no such thing");
      }),
    ).rejects.toThrow("no such thing");
    expect(await cache.get("y")).toBeUndefined();
  });

  test("wrap with a refreshThreshold: the old value at once, the new one in the background", async () => {
    const cache = createCache({ stores: [keyvOf(openCache())], ttl: 60_000, refreshThreshold: 57_000 });
    let loads = 0;
    const wrap = () => cache.wrap("x", () => ++loads);
    expect(await wrap()).toBe(1);
    await sleep(3100);
    const refreshed = new Promise((resolve) => cache.on("refresh", resolve));
    expect(await wrap()).toBe(1);
    expect(await refreshed).toEqual({ key: "x", value: 2 });
    expect(await wrap()).toBe(2);
    expect(loads).toBe(2);
  });

  test("clear: this store's namespace and no other", async () => {
    const shared = openCache();
    const [users, posts] = ["users", "posts"].map((name) => createCache({ stores: [keyvOf(shared, name)] }));
    await users!.set("1", "a user");
    await posts!.set("1", "a post");
    expect(await users!.clear()).toBe(true);
    expect(await users!.get("1")).toBeUndefined();
    expect(await posts!.get("1")).toBe("a post");
  });

  test("several stores: read from the first that has it, filled by wrap, written and cleared together", async () => {
    const stores = [keyvOf(openCache()), keyvOf(openCache())];
    const [first, second] = stores as [Keyv, Keyv];
    const cache = createCache({ stores });
    await cache.set("x", 1);
    expect([await first.get("x"), await second.get("x")]).toEqual([1, 1]);
    await first.delete("x");
    expect(await cache.get("x")).toBe(1);
    expect(await cache.mget(["x", "y"])).toEqual([1, undefined]);
    expect(await first.get("x")).toBeUndefined();
    expect(await cache.wrap("x", () => 2)).toBe(1);
    expect(await first.get("x")).toBe(1);
    await cache.clear();
    expect([await first.get("x"), await second.get("x")]).toEqual([undefined, undefined]);
  });

  test("nonBlocking", async () => {
    const cache = createCache({ stores: [keyvOf(openCache()), keyvOf(openCache())], nonBlocking: true });
    await cache.set("x", 1);
    await vi.waitFor(async () => expect(await cache.get("x")).toBe(1));
    await cache.clear();
    await vi.waitFor(async () => expect(await cache.get("x")).toBeUndefined());
  });

  test("disconnect leaves the cache to its owner", async () => {
    const owned = openCache();
    const cache = createCache({ stores: [keyvOf(owned)] });
    await cache.set("x", 1);
    await cache.disconnect();
    expect(owned.size).toBe(1);
  });
});

test("values keep their types where Keyv makes no strings of them", async () => {
  const cache = createCache({ stores: [openKeyv(false, openCache())] });
  const value = { at: new Date(1), ids: new Set([1]), bytes: Buffer.from("bytes") };
  await cache.set("x", value);
  expect(await cache.get("x")).toEqual(value);
});
