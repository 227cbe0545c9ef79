/**
 * The JavaScript heap as the fastest tier: gets of values that are held decoded, beside a cache that holds references; and what it
 * takes to set an object, beside one that keeps its JSON. Times are CPU time.
 */
import { alternate, median, runJob } from "./run.mjs";
import { faster, sides, within } from "./table.mjs";

const MIB = 2 ** 20;

const HOT = { entries: 10_000, maxSize: 64 * MIB, heap: 8 * MIB, passes: 3, order: "uniform" };
const REFERENCE = "peer: a reference";

/** 10 k hot values of each kind, and sets of objects. */
export async function heap(context) {
  const hot = { ...HOT, operations: context.scaled(1e6) };
  const few = { ...HOT, kind: "objects", operations: context.scaled(1e5) };
  const set = "set of an object of 760 B of JSON, 10k; peer: JSON.stringify() + set";
  return [
    await compare(context, `get of an object of 300 B, 10k hot; ${REFERENCE}`, 0.8, { ...hot, kind: "objects" }),
    await compare(context, `get of a Buffer of 256 B, 10k hot; ${REFERENCE}`, 0.8, { ...hot, kind: "buffers" }),
    await compare(context, `get of a string of 256 B, 10k hot; ${REFERENCE}`, 0.8, { ...hot, kind: "strings" }),
    await compare(context, `get of an object of 300 B, 10k hot, heap: 0; ${REFERENCE}`, undefined, { ...few, heap: 0 }),
    await compare(context, set, 1.5, { ...few, sets: true }),
  ];
}

/** A million objects: gets by Zipf's law, and collections while they are replaced. */
export async function heap1m(context) {
  const entries = context.scaled(1e6);
  const many = { entries, maxSize: 700 * entries, passes: 1, kind: "objects", order: "zipf" };
  const size = context.entries(entries);
  const head = `get of an object of 300 B, ${size}, Zipf 0.99, heap 32 MiB; ${REFERENCE}`;
  const operations = context.scaled(1e6);
  const rows = [await compare(context, head, 0.5, { ...many, heap: 32 * MIB, operations }, 3)];
  // As many sets as there are entries: all are replaced but what is hot.
  const turned = { ...many, turns: true, operations: 4 * entries };
  const run = (cache, note) => runJob("heap", { ...turned, cache, note: `pauses ${note}` });
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(2), context.with("lru-cache"), run);
  const both = sides(lieu, "lru-cache", lru);
  const turns = `4 gets a set, ${size} objects, the default heap`;
  rows.push(within(`${turns}: longest GC pause`, "ms", 5, ...both(({ gc }) => gc.longest)));
  rows.push(within(`${turns}: RSS`, "MiB", undefined, ...both(({ rss }) => rss / MIB)));
  return rows;
}

async function compare(context, row, bar, options, rounds = 5) {
  const run = (cache, note) => runJob("heap", { ...options, cache, note: `${row} ${note}` });
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(rounds), context.with("lru-cache"), run);
  const cpu = (results) => results.map((result) => median(result.cpu));
  const share = options.sets ? "" : ` (${(100 * median(lieu.map((r) => r.share))).toFixed(0)} % from the heap)`;
  return faster(`${row}${share}`, bar, cpu(lieu), "lru-cache", lru && cpu(lru));
}
