/** `lieu study`: the questions of the review, answered by experiment. */
import { join } from "node:path";
import type { Command } from "commander";
import { EXPERIMENTS, study, writeStudy } from "../study/study.ts";
import type { Context } from "./context.ts";
import { startProgress } from "./progress.ts";
import { wrap } from "./report.ts";

const NOTES = `
Experiments: ${EXPERIMENTS.map((e) => e.name).join(", ")}.

Each varies one factor and keeps all else: accesses, sizes, watermarks, seed. The report (README.md and its plots) says what
each choice costs or buys; everything in it is computed from the runs, and the same checkout gives the same bytes.

--traces adds the traces in a folder, of any format that \`lieu replay\` reads, to the shipped one. Each key is a page; DRAM
holds a third of them and the slower node another.

Exit status: 0; 2, bad usage or input; 70, a bug in lieu; 130, interrupted.

Examples:
  $ lieu study
  $ lieu study --only wake,split --out ./study
  $ lieu study --traces ./traces --out ./study
`;

interface Flags {
  readonly only?: string;
  readonly out?: string;
  readonly traces?: string;
  readonly quick?: boolean;
}

export function addStudy(program: Command, context: Context): void {
  program
    .command("study")
    .summary("what each choice of reclaim costs or buys")
    .description("Run experiments of one factor each on the engine, and write a report with plots.")
    .optionsGroup("What to run:")
    .option("--only <names>", "only these experiments, separated by commas")
    .option("--traces <dir>", "a folder with more traces")
    .option("--quick", "everything four times smaller, on few workloads: to see that it works")
    .optionsGroup("Output:")
    .option(
      "--out <dir>",
      "write the report there: README.md and its plots (default: print the answers, write nothing)",
    )
    .addHelpText("after", NOTES)
    .action(async ({ only, out, traces, quick }: Flags) => {
      const names = only?.split(",").map((name) => name.trim());
      const { signal } = context;
      let progress: ReturnType<typeof startProgress> | undefined;
      try {
        const { chapters, files } = await study({
          only: names,
          traces,
          quick: quick === true,
          signal,
          onProgress: (done, all) => {
            progress ??= startProgress(context.stderr, "study", all, "runs");
            progress.update(done);
          },
        });
        if (out !== undefined) writeStudy(out, files);
        const answers = chapters.map(({ experiment, outcome }) => wrap(`${experiment.title}: ${outcome.answer}`));
        const where = out === undefined ? "" : `\n\nThe report is ${join(out, "README.md")}.`;
        context.stdout.write(`${answers.join("\n\n")}${where}\n`);
      } finally {
        progress?.stop();
      }
    });
}
