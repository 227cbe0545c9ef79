/**
 * What a scenario comes to on the engine: two nodes without bytes, as large as what the kernel had free at the start, under
 * its watermarks; a swap device that always has room; the policy, group and switches that the scenario names. Everything
 * is read off the scenario's fields, and its id where the id says what was otherwise than usual.
 */
import type { GroupOptions } from "../memory/group.ts";
import type { MemoryOptions } from "../memory/memory-options.ts";
import type { Behaviour, Preset } from "../mm/presets.ts";
import { bind, defaultPolicy, interleave, type Policy, preferred } from "../region/policy.ts";
import { hasWord, type Kernel, kernelVersion, type Scenario } from "./scenario.ts";

const PAGE = 4096;

/** How a run may differ from the scenario. */
export interface Overrides {
  /** "linux" if absent. */
  readonly preset?: Preset | undefined;
  readonly behaviours?: Partial<Record<Behaviour, boolean>> | undefined;
  /** Any options of openMemory(), over those that the scenario comes to. */
  readonly memory?: Partial<MemoryOptions> | undefined;
  /** Nanoseconds of an access to node 1; three times node 0's if absent. */
  readonly slowLatency?: number | undefined;
  /** In place of the scenario's. */
  readonly policy?: Policy | undefined;
  /** In place of the scenario's; null for none. */
  readonly group?: GroupOptions | null | undefined;
}

/** What a run needs. */
export interface Setup {
  readonly memory: MemoryOptions;
  readonly policy: Policy;
  readonly group: GroupOptions | undefined;
  /** Bytes of the folios asked for on first touch. */
  readonly folio: number;
}

/** What `scenario` comes to on the engine. */
export function setupOf(scenario: Scenario, kernel: Kernel, overrides: Overrides = {}): Setup {
  const preset = overrides.preset ?? "linux";
  const { node0, node1 } = scenario.freeAtStart;
  const marks = watermarksOf(scenario, kernel);
  const swappiness = hasWord(scenario, /^swappiness(\d+)$/);
  const swapless = /(?:^|[/-])(?:no-?swap|swap0|swap-?off)(?:[/-]|$)/.test(scenario.id);
  return {
    memory: {
      nodes: {
        node0: { kind: "model", size: node0 * PAGE, watermarks: marks.node0 },
        node1: {
          kind: "model",
          size: node1 * PAGE,
          tier: 1,
          watermarks: marks.node1,
          ...(overrides.slowLatency !== undefined && { latency: overrides.slowLatency }),
        },
      },
      swap: swapless ? [] : [{ kind: "null", size: 2 * scenario.trace.pages * PAGE }],
      preset,
      behaviours: { ...behavioursOf(scenario, preset), ...overrides.behaviours },
      pretouch: false,
      ...(swappiness !== null && { swappiness: Number(swappiness[1]) }),
      ...overrides.memory,
    },
    policy: overrides.policy ?? policyOf(scenario),
    group: overrides.group === null ? undefined : (overrides.group ?? groupOf(scenario)),
    folio: hasWord(scenario, /^thp$/) === null ? PAGE : 512 * PAGE,
  };
}

/** What the kernel had switched on, for the presets that stand for kernels; lieu only takes the word on demotion. */
function behavioursOf(scenario: Scenario, preset: Preset): Partial<Record<Behaviour, boolean>> {
  if (preset === "lieu") return { demotion: scenario.demotion };
  const [major = 0, minor = 0] = kernelVersion(scenario).split(".").map(Number);
  // NUMA balancing was off in all but the runs that measured it; demotion looks at cpuset.mems since 6.16.
  return {
    demotion: scenario.demotion,
    promotion: preset === "linux" && hasWord(scenario, /^numab2$/) !== null,
    ...(preset === "linux" && { honourCpuset: major > 6 || (major === 6 && minor >= 16) }),
  };
}

/** The memory policy that a scenario's word stands for. */
export function policyOf(scenario: Scenario): Policy {
  const [, mode, digits = ""] = /^m?(bind|inter|prefer)(\d+)$/.exec(scenario.policy) ?? [];
  const nodes = [...digits].map((digit) => `node${digit}`);
  if (mode === "bind") return bind(...nodes);
  if (mode === "inter") return interleave(...nodes);
  if (mode === "prefer") return preferred(nodes[0] as string);
  return defaultPolicy();
}

/** The group that a scenario's program was in: cpuset.mems, memory.max. */
export function groupOf(scenario: Scenario): GroupOptions | undefined {
  const mems = hasWord(scenario, /^cpuset(\d+)$/);
  const max = hasWord(scenario, /^max(\d+)M$/);
  if (mems === null && max === null) return undefined;
  return {
    ...(mems !== null && { mems: [...(mems[1] as string)].map((digit) => `node${digit}`) }),
    ...(max !== null && { max: Number(max[1]) * 2 ** 20 }),
  };
}

/** Whether node 1 is ordinary memory as node 0 is; usually it holds movable pages only. */
export function nodesAreOrdinary(scenario: Scenario): boolean {
  return /\bonline\b/.test(scenario.topology);
}

/** Pages. */
export interface Marks {
  readonly min: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The watermarks that a scenario ran under: the kernel's in the base topology; with another watermark_scale_factor, or with
 * node 1 onlined as ordinary memory, what the kernel's formulas make of the pages that the zones manage.
 */
export function watermarksOf(scenario: Scenario, kernel: Kernel): { node0: Marks; node1: Marks } {
  const scale = Number(hasWord(scenario, /^wsf(\d+)$/)?.[1] ?? 10);
  const ordinary = nodesAreOrdinary(scenario) && !kernel.movableIsLowmem;
  const { managed } = kernel;
  const total = kernel.watermarks.node0[0] + (kernel.movableIsLowmem ? kernel.watermarks.node1[0] : 0);
  const marks = (node: "node0" | "node1"): Marks => {
    const [min, low, high] = kernel.watermarks[node];
    const share = Math.floor((total * managed[node]) / (managed.node0 + managed.node1));
    const base = ordinary ? share : min;
    const gap = Math.max(ordinary ? share >> 2 : low - min, Math.floor((managed[node] * scale) / 10000));
    return scale === 10 && !ordinary ? { min, low, high } : { min: base, low: base + gap, high: base + 2 * gap };
  };
  return { node0: marks("node0"), node1: marks("node1") };
}
