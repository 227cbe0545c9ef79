/** `lieu parity`: the engine beside real kernels, on the traces that were run on them. */
import type { Command } from "commander";
import { LieuError } from "../errors.ts";
import { compare, type ParityOptions, type ParityResult } from "../parity/parity.ts";
import { DEFAULT_STEPS } from "../parity/run.ts";
import { type Fixture, kernelVersion, loadFixture, type Scenario } from "../parity/scenario.ts";
import type { Context } from "./context.ts";
import { parityJson, parityReport, sweepJson, sweepReport } from "./parity-report.ts";
import { startProgress } from "./progress.ts";
import { refuse } from "./refuse.ts";

const NOTES = `
Each scenario was run on a real kernel: a program that touches its pages in the order of a trace, on a machine with DRAM
and a slower node. Here it runs on the engine under the preset "linux", with the same sizes, watermarks, swap, policy and
trace, whose hash is checked; and under the preset "lieu", for the bars of its own. docs/parity.md says what the bars are.

The engine has the classic active and inactive lists, so kernels with the multi-generational LRU are beside lieu's bars only.

--steps is how many pages kswapd looks at for each access of the program, one number for all scenarios. --sweep runs the
comparison with several, and shows how the results move.

Exit status: 0; 1, a bar was missed; 2, bad usage or input; 70, a bug in lieu; 130, interrupted.

Examples:
  $ lieu parity
  $ lieu parity --kernel 6.12 --scenario "*/bind0/*"
  $ lieu parity --sweep
  $ lieu parity --json > parity.json
`;

/** What `--sweep` runs with. */
const SWEEP = [0.5, 1, 2, 4, 8, 16, 32, 64];

interface Flags {
  readonly kernel?: string;
  readonly scenario?: string;
  readonly scenarios?: string;
  readonly steps?: string;
  readonly sweep?: boolean;
  readonly linuxOnly?: boolean;
  readonly json?: boolean;
}

export function addParity(program: Command, context: Context): void {
  program
    .command("parity")
    .summary("the engine beside real Linux kernels")
    .description("Run what was measured on real Linux kernels on the engine, and say how the two compare.")
    .optionsGroup("What to compare:")
    .option("--kernel <version>", 'only this kernel, such as "6.12"')
    .option("--scenario <glob>", "only scenarios whose id matches; * is anything")
    .option("--scenarios <file>", "scenarios of your own, in the shipped ones' format (JSON, also .gz)")
    .option("--linux-only", 'leave out the bars of the preset "lieu"')
    .optionsGroup("How:")
    .option("--steps <n>", `pages that kswapd looks at for each access (default: ${DEFAULT_STEPS})`)
    .option("--sweep", `with ${SWEEP.join(", ")} steps in turn`)
    .optionsGroup("Output:")
    .option("--json", "print one JSON object")
    .addHelpText("after", NOTES)
    .action(async (flags: Flags) => {
      if (flags.sweep === true)
        refuse(flags, ["steps"], `has no effect with --sweep, which takes ${SWEEP.join(", ")} in turn`);
      const fixture = loadFixture(flags.scenarios);
      const only = filterOf(fixture, flags);
      const options: ParityOptions = { only, linuxOnly: flags.linuxOnly === true, signal: context.signal };
      const print = (text: string) => context.stdout.write(`${text}\n`);
      if (flags.sweep === true) {
        const results: [number, ParityResult][] = [];
        for (const steps of SWEEP)
          results.push([steps, await compareWithProgress(fixture, { ...options, steps }, context)]);
        print(flags.json === true ? JSON.stringify(sweepJson(results)) : sweepReport(results));
        return;
      }
      const steps = flags.steps === undefined ? DEFAULT_STEPS : positive("--steps", flags.steps);
      const result = await compareWithProgress(fixture, { ...options, steps }, context);
      print(flags.json === true ? JSON.stringify(parityJson(result, steps)) : parityReport(result));
      if (!result.ok) context.status = 1;
    });
}

async function compareWithProgress(fixture: Fixture, options: ParityOptions, context: Context): Promise<ParityResult> {
  const all = fixture.scenarios.filter(options.only ?? (() => true)).length;
  const progress = startProgress(context.stderr, "parity", all, "scenarios");
  try {
    return await compare(fixture, { ...options, onProgress: (done) => progress.update(done) });
  } finally {
    progress.stop();
  }
}

/** @throws {@link LieuError} EINVAL if no scenario is left, or its kernel is not known */
function filterOf(fixture: Fixture, flags: Flags): (scenario: Scenario) => boolean {
  const pattern = flags.scenario === undefined ? /^/ : globPattern(flags.scenario);
  const only = (s: Scenario): boolean =>
    (flags.kernel === undefined || kernelVersion(s) === flags.kernel) && pattern.test(s.id);
  const left = fixture.scenarios.filter(only);
  const known = Object.keys(fixture.kernels);
  if (left.length === 0) {
    const first = fixture.scenarios[0]?.id ?? "none";
    throw new LieuError("EINVAL", `no scenario is left; kernels are ${known.join(" and ")}, ids are like ${first}`);
  }
  const unknown = left.find((s) => !known.includes(kernelVersion(s)));
  if (unknown === undefined) return only;
  throw new LieuError("EINVAL", `${unknown.id} is of kernel ${unknown.kernel}; its watermarks are not known`);
}

function globPattern(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= 1e6) return value;
  throw new LieuError("EINVAL", `${flag} is ${JSON.stringify(text)}; give a number over 0, at most 1,000,000`);
}
