/**
 * The packed package's declarations in users' projects: small programs (consumers/) are compiled against them under every
 * kind of module resolution, strictly, with `skipLibCheck: false`, with Node's declarations and without. And what publint
 * and attw say of the package.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { manifest, root } from "../support/sources.ts";
import { describePackage, linkPackages, packInto, unpackIn } from "./installed.ts";

const { ModuleKind, ModuleResolutionKind } = ts;
const RESOLUTIONS = {
  node16: { module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 },
  nodenext: { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext },
  bundler: { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler },
} as const;
const STRICT: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};
const WITH_NODE = ["main.ts", "keyv.ts", "bentocache.ts", "next.ts", "undici.ts", "metrics.ts"];
const WITHOUT = ["main.ts", "keyv.ts"];
/** Needs streams of the web: a project of Next.js has lib.dom. */
const WITH_DOM = [...WITHOUT, "next.ts"];

describePackage("the packed declarations", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "lieu-types-")));
  const withNode = join(folder, "with-node");
  const without = join(folder, "without");
  let tarball: string;

  beforeAll(() => {
    tarball = packInto(folder);
    for (const project of [withNode, without]) {
      mkdirSync(project);
      unpackIn(project, tarball);
      linkPackages(project, [
        ...Object.keys(manifest.dependencies),
        "keyv",
        "bentocache",
        "undici",
        "prom-client",
        "@opentelemetry/api",
      ]);
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
      for (const name of readdirSync(join(root, "test/package/consumers"))) {
        copyFileSync(join(root, "test/package/consumers", name), join(project, name));
      }
    }
    linkPackages(withNode, ["@types/node"]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What the compiler says of the programs and of lieu's declarations; others' errors are not ours to mend. */
  function compile(project: string, files: readonly string[], options: ts.CompilerOptions): string[] {
    const host = ts.createCompilerHost(options);
    host.getCurrentDirectory = () => project;
    const names = files.map((file) => join(project, file));
    const program = ts.createProgram(names, { ...STRICT, ...options, preserveSymlinks: true }, host);
    const ours = program.getSourceFiles().filter(({ fileName }) => /^[^/]*$|^dist\//.test(within(project, fileName)));
    expect(ours.length).toBeGreaterThan(20);
    const found = [
      ...program.getOptionsDiagnostics(),
      ...program.getGlobalDiagnostics(),
      ...ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
    ];
    return found.map(({ file, messageText }) => {
      return `${within(project, file?.fileName ?? "")}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  }
  /** A file's path in the project, or in lieu. */
  function within(project: string, path: string): string {
    return path.replace(`${project.replaceAll("\\", "/")}/`, "").replace("node_modules/lieu/", "");
  }

  test.each(Object.entries(RESOLUTIONS))("with @types/node, %s", (_, resolution) => {
    const options = { ...resolution, types: ["node"], lib: ["lib.es2022.d.ts"] };
    expect(compile(withNode, WITH_NODE, options)).toEqual([]);
  });

  test.each(Object.entries(RESOLUTIONS))("without @types/node, %s, with lib.dom", (_, resolution) => {
    const options = { ...resolution, types: [], lib: ["lib.es2022.d.ts", "lib.dom.d.ts"] };
    expect(compile(without, WITH_DOM, options)).toEqual([]);
  });

  test("without either, which leaves an AbortSignal undeclared", () => {
    const options = { ...RESOLUTIONS.nodenext, types: [], lib: ["lib.es2022.d.ts"] };
    const expected = ["main.ts: Cannot find name 'AbortController'."];
    expect(compile(without, WITHOUT, options)).toEqual(expected);
  });

  test("publint has nothing to say", async () => {
    const { messages } = await publint({ pkgDir: join(without, "node_modules/lieu"), strict: true, pack: false });
    expect(messages).toEqual([]);
  });

  test("attw: every entry point has the types of what is imported", () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const run = spawnSync(process.execPath, [attw, tarball, "--profile", "esm-only", "--format", "json"], {
      encoding: "utf8",
    });
    const report = JSON.parse(run.stdout) as { analysis: { entrypoints: Record<string, unknown> } };
    const entries = Object.keys(manifest.exports).sort();
    expect({ status: run.status, entries: Object.keys(report.analysis.entrypoints).sort() }).toEqual({
      status: 0,
      entries,
    });
  });
});
