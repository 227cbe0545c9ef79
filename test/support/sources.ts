/** The repository's own files, as the tidy test reads them. Paths are relative to the root, with forward slashes. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

export function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Every file that git tracks or would track. */
export function trackedFiles(): string[] {
  const out = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root, encoding: "utf8" });
  return [...new Set(out.split("\0"))].filter((file) => file !== "" && existsSync(join(root, file))).sort();
}

/** The sources under src/, without unit tests and declarations. */
export function sourceFiles(): string[] {
  return trackedFiles().filter((file) => /^src\/.*(?<!\.d|\.test)\.ts$/.test(file));
}

/** What a file imports, dynamic imports and re-exports too: paths of sources, or package names as they are written. */
export function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(read(file), true, true);
  return importedFiles.map(({ fileName }) =>
    fileName.startsWith(".") ? posix.join(posix.dirname(file), fileName) : fileName,
  );
}

/** The files that `entry` reaches by relative imports, itself included. */
export function reachableFrom(entry: string): Set<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file) || !existsSync(join(root, file))) return;
    reached.add(file);
    for (const imported of importsOf(file)) if (imported.endsWith(".ts")) visit(imported);
  };
  visit(entry);
  return reached;
}

/**
 * The circles of files that import one another, types alone too: strongly connected components of more than one file
 * (R. Tarjan, Depth-first search and linear graph algorithms, 1972).
 */
export function circlesOf(files: readonly string[]): string[][] {
  const known = new Set(files);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const circles: string[][] = [];
  const visit = (file: string): void => {
    const i = index.size;
    index.set(file, i);
    low.set(file, i);
    path.push(file);
    onPath.add(file);
    for (const next of importsOf(file).filter((name) => known.has(name))) {
      if (!index.has(next)) visit(next);
      else if (!onPath.has(next)) continue;
      low.set(file, Math.min(low.get(file) as number, low.get(next) as number));
    }
    if (low.get(file) !== i) return;
    const circle = path.splice(path.indexOf(file));
    for (const member of circle) onPath.delete(member);
    if (circle.length > 1) circles.push(circle);
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return circles;
}

export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2023, true);
}

/** The text of a file with its comments and strings blanked out, lines kept. */
export function codeOf(file: string): string {
  const text = read(file);
  const keep: string[] = Array.from({ length: text.length }, (_, i) => (text[i] === "\n" ? "\n" : " "));
  const copy = (node: ts.Node): void => {
    if (node.getChildCount() > 0) node.getChildren().forEach(copy);
    else if (!ts.isStringLiteralLike(node)) {
      for (let i = node.getStart(); i < node.getEnd(); i++) keep[i] = text[i] as string;
    }
  };
  copy(parse(file));
  return keep.join("");
}

/** `file:line` of a node. */
export function whereIs(node: ts.Node): string {
  const source = node.getSourceFile();
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

export interface Manifest {
  readonly main: string;
  readonly types: string;
  readonly exports: Record<string, string | Record<string, string>>;
  readonly bin: Record<string, string>;
  readonly files: readonly string[];
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

export const manifest: Manifest = { dependencies: {}, ...JSON.parse(read("package.json")) };
