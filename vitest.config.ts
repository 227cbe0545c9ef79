import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes by far the longest: begun first, so that nobody waits for one of them at the end. */
const LONGEST = [
  "test/property/engine.property.test.ts",
  "src/trace/replay.test.ts",
  "test/cache/cache.property.test.ts",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}

const RULES = ["test/rules/rule-*.test.ts"];
/**
 * What runs the engine in its own process and looks at nothing else there: several files in a process, one after another, as to load and compile all of it anew
 * for each is a third of their time.
 */
const ENGINE = ["src/**/*.test.ts", "test/cache/*.test.ts", "test/property/*.test.ts", ...RULES];
/** It compares all bytes of a memory, those of free frames included, which one that was closed before may have left in a segment. */
const ALONE = "test/rules/rule-12-determinism.test.ts";
/** These have a configuration of their own. */
const ELSEWHERE = ["test/fuzz/**", "test/stress/**"];

/** Unit, contract and property tests: what `npm test` runs. Fuzzing and soaks have vitest.fuzz.config.ts. */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "lieu",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...ELSEWHERE, ...ENGINE],
        },
      },
      { extends: true, test: { name: "alone", include: [ALONE] } },
      {
        extends: true,
        test: { name: "engine", include: ENGINE, exclude: [...configDefaults.exclude, ALONE], isolate: false },
      },
      // The rules hold for the other design of the lists as well.
      { extends: true, test: { name: "mglru", include: RULES, env: { LIEU_LRU: "mglru" } } },
      // And for memories that threads share, with another thread there (test/support/engine.ts).
      { extends: true, test: { name: "threads", include: RULES, env: { LIEU_VM: "shared" } } },
    ],
    globalSetup: ["test/support/build-wasm.ts"],
    setupFiles: ["test/support/one-seed.ts"],
    // Segments are big shared buffers: a process gives them back for sure.
    pool: "forks",
    sequence: { sequencer: LongestFirst },
    maxWorkers: Math.min(4, availableParallelism()),
    // What takes a second alone may take many where others are at work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
