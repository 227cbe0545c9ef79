/**
 * The architecture's rules, read off the sources: who may import whom, how big a file may get, what the engine's
 * portable subset leaves out, and that nothing of a machine or a registry is in the repository.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import {
  circlesOf,
  codeOf,
  importsOf,
  manifest,
  parse,
  reachableFrom,
  read,
  root,
  sourceFiles,
  trackedFiles,
  whereIs,
} from "./support/sources.ts";

/** What each part of src/ may import, beside itself and errors.ts. The order is that of the layers. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  errors: [],
  mm: [],
  store: ["mm"],
  host: [],
  nodes: ["mm", "host"],
  swap: ["mm", "host"],
  runtime: ["mm", "store", "host", "nodes", "swap"],
  region: ["mm", "nodes", "swap", "runtime"],
  cache: ["mm", "store", "nodes", "swap", "runtime"],
  memory: ["mm", "store", "host", "nodes", "swap", "runtime", "region", "cache"],
  trace: ["mm", "nodes", "swap", "runtime", "region", "cache", "memory"],
  parity: ["mm", "nodes", "swap", "runtime", "region", "memory", "trace"],
  study: ["mm", "nodes", "swap", "runtime", "region", "memory", "trace", "parity"],
  plan: ["mm", "swap", "cache", "memory", "trace", "study"],
  server: ["mm", "nodes", "swap", "runtime", "region", "cache", "memory", "trace", "study"],
  cli: [
    "mm",
    "host",
    "nodes",
    "swap",
    "runtime",
    "region",
    "cache",
    "memory",
    "trace",
    "parity",
    "study",
    "plan",
    "server",
    "index",
  ],
  index: ["mm", "host", "nodes", "swap", "runtime", "region", "cache", "memory", "trace"],
  adapters: [],
};
/** Imports against the layers that may stay, as they are made when they are asked for, and why. */
const LAZY: Readonly<Record<string, string>> = {
  "src/memory/serve.ts src/server/serve.ts": "memory.serve(): who does not call it does not load a server",
};
/** The parts that may use Node's own modules. */
const MAY_USE_NODE = new Set([
  "host",
  "nodes",
  "swap",
  "runtime",
  "memory",
  "trace",
  "parity",
  "study",
  "server",
  "cli",
  "adapters",
]);
/** Modules of Node's that do no I/O, for caches: structured clone, kinds of values, whose load it is. */
const NO_IO = new Set(["node:v8", "node:util", "node:async_hooks"]);

/** The packages that the build takes into dist/ (scripts/bundle.mjs), and the parts that may use them. */
const BUNDLED: Record<string, readonly string[]> = {
  msgpackr: ["cache"],
  fzstd: ["trace"],
  yaml: ["cli"],
  commander: ["cli"],
  "cli-progress": ["cli"],
  "cli-table3": ["cli"],
  keyv: ["adapters"],
  bentocache: ["adapters"],
  undici: ["adapters"],
  "prom-client": ["adapters"],
  "@opentelemetry/api": ["adapters"],
};

/** The files of mm/ that only one compiler reads: the machine's two versions, and what is for the host's side. */
const MACHINE = ["src/mm/machine.ts", "src/mm/machine.wasm.ts"];
const HOST_SIDE = /^src\/(mm\/(presets|vmstat-names|debug-vm[^/]*)|store\/debug-store[^/]*)\.ts$/;

/** The layers of store/, from the floor up: a file imports none of a layer above its own. The host's side is no part of them. */
const STORE_LAYERS: readonly (readonly [string, string])[] = [
  ["what an item is", "layout item above log2 hash random heat meta present sampled"],
  ["where it lies", "directory bring log timers body left scrub remove carry find"],
  ["what it is worth", "known history ghost fair guard rank pays stream sample pace threshold"],
  ["what gives way", "cut-short skim sort sink sunk copies clean holes evict expire room headroom victim"],
  ["the operations", "read ahead access heard glimpse warm census place init store mend exports"],
];

