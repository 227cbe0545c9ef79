/**
 * What it costs a busy cache to be watched:
 *
 *     node bench/metrics.mjs [--seconds N] [--place heap|pages] [--watch nothing|prom-client|OpenTelemetry|curve]
 *
 * Gets of one thread that does nothing else, by a skewed law over 60,000 keys, of values held on the heap and of values on the pages alone. Watched is a
 * memory that is registered with prom-client or with an OpenTelemetry meter, of which some gets are timed; or a cache of which a miss-ratio curve is
 * learned, which hears of some requests.
 *
 * Registered, some twenty gets a second are timed, and what that takes is less than what chance does to a second. So it is measured where twenty
 * times as many are: one process, one cache, CPU time of turns of about 10 ms, watched and not, A B B A. That gives what a timed get costs, all that comes
 * with it included (the code that it drives out of the processor's caches too), and that is multiplied by how many there are at the usual rate, which is counted.
 * A reading a second is added, as CPU time. Of a curve nothing is sped up: what a request that is heard of costs, by how many are in a
 * program that does nothing else, once what it hears of at first is over.
 *
 * Medians over the four turns, and where the median lies in 95 of 100 cases. "nothing" says what the method itself is worth. Fails where it is not sure that the
 * cost is under 1 %: on a machine that has other work, that says little.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "16" },
    child: { type: "string" },
    place: { type: "string" },
    watch: { type: "string" },
  },
});
const KEYS = 60_000;
const BAR = 0.01;
const TURN_MS = 10;
const FASTER = 20;
const USUAL_MS = 3000;
/** A service that is read once a second has been for two minutes: the first readings run code that is not compiled yet. */
const WARM_READINGS = 120;
const READINGS = 20;
const WATCHES = ["nothing", "prom-client", "OpenTelemetry", "curve"];
/** By place: what the heap may have. */
const PLACES = { heap: "32MiB", pages: 0 };

const sorted = (list) => [...list].sort((a, b) => a - b);
const median = (list) => sorted(list)[Math.floor(list.length / 2)];
/** The median, and between which of the sorted values it is in 95 of 100 cases. */
function around(list) {
  const all = sorted(list);
  const off = 0.98 * Math.sqrt(all.length);
  const at = (i) => all[Math.max(0, Math.min(all.length - 1, Math.round(i)))];
  return [median(all), at(all.length / 2 - off), at(all.length / 2 + off)];
}
const micros = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Who watches a memory: what sets whether it does, how often it had to do something, what has it do more, what reads it once a second. */
async function watch(what, memory, cache) {
  let n = 0;
  const count = () => n;
  if (what === "nothing") return { set: () => {}, count, faster: () => {} };
  if (what === "curve") {
    cache.curve();
    const { sampler } = cache;
    const { hear } = sampler;
    // Of all requests for a key of the sample, those that the heap has served too.
    sampler.hear = (hash, bytes, event, stratum) => {
      n++;
      hear.call(sampler, hash, bytes, event, stratum);
    };
    // Not by forgetCurve(): beginning again is dear, and is what is left out.
    const { front, mapping, items } = cache;
    const NONE = -0x80000000;
    const set = (on) => {
      if (front !== undefined) {
        front.sampled.pace = on ? Object.getPrototypeOf(front.sampled).pace : () => {};
        front.sampled.below = front.noteBelow = NONE;
      }
      if (on) cache.sample();
      else mapping.vm.calls.storeSample(items.meta, 0, 0x7fffffff);
    };
    return { set, count, faster: () => {} };
  }
  let timer;
  const timeGets = cache.timeGets.bind(cache);
  cache.timeGets = (given) => {
    timer = given;
    timeGets(given);
  };
  const reading = await register(what, memory);
  const time = timer.time.bind(timer);
  timer.time = (get, counting) => {
    n++;
    return time(get, counting);
  };
  const faster = () => {
    timer.sampleMs /= FASTER;
  };
  return { set: (on) => timeGets(on ? timer : undefined), count, faster, reading };
}

async function register(what, memory) {
  if (what === "prom-client") {
    const { default: prom } = await import("prom-client");
    const { registerMemory } = await import("../dist/adapters/prometheus.js");
    const registry = new prom.Registry();
    registerMemory(memory, { registry });
    return () => registry.metrics();
  }
  const { MeterProvider, PeriodicExportingMetricReader } = await import("@opentelemetry/sdk-metrics");
  const { observeMemory } = await import("../dist/adapters/opentelemetry.js");
  const exporter = { export: (_, done) => done({ code: 0 }), forceFlush: async () => {}, shutdown: async () => {} };
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 });
  observeMemory(memory, new MeterProvider({ readers: [reader] }).getMeter("bench"));
  return () => reader.collect();
}

