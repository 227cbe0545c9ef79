/** Workers at the same time on one memory: nothing torn, nothing stale, nothing lost, nobody left waiting. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import { messageOf, PAGE, runWorker, sharedMemory, startWorker } from "./helpers.ts";

const SLOW = 120_000;

test("a worker finds what there is by name, at any time", { timeout: SLOW }, async () => {
  await using memory = sharedMemory();
  const cache = memory.cache<{ list: number[] }>({ name: "users" });
  cache.set("a", { list: [1, 2] });
  const got = await runWorker(
    `const memory = await lieu.attachMemory(data.memory);
     const users = memory.cache("users");
     const a = users.get("a");
     users.set("b", { list: [3] });
     await memory.close();
     post(a);`,
    { memory: memory.descriptor() },
  );
  expect(got).toEqual({ list: [1, 2] });
  expect(cache.get("b")).toEqual({ list: [3] });
  memory.check();
});

test("no value is torn, and none comes back, whoever writes", { timeout: SLOW }, async () => {
  await using memory = sharedMemory();
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", heap: { entries: 64 } });
  const body = `
    const memory = await lieu.attachMemory(data.memory);
    const cache = memory.cache("c", { codec: "bytes", heap: { entries: 64 } });
    let x = data.seed, bad = "";
    const random = (n) => (x = (Math.imul(x, 1103515245) + 12345) >>> 0, (x >>> 8) % n);
    const latest = new Map();
    for (let i = 0; i < data.ops && bad === ""; i++) {
      const n = random(40);
      const key = "k" + n;
      const what = random(10);
      if (what < 3) {
        // The writer of a key counts up: whoever reads it never sees the count fall.
        if (n % data.workers === data.me) {
          const count = (latest.get("mine" + n) ?? 0) + 1;
          latest.set("mine" + n, count);
          const value = new Uint32Array(50 + random(3000)).fill(count);
          cache.set(key, new Uint8Array(value.buffer));
        } else cache.has(key);
      } else {
        const value = cache.get(key);
        if (value === undefined) continue;
        const words = new Uint32Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.length));
        if (words.some((word) => word !== words[0])) bad = "torn: " + key;
        if (words[0] < (latest.get(key) ?? 0)) bad = "stale: " + key + " " + words[0] + " after " + latest.get(key);
        latest.set(key, words[0]);
      }
    }
    await memory.close();
    post(bad);`;
  const workers = [0, 1, 2].map((me) =>
    runWorker<string>(body, { memory: memory.descriptor(), me, workers: 3, seed: 77 + me, ops: 20_000 }),
  );
  expect(await Promise.all(workers)).toEqual(["", "", ""]);
  expect(cache.size).toBeLessThanOrEqual(40);
  memory.check();
});

test("no write to a region is lost, and no aligned word torn, while its pages move and are swapped", {
  timeout: SLOW,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "lieu-"));
  try {
    await using memory = sharedMemory({ swap: [{ kind: "file", path: join(folder, "swap"), size: "16MiB" }] });
    const region = memory.map("8MiB", { name: "r" });
    const body = `
      const memory = await lieu.attachMemory(data.memory);
      const region = memory.region("r");
      const pages = region.size / 4096;
      let x = data.seed, bad = "";
      const random = (n) => (x = (Math.imul(x, 1103515245) + 12345) >>> 0, (x >>> 8) % n);
      const mine = new Int32Array(pages);
      for (let i = 0; i < data.ops && bad === ""; i++) {
        const page = random(pages);
        const at = page * 4096 + data.me * 8;
        if (region.readFloat64(at) !== mine[page]) bad = "lost at page " + page + " after " + i;
        // The other's word, which changes: but it is always a whole number.
        const other = region.readFloat64(page * 4096 + (data.me ^ 1) * 8);
        if (!Number.isInteger(other) || other < 0 || other > data.ops) bad = "torn: " + other;
        region.writeFloat64(at, ++mine[page]);
        if (i % 500 === 0) region.advise("pageout", page * 4096, 4096);
      }
      const errors = [];
      for (let page = 0; page < pages; page++) if (region.readFloat64(page * 4096 + data.me * 8) !== mine[page]) errors.push(page);
      await memory.close();
      post({ bad, errors });`;
    const workers = [0, 1].map((me) => runWorker(body, { memory: memory.descriptor(), me, seed: 5 + me, ops: 15_000 }));
    for (const result of await Promise.all(workers)) expect(result).toEqual({ bad: "", errors: [] });
    expect(memory.vmstat().pswpout).toBeGreaterThan(0);
    expect(region.size).toBe(2048 * PAGE);
    memory.check();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a worker that ends in the middle of an operation leaves nobody waiting, and the memory whole", {
  timeout: SLOW,
}, async () => {
  await using memory = sharedMemory();
  // Its own timer would wait for the lock, and this thread with it, before the worker could be terminated.
  vi.spyOn(memory, "tick").mockImplementation(() => undefined);
  const cache = memory.cache<string>({ name: "c", codec: { encode: Buffer.from, decode: String } });
  const region = memory.map("1MiB", { name: "r" });
  for (let page = 0; page < 256; page++) region.writeInt32(page * PAGE, page);
  cache.set("k", "v");
  expect([cache.get("k"), cache.get("k")]).toEqual(["v", "v"]);
  const worker = startWorker(
    `const memory = await lieu.attachMemory(data.memory);
     const decode = () => { post("within"); for (;;); };
     globalThis.pin = memory.region("r").pin(4096, 4096);
     memory.cache("c", { heap: 0, codec: { encode: Buffer.from, decode } }).get("k", {});`,
    { memory: memory.descriptor() },
  );
  expect(await messageOf(worker)).toBe("within");
  await worker.terminate();
  if (process.platform !== "linux") return;
  const warned = new Promise<Error & { code?: string }>((resolve) => process.once("warning", resolve));
  expect(region.readInt32(7 * PAGE)).toBe(7);
  expect((await warned).code).toBe("LIEU_TAKEOVER");
  // What this thread holds decoded is good no more, either.
  expect(cache.get("k")).toBeUndefined();
  cache.set("k", "x");
  expect(cache.get("k")).toBe("x");
  for (let page = 0; page < 256; page++) expect(region.readInt32(page * PAGE)).toBe(page);
  expect(memory.vmstat().takeover).toBe(1);
  memory.check();
  region.unmap();
});

test("pins of a worker that has ended are let go", { timeout: SLOW }, async () => {
  await using memory = sharedMemory();
  const region = memory.map("64KiB", { name: "r" });
  const own = region.pin(0, 8192);
  const worker = startWorker(
    `const memory = await lieu.attachMemory(data.memory);
     globalThis.pins = [0, 4096, 4096, 16384].map((at) => memory.region("r").pin(at, 4096));
     post("held"); setInterval(() => {}, 1000);`,
    { memory: memory.descriptor() },
  );
  expect(await messageOf(worker)).toBe("held");
  await worker.terminate();
  if (process.platform !== "linux") return;
  (memory.vm as SharedVm).sweep();
  memory.check();
  own.release();
  region.unmap();
  expect(memory.vmstat().takeover).toBe(0);
});
