/**
 * `npm run bench:peers`: lieu's cache beside others, each with what a user of the other would miss: the losses are in the
 * table too. Every measurement is a process of its own; the two sides of a row take turns, and the medians count. Times
 * are wall-clock times. What is printed is Markdown.
 *
 *     node bench/peers.mjs [--only NAME,...] [--quick] [--full] [--scale X] [--traces DIR] [--json FILE] [--check]
 *
 * --quick    fewer rounds, nothing with 5 M entries or more
 * --full     also what takes very long or very much memory: lru-cache with 10 M entries, every peer with 5 M
 * --scale    part of all entries and operations, for a look at whether it runs
 * --check    exit 1 where a bar is missed
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installedPeers } from "./peers/caches.mjs";
import { runJob } from "./peers/run.mjs";
import { evict, evict10m } from "./peers/suite-evict.mjs";
import { get, hot, overwrite, strings } from "./peers/suite-get.mjs";
import { heap, heap1m } from "./peers/suite-heap.mjs";
import { lmdb } from "./peers/suite-lmdb.mjs";
import { matrixTable, measureMatrix } from "./peers/suite-matrix.mjs";
import { mixed } from "./peers/suite-mixed.mjs";
import { traces } from "./peers/suite-traces.mjs";
import { skipped, toMarkdown } from "./peers/table.mjs";

const SUITES = {
  evict,
  "evict-10m": evict10m,
  overwrite,
  get,
  hot,
  strings,
  heap,
  "heap-1m": heap1m,
  lmdb,
  mixed,
  traces,
};
const NAMES = [...Object.keys(SUITES), "matrix"];

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: NAMES.join(",") },
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    scale: { type: "string", default: "1" },
    traces: { type: "string", default: fileURLToPath(new URL("../traces/", import.meta.url)) },
    json: { type: "string" },
    check: { type: "boolean", default: false },
  },
});
const wanted = options.only.split(",");
const unknown = wanted.find((name) => !NAMES.includes(name));
if (unknown !== undefined) throw new Error(`there is no ${unknown}; there are ${NAMES.join(", ")}`);
const scale = Number(options.scale);
if (!(scale > 0 && scale <= 1)) throw new Error(`--scale is ${options.scale}; give a number over 0, at most 1`);

const installed = installedPeers();
const rooms = new Map();

/** What the suites share. */
const context = {
  quick: options.quick,
  full: options.full,
  traces: options.traces,
  installed,
  rounds: (n) => (options.quick ? Math.min(n, 2) : n),
  scaled: (n) => Math.max(1000, Math.round(n * scale)),
  entries: (n) => (n >= 1e6 ? `${n / 1e6}M` : `${n / 1e3}k`),
  /** lieu and a peer that is installed. */
  with: (peer) => ["lieu", ...context.only(peer)],
  only: (peer) => (installed[peer] ? [peer] : []),
  /** Bytes of `maxSize` that lieu takes for an entry. */
  async room(bytes, strings) {
    const key = `${bytes} ${strings}`;
    if (!rooms.has(key)) rooms.set(key, await runJob("room", { bytes, strings, note: `${bytes} bytes` }));
    return rooms.get(key);
  },
};

const rows = [];
const failed = [];
/** A suite that fails does not take the others' results with it. */
async function attempt(name, suite) {
  try {
    return await suite(context);
  } catch (error) {
    failed.push(name);
    process.stderr.write(`${name}: ${error.stack}\n`);
    rows.push(skipped(name, `failed: ${error.message}`));
    return [];
  }
}

for (const [name, suite] of Object.entries(SUITES)) {
  if (wanted.includes(name)) rows.push(...(await attempt(name, suite)));
}
const matrix = wanted.includes("matrix") ? await attempt("matrix", measureMatrix) : [];

const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model, cpus: cpus().length };
const versions = Object.entries(installed).map(([name, version]) => `${name} ${version ?? "(not installed)"}`);
const parts = [`Node ${machine.node}, ${machine.cpus} x ${machine.cpu}; ${versions.join(", ")}`];
if (rows.length > 0) parts.push(toMarkdown(rows));
if (matrix.length > 0) parts.push(matrixTable(matrix, context.entries));
const missed = rows.filter(({ holds }) => holds === false).map(({ row }) => row);
if (missed.length > 0) parts.push(`Short of their bars: ${missed.length} of ${rows.filter((r) => r.bar).length}.`);
process.stdout.write(`${parts.join("\n\n")}\n`);
if (options.json) {
  const all = { machine, installed, scale, quick: options.quick, rows, matrix, missed, failed };
  writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
}
process.exitCode = failed.length > 0 || (options.check && missed.length > 0) ? 1 : 0;
