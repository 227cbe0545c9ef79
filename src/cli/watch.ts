/** `--watch` and `--report`, of verbs that replay: the run in a browser while it goes on, or as a page afterwards. */
import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { ReplayWatch } from "../server/replay-watch.ts";
import { reportPage } from "../server/report.ts";
import type { ReplayObserver } from "../trace/replay.ts";
import { fileError } from "../trace/source.ts";
import type { Context } from "./context.ts";
import { refuse } from "./refuse.ts";

export interface WatchFlags {
  readonly watch?: boolean;
  readonly paused?: boolean;
  readonly port?: number;
  readonly report?: string;
}

/** Milliseconds after each look, so that there is something to see: at most 400 of them, in 20 seconds. */
const PACE = 50;

export function addWatchOptions(verb: Command): Command {
  return verb
    .option("--watch", "show it in a browser as it runs, slowly; stay until Ctrl-C")
    .option("--paused", "with --watch: wait for a click on Resume, or Step, before it begins")
    .option("--port <n>", "the port for --watch (default: one that is free)", port)
    .option("--report <file>", "write the run as one page of HTML");
}

/** @throws {@link LieuError} EINVAL: a flag of --watch without it */
export function checkWatchFlags(flags: WatchFlags): void {
  if (flags.watch !== true) refuse(flags, ["paused", "port"], "goes with --watch, which is not given");
}

/**
 * Do `work` with what looks at its replay, as the flags say. With --watch, comes back when it is interrupted after the work is done.
 *
 * @throws {@link LieuError} EBUSY, EACCES: the port cannot be had; the errors of the report's file
 */
export async function watched(
  title: string,
  flags: WatchFlags,
  { stderr, signal }: Context,
  work: (observer: ReplayObserver | undefined) => Promise<void>,
): Promise<void> {
  const { watch, paused = false, port = 0, report } = flags;
  if (watch !== true && report === undefined) return work(undefined);
  // Found out before the work is done.
  if (report !== undefined) write(report, "");
  const address = watch === true ? { port, host: "127.0.0.1", token: undefined } : undefined;
  const onServe = (url: string) => void stderr.write(`Watch it at ${url}\n`);
  const observer = new ReplayWatch({ title, address, pace: PACE, paused, signal, onServe });
  try {
    await work(observer);
    if (report !== undefined && observer.run !== undefined) {
      write(report, reportPage(observer.run));
      stderr.write(`The report is ${report}\n`);
    }
    if (watch !== true) return;
    stderr.write("The dashboard stays until Ctrl-C.\n");
    await interrupted(signal);
  } finally {
    await observer.close();
  }
}

/** Settles when Ctrl-C has been pressed. */
export function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // A server keeps no process alive.
    const timer = setInterval(() => undefined, 1e9);
    const stop = (): void => {
      clearInterval(timer);
      resolve();
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw fileError(path, error);
  }
}

/** A port, from a flag. */
export function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw new InvalidArgumentError("give a port, 0 to 65535");
}
