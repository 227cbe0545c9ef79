/**
 * What it costs a busy cache to be watched:
 *
 *     node bench/metrics.mjs [--rounds N] [--place heap|pages] [--watch prom-client|OpenTelemetry|curve]
 *
 * Gets of one thread that does nothing else, by a skewed law over 60,000 keys, of values held on the heap and of values on the pages alone. A process has
 * two caches alike, each in a memory of its own; one is watched: its memory registered with prom-client or with an OpenTelemetry meter, or a miss-ratio
 * curve of it learned (what that hears of at first is left out; curves.mjs has what it learns). They take turns of some tenths of a second, back and forth, so that what the
 * machine does meanwhile happens to both, and both run the same compiled code. (In far shorter ones more of the watched one's gets would be timed than in a
 * program that does nothing else, as there is one in so many milliseconds.) What is left is where their objects lie, which is by chance
 * and stays for the whole process: so there are several processes, and the watched cache is the first one made in one, the second in the next, and the
 * ratio is the geometric mean of the two. CPU time a get; one reading a second is added. Said with it is how far the mean is from certain
 * (twice its standard error, over pairs of processes). Fails if more than 1 % is beyond doubt.
 *
 * Beside two that nobody watches ("nothing") it says what the method itself is worth.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "6" },
    child: { type: "string" },
    place: { type: "string" },
    watch: { type: "string" },
  },
});
const KEYS = 60_000;
const BAR = 0.01;
const SCRAPE_EVERY = 1000;
/** A service that is read once a second has been for two minutes: the first readings run code that is not compiled yet. */
const WARM_READINGS = 120;
const READINGS = 20;
const TURNS = 24;
const WATCHES = ["nothing", "prom-client", "OpenTelemetry", "curve"];
/** By place: what the heap may have, gets of a turn, and of a warm-up. */
const PLACES = { heap: ["32MiB", 1 << 20, 1 << 21], pages: [0, 1 << 18, 1 << 19] };

const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => sorted(list)[Math.floor(list.length / 2)];
const micros = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

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

/** One process: nanoseconds a get of each cache, and the part of a second that a reading of the watched one takes. */
async function child(place, what, watched) {
  const [heap, turn, warm] = PLACES[place];
  const { openMemorySync } = await import("../dist/index.js");
  const names = Array.from({ length: KEYS }, (_, k) => `key:${k}`);
  let x = 1;
  const order = Int32Array.from({ length: 1 << 20 }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return Math.floor(KEYS * ((x >>> 0) / 2 ** 32) ** 2);
  });
  const caches = [];
  let scrape;
  for (let i = 0; i < 2; i++) {
    const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "64MiB" } }, seed: 1 });
    if (i === watched) scrape = await watch(what, memory);
    const cache = memory.cache({ maxSize: "50MiB", codec: "string", heap });
    for (const key of names) cache.set(key, "x".repeat(200));
    caches.push(cache);
  }
  const gets = (cache, from, count) => {
    let sum = 0;
    for (let i = from; i < from + count; i++) sum += cache.get(names[order[i & 0xfffff]]).length;
    return sum;
  };
  for (const cache of caches) gets(cache, 0, warm);
  const own = caches[watched];
  if (what === "curve") while (own.curve().rate > 0.2) gets(own, 0, warm);
  for (const cache of caches) gets(cache, 0, warm);
  const readings = [];
  for (let i = 0; scrape !== undefined && i < WARM_READINGS + READINGS; i++) {
    const begun = micros();
    await scrape();
    if (i >= WARM_READINGS) readings.push(micros() - begun);
  }
  const nanoseconds = [0, 0];
  for (let i = 0; i < TURNS; i++) {
    // A B, then B A.
    for (const which of (i & 1) === 0 ? [0, 1] : [1, 0]) {
      const begun = micros();
      gets(caches[which], i * turn, turn);
      nanoseconds[which] += ((micros() - begun) * 1000) / (TURNS * turn);
    }
  }
  return { nanoseconds, reading: readings.length === 0 ? 0 : median(readings) / 1000 / SCRAPE_EVERY };
}

/** Two processes, the watched cache the first in one and the second in the other: by how much more it takes, and nanoseconds a get. */
function pair(place, what) {
  const runs = [0, 1].map((watched) => {
    const args = [fileURLToPath(import.meta.url), "--child", `${place} ${what} ${watched}`];
    const run = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
    return {
      ...run,
      ratio: run.nanoseconds[watched] / run.nanoseconds[1 - watched],
      plain: run.nanoseconds[1 - watched],
    };
  });
  const [a, b] = runs;
  return { more: Math.sqrt(a.ratio * b.ratio) - 1 + (a.reading + b.reading) / 2, nanoseconds: (a.plain + b.plain) / 2 };
}

if (options.child !== undefined) {
  const [place, what, watched] = options.child.split(" ");
  process.stdout.write(JSON.stringify(await child(place, what, Number(watched))));
} else {
  for (const place of options.place === undefined ? Object.keys(PLACES) : [options.place]) {
    for (const what of options.watch === undefined ? WATCHES : [options.watch]) {
      const pairs = Array.from({ length: Number(options.rounds) }, () => pair(place, what));
      const more = pairs.map((p) => p.more);
      const mean = more.reduce((sum, m) => sum + m, 0) / more.length;
      const variance = more.reduce((sum, m) => sum + (m - mean) ** 2, 0) / Math.max(1, more.length - 1);
      const doubt = 2 * Math.sqrt(variance / more.length);
      const nanoseconds = median(pairs.map((p) => p.nanoseconds));
      process.stdout.write(
        `${place.padEnd(6)} ${what.padEnd(14)} ${nanoseconds.toFixed(0).padStart(4)} ns a get without, ${(mean * 100).toFixed(2)} % more with, ± ${(doubt * 100).toFixed(2)}\n`,
      );
      if (what !== "nothing" && mean - doubt > BAR) process.exitCode = 1;
    }
  }
}
