/** lieu as a driver of bentocache: bentocache's own suite, and what a BentoCache does over it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import type { L1CacheDriver } from "bentocache/types";
import { describe, expect, test, vi } from "vitest";
import { LieuDriver, lieuDriver } from "../../src/adapters/bentocache.ts";
import { openCache } from "./caches.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface SuiteResult {
  readonly title: string;
  readonly errors: readonly unknown[];
}

/** Run bentocache's suite in Japa, in a process of its own. */
async function runSuite(): Promise<{ status: number; results: SuiteResult[]; output: string }> {
  const file = (name: string) => new URL(name, import.meta.url);
  const args = ["--import", file("typescript.mjs").href, fileURLToPath(file("bentocache-suite.ts"))];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 300_000 }, (error, stdout, stderr) => {
      const events = stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
      const results = events
        .filter(({ event }) => event === "test:end")
        .map(({ title, errors }) => ({ title: title.expanded as string, errors: errors as unknown[] }));
      resolve({ status: error ? 1 : 0, results, output: stdout + stderr });
    });
  });
}

const { status, results, output } = await runSuite();

describe("bentocache's suite for drivers", () => {
  test.each(results)("$title", ({ errors }) => expect(errors).toEqual([]));

  test("ran to its end", () => {
    expect(status, output).toBe(0);
    expect(results.length).toBeGreaterThanOrEqual(21);
  });
});

describe.each([true, false])("a BentoCache with serialize: %s", (serialize) => {
  const open = (cache = openCache<string>()) =>
    new BentoCache({
      default: "lieu",
      stores: { lieu: bentostore().useL1Layer(lieuDriver({ cache, serialize })) },
      prefix: "app",
    });

  test("getOrSet calls the factory once, until the TTL is over", async () => {
    const bento = open();
    const factory = vi.fn(async () => ({ loaded: factory.mock.calls.length }));
    const user = () => bento.getOrSet({ key: "user", ttl: 1500, factory });
    expect(await Promise.all([user(), user(), user()])).toEqual(Array(3).fill({ loaded: 1 }));
    await sleep(1600);
    expect(await user()).toEqual({ loaded: 2 });
    expect(await bento.has({ key: "user" })).toBe(true);
  });

  test("a grace period serves the old value while the factory fails", async () => {
    const bento = open();
    await bento.set({ key: "x", value: "old", ttl: 20, grace: "1m" });
    await sleep(40);
    const factory = () => {
      throw new Error("origin is down");
    };
    expect(await bento.getOrSet({ key: "x", ttl: 20, grace: "1m", factory })).toBe("old");
    await expect(bento.getOrSet({ key: "y", ttl: 20, grace: "1m", factory })).rejects.toThrow();
  });

  test("expire() keeps what is left of a value's TTL, and none where there is none", async () => {
    const cache = openCache<string>();
    const bento = open(cache);
    await bento.set({ key: "short", value: 1, ttl: "1m", grace: "1h" });
    await bento.setForever({ key: "forever", value: 2 });
    for (const key of ["short", "forever"]) await bento.expire({ key });
    expect(cache.getRemainingTTL("app:short")).toBeGreaterThan(3_500_000);
    expect(cache.getRemainingTTL("app:short")).toBeLessThanOrEqual(3_600_000);
    expect(cache.getRemainingTTL("app:forever")).toBe(Number.POSITIVE_INFINITY);
    expect(await bento.get({ key: "short", grace: false })).toBeUndefined();
  });

  test("tags, namespaces, deleteMany and clear", async () => {
    const cache = openCache<string>();
    cache.set("not bentocache's", "x");
    const bento = open(cache);
    const users = bento.namespace("users");
    for (const id of ["1", "2", "3"]) await users.set({ key: id, value: { id }, ttl: "1m", tags: [`tag ${id}`] });
    await bento.set({ key: "users", value: "not one", ttl: "1m" });
    await users.deleteByTag({ tags: ["tag 1"] });
    await users.deleteMany({ keys: ["2"] });
    const found = await Promise.all(["1", "2", "3"].map((key) => users.get({ key })));
    expect(found).toEqual([undefined, undefined, { id: "3" }]);
    await users.clear();
    expect(await users.get({ key: "3" })).toBeUndefined();
    expect(await bento.get({ key: "users" })).toBe("not one");
    await bento.clear();
    await bento.disconnect();
    expect([...cache.keys()]).toEqual(["not bentocache's"]);
  });
});

