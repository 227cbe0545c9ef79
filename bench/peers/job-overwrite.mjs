/** Overwrites of values that are held, keys in random order. */
import { openCache } from "./caches.mjs";
import { countHeld, job } from "./job.mjs";
import { keyStrings, uniform, valueMaker } from "./keys.mjs";
import { timed } from "./watch.mjs";

await job(async (options) => {
  const { bytes, entries, operations, passes } = options;
  const keys = keyStrings(entries);
  const order = uniform(entries, operations);
  const value = valueMaker(bytes, false);
  const cache = await openCache(options.cache, options);
  for (let i = 0; i < entries; i++) cache.set(keys[i], value(i));
  const overwrite = () => {
    for (let i = 0; i < operations; i++) cache.set(keys[order[i]], value(order[i]));
  };
  overwrite();
  const walls = [];
  const cpus = [];
  for (let pass = 0; pass < passes; pass++) {
    const { wall, cpu } = await timed(operations, overwrite);
    walls.push(wall);
    cpus.push(cpu);
  }
  return { wall: walls, cpu: cpus, held: countHeld(cache, 0, entries, 97) / Math.ceil(entries / 97) };
});
