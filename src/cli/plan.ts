/**
 * `lieu plan`: which tiers to buy or grant, by what each of a grid of configurations would do with a trace, or with what a running
 * program asks of a cache.
 */
import { randomUUID } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, Option as Flag, InvalidArgumentError } from "commander";
import { stringify } from "yaml";
import { LieuError } from "../errors.ts";
import { formatSize } from "../memory/size.ts";
import { frontierSvg } from "../plan/frontier.ts";
import { type Option, type Plan, type PlanRequest, plan, planRecorded, quickBy } from "../plan/plan.ts";
import { MEDIA, type PriceList, priceList } from "../plan/prices.ts";
import { planPage, recommendations } from "../plan/report.ts";
import { money, share, time } from "../plan/words.ts";
import { FORMATS, openTrace, type TraceFormat } from "../trace/open.ts";
import { fileError } from "../trace/source.ts";
import type { Trace } from "../trace/trace.ts";
import { readDocument } from "./config.ts";
import type { Context } from "./context.ts";
import { startProgress } from "./progress.ts";
import { type RecordFlags, record } from "./record.ts";
import { refuse } from "./refuse.ts";
import { orInterrupted } from "./replay.ts";
import { count, table, wrap } from "./report.ts";
import { type Served, servedAt } from "./served.ts";
import { tracePath } from "./shipped.ts";

const NOTES = `
Every configuration is run: the engine itself over the trace, without the bytes. So hits by tier are those of \`lieu replay\` with
the configuration that is printed. Latencies and costs are the price list's: print the one that there is, change what you know
better, and give it with --prices.

Of a running program (memory.serve()) the requests for a cache are recorded for a while, those for a sample of the keys if there
are many, and tried on configurations as much smaller.

Compressed memory (zswap) is planned for where the ratio is known: zswapRatio in the price list, or --zswap-ratio. How well your
pages compress, \`vmstat()\` of a memory with zswap says: nr_zswapped / nr_zspages.

Exit status: 0; 2, bad usage or input; 70, a bug in lieu; 130, interrupted.

Examples:
  $ lieu plan trace.mtr.gz
  $ lieu plan trace.mtr.gz --as cache --latency 500us --budget 2
  $ lieu plan http://127.0.0.1:7070/ --for 2m
  $ lieu plan trace.mtr.gz --svg frontier.svg --html plan.html
  $ lieu plan --print-prices > prices.yaml
  $ lieu plan trace.mtr.gz --prices prices.yaml
`;

interface Flags extends RecordFlags {
  readonly as?: "cache" | "region";
  readonly format?: TraceFormat;
  readonly prices?: string;
  readonly printPrices?: boolean;
  readonly zswapRatio?: number;
  readonly latency?: number;
  readonly p99?: number;
  readonly budget?: number;
  readonly limit?: number;
  readonly quick?: boolean;
  readonly svg?: string;
  readonly html?: string;
  readonly json?: boolean;
}

export function addPlan(program: Command, context: Context): void {
  program
    .command("plan")
    .summary("which tiers to buy, for a trace or a program")
    .description(
      "Try a grid of configurations of DRAM, CXL memory, NVMe and remote memory on a trace or a running program, and recommend.",
    )
    .argument("[trace]", "the trace's file, - for the standard input; or the URL or port that memory.serve() gives")
    .addOption(
      new Flag(
        "--as <what>",
        'objects of a "cache" or pages of a "region" (default: a region if each is one page)',
      ).choices(["cache", "region"]),
    )
    .addOption(new Flag("--format <name>", "of a trace whose name does not say").choices(FORMATS))
    .option("--limit <n>", "only the first n requests", positive("--limit"))
    .option("--quick", "run large objects smaller, all alike: sooner, and off by up to two points")
    .option("--for <time>", "how long to listen to a running program (default: 30s)", duration)
    .option("--cache <name>", "the cache of that program, if it has several")
    .option("--latency <time>", "the mean that is good enough: 500ns, 20us, 1ms", duration)
    .option("--p99 <time>", "the 99th percentile that is good enough", duration)
    .option("--budget <cost>", "what it may cost, in the price list's money", positive("--budget"))
    .option("--prices <file>", "a price list, YAML or JSON")
    .option("--zswap-ratio <n>", "how many pages a page of compressed memory holds", positive("--zswap-ratio"))
    .option("--print-prices", "print the price list as YAML, and end")
    .option("--svg <file>", "write cost against latency as a picture")
    .option("--html <file>", "write the plan as a page")
    .option("--json", "print one JSON object")
    .addHelpText("after", NOTES)
    .action(async (path: string | undefined, flags: Flags) => {
      const prices = pricesOf(flags);
      if (flags.printPrices === true) {
        refuse(flags, NO_PRICES, "has no effect with --print-prices, which prints the price list and ends");
        if (path !== undefined)
          throw new LieuError("EINVAL", `--print-prices prints the price list and ends; leave ${path} out`);
        context.stdout.write(stringify(prices));
        return;
      }
      if (path === undefined) throw new LieuError("EINVAL", "give a trace to plan for");
      const served = isServed(path) ? servedAt(path) : undefined;
      if (served === undefined)
        refuse(flags, OF_PROGRAMS, `is for programs that run; ${path} is a trace, --limit says how much of it`);
      else refuse(flags, OF_TRACES, `is for traces; ${served.url.href} is a program`);
      // Found out before the work is done.
      for (const file of [flags.svg, flags.html]) if (file !== undefined) write(file, "");
      const made = served
        ? await planLive(served, prices, flags, context)
        : await planTrace(
            await orInterrupted(openTrace(tracePath(path), flags.format), context.signal),
            prices,
            flags,
            context,
          );
      if (flags.svg !== undefined) write(flags.svg, frontierSvg(made));
      if (flags.html !== undefined) write(flags.html, planPage(made, configText));
      context.stdout.write(`${flags.json === true ? JSON.stringify(planJson(made)) : planText(made)}\n`);
    });
}

