/**
 * How near the `linux` preset must come to the kernels, row by row. Where a row gives a tolerance, it is what the kernels
 * themselves differ by from one timing to another, and it must hold on nine scenarios out of ten; rows of identities are
 * exact and must hold on all.
 */
import { type Bar, type Check, check, exactly, kernelRange, within } from "./check.ts";
import type { Run } from "./run.ts";
import { type Kernel, kernelVersion, type Scenario } from "./scenario.ts";
import { watermarksOf } from "./setup.ts";
import * as is from "./traits.ts";

/** A row: which scenarios it speaks of, and what it checks of a run. */
export interface Row extends Bar {
  readonly speaksOf: (s: Scenario) => boolean;
  readonly checks: (run: Run, kernel: Kernel) => readonly Check[];
}

const MOST = 0.9;
const ALL = 1;
const KILLED = "who is killed for lack of memory";

function row(
  name: string,
  needed: number,
  speaksOf: Row["speaksOf"],
  checks: (b: string, r: Run, k: Kernel) => Check[],
): Row {
  return { name, needed, speaksOf, checks: (run, kernel) => checks(name, run, kernel) };
}
const f = (run: Run, figure: string): number => run.figures[figure] ?? Number.NaN;
const counted = (s: Scenario): boolean => !is.hasHugePages(s) && !is.hasLimit(s) && !is.hasAsyncSwap(s);

