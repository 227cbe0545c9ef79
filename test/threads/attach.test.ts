/** Handles of two threads on one memory, here in one thread, which makes them take turns as told. */
import { expect, test } from "vitest";
import { attachMemory, attachMemorySync, openMemorySync } from "../../src/index.ts";
import { expectError } from "../api/helpers.ts";
import { PAGE, sharedMemory } from "./helpers.ts";

test("what one sets the other gets, and the other way round", async () => {
  await using memory = sharedMemory();
  const here = memory.cache<{ n: number }>({ name: "users" });
  await using other = await attachMemory(memory.descriptor());
  const there = other.cache<{ n: number }>("users");
  here.set("a", { n: 1 });
  expect(there.get("a")).toEqual({ n: 1 });
  there.set("a", { n: 2 }).set("b", { n: 3 });
  expect(here.get("a")).toEqual({ n: 2 });
  expect([...here.keys()].sort()).toEqual(["a", "b"]);
  expect(there.size).toBe(2);
  expect(here.delete("a")).toBe(true);
  expect(there.has("a")).toBe(false);
  expect(there.peek("b")).toEqual({ n: 3 });
  memory.check();
  other.check();
});

test("a value that is held on one thread's heap is not given once another has replaced or deleted it", async () => {
  await using memory = sharedMemory();
  const here = memory.cache<{ n: number }>({ name: "users", heap: { entries: 100 } });
  await using other = await attachMemory(memory.descriptor());
  const there = other.cache<{ n: number }>("users", { heap: { entries: 100 } });
  for (let n = 0; n < 50; n++) {
    here.set("hot", { n });
    for (let i = 0; i < 5; i++) expect(there.get("hot")).toEqual({ n });
    expect(there.get("hot")).toBe(there.get("hot"));
  }
  here.delete("hot");
  expect(there.get("hot")).toBeUndefined();
  here.set("hot", { n: 100 });
  for (let i = 0; i < 5; i++) there.get("hot");
  here.clear();
  expect(there.get("hot")).toBeUndefined();
});

test("times to live are one for all threads", async () => {
  await using memory = sharedMemory();
  const here = memory.cache<string>({ name: "c" });
  await using other = await attachMemory(memory.descriptor());
  const there = other.cache<string>("c");
  expect(there.get("k")).toBeUndefined();
  here.set("k", "v", { ttl: 1500 });
  expect(there.get("k")).toBe("v");
  expect(there.getRemainingTTL("k")).toBeGreaterThan(0);
  expect(there.getRemainingTTL("k")).toBeLessThanOrEqual(1500);
  await new Promise((resolve) => setTimeout(resolve, 1600));
  expect(there.get("k")).toBeUndefined();
  expect(here.get("k")).toBeUndefined();
});

test("regions are shared by name, and keep their bytes while they move", async () => {
  await using memory = sharedMemory({ zswap: { size: "4MiB" } });
  const here = memory.map("7MiB", { name: "table" });
  await using other = await attachMemory(memory.descriptor());
  const there = other.region("table");
  expect(other.regionNames).toEqual(["table"]);
  for (let page = 0; page < here.size / PAGE; page++) {
    (page % 2 === 0 ? here : there).writeInt32(page * PAGE + 8, page * 7);
  }
  for (let page = 0; page < here.size / PAGE; page++) {
    expect((page % 2 === 0 ? there : here).readInt32(page * PAGE + 8)).toBe(page * 7);
  }
  const long = new Uint8Array(300_000).map((_, i) => i % 251);
  here.write(1000, long);
  expect(Buffer.compare(there.read(1000, long.length), long)).toBe(0);
  there.fill(7, 5, 200_000);
  expect(here.readUint8(4)).toBe(0);
  expect(Buffer.compare(here.read(5, 200_000), Buffer.alloc(200_000, 7))).toBe(0);
  const numbers = there.array("float64", 8192);
  numbers.set(3, 1.5);
  expect(here.readFloat64(8192 + 24)).toBe(1.5);
  expect(memory.vmstat().pgdemote_kswapd + memory.vmstat().pgdemote_direct).toBeGreaterThan(0);
  memory.check();
});

