/** Random operations on caches: each does the same to a cache and to its model, and compares. */
import type { CacheKey } from "../../src/index.ts";
import { oneIn, pick } from "../property/source.ts";
import * as all from "./all-ops.ts";
import type { Config } from "./configs.ts";
import { idOf, shownKey } from "./data.ts";
import * as many from "./many-ops.ts";
import { agree, type CacheModel, type Entry } from "./model.ts";
import type { World } from "./world.ts";

export type Op = (w: World) => void;

export function someCache(w: World): CacheModel {
  return pick(w.source, w.caches);
}
/** A key: half of the time one of a few; in a steady run one that was set not long ago, mostly. */
export function someKey(w: World): CacheKey {
  const { keys } = w;
  if (w.config.steady !== true)
    return keys[w.below(oneIn(w.source, 2) ? Math.max(1, keys.length >>> 3) : keys.length)] as CacheKey;
  const age = Math.floor((w.below(1000) / 1000) ** 3 * keys.length);
  return keys[(w.turn + keys.length - 1 - age) % keys.length] as CacheKey;
}
/** A key to be set: in a steady run the next one, mostly. */
function keyToSet(w: World): CacheKey {
  if (w.config.steady !== true || oneIn(w.source, 8)) return someKey(w);
  w.turn = (w.turn + 1) % w.keys.length;
  return w.keys[w.turn] as CacheKey;
}

export function get(w: World): void {
  const model = someCache(w);
  const { cache, shape } = model;
  const key = someKey(w);
  const own = oneIn(w.source, 8);
  const options = {
    allowStale: oneIn(w.source, 2),
    noDeleteOnStaleGet: oneIn(w.source, 2),
    updateAgeOnGet: oneIn(w.source, 2),
  };
  const how = own ? options : shape;
  w.say(`get ${cache.name} ${shownKey(key)} ${own ? JSON.stringify(options) : ""}`);
  model.gets++;
  const entry = model.entries.get(idOf(key));
  const value = model.during(() => (own ? cache.get(key, options) : cache.get(key)));
  w.note(value === undefined ? 2 : 3);
  agree(value === undefined || entry?.invalid !== true, () => `get ${shownKey(key)} gave what was invalidated`);
  model.accessed(key);
  if (entry === undefined || !model.expired(entry)) {
    model.agreeOnValue("get", key, value);
    if (value !== undefined && how.updateAgeOnGet) model.renew(key);
    return;
  }
  agree(value === undefined || how.allowStale, () => `get ${shownKey(key)} gave an expired value`);
  if (value !== undefined) model.agreeIsOf("get", entry, value);
  else if (how.allowStale) model.agreeIsKept("get", entry, value);
  if (!how.noDeleteOnStaleGet) model.entries.delete(idOf(key));
}

export function peek(w: World): void {
  const model = someCache(w);
  const { cache, shape } = model;
  const key = someKey(w);
  const allowStale = oneIn(w.source, 4) ? oneIn(w.source, 2) : undefined;
  w.say(`peek ${cache.name} ${shownKey(key)} ${allowStale ?? ""}`);
  const entry = model.entries.get(idOf(key));
  const value = model.during(() => cache.peek(key, allowStale === undefined ? {} : { allowStale }));
  w.note(value === undefined ? 4 : 5);
  agree(value === undefined || entry?.invalid !== true, () => `peek ${shownKey(key)} gave what was invalidated`);
  if (entry === undefined || !model.expired(entry)) {
    model.agreeOnValue("peek", key, value);
    return;
  }
  agree(value === undefined || (allowStale ?? shape.allowStale), () => `peek ${shownKey(key)} gave an expired value`);
  if (value !== undefined) model.agreeIsOf("peek", entry, value);
  else if (allowStale ?? shape.allowStale) model.agreeIsKept("peek", entry, value);
}

export function has(w: World): void {
  const model = someCache(w);
  const key = someKey(w);
  w.say(`has ${model.cache.name} ${shownKey(key)}`);
  const there = model.during(() => model.cache.has(key));
  w.note(there ? 1 : 2);
  if (there) agree(model.fresh(key) !== undefined, () => `has ${shownKey(key)}, though it was gone`);
  else if (model.fresh(key) !== undefined) model.miss(key);
}

