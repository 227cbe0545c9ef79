/**
 * Scenarios: what a real kernel was given and what it did with it. The shipped fixture (parity/scenarios.json.gz; its README
 * says what was measured and how) holds the machines and their scenarios; a file of further scenarios, recorded on the
 * same machines, may be a bare array of them.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { LieuError } from "../errors.ts";
import { describeIssues } from "../memory/options.ts";

const pages = z.number().int().nonnegative();
const perNode = z.object({ node0: pages, node1: pages });
const marks = z.tuple([pages, pages, pages]);
const range = z.tuple([z.number(), z.number()]);
const figures = z.record(z.string(), range);

const kernelSchema = z.object({
  release: z.string(),
  /** min, low and high of each node in the base topology, pages. */
  watermarks: z.object({ node0: marks, node1: marks }),
  /** Pages that the zones manage, used ones included: what the watermark formulas go by. */
  managed: perNode,
  /** Whether a movable zone has a share of min_free_kbytes as others do (until 6.3). */
  movableIsLowmem: z.boolean(),
});

const scenarioSchema = z.object({
  /** kernel / policy / footprint / pattern / demotion / LRU, or kernel / special / name. */
  id: z.string(),
  kernel: z.string(),
  mglru: z.boolean(),
  demotion: z.boolean(),
  policy: z.string(),
  topology: z.string(),
  /** Parameters of the trace (accesses.ts) and the hash of what they made. */
  trace: z.object({
    pattern: z.string(),
    alpha: z.number().nullish(),
    pages,
    n: pages,
    hash: z.string(),
    seed: z.number().optional(),
    w: z.number().optional(),
    /** 1: all pages are written once, in order, before the trace; 2: the first touch of a page is a write. */
    pop: z.number().optional(),
    perm: z.number().optional(),
    hot: z.number().optional(),
    hotp: z.number().optional(),
    shifts: z.number().optional(),
  }),
  /** 0, or 1009: killed for lack of memory. */
  rc: z.number(),
  freeAtStart: perNode,
  /** Least and most of each figure over repeats that differ in a few start-up instructions only. */
  jitterOnly: figures,
  /** The same over other clocks and CPU counts as well. */
  allTimings: figures.optional(),
  /** Accesses served by node 0, node 1 and swap in the second half of the trace, percent. */
  share: z.tuple([z.number(), z.number(), z.number()]).optional(),
});

const fixtureSchema = z.object({ kernels: z.record(z.string(), kernelSchema), scenarios: z.array(scenarioSchema) });

/** What was the same for all scenarios of a kernel version. */
export type Kernel = z.output<typeof kernelSchema>;
/** One recorded scenario. */
export type Scenario = z.output<typeof scenarioSchema>;
/** Figures by name, least and most. */
export type Recorded = Readonly<Record<string, readonly [number, number]>>;
/** Kernels by version ("6.12") and their scenarios. */
export type Fixture = z.output<typeof fixtureSchema>;

const SHIPPED = new URL("../../parity/scenarios.json.gz", import.meta.url);

/**
 * The shipped scenarios; or those of `file` (JSON, also .gz: a fixture or an array of scenarios) on the shipped kernels.
 *
 * @throws {@link LieuError} ENOENT, EFORMAT
 */
export function loadFixture(file?: string): Fixture {
  const shipped = parse(SHIPPED, "the shipped scenarios");
  if (file === undefined) return shipped;
  const { kernels, scenarios } = parse(file, file);
  return { kernels: { ...shipped.kernels, ...kernels }, scenarios };
}

function parse(path: string | URL, name: string): Fixture {
  let data: unknown;
  try {
    const bytes = readFileSync(path);
    data = JSON.parse((bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString("utf8"));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new LieuError(missing ? "ENOENT" : "EFORMAT", `${name} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const parsed = fixtureSchema.safeParse(Array.isArray(data) ? { kernels: {}, scenarios: data } : data);
  if (!parsed.success) throw new LieuError("EFORMAT", `${name}: ${describeIssues(parsed.error, data)}`);
  return parsed.data;
}

/** "6.12" of "6.12.117-amd64". */
export function kernelVersion(scenario: Scenario): string {
  return /^\d+\.\d+/.exec(scenario.kernel)?.[0] ?? scenario.kernel;
}

/** Whether a word of the scenario's id (its parts at / and -) matches. */
export function hasWord(scenario: Scenario, pattern: RegExp): RegExpExecArray | null {
  for (const word of scenario.id.split(/[/-]/)) {
    const found = pattern.exec(word);
    if (found !== null) return found;
  }
  return null;
}

/** What a figure was over all runs that there are of it; undefined where it was not measured. */
export function recorded(scenario: Scenario, figure: string): readonly [number, number] | undefined {
  const a = scenario.jitterOnly[figure];
  const b = scenario.allTimings?.[figure];
  if (a === undefined || b === undefined) return a ?? b;
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}
