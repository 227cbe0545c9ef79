/**
 * Every piece of work that the thread that reclaims does under the lock ends, with somebody waiting for the lock all the time: then it does as little as it
 * may wherever it asks, and what goes on until there is enough must not take that for progress.
 */
import { expect, test, vi } from "vitest";
import { type Cache, type MemoryOptions, openMemorySync, type SwapDevice, simCrank } from "../../src/index.ts";
import { H_HEADROOM_WANTED, wantedAddr } from "../../src/mm/layout.ts";
import { ld, st } from "../../src/mm/machine.ts";
import { Kswapd } from "../../src/runtime/kswapd.ts";
import type { SharedVm } from "../../src/runtime/shared-vm.ts";
import { controlOf, ST_MAX_PAGES } from "../../src/store/layout.ts";
import { runSeed, type Source, seeded } from "../property/source.ts";
import { memoryDevice } from "../property/strict-device.ts";
import { refuel } from "../support/fuel.ts";

vi.mock("../../src/store/random.ts", async (original) =>
  (await import("../support/fuel.ts")).burning(original as never),
);

const KIB = 1024;
const FUEL = 20_000;

/** How long a key is, and a value: all about the same, just over two thirds of a page, a page and some, or any. */
const SIZES: readonly (readonly [key: number, value: (source: Source) => number])[] = [
  [5, (source) => 200 + source.below(20)],
  [5, () => 2800],
  [1500, () => 700],
  [5, (source) => 4100 + source.below(1500)],
  [5, (source) => 1 + source.below(9000)],
];

function open(nodes: MemoryOptions["nodes"], swap: NonNullable<MemoryOptions["swap"]>) {
  const wrapDevice = (device: SwapDevice) => {
    device.close();
    return memoryDevice(device.slots);
  };
  const options = { nodes, swap, pretouch: false, shared: true, engine: "js" as const, seed: 1 };
  const memory = openMemorySync(options, { crank: simCrank(), wrapDevice });
  const vm = memory.vm as SharedVm;
  const kswapd = new Kswapd(vm);
  kswapd.begin();
  const wait = () => {
    vm.segment.h32[wantedAddr() >>> 2] = 1;
  };
  // And whenever it has the lock.
  vm.lock.giveWay = wait;
  return { memory, vm, kswapd, wait };
}

test.each([1, 3, runSeed()])("somebody always waits, seed %i", { timeout: 120_000 }, async (seed) => {
  const source = seeded(seed);
  const nodes = {
    fast: { kind: "dram" as const, size: (512 + source.below(1024)) * KIB },
    ...(source.below(2) === 0 ? { slow: { kind: "dram" as const, size: 512 * KIB, tier: 1 } } : {}),
  };
  const swap = [{ kind: "file" as const, path: `waits-${process.pid}`, size: (1000 + source.below(6000)) * KIB }];
  const { memory, kswapd, wait } = open(nodes, swap);
  const region = memory.map(256 * KIB);
  const caches = Array.from({ length: 1 + source.below(3) }, (_, i) => ({
    sizes: SIZES[source.below(SIZES.length)] as (typeof SIZES)[0],
    cache: memory.cache<Uint8Array>({
      ...{ name: `c${i}`, codec: "bytes", heap: 0, maxSize: (400 + source.below(5000)) * KIB },
      ...(source.below(3) === 0 ? { ttl: 1000 } : {}),
    }) as Cache<Uint8Array>,
  }));
  let turns = 0;
  for (let i = 0; i < 1200; i++) {
    const { cache, sizes } = caches[source.below(caches.length)] as (typeof caches)[0];
    refuel(FUEL);
    const key = `k${source.below(1500)}`.padStart(sizes[0], ".");
    const what = source.below(10);
    if (what < 6) cache.set(key, Buffer.alloc(sizes[1](source), i));
    else if (what < 8) cache.get(key);
    else if (what === 8) region.writeInt32(source.below(64) * 4096, i);
    else cache.delete(key);
    for (let n = source.below(3); n > 0; n--) {
      refuel(FUEL);
      wait();
      const writes = kswapd.submit();
      turns++;
      for (const { cache: one } of caches) expect(one.calculatedSize).toBeLessThanOrEqual(one.maxSize);
      if (source.below(2) === 0) wait();
      kswapd.write(writes);
      kswapd.complete(writes);
    }
    if (i % 400 === 399) memory.check();
  }
  expect(turns).toBeGreaterThan(800);
  memory.check();
  await memory.close();
});

test("a cache over its limit comes to be within it in one turn, though it is full of holes that are no room", {
  timeout: 120_000,
}, async () => {
  const nodes = { fast: { kind: "dram", size: "2MiB" }, slow: { kind: "dram", size: "4MiB", tier: 1 } } as const;
  const { memory, vm, kswapd, wait } = open(nodes, []);
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", heap: 0, maxSize: "4MiB" });
  // After three of these, the next key does not fit on what is left of a page: a fifth of all is dead, and will be wherever it is carried.
  for (let i = 0; i < 2000; i++) cache.set(`k${i}`.padStart(1900, "."), Buffer.alloc(200, i));
  const { meta } = vm.control.registry().caches[0] as { meta: { start: number } };
  vm.inspect();
  const at = controlOf(meta.start) + ST_MAX_PAGES;
  const most = (ld(at) * 3) >> 2;
  st(at, most);
  expect(cache.calculatedSize).toBeGreaterThan(most * 4096);
  for (let turn = 0; turn < 10 && cache.calculatedSize > most * 4096; turn++) {
    refuel(FUEL);
    wait();
    vm.segment.h32[H_HEADROOM_WANTED >>> 2] = 1;
    const writes = kswapd.submit();
    kswapd.write(writes);
    kswapd.complete(writes);
  }
  refuel(Number.POSITIVE_INFINITY);
  expect(cache.calculatedSize).toBeLessThanOrEqual(most * 4096);
  memory.check();
  await memory.close();
});
