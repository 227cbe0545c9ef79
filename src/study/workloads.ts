/**
 * What is run: scenarios measured on a real kernel (6.12; parity/README.md), the recorded trace that is shipped, generated
 * patterns that the kernels were not measured with, and traces of the reader's own. All become one shape, so that one
 * program runs them all: a scenario, its kernel's watermarks, and accesses.
 */
import { type Accesses, accessesOf, makeAccesses, type ScenarioAccesses } from "../parity/accesses.ts";
import type { Fixture, Kernel, Scenario } from "../parity/scenario.ts";
import { groupOf } from "../parity/setup.ts";
import { sequential, shift, zipf } from "../trace/generate.ts";
import type { Trace } from "../trace/trace.ts";

/** Something to run. */
export interface Workload {
  readonly name: string;
  /** In the words of the report. */
  readonly about: string;
  readonly scenario: Scenario;
  readonly kernel: Kernel;
  readonly accesses: () => ScenarioAccesses;
}

/** The kernel whose scenarios are run. */
export const KERNEL = "6.12";

/** Scenarios by the name that the report has for them: the id between kernel and LRU, `demote1` taken out. */
const SCENARIOS: Readonly<Record<string, readonly [id: string, about: string]>> = {
  "default-1.5x-zipf08": ["default/1.5x/zipf08/demote1", "default policy, 1.5 x node 0, Zipf 0.8"],
  "default-1.5x-zipf10": ["default/1.5x/zipf10/demote1", "default policy, 1.5 x node 0, Zipf 1.0"],
  "default-1.5x-zipf12": ["default/1.5x/zipf12/demote1", "default policy, 1.5 x node 0, Zipf 1.2"],
  "default-1.5x-seq": ["default/1.5x/seq/demote1", "default policy, 1.5 x node 0, cyclic sequential"],
  "default-3x-zipf08": ["default/3x/zipf08/demote1", "default policy, 3 x node 0 (more than both nodes), Zipf 0.8"],
  "default-3x-zipf10": ["default/3x/zipf10/demote1", "default policy, 3 x node 0, Zipf 1.0"],
  "default-3x-seq": ["default/3x/seq/demote1", "default policy, 3 x node 0, cyclic sequential"],
  "bind0-1.5x-zipf08": ["bind0/1.5x/zipf08/demote1", "bound to node 0, 1.5 x node 0, Zipf 0.8"],
  "bind0-1.5x-zipf10": ["bind0/1.5x/zipf10/demote1", "bound to node 0, 1.5 x node 0, Zipf 1.0"],
  "bind0-1.5x-seq": ["bind0/1.5x/seq/demote1", "bound to node 0, 1.5 x node 0, cyclic sequential"],
  "bind0-3x-zipf10": ["bind0/3x/zipf10/demote1", "bound to node 0, 3 x node 0, Zipf 1.0"],
  "bind0-3x-seq": ["bind0/3x/seq/demote1", "bound to node 0, 3 x node 0, cyclic sequential"],
  cpuset0: ["special/cpuset0-1.5x/demote1", "in a group with mems = node 0, 1.5 x node 0, Zipf"],
  mbind0: ["special/mbind0-1.5x/demote1", "mbind() to node 0, 1.5 x node 0, Zipf"],
  max48M: ["special/memcg/max48M-1.5x", "in a group with memory.max = 48 MiB (12,288 pages), 1.5 x node 0, Zipf"],
  locked: ["special/full-target/node1-locked", "bound to node 0, node 1 locked full by another program"],
  "full-target": ["special/full-target/node1-reclaimable", "node 1 filled first, then 3 x node 0, Zipf"],
  "promo-1.5x": ["promo/zipf10-1.5x/numab2", "default policy, 1.5 x node 0, Zipf 1.0, ten times as long"],
  "promo-3x": ["promo/zipf10-3x/numab2", "default policy, 3 x node 0, Zipf 1.0, ten times as long"],
  "thp-bind0": ["special/thp/bind0-1.5x", "huge pages, bound to node 0, 1.5 x node 0, room on node 1"],
  "thp-full": ["special/thp/bind0-1.5x-full-target", "huge pages, bound to node 0, 1.5 x node 0, node 1 nearly full"],
  "thp-3x": ["special/thp/default-3x", "huge pages, default policy, 3 x node 0"],
};

