/** What `lieu parity` prints: lieu beside each kernel, how the bars fared, and what missed them. */
import { type Check, kernelRange, kernelValue, type Verdict } from "../parity/check.ts";
import type { ParityResult } from "../parity/parity.ts";
import type { Run } from "../parity/run.ts";
import { count, table } from "./report.ts";

/** The figures of the side-by-side table. */
const SHOWN = ["end_node0", "end_node1", "end_swap", "pgdemote", "pswpout", "pswpin"] as const;

/** lieu's figure less the kernel's, in percent of the kernel's. */
function difference(ours: number, kernel: number): string {
  if (ours === kernel) return "0 %";
  if (kernel === 0) return "-";
  const percent = (100 * (ours - kernel)) / kernel;
  return `${percent > 0 ? "+" : ""}${percent.toFixed(1)} %`;
}

/** The report in words. */
export function parityReport(result: ParityResult): string {
  const parts = [sideBySide(result.runs), verdictTable(result.verdicts), misses(result.checks), conclusion(result)];
  return parts.filter((part) => part !== "").join("\n\n");
}

function sideBySide(runs: readonly Run[]): string {
  if (runs.length === 0) return "";
  const rows = runs.map((run) => [
    run.scenario.id,
    ...SHOWN.map((figure) => {
      const ours = run.figures[figure] ?? 0;
      const kernel = kernelValue(run.scenario, figure);
      return kernel === undefined ? count(ours) : `${count(ours)} / ${count(kernel)} ${difference(ours, kernel)}`;
    }),
  ]);
  const title = 'preset "linux" / kernel, difference in percent (a kernel\'s figure is the middle of its repeats)';
  return `${title}\n${table(["scenario", ...SHOWN], rows)}`;
}

function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((v) => [v.name, `${v.held} of ${v.scenarios}`, needed(v), v.ok ? "met" : "MISSED"]);
  return table(["bar", "held on", "needed", ""], rows);
}
function needed(v: Verdict): string {
  return v.needed === 1 ? "all" : `${v.needed * 100} %`;
}

function misses(checks: readonly Check[]): string {
  const missed = checks.filter((check) => !check.held);
  if (missed.length === 0) return "";
  const lines = missed.map((c) => `  ${c.scenario}: ${c.figure} is ${number(c.ours)}, not ${c.expected} (${c.bar})`);
  return `${missed.length} figures outside their bar:\n${lines.join("\n")}`;
}
function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

function conclusion({ verdicts, ok }: ParityResult): string {
  const met = verdicts.filter((v) => v.ok).length;
  return ok ? `All ${verdicts.length} bars met.` : `${met} of ${verdicts.length} bars met.`;
}

/** The one object that `--json` prints. */
export function parityJson(result: ParityResult, steps: number): Record<string, unknown> {
  const scenarios = result.runs.map((run) => ({
    id: run.scenario.id,
    figures: run.figures,
    kernel: Object.fromEntries(SHOWN.map((figure) => [figure, kernelRange(run.scenario, figure)])),
    share: run.share,
    kernelShare: run.scenario.share,
    killed: run.killed,
  }));
  return { ok: result.ok, steps, bars: result.verdicts, misses: result.checks.filter((c) => !c.held), scenarios };
}

/** How many scenarios each bar held on, by steps. */
export function sweepReport(results: readonly (readonly [number, ParityResult])[]): string {
  const names = results[0]?.[1].verdicts.map((v) => v.name) ?? [];
  const rows = names.map((name, i) => [
    name,
    ...results.map(
      ([, { verdicts }]) => `${verdicts[i]?.held}/${verdicts[i]?.scenarios}${verdicts[i]?.ok ? "" : " !"}`,
    ),
  ]);
  const moves = SHOWN.map((figure) => [
    `median difference of ${figure}, %`,
    ...results.map(([, { runs }]) => medianDifference(runs, figure).toFixed(1)),
  ]);
  const head = ["steps an access", ...results.map(([steps]) => String(steps))];
  return `${table(head, [...rows, ...moves])}\nScenarios on which each bar holds; ! where that is too few.`;
}

export function sweepJson(results: readonly (readonly [number, ParityResult])[]): Record<string, unknown> {
  return { sweep: results.map(([steps, result]) => parityJson(result, steps)) };
}

/** Median over scenarios of how far a figure is from the kernel's, in percent of it. */
function medianDifference(runs: readonly Run[], figure: string): number {
  const all = runs.flatMap((run) => {
    const kernel = kernelValue(run.scenario, figure) ?? 0;
    return kernel < 1000 ? [] : [(100 * Math.abs((run.figures[figure] ?? 0) - kernel)) / kernel];
  });
  all.sort((a, b) => a - b);
  return all[all.length >> 1] ?? 0;
}
