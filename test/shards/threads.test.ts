/** Memories of several shards that threads share: what is spread is found, what one thread changes others see, limits hold meanwhile. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { attachMemory, type Memory, type MemoryOptions, openMemorySync } from "../../src/index.ts";
import { expectError, MIB, PAGE } from "../api/helpers.ts";
import { runWorker } from "../threads/helpers.ts";

const SLOW = 120_000;
const SHARDS = 3;
const folder = mkdtempSync(join(tmpdir(), "lieu-shards-threads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(options: Partial<MemoryOptions> = {}): Memory {
  const nodes = { fast: { kind: "dram", size: "6MiB" }, slow: { kind: "dram", size: "12MiB", tier: 1 } } as const;
  const swap = [{ kind: "file" as const, path: join(folder, "swap"), size: "24MiB" }];
  return openMemorySync({ nodes, swap, pretouch: false, shared: true, shards: SHARDS, ...options });
}

test("a spread cache is one for all threads, and so is one that lies in a shard", async () => {
  await using memory = open();
  const here = memory.cache<{ n: number }>({ name: "users", maxSize: "6MiB", max: 4000 });
  const small = memory.cache<string>({ name: "small", max: 10 });
  await using other = await attachMemory(memory.descriptor());
  expect(other.cacheNames).toEqual(["users", "small"]);
  const there = other.cache<{ n: number }>("users");
  for (let n = 0; n < 1000; n++) (n % 2 === 0 ? here : there).set(`k${n}`, { n });
  for (let n = 0; n < 1000; n++) expect((n % 2 === 0 ? there : here).get(`k${n}`)).toEqual({ n });
  expect([here.size, there.size, there.max, there.maxSize]).toEqual([1000, 1000, 4000, here.maxSize]);
  expect([...there.keys()].sort()).toEqual([...here.keys()].sort());
  there.setMany([
    ["a", { n: -1 }],
    ["b", { n: -2 }],
    ["k0", undefined],
  ]);
  expect(here.getMany(["a", "b", "k0"])).toEqual([{ n: -1 }, { n: -2 }, undefined]);
  const dump = there.dump();
  there.clear();
  expect(here.size).toBe(0);
  there.load(dump);
  expect(here.size).toBe(1001);
  expect(here.delete("a")).toBe(true);
  expect(there.has("a")).toBe(false);
  const smallThere = other.cache<string>("small");
  small.set("x", "1");
  expect(smallThere.get("x")).toBe("1");
  memory.check();
  other.check();
  there.close();
  expectError(() => there.get("b"), "ECLOSED");
  expect(here.get("b")).toEqual({ n: -2 });
  here.close();
  expectError(() => other.cache("users"), "EINVAL", '"users"');
});

test("what a thread holds on its heap is not given once another has replaced it, in whatever shard it lies", async () => {
  await using memory = open();
  const here = memory.cache<{ n: number }>({ name: "users", maxSize: "6MiB", heap: { entries: 300 } });
  await using other = await attachMemory(memory.descriptor());
  const there = other.cache<{ n: number }>("users", { heap: { entries: 300 } });
  for (let n = 0; n < 20; n++) {
    for (let k = 0; k < 12; k++) {
      here.set(`hot${k}`, { n });
      for (let i = 0; i < 5; i++) expect(there.get(`hot${k}`)).toEqual({ n });
      expect(there.get(`hot${k}`)).toBe(there.get(`hot${k}`));
    }
  }
  here.clear();
  for (let k = 0; k < 12; k++) expect(there.get(`hot${k}`)).toBeUndefined();
});

test("a region in extents is one for all threads, and keeps its bytes while they move", async () => {
  await using memory = open();
  const here = memory.map("16MiB", { name: "table" });
  const small = memory.map("1MiB", { name: "small" });
  await using other = await attachMemory(memory.descriptor());
  expect(other.regionNames.sort()).toEqual(["small", "table"]);
  const there = other.region("table");
  expect(there.size).toBe(here.size);
  for (let at = 0; at < here.size; at += PAGE) ((at / PAGE) % 2 === 0 ? here : there).writeFloat64(at + 8, at);
  for (let at = 0; at < here.size; at += PAGE)
    expect(((at / PAGE) % 2 === 0 ? there : here).readFloat64(at + 8)).toBe(at);
  const long = new Uint8Array(3 * MIB).map((_, i) => i % 251);
  there.write(MIB - 100, long);
  expect(Buffer.compare(here.read(MIB - 100, long.length), long)).toBe(0);
  small.writeInt32(0, 7);
  expect(other.region("small").readInt32(0)).toBe(7);
  expectError(() => there.translate(0), "ENOTSUP");
  const [numbers, same] = [there.array("float64", 8), here.array("float64", 8)];
  for (let i = 0; i < numbers.length; i += 5000) numbers.set(i, i / 2);
  for (let i = 0; i < same.length; i += 5000) expect(same.get(i)).toBe(i / 2);
  expect(same.length).toBe(here.size / 8 - 1);
  expectError(() => other.region("nothing"), "EINVAL", '"nothing"');
  there.unmap();
  expect(here.readFloat64(8)).toBe(0);
  memory.check();
});

test("names are of all shards", async () => {
  await using memory = open();
  memory.map("1MiB", { name: "a" });
  expectError(() => memory.map("1MiB", { name: "a" }), "EINVAL", "already");
  memory.cache({ name: "c", maxSize: "6MiB" });
  expectError(() => memory.cache({ name: "c", max: 5 }), "EINVAL", "already");
  expect(memory.cache().name).not.toBe(memory.cache().name);
  expect(memory.map("1MiB").name).not.toBe(memory.map("1MiB").name);
});

test("a group's shares follow its use, and never come to more than its limit", async () => {
  await using memory = open();
  const group = memory.group("g", { max: "3MiB" });
  // All of it in one shard: at first a third is what it may have there.
  const region = memory.map("3MiB", { group, name: "r" });
  let most = 0;
  for (let round = 0; round < 30; round++) {
    for (let at = 0; at < region.size; at += PAGE) region.writeInt32(at, at);
    expect(group.usage).toBeLessThanOrEqual(3 * MIB);
    memory.tick();
    memory.check();
    most = Math.max(most, group.usage);
  }
  // It goes up and down by what reclaim takes at a time, and what the others are left of the limit.
  expect(most).toBeGreaterThan(2.8 * MIB);
  group.set({ max: "1MiB" });
  expect(group.usage).toBeLessThanOrEqual(MIB);
  for (let at = 0; at < region.size; at += PAGE) expect(region.readInt32(at)).toBe(at);
});

test("what runs within an operation cannot begin one on another shard, and nothing stays locked", async () => {
  await using memory = open();
  let nested: (() => unknown) | undefined;
  const codec = {
    encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
    decode: (bytes: Uint8Array) => {
      nested?.();
      return JSON.parse(Buffer.from(bytes).toString());
    },
  };
  const cache = memory.cache<unknown>({ name: "c", maxSize: "6MiB", heap: 0, codec });
  for (let n = 0; n < 50; n++) cache.set(`k${n}`, n);
  nested = () => {
    for (let n = 0; n < 50; n++) cache.getRemainingTTL(`k${n}`);
  };
  // A get with options takes the lock, and so does getRemainingTTL(); a plain get, or has(), takes none.
  expectError(() => cache.get("k0", {}), "EDEADLK", "shard");
  nested = undefined;
  for (let n = 0; n < 50; n++) expect(cache.get(`k${n}`)).toBe(n);
  // These are called when nothing is locked.
  const heard: string[] = [];
  const loud = memory.cache<number>({
    ...{ name: "loud", maxSize: "6MiB" },
    dispose: (_, key) => heard.push(`${key} ${cache.has("k1")} ${cache.has("k2")} ${cache.has("k3")}`),
    onInsert: (_, key) => heard.push(`${key} ${cache.has("k1")} ${cache.has("k2")} ${cache.has("k3")}`),
  });
  loud.set("a", 1);
  loud.delete("a");
  expect(heard).toEqual(["a true true true", "a true true true"]);
});

test("workers on several shards: no value torn, none that comes back", { timeout: SLOW }, async () => {
  await using memory = open({ kswapd: "thread" });
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", maxSize: "12MiB", heap: { entries: 64 } });
  const region = memory.map("16MiB", { name: "r" });
  const body = `
    const memory = await lieu.attachMemory(data.memory);
    const cache = memory.cache("c", { codec: "bytes", heap: { entries: 64 } });
    const region = memory.region("r");
    let x = data.seed, bad = "";
    const random = (n) => (x = (Math.imul(x, 1103515245) + 12345) >>> 0, (x >>> 8) % n);
    const latest = new Map();
    const words = region.size / 4;
    for (let i = 0; i < data.ops && bad === ""; i++) {
      const n = random(4000);
      const key = "k" + n;
      const mine = n % data.workers === data.me;
      if (random(10) < 4 && mine) {
        const count = (latest.get(key) ?? 0) + 1;
        latest.set(key, count);
        cache.set(key, new Uint8Array(new Uint32Array(50 + random(1500)).fill(count).buffer));
      } else {
        const value = cache.get(key);
        if (value !== undefined) {
          const all = new Uint32Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.length));
          if (all.some((word) => word !== all[0])) bad = "torn: " + key;
          if (all[0] < (latest.get(key) ?? 0)) bad = "stale: " + key;
          latest.set(key, all[0]);
        }
      }
      // Each worker has words of its own, all over the region.
      const word = Math.floor(random(words) / data.workers) * data.workers + data.me;
      if (word < words) {
        region.writeInt32(word * 4, word ^ 0x5555);
        if (region.readInt32(word * 4) !== (word ^ 0x5555)) bad = "lost: " + word;
      }
    }
    await memory.close();
    post(bad);`;
  const workers = [0, 1, 2].map((me) =>
    runWorker<string>(body, { memory: memory.descriptor(), me, workers: 3, seed: 77 + me, ops: 15_000 }),
  );
  expect(await Promise.all(workers)).toEqual(["", "", ""]);
  for (let word = 0; word < region.size / 4; word += 97)
    expect([0, word ^ 0x5555]).toContain(region.readInt32(word * 4));
  expect(cache.size).toBeGreaterThan(100);
  expect(memory.vmstat().pswpout).toBeGreaterThan(0);
  memory.check();
});
