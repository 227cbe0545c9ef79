/**
 * One memory for several threads: what its lock costs a thread that has it to itself, what several threads do at a time, how long the slowest
 * operations take beside demotion (threads-demotion.mjs), and what a get costs beside asking another thread, or a server, for the value (threads-peers.mjs).
 *
 *     npm run bench:threads
 */
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { attachMemory, openMemorySync } from "../dist/index.js";
import { beside } from "./threads-demotion.mjs";
import { messageTrip, redisTrip, rssOfWorkers } from "./threads-peers.mjs";

const KEYS = 20_000;
const ROUNDS = 9;
const MS = 60;

/** Nanoseconds an operation: the least of some rounds of each, the rounds of all taking turns. */
function compare(rows) {
  const best = rows.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    rows.forEach(({ work }, i) => {
      let ops = 0;
      const before = process.cpuUsage();
      const end = performance.now() + MS;
      while (performance.now() < end) ops += work();
      const { user, system } = process.cpuUsage(before);
      best[i] = Math.min(best[i], ((user + system) * 1000) / ops);
    });
  }
  return best;
}

function open(shared, shards = 1) {
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "64MiB" } }, seed: 1, shared, shards });
  const cold = memory.cache({ name: "cold", codec: "bytes", maxSize: "24MiB", heap: 0 });
  const hot = memory.cache({ name: "hot", codec: "bytes", maxSize: "8MiB", heap: "1MiB" });
  const region = memory.map("8MiB", { name: "region" });
  const value = Buffer.alloc(200, 7);
  for (let i = 0; i < KEYS; i++) cold.set(`key:${i}`, value);
  for (let i = 0; i < 1000; i++) hot.set(`key:${i}`, value);
  region.fill(1);
  return { memory, cold, hot, region, value };
}

const keys = Array.from({ length: KEYS }, (_, i) => `key:${i}`);

function works({ cold, hot, region, value }) {
  let k = 1;
  const next = (n) => {
    k = (Math.imul(k, 1103515245) + 12345) >>> 0;
    return k % n;
  };
  const many = (op) => () => {
    for (let i = 0; i < 200; i++) op(i);
    return 200;
  };
  return {
    "get, 200 bytes, from the node": many(() => cold.get(keys[next(KEYS)])),
    "set, 200 bytes": many(() => cold.set(keys[next(KEYS)], value)),
    "nine gets, one set": many((i) => (i % 10 === 9 ? cold.set(keys[next(KEYS)], value) : cold.get(keys[next(KEYS)]))),
    "get, held on the heap": many(() => hot.get(keys[next(1000)])),
    "region.readInt32()": many(() => region.readInt32(next(2_000_000) * 4)),
    "region.writeInt32()": many(() => region.writeInt32(next(2_000_000) * 4, 1)),
  };
}

if (!isMainThread) await work();
else await main();

async function work() {
  const memory = await attachMemory(workerData.memory);
  const things = {
    cold: memory.cache("cold", { codec: "bytes", heap: 0 }),
    hot: memory.cache("hot", { codec: "bytes", heap: "1MiB" }),
    region: memory.region("region"),
    value: Buffer.alloc(200, 7),
  };
  const all = works(things);
  parentPort.on("message", ({ name, ms }) => {
    let ops = 0;
    const end = performance.now() + ms;
    while (performance.now() < end) ops += all[name]();
    parentPort.postMessage(ops);
  });
  parentPort.postMessage("ready");
}

async function main() {
  const alone = open(false);
  const shared = open(true);
  const [a, s] = [works(alone), works(shared)];
  console.log("One thread, ns an operation (process time)        unshared   shared");
  for (const name of Object.keys(a)) {
    const [un, sh] = compare([{ work: a[name] }, { work: s[name] }]);
    console.log(
      `  ${name.padEnd(44)} ${un.toFixed(1).padStart(10)} ${sh.toFixed(1).padStart(8)}   x${(sh / un).toFixed(2)}`,
    );
  }

  await together("Workers, million operations a second", shared, Object.keys(a));
  const spread = open(true, 8);
  await together("The same on eight shards", spread, Object.keys(a));
  await spread.memory.close();
  const [get] = compare([{ work: s["get, 200 bytes, from the node"] }]);
  await shared.memory.close();
  await alone.memory.close();

  const { inline, thread } = await beside();
  const row = (name, a, b, digits = 0) =>
    console.log(
      `  ${name.padEnd(44)} ${a.toFixed(digits).padStart(10)} ${b.toFixed(digits).padStart(8)}   x${(b / a).toFixed(2)}`,
    );
  console.log("\nBeside demotion and swap to a file, best of five        inline   thread");
  row("get, 99.9 of 100, microseconds", inline.get, thread.get, 1);
  row("set, 99.9 of 100", inline.set, thread.set, 1);
  row("the longest of all", inline.longest, thread.longest);
  row("sets a second", inline.sets, thread.sets);

  const message = await messageTrip();
  const redis = await redisTrip();
  const times = (us) => `${us.toFixed(1)} us, x${((us * 1000) / get).toFixed(0)}`;
  console.log(`\nA shared get: ${get.toFixed(0)} ns; a key and its value by message: ${times(message)}`);
  if (redis !== undefined) console.log(`  a GET of Redis on loopback: ${times(redis)}`);
  const { base, one, eight } = await rssOfWorkers();
  const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  console.log(
    `RSS with a memory of 1 GiB: one worker ${mib(one)}, eight ${mib(eight)}, of which seven workers' own ${mib(base)}:`,
  );
  console.log(`  x${((eight - base) / one).toFixed(3)} without that`);
}

/** What one worker does in a second, and two. */
async function together(title, { memory }, names) {
  const workers = Array.from(
    { length: Math.min(2, availableParallelism()) },
    () => new Worker(new URL(import.meta.url), { workerData: { memory: memory.descriptor() } }),
  );
  const said = (worker) => new Promise((resolve) => worker.once("message", resolve));
  await Promise.all(workers.map(said));
  const run = async (some, name, ms) => {
    const all = some.map((worker) => {
      const got = said(worker);
      worker.postMessage({ name, ms });
      return got;
    });
    return (await Promise.all(all)).reduce((sum, n) => sum + n, 0) / ms / 1000;
  };
  console.log(`\n${title.padEnd(46)}        one      two`);
  for (const name of names) {
    let [one, two] = [0, 0];
    for (let round = 0; round < 5; round++) {
      one = Math.max(one, await run(workers.slice(0, 1), name, 150));
      two = Math.max(two, await run(workers, name, 150));
    }
    console.log(
      `  ${name.padEnd(44)} ${one.toFixed(2).padStart(10)} ${two.toFixed(2).padStart(8)}   x${(two / one).toFixed(2)}`,
    );
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
}
