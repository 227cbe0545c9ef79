/** Alternating measurement: every case once a round, medians over rounds. */

/** CPU nanoseconds that `f` takes; or, if it gives a number, that: nanoseconds that it has taken itself. */
export function cpuTime(f) {
  const before = process.cpuUsage();
  const own = f();
  if (typeof own === "number") return own;
  const used = process.cpuUsage(before);
  return (used.user + used.system) * 1000;
}

/** Run all cases in turn `rounds` times, after one round to warm up. Cases are `{ name: [function, operations] }`. */
export function alternate(cases, rounds = 9) {
  const samples = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, [f, operations]] of Object.entries(cases)) {
      const ns = cpuTime(f) / operations;
      if (round >= 0) samples[name].push(ns);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, summary(list)]));
}

/** Median, minimum and maximum. */
export function summary(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (i) => Number(sorted[i].toFixed(2));
  return { median: at(sorted.length >> 1), min: at(0), max: at(sorted.length - 1) };
}

/** A bar: a figure that must be at most (or at least) a limit. */
export function atMost(value, limit, details) {
  return { value: Number(value.toFixed(3)), atMost: limit, holds: value <= limit, ...details };
}
export function atLeast(value, limit, details) {
  return { value: Math.round(value), atLeast: limit, holds: value >= limit, ...details };
}
