/** Reads from swap of shared memories are made without the lock (src/runtime/swap-reads.ts), and what they give is right whatever happens meanwhile. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { attachMemorySync, openMemorySync } from "../../src/index.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import type { SwapDevice } from "../../src/swap/device.ts";
import { messageOf, startWorker } from "./helpers.ts";

const PAGE = 4096;
const folder = mkdtempSync(join(tmpdir(), "lieu-reads-"));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true }));

function open(engine: "js" | "wasm") {
  return openMemorySync({
    nodes: { dram: { kind: "dram", size: "1MiB" } },
    swap: [{ kind: "file", path: join(folder, `swap${files++}`), size: "16MiB" }],
    ...{ shared: true, engine, seed: 1 },
  });
}
/** Reads of a memory's device: where the lock was at each, and what is done meanwhile. */
function watch(vm: SharedVm, meanwhile: () => void = () => undefined) {
  const device = vm.devices[0] as SwapDevice;
  const read = device.read.bind(device);
  const seen = { free: 0, locked: 0 };
  vi.spyOn(device, "read").mockImplementation((slot, memory, addr) => {
    if (vm.lock.depth > 0) seen.locked++;
    else {
      seen.free++;
      meanwhile();
    }
    read(slot, memory, addr);
  });
  return seen;
}
const pageOf = (n: number): Uint8Array => new Uint8Array(new Int32Array(1024).fill(n).buffer);

test.each(["js", "wasm"] as const)("%s: regions, by word, by bytes, and what is brought in", (engine) => {
  using memory = open(engine);
  const region = memory.map("2MiB", { name: "r" });
  for (let page = 0; page < 512; page++) region.write(page * PAGE, pageOf(page));
  const seen = watch(memory.vm as SharedVm);
  for (let page = 0; page < 512; page++) expect(region.readInt32(page * PAGE)).toBe(page);
  for (let page = 0; page < 512; page += 2) region.writeInt32(page * PAGE + 8, 0 - page);
  const bytes = region.read(0, 512 * PAGE);
  const words = new Int32Array(bytes.buffer);
  for (let page = 0; page < 512; page++) expect(words[page * 1024 + 2]).toBe(page % 2 === 0 ? 0 - page : page);
  region.pin(100 * PAGE, PAGE).release();
  expect(region.advise("willneed", 5 * PAGE + 1, 100 * PAGE)).toBe(101);
  expect(seen.free).toBeGreaterThan(500);
  // Of a range, a page may be written out again to bring in another.
  expect(seen.locked).toBeLessThan(seen.free / 50);
  memory.check();
});

test.each(["js", "wasm"] as const)("%s: caches", (engine) => {
  using memory = open(engine);
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", maxSize: "8MiB", heap: 0 });
  const value = (n: number): Uint8Array => new Uint8Array(new Int32Array(n % 7 === 0 ? 3000 : 200).fill(n).buffer);
  for (let n = 0; n < 1200; n++) cache.set(`k${n}`, value(n));
  const vm = memory.vm as SharedVm;
  const seen = watch(vm);
  let found = 0;
  for (let n = 0; n < 1200; n++) {
    const got = n % 3 === 0 ? cache.peek(`k${n}`) : cache.get(`k${n}`);
    if (got === undefined) continue;
    found++;
    expect(new Int32Array(Uint8Array.from(got).buffer).every((word) => word === n)).toBe(true);
  }
  expect(found).toBeGreaterThan(1000);
  expect(seen.free).toBeGreaterThan(100);
  // What reclaim itself has to look at on its way is.
  expect(seen.locked).toBeLessThan(seen.free / 10);
  memory.check();
});

