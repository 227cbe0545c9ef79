/**
 * Scenarios: what a real kernel was given and what it did with it. The shipped fixture (parity/scenarios.json.gz; its README
 * says what was measured and how) holds the machines and their scenarios; a file of further scenarios, recorded on the
 * same machines, may be a bare array of them.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { LieuError } from "../errors.ts";
import {
  boolean,
  type Checked,
  checkInput,
  list,
  nullable,
  number,
  object,
  optional,
  record,
  text,
  tuple,
  whole,
} from "../memory/schema.ts";

/** The recorder may write more than is read here. */
const loose = { loose: true };
const pages = whole(0);
const perNode = object({ node0: pages, node1: pages }, loose);
const marks = tuple([pages, pages, pages], "give min, low and high");
const range = tuple([number(), number()], "give least and most");
const figures = record(range, "ranges by figure");

const kernelSchema = object(
  {
    release: text(true),
    /** min, low and high of each node in the base topology, pages. */
    watermarks: object({ node0: marks, node1: marks }, loose),
    /** Pages that the zones manage, used ones included: what the watermark formulas go by. */
    managed: perNode,
    /** Whether a movable zone has a share of min_free_kbytes as others do (until 6.3). */
    movableIsLowmem: boolean,
  },
  loose,
);

const scenarioSchema = object(
  {
    /** kernel / policy / footprint / pattern / demotion / LRU, or kernel / special / name. */
    id: text(true),
    kernel: text(true),
    mglru: boolean,
    demotion: boolean,
    policy: text(true),
    topology: text(true),
    /** Parameters of the trace (accesses.ts) and the hash of what they made. */
    trace: object(
      {
        pattern: text(true),
        alpha: optional(nullable(number())),
        pages,
        n: pages,
        hash: text(true),
        seed: optional(number()),
        w: optional(number()),
        /** 1: all pages are written once, in order, before the trace; 2: the first touch of a page is a write. */
        pop: optional(number()),
        perm: optional(number()),
        hot: optional(number()),
        hotp: optional(number()),
        shifts: optional(number()),
      },
      loose,
    ),
    /** 0, or 1009: killed for lack of memory. */
    rc: number(),
    freeAtStart: perNode,
    /** Least and most of each figure over repeats that differ in a few start-up instructions only. */
    jitterOnly: figures,
    /** The same over other clocks and CPU counts as well. */
    allTimings: optional(figures),
    /** Accesses served by node 0, node 1 and swap in the second half of the trace, percent. */
    share: optional(tuple([number(), number(), number()], "give three percentages")),
  },
  loose,
);

const fixtureSchema = object(
  { kernels: record(kernelSchema, "kernels by version"), scenarios: list(scenarioSchema) },
  loose,
);

/** What was the same for all scenarios of a kernel version. */
export type Kernel = Checked<typeof kernelSchema>;
/** One recorded scenario. */
export type Scenario = Checked<typeof scenarioSchema>;
/** Figures by name, least and most. */
export type Recorded = Readonly<Record<string, readonly [number, number]>>;
/** Kernels by version ("6.12") and their scenarios. */
export type Fixture = Checked<typeof fixtureSchema>;

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
  const fixture = Array.isArray(data) ? { kernels: {}, scenarios: data } : data;
  return checkInput(fixtureSchema, fixture, { source: name, code: "EFORMAT" });
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
