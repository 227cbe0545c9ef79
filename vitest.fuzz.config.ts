import { defineConfig } from "vitest/config";

/** Fuzzing and soaks (`npm run fuzz`): as long as they are told to, one file at a time. */
export default defineConfig({
  test: {
    include: ["test/fuzz/**/*.test.ts", "test/stress/**/*.test.ts"],
    globalSetup: ["test/support/build-wasm.ts"],
    pool: "forks",
    maxWorkers: 1,
    passWithNoTests: true,
    testTimeout: 60 * 60_000,
    hookTimeout: 60_000,
  },
});
