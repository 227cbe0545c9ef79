/**
 * Gets from a cache that is filled once. `loops` are what is timed, in turn in each pass: `read` says what is got, `order`
 * in which order; keys are strings that exist, the same objects as were stored, or with `fresh` new ones.
 */
import { openCache } from "./caches.mjs";
import { countHeld, job } from "./job.mjs";
import { keyStrings, makeKey, uniform, valueMaker, zipf } from "./keys.mjs";
import { timed } from "./watch.mjs";

// Each loop has a call site of its own. They give the bytes or characters that they got, or less where one was missing.
const READS = {
  copy(cache, keys, order) {
    let got = 0;
    for (let i = 0; i < order.length; i++) got += cache.getCopy(keys[order[i]])?.length ?? 0;
    return got;
  },
  into(cache, keys, order, target) {
    let got = 0;
    for (let i = 0; i < order.length; i++) got += Math.max(0, cache.getInto(keys[order[i]], target));
    return got;
  },
  reference(cache, keys, order) {
    let got = 0;
    for (let i = 0; i < order.length; i++) got += cache.get(keys[order[i]])?.length ?? 0;
    return got;
  },
  // Who gets a string reads it: its last character, at least.
  string(cache, keys, order, _target, bytes) {
    let got = 0;
    for (let i = 0; i < order.length; i++) if (cache.get(keys[order[i]])?.charCodeAt(bytes - 1) === 118) got += bytes;
    return got;
  },
  freshString(cache, _keys, order, _target, bytes) {
    let got = 0;
    for (let i = 0; i < order.length; i++)
      if (cache.get(makeKey(order[i]))?.charCodeAt(bytes - 1) === 118) got += bytes;
    return got;
  },
};

await job(async (options) => {
  const { bytes, entries, loops, operations, passes, strings } = options;
  const keys = keyStrings(entries);
  const orders = { zipf: () => zipf(entries, operations), uniform: () => uniform(entries, operations) };
  for (const name of Object.keys(orders)) {
    if (loops.some(({ order }) => order === name)) orders[name] = orders[name]();
  }
  const value = valueMaker(bytes, strings);
  const cache = await openCache(options.cache, options);
  const fill = await timed(entries, async () => {
    for (let i = 0; i < entries; i++) cache.set(keys[i], value(i));
    await cache.settled?.();
  });
  countHeld(cache, 0, entries, Math.ceil(entries / 1000));

  const target = Buffer.alloc(bytes);
  const times = loops.map(() => ({ wall: [], cpu: [] }));
  let missed = 0;
  for (let pass = -1; pass < passes; pass++) {
    for (const [i, { read, order }] of loops.entries()) {
      let got = 0;
      const { wall, cpu } = await timed(operations, () => {
        got = READS[read](cache, keys, orders[order], target, bytes);
      });
      missed += operations - got / bytes;
      if (pass < 0) continue;
      times[i].wall.push(wall);
      times[i].cpu.push(cpu);
    }
  }
  return { loops: times, fill: fill.wall, missed: missed / (operations * loops.length * (passes + 1)) };
});
