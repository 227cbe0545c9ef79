/** The report as Markdown: answers first, then how it was done, then each experiment with its tables and figures. */
import { COST_NAMES, COSTS, type Costs } from "./costs.ts";
import type { Experiment, Outcome, TableOf } from "./experiment.ts";
import { nr } from "./words.ts";
import { KERNEL, type Workload } from "./workloads.ts";

/** An experiment and what it came to. */
export interface Chapter {
  readonly experiment: Experiment;
  readonly outcome: Outcome;
  /** Names of the workloads that it ran. */
  readonly workloads: readonly string[];
}

/** What the report was made with. */
export interface ReportContext {
  readonly workloads: ReadonlyMap<string, Workload>;
  /** The command line that makes it again. */
  readonly command: string;
  readonly quick: boolean;
  readonly runs: number;
}

/** The whole report. */
export function studyReport(chapters: readonly Chapter[], context: ReportContext): string {
  const parts = [
    "# The review's questions, answered by experiment",
    intro(context),
    summary(chapters),
    ...chapters.map((chapter, i) => chapterText(chapter, i + 1)),
    method(chapters, context),
    THREATS,
    regenerate(context),
  ];
  return `${parts.join("\n\n")}\n`;
}

function intro({ command, quick, runs }: ReportContext): string {
  return [
    `<!-- Made by \`${command}\`; do not edit. -->`,
    "",
    'The RFC "mm/vmscan: Attempt to migrate page in lieu of discard" (June 2020) raised questions that its review left open. Here',
    `each is put to the engine as an experiment of one factor: the same accesses, sizes, watermarks and seed, one switch changed.`,
    `${nr(runs)} runs; every number and every sentence with a number in it is computed from them by \`${command}\`.`,
    ...(quick
      ? ["", `**This is a quick run: every size and length of the scenarios is a quarter. Not for quotation.**`]
      : []),
  ].join("\n");
}

function summary(chapters: readonly Chapter[]): string {
  const items = chapters.map(({ experiment: e, outcome }, i) => {
    const heading = `${i + 1}. ${e.title}`;
    return `${i + 1}. **[${e.title}](#${anchor(heading)}).** ${outcome.answer}`;
  });
  return `## Answers\n\n${items.join("\n")}`;
}

function chapterText({ experiment: e, outcome }: Chapter, i: number): string {
  const parts = [`## ${i}. ${e.title}`, `_${e.question}_`, e.method, `**${outcome.answer}**`];
  parts.push(outcome.findings.map((finding) => `- ${finding}`).join("\n"));
  for (const plot of outcome.plots) parts.push(`![${plot.alt}](${plot.file}.svg)`);
  parts.push(...outcome.tables.filter((t) => t.rows.length > 0).map(tableText));
  return parts.join("\n\n");
}

function tableText({ caption, head, rows, folded = false }: TableOf): string {
  const table = markdownTable(head, rows);
  if (folded) return `<details>\n<summary>${caption}</summary>\n\n${table}\n\n</details>`;
  return `${caption}:\n\n${table}`;
}

/** Columns as wide as their widest cell; all but the first one or two of text are numbers, to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const numeric = head.map((_, c) => c > 0 && rows.every((row) => /^[-+–\d]|^killed$|^from 0$/.test(row[c] ?? "")));
  const widths = head.map((h, c) => Math.max(3, h.length, ...rows.map((row) => (row[c] ?? "").length)));
  const cell = (text: string, c: number): string =>
    numeric[c] === true ? text.padStart(widths[c] as number) : text.padEnd(widths[c] as number);
  const lineOf = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const rule = widths.map((w, c) => (numeric[c] === true ? `${"-".repeat(w - 1)}:` : "-".repeat(w)));
  return [lineOf(head), `| ${rule.join(" | ")} |`, ...rows.map(lineOf)].join("\n");
}

/** A heading's anchor, as GitHub makes it. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
}

function method(chapters: readonly Chapter[], { workloads }: ReportContext): string {
  const used = new Set(chapters.flatMap((c) => c.workloads));
  const rows = [...workloads.values()]
    .filter((w) => used.has(w.name))
    .map(({ name, about, scenario: s }) => [
      name,
      about,
      nr(s.trace.n),
      nr(s.trace.pages),
      nr(s.freeAtStart.node0),
      nr(s.freeAtStart.node1),
    ]);
  const costs = (Object.keys(COSTS) as (keyof Costs)[]).map((key) => [COST_NAMES[key], nr(COSTS[key])]);
  return [
    "## Method",
    "",
    "The engine is a port of Linux's reclaim (lists, watermarks, kswapd, demotion, promotion, groups) to user space. It runs without",
    "bytes here: pages have places, not contents. One program touches its pages in the order of a trace; kswapd runs beside it and",
    "may look at four pages for each access. A virtual clock moves 10 microseconds an access. Chance has a seed, so a run",
    "repeats to the last counter.",
    "",
    "**Workloads.** Scenarios were measured on real kernels first; the engine gets the same accesses (checked by hash), free pages and",
    `watermarks as Linux ${KERNEL} had. [parity](../../parity/README.md) says what was measured; \`lieu parity\` says how near the engine`,
    "comes. Recorded and generated traces have that kernel's watermarks in proportion. Swap always has room.",
    "",
    markdownTable(["workload", "what it is", "accesses", "pages", "node 0", "node 1"], rows),
    "",
    '**Figures.** "node 0 %", "node 1 %" and "swap %" are the accesses of the second half of a run by where the page was. Counters',
    "are of the whole run and have the kernel's meaning. \"direct reclaims\" are allocations that had to reclaim in the caller's time (allocstall).",
    '"scanned/reclaimed" is pages looked at on inactive lists for each page reclaimed.',
    "",
    "**Price.** The second half of a run in nanoseconds an access, from these costs. All work is charged to the program, as on a machine",
    "with one CPU. Differences under 1 % are called none.",
    "",
    markdownTable(["what", "ns"], costs),
  ].join("\n");
}

const THREATS = `## Threats to validity

- **It is a model of the kernel, not the kernel.** \`lieu parity\` holds the two side by side; where an answer here leans on a
  quantity that they do not share (demotion counts under the default policy, stalls), it leans on the model alone.
- **One run a cell.** The engine is deterministic, so repeats show nothing. On the kernels, residency moved by 0.4 % and
  swap traffic by 0.6 % between repeats in the median, and by up to 17 % and 9 % over clocks and CPU counts: differences of a few
  percent are not findings about machines.
- **The price list is round.** It counts one latency an access; bandwidth, overlap of misses, and contention are left out. A trace
  here has one entry where a program may touch the page many times, so work weighs more, and placement less, than in life.
- **There is no compaction**, and swap never fails, is never slow at once, and never fills up.
- **Sizes are small**: 64 MiB of DRAM, 96 MiB below it. Watermarks and batches are the kernel's, and weigh more on a small node.
- **kswapd's speed is one number** (four pages an access). \`lieu parity --sweep\` shows how results move with it.
- **Few workloads are recorded.** Zipf's law has no phases and no scans; the generated patterns have one trait each, exaggerated.`;

function regenerate({ command }: ReportContext): string {
  return [
    "## How to make it again",
    "",
    "```sh",
    command,
    "```",
    "",
    "The same checkout gives the same files, byte for byte, on every machine. `--only wake,split` runs some of the experiments,",
    "`--traces DIR` adds your own traces (any format that `lieu replay` reads) beside the shipped one, `--out DIR` is where the report goes,",
    "`--quick` makes everything four times smaller, to see that it works.",
  ].join("\n");
}
