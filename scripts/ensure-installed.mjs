/**
 * Makes a checkout ready to run, and is quiet when it is: the right Node, the dependencies of package-lock.json, a dist/
 * that was built from these sources. Free of dependencies: it runs before anything is installed.
 *
 *     node scripts/ensure-installed.mjs [--no-build]
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { upToDate } from "./fingerprint.mjs";

const OLDEST_NODE = 20;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

/** Why node_modules must be installed anew, or undefined. npm leaves in it a lockfile of what it installed. */
function whyInstall() {
  const hidden = join(root, "node_modules/.package-lock.json");
  if (!existsSync(hidden)) return "node_modules is missing";
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(hidden, "utf8")).packages;
  for (const [path, { version, integrity, optional }] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = installed[path];
    if (found ? found.version !== version || found.integrity !== integrity : !optional) return `${path} is out of date`;
  }
  const extra = Object.keys(installed).find((path) => !wanted[path]);
  return extra ? `${extra} is not in package-lock.json` : undefined;
}

function npmCi() {
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund"];
  const cli = process.env.npm_execpath ?? "";
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  if (basename(cli) === "npm-cli.js") return spawnSync(process.execPath, [cli, ...args], options).status;
  return spawnSync("npm", args, { ...options, shell: process.platform === "win32" }).status;
}

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  fail(`lieu needs Node ${OLDEST_NODE} or newer; this is Node ${process.versions.node}.`);
}
const reason = whyInstall();
if (reason) {
  say(`Installing (${reason}): npm ci`);
  if (npmCi() !== 0) fail("npm ci failed, see above. It needs to reach the npm registry, or a filled npm cache.");
}
// npm ci has built dist/ already (the script "dependencies"), unless npm is set to ignore scripts.
if (!process.argv.includes("--no-build") && !upToDate(root).all) {
  say("Building dist/: npm run build");
  const { status } = spawnSync(process.execPath, [join(root, "scripts/build.mjs")], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
