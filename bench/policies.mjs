/**
 * `npm run bench:policies`: object miss ratios of lieu's cache on real traces, at equal bytes, beside those of other
 * policies; what becomes of them when the same bytes are split over a fast and a slow node; and what a swap file under
 * such nodes costs them.
 *
 *     node bench/policies.mjs [--traces DIR] [--only NAME,...] [--parts policies,swap] [--seed N] [--json FILE] [--check]
 *
 * DIR holds .mtr.gz traces (the repository's own by default). If it has a reference-miss-ratios.json, that is compared
 * with; otherwise LRU and S3-FIFO are simulated here. All of lieu's bytes count, index, ghosts and metadata included; of the
 * others' only the objects' do. A trace whose cache would not fit one memory is scaled down, sizes and cache alike. What is left to chance, candidates
 * and where keys lie, follows from the seed, 1 by default.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { openTrace } from "../dist/trace/open.js";
import { lruMissRatio, s3FifoMissRatio } from "./policies/reference.mjs";
import { replay } from "./policies/replay.mjs";
import { overSwap } from "./policies/swap.mjs";

const FRACTIONS = [0.01, 0.03, 0.1, 0.25, 0.5];
const LARGEST = 1.5 * 2 ** 30;
/** Nodes over swap, as parts of the footprint, and the largest footprint that is not scaled down. */
const NODES = [0.03, 0.1, 0.25];
const LARGEST_SWAP = 300 * 2 ** 20;
const here = dirname(fileURLToPath(import.meta.url));

const { values: options } = parseArgs({
  options: {
    traces: { type: "string" },
    only: { type: "string" },
    parts: { type: "string", default: "policies,swap" },
    seed: { type: "string", default: "1" },
    json: { type: "string" },
    check: { type: "boolean" },
  },
});
const dir = options.traces ?? join(here, "..", "traces");
const given = join(dir, "reference-miss-ratios.json");
const references = existsSync(given) ? JSON.parse(readFileSync(given, "utf8")).traces : {};

/** Miss ratios of others by policy, one a fraction, and the caches' bytes. */
function referenceOf(name, trace) {
  if (references[name] !== undefined) {
    const { cacheBytes, objectMissRatio } = references[name];
    const real = Object.entries(objectMissRatio).filter(([policy]) => !policy.startsWith("Belady"));
    return { cacheBytes, policies: Object.fromEntries(real) };
  }
  const footprint = trace.size.reduce((sum, n) => sum + n, 0);
  const cacheBytes = FRACTIONS.map((f) => Math.floor(footprint * f));
  return {
    cacheBytes,
    policies: {
      LRU: cacheBytes.map((bytes) => lruMissRatio(trace, bytes)),
      S3FIFO: cacheBytes.map((bytes) => s3FifoMissRatio(trace, bytes)),
    },
  };
}

const parts = options.parts.split(",");
const seed = Number(options.seed);
function scaled(trace, by) {
  return by === 1 ? trace : { ...trace, size: trace.size.map((n) => Math.max(1, Math.round(n / by))) };
}

const rows = [];
const swapRows = [];
for (const file of readdirSync(dir)
  .filter((f) => f.endsWith(".mtr.gz"))
  .sort()) {
  const name = basename(file, ".mtr.gz");
  if (options.only !== undefined && !options.only.split(",").some((n) => name.startsWith(n))) continue;
  const { key, size, keys } = await openTrace(join(dir, file));
  const trace = { key, size, keys };
  if (parts.includes("swap")) {
    const whole = trace.size.reduce((sum, n) => sum + n, 0);
    let by = 1;
    while (whole / by > LARGEST_SWAP) by *= 2;
    for (const part of NODES) {
      // Below this, the nodes are little but what the engine keeps free.
      if ((whole / by) * part < 256 * 4096) continue;
      process.stderr.write(`${name}, nodes of ${part * 100} % over swap …\n`);
      swapRows.push({
        trace: name,
        nodes: part,
        scaledBy: by,
        ...overSwap(scaled(trace, by), whole / by, (whole / by) * part, seed),
      });
    }
  }
  if (!parts.includes("policies")) continue;
  const { cacheBytes, policies } = referenceOf(name, trace);
  let by = 1;
  while (cacheBytes.at(-1) / by > LARGEST) by *= 2;
  const small = scaled(trace, by);
  cacheBytes.forEach((bytes, i) => {
    if (bytes / by < 64 * 4096) return;
    process.stderr.write(`${name} ${FRACTIONS[i] * 100} % …\n`);
    const one = replay(small, bytes / by, "single", seed);
    const two = replay(small, bytes / by, "tiers", seed);
    const fast = bytes / by / 5 < 20 * 4096 ? undefined : replay(small, bytes / by, "dram only", seed);
    const others = Object.fromEntries(Object.entries(policies).map(([policy, ratios]) => [policy, ratios[i]]));
    rows.push({
      trace: name,
      fraction: FRACTIONS[i],
      scaledBy: by,
      lieu: one.missRatio,
      others,
      tiers: two.missRatio,
      tierRatio: two.missRatio / one.missRatio,
      fastShare: fast === undefined ? undefined : two.fastRatio / (1 - fast.missRatio),
      discarded: two.discarded,
    });
  });
}

