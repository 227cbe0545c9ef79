/**
 * What the default codec does about values that MessagePack has no word for.
 *
 * MessagePack (with msgpackr's extensions) is compact and fast, and keeps nearly everything that JSON-like data has. What it
 * changes without a word: strings with lone surrogates, -0, own keys named `__proto__`, holes of arrays, wrapper
 * objects, maps and sets of a class of one's own. And what nothing can turn into bytes it leaves out: functions,
 * symbols, promises, weak collections. So a value is looked through before it is encoded: an odd one goes through V8's
 * structured clone, which is larger and several times slower but exact; what would be lost is refused, by its place.
 *
 * The look costs a fraction of the encoding. It keeps no list of what it has seen until there has been much to see, as few
 * values have cycles, and those are met again soon.
 */
import { types } from "node:util";
import { deserialize, serialize } from "node:v8";
import { LieuError } from "../errors.ts";

/** Objects looked at before cycles are looked out for. */
const MANY = 256;

/** Thrown within, where something would be lost. */
class Lost extends Error {}
const LOST = new Lost();

let visited = 0;
let seen: Set<object> | undefined;
/** An instance that encodes itself by toJSON(), which structured clone does not know. */
let speaks = false;

/** Whether MessagePack would change `value`. @throws {@link LieuError} EINVAL that names what would be lost */
export function isOdd(value: unknown): boolean {
  if (typeof value !== "object") return isOddLeaf(value);
  visited = 0;
  seen = undefined;
  speaks = false;
  try {
    const found = isOddLeaf(value);
    if (found && speaks) throw new LieuError("EINVAL", `the value ${MIXED}`);
    return found;
  } catch (error) {
    if (error instanceof RangeError) throw new LieuError("EINVAL", "the value is nested too deeply", { cause: error });
    if (!(error instanceof Lost)) throw error;
    const { path, what } = lost(value, "", new Set()) ?? { path: "", what: "something" };
    throw new LieuError("EINVAL", `the value has ${what} at ${path || "its top"}, which has no bytes`);
  } finally {
    seen = undefined;
  }
}
const MIXED =
  "has both an instance with a toJSON() and something that MessagePack would change (-0, a lone surrogate, a hole, a wrapper, a class of Map); encode it yourself";

/** The bytes of a value as structured clone has them. @throws {@link LieuError} EINVAL */
export function cloneToBytes(value: unknown): Uint8Array {
  try {
    return serialize(value);
  } catch (cause) {
    throw new LieuError("EINVAL", `the value cannot be stored: ${cause}`, { cause });
  }
}
/** The value that {@link cloneToBytes} made bytes of. */
export function cloneFromBytes(bytes: Uint8Array): unknown {
  // Arrays within become views of the bytes: these must be nobody else's.
  return deserialize(new Uint8Array(bytes));
}

function isOddLeaf(value: unknown): boolean {
  switch (typeof value) {
    case "string":
      return !value.isWellFormed();
    case "number":
      return value === 0 && 1 / value < 0;
    case "function":
    case "symbol":
      throw LOST;
    case "object":
      return value !== null && isOddObject(value);
    default:
      return false;
  }
}

function isOddObject(value: object): boolean {
  if (++visited > MANY) {
    seen ??= new Set();
    if (seen.has(value)) return false;
    seen.add(value);
  }
  if (Array.isArray(value)) return isOddArray(value);
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto === Object.prototype || proto === null) return hasOddField(value, true);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return false;
  if (value instanceof Date) return proto !== Date.prototype;
  if (value instanceof Map) return isOddMap(value) || proto !== Map.prototype;
  if (value instanceof Set) return isOddSet(value) || proto !== Set.prototype;
  if (value instanceof RegExp) return proto !== RegExp.prototype || !value.source.isWellFormed();
  if (value instanceof Error) return isOddError(value);
  if (hasNoBytes(value)) throw LOST;
  if (types.isBoxedPrimitive(value)) return true;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    speaks = true;
    return false;
  }
  return hasOddField(value, false);
}

function isOddArray(value: unknown[]): boolean {
  let odd = false;
  for (let i = 0; i < value.length; i++) {
    const x = value[i];
    // A hole reads as undefined.
    if (isOddLeaf(x) || (x === undefined && !(i in value))) odd = true;
  }
  return odd;
}
/** `plain`: not an instance of a class, of which only the fields with names are kept. */
function hasOddField(value: object, plain: boolean): boolean {
  let odd = false;
  const keys = Object.keys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (key === "__proto__" || !key.isWellFormed()) odd = true;
    if (isOddLeaf((value as Record<string, unknown>)[key])) odd = true;
  }
  if (plain && hasSymbol(value)) throw LOST;
  return odd;
}
function hasSymbol(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length > 0 && symbols.some((s) => Object.prototype.propertyIsEnumerable.call(value, s));
}
function isOddMap(value: Map<unknown, unknown>): boolean {
  let odd = false;
  for (const [k, v] of value) {
    if (isOddLeaf(k)) odd = true;
    if (isOddLeaf(v)) odd = true;
  }
  return odd;
}
function isOddSet(value: Set<unknown>): boolean {
  let odd = false;
  for (const v of value) if (isOddLeaf(v)) odd = true;
  return odd;
}
/** Structured clone keeps more of an error: its stack, and odd strings. */
function isOddError(value: Error): boolean {
  if (value instanceof AggregateError) throw LOST;
  isOddLeaf(value.cause);
  return true;
}
function hasNoBytes(value: object): boolean {
  return (
    types.isPromise(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isSharedArrayBuffer(value) ||
    types.isGeneratorObject(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    types.isSymbolObject(value) ||
    value instanceof WeakRef
  );
}

/** The first thing that would be lost, and its place. */
function lost(value: unknown, path: string, met: Set<object>): { path: string; what: string } | undefined {
  if (typeof value === "function") return { path, what: `a function${value.name === "" ? "" : ` (${value.name})`}` };
  if (typeof value === "symbol") return { path, what: `a symbol (${String(value)})` };
  if (typeof value !== "object" || value === null || met.has(value)) return undefined;
  met.add(value);
  if (hasNoBytes(value) || value instanceof AggregateError) return { path, what: `a ${value.constructor.name}` };
  if (value instanceof Map || value instanceof Set) {
    let n = 0;
    for (const [k, v] of value.entries()) {
      const found = lost(k, `${path}.keys()[${n}]`, met) ?? lost(v, `${path}.get(${shownKey(k)})`, met);
      if (found !== undefined) return found;
      n++;
    }
    return undefined;
  }
  if (value instanceof Error) return lost(value.cause, `${path}.cause`, met);
  for (const key of Object.keys(value)) {
    const step = Array.isArray(value) ? `[${key}]` : `.${key}`;
    const found = lost((value as Record<string, unknown>)[key], path + step, met);
    if (found !== undefined) return found;
  }
  for (const key of Object.getOwnPropertySymbols(value))
    return { path, what: `a field named by a symbol (${String(key)})` };
  return undefined;
}
function shownKey(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key) : typeof key === "object" ? "..." : String(key);
}
