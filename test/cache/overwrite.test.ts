/** Values that are written anew while making room for them may send them elsewhere: each set is of its own key, wherever the old value goes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openMemorySync } from "../../src/index.ts";
import { inMemory } from "../property/strict-device.ts";

const folder = mkdtempSync(join(tmpdir(), "lieu-overwrite-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const KEYS = 2000;
const BYTES = 1000;

/** Seeds that come upon a value that leaves the nodes just when it is to be written over. */
test.each([
  ["wasm", 100],
  ["wasm", 138],
  ["js", 100],
] as const)("%s, seed %i: the coldest are written anew, in turn, over two nodes and swap", (engine, seed) => {
  using memory = openMemorySync(
    {
      nodes: { fast: { kind: "dram", size: "512KiB" }, slow: { kind: "dram", size: "512KiB", tier: 1 } },
      swap: [{ kind: "file", path: join(folder, `swap${files++}`), size: "16MiB" }],
      ...{ pretouch: false as const, seed, engine },
    },
    { wrapDevice: inMemory },
  );
  const cache = memory.cache<Uint8Array>({ codec: "bytes", maxSize: "3500KiB", heap: 0 });
  const written = new Map<number, number>();
  const value = new Int32Array(BYTES / 4);
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  for (let i = 0; i < 3200; i++) {
    if (i % 2 === 0) {
      const key = random(8) > 0 ? (i / 2) % KEYS : random(KEYS);
      cache.set(`key:${key}`, new Uint8Array(value.fill(i).buffer));
      written.set(key, i);
      continue;
    }
    const age = Math.floor((random(1000) / 1000) ** 3 * KEYS);
    const key = ((((i - 1) / 2 - age) % KEYS) + KEYS) % KEYS;
    const got = cache.get(`key:${key}`);
    if (got === undefined) continue;
    const words = new Int32Array(Uint8Array.from(got).buffer);
    const wanted = written.get(key) as number;
    if (words.length !== value.length || words.some((word) => word !== wanted))
      expect(words[0], `key ${key}`).toBe(wanted);
  }
  memory.check();
});

/** Sizes of values, how many keys, which are more than the nodes hold, and how many are set. */
test.each([
  [21_664, 60, 4000],
  [9000, 140, 4000],
  [1000, 1400, 40_000],
])(
  "values of %i bytes, of %i keys, that are written anew while the nodes are full: each goes once, as replaced",
  (bytes, keys, sets) => {
    let told: string[] = [];
    using memory = openMemorySync({
      nodes: { fast: { kind: "dram", size: "512KiB" }, slow: { kind: "dram", size: "1MiB", tier: 1 } },
      ...{ pretouch: false as const, seed: 1 },
    });
    const cache = memory.cache<Uint8Array>({
      ...{ codec: "bytes", heap: 0 },
      dispose: (_, key, reason) => told.push(`${key} ${reason}`),
    });
    const value = new Uint8Array(bytes);
    let state = bytes;
    for (let i = 0; i < sets; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const key = Math.floor((state / 2 ** 32) ** 2 * keys);
      told = [];
      cache.set(`k${key}`, value);
      const own = told.filter((what) => what.startsWith(`k${key} `));
      if (own.length > 1 || (own.length === 1 && own[0] !== `k${key} set`)) expect(own).toEqual([`k${key} set`]);
    }
    memory.check();
  },
);
