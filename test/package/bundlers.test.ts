/**
 * The packed package under bundlers, none of which is configured for it: each bundles a small program, which then runs in a folder
 * where nothing else is. With Node's single executables the folder does without Node, too.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build as esbuild } from "esbuild";
import { rollup } from "rollup";
import { build as vite } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import webpack from "webpack";
import { root } from "../support/sources.ts";
import { describePackage, packInto, unpackIn } from "./installed.ts";

const PROGRAM = `
import { openMemory } from "lieu";

async function main() {
  const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "4MiB" } } });
  const cache = memory.cache({ maxSize: "1MiB" });
  cache.set("key", { list: [1, 2, 3] });
  const region = memory.map("1MiB");
  region.writeFloat64(8, 0.5);
  console.log(JSON.stringify([cache.get("key"), region.readFloat64(8)]));
  await memory.close();
}
main();
`;

describePackage("a program bundled by", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "lieu-bundlers-")));
  const project = join(folder, "project");
  const entry = join(project, "main.mjs");

  beforeAll(() => {
    mkdirSync(project);
    unpackIn(project, packInto(folder));
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    writeFileSync(entry, PROGRAM);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A folder that holds nothing, for the bundle. */
  function empty(name: string): string {
    const made = join(folder, name);
    mkdirSync(made);
    return made;
  }

  function expectToRun(command: string, args: readonly string[], cwd: string): void {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '[{"list":[1,2,3]},0.5]\n', stderr: "" });
  }
  function expectFileToRun(out: string, file: string): void {
    expectToRun(process.execPath, [join(out, file)], out);
  }

  test.each(["esm", "cjs"] as const)("esbuild, as %s", async (format) => {
    const out = empty(`esbuild-${format}`);
    const outfile = join(out, format === "esm" ? "bundle.mjs" : "bundle.cjs");
    const { warnings } = await esbuild({ entryPoints: [entry], bundle: true, platform: "node", format, outfile });
    expect(warnings).toEqual([]);
    expectFileToRun(out, outfile.slice(out.length + 1));
  });

  test("rollup", async () => {
    const out = empty("rollup");
    const bundle = await rollup({ input: entry, plugins: [nodeResolve()], external: /^node:/ });
    await bundle.write({ file: join(out, "bundle.mjs"), format: "esm" });
    await bundle.close();
    expectFileToRun(out, "bundle.mjs");
  });

  test("vite", async () => {
    const out = empty("vite");
    await vite({
      root: project,
      configFile: false,
      logLevel: "warn",
      ssr: { noExternal: true },
      build: {
        ssr: entry,
        outDir: out,
        emptyOutDir: false,
        rollupOptions: { output: { entryFileNames: "bundle.mjs" } },
      },
    });
    expectFileToRun(out, "bundle.mjs");
  });

  test("webpack", async () => {
    const out = empty("webpack");
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      const output = { path: out, filename: "bundle.cjs" };
      webpack(
        { mode: "development", devtool: false, target: "node", context: project, entry, output },
        (error, done) => (error ? reject(error) : resolve(done)),
      );
    });
    expect(stats?.toJson({ errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
    expectFileToRun(out, "bundle.cjs");
  });

  test("ncc", () => {
    const out = empty("ncc");
    const cli = join(root, "node_modules/@vercel/ncc/dist/ncc/cli.js");
    execFileSync(process.execPath, [cli, "build", entry, "-o", out, "--quiet", "--no-cache"], { cwd: project });
    expectFileToRun(out, readdirSync(out).find((name) => /^index\.m?js$/.test(name)) as string);
  });

  test("esbuild, as a single executable", async ({ skip }) => {
    if (process.platform === "darwin") skip("needs codesign");
    const out = empty("sea");
    await esbuild({
      entryPoints: [entry],
      bundle: true,
      platform: "node",
      format: "cjs",
      outfile: join(out, "main.cjs"),
    });
    const config = { main: "main.cjs", output: "main.blob", disableExperimentalSEAWarning: true };
    writeFileSync(join(out, "sea.json"), JSON.stringify(config));
    execFileSync(process.execPath, ["--experimental-sea-config", "sea.json"], { cwd: out, stdio: "pipe" });
    const program = join(empty("executable"), process.platform === "win32" ? "program.exe" : "program");
    copyFileSync(process.execPath, program);
    chmodSync(program, 0o755);
    const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
    const postject = join(root, "node_modules/postject/dist/cli.js");
    const args = [postject, program, "NODE_SEA_BLOB", "main.blob", "--sentinel-fuse", fuse];
    execFileSync(process.execPath, args, { cwd: out, stdio: "pipe" });
    expectToRun(program, [], join(folder, "executable"));
  }, 120_000);
});
