/** Progress on stderr: a bar on a terminal, elsewhere a line every ten seconds. */
import { type Options, Presets, SingleBar } from "cli-progress";
import type { Output } from "./context.ts";
import { count } from "./report.ts";

const LINE_MS = 10_000;

export interface Progress {
  update(done: number): void;
  /** Leaves nothing of the bar behind. */
  stop(): void;
}

/** Progress of something that takes `total` of `unit`. */
export function startProgress(stderr: Output, label: string, total: number, unit = "requests"): Progress {
  return stderr.isTTY === true ? bar(stderr, label, total, unit) : lines(stderr, label, total, unit);
}

function bar(stderr: Output, label: string, total: number, unit: string): Progress {
  const options: Options = {
    stream: stderr as NodeJS.WritableStream,
    format: `${label} [{bar}] {percentage} %  {value} of {total} ${unit}, {duration_formatted}`,
    formatValue: (value, _options, type) => (type === "value" || type === "total" ? count(value) : String(value)),
    hideCursor: true,
    clearOnComplete: true,
    // Ctrl-C is handled above; the bar's own handler would end the process before anything is cleaned up.
    gracefulExit: false,
  };
  const single = new SingleBar(options, Presets.shades_classic);
  single.start(total, 0);
  return { update: (done) => single.update(done), stop: () => single.stop() };
}

function lines(stderr: Output, label: string, total: number, unit: string): Progress {
  let last = performance.now();
  return {
    update(done) {
      const now = performance.now();
      if (now - last < LINE_MS) return;
      last = now;
      stderr.write(`${label}: ${count(done)} of ${count(total)} ${unit}\n`);
    },
    stop: () => undefined,
  };
}
