/** What the memory's methods check of their arguments before they do anything. */
import { type Codec, shapesCodec } from "../cache/codec.ts";
import type { FrontLimit, HeapEntries } from "../cache/front-types.ts";
import type { Accepts } from "../cache/values.ts";
import { LieuError, shown } from "../errors.ts";
import { parseSize, type Size } from "./size.ts";

const PAGE = 4096;

/** An options object with no keys but those known. */
export function checkKeys(options: object, known: readonly string[], what: string): void {
  if (typeof options !== "object" || options === null) {
    throw new LieuError("EINVAL", `${what}: options is ${shown(options)}; give an object with ${known.join(", ")}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new LieuError("EINVAL", `${what}: unknown key ${shown(key)}; allowed are ${known.join(", ")}`);
    }
  }
}

/** A name, or `otherwise` if there is none. */
export function checkName(name: string | undefined, otherwise: string | undefined, what: string): string {
  const given = name ?? otherwise;
  if (typeof given === "string" && given !== "") return given;
  throw new LieuError("EINVAL", `${what}: name is ${shown(name)}; it must be a string that is not empty`);
}

/**
 * The name of a region or cache: that given, or one by number. Threads that share a memory find things by their names, so that each has one of
 * its own there.
 *
 * @throws {@link LieuError} EINVAL
 */
export function nameOf(
  kind: "region" | "cache",
  given: string | undefined,
  all: readonly { readonly name: string }[],
  shared: boolean,
): string {
  const taken = new Set(shared ? all.map(({ name }) => name) : []);
  let n = all.length;
  while (taken.has(`${kind}${n}`)) n++;
  const name = checkName(given, `${kind}${n}`, kind === "region" ? "map()" : "cache()");
  if (!taken.has(name)) return name;
  throw new LieuError("EINVAL", `a ${kind} named ${shown(name)} is there already; threads find it by its name`);
}

export function checkBoolean(value: boolean | undefined, what: string): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new LieuError("EINVAL", `${what} is ${shown(value)}; it can be true or false`);
}

/** The order of a folio of that size: 0 for a page. */
export function folioOrderOf(size: Size): number {
  const order = Math.log2(parseSize(size, "folio") / PAGE);
  if (Number.isInteger(order) && order >= 0 && order <= 9) return order;
  throw new LieuError("EINVAL", `folio is ${shown(size)}; it must be a power of two from 4 KiB to 2 MiB`);
}

/** Part of `maxSize` that a cache may hold decoded on the heap unless it is told, and the most that this comes to. */
const HEAP_PART = 64;
export const MOST_HEAP = 32 * 2 ** 20;

/** What a cache of so many pages may hold on the JavaScript heap; undefined = nothing. */
export function heapOf(heap: Size | HeapEntries | undefined, maxPages: number): FrontLimit | undefined {
  if (heap === 0) return undefined;
  if (heap === undefined) {
    return { bytes: Math.min(MOST_HEAP, (maxPages * PAGE) / HEAP_PART), entries: Number.POSITIVE_INFINITY };
  }
  if (typeof heap !== "object" || heap === null) {
    return { bytes: parseSize(heap, "heap"), entries: Number.POSITIVE_INFINITY };
  }
  checkKeys(heap, ["entries"], "heap");
  const { entries } = heap;
  if (Number.isInteger(entries) && entries > 0) return { bytes: Number.POSITIVE_INFINITY, entries };
  throw new LieuError("EINVAL", `heap.entries is ${shown(entries)}; it must be a whole number from 1`);
}

/** What a cache takes, and the codec, by default `make()`, for what it does not take as it is. */
export function codecOf<V>(
  codec: "any" | "bytes" | "string" | Codec<V>,
  make: <T>() => Codec<T> = shapesCodec,
): { accepts: Accepts; codec: Codec<V> } {
  if (codec === "any" || codec === "bytes" || codec === "string") return { accepts: codec, codec: make<V>() };
  if (typeof codec === "object" && typeof codec?.encode === "function" && typeof codec.decode === "function") {
    return { accepts: "coded", codec };
  }
  throw new LieuError(
    "EINVAL",
    `codec is ${shown(codec)}; it can be any, bytes, string or an object with encode() and decode()`,
  );
}

/** What `work` gives; if it throws, that is undone first. */
export function attempt<T>(work: () => T, undo: () => void): T {
  try {
    return work();
  } catch (error) {
    undo();
    throw error;
  }
}
