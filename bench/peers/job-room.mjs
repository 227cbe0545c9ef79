/** How many bytes of its `maxSize` lieu takes for an entry, so that it can be given room for as many as its peers hold. */
import { job } from "./job.mjs";
import { makeKey, valueMaker } from "./keys.mjs";
import { openLieu } from "./lieu.mjs";

const MAX_SIZE = 64 * 2 ** 20;

await job(({ bytes, strings }) => {
  const cache = openLieu({ maxSize: MAX_SIZE, strings });
  const value = valueMaker(bytes, strings);
  const sets = Math.ceil((2 * MAX_SIZE) / bytes);
  for (let i = 0; i < sets; i++) cache.set(makeKey(i), value(i));
  return MAX_SIZE / cache.size();
});
