/** Random operations on all entries of a cache at once, and on the memory around it. */
import type { CacheKey } from "../../src/index.ts";
import { isLieuError } from "../../src/index.ts";
import { oneIn, pick } from "../property/source.ts";
import { idOf, shownKey } from "./data.ts";
import { agree } from "./model.ts";
import { removeOn, setOn, someCache, someKey } from "./ops.ts";
import type { World } from "./world.ts";

const PAGE = 4096;

export function pop(w: World): void {
  const model = someCache(w);
  const { cache, entries } = model;
  w.say(`pop ${cache.name}`);
  const size = cache.size;
  const candidates = [...entries.values()];
  const value = model.during(() => cache.pop(), { key: null, reason: "evict" });
  w.note(value === undefined ? 7 : 8);
  // Those that have expired may have gone first.
  for (const { key } of candidates.filter((entry) => model.expired(entry))) {
    if (cache.peek(key, { allowStale: true }) === undefined) model.doubt(key);
  }
  if (value === undefined) {
    // What is left expired, or could not be read.
    for (const entry of [...entries.values()]) if (!model.expired(entry)) model.miss(entry.key);
    return;
  }
  agree(size > 0, () => "pop() gave something of an empty cache");
  if (model.shape.dispose) return;
  // Which one it was shows in what is there no longer.
  const alike = candidates.filter((entry) => {
    try {
      model.agreeIsOf("pop", entry, value);
      return true;
    } catch {
      return false;
    }
  });
  agree(alike.length > 0, () => "pop() gave a value that is of no entry");
  // An expired one of the same value is not there either.
  const missing = alike.filter((entry) => !cache.has(entry.key));
  const gone = missing.find((entry) => !model.expired(entry)) ?? missing[0];
  agree(gone !== undefined, () => `pop() gave the value of ${shownKey(alike[0]?.key as CacheKey)}, but left it`);
  entries.delete(idOf(gone.key));
}

export function clear(w: World): void {
  const model = someCache(w);
  const { cache, entries } = model;
  const stats = oneIn(w.source, 2);
  w.say(`clear ${cache.name} ${stats}`);
  model.during(() => cache.clear({ stats }), { key: null, reason: "delete" });
  entries.clear();
  if (stats) model.forgetCounts();
  agree(cache.size === 0 && entries.size === 0, () => `${cache.name} is not empty after clear()`);
  agree(cache.keys().next().done === true, () => `${cache.name} has a key after clear()`);
}

export function iterate(w: World): void {
  const model = someCache(w);
  const { cache } = model;
  w.say(`walk ${cache.name}`);
  model.during(() => model.walk(), undefined, "still");
  w.note(cache.size);
}

/** Entries come and go while keys() is under way: those that stay are met, once; those that are met are there. */
export function iterateAndChange(w: World): void {
  const model = someCache(w);
  const { cache } = model;
  w.say(`walk ${cache.name} and change it`);
  const before = new Set(model.entries.values());
  const met = new Set<string>();
  for (const key of cache.keys()) {
    agree(model.fresh(key) !== undefined, () => `keys() gave ${shownKey(key)}, though it was gone`);
    agree(!met.has(idOf(key)), () => `keys() gave ${shownKey(key)} twice`);
    met.add(idOf(key));
    model.accessed(key);
    const what = w.below(8);
    if (what === 0) removeOn(w, model, oneIn(w.source, 2) ? key : someKey(w));
    else if (what <= 2) setOn(w, model, oneIn(w.source, 2) ? key : someKey(w));
    else if (what === 3) {
      model.gets++;
      model.agreeOnValue(
        "get",
        key,
        model.during(() => cache.get(key)),
      );
      if (model.shape.updateAgeOnGet) model.renew(key);
    }
  }
  for (const entry of before) {
    const id = idOf(entry.key);
    if (model.entries.get(id) !== entry || model.expired(entry) || met.has(id)) continue;
    agree(!cache.has(entry.key), () => `keys() did not give ${shownKey(entry.key)}, which is there`);
    model.miss(entry.key);
  }
}