test("elements of arrays are what they are of typed arrays, for all threads", async () => {
  await using memory = sharedMemory({ zswap: { size: "4MiB" } });
  const here = memory.map("1MiB", { name: "table" });
  await using other = await attachMemory(memory.descriptor());
  const there = other.region("table");
  for (const [kind, value, read] of [
    ["uint8", 200, 200],
    ["int8", 200, -56],
    ["uint16", -1, 65535],
    ["int16", 40_000, 40_000 - 65_536],
    ["uint32", -2, 2 ** 32 - 2],
    ["int32", 2 ** 31, -(2 ** 31)],
    ["float32", 0.1, Math.fround(0.1)],
    ["float64", 0.1, 0.1],
  ] as const) {
    // Behind the accesses that take the lock, the gate is open.
    const [mine, theirs] = [here.array(kind, PAGE), there.array(kind, PAGE)];
    for (let i = 0; i < 200; i++) {
      mine.set(i, value);
      expect(theirs.get(i)).toBe(read);
    }
    here.advise("pageout", PAGE, PAGE);
    expect(theirs.get(7)).toBe(read);
    expectError(() => theirs.get(theirs.length), "ERANGE");
  }
  memory.check();
});

test("a pin of one thread keeps its page where it is for the other", async () => {
  await using memory = sharedMemory();
  const here = memory.map("1MiB", { name: "r" });
  await using other = await attachMemory(memory.descriptor());
  const there = other.region("r");
  here.writeUint8(0, 9);
  const pin = there.pin(0, 10);
  expect(pin.bytes[0]).toBe(9);
  here.advise("pageout");
  expect(here.placeOf(0).where).toBe("node");
  here.writeUint8(0, 10);
  expect(pin.bytes[0]).toBe(10);
  expectError(() => here.unmap(), "EBUSY");
  expectError(() => other[Symbol.dispose](), "EBUSY");
  pin.release();
  here.unmap();
  expectError(() => there.readUint8(0), "ECLOSED");
  memory.check();
});

test("what the opener closes is closed for all; what another lets go of stays", async () => {
  await using memory = sharedMemory();
  const here = memory.cache<string>({ name: "a" });
  const region = memory.map("1MiB", { name: "r" });
  const other = attachMemorySync(memory.descriptor());
  const there = other.cache<string>("a");
  const again = other.cache<string>("a");
  here.set("k", "v");
  for (let i = 0; i < 4; i++) expect(there.get("k")).toBe("v");
  there.close();
  expectError(() => there.get("k"), "ECLOSED");
  other.region("r").unmap();
  expect(region.readUint8(0)).toBe(0);
  expect(again.get("k")).toBe("v");
  here.close();
  expectError(() => again.get("k"), "ECLOSED");
  expectError(() => other.cache("a"), "EINVAL", '"a"');
  // The number of the mapping may be another's now.
  const next = memory.cache<string>({ name: "a" });
  next.set("k", "w");
  expectError(() => again.get("k"), "ECLOSED");
  const found = other.cache<string>("a");
  for (let i = 0; i < 4; i++) expect(found.get("k")).toBe("w");
  await memory.close();
  expectError(() => found.get("k"), "ECLOSED");
  expectError(() => found.set("k", "v"), "ECLOSED");
  expectError(() => other.vmstat(), "ECLOSED");
  await other.close();
  await other.close();
  expectError(() => other.vmstat(), "ECLOSED");
});

