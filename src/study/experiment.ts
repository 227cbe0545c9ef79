/**
 * What an experiment is: a question, one factor with its values, workloads to try them on, and a function from what was
 * measured to an answer. Everything that the report says of a result is computed from it; nothing is written in advance
 * but the question, what the factor is, and what was expected to matter.
 */
import { LieuError } from "../errors.ts";
import type { Behaviour, Preset } from "../mm/presets.ts";
import type { RunOptions } from "../parity/run.ts";
import type { Fixture } from "../parity/scenario.ts";
import type { Trial } from "./trial.ts";

/** One run to be made. */
export interface Cell {
  readonly workload: string;
  /** The setting's name, in the report's words. */
  readonly value: string;
  readonly options: RunOptions;
  /** Looks at the state during the run; 100 if absent. */
  readonly looks?: number | undefined;
  /** Whether the writes that fill the memory before the trace are made part of it, so that they are seen. */
  readonly unfold?: boolean | undefined;
  /** A run that is not a workload of the list under options, but something of its own. */
  readonly custom?: ((quick: boolean) => Trial) | undefined;
}

/** A table of the report; the first column is text. */
export interface TableOf {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Long ones are folded. */
  readonly folded?: boolean;
}

/** A figure of the report. */
export interface Plot {
  /** File name without extension. */
  readonly file: string;
  readonly svg: string;
  /** What it shows, in a sentence: the alternative text. */
  readonly alt: string;
}

/** What an experiment came to. */
export interface Outcome {
  /** One or two sentences. */
  readonly answer: string;
  /** What was found, each a sentence or two. */
  readonly findings: readonly string[];
  readonly tables: readonly TableOf[];
  readonly plots: readonly Plot[];
}

/** See the file's head. */
export interface Experiment {
  /** A word, for `--only`. */
  readonly name: string;
  readonly title: string;
  /** As the review asked it. */
  readonly question: string;
  /** What is varied and what is kept, a paragraph. */
  readonly method: string;
  /** The runs; `traces`: names of the recorded traces that there are. */
  readonly cells: (context: { readonly quick: boolean; readonly traces: readonly string[] }) => readonly Cell[];
  readonly conclude: (results: Results) => Outcome;
}

/** The runs of one experiment, by workload and setting. */
export class Results {
  readonly #trials: readonly Trial[];
  readonly fixture: Fixture;

  constructor(trials: readonly Trial[], fixture: Fixture) {
    this.#trials = trials;
    this.fixture = fixture;
  }

  /** Names of the workloads, in the order in which they were run. */
  get workloads(): string[] {
    return [...new Set(this.#trials.map((t) => t.workload))];
  }
  /** All runs of a workload. */
  of(workload: string): readonly Trial[] {
    return this.#trials.filter((t) => t.workload === workload);
  }
  has(workload: string, value: string): boolean {
    return this.#trials.some((t) => t.workload === workload && t.value === value);
  }
  /** @throws {@link LieuError} EBUG if there is no such run */
  get(workload: string, value: string): Trial {
    const found = this.#trials.find((t) => t.workload === workload && t.value === value);
    if (found === undefined) throw new LieuError("EBUG", `no run of ${workload} with ${value}`);
    return found;
  }
  /** Pairs of runs that differ in the setting only. */
  pairs(before: string, after: string): { workload: string; before: Trial; after: Trial }[] {
    const both = this.workloads.filter((w) => this.has(w, before) && this.has(w, after));
    return both.map((workload) => ({
      workload,
      before: this.get(workload, before),
      after: this.get(workload, after),
    }));
  }
}

/** A preset with switches set. Demotion is on unless it is said. */
export function setting(preset: Preset, behaviours: Partial<Record<Behaviour, boolean>> = {}): RunOptions {
  return { preset, behaviours: { demotion: true, ...behaviours } };
}

/** Each of the workloads under each of the settings. */
export function cross(
  workloads: readonly string[],
  settings: Readonly<Record<string, RunOptions>>,
  how: Pick<Cell, "looks" | "unfold"> = {},
): Cell[] {
  return workloads.flatMap((workload) =>
    Object.entries(settings).map(([value, options]) => ({ workload, value, options, ...how })),
  );
}

/** Whether a workload's program may use both nodes, by its name. */
export function isFree(workload: string): boolean {
  return !/^(thp-)?(m?bind0|cpuset0|locked|thp-full|full-target)/.test(workload);
}

/** `workloads`, or the first of them in a quick run. */
export function some(workloads: readonly string[], quick: boolean, nr = 2): readonly string[] {
  return quick ? workloads.slice(0, nr) : workloads;
}