/** The program's trace, by name: see {@link generated}. */
const GENERATED: Readonly<Record<string, string>> = {
  phases: "a working set of 6,144 pages that moves on every 40,000 accesses, over 24,576 pages",
  loop: "cyclic sequential over 24,576 pages, eight rounds",
  "shift-1.5x": "1.5 x node 0; 95 % of the accesses to 8,192 pages, of which others take their place four times",
  "shift-3x": "3 x node 0 (more than both nodes), likewise",
  scans: "Zipf 1.0 over 24,576 pages, all of them read once after every 40,000 accesses",
};

/** How much smaller everything is in a quick run. */
export const QUICK = 4;

/** All workloads by name. `quick`: every size and length a {@link QUICK}th. */
export function workloads(fixture: Fixture, traces: readonly Trace[], quick: boolean): Map<string, Workload> {
  const kernel = fixture.kernels[KERNEL] as Kernel;
  const all: Workload[] = [];
  for (const [name, [id, about]] of Object.entries(SCENARIOS)) {
    const scenario = findScenario(fixture, id, false);
    if (scenario !== undefined) all.push(ofScenario(name, about, scenario, kernel, quick));
  }
  for (const [name, about] of Object.entries(GENERATED)) {
    all.push(
      name.startsWith("shift")
        ? ofShift(name, about, kernel, quick)
        : ofTrace(name, about, () => generated(name, quick ? QUICK : 1), kernel, sizes(quick)),
    );
  }
  for (const trace of traces) {
    const about = `recorded trace ${trace.name}: ${trace.requests.toLocaleString("en-US")} accesses to ${trace.keys.toLocaleString("en-US")} pages; node 0 holds a third of them, node 1 another`;
    const third = Math.max(256, Math.floor(trace.keys / 3));
    all.push(ofTrace(trace.name, about, () => toAccesses(trace), kernel, [third, third, trace.keys, trace.requests]));
  }
  return new Map(all.map((workload) => [workload.name, workload]));
}

/** A recorded scenario by the middle of its id. */
export function findScenario(fixture: Fixture, id: string, mglru: boolean): Scenario | undefined {
  const exact = [`${KERNEL}/${id}/mglru${mglru ? 1 : 0}`, `${KERNEL}/${id}-demote0/mglru${mglru ? 1 : 0}`];
  return exact.map((e) => fixture.scenarios.find((s) => s.id === e)).find((s) => s !== undefined);
}

/** What the kernel did on a workload of {@link SCENARIOS}: with the other list design, or with demotion off. */
export function recordedTwin(
  fixture: Fixture,
  name: string,
  { mglru = false, demotion = true }: { mglru?: boolean; demotion?: boolean },
): Scenario | undefined {
  const id = SCENARIOS[name]?.[0];
  if (id === undefined) return undefined;
  const off = id.includes("demote1") ? id.replace("demote1", "demote0") : `${id}-demote0`;
  const wanted = `${KERNEL}/${demotion ? id : off}/mglru${mglru ? 1 : 0}`;
  return fixture.scenarios.find((s) => s.id === wanted);
}

function ofScenario(name: string, about: string, scenario: Scenario, kernel: Kernel, quick: boolean): Workload {
  if (!quick) return { name, about, scenario, kernel, accesses: () => accessesOf(scenario) };
  const { trace, freeAtStart } = scenario;
  const small = (n: number): number => Math.max(64, Math.round(n / QUICK));
  const pages = small(trace.pages);
  const n = small(trace.n);
  const made = { ...trace, pages, n };
  return {
    name,
    about,
    scenario: {
      ...scenario,
      trace: made,
      freeAtStart: { node0: small(freeAtStart.node0), node1: small(freeAtStart.node1) },
    },
    kernel: scaled(kernel, 1 / QUICK, 1 / QUICK),
    accesses: () => ({ ...makeAccesses({ ...made, pop: 2 }), populated: trace.pop !== 2 }),
  };
}

