/**
 * `npm run bench`: the bars of the engine, each as a ratio of two things measured alternately in one run, printed as one
 * JSON object. Times are CPU time of the process, so that other work on the machine weighs less. Each suite runs in
 * processes of its own, three times, as what V8 makes of a hot loop differs between processes; the median counts.
 *
 *     node bench/main.mjs [NAME ...]    all suites, or those named: engine, region, promotion, reclaim, replay, package
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const SUITES = {
  engine: async () => (await import("./engine.mjs")).engineBench(),
  region: async () => (await import("./region.mjs")).regionBench(),
  promotion: async () => (await import("./promotion.mjs")).promotionBench(),
  reclaim: async () => (await import("./reclaim.mjs")).reclaimBench(),
  replay: async () => (await import("./replay.mjs")).replayBench(),
  package: async () => (await import("./package.mjs")).packageBench(),
};
const RUNS = 3;

/** Run a suite in processes of its own; gives, for each figure, the run whose value is the median. */
function runSuite(name) {
  const runs = [];
  for (let i = 0; i < RUNS; i++) {
    process.stderr.write(`${name} ${i + 1}/${RUNS} …\n`);
    const args = [fileURLToPath(import.meta.url), "--suite", name];
    runs.push(JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })));
  }
  const figures = Object.keys(runs[0]);
  const middle = (figure) => runs.map((run) => run[figure]).sort((a, b) => a.value - b.value)[RUNS >> 1];
  return Object.fromEntries(figures.map((figure) => [figure, middle(figure)]));
}

if (process.argv[2] === "--suite") {
  process.stdout.write(JSON.stringify(await SUITES[process.argv[3]]()));
} else {
  const wanted = process.argv.slice(2);
  const results = {};
  for (const name of Object.keys(SUITES)) {
    if (wanted.length === 0 || wanted.includes(name)) Object.assign(results, runSuite(name));
  }
  const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model, cpus: cpus().length };
  const missed = Object.keys(results).filter((name) => results[name].holds === false);
  process.stdout.write(`${JSON.stringify({ machine, results, missed }, null, 2)}\n`);
}
