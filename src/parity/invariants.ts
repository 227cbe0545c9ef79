/** What held in all runs of all kernels, and must in all of the `linux` preset's: on single runs, and between twins. */
import { type Bar, type Check, check, kernelRange } from "./check.ts";
import type { Run } from "./run.ts";
import { hasWord, type Scenario } from "./scenario.ts";
import * as is from "./traits.ts";

const bar = (name: string): Bar => ({ name, needed: 1 });
const DEFAULT_FITS = bar("held always: default policy, fits: swaps with demotion off only");
const BOUND_FEWER = bar("held always: bound: fewer pages swapped with demotion on");
const AGAINST = bar("held always: confined: thousands end on node 1 against the policy");
const LIMIT_USELESS = bar("held always: memory.max: useless demotions, as much swapping");
const LOCKED = bar("held always: node 1 locked full: as much swapping as without demotion");

export const INVARIANTS: readonly Bar[] = [DEFAULT_FITS, BOUND_FEWER, AGAINST, LIMIT_USELESS, LOCKED];

const f = (run: Run, figure: string): number => run.figures[figure] ?? Number.NaN;

/** Check them on runs of the `linux` preset. */
export function checkInvariants(runs: readonly Run[]): Check[] {
  const off = new Map<string, Run>();
  for (const run of runs) if (!run.scenario.demotion) off.set(is.twinKey(run.scenario), run);
  return runs
    .filter((run) => run.scenario.demotion && run.scenario.rc === 0)
    .flatMap((on) => [...alone(on), ...between(on, off.get(is.twinKey(on.scenario)))]);
}

function alone(on: Run): Check[] {
  const s = on.scenario;
  const kernel = kernelRange(s, "end_node1")?.[0] ?? 0;
  if (!is.isConfined(s) || kernel < 1000) return [];
  const ours = f(on, "end_node1");
  return [check(AGAINST.name, on, "end_node1", ours, "at least 1000", ours >= 1000)];
}

function between(on: Run, off: Run | undefined): Check[] {
  if (off === undefined) return [];
  const s = on.scenario;
  const out = f(on, "pswpout");
  const without = f(off, "pswpout");
  const checks: Check[] = [];
  if (isPlain(s) && is.isDefault(s) && is.fits(s)) {
    checks.push(check(DEFAULT_FITS.name, on, "pswpout, on", out, "0", out === 0));
    if (swappedThousands(off.scenario)) {
      checks.push(check(DEFAULT_FITS.name, on, "pswpout, off", without, "thousands", without >= 1000));
    }
  }
  if (is.isBound(s) && isPlain(s) && !isLocked(s)) {
    const most = kernelRange(off.scenario, "pswpout")?.[1] ?? 0;
    if (most > 0) checks.push(check(BOUND_FEWER.name, on, "pswpout", out, `less than ${without}`, out < without));
  }
  if (is.hasLimit(s)) {
    const moves = f(on, "pgdemote");
    checks.push(check(LIMIT_USELESS.name, on, "pgdemote", moves, "about 28,000", Math.abs(moves - 28000) <= 2800));
    checks.push(check(LIMIT_USELESS.name, on, "pswpout", out, `${without} within 6 %`, near(out, without)));
  }
  if (isLocked(s)) checks.push(check(LOCKED.name, on, "pswpout", out, `${without} within 6 %`, near(out, without)));
  return checks;
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= 0.06 * b;
}
function isPlain(s: Scenario): boolean {
  return !is.isGrouped(s) && !is.hasHugePages(s);
}
function isLocked(s: Scenario): boolean {
  return hasWord(s, /^locked$/) !== null;
}
function swappedThousands(s: Scenario): boolean {
  return (kernelRange(s, "pswpout")?.[0] ?? 0) >= 1000;
}
