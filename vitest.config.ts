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

/** Unit, contract and property tests: what `npm test` runs. Fuzzing and soaks have vitest.fuzz.config.ts. */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "lieu",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "test/fuzz/**", "test/stress/**"],
        },
      },
      // The rules hold for the other design of the lists as well.
      { extends: true, test: { name: "mglru", include: ["test/rules/rule-*.test.ts"], env: { LIEU_LRU: "mglru" } } },
      // And for memories that threads share, with another thread there (test/support/engine.ts).
      { extends: true, test: { name: "threads", include: ["test/rules/rule-*.test.ts"], env: { LIEU_VM: "shared" } } },
    ],
    globalSetup: ["test/support/build-wasm.ts"],
    setupFiles: ["test/support/one-seed.ts"],
    // Segments are big shared buffers: a process per file gives them back for sure.
    pool: "forks",
    sequence: { sequencer: LongestFirst },
    maxWorkers: Math.min(4, availableParallelism()),
    // What takes a second alone may take many where others are at work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
