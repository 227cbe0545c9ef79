/**
 * `npm run bench:memories`: what slower memories give, as ratios of two things measured in one run, printed as one JSON object.
 *
 *     node bench/memories.mjs [NAME ...]    all of them, or those named: rss, file, remote, zswap
 *
 * rss: entries that a cache holds in the same growth of the process's RSS, lieu with DRAM and compressed pages against lru-cache
 * with the same strings of JSON (objects would take it more). Each in a process of its own, three times; the medians count. Bar: 2.
 *
 * file: swap in a file, beside the same file system without lieu. Pages that are swapped out in order (from frames in no order), in bytes a second of what plain
 * writes of 1 MiB from one buffer to another file reach (bar: half); a page that is swapped in at random, in times of a plain pread of 4 KiB of the same
 * bytes of the same file, in the same order, to a buffer as large (bar: 1.3). Beside it what it is of a pread of the file that was written 1 MiB at a
 * time, which the system keeps in larger pieces. In turns, which of the two reads is first in turns too, the best of fifteen each: koffi is loaded after 16,384 pages (swap/file-pages.ts).
 *
 * zswap: compressed pages of JSON, HTML and text (zswap.mjs): a fault and a store in times of the codec alone (bars: 2.5), and how many lie in
 * a page of the pool (bar: 2.5), beside what the codec makes of each alone.
 *
 * remote: swap on a server on the loopback interface, beside its client (remote.mjs). Bars: 50,000 pages/s out, 1.5 times the client's own GET
 * in. Left out where there is no redis-server.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { recordOf as demoRecordOf } from "../dist/cli/demo-records.js";

const MIB = 2 ** 20;
const RUNS = 3;
const GROWTH = 192;
/** Records of the demo, with as many actions as make about 1 KB. */
const recordOf = (key) => demoRecordOf(key, 12);

/** What RSS has grown by since `before`, once the collector has been. */
const grown = (before) => {
  globalThis.gc();
  return process.memoryUsage.rss() - before;
};
/** What any program that makes strings grows by is not the cache's. */
function warmUp() {
  let length = 0;
  for (let i = 0; i < 50_000; i++) length += recordOf(i).length;
  globalThis.gc();
  return length / 50_000;
}

const JOBS = {
  async lru() {
    const { LRUCache } = await import("lru-cache");
    const cache = new LRUCache({ max: 2 ** 22 });
    const bytes = warmUp();
    const before = process.memoryUsage.rss();
    let i = 0;
    while (i % 2000 !== 0 || i === 0 || grown(before) < GROWTH * MIB) cache.set(`user:${i}`, recordOf(i++));
    return { entries: cache.size, bytes, rss: grown(before) };
  },
  async lieu() {
    const { openMemorySync } = await import("../dist/index.js");
    const bytes = warmUp();
    const before = process.memoryUsage.rss();
    const [dram, zswap] = [32, GROWTH - 48];
    const memory = openMemorySync({
      nodes: { dram: { kind: "dram", size: dram * MIB } },
      zswap: { size: zswap * MIB },
    });
    const cache = memory.cache({ codec: "string" });
    // Until it holds no more.
    for (let i = 0, most = 0, at = 0; i < at + 100_000; i++) {
      cache.set(`user:${i}`, recordOf(i));
      if (cache.size > most) [most, at] = [cache.size, i];
    }
    const { nr_zswapped, nr_zspages } = memory.vmstat();
    let wrong = 0;
    for (const key of cache.keys()) if (cache.peek(key) !== recordOf(Number(key.slice(5)))) wrong++;
    return { entries: cache.size, bytes, rss: grown(before), packed: nr_zswapped / nr_zspages, wrong };
  },
};

