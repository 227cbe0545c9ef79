import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/** Unit, contract and property tests: what `npm test` runs. Fuzzing and soaks have vitest.fuzz.config.ts. */
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/fuzz/**", "test/stress/**"],
    globalSetup: ["test/support/build-wasm.ts"],
    // Segments are big shared buffers: a process per file gives them back for sure.
    pool: "forks",
    maxWorkers: Math.min(4, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
