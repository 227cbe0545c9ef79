/**
 * How right the miss-ratio curve of a live cache is, and what learning it costs:
 *
 *     node bench/curves.mjs [TRACE ...] [--heap BYTES] [--seed N] [--cost]
 *
 * Each trace (the repository's own by default) goes through a cache whose curve is learned meanwhile, and through a whole simulation
 * of LRU with the same bytes an entry, at 1, 2, 3, 5, 10, 25 and 50 % of the footprint. Prints what the curve says and by how many points
 * that is off, then by how much most of any split between two tiers of such sizes. Fails where that is more than one point. `--seed`: another
 * sample. `--cost`: the time of gets with and without, turn by turn; metrics.mjs says it better.
 */
import { parseArgs } from "node:util";
import { openMemorySync, simCrank } from "../dist/index.js";
import { openTrace } from "../dist/trace/open.js";
import { lruMissRatio } from "./policies/reference.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    heap: { type: "string" },
    seed: { type: "string", default: "0" },
    cost: { type: "boolean", default: false },
  },
});
const FRACTIONS = [0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5];
/** Points that it may be off. */
const BAR = 1;
const PAGE = 4096;
/** What the sampler adds to value and key (cache/curve.ts). */
const ENTRY = 30;
const MOST = 1.2 * 2 ** 30;
const ignore = () => {};

function scaled(trace, by) {
  return by === 1 ? trace : { ...trace, size: trace.size.map((n) => Math.max(1, Math.round(n / by))) };
}

function live(trace, bytes, sampling) {
  const pages = Math.floor(bytes / PAGE);
  const crank = simCrank();
  const memory = openMemorySync(
    {
      nodes: { dram: { kind: "dram", size: (pages + 200) * PAGE } },
      minFree: "16KiB",
      seed: Number(options.seed),
      addressSpace: (pages * 8 + 8192) * PAGE,
    },
    { crank },
  );
  const cache = memory.cache({
    maxSize: pages * PAGE,
    codec: "bytes",
    ...(options.heap !== undefined && { heap: Number(options.heap) }),
  });
  if (sampling) cache.curve();
  const names = Array.from(trace.size, (_, k) => `k${k}`);
  const filler = new Uint8Array(8 << 20);
  const begun = process.cpuUsage();
  let n = 0;
  for (const k of trace.key) {
    if (++n % 100 === 0) crank.advance(1);
    if (options.heap === "0") {
      if (!cache.getBytes(names[k], ignore)) cache.setBytes(names[k], trace.size[k], ignore);
    } else if (cache.get(names[k]) === undefined) cache.set(names[k], filler.subarray(0, trace.size[k]));
  }
  const { user, system } = process.cpuUsage(begun);
  const curve = sampling ? cache.curve() : undefined;
  const { hits } = cache.stats();
  memory[Symbol.dispose]();
  return { curve, seconds: (user + system) / 1e6, missRatio: 1 - hits / trace.key.length };
}

const files =
  positionals.length > 0 ? positionals : [new URL("../traces/sqlite-session.mtr.gz", import.meta.url).pathname];
let worst = 0;
for (const file of files) {
  const whole = await openTrace(file);
  let by = 1;
  const footprint = () => whole.size.reduce((sum, n) => sum + n, 0) / by;
  while (footprint() * 0.1 > MOST) by *= 2;
  const trace = scaled(whole, by);
  const all = trace.size.reduce((sum, n, k) => sum + n + `k${k}`.length + ENTRY, 0);
  const simulated = {
    key: trace.key,
    keys: trace.keys,
    size: Float64Array.from(trace.size, (n, k) => n + `k${k}`.length + ENTRY),
  };
  const { curve, missRatio } = live(trace, Math.max(2 ** 20, all * 0.1), true);
  const rows = FRACTIONS.map((f) => {
    const exact = lruMissRatio(simulated, all * f);
    return { f, exact, said: curve.missRatio(all * f), off: (curve.missRatio(all * f) - exact) * 100 };
  });
  // The share of the second tier, where the first has one of these sizes and both together another.
  const splits = rows.flatMap((a, i) => rows.slice(i + 1).map((b) => Math.abs(a.off - b.off)));
  worst = Math.max(worst, ...rows.map(({ off }) => Math.abs(off)), ...splits);
  process.stdout.write(
    `${whole.name.padEnd(28)} rate ${curve.rate.toFixed(4)} keys ${String(curve.keys).padStart(6)} here ${missRatio.toFixed(4)}  ` +
      `${rows.map(({ said, off }) => `${said.toFixed(4)} ${off >= 0 ? "+" : ""}${off.toFixed(2)}`).join("  ")}  split ${Math.max(...splits).toFixed(2)}\n`,
  );
  if (options.cost) {
    const times = [[], []];
    for (let turn = 0; turn < 10; turn++)
      times[turn & 1].push(live(trace, Math.max(2 ** 20, all * 0.1), turn % 2 === 1).seconds);
    const [without, with_] = times.map((list) => Math.min(...list));
    process.stdout.write(
      `  without ${without.toFixed(3)} s, with ${with_.toFixed(3)} s: ${((with_ / without - 1) * 100).toFixed(1)} %\n`,
    );
  }
}
process.stdout.write(`largest difference: ${worst.toFixed(2)} points\n`);
if (worst > BAR) process.exitCode = 1;
