/**
 * What dist/ was built from, as hashes: content, not times, so that a checkout, a copy and a deleted file all count
 * right. Free of dependencies: it also runs before anything is installed.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the last build left its fingerprint; not part of the package. */
export const STAMP = "dist/.built.json";
/** What is compiled to WebAssembly: the module, and the source it is made of. */
export const WASM_MODULES = {
  "dist/engine.wasm": "src/store/exports.ts",
  "dist/trace/pattern.wasm": "src/trace/pattern.wasm.ts",
};

/** The dashboard's page, and the packages that are in it. */
export const DASHBOARD = ["dist/dashboard/index.html", "dist/dashboard/packages.json"];

/** What a build depends on beside the sources. */
const COMMON = ["scripts/build.mjs", "scripts/bundle.mjs", "scripts/compile-wasm.mjs", "package-lock.json"];

/** The fingerprints of the sources as they are now: of the WebAssembly alone, of the dashboard alone, of everything. */
export function fingerprint(root) {
  const sources = filesUnder(root, "src").filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  const compiled = sources.filter((file) => /^src\/(mm|store)\/|\.wasm\.ts$/.test(file));
  const page = [...filesUnder(root, "dashboard"), "scripts/build-dashboard.mjs"];
  return {
    wasm: hashOf(root, [...compiled, ...COMMON]),
    dashboard: hashOf(root, [...page, "src/server/series.ts", "src/server/wire.ts", "package-lock.json"]),
    all: hashOf(root, [...sources, ...page, ...COMMON, "tsconfig.json", "tsconfig.build.json"]),
  };
}

/** Which parts of dist/ are there and are those of these sources. */
export function upToDate(root, wanted = fingerprint(root)) {
  const built = existsSync(join(root, STAMP)) ? JSON.parse(readFileSync(join(root, STAMP), "utf8")) : {};
  const has = (file) => existsSync(join(root, file));
  const wasm = built.wasm === wanted.wasm && Object.keys(WASM_MODULES).every(has);
  const dashboard = built.dashboard === wanted.dashboard && DASHBOARD.every(has);
  return { wasm, dashboard, all: wasm && dashboard && built.all === wanted.all };
}

function filesUnder(root, folder) {
  const files = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) files.push(...filesUnder(root, path));
    else files.push(path);
  }
  return files.sort();
}

function hashOf(root, files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const path = join(root, file);
    hash
      .update(`${file}\0`)
      .update(existsSync(path) ? readFileSync(path) : "")
      .update("\0");
  }
  return hash.digest("hex");
}