/** What swap in a file takes beside the file system alone. */
JOBS.file = async () => {
  const { openMemorySync } = await import("../dist/index.js");
  const path = join(tmpdir(), `lieu-bench-${process.pid}`);
  const size = 64 * MIB;
  const fd = openSync(path, "wx+");
  unlinkSync(path);
  ftruncateSync(fd, size);
  // As large as what is swapped, so that its bytes are no nearer to the processor.
  const plain = Buffer.alloc(size, 5);
  const swap = { kind: "file", path: `${path}.swap`, size: 2 * size, keep: true };
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: 2 * size } }, swap: [swap] });
  const swapFd = openSync(swap.path, "r");
  const region = memory.map(size);
  const order = Array.from({ length: size / 4096 }, (_, i) => (i * 7919) % (size / 4096));
  const best = {};
  const timed = (name, action) => {
    const start = performance.now();
    action();
    const seconds = (performance.now() - start) / 1000;
    best[name] = Math.min(best[name] ?? Infinity, seconds);
  };
  for (let round = 0; round < 15; round++) {
    for (let at = 0; at < size; at += 4096) region.writeInt32(at, at ^ round);
    timed("write", () => {
      for (let at = 0; at < size; at += MIB) writeSync(fd, plain, at, MIB, at);
    });
    timed("out", () => region.advise("pageout"));
    // Slots are handed out from one end to the other: these pages have one half of them in this round, the other in the next. The file's first page is not a slot.
    const first = 4096 + (round % 2) * size;
    const preads = (name, fd, first) =>
      timed(name, () => {
        for (const n of order) readSync(fd, plain, n * 4096, 4096, first + n * 4096);
      });
    const swapIn = () =>
      timed("in", () => {
        for (const n of order) if (region.readInt32(n * 4096) !== ((n * 4096) ^ round)) throw new Error("wrong byte");
      });
    preads("readOther", fd, 0);
    if (round % 4 < 2) preads("read", swapFd, first);
    swapIn();
    if (round % 4 >= 2) preads("read", swapFd, first);
    // The very bytes that were in swap.
    if (plain.readInt32LE(4096 * 5) !== ((4096 * 5) ^ round)) throw new Error("not the pages that were swapped");
    plain.fill(5);
  }
  closeSync(swapFd);
  closeSync(fd);
  await memory.close();
  return best;
};

JOBS.zswap = async () => (await import("./zswap.mjs")).zswapJob();
JOBS.remote = async () => (await import("./remote.mjs")).remoteJob();

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
function runJob(name) {
  process.stderr.write(`${name} …\n`);
  const args = ["--expose-gc", fileURLToPath(import.meta.url), "--job", name];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

const SUITES = {
  file() {
    const best = runJob("file");
    const out = best.write / best.out;
    const back = best.in / best.read;
    return {
      "file swap, out in order: bytes/s of plain 1 MiB writes": { value: out, bar: 0.5, holds: out >= 0.5 },
      "file swap, in at random: time of a plain 4 KiB pread": {
        value: back,
        bar: 1.3,
        holds: back <= 1.3,
        "of a pread of the other file": best.in / best.readOther,
      },
    };
  },
  remote() {
    if (spawnSync("redis-server", ["--version"]).status !== 0) {
      process.stderr.write("remote: left out, needs redis-server: apt-get install redis-server\n");
      return {};
    }
    const best = runJob("remote");
    const back = best.in / best.get;
    return {
      "remote swap, out in order: pages/s": { value: best.out, bar: 50_000, holds: best.out >= 50_000 },
      "remote swap, in at random: time of the client's GET": { value: back, bar: 1.5, holds: back <= 1.5 },
      "remote swap, us": { in: best.in, GET: best.get },
    };
  },
  zswap() {
    const rows = {};
    for (const [name, us] of Object.entries(runJob("zswap"))) {
      const fault = us.fault / us.decompress;
      const store = us.store / us.compress;
      const sizes = { codec: us.codec };
      rows[`zswap, ${name}: fault / decompress alone`] = { value: fault, bar: 2.5, holds: fault <= 2.5 };
      rows[`zswap, ${name}: store / compress alone`] = { value: store, bar: 2.5, holds: store <= 2.5 };
      rows[`zswap, ${name}: pages in a page of the pool`] = {
        value: us.packed,
        bar: 2.5,
        holds: us.packed >= 2.5,
        ...sizes,
      };
    }
    return rows;
  },
  rss() {
    const runs = Array.from({ length: RUNS }, () => ({ lru: runJob("lru"), lieu: runJob("lieu") }));
    const per = (name) => median(runs.map((run) => run[name].entries / (run[name].rss / MIB)));
    const ratio = per("lieu") / per("lru");
    const packed = median(runs.map((run) => run.lieu.packed));
    const wrong = runs.reduce((n, run) => n + run.lieu.wrong, 0);
    return {
      "entries in the same RSS, DRAM + zswap / lru-cache": { value: ratio, bar: 2, holds: ratio >= 2 && wrong === 0 },
      "entries a MiB of RSS": { lieu: per("lieu"), "lru-cache": per("lru"), bytes: runs[0].lieu.bytes },
      "pages of these records in a page of the pool": { value: packed },
    };
  },
};

if (process.argv[2] === "--job") process.stdout.write(JSON.stringify(await JOBS[process.argv[3]]()));
else {
  const wanted = process.argv.slice(2);
  const results = {};
  for (const name of Object.keys(SUITES)) {
    if (wanted.length === 0 || wanted.includes(name)) Object.assign(results, SUITES[name]());
  }
  const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model, cpus: cpus().length };
  const missed = Object.keys(results).filter((name) => results[name].holds === false);
  process.stdout.write(`${JSON.stringify({ machine, results, missed }, null, 2)}\n`);
}
