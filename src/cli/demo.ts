/**
 * `lieu demo`: what demoting in lieu of discarding buys, on the recorded trace that comes with lieu. Three runs over the
 * same tiers differ in nothing but two switches: whether cold pages are demoted, and whether they are swapped out before
 * they are dropped.
 */
import { relative } from "node:path";
import type { Command } from "commander";
import { formatSize, parseSize } from "../memory/size.ts";
import { COSTS } from "../study/costs.ts";
import { openTrace } from "../trace/open.ts";
import type { ReplayResult } from "../trace/replay.ts";
import type { ReplayOptions } from "../trace/replay-options.ts";
import { footprintBytes, type Trace } from "../trace/trace.ts";
import type { Context } from "./context.ts";
import { FETCH_US, requestPrice } from "./demo-price.ts";
import { RECORDS_MEMORY, type Records, type RecordsResult, recordOf, runRecords } from "./demo-records.ts";
import { orInterrupted, replayWithProgress } from "./replay.ts";
import { count, demotions, pages, percent, replayJson, replayReport, table, wrap } from "./report.ts";
import { SHIPPED } from "./shipped.ts";
import { addWatchOptions, checkWatchFlags, type WatchFlags, watched } from "./watch.ts";

const PAGE = 4096;
const TIERS = { dram: "8MiB", slow: "16MiB", swapSize: "16MiB" } as const;

/** The three results that the demo compares. */
export interface Comparison {
  readonly demote: ReplayResult;
  readonly swap: ReplayResult;
  readonly discard: ReplayResult;
}

const RUNS: Readonly<Record<keyof Comparison, ReplayOptions>> = {
  demote: TIERS,
  swap: { ...TIERS, demotion: false },
  discard: { ...TIERS, demotion: false, behaviours: { swapFile: false } },
};

/** What is watched: the program's memory itself, where a page keeps its address wherever it lies. */
const WATCHED: ReplayOptions = { ...TIERS, as: "region", swapSize: "32MiB" };

interface Flags extends WatchFlags {
  readonly json?: boolean;
}

export function addDemo(program: Command, context: Context): void {
  const verb = program
    .command("demo")
    .summary("see what demotion buys, on a recorded trace")
    .description("Replay the recorded trace that comes with lieu with demotion and without, and compare.")
    .option("--json", "print one JSON object: the result of each run, as `lieu replay --json` prints it");
  addWatchOptions(verb)
    .addHelpText("after", NOTES)
    .action(async (flags: Flags) => {
      const { json = false, watch, report } = flags;
      checkWatchFlags(flags);
      const trace = await orInterrupted(openTrace(SHIPPED), context.signal);
      if (watch === true || report !== undefined) return watchIt(trace, flags, context);
      if (!json) context.stdout.write(`${introduction(trace)}\n\n`);
      const results = await runAll(trace, context);
      if (!json) context.stdout.write(`${comparisonTable(results)}\n\n${conclusion(results)}\n\n`);
      const records = await runRecords(trace, context.signal);
      if (json) {
        const runs = Object.entries(results).map(([name, result]) => [name, replayJson(result as ReplayResult)]);
        context.stdout.write(`${JSON.stringify({ ...Object.fromEntries(runs), records })}\n`);
      } else {
        context.stdout.write(`${recordsText(records)}\n\n${nextSteps()}\n`);
      }
      const wrong =
        Object.values(results).reduce((n, { corrupt }) => n + corrupt, 0) + records.discard.wrong + records.zswap.wrong;
      if (wrong > 0) context.status = 1;
    });
}

const NOTES = `
With --watch or --report nothing is compared: one run is shown, of the recorded program's memory as it is, its pages sinking
and rising between DRAM, a slower node and swap.
`;

async function watchIt(trace: Trace, flags: Flags, context: Context): Promise<void> {
  await watched(`${trace.name}, a program's memory`, flags, context, async (observer) => {
    const result = await replayWithProgress(trace, WATCHED, context, { label: trace.name, observer });
    context.stdout.write(`${flags.json === true ? JSON.stringify(replayJson(result)) : replayReport(result)}\n`);
    if (result.corrupt > 0) context.status = 1;
  });
}

