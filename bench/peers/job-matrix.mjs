/**
 * One cell of the table of rates: gets and overwrites of held keys, and a read-through, all by Zipf's law, over keys made
 * as they are needed. Every library gets in its own way: lieu and lmdb a copy, the others what they hold.
 */
import { openCache } from "./caches.mjs";
import { countHeld, job } from "./job.mjs";
import { makeKey, valueMaker, zipf } from "./keys.mjs";
import { memoryNow, timed } from "./watch.mjs";

/** The read-through has so many times the keys that the cache holds. */
const WIDTH = 10;
/** Requests that come before those that are timed, at most. */
const MAX_WARM = 500_000;
/** Operations between two turns of the event loop, which asynchronous sets need, and two looks at the clock. */
const BATCH = 10_000;
/** A pass that takes longer, in ms, ends with the batch. */
const PASS_LIMIT = 10_000;

await job(async (options) => {
  const { bytes, entries, operations, passes, strings } = options;
  const value = valueMaker(bytes, strings);
  const order = zipf(entries, (passes + 1) * operations);
  const warm = Math.min(entries, MAX_WARM);
  const wide = zipf(WIDTH * entries, warm + passes * operations);
  for (let i = 0; i < 200_000; i++) value(makeKey(i).charCodeAt(19));
  const before = await memoryNow();
  const cache = await openCache(options.cache, options);
  const batches = async (from, to, work, limit = Number.POSITIVE_INFINITY) => {
    const end = performance.now() + limit;
    let at = from;
    while (at < to && performance.now() < end) {
      work(at, Math.min(to, at + BATCH));
      at = Math.min(to, at + BATCH);
      if (cache.settled) await new Promise(setImmediate);
    }
    await cache.settled?.();
    return at - from;
  };
  await batches(0, entries, (from, to) => {
    for (let i = from; i < to; i++) cache.set(makeKey(i), value(i));
  });
  const after = await memoryNow();
  const step = Math.ceil(entries / 1000);
  const held = countHeld(cache, 0, entries, step) / Math.ceil(entries / step);

  let got = 0;
  let missing = 0;
  const gets = (from, to) => {
    got += to - from;
    for (let i = from; i < to; i++) if (cache.get(makeKey(order[i])) === undefined) missing++;
  };
  const sets = (from, to) => {
    for (let i = from; i < to; i++) cache.set(makeKey(order[i]), value(order[i]));
  };
  let misses = 0;
  // 90 % gets, each miss followed by a set, and 10 % sets.
  const mixed = (from, to) => {
    for (let i = from; i < to; i++) {
      const key = makeKey(wide[i]);
      if (i % 10 === 9) cache.set(key, value(wide[i]));
      else if (cache.get(key) === undefined) {
        misses++;
        cache.set(key, value(wide[i]));
      }
    }
  };
  const times = { gets: [], sets: [], mixed: [] };
  for (const [name, work] of Object.entries({ gets, sets })) {
    for (let pass = 0; pass <= passes; pass++) {
      const from = pass * operations;
      const { wall } = await timed(operations, () => batches(from, from + operations, work, PASS_LIMIT));
      if (pass > 0) times[name].push(wall);
    }
  }
  // For the popular ones to be in.
  await batches(0, warm, mixed, 2 * PASS_LIMIT);
  misses = 0;
  let requests = 0;
  for (let pass = 0; pass < passes; pass++) {
    const from = warm + pass * operations;
    const run = async () => {
      const done = await batches(from, from + operations, mixed, PASS_LIMIT);
      requests += done;
      return done;
    };
    times.mixed.push((await timed(operations, run)).wall);
  }
  await cache.close();
  return {
    ...times,
    held,
    missing: missing / got,
    missRatio: misses / (requests * 0.9),
    rssPerEntry: (after.rss - before.rss) / entries,
  };
});
