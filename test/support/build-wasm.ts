/**
 * Before the tests, and before each run of watch mode: the engine's WebAssembly as the sources have it now. The tests
 * read the TypeScript sources themselves, but the module from dist/.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";

const script = fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url));

function build(): void {
  execFileSync(process.execPath, [script, "--wasm-only"], { stdio: "inherit" });
}

export function setup(project: TestProject): void {
  build();
  project.onTestsRerun(async () => build());
}
