/** Reading what dump() gave, or what was made to look like it: all of it is checked before any of it is used. */
import { LieuError, shown } from "../errors.ts";
import { type CacheKey, checkKey } from "./keys.ts";
import { checkStart, checkTtl } from "./options.ts";
import { checkTags } from "./trailer.ts";
import type { DumpedEntry } from "./types.ts";

/** An entry that is ready to be stored. */
export interface ReadEntry<K, E> {
  readonly key: K;
  readonly value: E;
  /** Milliseconds; 0 = for ever. */
  readonly ttl: number;
  /** When the time to live began, ms since 1970; undefined = when it is stored. */
  readonly start: number | undefined;
}

/** @throws {@link LieuError} EINVAL that names the entry; and whatever `encode` throws */
export function readDump<V, K extends CacheKey, E>(
  entries: Iterable<readonly [K, DumpedEntry<V>]>,
  encode: (value: V, tags: readonly string[]) => E,
): ReadEntry<K, E>[] {
  if (typeof entries !== "object" || entries === null || typeof entries[Symbol.iterator] !== "function") {
    throw new LieuError("EINVAL", `the dump is ${shown(entries)}; give what dump() gave: a list of [key, { value }]`);
  }
  const all: ReadEntry<K, E>[] = [];
  for (const entry of entries) all.push(readEntry(entry, all.length, encode));
  return all;
}

function readEntry<V, K extends CacheKey, E>(
  entry: readonly [K, DumpedEntry<V>],
  at: number,
  encode: (value: V, tags: readonly string[]) => E,
): ReadEntry<K, E> {
  const bad = (what: string) => new LieuError("EINVAL", `entry ${at} of the dump: ${what}`);
  if (!Array.isArray(entry) || typeof entry[1] !== "object" || entry[1] === null) {
    throw bad(`it is ${shown(entry).slice(0, 60)}, not [key, { value, ttl?, start?, tags? }]`);
  }
  const [key, { value, ttl, start, tags }] = entry;
  if (value === undefined) throw bad("it has no value");
  checkKey(key);
  const life = checkTtl(ttl);
  if (start !== undefined) checkStart(start);
  // A key of bytes is the caller's.
  const own = typeof key === "object" ? (Uint8Array.from(key) as K) : key;
  return {
    key: own,
    value: encode(value, tags === undefined ? [] : checkTags(tags)),
    ttl: life,
    start: life === 0 ? undefined : start,
  };
}
