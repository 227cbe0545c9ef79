/**
 * A memory of 8 GiB beside one of 1 GiB: what set, get and a set that evicts cost an operation, with values of 4000 bytes. A get of any
 * key misses the processor's caches the more, the more there is; so there is one of few keys too, and random reads of plain memory of
 * the same sizes beside it. 1 GiB in three shards tells what is the shards'.
 *
 *     npm run bench:shards            # takes 9 GiB
 *     npm run bench:shards -- 2       # 2 GiB in place of 8
 */
import { openMemorySync } from "../dist/index.js";

const LARGE = Number(process.argv[2] ?? 8);
const VALUE = Buffer.alloc(4000, 7);
const BATCH = 20_000;
const ROUNDS = 7;
const FEW = 1000;
const GIB = 2 ** 30;

/** Nanoseconds of process time an operation. */
function time(n, work) {
  const before = process.cpuUsage();
  work(n);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / n;
}
/** The least of some rounds. */
const least = (rounds, n, work) => Math.min(...Array.from({ length: rounds }, () => time(n, work)));

let k = 1;
function random(n) {
  k = (Math.imul(k, 1664525) + 1013904223) >>> 0;
  return Math.floor((k / 2 ** 32) * n);
}

function measure(gib, shards) {
  const size = `${gib}GiB`;
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size } }, shards, seed: 1, pretouch: "wait" });
  const cache = memory.cache({ codec: "bytes", heap: 0 });
  const hot = memory.cache({ codec: "bytes", maxSize: `${gib * 96}MiB`, heap: { entries: 2 * FEW } });
  const result = {};
  let next = 0;
  const set = (n) => {
    for (let i = 0; i < n; i++) cache.set(`key:${next++}`, VALUE);
  };
  const capacity = Math.floor((gib * GIB) / 4200);
  const sets = [];
  while (next < capacity * 0.8) sets.push(time(BATCH, set));
  // The first write to each place is the system's as well.
  result.set = sets.sort((a, b) => a - b)[sets.length >> 1];
  while (cache.stats().evicted < BATCH) set(BATCH);
  result.evict = least(ROUNDS, BATCH, set);
  const there = [];
  while (there.length < 200_000) {
    const key = `key:${random(next)}`;
    if (cache.has(key)) there.push(key);
  }
  const get = (keys) => (n) => {
    for (let i = 0; i < n; i++) cache.get(keys[random(keys.length)]);
  };
  result.get = least(ROUNDS, BATCH, get(there));
  result.few = least(ROUNDS, BATCH, get(there.slice(0, FEW)));
  const known = Array.from({ length: FEW }, (_, i) => `hot:${i}`);
  for (const key of known) hot.set(key, VALUE);
  const held = (n) => {
    for (let i = 0; i < n; i++) hot.get(known[i % FEW]);
  };
  held(10 * FEW);
  result.held = least(3 * ROUNDS, 10 * BATCH, held);
  memory[Symbol.dispose]();
  return { name: `${gib} GiB, ${memory.constructor.name === "Memory" ? 1 : "several"} shards`, ...result };
}

/** Random reads of a byte of so many bytes, each of which waits for the one before. */
function plain(gib) {
  const parts = Array.from({ length: gib }, () => new Uint8Array(GIB));
  for (const part of parts) for (let at = 0; at < GIB; at += 4096) part[at] = 1;
  let sum = 0;
  const read = (n) => {
    for (let i = 0; i < n; i++) sum += parts[random(gib - (sum & 0))][random(GIB)];
  };
  const ns = least(ROUNDS, 10 * BATCH, read);
  return sum < 0 ? 0 : ns;
}

const rows = [measure(1), measure(1, 3), measure(LARGE)];
const [small, , large] = rows;
const columns = ["set", "evict", "get", "few", "held"];
const line = (name, cells) => console.log(name.padEnd(28) + cells.map((cell) => String(cell).padStart(12)).join(""));
line("ns of process time", ["set", "set, evicts", "get, any", "get, few", "get, heap"]);
for (const row of rows)
  line(
    row.name,
    columns.map((column) => Math.round(row[column] * 10) / 10),
  );
line(
  `${LARGE} GiB beside 1`,
  columns.map((column) => (large[column] / small[column]).toFixed(2)),
);
const [one, many] = [plain(1), plain(LARGE)];
console.log(`a random read of plain memory: ${one.toFixed(1)} ns of 1 GiB, ${many.toFixed(1)} ns of ${LARGE} GiB`);
