/**
 * The package as users get it: packed, and laid out in a project beside its runtime dependencies and nothing else, as npm
 * install would. Nothing is fetched: the dependencies are those of this checkout.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { requireThat } from "../support/requires.ts";
import { manifest, root } from "../support/sources.ts";

const { upToDate } = await import(pathToFileURL(join(root, "scripts/fingerprint.mjs")).href);
/** `describe` for what is about the package: skips without a build of these sources. */
export const describePackage = requireThat(upToDate(root).all, "needs dist/ as these sources make it: npm run build");

/** Packs the checkout into `folder`. Returns the tarball's path. */
export function packInto(folder: string): string {
  const npm = basename(process.env.npm_execpath ?? "") === "npm-cli.js" ? process.env.npm_execpath : undefined;
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder, "--cache", join(folder, ".npm")];
  if (npm) execFileSync(process.execPath, [npm, ...args], { cwd: root, stdio: "pipe" });
  else execFileSync("npm", args, { cwd: root, stdio: "pipe", shell: process.platform === "win32" });
  return join(folder, `lieu-${manifest.version}.tgz`);
}

/** Unpacks `tarball` in `project`, which is a folder. Returns where lieu is then. */
export function unpackIn(project: string, tarball: string): string {
  const installed = join(project, "node_modules/lieu");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", basename(tarball), "-C", installed, "--strip-components=1"], { cwd: dirname(tarball) });
  return installed;
}

/** Gives `project` this checkout's copy of these packages. */
export function linkPackages(project: string, names: readonly string[]): void {
  for (const name of names) {
    const link = join(project, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link, "junction");
  }
}
