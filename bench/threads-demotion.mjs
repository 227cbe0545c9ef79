/**
 * Gets and sets while pages are demoted and swapped to a file all the time, by whoever comes next (kswapd: "inline") and by a thread of its own: how long the
 * slowest of them take, and so how long the event loop stands, and how many sets are made in a second. Part of `npm run bench:threads`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMemory } from "../dist/index.js";

const KEYS = 120_000;
const VALUE = 1000;
const ROUNDS = 5;
const OPS = 60_000;
/** After so many operations the event loop has its turn, as between two requests. */
const REQUEST = 20;

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

/** Both modes at once, in turns: { inline: { get, set, longest, sets }, thread: … }, microseconds and sets a second, the best of some rounds. */
export async function beside() {
  const folder = mkdtempSync(join(tmpdir(), "lieu-bench-"));
  const best = {};
  const opened = {};
  for (const kswapd of ["inline", "thread"]) {
    const memory = await openMemory({
      nodes: { dram: { kind: "dram", size: "32MiB" }, slow: { kind: "dram", size: "32MiB", tier: 1 } },
      swap: [{ kind: "file", path: join(folder, kswapd), size: "256MiB" }],
      ...{ kswapd, shared: true, seed: 1, pretouch: "wait" },
    });
    const cache = memory.cache({ name: "c", codec: "bytes", maxSize: "220MiB", heap: 0 });
    opened[kswapd] = { memory, cache, at: 0, x: 1 };
    best[kswapd] = { get: Infinity, set: Infinity, longest: Infinity, sets: 0 };
    for (let i = 0; i < KEYS; i++) {
      cache.set(`key:${i}`, Buffer.alloc(VALUE, i));
      if (i % REQUEST === 0) await turn();
    }
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [kswapd, state] of Object.entries(opened)) keepBest(best[kswapd], await measure(state));
  }
  for (const { memory } of Object.values(opened)) await memory.close();
  rmSync(folder, { recursive: true });
  return best;
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

function keepBest(best, { get, set, longest, sets }) {
  best.get = Math.min(best.get, get);
  best.set = Math.min(best.set, set);
  best.longest = Math.min(best.longest, longest);
  best.sets = Math.max(best.sets, sets);
}
async function measure(state) {
  const { cache } = state;
  const value = Buffer.alloc(VALUE, 7);
  const [gets, sets] = [[], []];
  const random = (n) => {
    state.x = (Math.imul(state.x, 1664525) + 1013904223) >>> 0;
    return Math.floor((state.x / 2 ** 32) * n);
  };
  let setting = 0;
  for (let i = 0; i < OPS; i++) {
    // New keys go in at one end; what is got is skewed to the young.
    const young = state.at - 1 - Math.floor((random(1000) / 1000) ** 3 * KEYS);
    const before = performance.now();
    if (i % 2 === 0) cache.set(`key:${state.at++ % KEYS}`, value);
    else cache.get(`key:${((young % KEYS) + KEYS) % KEYS}`);
    const took = performance.now() - before;
    if (i % 2 === 0) setting += took;
    (i % 2 === 0 ? sets : gets).push(took * 1000);
    if (i % REQUEST === 0) await turn();
  }
  const ordered = [gets, sets].map((times) => Float64Array.from(times).sort());
  const [get, set] = ordered.map((times) => quantile(times, 0.999));
  const longest = Math.max(...ordered.map((times) => times.at(-1)));
  return { get, set, longest, sets: sets.length / (setting / 1000) };
}
