/** What Keyv's own suites leave open: namespaces that meet in one cache, TTLs, errors, values that JSON cannot say. */
import { Keyv, type KeyvStoreAdapter } from "keyv";
import { describe, expect, test } from "vitest";
import DefaultExport, { type AdaptedCache, KeyvLieu } from "../../src/adapters/keyv.ts";
import { openCache } from "./caches.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A Keyv over `cache`; its values go to the cache's codec as they are. */
function plainKeyv(cache: AdaptedCache, namespace?: string): Keyv {
  const keyv = new Keyv({ store: new KeyvLieu(cache), throwOnErrors: true, ...(namespace && { namespace }) });
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return keyv;
}

async function keysOf(keyv: Keyv): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of keyv.iterator!(undefined)) keys.push(key);
  return keys.sort();
}

test("is a KeyvStoreAdapter, by both of its names", () => {
  const store: KeyvStoreAdapter = new KeyvLieu(openCache());
  expect(new Keyv(store).store).toBe(store);
  expect(DefaultExport).toBe(KeyvLieu);
});

describe("namespaces", () => {
  test("are apart, however they and their keys are named", async () => {
    const cache = openCache();
    // Joined by ":" or compared by their beginnings, most of these would meet.
    const names = ["a", "a:b", "a:", "", "1", "1:a", "a/", "ab"];
    const keys = ["x", "b:x", ":x", "a:x", "a:b:x", "/x", "", ":"];
    const stores = names.map((namespace) => Object.assign(new KeyvLieu(cache), { namespace }));
    const value = (i: number, key: string) => `${key} of ${names[i]}`;
    for (const [i, store] of stores.entries()) for (const key of keys) await store.set(key, value(i, key));
    expect(cache.size).toBe(names.length * keys.length);

    for (const [cleared, store] of stores.entries()) {
      for (const [i, other] of stores.entries()) {
        const expected = keys.map((key): [string, unknown] => [key, i < cleared ? undefined : value(i, key)]);
        expect(await other.getMany(keys)).toEqual(expected.map(([, value]) => value));
        const left = new Map<unknown, unknown>();
        for await (const [key, value] of other.iterator()) left.set(key, value);
        expect(left).toEqual(new Map(i < cleared ? [] : expected));
      }
      await store.clear();
    }
    expect(cache.size).toBe(0);
  });

  test("clear() leaves what else is in the cache, of whatever type its key is", async () => {
    const cache = openCache();
    cache.set("keyv", 1).set(4, 2).set("keyv:x", 3);
    const keyv = new Keyv(new KeyvLieu(cache));
    await keyv.set("x", "mine");
    await keyv.clear();
    expect([cache.get("keyv"), cache.get(4), cache.get("keyv:x"), cache.size]).toEqual([1, 2, 3, 3]);
  });

  test("clear() of a namespace that is alone empties the cache at once, and needs no keys if told so", async () => {
    const cache = openCache();
    const calls: string[] = [];
    const counted = new Proxy(cache, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          if (["keys", "clear", "delete"].includes(String(name))) calls.push(String(name));
          return method.apply(target, args);
        };
      },
    });
    for (const exclusive of [false, true]) {
      const keyv = new Keyv(new KeyvLieu(counted, { exclusive }));
      for (let i = 0; i < 100; i++) await keyv.set(`${i}`, i);
      await keyv.clear();
      expect(cache.size).toBe(0);
    }
    expect(calls).toEqual(["keys", "clear", "clear"]);
  });

  test("are iterated one by one, while entries come and go", async () => {
    const cache = openCache();
    const [users, posts] = [plainKeyv(cache, "users"), plainKeyv(cache, "posts")];
    for (const id of ["1", "2", "3"]) await users.set(id, { id });
    await posts.set("1", "a post");
    const seen: string[] = [];
    let gone: string | undefined;
    for await (const [key, value] of users.iterator!(undefined)) {
      expect(value).toEqual({ id: key });
      seen.push(key);
      // In no order: one that is still to come.
      gone ??= key === "2" ? "3" : "2";
      await users.delete(gone);
      await users.set(`new ${key}`, { id: `new ${key}` });
    }
    expect(seen).toContain("1");
    expect(seen).not.toContain(gone);
    expect(seen.some((key) => key.startsWith("new"))).toBe(false);
    expect(await keysOf(posts)).toEqual(["1"]);
  });

  test("must be strings", async () => {
    const store = new KeyvLieu(openCache());
    Object.assign(store, { namespace: 7 });
    await expect(store.get("x")).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("TTLs", () => {
  test("are kept by the cache itself", async () => {
    const store = new KeyvLieu(openCache());
    await store.set("short", "x", 1500);
    await store.setMany([
      { key: "long", value: "x", ttl: 60_000 },
      { key: "also short", value: "x", ttl: 1499.5 },
    ]);
    expect(await store.hasMany(["short", "long", "also short"])).toEqual([true, true, true]);
    await sleep(1600);
    expect(await store.hasMany(["short", "long", "also short"])).toEqual([false, true, false]);
    expect(await store.getMany(["short", "long"])).toEqual([undefined, "x"]);
    const left: unknown[] = [];
    for await (const [key] of store.iterator()) left.push(key);
    expect(left).toEqual(["long"]);
  });

  test("of 0, undefined or Infinity do not end; a new set() ends the old TTL", async () => {
    const cache = openCache();
    const keyv = plainKeyv(cache);
    for (const ttl of [0, undefined, Number.POSITIVE_INFINITY]) {
      await keyv.set("x", "old", 30);
      expect(await keyv.set("x", "new", ttl)).toBe(true);
      await sleep(50);
      expect(await keyv.get("x")).toBe("new");
    }
  });

  test("below 0 are over already: the old value goes too", async () => {
    const keyv = plainKeyv(openCache());
    await keyv.set("x", "old");
    expect(await keyv.set("x", "new", -1)).toBe(false);
    expect(await keyv.has("x")).toBe(false);
  });
});

test("without a serializer, values are all that the cache's codec can say", async () => {
  const keyv = plainKeyv(openCache());
  const value = {
    when: new Date(7),
    tags: new Set(["a"]),
    by: new Map([[1, { deep: [undefined, null] }]]),
    bytes: new Uint8Array([1, 2, 3]),
    big: 2n ** 63n - 1n,
    pattern: /x/g,
  };
  await keyv.set("x", value, 1000);
  const found = (await keyv.get("x")) as typeof value;
  expect({ ...found, bytes: new Uint8Array(found.bytes) }).toEqual(value);
  expect(found).not.toBe(value);
  expect(await keyv.getMany(["x", "y"])).toEqual([found, undefined]);
  const raw = await keyv.get("x", { raw: true });
  expect(raw!.expires).toBeGreaterThan(Date.now());
});

test("with Keyv's serializer, a cache of strings will do", async () => {
  const keyv = new Keyv({ store: new KeyvLieu(openCache({ codec: "string" as "any" })), throwOnErrors: true });
  expect(await keyv.setMany([{ key: "x", value: { y: [1, "2"] } }])).toEqual([true]);
  expect(await keyv.get("x")).toEqual({ y: [1, "2"] });
});

test("setMany(), set() and deleteMany() tell what was done", async () => {
  const keyv = plainKeyv(openCache({ maxSize: "64KiB" }));
  const large = Buffer.alloc(2 ** 20);
  expect(
    await keyv.setMany([
      { key: "a", value: 1 },
      { key: "large", value: large },
      { key: "b", value: 2, ttl: 1000 },
    ]),
  ).toEqual([true, false, true]);
  expect(await keyv.set("large", large)).toBe(false);
  expect(await keyv.has(["a", "large", "b"])).toEqual([true, false, true]);
  expect(await keyv.deleteMany(["a", "large"])).toBe(false);
  expect(await keyv.deleteMany(["a"])).toBe(false);
  expect(await keyv.deleteMany(["b"])).toBe(true);
});

describe("errors", () => {
  test("a store needs a cache", () => {
    for (const wrong of [undefined, null, 7, {}, new Set()]) {
      expect(() => new KeyvLieu(wrong as never)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    }
  });

  test("of the arguments reject with EINVAL, and leave the old value", async () => {
    const store = new KeyvLieu(openCache());
    await store.set("x", "old");
    for (const key of [undefined, null, 7, {}, Symbol("x")] as never[]) {
      await expect(store.has(key)).rejects.toMatchObject({ code: "EINVAL" });
      await expect(store.set(key, 1)).rejects.toMatchObject({ code: "EINVAL" });
      await expect(store.deleteMany([key])).rejects.toMatchObject({ code: "EINVAL" });
    }
    for (const ttl of [Number.NaN, "7", null, {}] as never[]) {
      await expect(store.set("x", "new", ttl)).rejects.toMatchObject({ code: "EINVAL" });
    }
    await expect(store.set("x", Symbol("y"))).rejects.toMatchObject({ code: "EINVAL" });
    expect(await store.get("x")).toBe("old");
  });

  test("become one event of Keyv each, a failed get too", async () => {
    const cache = openCache();
    const keyv = new Keyv(new KeyvLieu(cache));
    const errors: unknown[] = [];
    keyv.on("error", (error) => errors.push((error as { code: string }).code));
    cache.close();
    expect(await keyv.get("x")).toBeUndefined();
    expect(await keyv.set("x", 1)).toBe(false);
    expect(await keyv.setMany([{ key: "x", value: 1 }])).toEqual([false]);
    expect(await keyv.delete("x")).toBe(false);
    expect(await keyv.deleteMany(["x"])).toBe(false);
    await keyv.clear();
    expect(errors).toEqual(Array(6).fill("ECLOSED"));
    await expect(keyv.has("x")).rejects.toMatchObject({ code: "ECLOSED" });
    await expect(keyv.getMany(["x"])).rejects.toMatchObject({ code: "ECLOSED" });
    await expect(keyv.iterator!(undefined).next()).rejects.toMatchObject({ code: "ECLOSED" });
  });

  test("of a get reject, where nobody listens", async () => {
    const cache = openCache();
    const store = new KeyvLieu(cache);
    cache.close();
    await expect(store.get("x")).rejects.toMatchObject({ code: "ECLOSED" });
  });
});

test("disconnect() leaves the cache to its owner", async () => {
  const cache = openCache();
  const [a, b] = [plainKeyv(cache, "a"), plainKeyv(cache, "b")];
  await b.set("x", 1);
  await a.disconnect();
  expect(await b.get("x")).toBe(1);
});

test("many more values than fit in the fast node come back whole, or not at all", async () => {
  const cache = openCache();
  const keyv = plainKeyv(cache);
  const userOf = (i: number) => ({ i, text: `${i} `.repeat(200) });
  for (let i = 0; i < 6000; i++) await keyv.set(`${i}`, userOf(i));
  let hits = 0;
  for (let i = 0; i < 6000; i++) {
    const found = await keyv.get(`${i}`);
    if (found === undefined) continue;
    hits++;
    expect(found).toEqual(userOf(i));
  }
  expect(hits).toBeGreaterThan(1000);
  expect(hits).toBeLessThan(6000);
  await keyv.clear();
  expect(cache.size).toBe(0);
});
