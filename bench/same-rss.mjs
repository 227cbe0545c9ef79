/**
 * What compressed pages bring on a trace, beside lru-cache in the same RSS:
 *
 *     node bench/same-rss.mjs TRACE [MIB ...]
 *
 * Each key of the trace has a record of 1 KB of JSON; a miss is followed by a set. Each run is a process, which is asked by how much its RSS has grown. lieu gets
 * an eighth of MIB (32, 44, 56 and 108 if nothing is said) as DRAM and the rest as a pool. lru-cache is run with three numbers of entries, and what it would miss where it grows
 * by as much as lieu is read off the line between the two on either side. What V8 holds at the end differs from run to run by up to 20 MiB: each is the median of five by RSS. Bar: 30 % fewer misses.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { recordOf as demoRecordOf } from "../dist/cli/demo-records.js";
import { openTrace } from "../dist/trace/open.js";

const MIB = 2 ** 20;
const SIZES = [32, 44, 56, 108];
/** Bytes that lru-cache takes for an entry of these, about, and which parts of so many entries it is run with. */
const ENTRY = 1600;
const PARTS = [0.65, 0.95, 1.25];
const RUNS = 5;
/** Requests from one collection to the next: RSS is to be what is held, not what waits to be collected, which would all be to lru-cache's cost. */
const COLLECT = 10_000;
const recordOf = (key) => demoRecordOf(key, 12);

/** The requests of the trace to a cache: the part that it misses, and by how much the process's RSS has grown. */
async function replay(path, open) {
  const { key, requests } = await openTrace(path);
  // What any program that makes strings grows by is not the cache's.
  let length = 0;
  for (let i = 0; i < 50_000; i++) length += recordOf(i).length;
  globalThis.gc();
  const before = process.memoryUsage.rss();
  const cache = await open();
  let misses = 0;
  for (let i = 0; i < requests; i++) {
    if (i % COLLECT === 0) globalThis.gc();
    const name = `user:${key[i]}`;
    const value = cache.get(name);
    if (value === undefined) {
      misses++;
      cache.set(name, recordOf(key[i]));
    } else if (value.length < 500) throw new Error(`${name} is no record`);
  }
  // Pages that V8 has free now it gives back a little later.
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((later) => setTimeout(later, 200));
  }
  return { misses: misses / requests, rss: (process.memoryUsage.rss() - before) / MIB, held: cache.size, length };
}

const JOBS = {
  async lru(path, entries) {
    const { LRUCache } = await import("lru-cache");
    return await replay(path, () => new LRUCache({ max: entries }));
  },
  async lieu(path, mib) {
    const { openMemorySync } = await import("../dist/index.js");
    return await replay(path, () => {
      const dram = Math.round(mib / 8);
      const memory = openMemorySync({
        nodes: { dram: { kind: "dram", size: dram * MIB } },
        zswap: { size: (mib - dram) * MIB },
        pretouch: false,
      });
      return memory.cache({ codec: "string" });
    });
  },
};

function run(name, path, size) {
  process.stderr.write(`${name} ${size} …\n`);
  const args = ["--expose-gc", fileURLToPath(import.meta.url), "--job", name, path, `${size}`];
  const runs = Array.from({ length: RUNS }, () =>
    JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })),
  );
  return runs.toSorted((a, b) => a.rss - b.rss)[RUNS >> 1];
}
/** Misses at that RSS, on the line through the runs on either side; none where it is on one side of all. */
function missesAt(rss, runs) {
  const above = runs.findIndex((run) => run.rss >= rss);
  if (above <= 0) throw new Error(`${rss} MiB is not between lru-cache's ${runs.map((run) => run.rss)}`);
  const [a, b] = [runs[above - 1], runs[above]];
  return a.misses + ((b.misses - a.misses) * (rss - a.rss)) / (b.rss - a.rss);
}

function sameRss(path, sizes = SIZES) {
  const rows = {};
  for (const mib of sizes) {
    const lieu = run("lieu", path, mib);
    const lru = PARTS.map((part) => run("lru", path, Math.round((part * lieu.rss * MIB) / ENTRY)));
    const misses = missesAt(lieu.rss, lru);
    const fewer = 1 - lieu.misses / misses;
    rows[`misses on the trace in ${mib} MiB of DRAM + zswap: fewer than lru-cache in the same RSS`] = {
      value: fewer,
      bar: 0.3,
      holds: fewer >= 0.3,
      lieu: [lieu.rss, lieu.misses],
      "lru-cache": lru.map((r) => [r.rss, r.misses]),
      "lru-cache in the same RSS": misses,
    };
  }
  return rows;
}

if (process.argv[2] === "--job") {
  const [, , , name, path, size] = process.argv;
  process.stdout.write(JSON.stringify(await JOBS[name](path, Number(size))));
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , path, ...sizes] = process.argv;
  if (path === undefined) throw new Error("name a trace: node bench/same-rss.mjs PATH [MIB ...]");
  const rows = sameRss(path, sizes.length > 0 ? sizes.map(Number) : SIZES);
  process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
}
