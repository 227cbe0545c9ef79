/**
 * Replay of a trace as a region with demotion busy (DRAM a third of the footprint): with every byte checked, and without
 * bytes. The trace that ships is used, or the one that LIEU_BENCH_TRACE names. Rates are wall-clock
 * medians of five rounds.
 */
import { fileURLToPath } from "node:url";
import { openTrace } from "../dist/trace/open.js";
import { replay } from "../dist/trace/replay.js";
import { atLeast, summary } from "./measure.mjs";

const SHIPPED = fileURLToPath(new URL("../traces/sqlite-session.mtr.gz", import.meta.url));

export async function replayBench() {
  const trace = await openTrace(process.env.LIEU_BENCH_TRACE ?? SHIPPED);
  const rates = { bytes: [], places: [] };
  let last;
  for (let round = 0; round < 5; round++) {
    last = await replay(trace, { as: "region" });
    if (last.corrupt !== 0 || last.violations !== 0)
      throw new Error(`${last.corrupt} corrupt, ${last.violations} violations`);
    rates.bytes.push(last.requestsPerSecond);
    const places = await replay(trace, { as: "region", bytes: false });
    rates.places.push(places.requestsPerSecond);
  }
  const bytes = summary(rates.bytes);
  const places = summary(rates.places);
  const moved = { trace: trace.name, demoted: last.vmstat.pgdemote_kswapd, promoted: last.vmstat.pgpromote_success };
  return {
    "replay as region, every byte checked, accesses a second": atLeast(bytes.median, 1e6, { ...bytes, ...moved }),
    "replay as region, no bytes, accesses a second": atLeast(places.median, 5e6, places),
  };
}
