/**
 * What is run for long, each with a short version in `npm test`:
 *
 *     node scripts/soak.mjs NAME [--nightly] [vitest's arguments]
 *
 * kills: threads and processes killed at any moment. linearizable: histories of several threads and processes. stress: words of regions beside threads that
 * move pages. tears: deaths at some of the stores of an operation, in a night at each. --nightly: more of it.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where it is; how much of it there is, usually and in a night. */
const SOAKS = {
  kills: { files: ["test/fuzz/kills"], variable: "LIEU_KILLS", usual: 1000, nightly: 10_000 },
  linearizable: { files: ["test/fuzz/linearizable"], variable: "LIEU_OPS", usual: 10_000_000, nightly: 100_000_000 },
  stress: { files: ["test/fuzz/litmus"], variable: "LIEU_SECONDS", usual: 300, nightly: 3600 },
  tears: { files: ["test/takeover/tear", "test/takeover/caches"], variable: "LIEU_TEARS", usual: 60, nightly: "all" },
};

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));
const [name, ...given] = process.argv.slice(2);
const soak = Object.hasOwn(SOAKS, name ?? "") ? SOAKS[name] : undefined;
if (soak === undefined) {
  process.stderr.write(`node scripts/soak.mjs ${Object.keys(SOAKS).join(" | ")} [--nightly]\n`);
  process.exit(2);
}
const rest = given.filter((argument) => argument !== "--nightly");
const much = rest.length < given.length ? soak.nightly : soak.usual;
const env = { ...process.env };
env[soak.variable] ??= String(much);
const config =
  name === "tears" ? ["--project", "lieu", "--testTimeout", "3600000"] : ["--config", "vitest.fuzz.config.ts"];
const vitest = join("node_modules", "vitest", "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", ...config, ...soak.files, ...rest], {
  stdio: "inherit",
  env,
});
process.exit(status ?? 1);