export function info(w: World): void {
  const model = someCache(w);
  const key = someKey(w);
  w.say(`info ${model.cache.name} ${shownKey(key)}`);
  const left = model.during(() => model.cache.getRemainingTTL(key));
  const found = model.during(() => model.cache.info(key));
  w.note(found?.size ?? -1);
  model.agreeOnValue("info", key, found?.value);
  const entry = model.fresh(key);
  if (entry === undefined || found === undefined) return;
  const { bytes, ttl, start } = entry;
  agree(bytes === undefined || found.size === bytes.length, () => `info says ${found.size} bytes, of ${bytes?.length}`);
  agree((found.ttl ?? 0) === ttl, () => `info says a ttl of ${found.ttl}, set was ${ttl}`);
  const expected = ttl === 0 ? Number.POSITIVE_INFINITY : start + ttl - model.now;
  agree(Math.abs(left - expected) < 0.01 || left === expected, () => `${left} ms are left, should be ${expected}`);
}

export function getInto(w: World): void {
  const model = someCache(w);
  const { cache, shape } = model;
  const key = someKey(w);
  const entry = model.fresh(key);
  const size = entry?.bytes?.length ?? 100;
  const offset = w.below(5);
  const room = oneIn(w.source, 5) ? w.below(size + 1) : size + w.below(20);
  const target = new Uint8Array(offset + room).fill(0xa5);
  w.say(`getInto ${cache.name} ${shownKey(key)} ${room} at ${offset}`);
  model.gets++;
  const n = model.during(() => cache.getInto(key, target, offset));
  w.note(n);
  model.accessed(key);
  if (n < 0) {
    // Unless dispose() told of it just now.
    if (model.fresh(key) !== undefined) model.miss(key);
    return;
  }
  agree(entry !== undefined, () => `getInto ${shownKey(key)} gave bytes, though it was gone`);
  if (shape.updateAgeOnGet) model.renew(key);
  if (entry.bytes === undefined) return;
  agree(n === size, () => `getInto ${shownKey(key)} says ${n} bytes, of ${size}`);
  const expected = new Uint8Array(offset + room).fill(0xa5);
  if (n <= room) expected.set(entry.bytes, offset);
  agree(Buffer.compare(target, expected) === 0, () => `getInto ${shownKey(key)} gave other bytes (${n} of ${room})`);
}

export function pin(w: World): void {
  const model = someCache(w);
  const { cache, shape, pins } = model;
  if (pins.length >= 6) {
    unpin(w);
    return;
  }
  const key = someKey(w);
  w.say(`pin ${cache.name} ${shownKey(key)}`);
  model.gets++;
  const entry = model.fresh(key);
  const held = model.during(() => cache.pin(key));
  w.note(held === undefined ? 6 : held.chunks.length);
  model.accessed(key);
  if (held === undefined) {
    if (model.fresh(key) !== undefined) model.miss(key);
    return;
  }
  agree(entry !== undefined, () => `pin ${shownKey(key)} gave bytes, though it was gone`);
  if (shape.updateAgeOnGet) model.renew(key);
  const bytes = Buffer.concat(held.chunks as Uint8Array[]);
  const is = entry.bytes === undefined || Buffer.compare(bytes, entry.bytes) === 0;
  agree(is, () => `pin ${shownKey(key)} gave other bytes (${bytes.length} for ${entry.text})`);
  pins.push({ pin: held, bytes });
}
export function unpin(w: World): void {
  const model = someCache(w);
  if (model.pins.length === 0) return;
  const at = w.below(model.pins.length);
  w.say(`unpin ${model.cache.name} ${at}`);
  model.checkPins();
  model.pins.splice(at, 1)[0]?.pin.release();
}

/** No tags mostly, in a run that has any. */
export function someTags(w: World): string[] {
  if (w.config.tags !== true || !oneIn(w.source, 3)) return [];
  return Array.from({ length: 1 + w.below(3) }, () => `tag ${w.below(oneIn(w.source, 4) ? 3000 : 6)}`);
}

/** A length: in a third of cases what the key's value has now, so that it may be written over; else mostly short, sometimes at a limit of pages. */
function someLength(w: World, before: Entry | undefined): number {
  const { longest, lengths } = w.config;
  if (lengths !== undefined) return pick(w.source, lengths);
  if (before?.bytes !== undefined && oneIn(w.source, 3)) return before.bytes.length;
  const most = pick(w.source, [0, 1, 20, 100, 100, 300, 1000, 4200, longest, longest]);
  const length = oneIn(w.source, 12) ? pick(w.source, [4095, 4096, 4097, 8192, 12_288, 16_384]) : w.below(most + 1);
  return Math.min(length, longest);
}

