/**
 * Random operations on memories of 1 to 4 shards: caches against the naive model that plain ones are held against, regions in extents
 * against an array of bytes, with a group whose limit must hold after every one. LIEU_SEED runs one seed again.
 */
import { describe, expect, test } from "vitest";
import { type Memory, openMemorySync, type Region, simCrank } from "../../src/index.ts";
import { PAGE, swapPath } from "../api/helpers.ts";
import type { Config } from "../cache/configs.ts";
import { drive } from "../cache/world.ts";
import { runSeed, seeded } from "../property/source.ts";

const seed = runSeed();
const OPS = Number(process.env.LIEU_SHARD_OPS ?? 200);
const minutes = 60_000;
const SHARDS = [1, 2, 3, 4];
console.info(`random operations on shards: LIEU_SEED=${seed} LIEU_SHARD_OPS=${OPS}`);

const dram = (size: string, tier = 0) => ({ kind: "dram" as const, size, tier });
const CONFIGS: readonly Config[] = [
  { name: "1 tier", options: { nodes: { dram: dram("2MiB") } }, swap: [], cache: { max: 0 }, keys: 400, longest: 9000 },
  {
    name: "roomy, tags",
    options: { nodes: { dram: dram("24MiB") } },
    swap: [],
    cache: { max: 0, maxEntrySize: 0, pages: 0 },
    keys: 300,
    longest: 9000,
    roomy: true,
    tags: true,
  },
  {
    name: "2 tiers, swap that fails",
    options: { nodes: { dram: dram("1MiB"), slow: dram("2MiB", 1) } },
    swap: [{ pages: 256 }, { pages: 128 }],
    caches: 2,
    keys: 800,
    longest: 6000,
    faults: true,
    pressure: true,
    tags: true,
  },
  {
    name: "the JavaScript twin",
    options: { nodes: { dram: dram("2MiB"), slow: dram("2MiB", 1) }, engine: "js" },
    swap: [{ pages: 128 }],
    keys: 500,
    longest: 3000,
    share: 0.2,
  },
];

describe.each(SHARDS)("caches over %i shards", (shards) => {
  test.each(CONFIGS.map((config) => [config.name, config] as const))("%s", { timeout: 5 * minutes }, (_, config) => {
    const ops = Math.ceil(OPS * (config.share ?? 1));
    expect(drive(config, seed, ops, { change: { shards } }).ops).toBe(ops);
  });
});

/** A region beside the bytes that it should hold. */
interface Model {
  readonly region: Region;
  readonly bytes: Uint8Array;
}

describe.each(SHARDS)("regions over %i shards", (shards) => {
  test("hold what was written, within their group's limit", { timeout: 5 * minutes }, () => {
    const r = seeded(seed ^ shards);
    const memory: Memory = openMemorySync(
      {
        nodes: { fast: dram("2MiB"), slow: dram("6MiB", 1) },
        swap: [{ kind: "file", path: swapPath(), size: "24MiB" }],
        pretouch: false,
        shards,
        seed,
      },
      { crank: simCrank() },
    );
    const group = memory.group("g", { max: "3MiB" });
    const regions: Model[] = ["9MiB", "1MiB", "700KiB"].map((size, i) => {
      const region = memory.map(size, i === 0 ? { group } : { group, folio: "16KiB" });
      return { region, bytes: new Uint8Array(region.size) };
    });
    const say = `LIEU_SEED=${seed}, ${shards} shards`;
    for (let op = 0; op < OPS; op++) {
      const { region, bytes } = regions[r.below(regions.length)] as Model;
      // Often at a border of extents.
      const near = r.below(2) === 0 ? r.below(4) * 2 ** 21 + r.below(200) - 100 : r.below(region.size);
      const offset = Math.max(0, Math.min(region.size - 8, near));
      const length = Math.min(region.size - offset, 1 + r.below(r.below(8) === 0 ? 200_000 : 300));
      switch (r.below(8)) {
        case 0:
        case 1: {
          const data = Uint8Array.from({ length }, (_, i) => (op + i) & 255);
          region.write(offset, data);
          bytes.set(data, offset);
          break;
        }
        case 2:
          region.fill(op & 255, offset, length);
          bytes.fill(op & 255, offset, offset + length);
          break;
        case 3:
          region.writeFloat64(offset, op / 3);
          new DataView(bytes.buffer).setFloat64(offset, op / 3, true);
          break;
        case 4:
          expect(region.readInt32(offset), say).toBe(new DataView(bytes.buffer).getInt32(offset, true));
          break;
        case 5:
          expect(region.advise(r.below(2) === 0 ? "cold" : "pageout", offset, length), say).toBeGreaterThanOrEqual(0);
          break;
        case 6:
          memory.tick();
          if (r.below(4) === 0) group.set({ max: (200 + r.below(600)) * PAGE });
          break;
        default: {
          const read = region.read(offset, length);
          expect(Buffer.compare(read, bytes.subarray(offset, offset + length)), say).toBe(0);
        }
      }
      expect(group.usage, say).toBeLessThanOrEqual(group.limits.max);
      if (r.below(40) === 0) memory.check();
    }
    for (const { region, bytes } of regions) {
      for (let at = 0; at < region.size; at += 2 ** 16) {
        const n = Math.min(2 ** 16, region.size - at);
        expect(Buffer.compare(region.read(at, n), bytes.subarray(at, at + n)), say).toBe(0);
      }
      region.unmap();
    }
    memory.check();
    expect(memory.nodes().map(({ residentPages }) => residentPages)).toEqual([0, 0]);
    memory[Symbol.dispose]();
  });
});
