/** `lieu replay TRACE`: a trace over a memory, every byte checked. */
import { type Command, Option } from "commander";
import { LieuError } from "../errors.ts";
import { PRESETS } from "../mm/presets.ts";
import { FORMATS, openTrace, type TraceFormat } from "../trace/open.ts";
import { type ReplayObserver, type ReplayResult, replay } from "../trace/replay.ts";
import { checkReplayOptions, type ReplayOptions } from "../trace/replay-options.ts";
import type { Trace } from "../trace/trace.ts";
import { applySetting, readConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { startProgress } from "./progress.ts";
import { replayJson, replayReport } from "./report.ts";
import { tracePath } from "./shipped.ts";
import { addWatchOptions, checkWatchFlags, type WatchFlags, watched } from "./watch.ts";

const NOTES = `
Sizes are bytes, "64MiB", "10MB" or "33%": a share of the footprint, which is the sum of the sizes of all objects of the
trace, or 4 KiB a key as a region.

Without other word the memory is a node "dram" (33 % of the footprint as a region; 10 %, at most 256 MiB, as a cache), a
node "slow" a tier below it (33 %; 20 %, at most 512 MiB) and a swap file "swap" (the footprint; 20 %, at most 512 MiB)
in a temporary folder.

Every value is made from its key, and all of its bytes are compared on each hit. Time is virtual, so the same seed gives
the same counters; requests/s is of the loop over the requests alone, checks included, reading the trace and opening the
memory excluded.

Exit status: 0; 1, a value was wrong; 2, bad usage or input; 70, a bug in lieu; 130, interrupted.

Examples:
  $ lieu replay trace.mtr.gz --as region
  $ lieu replay trace.oracleGeneral.zst --dram 64MiB --slow 256MiB --swap 1GiB
  $ lieu replay trace.csv --no-demotion --json
  $ generate | lieu replay - --format csv
  $ lieu replay trace.mtr.gz --config tiers.yaml --preset linux --set swappiness=10
  $ lieu replay trace.mtr.gz --as region --watch
  $ lieu replay trace.mtr.gz --as region --report run.html

  tiers.yaml:
    nodes:
      dram: { kind: dram, size: 25% }
      cxl:  { kind: dram, size: 50%, tier: 1 }
    swap:
      - { kind: file, path: lieu.swap, size: 100% }
`;

/** What commander makes of the flags. */
interface Flags
  extends Pick<ReplayOptions, "as" | "preset" | "dram" | "slow" | "swapFile" | "maxSize" | "engine">,
    WatchFlags {
  readonly config?: string;
  readonly set?: readonly string[];
  readonly swap?: string;
  readonly demotion?: boolean;
  readonly promotion?: boolean;
  readonly bytes: boolean;
  readonly seed?: number;
  readonly limit?: number;
  readonly accessTime?: number;
  readonly json?: boolean;
  readonly format?: TraceFormat;
}

export function addReplay(program: Command, context: Context): void {
  const verb = program
    .command("replay")
    .summary("replay a trace over tiers of memory")
    .description("Replay a trace (.mtr, .oracleGeneral, .csv; plain, .gz or .zst) over tiers of memory.")
    .argument("<trace>", "the trace's file; - for the standard input")
    .optionsGroup("What to replay:")
    .addOption(
      new Option("--as <what>", 'objects of a "cache" or pages of a "region" (default: cache)').choices([
        "cache",
        "region",
      ]),
    )
    .addOption(
      new Option("--format <name>", "of a trace whose name does not say (default: by its content)").choices(FORMATS),
    )
    .option("--limit <n>", "only the first n requests", number("--limit"))
    .option("--no-bytes", "places only, no bytes to move or check (with --as region)")
    .optionsGroup("Tiers:")
    .option("--dram <size>", 'size of the node "dram"')
    .option("--slow <size>", 'size of the node "slow", a tier below; 0 for none')
    .option("--swap <size>", 'size of the swap file "swap"; 0 for none')
    .option("--swap-file <path>", "where the swap file is to be (default: in a temporary folder)")
    .option("--max-size <size>", "the most that the cache may hold (default: all tiers)")
    .optionsGroup("Behaviour:")
    .addOption(new Option("--preset <name>", "the rules (default: lieu)").choices(Object.keys(PRESETS)))
    .option("--demotion", "move cold pages to lower tiers")
    .option("--no-demotion", "... or do not")
    .option("--promotion", "move hot pages up")
    .option("--no-promotion", "... or do not")
    .option("--seed <n>", "of what is random (default: 1)", number("--seed"))
    .option("--access-time <us>", "virtual microseconds a request (default: 10)", number("--access-time"))
    .addOption(
      new Option("--engine <twin>", "which of the engine's twins runs (default: wasm)").choices(["wasm", "js"]),
    )
    .option("--config <file>", "options from a YAML or JSON file; flags win over it")
    .option("--set <key=value>", "any option of a configuration file; may be repeated", append)
    .optionsGroup("Output:")
    .option("--json", "print one JSON object");
  addWatchOptions(verb)
    .addHelpText("after", NOTES)
    .action(async (path: string, flags: Flags) => {
      checkWatchFlags(flags);
      const options = optionsOf(flags);
      const trace = await orInterrupted(openTrace(tracePath(path), flags.format), context.signal);
      const title = `${trace.name} as ${options.as ?? "cache"}`;
      await watched(title, flags, context, async (observer) => {
        const how = { label: trace.name, source: flags.config, observer };
        const result = await replayWithProgress(trace, options, context, how);
        context.stdout.write(`${flags.json === true ? JSON.stringify(replayJson(result)) : replayReport(result)}\n`);
        if (result.corrupt === 0) return;
        context.status = 1;
        context.stderr.write(`lieu: ${result.corrupt} values were not what had been stored\n`);
      });
    });
}

/** What `work` comes to, unless the signal is set off before. */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
  });
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Replay with a progress bar; Ctrl-C ends it, with everything cleaned up. */
export async function replayWithProgress(
  trace: Trace,
  options: ReplayOptions,
  context: Context,
  how: { label: string; source?: string | undefined; observer?: ReplayObserver | undefined },
): Promise<ReplayResult> {
  const { label, source, observer } = how;
  const requests = Math.min(trace.requests, options.limit ?? trace.requests);
  const progress = startProgress(context.stderr, label, requests);
  try {
    const { signal } = context;
    return await replay(trace, options, {
      signal,
      onProgress: (done) => progress.update(done),
      ...(source !== undefined && { source }),
      ...(observer !== undefined && { observer }),
    });
  } finally {
    progress.stop();
  }
}

/** The configuration file, if any, with the flags over it. */
function optionsOf(flags: Flags): ReplayOptions {
  const {
    config,
    set = [],
    swap,
    bytes,
    json: _,
    format: _format,
    watch: _w,
    paused: _h,
    port: _p,
    report: _r,
    ...same
  } = flags;
  let options: ReplayOptions = config === undefined ? {} : readConfig(config);
  for (const setting of set) options = applySetting(options, setting);
  const given = { ...same, ...(swap !== undefined && { swapSize: swap }), ...(!bytes && { bytes }) };
  return checkReplayOptions({ ...options, ...given });
}

function number(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value)) return value;
    throw new LieuError("EINVAL", `${flag} is ${JSON.stringify(text)}; give a number`);
  };
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