export function set(w: World): void {
  const model = someCache(w);
  setOn(w, model, keyToSet(w));
}
export function setOn(w: World, model: CacheModel, key: CacheKey): void {
  const { cache, shape, entries } = model;
  const datum = w.pool.make(w.source, shape.codec, someLength(w, entries.get(idOf(key))));
  const ttl =
    w.config.steady !== true && oneIn(w.source, 4) ? pick(w.source, [0, 500, 3000, 30_000, 400_000]) : undefined;
  const tags = someTags(w);
  w.say(`set ${cache.name} ${shownKey(key)} ${datum.text} ${ttl ?? ""} ${tags}`);
  const before = cache.stats().rejected;
  model.sets++;
  model.during(() => cache.set(key, datum.value, ttl === undefined && tags.length === 0 ? undefined : { ttl, tags }), {
    key,
    reason: "set",
  });
  const rejected = cache.stats().rejected - before;
  w.note(rejected);
  agree(rejected === 0 || rejected === 1, () => `one set, ${rejected} rejected`);
  const length = datum.bytes?.length ?? 0;
  const tooLarge = shape.maxEntrySize > 0 && length > shape.maxEntrySize;
  agree(!tooLarge || rejected === 1, () => `${length} bytes were stored, maxEntrySize is ${shape.maxEntrySize}`);
  entries.delete(idOf(key));
  model.rejected += rejected;
  if (rejected === 1) {
    const room = w.config.roomy === true && !tooLarge;
    agree(!room, () => `${shownKey(key)} was rejected (${datum.text}), though there is room`);
    agree(!cache.has(key), () => `${shownKey(key)} was rejected but has a value`);
    return;
  }
  const entry: Entry = { ...datum, key, ttl: ttl ?? shape.ttl, start: model.now, tags, invalid: false };
  entries.set(idOf(key), entry);
}

export function remove(w: World): void {
  removeOn(w, someCache(w), someKey(w));
}
export function removeOn(w: World, model: CacheModel, key: CacheKey): void {
  const { cache, entries } = model;
  w.say(`delete ${cache.name} ${shownKey(key)}`);
  const undef = oneIn(w.source, 8);
  const entry = model.fresh(key);
  const before = cache.stats().deleted;
  model.during(() => (undef ? cache.set(key, undefined) : cache.delete(key)), { key, reason: "delete" });
  const had = cache.stats().deleted - before;
  w.note(had);
  model.deletes += had;
  const forgotten = had > 0 && !model.shape.dispose && !entries.has(idOf(key));
  agree(!forgotten || model.doubtful > 0, () => `deleted ${shownKey(key)}, which was gone`);
  if (forgotten) model.doubtful--;
  if (had === 0 && entry !== undefined && entries.has(idOf(key))) model.miss(key);
  entries.delete(idOf(key));
  agree(!cache.has(key), () => `has ${shownKey(key)} after deleting it`);
}

/** Every operation, as often as its weight says. */
const WEIGHTS: readonly (readonly [Op, number])[] = [
  [get, 200],
  [set, 220],
  [peek, 30],
  [has, 30],
  [info, 15],
  [getInto, 40],
  [pin, 12],
  [unpin, 12],
  [remove, 30],
  [many.invalidate, 6],
  [many.getMany, 8],
  [many.setMany, 8],
  [many.deleteMany, 4],
  [many.memo, 10],
  [all.pop, 6],
  [all.clear, 1],
  [all.iterate, 2],
  [all.iterateAndChange, 2],
  [all.dumpAndLoad, 1],
  [all.purge, 4],
  [all.advance, 30],
  [all.tick, 6],
  [all.pressure, 8],
  [all.reclaim, 4],
  [all.faults, 3],
];
const OPS: readonly Op[] = WEIGHTS.flatMap(([op, weight]) => Array<Op>(weight).fill(op));
/** What empties no cache: a run of these alone comes to where all tiers are full, and stays there. */
const STEADY: readonly Op[] = [get, get, get, set, set, set, getInto, peek, many.getMany, many.setMany];

/** The operations of a run, each as often as its weight says. */
export function opsOf(config: Config): readonly Op[] {
  return config.steady === true ? STEADY : OPS;
}
