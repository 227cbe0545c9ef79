/**
 * The comparison: every scenario under the `linux` preset beside its kernel, and the default preset on the same traces and
 * sizes. Each kernel is compared with the engine on lists of its design: active and inactive, or multi-generational.
 */
import { accessesOf, type ScenarioAccesses } from "./accesses.ts";
import { AS_RECORDED, BARS, checkClean, checkPlacement, checkUseless, checkViolations, lieuOverrides } from "./bars.ts";
import { type Bar, type Check, judge, type Verdict } from "./check.ts";
import { checkInvariants, INVARIANTS } from "./invariants.ts";
import { type Run, type RunOptions, runScenario } from "./run.ts";
import { type Fixture, type Kernel, kernelVersion, type Scenario } from "./scenario.ts";
import { checkRows, ROWS } from "./tolerances.ts";
import { isConfined } from "./traits.ts";

/** What to compare, and how. */
export interface ParityOptions {
  /** Pages that kswapd looks at for each access. */
  readonly steps?: number | undefined;
  /** Only these; all if absent. */
  readonly only?: ((scenario: Scenario) => boolean) | undefined;
  /** Leave the default preset's bars out. */
  readonly linuxOnly?: boolean | undefined;
  /** Called before each scenario with how many are done and how many there are. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
  /** Ends the comparison early: it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a comparison came to. */
export interface ParityResult {
  /** One for each scenario, under the `linux` preset. */
  readonly runs: readonly Run[];
  readonly checks: readonly Check[];
  readonly verdicts: readonly Verdict[];
  /** Whether every bar was met. */
  readonly ok: boolean;
}

/** What a bar on kernels with the multi-generational LRU is called: each design must meet it by itself. */
const MGLRU = ", mglru";
const OF_KERNELS: readonly Bar[] = [...ROWS, ...INVARIANTS];

/** Every bar, in the order of the report. */
export const ALL_BARS: readonly Bar[] = [
  ...OF_KERNELS,
  ...OF_KERNELS.map(({ name, needed }) => ({ name: name + MGLRU, needed })),
  ...BARS,
];

/**
 * Compare. Yields to the event loop between scenarios.
 *
 * @throws {@link LieuError} EFORMAT if a trace is not the recorded one, EBUG
 */
export async function compare(fixture: Fixture, options: ParityOptions = {}): Promise<ParityResult> {
  const { steps, only = () => true, linuxOnly = false, onProgress, signal } = options;
  const scenarios = fixture.scenarios.filter(only);
  const bench = new Bench(fixture, steps);
  const runs: Run[] = [];
  const checks: Check[] = [];
  for (const [i, scenario] of scenarios.entries()) {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    onProgress?.(i, scenarios.length);
    const run = bench.run(scenario, withLists(scenario, "linux"));
    runs.push(run);
    checks.push(...byDesign(scenario.mglru, checkRows(run, fixture.kernels)));
    checks.push(...checkViolations(run, "linux"));
    if (isConfined(scenario)) {
      checks.push(...checkViolations(bench.run(scenario, withLists(scenario, "rfc2020")), "rfc2020"));
    }
    if (linuxOnly) continue;
    const recorded = bench.run(scenario, AS_RECORDED);
    checks.push(...checkClean(recorded), ...checkUseless(recorded));
    checks.push(...checkPlacement(bench.run(scenario, lieuOverrides(scenario))));
  }
  for (const mglru of [false, true]) {
    checks.push(...byDesign(mglru, checkInvariants(runs.filter(({ scenario }) => scenario.mglru === mglru))));
  }
  const verdicts = judge(ALL_BARS, checks).filter((verdict) => verdict.scenarios > 0);
  return { runs, checks, verdicts, ok: verdicts.every((verdict) => verdict.ok) };
}

/** A kernel's preset, on lists of the design that the scenario's kernel had. */
function withLists(scenario: Scenario, preset: "linux" | "rfc2020"): RunOptions {
  return { preset, memory: { lru: scenario.mglru ? "mglru" : "classic" } };
}
function byDesign(mglru: boolean, checks: readonly Check[]): readonly Check[] {
  return mglru ? checks.map((one) => ({ ...one, bar: one.bar + MGLRU })) : checks;
}

/** Runs scenarios, each trace made once, and no two runs that cannot differ. */
class Bench {
  readonly #fixture: Fixture;
  readonly #steps: number | undefined;
  readonly #traces = new Map<string, ScenarioAccesses>();
  readonly #done = new Map<string, Run>();

  constructor(fixture: Fixture, steps: number | undefined) {
    this.#fixture = fixture;
    this.#steps = steps;
  }

  run(scenario: Scenario, options: RunOptions): Run {
    const { trace, freeAtStart, policy, topology, demotion } = scenario;
    // Of the id only its words count (setup.ts), and the kernel gives the watermarks.
    const words = scenario.id.replace(/\/mglru\d$/, "");
    const about = [kernelVersion(scenario), words, trace.hash, freeAtStart, policy, topology, demotion, options];
    const key = JSON.stringify(options.preset === "lieu" ? about : [...about, scenario.mglru]);
    const before = this.#done.get(key);
    if (before !== undefined) return { ...before, scenario };
    const accesses = this.#traces.get(trace.hash) ?? accessesOf(scenario);
    this.#traces.set(trace.hash, accesses);
    const kernel = this.#fixture.kernels[kernelVersion(scenario)] as Kernel;
    const run = runScenario(scenario, kernel, { ...options, steps: this.#steps, accesses });
    this.#done.set(key, run);
    return run;
  }
}