/** Flags that one use of the verb has and another does not. */
const OF_PROGRAMS = ["for", "cache"] as const;
const OF_TRACES = ["as", "format", "limit", "quick"] as const;
const NO_PRICES = [...OF_PROGRAMS, ...OF_TRACES, "latency", "p99", "budget", "svg", "html", "json"] as const;

function pricesOf({ prices, zswapRatio }: Flags): PriceList {
  const given = prices === undefined ? {} : readDocument(prices);
  const list = priceList(given ?? {}, prices);
  return zswapRatio === undefined ? list : { ...list, zswapRatio };
}

function planTrace(trace: Trace, prices: PriceList, flags: Flags, context: Context): Promise<Plan> {
  const as = flags.as ?? (trace.size.every((bytes) => bytes === 4096) ? "region" : "cache");
  const { limit, quick } = flags;
  const by = quickBy(trace, { as, prices, limit });
  if (quick === true && by === 1)
    throw new LieuError("EINVAL", "--quick is for caches of large objects, many of them; leave it out");
  if (quick !== true && by > 1)
    context.stderr.write(`These are large objects, and take a while. --quick runs all a ${ordinal(by)} as large.\n`);
  return withProgress(trace.name, flags, context, (request) => plan(trace, { ...request, as, prices, limit, quick }));
}

/** Of a program that runs. A file called like a port is a file. */
function isServed(path: string): boolean {
  return /^(\d+$|https?:)/.test(path) && !existsSync(path);
}

/** Record for a while, then plan. */
async function planLive(served: Served, prices: PriceList, flags: Flags, context: Context): Promise<Plan> {
  const recorded = await record(served, flags, context);
  const swapFile = join(tmpdir(), `lieu-${process.pid}-${randomUUID()}.swap`);
  return withProgress(recorded.name, flags, context, (request) =>
    planRecorded(recorded, { ...request, prices, swapFile }),
  );
}

async function withProgress(
  name: string,
  { latency, p99, budget }: Flags,
  { stderr, signal }: Context,
  make: (request: Pick<PlanRequest, "goals" | "signal" | "onProgress">) => Promise<Plan>,
): Promise<Plan> {
  let progress: ReturnType<typeof startProgress> | undefined;
  const onProgress = (done: number, all: number): void => {
    progress ??= startProgress(stderr, name, all, "runs");
    progress.update(done);
  };
  try {
    return await make({ goals: { latency, p99, budget }, signal, onProgress });
  } finally {
    progress?.stop();
  }
}

/** A memory's options as YAML, which `lieu replay --config` takes. */
export function configText({ config }: Option): string {
  return stringify(config).trimEnd();
}

/** "3rd". */
function ordinal(n: number): string {
  const last = n % 100 > 10 && n % 100 < 14 ? 0 : n % 10;
  return `${n}${["th", "st", "nd", "rd"][last] ?? "th"}`;
}

/** A plan in words. */
export function planText(made: Plan): string {
  const { as, requests, footprint, options } = made;
  const sampled = made.rate === undefined || made.rate === 1 ? "" : `, by a sample of ${share(made.rate)} of the keys`;
  const small = made.by === undefined || made.by === 1 ? "" : `, run with everything a ${ordinal(made.by)} as large`;
  const head = `${made.trace} as a ${as}: ${count(requests)} requests, a footprint of ${formatSize(footprint)}${sampled}${small}; ${options.length} configurations.
Those that nothing is both cheaper and faster than:`;
  const frontier = options.filter((option) => option.frontier);
  const media = MEDIA.filter((name) => frontier.some(({ hits }) => hits[name] !== undefined));
  const rows = frontier.map((option) => [
    option.name,
    ...media.map((name) => (option.hits[name] === undefined ? "" : share(option.hits[name]))),
    share(option.misses),
    time(option.mean),
    time(option.p99),
    money(option.cost),
  ]);
  const missed = as === "cache" ? "misses" : "first touch";
  const picks = recommendations(made).map(({ title, option }) =>
    option === undefined
      ? `${title}: none does.`
      : `${wrap(`${title}: ${option.name}; mean ${time(option.mean)}, p99 ${time(option.p99)}, cost ${money(option.cost)}.`)}\n\n${configText(option).replaceAll(/^/gm, "  ")}`,
  );
  return [head, table(["configuration", ...media, missed, "mean", "p99", "cost"], rows), ...picks].join("\n\n");
}

function planJson({ cheapest, fastest, ...rest }: Plan): Record<string, unknown> {
  return { ...rest, cheapest: cheapest?.name ?? null, fastest: fastest?.name ?? null };
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw fileError(path, error);
  }
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9 };

/** "20us" in nanoseconds. */
function duration(text: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m)$/.exec(text) ?? [];
  const value = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (value > 0) return value;
  throw new InvalidArgumentError("give a time, such as 500ns, 20us or 1ms");
}
function positive(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (value > 0 && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`give ${flag} a number above 0`);
  };
}
