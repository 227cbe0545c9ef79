/**
 * Runs what a user's machine would notice (API, cache, region, swap, adapters, package) on other Nodes than this one. The
 * binaries come with the npm package `node`, and are kept in node_modules/.cache.
 *
 *     npm run test:node              on Node 20, 22, 24 and 26
 *     npm run test:node -- 26        on the newest of these
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const VERSIONS = ["20", "22", "24", "26"];
const TESTS = ["test/api", "test/adapters", "test/package/pack.test.ts", "src/cache", "src/region", "src/swap"];

/** Of the cache's, what the engine does alone: that is the same WebAssembly and the same JavaScript everywhere, and takes most of the time. */
const ALONE =
  "bounded bytes copies curve expiring-below fair large-below latency limit long-life many neighbours overwrite tiers together twins";
/** Random operations of each configuration of the cache, in place of 1,000. */
const CACHE_OPS = "300";
/** Much of this waits for servers and timers: one more at a time than there are processors. */
const WORKERS = `--maxWorkers=${Math.min(4, availableParallelism()) + 1}`;

process.chdir(join(dirname(fileURLToPath(import.meta.url)), ".."));
const alone = new Set(ALONE.split(" ").map((name) => `${name}.test.ts`));
for (const name of readdirSync("test/cache")) {
  if (name.endsWith(".test.ts") && !alone.has(name)) TESTS.push(`test/cache/${name}`);
}

/** The binary of the newest Node of a major version, installed if it is not there. */
function nodeOf(version) {
  if (process.versions.node.split(".")[0] === version) return process.execPath;
  const folder = join("node_modules/.cache/nodes", version);
  const binary = join(folder, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  // Its install script fetches nothing: it installs the package of this platform, and links the binary.
  writeFileSync(join(folder, "package.json"), '{ "private": true, "allowScripts": { "node": true } }\n');
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", `node@${version}`];
  const cli = process.env.npm_execpath ?? "";
  const npm = basename(cli) === "npm-cli.js" ? [process.execPath, [cli, ...args]] : ["npm", args];
  spawnSync(...npm, { cwd: folder, stdio: ["ignore", "inherit", "inherit"], shell: process.platform === "win32" });
  if (existsSync(binary)) return binary;
  throw new Error(`Node ${version} could not be installed: npm install node@${version}`);
}

const asked = process.argv.slice(2);
const failed = [];
for (const version of asked.length > 0 ? asked : VERSIONS) {
  const binary = resolve(nodeOf(version));
  const found = spawnSync(binary, ["--version"], { encoding: "utf8" }).stdout?.trim();
  console.log(`\n== Node ${found}`);
  const env = { LIEU_CACHE_OPS: CACHE_OPS, ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH}` };
  const args = ["node_modules/vitest/vitest.mjs", "run", "--project", "lieu", "--project", "engine", WORKERS, ...TESTS];
  if (spawnSync(binary, args, { stdio: "inherit", env }).status !== 0) failed.push(version);
}
console.log(failed.length === 0 ? "\nAll passed." : `\nFailed on Node ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