export const ROWS: readonly Row[] = [
  row(
    "resident + free = capacity",
    ALL,
    () => true,
    (bar, run) => {
      const { node0, node1 } = run.scenario.freeAtStart;
      return [
        exactly(bar, run, "node 0", f(run, "end_node0") + f(run, "tables_node0") + f(run, "free_node0"), node0),
        exactly(bar, run, "node 1", f(run, "end_node1") + f(run, "tables_node1") + f(run, "free_node1"), node1),
      ];
    },
  ),
  row("pgsteal = pgdemote + pswpout", ALL, counted, (bar, run) => [
    exactly(bar, run, "pgsteal", f(run, "pgsteal"), f(run, "pgdemote") + f(run, "pswpout")),
  ]),
  row("pswpout - pswpin = pages in swap", ALL, counted, (bar, run) => [
    exactly(bar, run, "end_swap", f(run, "end_swap"), f(run, "pswpout") - f(run, "pswpin")),
  ]),
  row(
    "nothing swapped while it fits both nodes",
    MOST,
    (s) => s.demotion && is.fits(s) && !is.isGrouped(s) && (is.isBound(s) || is.isDefault(s)),
    (bar, run) => [check(bar, run, "pswpout", f(run, "pswpout"), "at most 64", f(run, "pswpout") <= 64)],
  ),
  row(
    "no demotion when off, none from the last tier",
    ALL,
    () => true,
    (bar, run) => [
      ...(run.scenario.demotion ? [] : [exactly(bar, run, "pgdemote", f(run, "pgdemote"), 0)]),
      exactly(bar, run, "pgdemote of node 1", f(run, "demoted_n1"), 0),
    ],
  ),
  row(
    "free pages after pressure: low to 2.4 x high",
    MOST,
    () => true,
    (bar, run, kernel) => {
      const marks = watermarksOf(run.scenario, kernel);
      return (["node0", "node1"] as const).flatMap((node, nid) => {
        if (f(run, `scan_n${nid}`) === 0 || is.hasLimit(run.scenario)) return [];
        const { low, high } = marks[node];
        const free = f(run, `free_${node}`);
        return [check(bar, run, `free of ${node}`, free, `${low} to ${2.4 * high}`, free >= low && free <= 2.4 * high)];
      });
    },
  ),
  row(
    "pages on node 0 at the end: 8 %",
    MOST,
    () => true,
    (bar, run) => within(bar, run, "end_node0", 0.08),
  ),
  row(
    "pages on node 1 at the end: 3 % full, 1,600 pages filling",
    MOST,
    () => true,
    (bar, run) => {
      const { node1 } = run.scenario.freeAtStart;
      const full = (kernelRange(run.scenario, "end_node1")?.[1] ?? 0) > 0.9 * node1;
      return within(bar, run, "end_node1", full ? 0.03 : 0, full ? 0 : 1600);
    },
  ),
  row(
    "demotions filling one way: 10 % or 1,600 pages",
    MOST,
    (s) => is.isBound(s) && s.demotion && is.touched(s) < is.capacity(s) && !is.hasHugePages(s),
    (bar, run) => within(bar, run, "pgdemote", 0.1, 1600),
  ),
  row(
    "swap traffic of default 3x Zipf: 10 %",
    MOST,
    (s) => is.isDefault(s) && is.isZipf(s) && !is.fits(s) && !is.hasLimit(s) && !is.hasHugePages(s) && !is.promotes(s),
    (bar, run) => ["pswpout", "pswpin"].flatMap((figure) => within(bar, run, figure, 0.1)),
  ),
  row(
    "bound cyclic sequential, demotion off: every access faults",
    ALL,
    (s) => is.isBound(s) && !s.demotion && s.trace.pattern === "seq" && s.trace.pages > s.freeAtStart.node0,
    (bar, run) => [exactly(bar, run, "pswpin", f(run, "pswpin"), run.scenario.trace.n)],
  ),
  row(
    "swap traffic of bound Zipf, demotion off: 15 % (Zipf 1.0 at 1.5x: 30 %)",
    MOST,
    (s) => is.isBound(s) && !s.demotion && is.isZipf(s) && !is.hasHugePages(s),
    (bar, run) => {
      const { alpha, pages } = run.scenario.trace;
      const wide = alpha === 1 && pages < 2 * run.scenario.freeAtStart.node0;
      return ["pswpout", "pswpin"].flatMap((figure) => within(bar, run, figure, wide ? 0.3 : 0.15));
    },
  ),
  row(
    "huge pages whole when there is room, split when not",
    ALL,
    (s) => is.hasHugePages(s) && s.demotion,
    (bar, run) => {
      // Of what moved. Not thp_split_page: the engine splits what goes to swap, where the kernel finds whole clusters of slots.
      const whole = f(run, "thp_migration_success");
      const split = f(run, "thp_migration_split");
      const [leastWhole, mostWhole] = kernelRange(run.scenario, "thp_migration_success") ?? [0, 0];
      const [, mostSplit] = kernelRange(run.scenario, "thp_migration_split") ?? [0, 0];
      // How many is not compared: the room that ballast leaves the kernel is scattered, the engine's is not. One or two of
      // thirty are a matter of timing.
      const few = mostSplit < mostWhole;
      const moves = check(bar, run, "thp_migration_success", whole, `as ${mostWhole}`, whole > 0 || leastWhole === 0);
      const splits = mostSplit === 0 ? split === 0 : few ? split < whole : split > 0;
      return [
        moves,
        check(bar, run, "thp_migration_split", split, `as ${mostSplit} of ${mostWhole + mostSplit}`, splits),
      ];
    },
  ),
  row("memory.max holds", ALL, is.hasLimit, (bar, run) => {
    const resident = f(run, "end_node0") + f(run, "end_node1");
    const max = Number(/max(\d+)M/.exec(run.scenario.id)?.[1]) * 256;
    return [
      check(bar, run, "resident", resident, `at most ${max}`, resident <= max),
      exactly(bar, run, "end_swap", f(run, "end_swap"), f(run, "pswpout") - f(run, "pswpin")),
    ];
  }),
  row(
    KILLED,
    ALL,
    () => true,
    (bar, run) => [exactly(bar, run, "oom_kill", run.killed ? 1 : 0, run.scenario.rc === 0 ? 0 : 1)],
  ),
  row(
    "share of accesses by node, bound Zipf, demotion off: 3 points",
    MOST,
    (s) => is.isBound(s) && !s.demotion && is.isZipf(s) && s.share !== undefined,
    (bar, run) =>
      ["node 0", "node 1", "swap"].map((place, i) => {
        const kernel = run.scenario.share?.[i] as number;
        const ours = run.share[i] as number;
        return check(bar, run, `share of ${place}`, ours, `${kernel} % within 3 points`, Math.abs(ours - kernel) <= 3);
      }),
  ),
];

/** All rows on one run. Of a program that was killed there is nothing to compare but that. */
export function checkRows(run: Run, kernels: Readonly<Record<string, Kernel>>): Check[] {
  const { scenario } = run;
  const kernel = kernels[kernelVersion(scenario)] as Kernel;
  const rows = ROWS.filter((r) => r.speaksOf(scenario) && (scenario.rc === 0 || r.name === KILLED));
  return rows.flatMap((r) => r.checks(run, kernel));
}
