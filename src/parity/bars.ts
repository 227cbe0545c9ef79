/**
 * What the default preset must do on the same traces and sizes: better than the kernels, and never against a policy.
 *
 * The kernel spares itself swapping by moving bound pages where they may not be. lieu will not, so under such a policy it can
 * only swap, as the kernel does with demotion off. Where the two are compared for traffic and for the share of DRAM, a
 * scenario that confines its pages to node 0 is therefore run with that word taken out: same trace, same sizes, both nodes
 * allowed. The policy itself is judged by the count of violations, with everything as recorded.
 */
import { defaultPolicy } from "../region/policy.ts";
import { type Bar, type Check, check, kernelRange } from "./check.ts";
import type { Run } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import type { Overrides } from "./setup.ts";
import * as is from "./traits.ts";

const bar = (name: string): Bar => ({ name, needed: 1 });
const TRAFFIC = bar("lieu: no more swap I/O than the kernel with demotion on");
const SHARE = bar("lieu: more accesses served by node 0 than by any kernel's, Zipf");
const STATIC = bar("lieu: within 3 points of the best static placement, Zipf 1.0 and 1.2");
const CLEAN = bar("lieu: no policy violations");
const VIOLATES = bar("linux, rfc2020: the kernel's violations");
const USELESS = bar("lieu: memory.max: under 5 % of the kernel's useless demotions");

export const BARS: readonly Bar[] = [TRAFFIC, SHARE, STATIC, CLEAN, VIOLATES, USELESS];

/** The default preset with everything as recorded, but for demotion, which is on by default. */
export const AS_RECORDED: Overrides = { preset: "lieu", behaviours: { demotion: true } };
/** The same with both nodes allowed. */
export const UNCONFINED: Overrides = { ...AS_RECORDED, policy: defaultPolicy(), group: null };

/** How the default preset's traffic and placement are measured on a scenario. */
export function lieuOverrides(s: Scenario): Overrides {
  return is.isConfined(s) ? UNCONFINED : AS_RECORDED;
}

/** Traffic, share and distance from the best static placement of a run of {@link lieuOverrides}. */
export function checkPlacement(run: Run): Check[] {
  const s = run.scenario;
  const checks: Check[] = [];
  if (s.demotion && s.rc === 0) {
    const io = (run.figures.pswpout ?? 0) + (run.figures.pswpin ?? 0);
    const kernel = (kernelRange(s, "pswpout")?.[1] ?? 0) + (kernelRange(s, "pswpin")?.[1] ?? 0);
    checks.push(check(TRAFFIC.name, run, "pswpout + pswpin", io, `at most ${kernel}`, io <= kernel));
  }
  const ours = run.share[0];
  // With demotion off, a bound program's pages are on node 0 whenever they are touched: there is nothing to compare.
  if (s.share !== undefined && is.isZipf(s) && (s.demotion || !is.isConfined(s))) {
    const kernel = s.share[0];
    checks.push(check(SHARE.name, run, "share of node 0", ours, `more than ${kernel} %`, ours > kernel));
  }
  const { alpha } = s.trace;
  const best = run.bestStatic;
  if (best !== undefined && (alpha === 1 || alpha === 1.2) && leavesChoice(s)) {
    checks.push(check(STATIC.name, run, "share of node 0", ours, `${best.toFixed(1)} - 3 %`, ours >= best - 3));
  }
  return checks;
}

/** Whether it is left to the memory where each single page is: by policy, limits and folios; and node 1 is there to be used. */
function leavesChoice(s: Scenario): boolean {
  if (is.hasLimit(s) || is.hasHugePages(s)) return false;
  return (is.isDefault(s) || is.isBound(s)) && s.freeAtStart.node1 > s.freeAtStart.node0 / 4;
}

/** Violations of a run of the default preset as recorded. */
export function checkClean(run: Run): Check[] {
  return [check(CLEAN.name, run, "policy_violations", run.violations, "0", run.violations === 0)];
}

/** Violations of a run of a preset that stands for a kernel, where the kernel's own pages ended where they may not be. */
export function checkViolations(run: Run, preset: string): Check[] {
  const s = run.scenario;
  const kernel = kernelRange(s, "end_node1")?.[0] ?? 0;
  if (!is.isConfined(s) || !s.demotion || kernel === 0) return [];
  const held = run.violations > 0;
  return [check(VIOLATES.name, run, `policy_violations, ${preset}`, run.violations, "more than 0", held)];
}

/** Demotions for a group's limit, which cure nothing: the default preset's beside the kernel's. */
export function checkUseless(run: Run): Check[] {
  const s = run.scenario;
  const kernel = kernelRange(s, "pgdemote")?.[0] ?? 0;
  if (!is.hasLimit(s) || !s.demotion || kernel === 0) return [];
  const ours = run.figures.pgdemote ?? 0;
  return [check(USELESS.name, run, "pgdemote", ours, `less than ${0.05 * kernel}`, ours < 0.05 * kernel)];
}