test("values keep their types where bentocache makes no JSON of them, and are copies", async () => {
  const cache = openCache<string>();
  const bento = new BentoCache({
    default: "lieu",
    stores: { lieu: bentostore().useL1Layer(lieuDriver({ cache, serialize: false })) },
  });
  const value = { at: new Date(1), ids: new Set([1]), by: new Map([["a", 1n]]) };
  await bento.set({ key: "x", value });
  value.ids.add(2);
  expect(await bento.get({ key: "x" })).toEqual({ ...value, ids: new Set([1]) });
});

describe("the driver", () => {
  test("is an L1 driver, and so is what lieuDriver() makes", () => {
    const cache = openCache<string>();
    const made: L1CacheDriver = lieuDriver({ cache }).factory({ cache, prefix: "a" });
    const direct: L1CacheDriver = new LieuDriver({ cache, prefix: "a:" });
    made.set("x", "1");
    expect(direct.get("x")).toBe("1");
  });

  test("answers as bentocache's own memory driver does", () => {
    const mine = new LieuDriver({ cache: openCache<string>(), prefix: "p" });
    const theirs = memoryDriver().factory({ prefix: "p" });
    for (const driver of [mine, theirs] as L1CacheDriver[]) {
      expect(driver.set("x", "1")).toBe(true);
      expect(driver.set("y", "2", 60_000)).toBe(true);
      expect(driver.set("z", "3", 5000.5)).toBe(true);
      expect(driver.getRemainingTtl("x")).toBe(Number.POSITIVE_INFINITY);
      expect(driver.getRemainingTtl("none")).toBe(0);
      expect(driver.getRemainingTtl("y")).toBeGreaterThan(50_000);
      expect(driver.getRemainingTtl("y")).toBeLessThanOrEqual(60_000);
      expect(driver.set("y", "2", driver.getRemainingTtl("x"))).toBe(true);
      expect(driver.getRemainingTtl("y")).toBe(Number.POSITIVE_INFINITY);
      expect(driver.pull("x")).toBe("1");
      expect(driver.pull("x")).toBeUndefined();
      expect(driver.deleteMany(["y", "none"])).toBe(true);
      expect(driver.get("y")).toBeUndefined();
    }
  });

  test("without a prefix has the whole cache", () => {
    const cache = openCache<string>();
    const driver = new LieuDriver({ cache });
    cache.set("x", "1");
    expect(driver.get("x")).toBe("1");
    driver.namespace("a").set("x", "2");
    expect(cache.get("a:x")).toBe("2");
    cache.set(7, "a key of another type");
    driver.clear();
    expect(cache.size).toBe(0);
  });

  test("tells that a value was not stored", () => {
    const driver = new LieuDriver({ cache: openCache<string>({ maxSize: "64KiB" }) });
    driver.set("x", "old");
    expect(driver.set("x", "x".repeat(2 ** 20))).toBe(false);
    expect(driver.get("x")).toBeUndefined();
    expect(driver.set("x", "old") && driver.set("x", "new", -1)).toBe(false);
    expect(driver.get("x")).toBeUndefined();
  });

  test("throws typed errors", () => {
    const cache = openCache<string>();
    const driver = new LieuDriver({ cache });
    const einval = expect.objectContaining({ code: "EINVAL" });
    for (const wrong of [undefined, null, {}, { cache: {} }, { cache: new Map() }] as never[]) {
      expect(() => lieuDriver(wrong)).toThrow(einval);
      expect(() => new LieuDriver(wrong)).toThrow(einval);
    }
    for (const key of [undefined, null, 7, {}] as never[]) expect(() => driver.get(key)).toThrow(einval);
    for (const ttl of [Number.NaN, "7", null] as never[]) expect(() => driver.set("x", "y", ttl)).toThrow(einval);
    cache.close();
    expect(() => driver.get("x")).toThrow(expect.objectContaining({ code: "ECLOSED" }));
  });
});
