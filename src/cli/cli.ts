/**
 * The `lieu` command: its verbs, and what becomes of errors. One file per verb; a verb is a function that adds itself to
 * the program.
 *
 * Exit status: 0; 1, a value came back wrong, or a bar of `parity` was missed; 2, bad usage or input (a LieuError); 70, a bug in lieu; 130, interrupted.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { isLieuError } from "../errors.ts";
import { addCompare } from "./compare.ts";
import type { Context, Output } from "./context.ts";
import { addDemo } from "./demo.ts";
import { addParity } from "./parity.ts";
import { addPlan } from "./plan.ts";
import { addReplay } from "./replay.ts";
import { addServe } from "./serve.ts";
import { addRm, addStat } from "./shared.ts";
import { addStudy } from "./study.ts";
import { addTop } from "./top.ts";
import { addTopology } from "./topology.ts";

/** Why a verb was ended from outside. */
class Interrupted extends Error {}

/** The exit status after Ctrl-C. */
export const INTERRUPTED = 130;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Run the command with these arguments. Gives its exit status; never throws. */
export async function runCli(
  argv: readonly string[],
  streams: { stdout: Output; stderr: Output } = process,
): Promise<number> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new Interrupted());
  for (const signal of SIGNALS) process.once(signal, interrupt);
  const context: Context = {
    ...streams,
    stdout: streams.stdout,
    stderr: streams.stderr,
    signal: controller.signal,
    status: 0,
  };
  try {
    await makeProgram(context).parseAsync(argv, { from: "user" });
    return context.status;
  } catch (error) {
    return explain(error, streams.stderr);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

function makeProgram(context: Context): Command {
  const program = new Command("lieu");
  program
    .description("Tiered memory for Node.js: cold pages move to slower memory in lieu of being discarded.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand("help [verb]", "print what a verb does and takes")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: () => undefined,
    })
    .addHelpText("after", EXAMPLES);
  addReplay(program, context);
  addDemo(program, context);
  addCompare(program, context);
  addServe(program, context);
  addPlan(program, context);
  addParity(program, context);
  addStudy(program, context);
  addTop(program, context);
  addStat(program, context);
  addRm(program, context);
  addTopology(program, context);
  return program;
}

const EXAMPLES = `
Examples:
  $ lieu demo                                        see what demotion buys, on a recorded trace
  $ lieu replay trace.mtr.gz --as region             replay a trace, every byte checked
  $ lieu replay trace.csv --dram 64MiB --swap 0      with tiers of your own
  $ lieu plan trace.mtr.gz                           which tiers to buy for it
  $ lieu help replay                                 all that can be set
  $ lieu parity                                      the engine beside real kernels
  $ lieu study                                       what each choice of reclaim costs or buys
`;

/** The version in package.json, which stands two folders up from here, built or not. */
function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return manifest.version;
}

/** Say what went wrong, in one line if it is not our fault. Gives the exit status. */
function explain(error: unknown, stderr: Output): number {
  if (error instanceof Interrupted) return INTERRUPTED;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // No verb was given: the help has been printed, to stderr.
    if (error.code === "commander.help") return 2;
    stderr.write(`lieu: EINVAL: ${error.message.replace(/^error: /, "").replaceAll("\n", " ")}\n`);
    return 2;
  }
  if (isLieuError(error) && error.code !== "EBUG") {
    stderr.write(`lieu: ${error.message}\n`);
    return 2;
  }
  const what = error instanceof Error ? error.stack : String(error);
  stderr.write(`lieu: this is a bug in lieu, please report it with what you ran:\n${what}\n`);
  return 70;
}
