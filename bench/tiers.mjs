/**
 * `npm run bench:tiers`: what a tier below costs a cache whose operations do not need it, and one that fills it. Printed as one JSON object;
 * ratios of two memories of the same nodes in one process, in turns; times are CPU time of the process.
 *
 *     node bench/tiers.mjs [BYTES ...]    sizes of values; 300, 1000 and 4000 if none is given
 *
 * get: all that is asked for fits the nodes; with a swap file below them, and without. The mean (bar: 1.05), and what 99 of 100 gets take at most (1.2).
 *
 * set: new keys, one after another, once all is full: with a slower node below a fast one, where the coldest goes, and with the fast one alone, where it
 * is dropped (bar: 1.2). And with a swap file below both nodes, and without (1.2): `writingAlone` is what the file system takes, for a set, to write
 * as many pages.
 */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { openMemorySync } from "../dist/index.js";
import { alternate, atMost, cpuTime } from "./measure.mjs";

const MIB = 2 ** 20;
const FAST = 32 * MIB;
const SLOW = 64 * MIB;
const SWAP = 1536 * MIB;
const ROUNDS = 9;
const OUT = Buffer.alloc(8192);
let files = 0;

/** A cache over these nodes, and a swap file of so many bytes; 0 = none. */
function side(nodes, swap) {
  const path = join(tmpdir(), `lieu-bench-tiers-${process.pid}-${files++}`);
  const memory = openMemorySync({ nodes, swap: swap > 0 ? [{ kind: "file", path, size: swap }] : [] });
  const cache = memory.cache({ codec: "bytes", heap: 0 });
  return {
    memory,
    cache,
    close() {
      memory[Symbol.dispose]();
      rmSync(path, { force: true });
    },
  };
}
const fast = { fast: { kind: "dram", size: FAST } };
const both = { ...fast, slow: { kind: "dram", size: SLOW, tier: 1 } };

/** Functions of its own for each side, so that no call site sees two. */
const getter = () =>
  new Function(
    "cache",
    "names",
    "out",
    "from",
    "n",
    "for (let i = from; i < from + n; i++) cache.getInto(names[(i * 40503) % names.length], out)",
  );
const setter = () =>
  new Function("cache", "value", "from", "n", "for (let i = from; i < from + n; i++) cache.set('key ' + i, value)");

function gets(bytes) {
  const n = 100_000;
  const names = Array.from({ length: Math.floor((0.6 * (FAST + SLOW)) / (bytes + 60)) }, (_, i) => `key ${i}`);
  const sides = { without: side(both, 0), with: side(both, SWAP) };
  const cases = {};
  for (const [name, { cache }] of Object.entries(sides)) {
    const value = Buffer.alloc(bytes, 7);
    for (const key of names) cache.set(key, value);
    const get = getter();
    let at = 0;
    cases[name] = [
      () => {
        get(cache, names, OUT, at, n);
        at += n;
      },
      n,
    ];
    cases[`${name}, 99th`] = [
      () => {
        const times = new Float64Array(20_000);
        for (let i = 0; i < times.length; i++) {
          const start = performance.now();
          get(cache, names, OUT, at++, 1);
          times[i] = performance.now() - start;
        }
        return 1e6 * times.sort()[Math.floor(0.99 * times.length)];
      },
      1,
    ];
  }
  const r = alternate(cases, ROUNDS);
  for (const it of Object.values(sides)) it.close();
  return {
    [`get of ${bytes} bytes, all in the nodes: swap below / none`]: atMost(r.with.median / r.without.median, 1.05, {
      ns: r,
    }),
    [`get of ${bytes} bytes, all in the nodes, 99 of 100 within: swap below / none`]: atMost(
      r["with, 99th"].median / r["without, 99th"].median,
      1.2,
    ),
  };
}

/** What the file system alone takes for `pages` pages, 128 KiB at a time, ns. */
function plainWrites(pages) {
  const path = join(tmpdir(), `lieu-bench-tiers-${process.pid}-plain`);
  const fd = openSync(path, "w");
  const piece = Buffer.alloc(128 * 1024, 5);
  const ns = cpuTime(() => {
    for (let at = 0; at < pages * 4096; at += piece.length) writeSync(fd, piece, 0, piece.length, at);
  });
  closeSync(fd);
  rmSync(path);
  return ns;
}

function sets(bytes, what, sides) {
  const n = Math.ceil((16 * MIB) / bytes);
  const cases = {};
  const full = Math.ceil((1.5 * (FAST + SLOW)) / bytes);
  for (const [name, { cache }] of Object.entries(sides)) {
    const value = Buffer.alloc(bytes, 7);
    const set = setter();
    set(cache, value, 0, full);
    let at = full;
    cases[name] = [
      () => {
        set(cache, value, at, n);
        at += n;
      },
      n,
    ];
  }
  const before = sides.sinks.memory.vmstat().pswpout;
  const ns = alternate(cases, ROUNDS);
  const { pswpout, pgmigrate_success } = sides.sinks.memory.vmstat();
  if (pswpout + pgmigrate_success === 0) throw new Error("nothing sank");
  const written = pswpout - before;
  const sunk = n * (ROUNDS + 1);
  const writing = written > 0 ? { writingAlone: Math.round(plainWrites(written) / sunk), pages: written / sunk } : {};
  for (const it of Object.values(sides)) it.close();
  return {
    [`set of ${bytes} bytes, ${what}: sinking / dropping`]: atMost(ns.sinks.median / ns.drops.median, 1.2, {
      ns,
      ...writing,
    }),
  };
}

const sizes = process.argv.slice(2).map(Number);
const results = {};
for (const bytes of sizes.length > 0 ? sizes : [300, 1000, 4000]) {
  process.stderr.write(`${bytes} bytes …\n`);
  Object.assign(results, gets(bytes));
  Object.assign(results, sets(bytes, "a swap file below", { drops: side(both, 0), sinks: side(both, SWAP) }));
  Object.assign(results, sets(bytes, "a slower node below", { drops: side(fast, 0), sinks: side(both, 0) }));
}
const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model, cpus: cpus().length };
const missed = Object.keys(results).filter((name) => results[name].holds === false);
process.stdout.write(`${JSON.stringify({ machine, results, missed }, null, 2)}\n`);
