/**
 * What one memory for all threads is instead of: asking another thread for a value by message, and a server on the same machine (Redis, where there is one).
 * And what eight workers on one memory take. Part of `npm run bench:threads`.
 */
import { spawnSync } from "node:child_process";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { attachMemory, openMemorySync } from "../dist/index.js";
import { startServer } from "./remote.mjs";

const GIB = 2 ** 30;
const TRIPS = 3000;
const ROUNDS = 5;

if (!isMainThread && workerData?.job !== undefined) await asWorker();

async function asWorker() {
  if (workerData.job === "holder") {
    const value = Buffer.alloc(200, 7);
    const held = new Map(Array.from({ length: 1000 }, (_, i) => [`key:${i}`, value]));
    parentPort.on("message", (key) => parentPort.postMessage(held.get(key)));
  } else if (workerData.job === "reader") {
    // As much garbage as the others make.
    if (workerData.memory === undefined) for (let i = 0; i < 20_000; i++) Buffer.allocUnsafe(4000).fill(i);
    else {
      const memory = await attachMemory(workerData.memory);
      const cache = memory.cache("c", { codec: "bytes", heap: 0 });
      const region = memory.region("r");
      for (let at = 0; at < region.size; at += 4096) region.readInt32(at);
      for (let i = 0; i < 20_000; i++) cache.get(`key:${i}`);
    }
    parentPort.on("message", () => undefined);
  }
  parentPort.postMessage("ready");
}
const said = (worker) => new Promise((resolve) => worker.once("message", resolve));
const start = (data) => new Worker(new URL(import.meta.url), { workerData: data });

/** Microseconds of a key and its value by message, there and back, between two threads; the least of some rounds. */
export async function messageTrip() {
  const worker = start({ job: "holder" });
  await said(worker);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    for (let i = 0; i < TRIPS; i++) {
      const got = said(worker);
      worker.postMessage(`key:${i % 1000}`);
      if ((await got).length !== 200) throw new Error("not the value");
    }
    best = Math.min(best, ((performance.now() - begun) * 1000) / TRIPS);
  }
  await worker.terminate();
  return best;
}

/** The same of a GET of a server on the loopback interface; undefined where there is none. */
export async function redisTrip() {
  if (spawnSync("redis-server", ["--version"]).status !== 0) return undefined;
  const { server, client } = await startServer();
  for (let i = 0; i < 1000; i++) await client.set(`key:${i}`, "x".repeat(200));
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    for (let i = 0; i < TRIPS; i++)
      if ((await client.get(`key:${i % 1000}`)).length !== 200) throw new Error("no value");
    best = Math.min(best, ((performance.now() - begun) * 1000) / TRIPS);
  }
  client.destroy();
  server.kill();
  return best;
}

/** RSS, in bytes: of one worker on a memory of 1 GiB that it has read, of eight, and what seven more workers take without any. */
export async function rssOfWorkers() {
  const rss = async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return process.memoryUsage.rss();
  };
  const memory = openMemorySync({
    nodes: { dram: { kind: "dram", size: GIB } },
    shared: true,
    seed: 1,
    pretouch: "wait",
  });
  const cache = memory.cache({ name: "c", codec: "bytes", maxSize: "256MiB", heap: 0 });
  for (let i = 0; i < 20_000; i++) cache.set(`key:${i}`, Buffer.alloc(4000, i));
  memory.map("512MiB", { name: "r" }).fill(1);
  const workers = [];
  const add = async (n, data) => {
    const more = Array.from({ length: n }, () => start(data));
    workers.push(...more);
    await Promise.all(more.map(said));
    return rss();
  };
  const none = await rss();
  const own = await add(7, { job: "reader" });
  const one = await add(1, { job: "reader", memory: memory.descriptor() });
  const eight = await add(7, { job: "reader", memory: memory.descriptor() });
  await Promise.all(workers.map((worker) => worker.terminate()));
  await memory.close();
  return { base: own - none, one: one - (own - none), eight: eight - (own - none) };
}
