/** `lieu compare A B`: two recorded runs, in words and as one page. */
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { cell, compared, comparePage, difference } from "../server/compare.ts";
import { readRun } from "../server/run-file.ts";
import { fileError } from "../trace/source.ts";
import type { Context } from "./context.ts";
import { table } from "./report.ts";

const NOTES = `
A and B are reports, as --report of lieu replay and lieu demo writes them. Differences are of B to A.

Examples:
  $ lieu replay trace.mtr.gz --report lieu.html
  $ lieu replay trace.mtr.gz --preset linux --report linux.html
  $ lieu compare lieu.html linux.html --report both.html
`;

export function addCompare(program: Command, context: Context): void {
  program
    .command("compare")
    .summary("two recorded runs side by side")
    .description("Compare two runs: what served the requests, and every counter; with --report also over time.")
    .argument("<a>", "a report")
    .argument("<b>", "another")
    .option("--report <file>", "write both as one page of HTML")
    .option("--json", "print one JSON object")
    .addHelpText("after", NOTES)
    .action((first: string, second: string, { report, json }: { report?: string; json?: boolean }) => {
      const [a, b] = [readRun(first), readRun(second)];
      const names = namesOf(first, second);
      const rows = compared(a, b);
      const [is, other] = [a.header.title, b.header.title];
      if (is !== other)
        context.stderr.write(`These ran different things: ${names[0]} is ${is}, ${names[1]} is ${other}\n`);
      if (report !== undefined) {
        try {
          writeFileSync(report, comparePage(a, b, names));
        } catch (error) {
          throw fileError(report, error);
        }
        context.stderr.write(`The report is ${report}\n`);
      }
      const cells = rows.map((row) => [row.name, cell(row.a, row.unit), cell(row.b, row.unit), difference(row)]);
      const text = json === true ? JSON.stringify({ names, rows }) : table(["", ...names, "difference"], cells);
      context.stdout.write(`${text}\n`);
    });
}

/** What two files are called: without their folders, unless they are called the same. */
function namesOf(a: string, b: string): [string, string] {
  const [x, y] = [a, b].map((path) => basename(path, ".html")) as [string, string];
  return x === y ? [a, b] : [x, y];
}
