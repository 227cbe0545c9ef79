/** The end of a job's process that the job sees: its arguments come as JSON, and so does its result go. */
import { makeKey, numberOf } from "./keys.mjs";

/** Run this process's job; the result goes to stdout. */
export async function job(work) {
  const result = await work(JSON.parse(process.argv[2]));
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

/** How many of the keys from `from` to `to`, `step` apart, are held. Throws if one has another's value. */
export function countHeld(cache, from, to, step = 1) {
  let held = 0;
  for (let i = from; i < to; i += step) {
    const value = cache.get(makeKey(i));
    if (value === undefined) continue;
    if (numberOf(value) !== i) throw new Error(`key ${i} has the value of key ${numberOf(value)}`);
    held++;
  }
  return held;
}
