/**
 * The package as users get it, in an empty project: what it holds, and that it can be imported and run. Its declarations
 * have declarations.test.ts.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifest, root } from "../support/sources.ts";
import { describePackage, linkPackages, packInto, unpackIn } from "./installed.ts";

/** What a JavaScript user writes. */
const PROGRAM = `
import { openMemory } from "lieu";
const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "16MiB" } } });
console.log(typeof memory.vmstat());
await memory[Symbol.asyncDispose]();
`;

describePackage("the packed package", () => {
  const project = mkdtempSync(join(tmpdir(), "lieu-pack-"));
  const installed = join(project, "node_modules/lieu");
  let files: string[] = [];

  beforeAll(() => {
    unpackIn(project, packInto(project));
    linkPackages(project, [...Object.keys(manifest.dependencies), "@types/node"]);
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
      "dist/chunks/lieu.js",
      "dist/cli/main.js",
      "dist/NOTICES.txt",
    ]) {
      expect(files).toContain(file);
    }
    const traces = existsSync(join(root, "traces")) ? readdirSync(join(root, "traces")) : [];
    for (const trace of traces.filter((name) => name.endsWith(".mtr.gz"))) expect(files).toContain(`traces/${trace}`);
  });

  test("holds the library in characters of a byte: a single other one has V8 keep all of it in twice the memory", () => {
    const text = readFileSync(join(root, "dist/chunks/lieu.js"), "utf8");
    const found = text.search(/[\u0080-\uffff]/);
    expect(found < 0 ? "" : text.slice(found, found + 80)).toBe("");
  });

  test("holds no tests, sources or traces of the build", () => {
    const allowed =
      /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|traces\/(README\.md|[^/]+\.mtr\.gz)|parity\/(README\.md|scenarios\.json\.gz)|docs\/[^.]*\.(md|svg|png)|docs\/grafana\/lieu\.json|examples\/[^/]+\.mjs)$|^dist\//;
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

  test("npm installs it without a word, and nothing but it", () => {
    const empty = mkdtempSync(join(tmpdir(), "lieu-empty-"));
    try {
      const tarball = join(project, `lieu-${manifest.version}.tgz`);
      writeFileSync(join(empty, "package.json"), '{ "name": "empty", "private": true }');
      const args = ["install", tarball, "--offline", "--no-audit", "--no-fund", "--cache", join(empty, ".npm")];
      const { status, stderr } = spawnSync("npm", args, {
        cwd: empty,
        encoding: "utf8",
        shell: process.platform === "win32",
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(readdirSync(join(empty, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(["lieu"]);
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });

  test("installs alone, and holds what is used, not the modules that it was made from", () => {
    expect(manifest.dependencies).toEqual({});
    expect(files.filter((file) => /^dist\/(?!chunks|adapters|cli\/main|index).*\.(js|wasm)$/.test(file))).toEqual([]);
  });

  describe("what the documentation shows", () => {
    const documents = [
      "README.md",
      "docs/usage.md",
      "docs/options.md",
      "docs/cache.md",
      "docs/metrics.md",
      "docs/host-memory.md",
      "docs/dashboard.md",
    ];
    const text = (document: string) => readFileSync(join(root, document), "utf8");
    const blocks = documents.flatMap((document) =>
      [...text(document).matchAll(/```js\n([\s\S]*?)```/g)].map(([, code], i): [string, string] => [
        `${document}, block ${i + 1}`,
        code as string,
      ]),
    );

    // What a block of an adapter's takes beside lieu.
    beforeAll(() =>
      linkPackages(project, [
        "koffi",
        "keyv",
        "cache-manager",
        "bentocache",
        "undici",
        "prom-client",
        "@opentelemetry/api",
      ]),
    );

    test.each(blocks.filter(([, code]) => code.includes("import ")))("%s runs as printed", (name, code) => {
      const file = `${name.replaceAll(/\W+/g, "-")}.mjs`;
      writeFileSync(join(project, file), code);
      const { status, stderr } = node(file);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(readdirSync(project).filter((left) => left.endsWith(".swap"))).toEqual([]);
    });

    test("the replay of the shipped trace runs as printed", () => {
      const [, args] = /^npx lieu (replay node_modules.*)$/m.exec(text("README.md")) as RegExpExecArray;
      const { status, stdout } = node(join(installed, manifest.bin.lieu as string), ...(args as string).split(" "));
      expect(status).toBe(0);
      expect(stdout).toContain("0 values wrong");
    });

    test("every link leads to a file that is shipped", () => {
      const faults = files
        .filter((file) => /^(README|docs\/.*)\.md$/.test(file))
        .flatMap((file) => {
          const links = [...readFileSync(join(installed, file), "utf8").matchAll(/\]\(((?!https?:)[^)#]+)/g)];
          return links
            .map(([, link]) => posix.join(posix.dirname(file), link as string))
            .filter((target) => !files.includes(target))
            .map((target) => `${file}: ${target}`);
        });
      expect(faults).toEqual([]);
    });
  });

  test("has a command that knows its version", () => {
    const bin = join(installed, manifest.bin.lieu as string);
    expect(readFileSync(bin, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { status, stdout, stderr } = node(bin, "--version");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(manifest.version);
  });
});