/** One process. */
async function child(place, what, seconds) {
  const { openMemorySync } = await import("../dist/index.js");
  const names = Array.from({ length: KEYS }, (_, k) => `key:${k}`);
  let x = 1;
  const order = Int32Array.from({ length: 1 << 20 }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return Math.floor(KEYS * ((x >>> 0) / 2 ** 32) ** 2);
  });
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: "64MiB" } }, seed: 1 });
  const cache = memory.cache({ maxSize: "50MiB", codec: "string", heap: PLACES[place] });
  for (const key of names) cache.set(key, "x".repeat(200));
  let at = 0;
  let sum = 0;
  const gets = (count) => {
    for (const end = at + count; at < end; at++) sum += cache.get(names[order[at & 0xfffff]]).length;
  };
  const pass = (ms) => {
    for (const end = performance.now() + ms; performance.now() < end; ) gets(1 << 14);
  };
  // Kswapd's turns and the like, which a loop lets nobody take.
  const others = () => new Promise((resolve) => setImmediate(resolve));
  pass(2000);
  const watcher = await watch(what, memory, cache);
  pass(2000);
  const readings = [];
  for (let i = 0; watcher.reading !== undefined && i < WARM_READINGS + READINGS; i++) {
    const begun = micros();
    await watcher.reading();
    if (i >= WARM_READINGS) readings.push(micros() - begun);
  }
  const before = { samples: watcher.count(), at: performance.now(), gets: at };
  pass(USUAL_MS);
  const passed = performance.now() - before.at;
  const usual = ((watcher.count() - before.samples) * 1000) / passed;
  const turn = Math.round(((at - before.gets) * TURN_MS) / passed);
  watcher.faster();
  pass(500);
  const watched = [];
  const plain = [];
  const samples = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const took = [0, 0];
    const counted = watcher.count();
    for (const on of watched.length % 2 === 0 ? [1, 0, 0, 1] : [0, 1, 1, 0]) {
      watcher.set(on === 1);
      const begun = micros();
      gets(turn);
      took[on] += micros() - begun;
    }
    watched.push(took[1]);
    plain.push(took[0]);
    samples.push(watcher.count() - counted);
    watcher.set(true);
    await others();
  }
  // Of two turns: what was timed, and what the CPU took.
  const each = samples.reduce((total, n) => total + n, 0) / samples.length;
  const second = median(plain) / 1e6;
  return {
    more: around(watched.map((took, i) => took / plain[i] - 1)),
    faster: each / second,
    usual,
    nanoseconds: (median(plain) * 1000) / (2 * turn),
    reading: readings.length === 0 ? 0 : median(readings) / 1e6,
    sum,
  };
}

const percent = (share) => `${(share * 100).toFixed(2)} %`;

if (options.child !== undefined) {
  const [place, what] = options.child.split(" ");
  process.stdout.write(JSON.stringify(await child(place, what, Number(options.seconds))));
} else {
  for (const place of options.place === undefined ? Object.keys(PLACES) : [options.place]) {
    for (const what of options.watch === undefined ? WATCHES : [options.watch]) {
      const args = [fileURLToPath(import.meta.url), "--child", `${place} ${what}`, "--seconds", options.seconds];
      const run = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
      const { more, faster, usual, nanoseconds, reading } = run;
      const [middle, low, high] = more.map((share) => (faster === 0 ? share : (share * usual) / faster) + reading);
      const words = [
        place.padEnd(6),
        what.padEnd(14),
        `${nanoseconds.toFixed(0).padStart(4)} ns a get;`,
        `${percent(more[0])} (${percent(more[1])} to ${percent(more[2])}) at ${faster.toFixed(0)} samples a second,`,
        faster === 0 ? "" : `${((more[0] / faster) * 1e6).toFixed(2)} µs each; at the usual ${usual.toFixed(0)}`,
        reading === 0 ? "" : `and a reading of ${(reading * 1000).toFixed(2)} ms a second`,
        `in all ${percent(middle)} (${percent(low)} to ${percent(high)})`,
      ];
      process.stdout.write(`${words.filter((word) => word !== "").join(" ")}\n`);
      if (what !== "nothing" && high > BAR) process.exitCode = 1;
    }
  }
}
