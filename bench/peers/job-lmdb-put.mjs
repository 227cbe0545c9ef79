/**
 * Puts into lmdb in each of its ways, and the same into lieu: new keys, half of them in order and half shuffled, then
 * overwrites in random order.
 */
import { openCache } from "./caches.mjs";
import { countHeld, job } from "./job.mjs";
import { keyStrings, shuffled, uniform, valueMaker } from "./keys.mjs";
import { timed } from "./watch.mjs";

/** Asynchronous puts that are under way at most: the write thread works while the next ones are made. */
const BATCH = 10_000;

await job(async (options) => {
  const { bytes, entries, operations, syncPuts } = options;
  const keys = keyStrings(entries);
  const order = uniform(entries, operations);
  const value = valueMaker(bytes, false);
  const cache = await openCache(options.cache, options);
  const putAll = async (count, numberAt) => {
    for (let from = 0; from < count; from += BATCH) {
      const to = Math.min(count, from + BATCH);
      for (let i = from; i < to; i++) cache.set(keys[numberAt(i)], value(numberAt(i)));
      if (cache.settled) await new Promise(setImmediate);
    }
    await cache.settled?.();
  };
  const half = entries >> 1;
  const insertInOrder = await timed(half, () => putAll(half, (i) => i));
  const rest = shuffled(entries - half);
  const insertShuffled = await timed(rest.length, () => putAll(rest.length, (i) => half + rest[i]));
  const overwrite = await timed(operations, () => putAll(operations, (i) => order[i]));
  const result = {
    insertInOrder: insertInOrder.wall,
    insertShuffled: insertShuffled.wall,
    overwrite: overwrite.wall,
  };
  if (cache.db) {
    const { db } = cache;
    const transaction = await timed(operations, () =>
      db.transactionSync(() => {
        for (let i = 0; i < operations; i++) db.put(keys[order[i]], Buffer.from(value(order[i])));
      }),
    );
    const sync = await timed(syncPuts, () => {
      for (let i = 0; i < syncPuts; i++) db.putSync(keys[order[i]], Buffer.from(value(order[i])));
    });
    Object.assign(result, { transaction: transaction.wall, sync: sync.wall });
  }
  countHeld(cache, 0, entries, Math.ceil(entries / 1000));
  await cache.close();
  return result;
});
