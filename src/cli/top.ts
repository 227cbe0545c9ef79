/** `lieu top`: the dashboard of a memory that is served, or of a recorded run, in a terminal. */
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import { formatSize } from "../memory/size.ts";
import { NamedRecorder } from "../server/named-recorder.ts";
import { readRun } from "../server/run-file.ts";
import { counted, DOWN, rateName, rates, SCANNED, STOLEN, shares, tierNames, UP } from "../server/series.ts";
import type { FeedState, Header, Snapshot } from "../server/wire.ts";
import type { Context } from "./context.ts";
import { INTERVAL, isNamed } from "./named.ts";
import { count, percent, table } from "./report.ts";
import { askServed, jsonOf, type Served, servedAt } from "./served.ts";

const NOTES = `
A memory that processes share is shown by its name, as in openMemory({ shared: "/my-app" }): its file is read, and nothing else. What
is served has the URL that memory.serve() gives, or that --watch prints, with the token behind the # if there is one; on this
machine its port is enough. Of a report (--report of lieu replay and lieu demo) the end of the run is shown.

Exit status: 0; 2, nothing answers there, or the token is wrong; 130, interrupted.

Examples:
  $ lieu top /my-app
  $ lieu top 7070
  $ lieu top "http://web-1:7070/#token=..." --once
  $ lieu top run.html
`;

/** Snapshots that a sparkline shows, and how long a bar is, where the terminal is wide enough; and at least. */
const SPARKS = 40;
const BAR = 30;
const LEAST = 6;
/** What the other columns take: of the table of places beside their names, and of the one of tiers. */
const PLACE_COLUMNS = 34;
const TIER_COLUMNS = 54;

export function addTop(program: Command, context: Context): void {
  program
    .command("top")
    .summary("watch a memory in the terminal")
    .description(
      "Show a memory that processes share, one that is served (memory.serve(), lieu replay --watch), or a report, as bars and sparklines.",
    )
    .argument("<where>", "its name, as in /my-app; the URL or the port at which it is served; or a report's file")
    .option("--once", "print it as it is now, and end")
    .addHelpText("after", NOTES)
    .action(async (where: string, { once = false }: { once?: boolean }) => {
      if (isNamed(where)) await watchNamed(where, once, context);
      else if (existsSync(where)) {
        const { header, frames } = readRun(where);
        context.stdout.write(`${picture(header, frames.slice(-SPARKS - 1), context.stdout.columns)}\n`);
      } else await watch(servedAt(where), once, context);
    });
}

async function watch(served: Served, once: boolean, { stdout, signal }: Context): Promise<void> {
  const live = !once && stdout.isTTY === true;
  let header: Header | undefined;
  let frames: readonly Snapshot[] = [];
  for await (const [event, data] of events(served, signal)) {
    if (event === "header") header = (data as { header: Header }).header;
    else if (event === "snapshots") frames = [...frames, ...(data as Snapshot[])].slice(-SPARKS - 1);
    if (header === undefined || frames.length === 0) continue;
    if (live) stdout.write(`\x1b[H\x1b[J${picture(header, frames, stdout.columns)}\n`);
    if (event === "state" && (once || (data as FeedState).phase === "ended")) break;
  }
  if (!live && header !== undefined) stdout.write(`${picture(header, frames, stdout.columns)}\n`);
}

