/**
 * Replay of a trace as a region with demotion busy (DRAM a third of the footprint): with every byte checked, and without
 * bytes. The trace that ships is used, or the one that LIEU_BENCH_TRACE names. Rates are wall-clock
 * medians of five rounds.
 *
 * And the same bytes under the default beside `linux` and beside no demotion, CPU time, the fastest of five rounds, each at the size of swap at
 * which it is fastest. Both nodes being the machine's DRAM, that is what the engine is told: nothing comes up, and demotion saves swapping alone.
 */
import { fileURLToPath } from "node:url";
import { openMemorySync, simCrank } from "../dist/index.js";
import { zipf } from "../dist/trace/generate.js";
import { openTrace } from "../dist/trace/open.js";
import { replay } from "../dist/trace/replay.js";
import { atLeast, atMost, summary } from "./measure.mjs";

const SHIPPED = fileURLToPath(new URL("../traces/sqlite-session.mtr.gz", import.meta.url));
const ROUNDS = 5;
const NODES = {
  dram: { kind: "dram", size: "33%" },
  slow: { kind: "dram", tier: 1, latency: 100, size: "33%" },
};
const SETTINGS = {
  lieu: { nodes: NODES },
  linux: { nodes: NODES, preset: "linux" },
  "linux, no demotion": { nodes: NODES, preset: "linux", demotion: false },
  "lieu, no demotion": { nodes: NODES, demotion: false },
};

/** Of the footprint: what the nodes leave and a little; all of it; and so much that no slot is looked for. */
const SWAPS = ["40%", "100%", "200%"];

/** A cache of MIB, on one node, or on two that are equally fast: a fifth of it on the first. */
const MIB = 2 ** 20;
const CACHE = 16 * MIB;
const fifth = Math.floor(CACHE / 5);
const POOLS = {
  one: { dram: { kind: "dram", size: CACHE + MIB } },
  two: {
    dram: { kind: "dram", size: fifth + MIB / 2 },
    slow: { kind: "dram", tier: 1, latency: 100, size: CACHE - fifth + MIB / 2 },
  },
};

export async function replayBench() {
  const trace = await openTrace(process.env.LIEU_BENCH_TRACE ?? SHIPPED);
  const rates = { bytes: [], places: [] };
  let last;
  for (let round = 0; round < ROUNDS; round++) {
    last = await replay(trace, { as: "region" });
    if (last.corrupt !== 0 || last.violations !== 0)
      throw new Error(`${last.corrupt} corrupt, ${last.violations} violations`);
    rates.bytes.push(last.requestsPerSecond);
    const places = await replay(trace, { as: "region", bytes: false });
    rates.places.push(places.requestsPerSecond);
  }
  const bytes = summary(rates.bytes);
  const places = summary(rates.places);
  const moved = { trace: trace.name, demoted: last.vmstat.pgdemote_kswapd, promoted: last.vmstat.pgpromote_success };
  const seconds = await presetSeconds(trace);
  const best = (name) => Math.min(...Object.values(seconds[name]));
  const others = Math.min(...Object.keys(SETTINGS).flatMap((name) => (name === "lieu" ? [] : [best(name)])));
  return {
    "replay as region, every byte checked, accesses a second": atLeast(bytes.median, 1e6, { ...bytes, ...moved }),
    "replay as region, no bytes, accesses a second": atLeast(places.median, 5e6, places),
    "replay as region, time beside the fastest of linux and no demotion, each at its best size of swap": atMost(
      best("lieu") / others,
      1,
      { seconds },
    ),
    "cache over two nodes as fast as each other, time beside one node of their bytes": poolBench(),
  };
}

/** CPU seconds of a cache's requests on one node and on two, in turn: what two cost is the bar. */
function poolBench() {
  const { key, size } = zipf({ keys: 60_000, requests: 600_000, alpha: 0.9, size: [100, 2000] });
  const names = Array.from(size, (_, k) => `k${k}`);
  const least = {};
  const misses = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, nodes] of Object.entries(POOLS)) {
      const memory = openMemorySync({ nodes, minFree: "16KiB" }, { crank: simCrank() });
      const cache = memory.cache({ maxSize: CACHE });
      misses[name] = 0;
      const before = process.cpuUsage();
      for (const k of key) {
        if (cache.getBytes(names[k], ignore)) continue;
        misses[name]++;
        cache.setBytes(names[k], size[k], ignore);
      }
      const { user, system } = process.cpuUsage(before);
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, (user + system) / 1e6);
      memory[Symbol.dispose]();
    }
  }
  return atMost(least.two / least.one, 1.1, { seconds: least, misses });
}
function ignore() {}

/** CPU seconds of a replay under each of the settings, by size of swap, in turn. */
async function presetSeconds(trace) {
  const least = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, {}]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const swapSize of SWAPS) {
      for (const [name, options] of Object.entries(SETTINGS)) {
        const before = process.cpuUsage();
        await replay(trace, { as: "region", swapSize, ...options });
        const { user, system } = process.cpuUsage(before);
        least[name][swapSize] = Math.min(least[name][swapSize] ?? Number.POSITIVE_INFINITY, (user + system) / 1e6);
      }
    }
  }
  return least;
}
