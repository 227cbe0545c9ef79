/** Workers at the same time on one memory: nothing torn, nothing stale, nothing lost, nobody left waiting. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
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

test("a worker that ends in the middle of an operation leaves nobody waiting, and nothing wrong to be read", {
  timeout: SLOW,
}, async () => {
  await using memory = sharedMemory();
  const cache = memory.cache<string>({ name: "c", heap: 0, codec: { encode: Buffer.from, decode: String } });
  cache.set("k", "v");
  const worker = startWorker(
    `const memory = await lieu.attachMemory(data.memory);
     const decode = () => { post("within"); for (;;); };
     memory.cache("c", { heap: 0, codec: { encode: Buffer.from, decode } }).get("k");`,
    { memory: memory.descriptor() },
  );
  expect(await messageOf(worker)).toBe("within");
  await worker.terminate();
  if (process.platform !== "linux") return;
  const codes: unknown[] = [];
  const uses = [() => cache.set("k", "x"), () => cache.get("z"), () => memory.vmstat(), () => memory.map("64KiB")];
  for (const use of uses) {
    try {
      use();
      codes.push("no error");
    } catch (error) {
      codes.push((error as { code: unknown }).code);
    }
  }
  expect(codes).toEqual(uses.map(() => "EOWNERDEAD"));
  // The memory's own timer comes by meanwhile.
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(() => cache.get("k")).toThrow(expect.objectContaining({ code: "EOWNERDEAD" }));
});
