/** The study: all experiments, or some, and the files of their report. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LieuError } from "../errors.ts";
import { loadFixture } from "../parity/scenario.ts";
import { openTrace } from "../trace/open.ts";
import { fileError } from "../trace/source.ts";
import type { Trace } from "../trace/trace.ts";
import { Bench } from "./bench.ts";
import { cascade } from "./cascade.ts";
import { count } from "./count.ts";
import { demotion } from "./demotion.ts";
import { type Experiment, Results } from "./experiment.ts";
import { hostile } from "./hostile.ts";
import { limit } from "./limit.ts";
import { lists } from "./lists.ts";
import { pays } from "./pays.ts";
import { policy } from "./policy.ts";
import { presets } from "./presets.ts";
import { promotion } from "./promotion.ts";
import { type Chapter, studyReport } from "./report.ts";
import { room } from "./room.ts";
import { split } from "./split.ts";
import type { Trial } from "./trial.ts";
import { wake } from "./wake.ts";
import { type Workload, workloads } from "./workloads.ts";

/** All experiments, in the order of the report. */
export const EXPERIMENTS: readonly Experiment[] = [
  demotion,
  wake,
  count,
  policy,
  hostile,
  split,
  cascade,
  promotion,
  limit,
  lists,
  room,
  pays,
  presets,
];

/** What to run, and how. */
export interface StudyOptions {
  /** Names of experiments; all if absent. */
  readonly only?: readonly string[] | undefined;
  /** A folder with more traces. */
  readonly traces?: string | undefined;
  /** Every size and length a quarter, few workloads. */
  readonly quick?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called before each run with how many are done and how many there are. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

/** What a study came to: its chapters, and the report as files by name. */
export interface StudyResult {
  readonly chapters: readonly Chapter[];
  readonly files: ReadonlyMap<string, string>;
}

const SHIPPED = fileURLToPath(new URL("../../traces/sqlite-session.mtr.gz", import.meta.url));

/**
 * Run the experiments. Yields to the event loop between runs.
 *
 * @throws {@link LieuError} EINVAL for an experiment that there is not; ENOENT, EACCES, EFORMAT of traces; EBUG
 */
export async function study(options: StudyOptions = {}): Promise<StudyResult> {
  const { only, quick = false, signal, onProgress } = options;
  const chosen = choose(only);
  const fixture = loadFixture();
  const traces = await tracesOf(options);
  const all = workloads(fixture, traces, quick);
  const context = { quick, traces: traces.map((t) => t.name) };
  const plans = chosen.map((experiment) => ({ experiment, cells: experiment.cells(context) }));
  const total = plans.reduce((n, { cells }) => n + cells.length, 0);
  const bench = new Bench(all, quick);
  const chapters: Chapter[] = [];
  let done = 0;
  for (const { experiment, cells } of plans) {
    const trials: Trial[] = [];
    for (const cell of cells) {
      await new Promise(setImmediate);
      signal?.throwIfAborted();
      onProgress?.(done++, total);
      trials.push(bench.run(cell));
    }
    const outcome = experiment.conclude(new Results(trials, fixture));
    chapters.push({ experiment, outcome, workloads: [...new Set(cells.map((c) => c.workload))] });
  }
  return { chapters, files: filesOf(chapters, all, total, options) };
}

function filesOf(
  chapters: readonly Chapter[],
  all: ReadonlyMap<string, Workload>,
  runs: number,
  options: StudyOptions,
): Map<string, string> {
  const flags = [
    ...(options.only === undefined ? [] : [`--only ${options.only.join(",")}`]),
    ...(options.traces === undefined ? [] : ["--traces DIR"]),
    ...(options.quick === true ? ["--quick"] : []),
    "--out DIR",
  ];
  const command = ["npx lieu study", ...flags].join(" ");
  const files = new Map<string, string>();
  files.set("README.md", studyReport(chapters, { workloads: all, command, quick: options.quick === true, runs }));
  for (const { outcome } of chapters) for (const { file, svg } of outcome.plots) files.set(`${file}.svg`, svg);
  return files;
}

/**
 * Write the report's files into `folder`, made if need be. Plots of an earlier report that this one has not are removed.
 *
 * @throws {@link LieuError} EACCES, ENOENT, ENOSPC, EIO
 */
export function writeStudy(folder: string, files: ReadonlyMap<string, string>): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) {
      if (!name.endsWith(".svg") || files.has(name)) continue;
      // Only what a study wrote: its plots say so.
      if (readFileSync(join(folder, name), "utf8").includes('aria-labelledby="t d"')) rmSync(join(folder, name));
    }
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
  } catch (error) {
    throw fileError(folder, error);
  }
}

/** @throws {@link LieuError} EINVAL */
function choose(only: readonly string[] | undefined): readonly Experiment[] {
  if (only === undefined) return EXPERIMENTS;
  const known = EXPERIMENTS.map((e) => e.name);
  const unknown = only.find((name) => !known.includes(name));
  if (unknown !== undefined || only.length === 0) {
    throw new LieuError(
      "EINVAL",
      `there is no experiment ${JSON.stringify(unknown ?? "")}; there are ${known.join(", ")}`,
    );
  }
  return EXPERIMENTS.filter((e) => only.includes(e.name));
}

/** The shipped trace, unless the run is to be quick, and those of the folder. */
async function tracesOf({ traces, quick = false }: StudyOptions): Promise<Trace[]> {
  const files = quick ? [] : [SHIPPED];
  if (traces !== undefined) {
    try {
      if (!statSync(traces).isDirectory()) throw new LieuError("EINVAL", `${traces} is not a folder`);
      const names = readdirSync(traces).filter((name) => /\.(mtr|csv|oracleGeneral)(\.bin)?(\.gz|\.zst)?$/i.test(name));
      files.push(...names.sort().map((name) => join(traces, name)));
    } catch (error) {
      throw fileError(traces, error);
    }
  }
  const opened: Trace[] = [];
  for (const file of files) {
    const trace = await openTrace(file);
    if (!opened.some((t) => t.name === trace.name)) opened.push(trace);
  }
  return opened;
}