test.each(["js", "wasm"] as const)("%s: what is changed, freed or unmapped meanwhile", (engine) => {
  using memory = open(engine);
  using other = attachMemorySync(memory.descriptor());
  const region = memory.map("2MiB", { name: "r" });
  const there = other.region("r");
  const gone = memory.map("1MiB", { name: "gone" });
  const goneThere = other.region("gone");
  for (let page = 0; page < 256; page++) gone.write(page * PAGE, pageOf(page));
  for (let page = 0; page < 512; page++) region.write(page * PAGE, pageOf(page));
  let at = 0;
  const seen = watch(other.vm, () => {
    // The same page, and enough others for its slot to be another's, or its own again.
    region.write(at * PAGE, pageOf(1000 + at));
    for (let i = 1; i < (engine === "js" ? 60 : 300); i++) region.writeInt32((((at + i) % 512) * PAGE + 4) | 0, 7);
  });
  for (at = 0; at < 512; at += 17) expect([at, 1000 + at]).toContain(there.readInt32(at * PAGE));
  expect(seen.free).toBeGreaterThan(3);
  vi.restoreAllMocks();
  const before = watch(other.vm, () => {
    if (gone.isMapped) gone.unmap();
  });
  expect(() => {
    for (let page = 0; page < 256; page++) goneThere.readInt32(page * PAGE);
  }).toThrow("ECLOSED");
  expect(before.free).toBeGreaterThan(0);
  expect((memory.vm as SharedVm).lock.depth + other.vm.lock.depth).toBe(0);
  memory.check();
});

test("a device that fails: the error, once it was asked, and not twice", () => {
  using memory = open("wasm");
  const region = memory.map("2MiB", { name: "r" });
  for (let page = 0; page < 512; page++) region.write(page * PAGE, pageOf(page));
  const device = memory.vm.devices[0] as SwapDevice;
  let asked = 0;
  vi.spyOn(device, "read").mockImplementation(() => {
    asked++;
    throw new Error("gone");
  });
  const first = Array.from({ length: 512 }, (_, page) => page).find(
    (page) => region.placeOf(page * PAGE).where === "swap",
  );
  expect(first).toBeDefined();
  expect(() => region.readInt32((first as number) * PAGE)).toThrow("gone");
  // Twice without the lock, as it may be another slot the second time.
  expect(asked).toBeLessThanOrEqual(2);
  vi.restoreAllMocks();
  expect(region.readInt32((first as number) * PAGE)).toBe(first);
});

test("another thread waits for a slow device: nobody else does", { timeout: 120_000 }, async () => {
  using memory = open("wasm");
  const region = memory.map("2MiB", { name: "r" });
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", maxSize: "256KiB", heap: 0 });
  for (let page = 0; page < 512; page++) region.write(page * PAGE, pageOf(page));
  // How many reads of the device have begun, and have ended.
  const reads = new Int32Array(new SharedArrayBuffer(8));
  const body = `
    const fs = require("node:fs");
    const memory = await lieu.attachMemory(data.memory);
    const region = memory.region("r");
    const read = fs.readSync;
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    fs.readSync = (...args) => {
      Atomics.add(data.reads, 0, 1);
      Atomics.wait(nothing, 0, 0, 50);
      Atomics.add(data.reads, 1, 1);
      return read(...args);
    };
    let wrong = 0;
    for (let page = 0; page < 40; page++) if (region.readInt32(page * 4096) !== page) wrong++;
    fs.readSync = read;
    await memory.close();
    post(wrong);`;
  const worker = startWorker(body, { memory: memory.descriptor(), reads });
  const answer = messageOf(worker);
  let ended = false;
  void answer.finally(() => {
    ended = true;
  });
  /** Operations of this thread, all of which take the lock, that began and ended within one read of the other's. */
  const within: number[] = [];
  const value = new Uint8Array(500);
  while (!ended) {
    const [begun, done] = [Atomics.load(reads, 0), Atomics.load(reads, 1)];
    cache.set("hot", value);
    cache.getInto("hot", value);
    region.read(511 * PAGE, 100);
    if (begun > done && begun === Atomics.load(reads, 0) && done === Atomics.load(reads, 1))
      within[begun] = (within[begun] ?? 0) + 3;
    if (begun === 0 || begun === done) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(await answer).toBe(0);
  await worker.terminate();
  const counts = within.filter((n) => n !== undefined);
  expect(reads[0]).toBeGreaterThan(20);
  expect(counts.length).toBeGreaterThan((reads[0] as number) / 2);
  expect(counts.toSorted((a, b) => a - b)[counts.length >> 1]).toBeGreaterThan(50);
  memory.check();
});
