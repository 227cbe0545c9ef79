/**
 * How near plans are to replays: for each trace, configurations of a plan are replayed, with their bytes, and compared. A line for each: how far each
 * tier's share of the requests, and that of misses, is from the replay's, in points. At the end of a trace the worst and the mean of all of them.
 *
 *     node bench/plan.mjs [--as region|cache] [--limit N] [--every N] [--quick] TRACE ...
 *
 * `--every 3` (the default) replays every third configuration.
 */
import { parseArgs } from "node:util";
import { plan, replayOptionsOf } from "../dist/plan/plan.js";
import { priceList } from "../dist/plan/prices.js";
import { predictionOf } from "../dist/plan/simulate.js";
import { openTrace } from "../dist/trace/open.js";
import { replay } from "../dist/trace/replay.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    as: { type: "string", default: "region" },
    limit: { type: "string" },
    every: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
  },
});
const prices = priceList();
const print = (line) => process.stdout.write(`${line}\n`);
const points = (share) => (100 * share).toFixed(3);

for (const file of positionals) {
  const trace = await openTrace(file);
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  const begun = performance.now();
  const { options } = await plan(trace, { as: values.as, prices, limit, quick: values.quick });
  const seconds = (performance.now() - begun) / 1000;
  // Devices differ in time and money alone.
  const some = options
    .filter(({ layout }) => layout.last?.medium !== "remote")
    .filter((_, i) => i % Number(values.every) === 0);
  const all = [];
  for (const { name, layout, hits, misses } of some) {
    const { swap, ...rest } = replayOptionsOf(layout, prices, { as: values.as, limit });
    const path = `${process.pid}.swap`;
    const replayed = predictionOf(await replay(trace, { ...rest, swap: swap.map((s) => ({ ...s, path })) }));
    const said = { dram: hits.dram, cxl: hits.cxl ?? 0, swap: hits.nvme ?? 0, misses };
    const was = { ...replayed.hits, misses: replayed.misses };
    const off = Object.entries(was).map(([tier, share]) => [tier, Math.abs(share - said[tier])]);
    all.push(...off.map(([, difference]) => difference));
    print(`${trace.name} ${values.as}: ${name}: ${off.map(([tier, d]) => `${tier} ${points(d)}`).join(", ")}`);
  }
  const mean = all.reduce((sum, d) => sum + d, 0) / all.length;
  print(
    `${trace.name} ${values.as}: ${options.length} configurations in ${seconds.toFixed(1)} s; ${some.length} replayed: ${points(Math.max(...all))} points at worst, ${points(mean)} in the mean`,
  );
}
