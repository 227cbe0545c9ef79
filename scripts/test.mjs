/**
 * What `npm test` runs: format and lint, types, the build if it is stale, then the tests. All parts run, whatever fails.
 * Arguments go to vitest: `npm test -- src/trace`, `npm test -- -t demote`. The last line printed sums it up; a failed
 * part counts as one failure.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));

function run(script, ...args) {
  return spawnSync(process.execPath, [script, ...args], { stdio: "inherit" }).status === 0;
}

/** The counts of vitest's JSON report. A file that could not be collected has no failed test, but has failed. */
function readReport(path) {
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const file of JSON.parse(readFileSync(path, "utf8")).testResults) {
    const failedBefore = counts.failed;
    for (const { status, fullName } of file.assertionResults) {
      if (status === "passed") counts.passed++;
      else if (status === "failed") counts.failed++;
      else counts.skipped.push(fullName);
    }
    if (file.status === "failed" && counts.failed === failedBefore) counts.failed++;
  }
  return counts;
}

function runVitest(args) {
  const folder = mkdtempSync(join(tmpdir(), "lieu-test-"));
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const ok = run("node_modules/vitest/vitest.mjs", "run", ...reporters, ...args);
  let counts = { passed: 0, failed: 0, skipped: [] };
  try {
    counts = readReport(report);
  } catch {
    // Vitest ended before it could report; `ok` says so.
  }
  rmSync(folder, { recursive: true, force: true });
  if (!ok && counts.failed === 0) counts.failed = 1;
  return counts;
}

const parts = {
  "format and lint (npx biome check .)": () => run("node_modules/@biomejs/biome/bin/biome", "check", "."),
  "types (npx tsc --noEmit)": () => run("node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"),
  "types of the dashboard (npx tsc -p dashboard/tsconfig.json)": () =>
    run("node_modules/typescript/bin/tsc", "-p", "dashboard/tsconfig.json", "--noEmit"),
  "build (npm run build)": () => run("scripts/build.mjs", "--if-stale"),
};
const failedParts = Object.keys(parts).filter((name) => !parts[name]());
const { passed, failed, skipped } = runVitest(process.argv.slice(2));

for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failedParts) console.log(`failed: ${name}`);
if (failed > 0) console.log(`failed: ${failed} in the tests, see above`);
const allFailed = failed + failedParts.length;
const skippedNote = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
console.log(`tests: ${passed} passed, ${allFailed} failed${skippedNote}`);
process.exitCode = allFailed > 0 ? 1 : 0;
