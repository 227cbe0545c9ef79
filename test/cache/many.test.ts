/** Many caches in one memory, with no sizes given. */
import { expect, test } from "vitest";
import { type Cache, openMemorySync, simCrank } from "../../src/index.ts";
import { inShards } from "../support/shards.ts";

const MIB = 2 ** 20;

function memoryOf(size: number, slow = 0) {
  const nodes = {
    dram: { kind: "dram" as const, size },
    ...(slow > 0 && { cxl: { kind: "dram" as const, size: slow, readLatency: 250 } }),
  };
  return openMemorySync({ nodes, pretouch: false }, { crank: simCrank() });
}
/** Bytes that a cache finds again of `n` values of `length` bytes, set and then read. */
function room(cache: Cache<Uint8Array>, n: number, length: number): number {
  const value = new Uint8Array(length);
  for (let i = 0; i < n; i++) cache.set(`k${i}`, value);
  let found = 0;
  for (let i = 0; i < n; i++) if (cache.has(`k${i}`)) found += length;
  return found;
}

test.each([64 * MIB, 8 * MIB])("300 caches in %i bytes: all hold something, and each can be closed", (size) => {
  const memory = memoryOf(size);
  const nr = size > 16 * MIB ? 300 : 30;
  const group = memory.group("tenant", { max: size / 2 });
  const caches = Array.from({ length: nr }, (_, i) =>
    memory.cache<string>({ name: `c${i}`, ...(i % 3 === 2 && { group }) }),
  );
  for (let i = 0; i < 5; i++) for (const cache of caches) cache.set(`k${i}`, `${cache.name} ${i}`);
  for (let i = 0; i < 5; i++) for (const cache of caches) expect(cache.get(`k${i}`)).toBe(`${cache.name} ${i}`);
  memory.check();
  expect(group.usage).toBeLessThanOrEqual(size / 2);
  for (const [i, cache] of caches.entries()) if (i % 2 === 0) cache.close();
  for (const [i, cache] of caches.entries()) if (i % 2 === 1) expect(cache.get("k4")).toBe(`${cache.name} 4`);
  for (let i = 0; i < nr / 2; i++) memory.cache<string>().set("again", "x");
  memory.check();
  memory[Symbol.dispose]();
});

test.each([
  [64, 2],
  [64, 10],
  [64, 50],
  [16, 50],
  [16, 3],
])("in %i MiB, %i caches with no sizes given share what there is", (mib, nr) => {
  const memory = memoryOf(mib * MIB);
  const caches = Array.from({ length: nr }, () => memory.cache<Uint8Array>({ codec: "bytes", heap: 0 }));
  const each = Math.floor((0.5 * mib * MIB) / 540 / nr);
  const value = new Uint8Array(500);
  for (let i = 0; i < each; i++) for (const cache of caches) cache.set(`k${i}`, value);
  for (const cache of caches) expect(cache.size).toBe(each);
  memory.check();
  memory[Symbol.dispose]();
});

test.skipIf(inShards)("a cache that is not used costs few pages", () => {
  const memory = memoryOf(16 * MIB);
  const free = () => memory.node("dram").free;
  memory.cache();
  const before = free();
  for (let i = 0; i < 10; i++) memory.cache({ maxSize: MIB });
  expect((before - free()) / 10 / 4096).toBeLessThanOrEqual(8);
  memory[Symbol.dispose]();
});

test("a busy cache takes what idle ones have", () => {
  const memory = memoryOf(16 * MIB);
  const busy = memory.cache<Uint8Array>({ codec: "bytes" });
  const idle = Array.from({ length: 20 }, () => memory.cache<Uint8Array>({ codec: "bytes" }));
  for (const cache of idle) room(cache, 50, 1000);
  expect(room(busy, 20_000, 1000)).toBeGreaterThan(0.7 * 16 * MIB);
  memory.check();
  memory[Symbol.dispose]();
});

test("pinned values of a cache, also of keys that are gone, count against its size", () => {
  const memory = memoryOf(16 * MIB);
  const cache = memory.cache<Uint8Array>({ codec: "bytes", maxSize: MIB });
  const pins = [];
  for (let i = 0; i < 100; i++) {
    cache.set(`k${i}`, new Uint8Array(8192).fill(i));
    const pin = cache.pin(`k${i}`);
    if (pin !== undefined) pins.push({ pin, i });
    if (i % 2 === 0) cache.delete(`k${i}`);
    else cache.set(`k${i}`, new Uint8Array(8192).fill(255));
    memory.check();
    expect(cache.calculatedSize).toBeLessThanOrEqual(MIB);
    expect(memory.node("dram").size - memory.node("dram").free).toBeLessThanOrEqual(MIB + 64 * 1024);
  }
  for (const { pin, i } of pins) {
    expect(pin.chunks.every((chunk) => chunk.every((b) => b === i))).toBe(true);
    pin.release();
  }
  expect(room(cache, 100, 4000)).toBe(400_000);
  memory.check();
  memory[Symbol.dispose]();
});
