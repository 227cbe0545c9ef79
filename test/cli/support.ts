/** Runs the command within the test's process, from the sources. */
import { runCli } from "../../src/cli/cli.ts";

/** What a run of the command came to. */
export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run `lieu` with these arguments. */
export async function lieu(...argv: string[]): Promise<Run> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const status = await runCli(argv, { stdout: stream("stdout"), stderr: stream("stderr") });
  return { status, ...written };
}
