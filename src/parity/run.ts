/** One scenario on the engine: `runScenario()`, for the comparison and for whoever wants to study one. */
import type { Memory } from "../memory/memory.ts";
import { openMemorySync } from "../memory/open.ts";
import { bind, defaultPolicy } from "../region/policy.ts";
import type { Region } from "../region/region.ts";
import { accessesOf, type ScenarioAccesses } from "./accesses.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { PAGES_PER_TABLE, Program, ProgramClock, type Sample } from "./program.ts";
import type { Kernel, Scenario } from "./scenario.ts";
import { nodesAreOrdinary, type Overrides, setupOf } from "./setup.ts";

const PAGE = 4096;

/** Pages that kswapd looks at for each access: one number for all scenarios; docs/parity.md says how it was set. */
export const DEFAULT_STEPS = 4;
/** Virtual microseconds an access. */
const ACCESS_TIME = 10;

/** How to run a scenario, beside what it says itself. */
export interface RunOptions extends Overrides {
  /** Pages that kswapd looks at for each access, may be a fraction; {@link DEFAULT_STEPS} if absent. */
  readonly steps?: number | undefined;
  /** Virtual microseconds an access; 10 if absent. */
  readonly accessTime?: number | undefined;
  /** Bytes of a page that the program reads or writes at a time; all of them, as where the kernels were measured, if absent. */
  readonly accessBytes?: number | undefined;
  /** The scenario's trace, if it has been made already. */
  readonly accesses?: ScenarioAccesses | undefined;
  /** Called before the trace, after every `sampleEvery` accesses of it, and at its end. */
  readonly onSample?: ((sample: Sample) => void) | undefined;
  /** A hundredth of the trace if absent. */
  readonly sampleEvery?: number | undefined;
}

/** What a run came to. */
export interface Run {
  readonly scenario: Scenario;
  readonly figures: Figures;
  /** Accesses of the second half served by node 0, node 1 and swap, percent; a first touch counts where it landed. */
  readonly share: readonly [number, number, number];
  /** The memory ran out: the kernel kills the program there. */
  readonly killed: boolean;
  /** Pages placed where their policy or group forbids it. */
  readonly violations: number;
  /**
   * Zipf: the accesses of the second half that go to the most popular pages, as many as node 0 had free, percent: the share
   * of node 0 if somebody who knows the trace's law put them there and nothing ever moved.
   */
  readonly bestStatic: number | undefined;
}

/**
 * Run `scenario` on the engine. The engine's invariants are checked at the end.
 *
 * @throws {@link LieuError} EFORMAT if the trace is not the recorded one, EINVAL for bad overrides, EBUG
 */
export function runScenario(scenario: Scenario, kernel: Kernel, options: RunOptions = {}): Run {
  const setup = setupOf(scenario, kernel, options);
  const accesses = options.accesses ?? accessesOf(scenario);
  const clock = new ProgramClock();
  using memory = openMemorySync(setup.memory, { crank: clock });
  const group = setup.group === undefined ? undefined : memory.group("program", setup.group);
  const region = memory.map(scenario.trace.pages * PAGE, {
    policy: setup.policy,
    folio: setup.folio,
    ...(group !== undefined && { group }),
  });
  const tables = mapTables(memory, scenario);
  const { steps = DEFAULT_STEPS, accessTime = ACCESS_TIME, accessBytes, onSample, sampleEvery } = options;
  const program = new Program(memory, region, tables, clock, {
    steps,
    msPerAccess: accessTime / 1000,
    accessBytes,
    onSample,
    sampleEvery,
  });
  const killed = program.run(accesses);
  program.settle();
  memory.check();
  return {
    scenario,
    figures: figuresOf(memory, region, tables, killed),
    share: program.share(),
    killed,
    violations: memory.vmstat().policy_violations,
    bestStatic: bestStatic(accesses, scenario.freeAtStart.node0),
  };
}

/** Page tables: a page for 512, of node 0 unless node 1 is ordinary memory too, and there to stay. */
function mapTables(memory: Memory, scenario: Scenario): Region {
  const pages = Math.ceil(scenario.trace.pages / PAGES_PER_TABLE);
  const policy = nodesAreOrdinary(scenario) ? defaultPolicy() : bind("node0");
  return memory.map(pages * PAGE, { name: "page tables", policy, locked: true });
}

function bestStatic({ entries, ranking }: ScenarioAccesses, room: number): number | undefined {
  if (ranking === undefined) return undefined;
  const there = new Uint8Array(ranking.length);
  for (const page of ranking.subarray(0, room)) there[page] = 1;
  const half = entries.subarray(entries.length >> 1);
  let served = 0;
  for (const entry of half) served += there[entry >>> 1] as number;
  return (100 * served) / half.length;
}
