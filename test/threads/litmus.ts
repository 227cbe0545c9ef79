/**
 * A litmus test of words that are read and written without the lock (runtime/gate.ts) while their pages move: threads write words of their
 * own on pages that they all write to, and know what must be there; another does nothing but move the pages, and has what they were on
 * written over by others at once.
 */
import { libcIfThere } from "../../src/host/libc.ts";
import { bind, type Memory, type MemoryOptions, openMemorySync, type Region } from "../../src/index.ts";
import { gateAddr } from "../../src/mm/layout.ts";
import { seededRandom } from "../../src/trace/random.ts";
import { messageOf, PAGE, startWorker } from "./helpers.ts";

/** Whether words are accessed without the lock here at all. */
export const hasGates: boolean = libcIfThere() !== undefined;

/** Pages of the region; each has words of every thread. */
const PAGES = 24;
/** What a double is a multiple of: halves of two of them make none. */
const WHOLE = 2 ** 20 + 1;

const WRITER = `
  const memory = await lieu.attachMemory(data.memory);
  const region = memory.region("words");
  const { threads, me, stop, seed } = data;
  const flag = new Int32Array(stop);
  // Of each page: 512 words, 128 doubles behind them, 1024 bytes behind those. Every threads-th is this one's.
  const words = new Int32Array(data.pages * 512), doubles = new Float64Array(data.pages * 128), bytes = new Uint8Array(data.pages * 1024);
  let [x, n] = [seed | 1, 0];
  const wrong = [];
  const check = (what, at, found, model) => { if (found !== model && wrong.length < 10) wrong.push({ what, at, found, model, n }); };
  // By turns as words of the region, and as elements of arrays over it.
  const int32 = region.array("int32"), float64 = region.array("float64"), uint8 = region.array("uint8");
  const asArrays = {
    readInt32: (at) => int32.get(at >>> 2), writeInt32: (at, value) => int32.set(at >>> 2, value),
    readFloat64: (at) => float64.get(at >>> 3), writeFloat64: (at, value) => float64.set(at >>> 3, value),
    readUint8: (at) => uint8.get(at), writeUint8: (at, value) => uint8.set(at, value),
  };
  const step = () => {
    const on = n & 1 ? asArrays : region;
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    const page = ((x >>> 8) % data.pages) * 4096;
    const r = x >>> 14;
    const p = page >>> 12;
    const w = (r % Math.floor(512 / threads)) * threads + me;
    check("word", page + w * 4, on.readInt32(page + w * 4), words[p * 512 + w]);
    on.writeInt32(page + w * 4, (words[p * 512 + w] = x));
    const d = (r % Math.floor(128 / threads)) * threads + me;
    check("double", page + 2048 + d * 8, on.readFloat64(page + 2048 + d * 8), doubles[p * 128 + d]);
    on.writeFloat64(page + 2048 + d * 8, (doubles[p * 128 + d] = (x >>> 4) * ${WHOLE}));
    const b = (r % Math.floor(1024 / threads)) * threads + me;
    check("byte", page + 3072 + b, on.readUint8(page + 3072 + b), bytes[p * 1024 + b]);
    on.writeUint8(page + 3072 + b, (bytes[p * 1024 + b] = x & 255));
    // Another's: whatever it is, it was written as a whole.
    const other = on.readFloat64(page + 2048 + ((r >>> 3) % 128) * 8);
    if (other % ${WHOLE} !== 0) check("torn", page, other, Math.round(other / ${WHOLE}) * ${WHOLE});
    n++;
  };
  Atomics.add(flag, 1, 1);
  while (Atomics.load(flag, 0) === 0) for (let i = 0; i < 2000; i++) step();
  // At rest everything is as it was left.
  for (let p = 0; p < data.pages; p++) {
    for (let i = me; i < Math.floor(512 / threads) * threads; i += threads) check("word left", p * 4096 + i * 4, region.readInt32(p * 4096 + i * 4), words[p * 512 + i]);
    for (let i = me; i < Math.floor(128 / threads) * threads; i += threads) check("double left", p, region.readFloat64(p * 4096 + 2048 + i * 8), doubles[p * 128 + i]);
    for (let i = me; i < Math.floor(1024 / threads) * threads; i += threads) check("byte left", p, region.readUint8(p * 4096 + 3072 + i), bytes[p * 1024 + i]);
  }
  await memory.close();
  post({ n, wrong });`;

/** What a run came to. */
export interface Litmus {
  /** Steps of the writers, of eight accesses each; what was not as it must be. */
  readonly steps: number;
  readonly wrong: readonly object[];
  /** Pages that were moved or swapped out; how often some gate was open when they were about to be. */
  readonly moved: number;
  readonly open: number;
}

/** Write for so long with so many threads. */
export async function runLitmus(
  ms: number,
  threads: number,
  seed: number,
  options: Partial<MemoryOptions> = {},
): Promise<Litmus> {
  const nodes = { fast: { kind: "dram", size: "512KiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } } as const;
  const memory = openMemorySync({ nodes, pretouch: false, shared: true, minFree: "16KiB", seed, ...options });
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const words = memory.map(PAGES * PAGE, { name: "words" });
  words.fill(0);
  const common = { memory: memory.descriptor(), threads, stop: stop.buffer, pages: PAGES };
  const workers = Array.from({ length: threads }, (_, me) =>
    startWorker(WRITER, { ...common, me, seed: seed + 7919 * me }),
  );
  try {
    const ends = Promise.all(workers.map((worker) => messageOf<{ n: number; wrong: object[] }>(worker)));
    ends.catch(() => undefined);
    // All of them are at it.
    while (Atomics.load(stop, 1) < threads) await new Promise((resolve) => setTimeout(resolve, 5));
    const open = await move(memory, words, ms, seed);
    Atomics.store(stop, 0, 1);
    const done = await ends;
    memory.check();
    const { pgmigrate_success, pswpout } = memory.vmstat();
    return {
      steps: done.reduce((sum, { n }) => sum + n, 0),
      wrong: done.flatMap(({ wrong }) => wrong),
      moved: pgmigrate_success + pswpout,
      open,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    memory[Symbol.dispose]();
  }
}

/** Move pages to and fro, and write over what they were on. Returns how often some gate was open before. */
async function move(memory: Memory, words: Region, ms: number, seed: number): Promise<number> {
  const random = seededRandom(seed);
  const gate = new Int32Array(memory.descriptor().memory.buffer, gateAddr(), 1);
  let open = 0;
  for (const end = performance.now() + ms; performance.now() < end; ) {
    // So that those who write get to it, too.
    await new Promise((resolve) => setTimeout(resolve, random() < 0.2 ? 2 : 0));
    for (let i = 0; i < 20; i++) {
      // A reader opens his gate after some accesses.
      for (const until = performance.now() + 0.05; performance.now() < until; );
      if (Atomics.load(gate, 0) !== 0) open++;
      const what = random();
      if (what < 0.4) words.setPolicy(bind("slow"));
      else if (what < 0.8) words.setPolicy(bind("fast"));
      else words.advise("pageout", Math.floor(random() * PAGES) * PAGE, PAGE);
      const noise = memory.map(16 * PAGE, { name: "noise", policy: bind(random() < 0.5 ? "fast" : "slow") });
      noise.fill(-1);
      noise.unmap();
    }
  }
  return open;
}
