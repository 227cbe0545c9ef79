/**
 * The package as users get it: packed, laid out in an empty project beside its runtime dependencies and nothing else,
 * then imported, run and type-checked. Nothing is fetched: the dependencies are those of this checkout.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requireThat } from "../support/requires.ts";
import { manifest, root } from "../support/sources.ts";

const { upToDate } = await import(pathToFileURL(join(root, "scripts/fingerprint.mjs")).href);
const describePackage = requireThat(upToDate(root).all, "needs dist/ as these sources make it: npm run build");

/** What a TypeScript user writes; compiled, not run. */
const CONSUMER = `
import * as lieu from "lieu";
import { openMemory } from "lieu";

export async function use(): Promise<unknown> {
  await using memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
  return [lieu, memory.vmstat()];
}
`;
/** What a JavaScript user writes. */
const PROGRAM = `
import { openMemory } from "lieu";
const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
console.log(typeof memory.vmstat());
await memory[Symbol.asyncDispose]();
`;
const CONSUMER_CONFIG = {
  compilerOptions: {
    target: "es2022",
    lib: ["es2022", "esnext.disposable"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    noEmit: true,
  },
  files: ["consumer.ts"],
};

describePackage("the packed package", () => {
  const project = mkdtempSync(join(tmpdir(), "lieu-pack-"));
  const installed = join(project, "node_modules/lieu");
  let files: string[] = [];

  beforeAll(() => {
    const npm = basename(process.env.npm_execpath ?? "") === "npm-cli.js" ? process.env.npm_execpath : undefined;
    const args = [
      "pack",
      "--ignore-scripts",
      "--json",
      "--pack-destination",
      project,
      "--cache",
      join(project, ".npm"),
    ];
    if (npm) execFileSync(process.execPath, [npm, ...args], { cwd: root, stdio: "pipe" });
    else execFileSync("npm", args, { cwd: root, stdio: "pipe", shell: process.platform === "win32" });

    mkdirSync(installed, { recursive: true });
    execFileSync("tar", ["-xzf", `lieu-${manifest.version}.tgz`, "-C", installed, "--strip-components=1"], {
      cwd: project,
    });
    for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) {
      const link = join(project, "node_modules", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, "node_modules", name), link, "junction");
    }
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    files = readdirSync(installed, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(installed, name)).isFile())
      .map((name) => name.replaceAll("\\", "/"));
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  function node(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
  }

  test("holds the engine, the legal and the reading matter", () => {
    for (const file of [
      "LICENSE",
      "README.md",
      "CHANGELOG.md",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/engine.wasm",
    ]) {
      expect(files).toContain(file);
    }
    const traces = existsSync(join(root, "traces")) ? readdirSync(join(root, "traces")) : [];
    for (const trace of traces.filter((name) => name.endsWith(".mtr.gz"))) expect(files).toContain(`traces/${trace}`);
  });

  test("holds no tests, sources or traces of the build", () => {
    const allowed =
      /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|traces\/(README\.md|[^/]+\.mtr\.gz)|parity\/(README\.md|scenarios\.json\.gz))$|^dist\//;
    const unwanted = /\.test\.|(?<!\.d)\.ts$|\.map$|\.tsbuildinfo$|^dist\/\.|machine\.wasm\.js$/;
    expect(files.filter((file) => !allowed.test(file) || unwanted.test(file))).toEqual([]);
  });

  test("declares its types without the engine's global number types", () => {
    const faults = files.filter((file) => {
      if (!file.endsWith(".d.ts")) return false;
      const code = readFileSync(join(installed, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      return /\b(i32|f64)\b/.test(code);
    });
    expect(faults).toEqual([]);
  });

  test("can be imported and used", () => {
    writeFileSync(join(project, "program.mjs"), PROGRAM);
    const { status, stdout, stderr } = node("program.mjs");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe("object\n");
  });

  test("has a command that knows its version", () => {
    const bin = join(installed, manifest.bin.lieu as string);
    expect(readFileSync(bin, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { status, stdout, stderr } = node(bin, "--version");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(manifest.version);
  });

  test("type-checks in a strict project", () => {
    writeFileSync(join(project, "consumer.ts"), CONSUMER);
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(CONSUMER_CONFIG));
    const { stdout } = node(join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json", "--pretty", "false");
    // Errors in the declarations of other packages are not ours to mend.
    const ours = stdout.split("\n").filter((line) => /^(consumer\.ts|node_modules\/lieu\/|error )/.test(line));
    expect(ours).toEqual([]);
  });
});