/** Circles of files that may stay, and why. */
const CIRCLES: Readonly<Record<string, string>> = {
  "src/mm/cascade.ts src/mm/coldest.ts src/mm/lru-gen-evict.ts src/mm/vmscan.ts":
    "one list's eviction ends in what becomes of any batch, and that begins there; room on a full target is made likewise",
};

const MAX_LINES = 400;
/** Files that may be longer, and why. */
const LONGER: Readonly<Record<string, string>> = { "src/mm/layout.ts": "every offset of the segment in one place" };
const MAX_MEDIAN_LINES = 150;

const sources = sourceFiles();
const engine = sources.filter((file) => /^src\/(mm|store)\//.test(file));
const portable = [...reachableFrom("src/store/exports.ts")].filter((file) => !MACHINE.includes(file));

/** `src/mm/folio.ts` is of the part `mm`; `src/index.ts` is the part `index`. */
function partOf(file: string): string {
  return (file.split("/")[1] as string).replace(/\.ts$/, "");
}

/** Whether it is one of the {@link LAZY} imports, and made in no other way than `import("...")`. */
function isLazy(file: string, imported: string): boolean {
  const written = new RegExp(`(\\bimport\\()?"[^"]*${imported.split("/").pop()}"`, "g");
  return LAZY[`${file} ${imported}`] !== undefined && [...read(file).matchAll(written)].every(([, lazy]) => lazy);
}

function lineCount(file: string): number {
  return read(file).trimEnd().split("\n").length;
}

describe("imports", () => {
  test("every part of src/ has a row in the table of who may import whom", () => {
    const unknown = sources.filter((file) => MAY_IMPORT[partOf(file)] === undefined);
    expect(unknown.map((file) => `${file}: its part of src/ has no row in the table of this test`)).toEqual([]);
  });

  test("point one way", () => {
    const faults: string[] = [];
    for (const file of sources) {
      const part = partOf(file);
      const allowed = [part, "errors", ...(MAY_IMPORT[part] ?? [])];
      for (const imported of importsOf(file).filter((name) => name.endsWith(".ts"))) {
        if (!imported.startsWith("src/")) faults.push(`${file}: imports ${imported}, outside src/`);
        else if (/\.test\.ts$/.test(imported)) faults.push(`${file}: imports the test ${imported}`);
        else if (isLazy(file, imported)) continue;
        else if (!allowed.includes(partOf(imported))) faults.push(`${file}: ${part} may not import ${imported}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test("go round in no circle of files", () => {
    const circles = circlesOf(sources).map((files) => files.sort().join(" "));
    expect(circles.filter((circle) => CIRCLES[circle] === undefined)).toEqual([]);
    const gone = Object.keys(CIRCLES).filter((circle) => !circles.includes(circle));
    expect(gone, "circles that are no more, and need no exception").toEqual([]);
  });

  test("of store/ go down its layers", () => {
    const layerOf = new Map<string, number>(
      STORE_LAYERS.flatMap(([, names], i) => names.split(" ").map((n) => [`src/store/${n}.ts`, i] as const)),
    );
    const faults: string[] = [];
    for (const file of sources.filter((f) => f.startsWith("src/store/") && !HOST_SIDE.test(f))) {
      const layer = layerOf.get(file);
      if (layer === undefined) faults.push(`${file}: has no layer in the table of this test`);
      else {
        for (const imported of importsOf(file)) {
          const other = layerOf.get(imported) ?? -1;
          if (other <= layer) continue;
          const name = (i: number) => (STORE_LAYERS[i] as readonly [string, string])[0];
          faults.push(`${file} ("${name(layer)}") imports ${imported} ("${name(other)}")`);
        }
      }
    }
    expect(faults).toEqual([]);
  });

  test("Node's modules are used where I/O lives, packages where they may be, neither in the engine", () => {
    const faults: string[] = [];
    for (const file of sources) {
      for (const name of importsOf(file).filter((name) => !name.startsWith("src/"))) {
        const packageName = name
          .split("/")
          .slice(0, name.startsWith("@") ? 2 : 1)
          .join("/");
        if (builtinModules.includes(name)) faults.push(`${file}: write "node:${name}", not "${name}"`);
        else if (name.startsWith("node:")) {
          const pure = partOf(file) === "cache" && NO_IO.has(name);
          if (!pure && !MAY_USE_NODE.has(partOf(file))) faults.push(`${file}: ${partOf(file)} may not import ${name}`);
        } else if (partOf(file) === "mm") faults.push(`${file}: the engine may not import the package ${name}`);
        else if (!(BUNDLED[packageName]?.includes(partOf(file)) ?? false))
          faults.push(`${file}: ${partOf(file)} may not import ${name}: see BUNDLED`);
        else if (!manifest.devDependencies[packageName])
          faults.push(`${file}: ${name} is not in package.json devDependencies`);
      }
    }
    expect(faults).toEqual([]);
  });

  test("index.ts holds re-exports and nothing else", () => {
    if (!existsSync(join(root, "src/index.ts"))) return;
    const others = parse("src/index.ts").statements.filter((s) => !ts.isExportDeclaration(s) || !s.moduleSpecifier);
    expect(others.map((node) => `${whereIs(node)}: not a re-export: ${node.getText().split("\n")[0]}`)).toEqual([]);
  });
});

describe("the engine", () => {
  test("has no file that is neither reached from exports.ts nor known to be for the host's side", () => {
    const stray = engine.filter((f) => !portable.includes(f) && !MACHINE.includes(f) && !HOST_SIDE.test(f));
    expect(stray.map((file) => `${file}: exports.ts does not reach it`)).toEqual([]);
    const hostSide = portable.filter((file) => HOST_SIDE.test(file) || !engine.includes(file));
    expect(hostSide.map((file) => `${file}: exports.ts reaches it, so it must compile to WebAssembly`)).toEqual([]);
  });

  test("has no clock, chance, timer, process or console", () => {
    const banned = /\bMath\.random\b|\b(?:Date|performance|setTimeout|setInterval|setImmediate|process|console)\b/g;
    const faults: string[] = [];
    for (const file of engine.filter((file) => !HOST_SIDE.test(file))) {
      const code = codeOf(file);
      for (const { 0: name, index } of code.matchAll(banned)) {
        faults.push(`${file}:${code.slice(0, index).split("\n").length}: uses ${name}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test("is written in the subset that both compilers read the same way", () => {
    expect(portable.length).toBeGreaterThan(1);
    const faults: string[] = [];
    for (const file of portable) {
      const visit = (node: ts.Node): void => {
        const what = whyNotPortable(node);
        if (what) faults.push(`${whereIs(node)}: ${what}`);
        ts.forEachChild(node, visit);
      };
      visit(parse(file));
    }
    expect(faults).toEqual([]);
  });

  test("carries no data in its WebAssembly", () => {
    const wasm = join(root, "dist/engine.wasm");
    if (!existsSync(wasm)) return;
    const sections = wasmSections(readFileSync(wasm));
    expect(sections).toContain(10);
    expect(sections, "section 11 is data: a string or an array literal got into the engine").not.toContain(11);
  });
});

/** What the portable subset leaves out, by node; undefined for what is fine. */
function whyNotPortable(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) {
    return ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent) ? undefined : "a string";
  }
  if (ts.isTemplateExpression(node)) return "a string";
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return "a closure";
  if (ts.isFunctionDeclaration(node) && !ts.isSourceFile(node.parent)) return "a function in a function";
  if (ts.isClassLike(node)) return "a class";
  if (ts.isArrayLiteralExpression(node)) return "an array";
  if (ts.isObjectLiteralExpression(node)) return "an object";
  if (ts.isThrowStatement(node) || ts.isTryStatement(node)) return "an exception";
  if (ts.isRegularExpressionLiteral(node)) return "a regular expression";
  if (node.kind === ts.SyntaxKind.NumberKeyword) return "the type number: say i32 or f64";
  return undefined;
}

/** The ids of a module's sections, in order. */
function wasmSections(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 8; at < bytes.length; ) {
    ids.push(bytes[at++] as number);
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = bytes[at++] as number;
      size |= (byte & 127) << shift;
      more = byte > 127;
    }
    at += size;
  }
  return ids;
}

/** Whether a file is one of those that a pattern of package.json's "files" means: `*` is any part of a name. */
function matches(file: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`).test(file);
}

describe("sizes", () => {
  test(`no source is over ${MAX_LINES} lines`, () => {
    const all = trackedFiles().filter((file) => /^(src|bench|scripts|dashboard)\/.*\.(ts|tsx|mjs)$/.test(file));
    const counted = all.filter((file) => !/\.test\.tsx?$/.test(file) && LONGER[file] === undefined);
    const big = counted.filter((file) => lineCount(file) > MAX_LINES);
    expect(big.map((file) => `${file}: ${lineCount(file)} lines`)).toEqual([]);
  });

  test(`half of the sources are at most ${MAX_MEDIAN_LINES} lines`, () => {
    const counts = sources.map(lineCount).sort((a, b) => a - b);
    expect(counts[counts.length >> 1]).toBeLessThanOrEqual(MAX_MEDIAN_LINES);
  });
});

describe("the repository", () => {
  test("names no folder of one machine and no registry", () => {
    const banned = [
      /(?<![\w.~-])\/(?:work|root)\b(?!-)/,
      /(?<![\w.~-])\/(?:tmp|home)\//,
      /registry\.(?:npmjs|yarnpkg|npmmirror)\.|npm\.pkg\.github\.|https?:\/\/[^\s"'/]*(?:registry|artifactory|verdaccio|nexus)/,
    ];
    const faults: string[] = [];
    for (const file of trackedFiles()) {
      const bytes = readFileSync(join(root, file));
      if (bytes.includes(0)) continue;
      for (const [i, line] of bytes.toString("utf8").split("\n").entries()) {
        const found = banned.map((pattern) => pattern.exec(line)?.[0]).find(Boolean);
        if (found) faults.push(`${file}:${i + 1}: ${found}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test("locks its dependencies by content, for every platform, and not by the place they came from", () => {
    type Entry = { version: string; integrity?: string; resolved?: string; optional?: true };
    type Locked = Record<string, Entry & { optionalDependencies?: Record<string, string> }>;
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Locked };
    const faults: string[] = [];
    for (const [path, entry] of Object.entries(packages)) {
      if (path === "") continue;
      if (entry.resolved) faults.push(`${path}: has "resolved", which names a registry; see .npmrc`);
      if (!entry.integrity && !entry.optional) faults.push(`${path}: has no "integrity"`);
      // npm ci refuses a lockfile without them, and npm install leaves them out where a registry does not have them.
      for (const name of Object.keys(entry.optionalDependencies ?? {})) {
        const found = packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`];
        if (!found?.version) faults.push(`${path}: its optional dependency ${name} has no entry`);
      }
    }
    expect(faults.map((fault) => `package-lock.json: ${fault}`)).toEqual([]);
  });

  test("has every file that package.json promises, once built", () => {
    if (!existsSync(join(root, "dist"))) return;
    const targets = [manifest.main, manifest.types, ...Object.values(manifest.bin)];
    for (const target of Object.values(manifest.exports)) {
      targets.push(...(typeof target === "string" ? [target] : Object.values(target)));
    }
    const missing = targets.filter((target) => !existsSync(join(root, target)));
    const tracked = trackedFiles();
    const built = readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" }).map((file) => `dist/${file}`);
    for (const pattern of manifest.files.filter((pattern) => !pattern.startsWith("!"))) {
      if (!existsSync(join(root, pattern)) && ![...tracked, ...built].some((file) => matches(file, pattern))) {
        missing.push(pattern);
      }
    }
    expect([...new Set(missing)].map((target) => `package.json: ${target} does not exist`)).toEqual([]);
  });
});
