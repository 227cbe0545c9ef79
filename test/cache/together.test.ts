/**
 * Operations on many keys fetch what they need together (store/warm.ts): on a cache that is large enough for that, they do what the
 * operations one by one do, to the last counter, whatever is in swap, gone, or not there. LIEU_SEED runs one seed again.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Cache, type Memory, openMemorySync, simCrank } from "../../src/index.ts";
import { seededRandom } from "../../src/trace/random.ts";

const MIB = 2 ** 20;
const seed = Number(process.env.LIEU_SEED ?? 1 + Math.floor(Math.random() * 1e6));
console.info(`operations on many keys: LIEU_SEED=${seed}`);

function open(
  engine: "wasm" | "js",
  heap: number | undefined,
  name: string,
): { memory: Memory; cache: Cache<unknown> } {
  const memory = openMemorySync(
    {
      nodes: { dram: { kind: "dram", size: 20 * MIB }, slow: { kind: "dram", size: 4 * MIB, tier: 1 } },
      swap: [{ kind: "file", path: join(tmpdir(), `lieu-together-${process.pid}-${name}`), size: 8 * MIB }],
      ...{ engine, pretouch: false, seed: 7 },
    },
    { crank: simCrank() },
  );
  return { memory, cache: memory.cache<unknown>({ name: "c", ...(heap !== undefined && { heap }) }) };
}

test.each([
  ["wasm", 0],
  ["wasm", undefined],
  ["js", 0],
] as const)("as one by one: engine %s, heap %s", { timeout: 300_000 }, (engine, heap) => {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const one = open(engine, heap, "one");
  const many = open(engine, heap, "many");
  const key = () => (below(50) === 0 ? `${"a long key ".repeat(10)}${below(9)}` : `key ${below(5500)}`);
  const value = (i: number): unknown => {
    const kind = below(100);
    if (kind < 2) return Buffer.alloc(below(25_000), i);
    if (kind < 10) return { id: i, name: `user ${i}` };
    return "v".repeat(kind < 50 ? 3000 + below(1000) : below(10_000));
  };
  const compare = () => {
    expect(many.cache.stats()).toEqual(one.cache.stats());
    expect(many.memory.vmstat()).toEqual(one.memory.vmstat());
  };
  for (let i = 0; i < 6000; i++) {
    const v = value(i);
    for (const { cache } of [one, many]) cache.set(`key ${i}`, v);
  }
  compare();
  expect(many.cache.calculatedSize).toBeGreaterThan(16 * MIB);
  let got = 0;
  for (let round = 0; round < 150; round++) {
    const what = below(10);
    const n = 1 + below(100);
    if (what < 6) {
      const keys = Array.from({ length: n }, key);
      const values = keys.map((k) => one.cache.get(k));
      got += values.filter((v) => v !== undefined).length;
      expect(many.cache.getMany(keys)).toEqual(values);
    } else if (what < 9) {
      const entries = Array.from({ length: n }, (_, i): [string, unknown] => [key(), value(i)]);
      for (const [k, v] of entries) one.cache.set(k, v);
      many.cache.setMany(entries);
    } else {
      const keys = Array.from({ length: n }, key);
      let deleted = 0;
      for (const k of keys) if (one.cache.delete(k)) deleted++;
      expect(many.cache.deleteMany(keys)).toBe(deleted);
    }
    if (round % 30 === 0) compare();
  }
  compare();
  expect(got).toBeGreaterThan(1000);
  for (const { memory } of [one, many]) {
    memory.check();
    memory[Symbol.dispose]();
  }
});