async function runAll(trace: Trace, context: Context): Promise<Comparison> {
  const run = (name: keyof Comparison) => replayWithProgress(trace, RUNS[name], context, { label: name.padEnd(7) });
  return { demote: await run("demote"), swap: await run("swap"), discard: await run("discard") };
}

function introduction(trace: Trace): string {
  const [dram, slow, swap] = [TIERS.dram, TIERS.slow, TIERS.swapSize].map((size) =>
    formatSize(parseSize(size, "size")),
  );
  const requests = `${count(trace.requests)} accesses to ${count(trace.keys)} pages (${formatSize(footprintBytes(trace))})`;
  return `${wrap(`A recorded session of sqlite3, ${requests}, is replayed through a cache three times. Trace, seed and memory
are the same each time: ${dram} of DRAM, a slower node of ${slow}, a swap file of ${swap}. What differs is what becomes of a
cold page when the DRAM is full:`)}

  demote   it moves to the slower node; when cold there too, to swap; only then is it dropped (lieu's default)
  swap     demotion off: it goes straight to swap, and nothing ever reaches the slower node
  discard  demotion off, swapping off: it is dropped, and fetched anew when it is asked for

Every byte of every value is checked on every hit.`;
}

/** The table that answers what demoting bought. */
export function comparisonTable({ demote, swap, discard }: Comparison): string {
  const results = [demote, swap, discard];
  const row = (name: string, cell: (result: ReplayResult) => string) => [name, ...results.map(cell)];
  const hits = (tier: string) => row(`hits in ${tier}`, (r) => count(r.hitsByTier[tier] ?? 0));
  return table(
    ["", "demote", "swap", "discard"],
    [
      row("origin fetches", (r) => count(r.misses)),
      row("  of these, not the first", (r) => count(r.misses - firstRequests(r))),
      ...Object.keys(demote.hitsByTier).map(hits),
      row("hit ratio", (r) => percent(r.hits / r.requests)),
      row("pages demoted", (r) => count(demotions(r.vmstat))),
      row("pages promoted", (r) => count(r.vmstat.pgpromote_success)),
      row("written to swap", (r) => pages(r.vmstat.pswpout)),
      row("read from swap", (r) => pages(swapReads(r))),
      row("bytes checked", (r) => formatSize(r.checkedBytes)),
      row("wrong values", (r) => count(r.corrupt)),
      row("seconds", (r) => r.elapsedSeconds.toFixed(1)),
      row("us a request, priced", (r) => requestPrice(r).total.toFixed(1)),
      row("  of these, memory, swap and moves", (r) => requestPrice(r).memory.toFixed(1)),
    ],
  );
}

/** Pages read from swap: those that came up, and those of which an entry was copied out. */
function swapReads({ vmstat }: ReplayResult): number {
  return vmstat.pswpin + vmstat.pswpread;
}

/** What the numbers say, whichever way they came out. */
export function conclusion({ demote, swap, discard }: Comparison): string {
  const io = (r: ReplayResult) => swapReads(r) + r.vmstat.pswpout;
  const inNodes = (r: ReplayResult) => Object.keys(r.nodes).reduce((n, name) => n + (r.hitsByTier[name] ?? 0), 0);
  const fetched = difference(demote.misses, discard.misses, "fewer");
  const near = difference(inNodes(demote), inNodes(discard), "fewer");
  const again = difference(demote.misses, swap.misses, "fewer");
  const moved = difference(io(demote), io(swap), "less");
  return wrap(
    `Demoting in lieu of discarding: ${fetched} fetches from the origin (${count(demote.misses)} for
    ${count(discard.misses)}), ${count(firstRequests(demote))} of which are first requests that no cache can save, and
    ${near} hits in the nodes (${count(inNodes(demote))} for ${count(inNodes(discard))}). Against swapping alone: ${again}
    fetches and ${moved} swap I/O (${pages(io(demote))} for ${pages(io(swap))}). ${costInHits({ demote, swap, discard })}
    ${priced({ demote, swap, discard })}`,
  );
}
/** What demoting costs: hits in the fastest node that one of the others has more of. */
function costInHits({ demote, swap, discard }: Comparison): string {
  const fast = Object.keys(demote.nodes)[0] as string;
  const hits = (r: ReplayResult) => r.hitsByTier[fast] ?? 0;
  const [other, doing] = hits(swap) > hits(discard) ? [swap, "swapping"] : [discard, "discarding"];
  const counts = `(${count(hits(demote))} for ${count(hits(other))})`;
  if (hits(demote) >= hits(other)) return `It costs no hits in ${fast} ${counts}.`;
  return `The price: ${difference(hits(demote), hits(other), "fewer")} hits in ${fast} than with ${doing} ${counts}, as a
    demoted page is read where it is until it has proved hot and is promoted.`;
}

