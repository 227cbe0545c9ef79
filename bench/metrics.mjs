/**
 * What it costs a busy cache to be watched, turn by turn with and without:
 *
 *     node bench/metrics.mjs [--pairs N]
 *
 * Gets of one thread that does nothing else, by a skewed law over 100,000 keys, of values held on the heap and of values on the pages alone;
 * with the memory registered with prom-client and scraped, or with an OpenTelemetry meter and collected, once a second; and while a
 * miss-ratio curve is learned (what it hears of at first is left out; curves.mjs has what it learns). One of two caches that are alike is watched. CPU
 * time; the median of pairs of turns, and how far apart the quartiles are. Fails if more than 1 % is beyond doubt.
 */
import { parseArgs } from "node:util";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import prom from "prom-client";
import { observeMemory } from "../dist/adapters/opentelemetry.js";
import { registerMemory } from "../dist/adapters/prometheus.js";
import { openMemorySync } from "../dist/index.js";

const { values: options } = parseArgs({ options: { pairs: { type: "string", default: "60" } } });
const PAIRS = Number(options.pairs);
const KEYS = 60_000;
const BAR = 0.01;
const SCRAPE_EVERY = 1000;

const names = Array.from({ length: KEYS }, (_, k) => `key:${k}`);
let x = 1;
const order = Int32Array.from({ length: 1 << 20 }, () => {
  x = (Math.imul(x, 1664525) + 1013904223) | 0;
  return Math.floor(KEYS * ((x >>> 0) / 2 ** 32) ** 2);
});

/** CPU microseconds of `n` gets, always the same; a function of its own for each cache, as a program has that has one. */
function getter(cache) {
  const run = new Function(
    "cache, names, order, n",
    "let sum = 0; for (let i = 0; i < n; i++) sum += cache.get(names[order[i & 0xfffff]]).length; return sum;",
  );
  return (n) => {
    const begun = process.cpuUsage();
    if (run(cache, names, order, n) === 0) throw new Error("no value");
    const { user, system } = process.cpuUsage(begun);
    return user + system;
  };
}
async function cpu(work) {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  return user + system;
}

/** Each: begin() gives what ends it; scrape() is what is done once a second. */
function prometheus(memory) {
  const registry = new prom.Registry();
  return { begin: () => registerMemory(memory, { registry }), scrape: () => registry.metrics() };
}
function openTelemetry(memory) {
  const exporter = { export: (_, done) => done({ code: 0 }), forceFlush: async () => {}, shutdown: async () => {} };
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 });
  const meter = new MeterProvider({ readers: [reader] }).getMeter("bench");
  return { begin: () => observeMemory(memory, meter), scrape: () => reader.collect() };
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const at = (list, part) => sorted(list)[Math.min(list.length - 1, Math.floor(part * list.length))];
function report(place, name, ratios, nanoseconds, more = 0) {
  const cost = at(ratios, 0.5) - 1 + more;
  const doubt = (1.5 * (at(ratios, 0.75) - at(ratios, 0.25))) / Math.sqrt(ratios.length);
  process.stdout.write(
    `${place.padEnd(6)} ${name.padEnd(40)} ${nanoseconds.toFixed(0).padStart(4)} ns a get, ${(cost * 100).toFixed(2)} % more, ± ${(doubt * 100).toFixed(2)}\n`,
  );
  if (cost - doubt > BAR) process.exitCode = 1;
}

/** A cache with all its values where they are to be, and its gets. */
function made(heap, n) {
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "64MiB" } }, seed: 1 });
  const cache = memory.cache({ maxSize: "50MiB", codec: "string", heap });
  for (const key of names) cache.set(key, "x".repeat(200));
  for (let i = 0; i < 3; i++) for (const key of names) cache.get(key);
  const gets = getter(cache);
  gets(8 * n);
  return { memory, cache, gets };
}
const WATCHES = {
  nothing: () => ({ begin: () => () => undefined }),
  "prom-client, read once a second": ({ memory }) => prometheus(memory),
  "OpenTelemetry, read once a second": ({ memory }) => openTelemetry(memory),
  "a miss-ratio curve": ({ cache, gets }, n) => ({
    begin: () => {
      cache.curve();
      while (cache.curve().rate > 0.2) gets(n);
      return () => cache.forgetCurve();
    },
  }),
};

for (const [place, heap, n] of [
  ["heap", "32MiB", 1 << 17],
  ["pages", 0, 1 << 15],
]) {
  for (const [name, watch] of Object.entries(WATCHES)) {
    // The first of two is watched, then the second of two others: what differs between them is in both.
    const halves = [];
    let [scrapes, nanoseconds] = [0, 0];
    for (const which of [0, 1]) {
      const both = [made(heap, n), made(heap, n)];
      const [watched, plain] = which === 0 ? both : [both[1], both[0]];
      const { begin, scrape } = watch(watched, n);
      const stop = begin();
      watched.gets(16 * n);
      const ratios = [];
      for (let i = 0; i < PAIRS; i++) ratios.push(watched.gets(n) / plain.gets(n));
      for (let i = 0; scrape !== undefined && i < 20; i++) scrapes += (await cpu(scrape)) / 40;
      halves.push(sorted(ratios));
      nanoseconds = (plain.gets(n) * 1000) / n;
      stop();
      for (const { memory } of both) memory[Symbol.dispose]();
    }
    const ratios = halves[0].map((ratio, i) => Math.sqrt(ratio * halves[1][i]));
    report(place, name, ratios, nanoseconds, scrapes / 1000 / SCRAPE_EVERY);
  }
}