test("dispose hears, in the thread that made it go, of each entry once", async () => {
  await using memory = sharedMemory();
  const heardHere: string[] = [];
  const heardThere: string[] = [];
  const here = memory.cache<string>({ name: "c", dispose: (_, key, reason) => heardHere.push(`${key} ${reason}`) });
  await using other = await attachMemory(memory.descriptor());
  const there = other.cache<string>("c", {
    dispose: (value, key, reason) => {
      heardThere.push(`${key} ${reason}`);
      // Not under the lock: another handle's operations go through.
      if (value === "2") here.set("from dispose", "x");
    },
  });
  here.set("a", "1");
  there.set("a", "2");
  here.set("b", "1");
  there.delete("a");
  here.delete("b");
  expect(heardThere).toEqual(["a set", "a delete"]);
  expect(heardHere).toEqual(["b delete"]);
  expect(here.get("from dispose")).toBe("x");
});

test("caches under pressure: pages that one thread has dropped are no riddle to the other", async () => {
  await using memory = sharedMemory();
  const here = memory.cache<Uint8Array>({ name: "c", codec: "bytes" });
  const region = memory.map("5MiB", { name: "r" });
  await using other = await attachMemory(memory.descriptor());
  const there = other.cache("c", { codec: "bytes" });
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 800; i++) (i % 2 ? here : there).set(`k${i}`, new Uint8Array(3000 + i).fill(i));
    other.region("r").fill(round + 1);
    for (let i = 0; i < 800; i++) {
      const value = (i % 2 ? there : here).get(`k${i}`);
      if (value !== undefined) expect(Buffer.compare(value, Buffer.alloc(3000 + i, i))).toBe(0);
    }
    region.advise("pageout");
    expect(region.readUint8(4 * 2 ** 20)).toBe(round + 1);
    memory.check();
    other.check();
  }
});

test("what cannot be is said", async () => {
  const alone = openMemorySync({ nodes: { dram: { kind: "dram", size: "1MiB" } }, pretouch: false });
  expectError(() => alone.descriptor(), "ENOTSUP", "shared: true");
  await alone.close();
  expectError(
    () => openMemorySync({ nodes: { m: { kind: "model", size: "1MiB" } }, shared: true }),
    "EINVAL",
    "model nodes",
  );
  expectError(() => sharedMemory({ pressure: true }), "EINVAL", "pressure");
  await using memory = sharedMemory();
  const cache = memory.cache<string>({ name: "c" });
  expectError(() => cache.curve(), "ENOTSUP");
  memory.cache();
  expectError(() => memory.cache({ name: "c" }), "EINVAL", '"c"');
  memory.map("64KiB", { name: "r" });
  expectError(() => memory.map("64KiB", { name: "r" }), "EINVAL", '"r"');
  const descriptor = memory.descriptor();
  expectError(() => attachMemorySync({} as never), "EINVAL", "memory.descriptor()");
  expectError(() => attachMemorySync(null as never), "EINVAL");
  expectError(() => attachMemorySync({ ...descriptor, layout: 1 }), "EINVAL", "version");
  expectError(() => attachMemorySync({ ...descriptor, pid: process.pid + 1 }), "ENOTSUP", "process");
  await using other = await attachMemory(descriptor);
  expectError(() => other.cache("d"), "EINVAL", '"d"', "c, cache1");
  expectError(() => other.region("d"), "EINVAL", "r");
  expectError(() => other.cache("c", { codec: "bytes" }), "EINVAL", "bytes");
  expectError(() => other.cache("c", { max: 1 } as never), "EINVAL", "max");
  expectError(() => cache.set("k", "v", { tags: ["t"] }), "ENOTSUP", "tags");
  expectError(() => cache.invalidateTag("t"), "ENOTSUP");
  const region = other.region("r");
  expectError(() => region.translate(0), "ENOTSUP", "pin");
  expectError(() => region.buffer, "ENOTSUP", "pin");
  expectError(() => region.readInt32(64 * 1024), "ERANGE");
  expectError(() => region.write(1, new Uint8Array(65536)), "ERANGE");
  expectError(() => region.write(0, new Uint8Array(65537)), "ERANGE");
  expectError(() => region.setPolicy({ mode: "bind", nodes: ["slow"] }), "ENOTSUP");
  memory.check();
});
