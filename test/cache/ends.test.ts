/** Making room ends, whatever there is to make room of: what is looked at for one operation has a bound. */
import { beforeEach, expect, test, vi } from "vitest";
import { openMemory, type SwapDevice, simCrank } from "../../src/index.ts";
import { seeded } from "../property/source.ts";
import { memoryDevice } from "../property/strict-device.ts";
import { refuel } from "../support/fuel.ts";

vi.mock("../../src/store/random.ts", async (original) =>
  (await import("../support/fuel.ts")).burning(original as never),
);
beforeEach(() => refuel(Number.POSITIVE_INFINITY));

const KIB = 1024;
const FUEL = 20_000;
const wrapDevice = (device: SwapDevice) => {
  device.close();
  return memoryDevice(device.slots);
};

// Of just over two thirds of a page each, values leave a third of all pages in swap dead, and nothing is gained by gathering them; so do long keys.
test.each([
  [2800, 4],
  [1000, 1500],
  [4900, 4],
])("values of %i bytes, keys of %i, in a cache that is full over swap", { timeout: 120_000 }, async (size, key) => {
  const source = seeded(size);
  const nodes = { dram: { kind: "dram" as const, size: 1024 * KIB } };
  const swap = [{ kind: "file" as const, path: `ends-${process.pid}`, size: 16_000 * KIB }];
  const options = { nodes, swap, seed: 1, engine: "js" as const };
  const memory = await openMemory(options, { crank: simCrank(), wrapDevice });
  const cache = memory.cache<Uint8Array>({ name: "c", codec: "bytes", heap: 0, maxSize: 8192 * KIB });
  for (let i = 0; i < 2600; i++) {
    refuel(FUEL);
    cache.set(`k${i}`.padStart(key, "."), Buffer.alloc(size));
    if (i % 3 === 0) cache.get(`k${source.below(i + 1)}`.padStart(key, "."));
    if (i % 1000 === 999) memory.check();
  }
  expect(cache.calculatedSize).toBeLessThanOrEqual(cache.maxSize);
  await memory.close();
});
