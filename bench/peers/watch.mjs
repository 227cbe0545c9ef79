/** What a job measures of its process: time, collections, turns of the event loop, memory. */
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Wall and CPU nanoseconds an operation of `work`, which does `operations`, or as many as it says. CPU is that of all
 * threads.
 */
export async function timed(operations, work) {
  const before = process.cpuUsage();
  const start = performance.now();
  const done = (await work()) ?? operations;
  const end = performance.now();
  const { user, system } = process.cpuUsage(before);
  return { wall: ((end - start) * 1e6) / done, cpu: ((user + system) * 1000) / done, start, end };
}

/** Watches V8's collections from now on. */
export function watchGc() {
  const starts = [];
  const durations = [];
  const note = (entries) => {
    for (const { startTime, duration } of entries) {
      starts.push(startTime);
      durations.push(duration);
    }
  };
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  return {
    /** Pauses that began between two times of performance.now(): how many, their sum and the longest, in ms. */
    async between(from, to) {
      // Entries come with later turns.
      await sleep(20);
      note(observer.takeRecords());
      const within = durations.filter((_, i) => starts[i] >= from && starts[i] < to);
      return { count: within.length, total: within.reduce((a, b) => a + b, 0), longest: Math.max(0, ...within) };
    },
  };
}

/**
 * Do `work(turn)` in each of `count` turns of the event loop. Gives how long turns lasted, in ms: that is how long
 * anything else would have waited.
 */
export function inTurns(count, work) {
  const spans = new Float64Array(count);
  return new Promise((resolve) => {
    let turn = 0;
    let last = performance.now();
    const step = () => {
      work(turn);
      setImmediate(next);
    };
    const next = () => {
      const now = performance.now();
      spans[turn++] = now - last;
      last = now;
      if (turn < count) step();
      else resolve(summary(spans));
    };
    step();
  });
}

function summary(spans) {
  spans.sort();
  const at = (share) => spans[Math.min(spans.length - 1, Math.floor(spans.length * share))];
  return { median: at(0.5), p999: at(0.999), max: at(1) };
}

/** RSS and JavaScript heap in bytes, garbage collected. Needs --expose-gc. */
export async function memoryNow() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    // V8 gives pages back from another thread.
    await sleep(50);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}
