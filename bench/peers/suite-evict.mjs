/** Set and evict: a million entries against the caches on the heap, ten million on their own. */
import { alternate, hasRoom, runJob } from "./run.mjs";
import { faster, sides, skipped, smaller, within } from "./table.mjs";

const BYTES = 256;
/** What is asked of lieu beside lru-cache: how many times as fast, parts of its pauses; bytes and RSS as they are. */
const BARS = { wall: 3, gcTotal: 1 / 15, gcLongest: 1 / 5, heap: 4, rss: 1.3 };
/** Rounds for a peer that no bar is about. */
const FEW = 1;
const DELAY = "loop delay, 256 sets a turn,";

/** 1 M entries of 256 bytes, replaced by 2 M new keys. */
export async function evict(context) {
  const entries = context.scaled(1e6);
  const head = `set + evict, ${context.entries(entries)} x ${BYTES} B`;
  const run = await runner(context, entries, 2 * entries, entries);
  const { lieu, "lru-cache": lru } = await alternate(context.rounds(5), context.with("lru-cache"), run);
  const alone = sides(
    lieu,
    "harness alone",
    lieu.map(({ harness }) => harness),
  );
  const rows = [
    faster(`${head}: wall`, undefined, ...alone(wall)),
    smaller(`${head}: GC in total`, "ms", undefined, ...alone(gcTotal)),
    smaller(`${head}: longest GC pause`, "ms", undefined, ...alone(gcLongest)),
    smaller(`${head}: ${DELAY} p99.9`, "ms", undefined, ...alone(p999)),
  ];
  for (const peer of ["quick-lru", "@cacheable/memory"]) {
    const results = await alternate(context.rounds(FEW), context.only(peer), run);
    if (results[peer]) rows.push(...against(head, lieu, peer, results[peer], {}));
    else rows.push(skipped(`${head}: ${peer}`, "not installed"));
  }
  return [...against(head, lieu, "lru-cache", lru, BARS), ...rows];
}

/** Rows beside a peer, with such bars as are given; lieu's figures alone where the peer is missing. */
function against(head, lieu, peer, results, bars) {
  const both = sides(lieu, peer, results);
  const rows = [
    faster(`${head}: wall`, bars.wall, ...both(wall)),
    smaller(`${head}: GC in total`, "ms", bars.gcTotal, ...both(gcTotal)),
    smaller(`${head}: longest GC pause`, "ms", bars.gcLongest, ...both(gcLongest)),
    smaller(`${head}: ${DELAY} p99.9`, "ms", undefined, ...both(p999)),
    within(`${head}: JS heap an entry`, "B", bars.heap, ...both(({ heapPerEntry }) => heapPerEntry)),
    within(`${head}: RSS a byte of payload`, "x", bars.rss, ...both(rssPerByte)),
  ];
  if (!bars.wall) return rows;
  return [
    ...rows,
    faster(`${head}: CPU`, undefined, ...both(({ cpu }) => cpu)),
    smaller(`${head}: ${DELAY} max`, "ms", undefined, ...both(({ turns }) => turns.max)),
    smaller(`${head}: RSS an entry`, "B", undefined, ...both(({ rssPerEntry }) => rssPerEntry)),
    smaller(`${head}: entries held`, "count", undefined, ...both(({ held }) => held)),
  ];
}

/** 10 M entries: what lieu adds to the pauses and turns of a process that makes the same keys without it. */
export async function evict10m(context) {
  const entries = context.scaled(10e6);
  const head = `set + evict, ${context.entries(entries)} x ${BYTES} B`;
  const gib = (entries * 500) / 2 ** 30;
  if (context.quick) return [skipped(head, "left out by --quick")];
  if (!hasRoom(gib)) return [skipped(head, `needs ${gib.toFixed(1)} GiB of free memory`)];
  const run = await runner(context, entries, entries / 5, entries / 5);
  const { lieu } = await alternate(context.rounds(2), ["lieu"], run);
  const alone = sides(
    lieu,
    "harness alone",
    lieu.map(({ harness }) => harness),
  );
  const rows = [
    faster(`${head}: wall`, undefined, ...alone(wall)),
    smaller(`${head}: GC in total`, "ms", undefined, ...alone(gcTotal)),
    within(`${head}: longest GC pause`, "ms", 5, ...alone(({ gc, turnsGc }) => Math.max(gc.longest, turnsGc.longest))),
    within(`${head}: ${DELAY} p99.9`, "ms", 10, ...alone(p999)),
    smaller(`${head}: ${DELAY} max`, "ms", undefined, ...alone(({ turns }) => turns.max)),
    within(
      `${head}: JS heap an entry`,
      "B",
      4,
      lieu.map(({ heapPerEntry }) => heapPerEntry),
    ),
    within(`${head}: RSS a byte of payload`, "x", 1.3, lieu.map(rssPerByte)),
    smaller(
      `${head}: entries held`,
      "count",
      undefined,
      lieu.map(({ held }) => held),
    ),
  ];
  if (!context.full) return rows;
  if (!hasRoom(16)) return [...rows, skipped(`${head}: lru-cache`, "needs 16 GiB of free memory")];
  const results = await alternate(1, context.only("lru-cache"), run);
  return [...rows, ...against(head, lieu, "lru-cache", results["lru-cache"], {})];
}

async function runner(context, entries, churn, steady) {
  const maxSize = entries * (await context.room(BYTES, false));
  return (cache, note) => runJob("evict", { cache, note, bytes: BYTES, entries, churn, steady, maxSize });
}

function wall(result) {
  return result.wall;
}
function gcTotal({ gc }) {
  return gc.total;
}
function gcLongest({ gc }) {
  return gc.longest;
}
function p999({ turns }) {
  return turns.p999;
}
function rssPerByte({ rssPerEntry, payload }) {
  return rssPerEntry / payload;
}