/** Pages on node 0 and on node 1, pages and accesses of the trace. */
type Sizes = readonly [node0: number, node1: number, pages: number, n: number];

function sizes(quick: boolean): Sizes {
  const by = quick ? QUICK : 1;
  return [16384 / by, 12288 / by, 24576 / by, 200_000 / by];
}

function ofTrace(
  name: string,
  about: string,
  make: () => ScenarioAccesses,
  kernel: Kernel,
  [node0, node1, pages, n]: Sizes,
): Workload {
  const scenario: Scenario = {
    id: `study/${name.replaceAll(/[/-]/g, "_")}/mglru0`,
    kernel: KERNEL,
    mglru: false,
    demotion: true,
    policy: "default",
    topology: "base",
    trace: { pattern: name, pages, n, hash: "" },
    rc: 0,
    freeAtStart: { node0, node1 },
    jitterOnly: {},
  };
  return { name, about, scenario, kernel: scaled(kernel, node0 / 16384, node1 / 24576), accesses: make };
}

/** The pattern `shift` of the kernels' trace generator, on the nodes that they were measured with, filled beforehand. */
function ofShift(name: string, about: string, kernel: Kernel, quick: boolean): Workload {
  const by = quick ? QUICK : 1;
  const pages = (name === "shift-3x" ? 49_152 : 24_576) / by;
  const made = { pattern: "shift", pages, n: 200_000 / by, hot: 8192 / by, hotp: 95, shifts: 4, pop: 1 };
  const accesses = () => ({ ...makeAccesses(made), populated: true });
  const workload = ofTrace(name, about, accesses, kernel, [16_384 / by, 24_576 / by, pages, made.n]);
  return { ...workload, kernel: quick ? scaled(kernel, 1 / QUICK, 1 / QUICK) : kernel };
}

/** The kernel's watermarks on nodes of another size. */
function scaled(kernel: Kernel, by0: number, by1: number): Kernel {
  const marks = (m: readonly [number, number, number], by: number): [number, number, number] => {
    const min = Math.max(4, Math.round(m[0] * by));
    const low = Math.max(min + 4, Math.round(m[1] * by));
    return [min, low, Math.max(low + 4, Math.round(m[2] * by))];
  };
  const { node0, node1 } = kernel.watermarks;
  return { ...kernel, watermarks: { node0: marks(node0, by0), node1: marks(node1, by1) } };
}

function generated(name: string, by: number): ScenarioAccesses {
  const [keys, every] = [24576 / by, 40_000 / by];
  const common = { keys, requests: 200_000 / by, writeRatio: 0.3 };
  if (name === "phases") {
    return toAccesses(shift({ ...common, workingSet: keys / 4, every }), keys);
  }
  if (name === "loop") return toAccesses(sequential({ ...common, requests: 8 * keys }), keys);
  const popular = toAccesses(zipf({ ...common, requests: 160_000 / by, alpha: 1 }), keys).entries;
  const scan = Uint32Array.from({ length: keys }, (_, page) => page << 1);
  const parts: Uint32Array[] = [];
  for (let from = 0; from < popular.length; from += every) parts.push(popular.subarray(from, from + every), scan);
  return asAccesses(Uint32Array.from(parts.flatMap((part) => [...part])));
}

/** A trace's keys as pages. */
function toAccesses(trace: Trace, keys?: number): ScenarioAccesses {
  const entries = new Uint32Array(trace.requests);
  for (let i = 0; i < trace.requests; i++) {
    const key = trace.key[i] as number;
    const page = keys === undefined ? key : Number(trace.original[key]);
    entries[i] = (page << 1) | (trace.op?.[i] ?? 0);
  }
  return asAccesses(entries);
}
function asAccesses(entries: Uint32Array): ScenarioAccesses {
  const accesses: Accesses = { entries, hash: "", ranking: undefined };
  return { ...accesses, populated: false };
}

/** The group of a scenario in a quick run: its limit shrinks with everything else. */
export function groupOfWorkload(workload: Workload, quick: boolean): ReturnType<typeof groupOf> {
  const group = groupOf(workload.scenario);
  if (!quick || group?.max === undefined) return group;
  return { ...group, max: Number(group.max) / QUICK };
}
