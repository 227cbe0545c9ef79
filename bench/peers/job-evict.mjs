/**
 * A full cache under steady replacement: `entries` are filled in, `churn` new keys replace them in one go, then `steady`
 * more do, 256 in each turn of the event loop. Before the cache is made, the same loops run without one: what they
 * cost is the harness's.
 */
import { openCache } from "./caches.mjs";
import { countHeld, job } from "./job.mjs";
import { KEY_LENGTH, makeKey, valueMaker } from "./keys.mjs";
import { inTurns, memoryNow, timed, watchGc } from "./watch.mjs";

const SETS_A_TURN = 256;

await job(async (options) => {
  const { bytes, entries, churn, steady } = options;
  const value = valueMaker(bytes, false);
  const gc = watchGc();
  let sum = 0;
  const keysAlone = (from, to) => {
    for (let i = from; i < to; i++) sum += makeKey(i).charCodeAt(KEY_LENGTH - 1) + value(i)[0];
  };
  keysAlone(0, 500_000);
  const harness = await replace(keysAlone, entries, churn, steady, gc);

  const before = await memoryNow();
  const cache = await openCache(options.cache, options);
  const set = (from, to) => {
    for (let i = from; i < to; i++) cache.set(makeKey(i), value(i));
  };
  const fill = await timed(entries, () => set(0, entries));
  const replaced = await replace(set, entries, churn, steady, gc);
  const after = await memoryNow();
  const held = cache.size();
  const end = entries + churn + steady;
  const newest = countHeld(cache, end - Math.min(entries >> 1, 10_000), end);
  if (newest === 0) throw new Error("of the newest keys none is held");
  return {
    ...replaced,
    fill: fill.wall,
    held,
    heapPerEntry: (after.heap - before.heap) / held,
    rssPerEntry: (after.rss - before.rss) / held,
    payload: KEY_LENGTH + bytes,
    harness,
    sum,
  };
});

/** Time, collections and turns of `range` over new numbers from `from` on. */
async function replace(range, from, churn, steady, gc) {
  const { wall, cpu, start, end } = await timed(churn, () => range(from, from + churn));
  const pauses = await gc.between(start, end);
  const next = from + churn;
  const turnsStart = performance.now();
  const turns = await inTurns(Math.ceil(steady / SETS_A_TURN), (turn) => {
    const at = next + turn * SETS_A_TURN;
    range(at, Math.min(at + SETS_A_TURN, next + steady));
  });
  const pausesInTurns = await gc.between(turnsStart, performance.now());
  return { wall, cpu, gc: pauses, turns, turnsGc: pausesInTurns };
}
