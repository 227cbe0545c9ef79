/** Gets and overwrites: copied out, into a buffer, of a small hot cache, of strings; values of 4 KiB written anew. */
import { alternate, hasRoom, median, runJob } from "./run.mjs";
import { faster, sides, skipped } from "./table.mjs";

/** A cache that shall hold all entries has a little more room than they need. */
const SPARE = 1.1;

/** 1 M entries of 256 bytes by Zipf's law, copied out: as a new Buffer, and into one that the caller has. */
export async function get(context) {
  const entries = context.scaled(1e6);
  const head = `get, ${context.entries(entries)} x 256 B, Zipf 0.99`;
  const loops = [
    { read: "copy", order: "zipf" },
    { read: "into", order: "zipf" },
  ];
  const run = await runner(context, { entries, bytes: 256, loops, heap: 0, operations: context.scaled(1e6) });
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(5), context.with("lru-cache"), run);
  return [
    ...rowOf(`${head}: a new Buffer; peer: get + Buffer.from()`, 1.7, lieu, lru, 0),
    ...rowOf(`${head}: getInto(); peer: get + Buffer.from()`, 2.5, lieu, lru, 1, 0),
    ...rowOf(`${head}: getInto(); peer: get + copy into a Buffer`, undefined, lieu, lru, 1),
  ];
}

/** 10 k hot entries: getInto() against a reference. */
export async function hot(context) {
  const entries = 10_000;
  const runOf = async (read) => {
    const loops = [{ read, order: "uniform" }];
    return await runner(context, { entries, bytes: 256, loops, heap: 0, operations: context.scaled(2e6) });
  };
  const into = await runOf("into");
  const reference = await runOf("reference");
  const run = (cache, note) => (cache === "lieu" ? into : reference)(cache, note);
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(5), context.with("lru-cache"), run);
  return rowOf("get, 10k hot x 256 B: getInto(); peer: a reference, no copy", 0.35, lieu, lru, 0);
}

/** 5 M strings of 256 characters. */
export async function strings(context) {
  const entries = context.scaled(5e6);
  const head = `get of a string, ${context.entries(entries)} x 256 characters`;
  if (context.quick) return [skipped(head, "left out by --quick")];
  const gib = (entries * 700) / 2 ** 30;
  if (!hasRoom(gib)) return [skipped(head, `needs ${gib.toFixed(1)} GiB of free memory`)];
  const loops = [
    { read: "string", order: "uniform" },
    { read: "string", order: "zipf" },
    { read: "freshString", order: "uniform" },
  ];
  const run = await runner(context, { entries, bytes: 256, strings: true, loops, operations: context.scaled(5e5) });
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(3), context.with("lru-cache"), run);
  return [
    ...rowOf(`${head}: random`, 1, lieu, lru, 0),
    ...rowOf(`${head}: Zipf 0.99`, undefined, lieu, lru, 1),
    ...rowOf(`${head}: random, keys made anew`, undefined, lieu, lru, 2),
  ];
}

/** Values of 4 KiB, 100 k of them, written anew. */
export async function overwrite(context) {
  const entries = context.scaled(1e5);
  const bytes = 4096;
  const maxSize = SPARE * entries * (await context.room(bytes, false));
  const options = { bytes, entries, maxSize, operations: context.scaled(2e5), passes: 3 };
  const run = (cache, note) => runJob("overwrite", { ...options, cache, note });
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(5), context.with("lru-cache"), run);
  const head = `overwrite, ${context.entries(entries)} x 4 KiB`;
  const both = sides(lieu, "lru-cache", lru);
  return [
    faster(`${head}: wall`, 6, ...both((r) => median(r.wall))),
    faster(`${head}: CPU`, undefined, ...both((r) => median(r.cpu))),
  ];
}

async function runner(context, options) {
  const maxSize = Math.max(2 ** 22, SPARE * options.entries * (await context.room(options.bytes, options.strings)));
  return (cache, note) => runJob("get", { ...options, maxSize, passes: 2, cache, note });
}

/** Compares loop `loop` of lieu's with loop `theirs` of the peer's. */
function rowOf(name, bar, lieu, lru, loop, theirs = loop) {
  const missed = Math.max(...lieu.map((result) => result.missed));
  const row = missed > 0 ? `${name} (${(missed * 100).toFixed(1)} % missing)` : name;
  const wall = (results, at) => results.map((result) => median(result.loops[at].wall));
  return [faster(row, bar, wall(lieu, loop), "lru-cache", lru && wall(lru, theirs))];
}
