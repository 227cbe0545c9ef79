/**
 * What compressed pages take beside the codec alone, and what they hold: JSON, HTML and text, 16 MiB of each. A page is faulted in at random,
 * and pages are stored in order; both in times of what the codec takes for the same pages, in turns, the best of five each.
 */
import { readdirSync, readFileSync } from "node:fs";
import { recordOf } from "../dist/cli/demo-records.js";
import { openMemorySync } from "../dist/index.js";

const PAGE = 4096;
const SIZE = 16 * 2 ** 20;
const PAGES = SIZE / PAGE;
const ROUNDS = 5;

function textOf() {
  const docs = new URL("../docs/", import.meta.url);
  return readdirSync(docs)
    .filter((name) => name.endsWith(".md"))
    .map((name) => readFileSync(new URL(name, docs), "utf8"))
    .join("\n");
}
function pageOf(i, words) {
  const word = (n) => words[(i * n) % words.length];
  const id = (i * 7919) % 100000;
  const about = Array.from({ length: 12 }, (_, j) => words[(i * 37 + j * j * 11) % words.length]).join(" ");
  const link = `<a href="/products/${word(31)}-${word(17)}"><img src="/images/${id}.jpg" alt="${word(31)}">`;
  return `<li class="item" data-id="${id}">${link}<h3>${word(31)} ${word(17)}</h3></a><p>${about}</p></li>\n`;
}
function fill(bytes, next) {
  for (let at = 0, i = 0; at < bytes.length; i++) at += bytes.write(next(i), at, "latin1");
  return bytes;
}
function corpora() {
  const text = textOf();
  const words = text.split(/\s+/).filter((word) => /^[a-z]+$/.test(word));
  return {
    JSON: fill(Buffer.alloc(SIZE), (i) => `user:${i}${recordOf(i, 12)}`),
    HTML: fill(Buffer.alloc(SIZE), (i) => pageOf(i, words)),
    text: fill(Buffer.alloc(SIZE), () => text),
  };
}

/** The codec alone, on a memory of its own: microseconds a page to compress and decompress all, and what it makes of them. */
function codec(bytes) {
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
  const module = new WebAssembly.Module(readFileSync(new URL("../dist/engine.wasm", import.meta.url)));
  // The codec calls nobody, whatever the engine has to import.
  const calls = WebAssembly.Module.imports(module).filter((it) => it.kind === "function");
  const host = Object.fromEntries(calls.map(({ name }) => [name, () => 0]));
  const { lz4Compress, lz4Decompress } = new WebAssembly.Instance(module, { env: { memory }, host }).exports;
  const [plain, blocks, back, table] = [0, SIZE, 2 * SIZE + SIZE / 2, 3 * SIZE];
  const h8 = new Uint8Array(memory.buffer);
  h8.set(bytes, plain);
  const sizes = new Int32Array(PAGES);
  return {
    sizes,
    compress() {
      for (let i = 0; i < PAGES; i++) sizes[i] = lz4Compress(plain + i * PAGE, PAGE, blocks + i * PAGE, PAGE, table);
    },
    decompress(order) {
      for (const i of order) if (sizes[i] > 0) lz4Decompress(blocks + i * PAGE, sizes[i], back, PAGE);
    },
  };
}

export async function zswapJob() {
  const order = Array.from({ length: PAGES }, (_, i) => (i * 7919) % PAGES);
  const results = {};
  for (const [name, bytes] of Object.entries(corpora())) {
    const memory = openMemorySync({
      nodes: { dram: { kind: "dram", size: 4 * SIZE } },
      zswap: { size: SIZE },
    });
    const region = memory.map(SIZE);
    const bare = codec(bytes);
    const best = { store: Infinity, compress: Infinity, fault: Infinity, decompress: Infinity };
    const time = (what, action) => {
      const start = performance.now();
      action();
      best[what] = Math.min(best[what], ((performance.now() - start) * 1000) / PAGES);
    };
    let packed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      region.write(0, bytes);
      time("compress", () => bare.compress());
      time("store", () => region.advise("pageout"));
      const { nr_zswapped, nr_zspages } = memory.vmstat();
      packed = nr_zswapped / nr_zspages;
      time("decompress", () => bare.decompress(order));
      time("fault", () => {
        for (const i of order) region.readInt32(i * PAGE);
      });
    }
    const compressed = bare.sizes.reduce((sum, size) => sum + (size || PAGE), 0);
    results[name] = { ...best, packed, codec: SIZE / compressed };
    await memory.close();
  }
  return results;
}
