/** Caches for the adapters' tests: real ones, over memories with two tiers. */
import { afterAll } from "vitest";
import { type Cache, type CacheKey, type CacheOptions, type Memory, openMemorySync } from "../../src/index.ts";

const open: Memory[] = [];
afterAll(() => {
  for (const memory of open) {
    memory.check();
    memory[Symbol.dispose]();
  }
});

/** A cache in a memory of its own, both closed after the tests of the file. */
export function openCache<V = unknown>(options: Partial<CacheOptions<V, CacheKey>> = {}): Cache<V, CacheKey> {
  const memory = openMemorySync({
    nodes: { dram: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "2MiB", tier: 1 } },
  });
  open.push(memory);
  return memory.cache<V, CacheKey>({ name: "adapted", maxSize: "3MiB", ...options });
}
