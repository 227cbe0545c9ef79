/** Random operations on caches that are about several keys, about tags, or about what is missing. */
import type { CacheKey } from "../../src/index.ts";
import { oneIn } from "../property/source.ts";
import { idOf, shownKey } from "./data.ts";
import { agree } from "./model.ts";
import { someCache, someKey, someTags } from "./ops.ts";
import type { World } from "./world.ts";

function someKeys(w: World): CacheKey[] {
  return Array.from({ length: w.below(6) }, () => someKey(w));
}

export function invalidate(w: World): void {
  const model = someCache(w);
  const tag = `tag ${w.below(oneIn(w.source, 4) ? 3000 : 6)}`;
  w.say(`invalidate ${model.cache.name} ${tag}`);
  model.during(() => model.cache.invalidateTag(tag));
  for (const entry of model.entries.values()) if (entry.tags.includes(tag)) entry.invalid = true;
}

export function getMany(w: World): void {
  const model = someCache(w);
  if (model.shape.dispose) return;
  const keys = someKeys(w);
  w.say(`getMany ${model.cache.name} ${keys.map(shownKey)}`);
  const options = { allowStale: false, noDeleteOnStaleGet: true, updateAgeOnGet: false };
  const values = model.during(() => model.cache.getMany(keys, options));
  model.gets += keys.length;
  agree(values.length === keys.length, () => `getMany() gave ${values.length} values for ${keys.length} keys`);
  for (const [i, key] of keys.entries()) {
    model.accessed(key);
    // A later one may have pushed it out; an earlier one of the same key has told.
    model.agreeOnValue("getMany", key, values[i]);
  }
}

export function setMany(w: World): void {
  const model = someCache(w);
  const { cache, shape } = model;
  const keys = [...new Map(someKeys(w).map((key) => [idOf(key), key])).values()];
  w.say(`setMany ${cache.name} ${keys.map(shownKey)}`);
  if (keys.length === 0 || oneIn(w.source, 3)) {
    // One that is wrong, and nothing is stored.
    const { sets } = cache.stats();
    const bad = [
      ...keys.map((key) => [key, w.pool.make(w.source, shape.codec, 9).value] as const),
      [{} as CacheKey, 1],
    ];
    let thrown = false;
    try {
      cache.setMany(bad as [CacheKey, unknown][]);
    } catch {
      thrown = true;
    }
    agree(thrown && cache.stats().sets === sets, () => "setMany() stored a part of what was wrong");
    return;
  }
  if (shape.dispose) return;
  const before = cache.stats().rejected;
  const tags = someTags(w);
  const data = keys.map((key) => ({ key, ...w.pool.make(w.source, shape.codec, w.below(200)) }));
  const pairs = data.map(({ key, value }) => [key, value] as const);
  model.during(() => cache.setMany(pairs, { tags }));
  const rejected = cache.stats().rejected - before;
  model.sets += keys.length;
  model.rejected += rejected;
  for (const datum of data) {
    model.entries.set(idOf(datum.key), { ...datum, ttl: shape.ttl, start: model.now, tags, invalid: false });
    if (cache.has(datum.key)) continue;
    agree(rejected > 0 || w.config.roomy !== true, () => `setMany() lost ${shownKey(datum.key)}`);
    model.entries.delete(idOf(datum.key));
    model.missed++;
  }
  model.missed -= rejected;
}

export function deleteMany(w: World): void {
  const model = someCache(w);
  const { cache, entries } = model;
  const keys = someKeys(w);
  w.say(`deleteMany ${cache.name} ${keys.map(shownKey)}`);
  if (model.shape.dispose) return;
  const there = keys.filter((key, i) => cache.has(key) && keys.findIndex((k) => idOf(k) === idOf(key)) === i).length;
  const before = cache.stats().deleted;
  const had = model.during(() => cache.deleteMany(keys));
  model.deletes += cache.stats().deleted - before;
  agree(had === cache.stats().deleted - before && had >= there, () => `deleteMany() says ${had}, ${there} were there`);
  for (const key of keys) {
    agree(!cache.has(key), () => `has ${shownKey(key)} after deleting it`);
    const entry = entries.get(idOf(key));
    if (entry === undefined) continue;
    entries.delete(idOf(key));
    // It may have been gone before.
    model.missed++;
  }
  model.missed -= had;
}

/** memo() gives what is there, or makes and stores a value. */
export function memo(w: World): void {
  const model = someCache(w);
  const key = someKey(w);
  w.say(`memo ${model.cache.name} ${shownKey(key)}`);
  if (model.shape.dispose || model.shape.allowStale) return;
  const entry = model.fresh(key);
  const made: unknown[] = [];
  const datum = w.pool.make(w.source, model.shape.codec, w.below(200));
  model.next = () => {
    made.push(datum.value);
    return datum.value;
  };
  const before = model.cache.stats().rejected;
  const value = model.cache.memo(key, { updateAgeOnGet: false });
  model.gets++;
  if (made.length === 0) {
    model.accessed(key);
    agree(entry !== undefined, () => `memo ${shownKey(key)} gave a value, though it was gone`);
    model.agreeIsOf("memo", entry, value);
    return;
  }
  agree(value === datum.value, () => "memo() gave another value than was made");
  if (entry !== undefined) model.miss(key);
  model.entries.delete(idOf(key));
  model.sets++;
  const rejected = model.cache.stats().rejected - before;
  model.rejected += rejected;
  if (rejected > 0) return;
  model.entries.set(idOf(key), { ...datum, key, ttl: model.shape.ttl, start: model.now, tags: [], invalid: false });
}
