/** Numbers and comparisons in words; all that the report says of results is made here or in the experiments. */
import type { Results, TableOf } from "./experiment.ts";
import type { Trial } from "./trial.ts";

/** 12345.6 as "12,346". */
export function nr(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}
/** 12.345 as "12.3". */
export function dec(value: number, digits = 1): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
/** Nanoseconds: no decimals from 100 up. */
export function ns(value: number): string {
  return value < 100 ? dec(value) : nr(value);
}
/** "+12 %", "-3.4 %"; relative to `before`. */
export function relative(before: number, after: number): string {
  if (before === after) return "0 %";
  if (before === 0) return "from 0";
  const percent = (100 * (after - before)) / before;
  const text = Math.abs(percent) < 10 ? dec(Math.abs(percent)) : nr(Math.abs(percent));
  if (text === "0.0") return "0.0 %";
  return `${percent < 0 ? "-" : "+"}${text} %`;
}

/** "from 1,200 to 300 (-75 %)", "unchanged at 300". */
export function moves(before: number, after: number, show: (v: number) => string = nr): string {
  if (show(before) === show(after)) return `unchanged at ${show(after)}`;
  const by = before === 0 ? "" : ` (${relative(before, after)})`;
  return `from ${show(before)} to ${show(after)}${by}`;
}

/** A difference of percentages: "+1.2 points". */
export function points(value: number): string {
  return `${value >= 0 ? "+" : "-"}${dec(Math.abs(value))} points`;
}

/** "a, b and c". */
export function list(items: readonly string[]): string {
  if (items.length <= 1) return items[0] ?? "none";
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}
/** "1 workload", "3 workloads". */
export function counted(n: number, noun: string): string {
  return `${nr(n)} ${noun}${n === 1 ? "" : "s"}`;
}
/** The same with the first letter in upper case. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Under this share of a change, two prices are said to be the same. */
export const SAME = 0.01;

/** Cache lines of a page: the most accesses to memory that one entry of a trace, which names a page, can stand for. */
export const LINES = 64;

/** The price of an entry of the trace that stands for `k` accesses to memory, ns: reclaim's and swap's work is there once. */
export function priceOf(trial: Trial, k = 1): number {
  return k * trial.price.memory + trial.price.swap + trial.price.work;
}

/** How the price compares over all workloads: fewer ns is better. `k`: as {@link priceOf} has it. */
export function tally(results: Results, before: string, after: string, k = 1): Tally {
  const pairs = results.pairs(before, after).filter((p) => !p.before.killed && !p.after.killed);
  const change = (p: (typeof pairs)[number]): number => priceOf(p.after, k) / priceOf(p.before, k) - 1;
  const sorted = [...pairs].sort((a, b) => change(a) - change(b));
  const better = sorted.filter((p) => change(p) < -SAME);
  const worse = sorted.filter((p) => change(p) > SAME).reverse();
  return {
    all: pairs.length,
    median: median(sorted.map(change)),
    better: better.map((p) => p.workload),
    worse: worse.map((p) => p.workload),
    same: sorted.filter((p) => Math.abs(change(p)) <= SAME).map((p) => p.workload),
    best: better[0] && { workload: better[0].workload, change: change(better[0]) },
    worst: worse[0] && { workload: worse[0].workload, change: change(worse[0]) },
  };
}
export interface Tally {
  readonly all: number;
  /** Of the changes. */
  readonly median: number;
  readonly better: readonly string[];
  readonly worse: readonly string[];
  readonly same: readonly string[];
  readonly best?: { readonly workload: string; readonly change: number } | undefined;
  readonly worst?: { readonly workload: string; readonly change: number } | undefined;
}

/** A sum over the workloads that were run under a setting. */
export function sumOf(results: Results, value: string, of: (trial: Trial) => number): number {
  return results.workloads.reduce((n, w) => (results.has(w, value) ? n + of(results.get(w, value)) : n), 0);
}

/** The workload on which a figure differs most between two settings. */
export function mostMoved(results: Results, before: string, after: string, of: (trial: Trial) => number): string {
  const pairs = results.pairs(before, after).map((p) => [p.workload, Math.abs(of(p.after) - of(p.before))] as const);
  return pairs.reduce((most, p) => (p[1] > most[1] ? p : most))[0];
}

/** Pages that left node 0 for swap although there is a lower tier. */
export function fromTop(trial: Trial): number {
  return Math.max(0, f(trial, "steal_n0") - f(trial, "pgdemote"));
}

