/**
 * How near plans are to replays: for each trace, every third configuration of a plan is replayed, with its bytes, and the largest
 * difference of a tier's share of the requests is printed in points.
 *
 *     node bench/plan.mjs [--as region|cache] [--limit N] TRACE ...
 */
import { parseArgs } from "node:util";
import { plan, replayOptionsOf } from "../dist/plan/plan.js";
import { priceList } from "../dist/plan/prices.js";
import { openTrace } from "../dist/trace/open.js";
import { replay } from "../dist/trace/replay.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    as: { type: "string", default: "region" },
    limit: { type: "string" },
    every: { type: "string", default: "3" },
  },
});
const prices = priceList();
for (const file of positionals) {
  const trace = await openTrace(file);
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  const begun = performance.now();
  const { options } = await plan(trace, { as: values.as, prices, limit });
  const seconds = (performance.now() - begun) / 1000;
  const some = options
    .filter(({ layout }) => layout.last?.medium !== "remote")
    .filter((_, i) => i % Number(values.every) === 0);
  let worst = 0;
  for (const { layout, hits, misses } of some) {
    const { swap, ...rest } = replayOptionsOf(layout, prices, { as: values.as, limit });
    const result = await replay(trace, { ...rest, swap: swap.map((s) => ({ ...s, path: `${process.pid}.swap` })) });
    const said = { dram: hits.dram, cxl: hits.cxl ?? 0, swap: hits.nvme ?? 0 };
    for (const [tier, n] of Object.entries(result.hitsByTier))
      worst = Math.max(worst, Math.abs(n / result.requests - said[tier]));
    worst = Math.max(worst, Math.abs(result.misses / result.requests - misses));
  }
  process.stdout.write(
    `${trace.name}: ${options.length} configurations in ${seconds.toFixed(1)} s; ${some.length} replayed, off by ${(worst * 100).toFixed(3)} points at most\n`,
  );
}