/** dump(), then load() what it gave. Ages go by the wall clock in between. */
export function dumpAndLoad(w: World): void {
  if (!w.wallClock) return;
  const model = someCache(w);
  const { cache, entries } = model;
  w.say(`dump and load ${cache.name}`);
  const began = Date.now();
  const dumped = model.during(() => cache.dump());
  const seen = new Set<string>();
  for (const [key, { value, ttl }] of dumped) {
    agree(!seen.has(idOf(key)), () => `dump() gave ${shownKey(key)} twice`);
    seen.add(idOf(key));
    model.agreeOnValue("dump()", key, value);
    agree((model.fresh(key)?.ttl ?? 0) === (ttl ?? 0), () => `dump() says a ttl of ${ttl} for ${shownKey(key)}`);
  }
  for (const entry of [...entries.values()]) {
    if (!seen.has(idOf(entry.key)) && !model.expired(entry)) model.miss(entry.key);
  }
  const was = new Map(entries);
  // What load() stores may push out what it has just stored; the model learns what there is then.
  const { dispose } = model.shape;
  if (dispose) model.during(() => cache.clear(), { key: null, reason: "delete" });
  entries.clear();
  try {
    cache.load(dumped);
  } finally {
    const { sets, rejected } = cache.stats();
    model.sets = sets;
    model.rejected = rejected;
  }
  for (const [id, entry] of was) {
    if (!seen.has(id)) continue;
    entries.set(id, entry);
    const found = cache.has(entry.key);
    if (!found) {
      agree(w.config.roomy !== true || entry.ttl > 0, () => `load() left out ${shownKey(entry.key)}`);
      entries.delete(id);
    } else if (entry.ttl > 0) {
      const start = cache.getRemainingTTL(entry.key) + model.now - entry.ttl;
      const slack = Date.now() - began + 2;
      agree(Math.abs(start - entry.start) <= slack, () => `load() made ${entry.start} of ${start}`);
      entry.start = start;
    }
  }
  const { evicted, lost, expired } = cache.stats();
  model.missed = cache.size - entries.size + evicted + lost + expired;
  model.drop();
}

export function purge(w: World): void {
  const model = someCache(w);
  const { cache, entries } = model;
  w.say(`purgeStale ${cache.name}`);
  const size = cache.size;
  const any = model.during(() => cache.purgeStale());
  w.note(any ? 9 : 10);
  agree(any === cache.size < size, () => `purgeStale() says ${any}, ${size} entries before, ${cache.size} after`);
  for (const entry of [...entries.values()]) if (model.expired(entry)) entries.delete(idOf(entry.key));
}

export function advance(w: World): void {
  const ms = pick(w.source, [1, 50, 400, 1000, 5000, 60_000]);
  w.say(`advance ${ms}`);
  w.crank.advance(ms);
}

export function tick(w: World): void {
  w.say("tick");
  during(w, () => w.memory.tick());
}
/** Something that is about no cache, but may cost any of them entries. */
function during(w: World, action: () => void): void {
  const [first, ...others] = w.caches;
  const both = others.reduce((inner, model) => () => model.during(inner, undefined, "many"), action);
  first?.during(both, undefined, "many");
}

/** Take memory away from the caches, or give it back. */
export function pressure(w: World): void {
  if (w.config.pressure !== true) return;
  if (w.regions.length > 0 && oneIn(w.source, 2)) {
    w.say("unmap");
    w.regions.splice(w.below(w.regions.length), 1)[0]?.unmap();
    return;
  }
  if (w.regions.length >= 3) return;
  const pages = 1 + w.below(150);
  w.say(`map and fill ${pages}`);
  const region = w.memory.map(pages * PAGE);
  w.regions.push(region);
  during(w, () => {
    try {
      for (let i = 0; i < pages; i++) region.write(i * PAGE, new Uint8Array(PAGE).fill(i));
    } catch (error) {
      if (!isLieuError(error) || (error.code !== "ENOMEM" && error.code !== "EIO")) throw error;
    }
  });
}

export function reclaim(w: World): void {
  if (w.config.roomy === true) return;
  const amount = (1 + w.below(60)) * PAGE;
  const mode = pick(w.source, ["any", "demote", "evict"] as const);
  w.say(`reclaim ${amount} ${mode}`);
  during(w, () => w.memory.reclaim(amount, { mode }));
}

export function faults(w: World): void {
  if (w.config.faults !== true) return;
  for (const device of w.devices) device.faulty = !device.faulty && oneIn(w.source, 2);
  w.say(`faults ${w.devices.map((device) => device.faulty)}`);
}
