import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

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
    maxWorkers: Math.min(4, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
