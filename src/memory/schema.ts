/**
 * Checks of what users write: options, configuration files, fixtures. A check takes a value of any kind and gives a copy
 * of the right type, or says in one sentence each what is wrong with it: where, what it is, what is allowed. Each property is
 * read once, so that what was checked is what is used.
 *
 * A schema library would do the same in more words of its own, and cost a program that imports lieu more time and memory than
 * all of lieu does.
 */
import { LieuError, type LieuErrorCode, shown } from "../errors.ts";

/** Checks `value`, which stands at `path`; what is wrong is added to `problems`, and the value given back means nothing then. */
export interface Check<T> {
  (value: unknown, path: string, problems: string[]): T;
  /** The keys that an object may have. */
  readonly keys?: readonly string[];
  /** Whether the key may be left out. */
  readonly optional?: boolean;
}

/** What a check gives. */
export type Checked<C> = C extends Check<infer T> ? T : never;

/** A check a key. */
export type Shape = Readonly<Record<string, Check<unknown>>>;
type OptionalKeys<S extends Shape> = { [K in keyof S]: undefined extends Checked<S[K]> ? K : never }[keyof S];
type ObjectOf<S extends Shape> = { [K in Exclude<keyof S, OptionalKeys<S>>]: Checked<S[K]> } & {
  [K in OptionalKeys<S>]?: Checked<S[K]>;
};
/** The same type, spelled out. */
type Plain<T> = { [K in keyof T]: T[K] };

const ROOT = "the configuration";

/** Notes that the value is not what `rule` asks for. */
function refuse(value: unknown, path: string, problems: string[], rule: string): never {
  problems.push(`${path || ROOT} is ${value === undefined ? "missing" : shown(value)}: ${rule}`);
  return undefined as never;
}

/** A value for which `holds` is true; `rule` says what is allowed. */
export function value<T>(holds: (value: unknown) => boolean, rule: string): Check<T> {
  return (given, path, problems) => (holds(given) ? (given as T) : refuse(given, path, problems, rule));
}

/** A key that may be left out, or undefined. */
export function optional<T>(check: Check<T>): Check<T | undefined> {
  const made: Check<T | undefined> = (given, path, problems) =>
    given === undefined ? undefined : check(given, path, problems);
  return Object.assign(made, { optional: true, ...(check.keys !== undefined && { keys: check.keys }) });
}

/** A value that may also be null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (given, path, problems) => (given === null ? null : check(given, path, problems));
}

/** true or false. */
export const boolean: Check<boolean> = value((v) => typeof v === "boolean", "give true or false");

/** A number from `least` to `most`. */
export function number(least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY): Check<number> {
  const fits = (v: unknown): boolean => typeof v === "number" && Number.isFinite(v) && v >= least && v <= most;
  return value(fits, `give a number${range(least, most)}`);
}

