/** Configuration from files and `--set`. */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { parse, type YAMLError } from "yaml";
import { LieuError } from "../errors.ts";
import { checkReplayOptions, type ReplayOptions } from "../trace/replay-options.ts";
import { fileError } from "../trace/source.ts";

type Tree = Record<string, unknown>;

const PARSERS: ReadonlyMap<string, (text: string) => unknown> = new Map([
  [".json", (text: string): unknown => JSON.parse(text)],
  [".yaml", (text: string): unknown => parse(text)],
  [".yml", (text: string): unknown => parse(text)],
]);

/**
 * The options in a YAML or JSON file, by its extension.
 *
 * @throws {@link LieuError} ENOENT, EACCES, EINVAL of the file; EFORMAT: neither YAML nor JSON; EINVAL for a key or value
 *   that the schema does not have, with the file's name
 */
export function readConfig(path: string): ReplayOptions {
  return checkReplayOptions(readDocument(path) ?? {}, path);
}

/** What is in a YAML or JSON file, unchecked. @throws {@link LieuError} as {@link readConfig} */
export function readDocument(path: string): unknown {
  const parser = PARSERS.get(extname(path).toLowerCase());
  if (parser === undefined) {
    throw new LieuError("EINVAL", `the configuration ${path} must be a .yaml, .yml or .json file`);
  }
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(path, error);
  }
  try {
    return parser(text);
  } catch (error) {
    const why = (error as YAMLError | SyntaxError).message.split("\n")[0]?.replace(/:$/, "");
    throw new LieuError("EFORMAT", `${path}: ${why}`, { cause: error });
  }
}

/**
 * Apply `--set a.b=value` to options: the value is read as YAML, so `true`, `10`, `64MiB` and `[a, b]` mean what they say.
 *
 * @throws {@link LieuError} EINVAL
 */
export function applySetting(options: ReplayOptions, setting: string): ReplayOptions {
  const [, path, text] = /^([^=\s]+)=(.*)$/s.exec(setting) ?? [];
  if (path === undefined || text === undefined) {
    throw new LieuError("EINVAL", `--set is ${JSON.stringify(setting)}; give key=value, such as swappiness=10`);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new LieuError("EINVAL", `--set ${path}: ${JSON.stringify(text)} is no YAML value`, { cause: error });
  }
  const copy = structuredClone(options) as Tree;
  const keys = path.split(".");
  const last = keys.pop() as string;
  let at = copy;
  for (const key of keys) {
    const inner = Object.hasOwn(at, key) ? at[key] : undefined;
    if (inner !== undefined && (typeof inner !== "object" || inner === null)) {
      throw new LieuError("EINVAL", `--set ${setting}: ${key} is ${JSON.stringify(inner)}, which has no keys`);
    }
    define(at, key, inner ?? {});
    at = at[key] as Tree;
  }
  define(at, last, value);
  return checkReplayOptions(copy, `--set ${setting}`);
}

/** Set a key as its own property, whatever its name. */
function define(tree: Tree, key: string, value: unknown): void {
  Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true });
}
