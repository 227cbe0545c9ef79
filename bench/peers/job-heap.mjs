/**
 * Gets that may be answered from the JavaScript heap, and sets of objects. `kind` says what values are: objects of about 300 bytes as
 * JSON, Buffers or strings of 256. The peer gives out the reference it was given; lieu the one that it holds, or what it makes.
 *
 * With `sets`, objects of about 760 bytes as JSON are set instead; what the peer stores is the JSON, which it shares with nobody.
 * With `turns`, every fourth get is followed by the set of a new key, and collections are watched; keys are made anew then, as a service
 * makes them from requests: a million strings that the harness holds would be most of what a collector has to visit.
 */
import { job } from "./job.mjs";
import { keyStrings, makeKey, uniform, valueMaker, zipf } from "./keys.mjs";
import { openLieu } from "./lieu.mjs";
import { timed, watchGc } from "./watch.mjs";

const small = (i) => ({
  id: i,
  name: `user number ${i}`,
  email: `user${i}@example.com`,
  roles: ["reader", "writer", "owner"],
  active: true,
  score: i / 3,
  address: { street: "Main Street 12345", city: "Springfield", zip: "12345-678" },
  about: "a".repeat(70),
});
const large = (i) => ({
  ...small(i),
  orders: Array.from({ length: 6 }, (_, n) => ({ number: i + n, price: n + 0.99, currency: "EUR", paid: n % 2 === 0 })),
  settings: { language: "en", theme: "dark", mails: true },
  note: "b".repeat(60),
});

function makerOf(kind) {
  if (kind === "objects") return small;
  const make = valueMaker(256, kind === "strings");
  return kind === "strings" ? make : (i) => Buffer.from(make(i));
}
/** The cache, with a get that gives whatever it holds. */
async function open({ cache, entries, maxSize, heap, json }) {
  if (cache === "lieu") return openLieu({ maxSize, heap });
  const { LRUCache } = await import("lru-cache");
  const lru = new LRUCache({ max: entries });
  const set = json
    ? (key, value) => void lru.set(key, JSON.stringify(value))
    : (key, value) => void lru.set(key, value);
  return { set, get: (key) => lru.get(key), stats: () => undefined };
}

function get(cache, keys, order) {
  let got = 0;
  for (let i = 0; i < order.length; i++) if (cache.get(keys[order[i]]) !== undefined) got++;
  return got;
}

await job(async (options) => {
  const { entries, operations, passes, kind, order, sets, turns } = options;
  const cache = await open({ ...options, json: sets });
  const value = sets ? large : makerOf(kind);
  if (turns) return await watchTurns(cache, value, options);
  const keys = keyStrings(entries);
  for (let i = 0; i < entries; i++) cache.set(keys[i], value(i));
  const ids = (order === "zipf" ? zipf : uniform)(entries, operations);
  const ready = sets ? Array.from({ length: 1000 }, (_, i) => large(i)) : [];
  const walls = [];
  let missed = 0;
  let share = 0;
  for (let pass = -2; pass < passes; pass++) {
    const before = cache.stats();
    const { cpu } = await timed(operations, () => {
      if (sets) for (let i = 0; i < operations; i++) cache.set(keys[ids[i]], ready[i % 1000]);
      else missed += operations - get(cache, keys, ids);
    });
    if (pass < 0) continue;
    walls.push(cpu);
    share += ((cache.stats()?.heap ?? 0) - (before?.heap ?? 0)) / operations / passes;
  }
  return { cpu: walls, share, missed: missed / (operations * (passes + 2)), json: JSON.stringify(value(12345)).length };
});

/** Collections while hot keys are got and new ones take the place of old ones. */
async function watchTurns(cache, value, { entries, operations }) {
  for (let i = 0; i < entries; i++) cache.set(makeKey(i), value(i));
  const order = zipf(entries, operations);
  for (const i of order) cache.get(makeKey(i));
  const before = cache.stats();
  const gc = watchGc();
  const { start, end } = await timed(operations, () => {
    for (let i = 0; i < operations; i++) {
      cache.get(makeKey(order[i]));
      if (i % 4 === 0) cache.set(makeKey(entries + i), value(i));
    }
  });
  const stats = cache.stats();
  return {
    gc: await gc.between(start, end),
    rss: process.memoryUsage().rss,
    share: ((stats?.heap ?? 0) - (before?.heap ?? 0)) / operations,
  };
}