async function watchNamed(name: string, once: boolean, { stdout, signal }: Context): Promise<void> {
  const live = !once && stdout.isTTY === true;
  const recorder = new NamedRecorder(name);
  const frames: Snapshot[] = [];
  for (;;) {
    const frame = recorder.snapshot(Date.now() / 1000);
    if (frame === undefined) break;
    frames.push(frame);
    if (frames.length > SPARKS + 1) frames.shift();
    if (live) stdout.write(`\x1b[H\x1b[J${picture(recorder.header, frames, stdout.columns)}\n`);
    // How fast something goes only two looks tell.
    if (once && frames.length > 1) break;
    // What it rejects with does not say who aborted.
    await setTimeout(INTERVAL, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
  if (!live && frames.length > 0) stdout.write(`${picture(recorder.header, frames, stdout.columns)}\n`);
}

/** A memory as text, for a terminal of so many columns. */
export function picture(header: Header, frames: readonly Snapshot[], columns = Number.POSITIVE_INFINITY): string {
  const frame = frames.at(-1) as Snapshot;
  const names = [
    ...[...header.nodes, ...header.swap].map(({ name }) => name),
    ...frame.groups.map(({ name }) => `group ${name}`),
    ...frame.caches.map(({ name }) => `cache ${name}`),
  ];
  const rest = columns - PLACE_COLUMNS - Math.max(...names.map((name) => name.length));
  const sparks = Math.max(LEAST, Math.min(SPARKS, columns - TIER_COLUMNS, Math.floor(rest * 0.6)));
  const bar = Math.max(LEAST, Math.min(BAR, rest - sparks));
  const widths = { sparks, bar };
  const when =
    header.clock === "seconds" ? new Date(frame.at * 1000).toLocaleTimeString("en-GB") : `request ${count(frame.at)}`;
  const nodes = header.nodes.map(({ name, size: first }, nid) => {
    const { size } = frame.nodes[nid] ?? { size: first };
    const used = (f: Snapshot): number => (f.nodes[nid]?.size ?? size) - (f.nodes[nid]?.free ?? size);
    return placeRow(name, size, frames.map(used), widths);
  });
  const swap = header.swap.map(({ name, size }, i) =>
    placeRow(
      name,
      frame.swap[i]?.size ?? size,
      frames.map((f) => f.swap[i]?.used ?? 0),
      widths,
    ),
  );
  const groups = frame.groups.map(({ name, usage, high, max }) => {
    return placeRow(`group ${name}`, max ?? high ?? Number.NaN, [usage], widths);
  });
  const caches = frame.caches.map(({ name, size, maxSize }) => placeRow(`cache ${name}`, maxSize, [size], widths));
  const moves = [...UP, ...DOWN, ["scanned", SCANNED] as const, ["stolen", STOLEN] as const].map(([name, counters]) => {
    const rate = rates(header, frames, counted(header, counters));
    return [name, count(rate.at(-1) ?? 0), sparkline(rate, Math.max(...rate), sparks)];
  });
  const served = shares(frames);
  const tiers = tierNames(header).map((name, tier) => {
    const line = (served[tier] ?? []).map((share) => share ?? 0);
    const latency = frame.latency.find((found) => found.tier === tier);
    const times = latency === undefined ? ["", ""] : [micro(latency.p50), micro(latency.p99)];
    return [name, percent(served[tier]?.at(-1) ?? Number.NaN), ...times, sparkline(line, 1, sparks)];
  });
  return [
    `${header.title}, ${when}`,
    table(["memory", "in use", "of", "", "lately"], [...nodes, ...swap, ...groups, ...caches]),
    table([`pages ${rateName(header)}`, "now", "lately"], moves),
    table(["served by", "share", "get, p50", "p99", "lately"], tiers),
  ].join("\n");
}

function placeRow(
  name: string,
  size: number,
  used: readonly number[],
  { sparks, bar: width }: { sparks: number; bar: number },
): string[] {
  const now = used.at(-1) ?? 0;
  const full = Math.round(Math.min(1, now / size) * width);
  const bar = Number.isNaN(size) ? "" : `${"█".repeat(full)}${"░".repeat(width - full)}`;
  const spark = used.length > 1 ? sparkline(used, size, sparks) : "";
  return [name, bytes(now), Number.isNaN(size) ? "no limit" : bytes(size), bar, spark];
}

/** At most three digits that count: the width of a column is not to dance. */
function bytes(n: number): string {
  return n === 0 ? "0" : formatSize(n);
}
function micro(seconds: number): string {
  return seconds < 0.01 ? `${(seconds * 1e6).toFixed(1)} µs` : `${(seconds * 1e3).toFixed(1)} ms`;
}

const SPARK = "▁▂▃▄▅▆▇█";

/** The last values as heights, of `most`. */
export function sparkline(values: readonly number[], most: number, sparks = SPARKS): string {
  return values
    .slice(-sparks)
    .map((value) => {
      const height = most > 0 ? Math.ceil((Math.max(0, value) / most) * SPARK.length) : 0;
      return height === 0 ? " " : SPARK[Math.min(SPARK.length, height) - 1];
    })
    .join("");
}

/** What the server tells, from the first snapshot on. @throws {@link LieuError} EACCES, ENOENT, EFORMAT */
async function* events(served: Served, signal: AbortSignal): AsyncGenerator<readonly [string, unknown]> {
  let rest = "";
  for await (const text of askServed(served, "events", signal)) {
    rest += text;
    const blocks = rest.split("\n\n");
    rest = blocks.pop() as string;
    for (const block of blocks) {
      const { 1: event, 2: data } = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined && data !== undefined) yield [event, jsonOf(data, served)];
    }
  }
}
