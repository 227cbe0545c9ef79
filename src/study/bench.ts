/** Makes the runs that experiments ask for: each trace once, and no run twice. */
import { LieuError } from "../errors.ts";
import type { ScenarioAccesses } from "../parity/accesses.ts";
import type { Cell } from "./experiment.ts";
import { runTrial, type Trial } from "./trial.ts";
import { groupOfWorkload, type Workload } from "./workloads.ts";

export class Bench {
  readonly #workloads: ReadonlyMap<string, Workload>;
  readonly #quick: boolean;
  readonly #done = new Map<string, Trial>();
  /** The accesses used last: experiments go workload by workload, and traces are large. */
  #accesses: { readonly workload: string; readonly made: ScenarioAccesses } | undefined;

  constructor(workloads: ReadonlyMap<string, Workload>, quick: boolean) {
    this.#workloads = workloads;
    this.#quick = quick;
  }

  /** @throws {@link LieuError} EBUG for a workload that there is not, or an engine's invariant that does not hold */
  run(cell: Cell): Trial {
    const { options, looks, unfold, custom } = cell;
    const key = JSON.stringify([cell.workload, custom === undefined ? options : cell.value, looks, unfold]);
    const before = this.#done.get(key);
    if (before !== undefined) return { ...before, value: cell.value };
    const trial = custom === undefined ? this.#runWorkload(cell) : custom(this.#quick);
    this.#done.set(key, trial);
    return trial;
  }

  #runWorkload({ workload: name, value, options, looks, unfold }: Cell): Trial {
    const workload = this.#workloads.get(name);
    if (workload === undefined) throw new LieuError("EBUG", `there is no workload ${name}`);
    if (this.#accesses?.workload !== name) this.#accesses = { workload: name, made: workload.accesses() };
    const group = groupOfWorkload(workload, this.#quick);
    const asked = group === undefined || options.group !== undefined ? options : { ...options, group };
    const { made } = this.#accesses;
    return runTrial(workload, value, asked, unfold === true ? unfolded(made, workload) : made, looks);
  }
}

/** The same accesses with the writes that come before them. */
function unfolded(made: ScenarioAccesses, { scenario }: Workload): ScenarioAccesses {
  if (!made.populated) return made;
  const { pages } = scenario.trace;
  const entries = new Uint32Array(pages + made.entries.length);
  for (let page = 0; page < pages; page++) entries[page] = (page << 1) | 1;
  entries.set(made.entries, pages);
  return { ...made, entries, populated: false };
}
