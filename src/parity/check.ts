/** What a comparison is made of: bars, and how each scenario stands to them. */
import { SUMS } from "./figures.ts";
import type { Run } from "./run.ts";
import type { Scenario } from "./scenario.ts";

/** One figure of one scenario against one bar. */
export interface Check {
  /** The bar's name. */
  readonly bar: string;
  /** Scenario id; or ids, for a bar on how two compare. */
  readonly scenario: string;
  readonly figure: string;
  readonly ours: number;
  /** What the bar compares with, in words. */
  readonly expected: string;
  readonly held: boolean;
}

/** A bar: what must hold, on how many of the scenarios that it speaks of. */
export interface Bar {
  readonly name: string;
  /** Share of its scenarios on which it must hold: 1 for exact ones. */
  readonly needed: number;
}

/** How a bar fared. */
export interface Verdict extends Bar {
  /** Scenarios that it speaks of, and on how many of them it held. */
  readonly scenarios: number;
  readonly held: number;
  readonly ok: boolean;
}

/** Count what held, scenario by scenario: a bar holds on one if all its figures do. */
export function judge(bars: readonly Bar[], checks: readonly Check[]): Verdict[] {
  return bars.map((bar) => {
    const fared = new Map<string, boolean>();
    for (const { bar: name, scenario, held } of checks) {
      if (name === bar.name) fared.set(scenario, (fared.get(scenario) ?? true) && held);
    }
    const held = [...fared.values()].filter(Boolean).length;
    return { ...bar, scenarios: fared.size, held, ok: held >= bar.needed * fared.size };
  });
}

/**
 * What a kernel's figure was over its repeats, least and most; sums of figures too. Other clocks and CPU counts
 * (allTimings) are left out, or nearly anything would do.
 */
export function kernelRange(scenario: Scenario, figure: string): readonly [number, number] | undefined {
  let [low, high] = [0, 0];
  for (const part of SUMS[figure] ?? [figure]) {
    const range = scenario.jitterOnly[part];
    if (range === undefined) return undefined;
    low += range[0];
    high += range[1];
  }
  return [low, high];
}

/** The middle of a kernel's range. */
export function kernelValue(scenario: Scenario, figure: string): number | undefined {
  const range = kernelRange(scenario, figure);
  return range === undefined ? undefined : (range[0] + range[1]) / 2;
}

/** Compare a figure of a run with the nearest that the kernel had, allowing `relative` of it or `pages`, if that is more. */
export function within(bar: string, run: Run, figure: string, relative: number, pages = 0): Check[] {
  const range = kernelRange(run.scenario, figure);
  const ours = run.figures[figure];
  if (range === undefined || ours === undefined) return [];
  const nearest = Math.min(Math.max(ours, range[0]), range[1]);
  const held = Math.abs(ours - nearest) <= Math.max(relative * nearest, pages);
  const shown = range[0] === range[1] ? `${range[0]}` : `${range[0]} to ${range[1]}`;
  const allowed = [relative > 0 ? `${Math.round(100 * relative)} %` : "", pages > 0 ? `${pages} pages` : ""];
  return [check(bar, run, figure, ours, `${shown}, within ${allowed.filter(Boolean).join(" or ")}`, held)];
}

/** A check of one scenario. */
export function check(bar: string, run: Run, figure: string, ours: number, expected: string, held: boolean): Check {
  return { bar, scenario: run.scenario.id, figure, ours, expected, held };
}
/** A figure that must have one value. */
export function exactly(bar: string, run: Run, figure: string, ours: number, expected: number): Check {
  return check(bar, run, figure, ours, `${expected}`, ours === expected);
}