/** The same counts as time, by what things cost elsewhere. */
function priced({ demote, swap, discard }: Comparison): string {
  const us = (r: ReplayResult) => requestPrice(r).total.toFixed(1);
  const { dram, slow, swapIn, migrate } = COSTS;
  return `Priced as the study prices (${dram} ns a line read from DRAM, ${slow} from the slower node, ${swapIn / 1000} us a page of swap,
    ${migrate / 1000} us a move) and ${FETCH_US / 1000} ms a fetch, a request takes ${us(demote)} us; swapping alone ${us(swap)}, discarding ${us(discard)}.`;
}

/** The second question: what the same memory holds with its cold pages compressed. */
export function recordsText({ discard, zswap }: Records): string {
  const bytes = Buffer.byteLength(recordOf(0));
  const row = (name: string, cell: (result: RecordsResult) => string) => [name, cell(discard), cell(zswap)];
  const hits = (tier: string) => row(`hits in ${tier}`, (r) => count(r.hitsByTier[tier] ?? 0));
  const cells = table(
    ["", "discard", "zswap"],
    [
      row("origin fetches", (r) => count(r.misses)),
      ...Object.keys(zswap.hitsByTier).map(hits),
      row("hit ratio", (r) => percent(1 - r.misses / r.requests)),
      row("records at the end", (r) => count(r.held)),
      row("wrong values", (r) => count(r.wrong)),
      row("seconds", (r) => r.seconds.toFixed(1)),
    ],
  );
  const packed = zswap.zspages > 0 ? (zswap.zswapped / zswap.zspages).toFixed(1) : "0";
  const fetched = difference(zswap.misses, discard.misses, "fewer");
  return `${wrap(`The same requests again, for records of about ${formatSize(bytes)} of JSON in ${formatSize(RECORDS_MEMORY)} of
memory. discard is DRAM alone; zswap has a third of these bytes as DRAM, the rest as a pool of compressed pages, and a swap file
below.`)}\n\n${cells}\n\n${wrap(`Compressing in lieu of discarding: ${fetched} fetches from the origin (${count(zswap.misses)}
for ${count(discard.misses)}), as a page of the
pool holds ${packed} pages, and what is colder still lies in the file.`)}`;
}

/** "78 % fewer": `a` against `b`. */
function difference(a: number, b: number, less: "less" | "fewer"): string {
  if (a === b) return less === "less" ? "as much" : "as many";
  if (b === 0) return `${count(a)} more`;
  const share = Math.round((Math.abs(a - b) / b) * 100);
  return `${share === 0 ? "under 1" : share} % ${a < b ? less : "more"}`;
}

/** Pages asked for at all: each must be fetched once. */
function firstRequests(result: ReplayResult): number {
  return result.footprint / PAGE;
}

function nextSteps(): string {
  const replayIt = `npx lieu replay ${relative(process.cwd(), SHIPPED)}`;
  const steps = [
    [`${replayIt} --as region`, "lossless memory: nothing is dropped"],
    [`${replayIt} --preset linux`, "as today's kernel does it"],
    [`${replayIt} --dram 4MiB`, "another size"],
    ["npx lieu replay --help", "your own traces and tiers"],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  return `Try next:\n${steps.map(([command, what]) => `  ${command.padEnd(width)}  # ${what}`).join("\n")}`;
}
