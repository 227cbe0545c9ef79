/** A native store: lmdb on a memory file system, without sync. 1 M Buffers of 256 bytes. */
import { alternate, median, runJob } from "./run.mjs";
import { faster, sides, skipped } from "./table.mjs";

const AWAITED = "lmdb: put(), awaited at the end";

export async function lmdb(context) {
  const entries = context.scaled(1e6);
  const head = `${context.entries(entries)} x 256 B`;
  if (!context.installed.lmdb) return [skipped(`get and put, ${head}: lmdb`, "not installed")];
  const bytes = 256;
  const maxSize = 1.1 * entries * (await context.room(bytes, false));
  const common = { bytes, entries, maxSize, operations: context.scaled(5e5) };
  const loops = ["copy", "into"].map((read) => ({ read, order: "uniform" }));
  const gets = await alternate(context.rounds(3), context.with("lmdb"), (cache, note) =>
    runJob("get", { ...common, loops, passes: 2, cache, note }),
  );
  const puts = await alternate(context.rounds(3), context.with("lmdb"), (cache, note) =>
    runJob("lmdb-put", { ...common, syncPuts: context.scaled(2e4), cache, note }),
  );
  const got = sides(gets.lieu, "lmdb", gets.lmdb);
  const put = (own, peers = own) => [puts.lieu.map((r) => r[own]), "lmdb", puts.lmdb.map((r) => r[peers])];
  return [
    faster(`get, ${head}, random: a new Buffer; lmdb: get()`, 2, ...got((r) => median(r.loops[0].wall))),
    faster(`get, ${head}, random: getInto(); lmdb: getBinaryFast()`, 2, ...got((r) => median(r.loops[1].wall))),
    faster(`put, ${head}, new keys, shuffled; ${AWAITED}`, 3, ...put("insertShuffled")),
    faster(`put, ${head}, new keys in order, best for a B-tree; ${AWAITED}`, undefined, ...put("insertInOrder")),
    faster(`put, ${head}, overwrites, random; ${AWAITED}`, 3, ...put("overwrite")),
    faster(
      `put, ${head}, overwrites, random; lmdb: one transactionSync()`,
      undefined,
      ...put("overwrite", "transaction"),
    ),
    faster(`put, ${head}, overwrites, random; lmdb: putSync()`, undefined, ...put("overwrite", "sync")),
  ];
}
