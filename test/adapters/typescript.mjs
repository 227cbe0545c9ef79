/**
 * `node --import` this to run the repository's TypeScript as it is, in any Node: types are cut out, nothing is checked.
 * Node loads the file twice: first as the program's, then, as that asks for, for its hooks.
 */
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import ts from "typescript";

if (isMainThread) register(import.meta.url);

const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };

export async function load(url, context, nextLoad) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
  const source = readFileSync(fileURLToPath(url), "utf8");
  return {
    format: "module",
    source: ts.transpileModule(source, { compilerOptions }).outputText,
    shortCircuit: true,
  };
}
