/** A region's hit path: translate and read through the page table, against a raw typed array. */
import { openMemorySync } from "../dist/index.js";
import { alternate, atMost } from "./measure.mjs";

const HOT = 256 * 1024;
const BIG = 256 * 2 ** 20;

// Each loop is a function of its own, so that no call site sees both a region and an array.
const loop = (...args) => new Function(...args);
const readRegion = loop(
  "region",
  "at",
  "n",
  "let s = 0; for (let i = 0; i < n; i++) s += region.readUint8(at[i]); return String(s)",
);
const readArray = loop(
  "array",
  "at",
  "n",
  "let s = 0; for (let i = 0; i < n; i++) s += array[at[i]]; return String(s)",
);
// Where to read next depends on what was read, as when one follows pointers. All bytes are 7.
const chaseRegion = loop(
  "region",
  "at",
  "n",
  "let b = 0; for (let i = 0; i < n; i++) b = region.readUint8(at[i] ^ (b >> 3)); return String(b)",
);
const chaseArray = loop(
  "array",
  "at",
  "n",
  "let b = 0; for (let i = 0; i < n; i++) b = array[at[i] ^ (b >> 3)]; return String(b)",
);
const readRegionHot = new Function(
  "region",
  "n",
  "mask",
  `
  let sum = 0;
  for (let i = 0; i < n; i++) sum += region.readUint8(i & mask);
  return String(sum);`,
);
const readArrayHot = new Function(
  "array",
  "n",
  "mask",
  `
  let sum = 0;
  for (let i = 0; i < n; i++) sum += array[i & mask];
  return String(sum);`,
);

export async function regionBench() {
  const memory = openMemorySync({ nodes: { dram: { kind: "dram", size: BIG + 16 * 2 ** 20 } }, pretouch: "wait" });
  const region = memory.map(BIG);
  region.fill(7);
  const array = new Uint8Array(new SharedArrayBuffer(BIG)).fill(7);
  const n = 2e6;
  let x = 12345;
  const at = Uint32Array.from({ length: n }, () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % BIG;
  });
  const r = alternate({
    "raw hot": [() => readArrayHot(array, n, HOT - 1), n],
    "region hot": [() => readRegionHot(region, n, HOT - 1), n],
    "raw random": [() => readArray(array, at, n), n],
    "region random": [() => readRegion(region, at, n), n],
    "raw chase": [() => chaseArray(array, at, n), n],
    "region chase": [() => chaseRegion(region, at, n), n],
  });
  const grown = heapGrowth(region);
  const mapping = mapAndUnmap(memory);
  await memory.close();
  return {
    "translate + read / raw read, hot": atMost(r["region hot"].median / r["raw hot"].median, 4, { ns: r }),
    "translate + read / raw read, random over 256 MiB, each read waits for the one before": atMost(
      r["region chase"].median / r["raw chase"].median,
      1.6,
      {},
    ),
    "translate + read / raw read, random over 256 MiB, reads overlap": atMost(
      r["region random"].median / r["raw random"].median,
      1.6,
      {},
    ),
    "heap bytes allocated per hit": atMost(grown, 0.01, {}),
    "map and unmap beside 1,000 regions, us": atMost(mapping, 5, {}),
  };
}

/** Heap bytes that a hit leaves behind, over ten million. */
function heapGrowth(region) {
  const before = process.memoryUsage().heapUsed;
  readRegionHot(region, 1e7, HOT - 1);
  return Math.max(0, process.memoryUsage().heapUsed - before) / 1e7;
}

/** CPU microseconds to unmap one of 1,000 regions of 1 to 8 pages and map another of another size: the fastest of 15 rounds of 1,000. */
function mapAndUnmap(memory) {
  let at = 0;
  const size = () => 4096 * (1 + (((at++ * 40503) >>> 4) & 7));
  const regions = Array.from({ length: 1000 }, () => memory.map(size()));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 15; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < 1000; i++) {
      const k = (i * 617) % 1000;
      regions[k].unmap();
      regions[k] = memory.map(size());
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  for (const region of regions) region.unmap();
  return best;
}
