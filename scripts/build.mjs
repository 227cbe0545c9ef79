/**
 * Builds dist/: the JavaScript twin and everything else with tsc, and the engine's WebAssembly with AssemblyScript from
 * the same sources. `machine.ts` is the one file that AssemblyScript reads another version of. The fill and check of
 * replayed values (pattern.wasm.ts) is a second, small module. The dashboard is made by Vite (build-dashboard.mjs).
 *
 *     node scripts/build.mjs              everything
 *     node scripts/build.mjs --if-stale   everything, unless dist/ is that of these sources
 *     node scripts/build.mjs --wasm-only  the WebAssembly alone, if it is stale; the rest of dist/ stays as it is
 *
 * A full build is made beside dist/ and takes its place when it is whole: who reads dist/ meanwhile sees the old or the
 * new one, and a build that fails leaves the old one, marked stale.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildDashboard } from "./build-dashboard.mjs";
import { bundle } from "./bundle.mjs";
import { compileWasm } from "./compile-wasm.mjs";
import { DASHBOARD, fingerprint, STAMP, upToDate, WASM_MODULES } from "./fingerprint.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Write the whole file or none of it. */
function writeWhole(path, data) {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  writeFileSync(part, data);
  renameSync(part, path);
}

/**
 * Make the emitted declarations fit for users: keep those that package.json's exports reach, name the files that are there (.js),
 * and call the engine's number types (globals of portable.d.ts, which a user's project does not have) number.
 */
function trimDeclarations(out) {
  if (!existsSync(join(out, "index.d.ts"))) return;
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file) || !existsSync(file)) return;
    reached.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]*)"/g)) {
      visit(join(dirname(file), specifier.replace(/\.[jt]s$/, ".d.ts")));
    }
  };
  const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const { types } of Object.values(exports)) if (types) visit(join(out, types.replace("./dist/", "")));
  for (const name of readdirSync(out, { recursive: true })) {
    const file = join(out, name);
    if (!file.endsWith(".d.ts")) continue;
    if (!reached.has(file)) {
      rmSync(file);
      continue;
    }
    const parts = readFileSync(file, "utf8").split(/(\/\*[\s\S]*?\*\/)/);
    const mended = parts.map((part, i) => (i % 2 ? part : mendDeclaration(part)));
    writeFileSync(file, mended.join(""));
  }
}

function mendDeclaration(code) {
  return code.replace(/\b(i32|f64)\b/g, "number").replace(/(["'])(\.[^"']*)\.ts\1/g, "$1$2.js$1");
}

function fail(message) {
  if (message) process.stderr.write(`${message}\n`);
  process.exit(1);
}

async function buildWasm(wanted) {
  for (const [file, entry] of Object.entries(WASM_MODULES)) writeWhole(file, await compileWasm(entry));
  const built = existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, "utf8")) : {};
  writeWhole(STAMP, `${JSON.stringify({ ...built, wasm: wanted.wasm })}\n`);
}

async function buildAll(wanted) {
  const out = `.build-${process.pid}`;
  process.once("exit", () => rmSync(out, { recursive: true, force: true }));
  const flags = ["-p", "tsconfig.build.json", "--outDir", out, "--noEmitOnError"];
  const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", ...flags], { stdio: "inherit" });
  if (tsc.status !== 0) fail("The build failed: type errors, see above.");
  trimDeclarations(out);
  for (const [file, entry] of Object.entries(WASM_MODULES)) {
    writeWhole(file.replace("dist", out), fresh.wasm ? readFileSync(file) : await compileWasm(entry));
  }
  const [page, packages] = DASHBOARD.map((file) => file.replace("dist", out));
  if (fresh.dashboard) for (const file of DASHBOARD) writeWhole(file.replace("dist", out), readFileSync(file));
  else {
    const built = await buildDashboard();
    writeWhole(page, built.html);
    writeWhole(packages, `${JSON.stringify(built.packages)}\n`);
  }
  await bundle(out);
  writeWhole(STAMP.replace("dist", out), `${JSON.stringify(wanted)}\n`);
  if (existsSync(`${out}/cli/main.js`)) chmodSync(`${out}/cli/main.js`, 0o755);
  rmSync(`${out}.old`, { recursive: true, force: true });
  if (existsSync("dist")) renameSync("dist", `${out}.old`);
  renameSync(out, "dist");
  rmSync(`${out}.old`, { recursive: true, force: true });
}

process.chdir(root);
const wanted = fingerprint(root);
const fresh = upToDate(root, wanted);
if (process.argv.includes("--wasm-only")) {
  if (!fresh.wasm) await buildWasm(wanted);
} else if (!fresh.all || !process.argv.includes("--if-stale")) {
  await buildAll(wanted);
}
