/**
 * `npm run bench`: the bars of the engine, each as a ratio of two things measured alternately in one run, printed as one
 * JSON object. Times are CPU time of this process, so that other work on the machine weighs less.
 *
 *     node bench/main.mjs [NAME ...]    all, or those whose name contains one of these
 */
import { cpus } from "node:os";
import { engineBench } from "./engine.mjs";
import { regionBench } from "./region.mjs";
import { replayBench } from "./replay.mjs";

const wanted = process.argv.slice(2);
const suites = { engine: engineBench, region: regionBench, replay: replayBench };
const results = {};
for (const [name, run] of Object.entries(suites)) {
  if (wanted.length > 0 && !wanted.some((w) => name.includes(w))) continue;
  process.stderr.write(`${name} …\n`);
  Object.assign(results, await run());
}
const machine = { node: process.version, arch: process.arch, cpu: cpus()[0]?.model, cpus: cpus().length };
const missed = Object.entries(results).filter(([, r]) => r.holds === false);
process.stdout.write(`${JSON.stringify({ machine, results, missed: missed.map(([name]) => name) }, null, 2)}\n`);