const mean = (list) => list.reduce((sum, n) => sum + n, 0) / list.length;
const f4 = (n) => (n === undefined ? "-" : n.toFixed(4));
const plain = (head) => new Table({ head, style: { head: [], border: [] } });
const bars = {};

if (rows.length > 0) {
  // Of policies whose ratios are known for every trace.
  const policies = Object.keys(rows[0].others).filter((p) => rows.every((r) => r.others[p] !== undefined));
  const best = Math.min(...policies.map((p) => mean(rows.map((r) => r.others[p]))));
  bars["each cell <= LRU + 0.005"] = rows.every((r) => r.lieu <= r.others.LRU + 0.005);
  bars["mean <= best single policy's mean - 0.005"] = mean(rows.map((r) => r.lieu)) <= best - 0.005;
  bars["tiers' misses <= 1.02 x single tier's"] = rows.every((r) => r.tierRatio <= 1.02);
  bars["fast node serves >= 90 % of a DRAM-only cache's hits"] = rows.every((r) => (r.fastShare ?? 1) >= 0.9);
  bars["nothing discarded while a lower tier has room"] = rows.every((r) => r.discarded === 0);
  const table = plain([
    "trace",
    "cache",
    "lieu",
    "LRU",
    "best other",
    "tiers",
    "/ single",
    "fast / DRAM only",
    "discards",
  ]);
  for (const r of rows) {
    const other = Math.min(...Object.values(r.others));
    const which = Object.keys(r.others).find((p) => r.others[p] === other);
    const cells = [`${r.fraction * 100} %`, f4(r.lieu), f4(r.others.LRU), `${f4(other)} ${which}`, f4(r.tiers)];
    table.push([r.trace, ...cells, r.tierRatio.toFixed(3), r.fastShare?.toFixed(2) ?? "-", r.discarded]);
  }
  const means = [`${f4(mean(rows.map((r) => r.lieu)))}`, f4(mean(rows.map((r) => r.others.LRU)))];
  table.push(["mean", "", ...means, `${f4(best)} of one policy`, f4(mean(rows.map((r) => r.tiers))), "", "", ""]);
  process.stdout.write(`${table}\n`);
}

if (swapRows.length > 0) {
  bars["over swap the nodes serve >= 97 % of what they do alone"] = swapRows.every((r) => r.near >= 0.97);
  bars["over swap the fast node serves >= 95 % of what it does alone"] = swapRows.every((r) => r.fast >= 0.95);
  bars["pages read from swap <= 1.1 x those that the nodes alone miss"] = swapRows.every((r) => r.read <= 1.1);
  bars["bytes written to swap <= 1.5 x those that had to leave"] = swapRows.every((r) => r.written <= 1.5);
  const table = plain([
    "trace",
    "nodes",
    "nodes' hits / alone",
    "fast / alone",
    "read / missed",
    "written / left",
    "misses / alone",
  ]);
  for (const r of swapRows) {
    const numbers = [r.near, r.fast, r.read, r.written, r.fetched].map((n) => n.toFixed(3));
    table.push([r.trace, `${r.nodes * 100} %`, ...numbers]);
  }
  process.stdout.write(`${table}\n`);
}

for (const [bar, holds] of Object.entries(bars))
  process.stdout.write(`${holds ? "holds      " : "falls short"}  ${bar}\n`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ rows, swapRows, bars }, null, 2)}\n`);
if (options.check && Object.values(bars).includes(false)) process.exit(1);
