import { defineConfig } from "vitest/config";

/** Fuzzing and soaks (`npm run fuzz`): as long as they are told to, one file at a time. */
export default defineConfig({
  test: {
    include: ["test/fuzz/**/*.test.ts", "test/stress/**/*.test.ts"],
    globalSetup: ["test/support/build-wasm.ts"],
    pool: "forks",
    maxWorkers: 1,
    passWithNoTests: true,
    // What they are told, and an hour for the run under way.
    testTimeout: 1000 * Number(process.env.LIEU_FUZZ_SECONDS ?? 60) + 60 * 60_000,
    hookTimeout: 60_000,
  },
});
