/**
 * What it costs a busy cache to be watched:
 *
 *     node bench/metrics.mjs [--rounds N] [--place heap|pages]
 *
 * Gets of one thread that does nothing else, by a skewed law over 60,000 keys, of values held on the heap and of values on the pages alone; in a
 * memory that nobody watches, one registered with prom-client, one with an OpenTelemetry meter, and one of which a miss-ratio curve is
 * learned (what it hears of at first is left out; curves.mjs has what it learns). What V8 makes of a loop and where its objects lie differ by some
 * percent from one run of a program to the next, and stay for the whole run. So each is a process of its own from its beginning, as a service is; the
 * four of a round take turns, as a machine has faster and slower moments, and a few rounds are made. CPU time a get by that of the one that nobody watches
 * just before: of the processes of a round the median of their turns, with what one reading a second takes; and of the rounds the median, and how far that is from
 * certain, by the quartiles. Fails if more than 1 % is beyond doubt.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    child: { type: "string" },
    place: { type: "string" },
  },
});
const KEYS = 60_000;
const BAR = 0.01;
const SCRAPE_EVERY = 1000;
const TURNS = 6;
const CURVE = "a miss-ratio curve";
const WATCHES = ["nothing", "prom-client", "OpenTelemetry", CURVE];
const PLACES = { heap: ["32MiB", 1 << 21], pages: [0, 1 << 19] };

const sorted = (list) => [...list].sort((a, b) => a - b);
const at = (list, part) => sorted(list)[Math.min(list.length - 1, Math.floor(part * list.length))];

async function cpu(work) {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  return user + system;
}

/** What watches a memory; what reads it once a second, if anything does. */
async function watch(what, memory) {
  if (what === "prom-client") {
    const { default: prom } = await import("prom-client");
    const { registerMemory } = await import("../dist/adapters/prometheus.js");
    const registry = new prom.Registry();
    registerMemory(memory, { registry });
    return () => registry.metrics();
  }
  if (what === "OpenTelemetry") {
    const { MeterProvider, PeriodicExportingMetricReader } = await import("@opentelemetry/sdk-metrics");
    const { observeMemory } = await import("../dist/adapters/opentelemetry.js");
    const exporter = { export: (_, done) => done({ code: 0 }), forceFlush: async () => {}, shutdown: async () => {} };
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 });
    observeMemory(memory, new MeterProvider({ readers: [reader] }).getMeter("bench"));
    return () => reader.collect();
  }
  return undefined;
}

/** One process: for each message a turn, of which it tells nanoseconds a get; at first it tells the part of a second that a reading takes. */
async function child(place, what) {
  const [heap, n] = PLACES[place];
  const { openMemorySync } = await import("../dist/index.js");
  const names = Array.from({ length: KEYS }, (_, k) => `key:${k}`);
  let x = 1;
  const order = Int32Array.from({ length: 1 << 20 }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return Math.floor(KEYS * ((x >>> 0) / 2 ** 32) ** 2);
  });
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "64MiB" } }, seed: 1 });
  const scrape = await watch(what, memory);
  const cache = memory.cache({ maxSize: "50MiB", codec: "string", heap });
  for (const key of names) cache.set(key, "x".repeat(200));
  const gets = (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += cache.get(names[order[i & 0xfffff]]).length;
    return sum;
  };
  gets(n);
  if (what === CURVE) while (cache.curve().rate > 0.2) gets(n);
  gets(n);
  const readings = [];
  for (let i = 0; scrape !== undefined && i < 20; i++) readings.push(await cpu(scrape));
  process.on("message", async () => process.send(((await cpu(() => gets(n))) * 1000) / n));
  process.send(readings.length === 0 ? 0 : at(readings, 0.5) / 1000 / SCRAPE_EVERY);
}

/** By what watches: nanoseconds a get, and its ratio to that of nothing. */
async function round(place) {
  const processes = [];
  for (const what of WATCHES) {
    const made = fork(fileURLToPath(import.meta.url), ["--child", `${place} ${what}`]);
    const [reading] = await once(made, "message");
    processes.push({ made, reading, turns: [] });
  }
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { made, turns } of processes) {
      made.send("turn");
      turns.push((await once(made, "message"))[0]);
    }
  }
  const [plain] = processes;
  return processes.map(({ made, reading, turns }) => {
    made.kill();
    const ratios = turns.map((nanoseconds, i) => nanoseconds / plain.turns[i]);
    return { nanoseconds: at(turns, 0.5), more: at(ratios, 0.5) - 1 + reading };
  });
}

if (options.child !== undefined) {
  const [place] = options.child.split(" ");
  await child(place, options.child.slice(place.length + 1));
} else {
  for (const place of options.place === undefined ? Object.keys(PLACES) : [options.place]) {
    const rounds = [];
    for (let i = 0; i < Number(options.rounds); i++) rounds.push(await round(place));
    for (const [i, what] of WATCHES.entries()) {
      const nanoseconds = at(
        rounds.map((r) => r[i].nanoseconds),
        0.5,
      );
      const more = rounds.map((r) => r[i].more);
      const doubt = (1.5 * (at(more, 0.75) - at(more, 0.25))) / Math.sqrt(more.length);
      const said = i === 0 ? "" : `, ${(at(more, 0.5) * 100).toFixed(2)} % more, ± ${(doubt * 100).toFixed(2)}`;
      process.stdout.write(
        `${place.padEnd(6)} ${what.padEnd(20)} ${nanoseconds.toFixed(0).padStart(4)} ns a get${said}\n`,
      );
      if (at(more, 0.5) - doubt > BAR) process.exitCode = 1;
    }
  }
}
