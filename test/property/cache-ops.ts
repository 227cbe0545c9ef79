/** Random operations on caches: a get returns the bytes last set, or nothing; what is gone stays gone. */
import type { CacheKey } from "../../src/index.ts";
import { somePolicy } from "./region-ops.ts";
import { oneIn, pick } from "./source.ts";
import { agree, type CacheModel, PAGE, type World } from "./world.ts";

export function open(w: World): void {
  if (w.caches.length >= 3) return;
  const group = w.groups.length > 0 && oneIn(w.source, 2) ? pick(w.source, w.groups) : undefined;
  const { policy, bind, text } = somePolicy(w);
  const name = `c${w.serial++}`;
  const maxSize = (16 + w.below(pick(w.source, [8, 64, 512]))) * PAGE;
  w.say(`cache ${name} ${maxSize} ${text} ${group?.group.name ?? ""}`);
  const possible = bind === 0 || group === undefined || (bind & group.mems) !== 0;
  const options = { name, policy, codec: "bytes", maxSize, ...(group && { group: group.group }) } as const;
  const { value: cache, error } = w.attempt(["EINVAL", "ENOMEM"], () => w.memory.cache<Uint8Array, CacheKey>(options));
  // Nodes may be too small, or their marks too high, for any cache at all.
  const tooSmall = error !== undefined && /a cache needs/.test(error.message);
  agree(error?.code !== "EINVAL" || !possible || tooSmall, () => `unexpected ${error?.message}`);
  if (cache === undefined) return;
  agree(possible, () => "a cache was made that may be on no node");
  const index = cache.calculatedSize;
  w.caches.push({ cache, entries: new Map(), group, bind, index, gets: 0, sets: 0, deletes: 0, lost: 0 });
}

export function close(w: World): void {
  if (w.caches.length === 0) return;
  const at = w.below(w.caches.length);
  const { cache } = w.caches[at] as CacheModel;
  w.say(`close ${cache.name}`);
  cache.close();
  w.caches.splice(at, 1);
  w.gone.unshift(cache);
  w.gone.length = Math.min(w.gone.length, 4);
}

function someKey(w: World): CacheKey {
  const n = oneIn(w.source, 2) ? w.below(8) : w.below(256);
  return n % 2 === 0 ? n : `key ${n}`;
}

/** Compare what came back; take note of what is gone. */
function agreeOnValue(w: World, model: CacheModel, key: CacheKey, value: Uint8Array | undefined): void {
  const expected = model.entries.get(key);
  w.note(value === undefined ? 2 : value.length);
  if (value !== undefined) {
    agree(expected !== undefined, () => `${model.cache.name}: ${key} has a value, though it was gone`);
    agree(Buffer.compare(value, expected) === 0, () => `${model.cache.name}: ${key} has other bytes than were set`);
  } else if (expected !== undefined) {
    model.lost++;
    model.entries.delete(key);
  }
}

export function get(w: World): void {
  if (w.caches.length === 0) return;
  const model = pick(w.source, w.caches);
  const key = someKey(w);
  w.say(`get ${model.cache.name} ${key}`);
  model.gets++;
  agreeOnValue(w, model, key, model.cache.get(key));
}

export function peek(w: World): void {
  if (w.caches.length === 0) return;
  const model = pick(w.source, w.caches);
  const key = someKey(w);
  w.say(`peek ${model.cache.name} ${key}`);
  agreeOnValue(w, model, key, model.cache.peek(key));
}

export function has(w: World): void {
  if (w.caches.length === 0) return;
  const model = pick(w.source, w.caches);
  const key = someKey(w);
  w.say(`has ${model.cache.name} ${key}`);
  const there = model.cache.has(key);
  w.note(there ? 1 : 2);
  if (there) agree(model.entries.has(key), () => `${model.cache.name} has ${key}, though it was gone`);
  else if (model.entries.delete(key)) model.lost++;
}

export function set(w: World): void {
  if (w.caches.length === 0) return;
  const model = pick(w.source, w.caches);
  const { cache, entries } = model;
  const key = someKey(w);
  const longest = pick(w.source, [1, 200, 200, 3000, 5000, 20 * 1024]);
  const length = oneIn(w.source, 200) ? cache.maxSize + 1 : w.below(longest + 1);
  const bytes = w.data(Math.min(length, 200_000));
  w.say(`set ${cache.name} ${key} +${bytes.length}`);
  const before = cache.stats().rejected;
  model.sets++;
  cache.set(key, bytes);
  const rejected = cache.stats().rejected - before;
  agree(rejected === 0 || rejected === 1, () => `one set, ${rejected} rejected`);
  agree(bytes.length <= cache.maxSize || rejected === 1, () => "a value larger than the cache was not rejected");
  w.note(rejected);
  if (rejected === 0) entries.set(key, bytes);
  else {
    // The entry that it would have replaced is gone, and is what `rejected` stands for.
    agree(!cache.has(key), () => `${cache.name}: ${key} was rejected but has a value`);
    entries.delete(key);
    model.lost++;
  }
}

export function remove(w: World): void {
  if (w.caches.length === 0) return;
  const model = pick(w.source, w.caches);
  const key = someKey(w);
  w.say(`delete ${model.cache.name} ${key}`);
  const was = model.cache.delete(key);
  w.note(was ? 1 : 2);
  agree(!was || model.entries.has(key), () => `${model.cache.name} deleted ${key}, which was gone`);
  if (was) model.deletes++;
  else if (model.entries.has(key)) model.lost++;
  model.entries.delete(key);
  agree(!model.cache.has(key), () => `${model.cache.name} has ${key} after deleting it`);
}

export function clear(w: World): void {
  if (w.caches.length === 0) return;
  const model = pick(w.source, w.caches);
  const { cache, entries } = model;
  w.say(`clear ${cache.name}`);
  cache.clear({ stats: true });
  entries.clear();
  // It counts anew.
  Object.assign(model, { gets: 0, sets: 0, deletes: 0, lost: 0 });
  const empty = cache.size === 0 && cache.calculatedSize === model.index;
  agree(empty, () => `${cache.name} has ${cache.size} entries in ${cache.calculatedSize} bytes after clear()`);
}