/** A number over 0, at most `most`. */
export function positive(most = Number.MAX_VALUE): Check<number> {
  const upTo = most === Number.MAX_VALUE ? "" : `, at most ${most}`;
  return value((v) => typeof v === "number" && v > 0 && v <= most, `give a number over 0${upTo}`);
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Check<number> {
  const fits = (v: unknown): boolean => Number.isSafeInteger(v) && (v as number) >= least && (v as number) <= most;
  return value(fits, `give a whole number${range(least, most)}`);
}

function range(least: number, most: number): string {
  const open = most === Number.POSITIVE_INFINITY || most === Number.MAX_SAFE_INTEGER;
  if (least === Number.NEGATIVE_INFINITY) return open ? "" : ` of at most ${most}`;
  return open ? ` of at least ${least}` : ` from ${least} to ${most}`;
}

/** A string that is not empty, or with `mayBeEmpty` any. */
export function text(mayBeEmpty = false): Check<string> {
  const rule = mayBeEmpty ? "give a string" : "give a string that is not empty";
  return value((v) => typeof v === "string" && (mayBeEmpty || v !== ""), rule);
}

/** One of these words. */
export function oneOf<const T extends string>(words: readonly T[]): Check<T> {
  return value((v) => words.includes(v as T), `it can be ${listed(words)}`);
}

function listed(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

/** A list, each item of which passes. */
export function list<T>(item: Check<T>, what = "give a list"): Check<T[]> {
  return (given, path, problems) => {
    if (!Array.isArray(given)) return refuse(given, path, problems, what);
    return Array.from(given, (one, i) => item(one, `${path}[${i}]`, problems));
  };
}

/** A list with an item for each of these checks. */
export function tuple<const C extends readonly Check<unknown>[]>(
  checks: C,
  what: string,
): Check<{ -readonly [I in keyof C]: Checked<C[I]> }> {
  return (given, path, problems) => {
    if (!Array.isArray(given) || given.length !== checks.length) return refuse(given, path, problems, what);
    return checks.map((check, i) => check(given[i], `${path}[${i}]`, problems)) as never;
  };
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

/** An object of any keys, each of whose values passes. `what` says of what. */
export function record<T>(item: Check<T>, what: string): Check<Record<string, T>> {
  return (given, path, problems) => {
    if (!isObject(given)) return refuse(given, path, problems, `give an object: ${what}`);
    const made: Record<string, T> = {};
    for (const [key, one] of Object.entries(given)) {
      if (key === "") problems.push(`${path || ROOT} has an empty name: ${what}`);
      const checked = item(one, path === "" ? key : `${path}.${key}`, problems);
      // Its own property, whatever the name.
      Object.defineProperty(made, key, { value: checked, enumerable: true, configurable: true, writable: true });
    }
    return made;
  };
}

/** An object with these keys. Others are refused, or, if it is `loose`, left out of the copy. */
export function object<const S extends Shape>(shape: S, { loose = false } = {}): Check<Plain<ObjectOf<S>>> {
  const keys = Object.keys(shape);
  const check = (given: unknown, path: string, problems: string[]): Plain<ObjectOf<S>> => {
    const allowed = keys.join(", ");
    if (!isObject(given)) return refuse(given, path, problems, `give an object with ${allowed}`);
    const unknown = loose ? [] : Object.keys(given).filter((key) => !Object.hasOwn(shape, key));
    if (unknown.length > 0) {
      problems.push(`${path || ROOT}: unknown key ${unknown.map(shown).join(", ")}; allowed are ${allowed}`);
    }
    const made: Record<string, unknown> = {};
    for (const key of keys) {
      const one = (shape[key] as Check<unknown>)(given[key], path === "" ? key : `${path}.${key}`, problems);
      if (one !== undefined) made[key] = one;
    }
    return made as Plain<ObjectOf<S>>;
  };
  return Object.assign(check, { keys });
}

/** An object that is of one of these variants, by what stands at `key`. */
export function variants<const V extends Readonly<Record<string, Check<unknown>>>>(
  key: string,
  of: V,
): Check<Checked<V[keyof V]>> {
  const kind = oneOf(Object.keys(of));
  return (given, path, problems) => {
    if (!isObject(given)) return refuse(given, path, problems, `give an object with ${key} and more`);
    const problemsBefore = problems.length;
    const name = kind(given[key], `${path}.${key}`, problems);
    if (problems.length > problemsBefore) return undefined as never;
    return (of[name] as Check<Checked<V[keyof V]>>)(given, path, problems);
  };
}

/**
 * Check a whole input. `source` is what messages call it, where that is not clear: a file's name.
 *
 * @throws {@link LieuError} `code` (EINVAL) with one sentence for each thing that is wrong
 */
export function checkInput<T>(
  check: Check<T>,
  input: unknown,
  { source, code = "EINVAL" }: { source?: string | undefined; code?: LieuErrorCode } = {},
): T {
  const problems: string[] = [];
  const checked = check(input, "", problems);
  if (problems.length === 0) return checked;
  throw new LieuError(code, `${source === undefined ? "" : `${source}: `}${problems.join("; ")}`);
}