/** The middle of ascending values, or the mean of the two there; 0 of none. */
function median(ascending: readonly number[]): number {
  const half = ascending.length >> 1;
  const high = ascending[half] ?? 0;
  return ascending.length % 2 === 1 ? high : (high + (ascending[half - 1] ?? 0)) / 2;
}

/** "cheaper on 7 of 12 workloads (most: X, -40 %), dearer on 3 (most: Y, +12 %), within 1 % on 2". */
export function inWords(t: Tally): string {
  const most = (b: Tally["best"]): string => (b === undefined ? "" : ` (most: ${b.workload}, ${change(b.change)})`);
  const parts: string[] = [];
  if (t.better.length > 0) parts.push(`cheaper on ${t.better.length} of ${counted(t.all, "workload")}${most(t.best)}`);
  if (t.worse.length > 0) {
    parts.push(
      `dearer on ${t.worse.length}${parts.length > 0 ? "" : ` of ${counted(t.all, "workload")}`}${most(t.worst)}`,
    );
  }
  if (t.same.length > 0) {
    parts.push(parts.length > 0 ? `within 1 % on ${t.same.length}` : `within 1 % on all ${counted(t.all, "workload")}`);
  }
  return parts.length === 0 ? "not compared" : list(parts);
}
/** One word for a comparison, with its figures: "a gain, -4 % in the median: cheaper on ...". */
export function verdict(t: Tally): string {
  const { better, worse } = t;
  const word =
    better.length > 0 && worse.length > 0
      ? "mixed"
      : better.length > 0
        ? "a gain"
        : worse.length > 0
          ? "a cost"
          : "no difference";
  return word === "no difference" ? inWords(t) : `${word}, ${change(t.median)} in the median: ${inWords(t)}`;
}
/** 0.123 as "+12 %". */
export function change(ratio: number): string {
  return relative(1, 1 + ratio);
}

/** What a column of a table shows of a run. */
export type Column = readonly [head: string, show: (trial: Trial) => string];

export const f = (trial: Trial, figure: string): number => trial.figures[figure] ?? 0;

/** Columns that most experiments share. */
export const COLUMNS = {
  node0: ["node 0 %", (t) => dec(t.share[0])],
  node1: ["node 1 %", (t) => dec(t.share[1])],
  swap: ["swap %", (t) => dec(t.share[2])],
  demoted: ["demoted", (t) => nr(f(t, "pgdemote"))],
  promoted: ["promoted", (t) => nr(f(t, "pgpromote_success"))],
  pswpout: ["swapped out", (t) => nr(f(t, "pswpout"))],
  pswpin: ["swapped in", (t) => nr(f(t, "pswpin"))],
  scan: ["scanned/reclaimed", (t) => dec(f(t, "scannedPerReclaimed"))],
  stalls: ["direct reclaims", (t) => nr(f(t, "stalls"))],
  violations: ["violations", (t) => nr(f(t, "violations"))],
  ns: ["ns/access", (t) => (t.killed ? "killed" : ns(t.price.total))],
} as const satisfies Record<string, Column>;

const USUAL: readonly Column[] = [
  COLUMNS.node0,
  COLUMNS.node1,
  COLUMNS.swap,
  COLUMNS.demoted,
  COLUMNS.promoted,
  COLUMNS.pswpout,
  COLUMNS.pswpin,
  COLUMNS.scan,
  COLUMNS.stalls,
  COLUMNS.ns,
];

/** All runs, a row each, with the usual columns or those given. */
export function fullTable(
  results: Results,
  caption: string,
  columns: readonly Column[] = USUAL,
  folded = true,
): TableOf {
  const rows = results.workloads.flatMap((w) =>
    results.of(w).map((t) => [w, t.value, ...columns.map(([, show]) => show(t))]),
  );
  return { caption, head: ["workload", "setting", ...columns.map(([head]) => head)], rows, folded };
}

/** One figure of all runs: a row a workload, a column a setting. */
export function matrix(results: Results, caption: string, values: readonly string[], [, show]: Column): TableOf {
  const rows = results.workloads
    .filter((w) => values.some((v) => results.has(w, v)))
    .map((w) => [w, ...values.map((v) => (results.has(w, v) ? show(results.get(w, v)) : "-"))]);
  return { caption, head: ["workload", ...values], rows };
}
