/** Misses of recorded traces at equal RSS: lieu may take what lru-cache, told the bytes of its values, has taken. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { openTrace } from "../../dist/trace/open.js";
import { footprintBytes } from "../../dist/trace/trace.js";
import { median, runJob } from "./run.mjs";
import { sides, skipped, smaller } from "./table.mjs";

/** The part of a trace's footprint that lru-cache's values may have. */
const PART = 1 / 4;
/** Those values' bytes at least, by copies of the trace side by side, as far as that many requests go... */
const MIN_VALUES = 128 * 2 ** 20;
const MAX_REQUESTS = 5e6;
/** ... and at most, by scaling down all sizes. */
const MAX_VALUES = 256 * 2 ** 20;
/** How much of its peer's RSS lieu may be found to have, and with how much it is content once it had more. */
const TOLERANCE = 1.01;
const ENOUGH = 0.97;
const MAX_TRIES = 4;
const TRACE = /\.mtr(\.gz)?$/;

export async function traces(context) {
  const names = existsSync(context.traces) ? readdirSync(context.traces).filter((name) => TRACE.test(name)) : [];
  if (names.length === 0) return [skipped("misses of traces", `no .mtr.gz in ${context.traces}`)];
  if (!context.installed["lru-cache"]) return [skipped("misses of traces: lru-cache", "not installed")];
  const rows = [];
  for (const name of names.sort()) rows.push(...(await traceRows(context, join(context.traces, name))));
  return rows;
}

async function traceRows(context, path) {
  const trace = await openTrace(path);
  const values = footprintBytes(trace) * PART;
  const shrink = Math.max(1, values / MAX_VALUES);
  const most = Math.max(1, Math.floor(context.scaled(MAX_REQUESTS) / trace.requests));
  const copies = Math.min(most, Math.ceil(MIN_VALUES / values));
  const valueBytes = Math.ceil((values / shrink) * copies);
  const name = basename(path).replace(TRACE, "");
  const run = (cache, limits) => runJob("trace", { cache, path, shrink, copies, ...limits, note: name });
  const lru = [];
  for (let round = 0; round < context.rounds(2); round++) lru.push(await run("lru-cache", { valueBytes }));
  const allowed = median(lru.map(({ rss }) => rss));
  const lieu = await withinRss(allowed, (maxSize) => run("lieu", { maxSize }));
  const both = sides([lieu], "lru-cache", lru);
  const head = `${name}${copies > 1 ? ` x ${copies}` : ""}, equal RSS`;
  return [
    smaller(`misses of ${head}`, "count", undefined, ...both(({ misses }) => misses)),
    smaller(`RSS of ${head}`, "MiB", undefined, ...both(({ rss }) => rss / 2 ** 20)),
  ];
}

/**
 * The result of `run(maxSize)` with the most that is allowed; with less where its RSS is more, as near as a few tries
 * come, part of the RSS not being the cache's.
 */
async function withinRss(allowed, run) {
  const tries = [];
  const part = ({ result }) => result.rss / allowed;
  let maxSize = allowed;
  for (;;) {
    const now = { maxSize, result: await run(maxSize) };
    const before = tries.at(-1);
    tries.push(now);
    const settled = part(now) <= TOLERANCE && (!before || part(now) >= ENOUGH);
    if (settled || tries.length === MAX_TRIES) break;
    const slope = before ? (before.result.rss - now.result.rss) / (before.maxSize - maxSize) : 1;
    const next = maxSize - (now.result.rss - allowed) / Math.max(0.5, slope);
    maxSize = Math.min(allowed, Math.max(maxSize / 2, next));
  }
  const fitting = tries.filter((one) => part(one) <= TOLERANCE).sort((a, b) => part(b) - part(a));
  return (fitting[0] ?? tries.at(-1)).result;
}
