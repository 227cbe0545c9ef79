/** Loads over several threads' handles: one at a time for a key, and never over what was set or deleted meanwhile. */
import { expect, test } from "vitest";
import { type AttachedMemory, attachMemory, type Cache, type Memory } from "../../src/index.ts";
import { messageOf, sharedMemory, startWorker } from "./helpers.ts";

const SLOW = 120_000;

interface Call {
  readonly key: string;
  bring(value: string | undefined): void;
  fail(error: Error): void;
}
/** A fetchMethod whose calls end when they are told to. */
function loader() {
  const calls: Call[] = [];
  const fetchMethod = (key: string) =>
    new Promise<string | undefined>((bring, fail) => {
      calls.push({ key, bring, fail });
    });
  const called = async (n: number): Promise<Call> => {
    while (calls.length < n) await new Promise((resolve) => setTimeout(resolve, 1));
    return calls[n - 1] as Call;
  };
  return { calls, fetchMethod, called };
}
async function withTwo(work: (memory: Memory, other: AttachedMemory) => Promise<void>): Promise<void> {
  await using memory = sharedMemory();
  await using other = await attachMemory(memory.descriptor());
  await work(memory, other);
  memory.check();
}
const moment = () => new Promise((resolve) => setTimeout(resolve, 30));

test("of several that fetch a key at once, one loads it", { timeout: SLOW }, async () => {
  await withTwo(async (memory, other) => {
    const { calls, fetchMethod, called } = loader();
    const here = memory.cache<string>({ name: "c", fetchMethod });
    const handles = [here, other.cache<string>("c", { fetchMethod }), other.cache<string>("c", { fetchMethod })];
    const all = Promise.all(handles.map((handle) => handle.fetch("k")));
    (await called(1)).bring("v");
    expect(await all).toEqual(["v", "v", "v"]);
    expect(calls.length).toBe(1);
    expect(handles.map((handle) => handle.stats().loads).sort()).toEqual([0, 0, 1]);
    // Each of them may load another key at the same time, and the same key again.
    const more = handles.map((handle, i) => handle.fetch(`k${i}`));
    for (let i = 0; i < 3; i++) (await called(2 + i)).bring("w");
    expect(await Promise.all(more)).toEqual(["w", "w", "w"]);
    here.delete("k");
    const again = handles[1]?.fetch("k");
    (await called(5)).bring("v2");
    expect(await again).toBe("v2");
    expect(here.get("k")).toBe("v2");
  });
});

test("whoever waits for a load that fails, or brings nothing, loads itself", { timeout: SLOW }, async () => {
  await withTwo(async (memory, other) => {
    const { fetchMethod, called } = loader();
    const here = memory.cache<string>({ name: "c", fetchMethod });
    const there = other.cache<string>("c", { fetchMethod });
    const first = here.fetch("k");
    await called(1);
    const second = there.fetch("k");
    await moment();
    (await called(1)).fail(new Error("down"));
    await expect(first).rejects.toThrow("down");
    (await called(2)).bring(undefined);
    expect(await second).toBeUndefined();
    const third = here.fetch("k");
    (await called(3)).bring("v");
    expect(await third).toBe("v");
    expect(there.get("k")).toBe("v");
  });
});

test("what was set, deleted or cleared meanwhile, by whomever, wins over what a load brings", {
  timeout: SLOW,
}, async () => {
  await withTwo(async (memory, other) => {
    const { fetchMethod, called } = loader();
    const here = memory.cache<string>({ name: "c", fetchMethod });
    const there = other.cache<string>("c", { fetchMethod });
    const set = here.fetch("set");
    const deleted = here.fetch("deleted");
    const cleared = there.fetch("cleared");
    for (let n = 1; n <= 3; n++) await called(n);
    there.set("set", "newer");
    there.delete("deleted");
    for (let n = 1; n <= 2; n++) (await called(n)).bring("older");
    expect(await set).toBe("older");
    expect(await deleted).toBe("older");
    expect([here.get("set"), here.get("deleted")]).toEqual(["newer", undefined]);
    here.clear();
    // A load that was superseded is not waited for.
    const anew = here.fetch("cleared");
    (await called(4)).bring("new");
    expect(await anew).toBe("new");
    (await called(3)).bring("older");
    expect(await cleared).toBe("older");
    expect(there.get("cleared")).toBe("new");
  });
});

test("an expired value is loaded anew by one", { timeout: SLOW }, async () => {
  await withTwo(async (memory, other) => {
    const { calls, fetchMethod, called } = loader();
    const here = memory.cache<string>({ name: "c", fetchMethod, ttl: 5 });
    const there = other.cache<string>("c", { fetchMethod, ttl: 60_000 });
    here.set("k", "old");
    await moment();
    const both = [there.fetch("k"), here.fetch("k")];
    (await called(1)).bring("new");
    expect(await Promise.all(both)).toEqual(["new", "new"]);
    expect(calls.length).toBe(1);
    const forced = [there.fetch("k", { forceRefresh: true }), there.fetch("k", { forceRefresh: true })];
    (await called(2)).bring("newest");
    expect(await Promise.all(forced)).toEqual(["newest", "newest"]);
    expect(there.get("k")).toBe("newest");
  });
});

test("loads of two threads that wait for each other's key end", { timeout: SLOW }, async () => {
  await withTwo(async (memory, other) => {
    const load = (cache: () => { fetch(key: string): Promise<string | undefined> }) => async (key: string) => {
      await moment();
      return key.length > 1 ? key : `${key}${await cache().fetch(key === "a" ? "bb" : "aa")}`;
    };
    const here: Cache<string> = memory.cache<string>({ name: "c", fetchMethod: load(() => here) });
    const there: Cache<string> = other.cache<string>("c", { fetchMethod: load(() => there) });
    expect(await Promise.all([here.fetch("a"), there.fetch("b"), there.fetch("bb"), here.fetch("aa")])).toEqual([
      "abb",
      "baa",
      "bb",
      "aa",
    ]);
  });
});

test("a worker that ends while it loads is not waited for", { timeout: SLOW }, async () => {
  if (process.platform !== "linux") return;
  await using memory = sharedMemory();
  const cache = memory.cache<string>({ name: "c", fetchMethod: async () => "mine" });
  const worker = startWorker(
    `const memory = await lieu.attachMemory(data.memory);
     memory.cache("c", { fetchMethod: () => { post("loading"); return new Promise(() => setInterval(() => {}, 1000)); } }).fetch("k");`,
    { memory: memory.descriptor() },
  );
  expect(await messageOf(worker)).toBe("loading");
  const waiting = cache.fetch("k");
  await moment();
  await worker.terminate();
  expect(await waiting).toBe("mine");
  memory.check();
});
