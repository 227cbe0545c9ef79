/** A memory of several shards, as its users see it: what is chosen, where things go, what is added up, what is refused. */
import { afterEach, describe, expect, test } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { ShardedCache } from "../../src/cache/sharded-cache.ts";
import { Group, Memory, type MemoryOptions, openMemorySync, Region, simCrank } from "../../src/index.ts";
import { resolveOptions } from "../../src/memory/options.ts";
import { shardConfig } from "../../src/memory/shard-config.ts";
import { ShardedGroup } from "../../src/memory/sharded-group.ts";
import { ShardedMemory } from "../../src/memory/sharded-memory.ts";
import { Shares } from "../../src/memory/shares.ts";
import { ShardedRegion } from "../../src/region/sharded-region.ts";
import { expectError, MIB, PAGE, pageOf, swapPath } from "../api/helpers.ts";

let memory: Memory | undefined;
afterEach(() => {
  if (memory?.nodeNames !== undefined) memory[Symbol.dispose]();
  memory = undefined;
});
/** 6 MiB of fast memory above 12 MiB of slow in three shards, unless told otherwise. */
function open(options: Partial<MemoryOptions> = {}): Memory {
  const nodes = { fast: { kind: "dram", size: "6MiB" }, slow: { kind: "dram", size: "12MiB", tier: 1 } } as const;
  memory = openMemorySync({ nodes, pretouch: false, shards: 3, ...options }, { crank: simCrank() });
  return memory;
}
const dram = (size: string) => ({ nodes: { dram: { kind: "dram", size } as const } });

describe("how many shards", () => {
  test("are as few as hold the nodes, or as many as are asked for", () => {
    const chosen = ["64MiB", "3.5GiB", "4GiB", "8GiB", "100GiB"].map((size) => resolveOptions(dram(size)).shards);
    expect(chosen).toEqual([1, 1, 2, 3, 26]);
    expect(resolveOptions({ ...dram("64MiB"), shards: 5 }).shards).toBe(5);
    expect(resolveOptions({ nodes: { m: { kind: "model", size: "8GiB" } } }).shards).toBe(1);
  });

  test("a bad number, or one that cannot be, is said to be", () => {
    for (const shards of [0, 65, 1.5, -1, "2"]) {
      expectError(() => open({ shards: shards as number }), "EINVAL", "shards", "from 1 to 64");
    }
    expectError(() => open({ ...dram("1MiB"), shards: 5 }), "EINVAL", "nodes.dram.size", "5 shards", "256 KiB");
    expectError(() => open({ zswap: { size: "64KiB" } }), "EINVAL", "zswap.size", "3 shards");
    expectError(() => open({ swap: [{ kind: "file", path: swapPath(), size: 2 * PAGE }] }), "EINVAL", "swap file");
    expectError(() => open({ ...dram("8GiB"), shards: 1 }), "EINVAL", "one shard holds at most 4 GiB");
    expectError(() => open({ ...dram("1TiB"), shards: undefined }), "EINVAL", "at most 64");
    const watermarks = { min: 1, low: 2, high: 60, promo: 63 };
    expectError(
      () =>
        open({ nodes: { dram: { kind: "dram", size: "1MiB", watermarks: { ...watermarks, promo: 255 } } }, shards: 4 }),
      "EINVAL",
      "watermarks",
    );
  });

  test("slices come to the whole, seeds and files are each their own", () => {
    const swap = [{ kind: "file" as const, path: "a", size: 10 * PAGE }];
    const config = resolveOptions({
      ...dram("6MiB"),
      swap,
      shards: 4,
      zswap: { size: "1MiB" },
      seed: 7,
      addressSpace: "1GiB",
    });
    const shards = [0, 1, 2, 3].map((i) => shardConfig(config, i));
    const sum = (of: (c: (typeof shards)[0]) => number) => shards.reduce((n, c) => n + of(c), 0);
    expect([sum((c) => c.nodes[0]?.pages as number), sum((c) => c.zpages), sum((c) => c.vpns)]).toEqual([
      1536, 256, 262144,
    ]);
    expect(sum((c) => c.swap.find((s) => s.name === "file")?.bytes as number)).toBe(10 * PAGE);
    expect(new Set(shards.map((c) => c.seed)).size).toBe(4);
    expect(shards[0]?.seed).toBe(7);
    const paths = shards.map((c) => c.swap.flatMap(({ options }) => (options.kind === "file" ? [options.path] : [])));
    expect(paths.flat()).toEqual(["a", "a.1", "a.2", "a.3"]);
  });

  test("one shard is a plain memory", () => {
    expect(open({ shards: 1 })).not.toBeInstanceOf(ShardedMemory);
    expect(open({ shards: 1 }).constructor).toBe(Memory);
  });
});

test("all are what users take them for", () => {
  const m = open();
  const cache = m.cache();
  const region = m.map("17MiB");
  const group = m.group("g");
  expect([m, cache, region, group].map((thing) => thing.constructor)).toEqual([
    ...[ShardedMemory, ShardedCache, ShardedRegion, ShardedGroup],
  ]);
  const kinds = [m instanceof Memory, cache instanceof Cache, region instanceof Region, group instanceof Group];
  expect(kinds).toEqual([true, true, true, true]);
});

describe("regions", () => {
  test("one that fits a shard is a plain one in the one with most room", () => {
    const m = open();
    const regions = [1, 2, 3].map(() => m.map("4MiB"));
    for (const region of regions) {
      expect(region.constructor).toBe(Region);
      region.fill(7);
    }
    expect(m.vmstat().nr_free_pages).toBe((18 * MIB - 12 * MIB) / PAGE);
    expect(m.nodes().map(({ size }) => size)).toEqual([6 * MIB, 12 * MIB]);
    // As much in each, as no slice had room for two.
    regions[1]?.unmap();
    expect(m.map("5MiB").constructor).toBe(Region);
  });

  test("a larger one lies in extents, and goes over their borders", () => {
    const m = open({ swap: [{ kind: "file", path: swapPath(), size: "12MiB" }] });
    const region = m.map("20MiB", { name: "big" });
    expect(region.size).toBe(20 * MIB);
    for (let page = 0; page < 20 * 256; page++) region.writeInt32(page * PAGE, page);
    for (let page = 0; page < 20 * 256; page += 97) region.write(page * PAGE, pageOf(page));
    for (let page = 0; page < 20 * 256; page += 97) expect(region.read(page * PAGE, PAGE)).toEqual(pageOf(page));
    const border = 2 * MIB;
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
    region.write(border - 31, bytes);
    expect(region.read(border - 31, 64)).toEqual(bytes);
    for (let n = 1; n < 8; n++) {
      region.writeInt32(border - n, -123456 - n);
      expect(region.readInt32(border - n)).toBe(-123456 - n);
      region.writeFloat64(border - n, Math.PI * n);
      expect(region.readFloat64(border - n)).toBe(Math.PI * n);
    }
    const array = region.array("int32", border - 64, 32);
    for (let i = 0; i < 32; i++) array.set(i, i * 3);
    expect([...array]).toEqual(Array.from({ length: 32 }, (_, i) => i * 3));
    expectError(() => region.pin(border - 10, 20), "EINVAL", `${border}`, "border", "each side");
    const pin = region.pin(border - 10, 10);
    expectError(() => region.unmap(), "EBUSY", "1 pins");
    expectError(() => m[Symbol.dispose](), "EBUSY");
    pin.release();
    expectError(() => region.translate(0), "ENOTSUP", "buffer");
    expectError(() => region.read(20 * MIB - 1, 2), "ERANGE");
    expectError(() => region.readUint8(-1), "ERANGE");
    expectError(() => region.advise("hot" as never), "EINVAL", "advice");
    expect(region.advise("pageout", 0, 20 * MIB)).toBeGreaterThan(0);
    m.check();
    region.unmap();
    expectError(() => region.read(0, 1), "ECLOSED");
    expect(m.vmstat().nr_free_pages).toBe((18 * MIB) / PAGE);
    expect(m.swapDevices().map(({ used }) => used)).toEqual([0]);
  });

  test("a policy holds for all extents or for none", () => {
    const m = open();
    const region = m.map("10MiB", { policy: { mode: "bind", nodes: ["slow"] } });
    region.fill(1);
    expectError(() => region.setPolicy({ mode: "bind", nodes: ["fast"] }), "ENOMEM");
    for (let page = 0; page < 10 * 256; page++) expect(region.placeOf(page * PAGE)).toMatchObject({ node: 1 });
    region.setPolicy({ mode: "preferred", node: "fast" });
    expectError(() => region.setPolicy({ mode: "bind", nodes: ["nowhere"] }), "EINVAL", "nowhere");
    m.check();
  });
});

describe("caches", () => {
  test("large ones are spread evenly, small ones lie in one shard", () => {
    const m = open();
    const cache = m.cache<string>({ name: "spread" });
    for (let i = 0; i < 3000; i++) cache.set(`key${i}`, `value ${i}`);
    const parts = (cache as unknown as { parts: Cache<string>[] }).parts.map(({ size }) => size);
    expect(parts.reduce((a, b) => a + b)).toBe(3000);
    for (const size of parts) expect(Math.abs(size - 1000)).toBeLessThan(150);
    for (let i = 0; i < 3000; i++) expect(cache.get(`key${i}`)).toBe(`value ${i}`);
    expect([...cache.keys()].sort()).toEqual(Array.from({ length: 3000 }, (_, i) => `key${i}`).sort());
    const { hits, misses, sets, hitsByTier } = cache.stats();
    expect([hits, misses, sets]).toEqual([3000, 0, 3000]);
    expect(Object.values(hitsByTier).reduce((a, b) => a + b)).toBe(3000);
    expect(m.cache({ max: 10 })).not.toBeInstanceOf(ShardedCache);
    expect(m.cache({ maxSize: "128KiB" })).not.toBeInstanceOf(ShardedCache);
    expect(m.cache({ maxSize: "3MiB", maxEntrySize: MIB }).constructor).toBe(Cache);
    expect(m.cache({ maxSize: "3MiB", maxEntrySize: 1000 }).constructor).toBe(ShardedCache);
    expect(m.caches().map(({ name }) => name)).toEqual(["spread", "cache1", "cache2", "cache3", "cache4"]);
    cache.close();
    expect(m.caches().length).toBe(4);
    m.check();
  });

  test("keys of all kinds find their way, and what is no key is refused", () => {
    const cache = open().cache<number, string | number | Uint8Array>();
    const keys = [
      "",
      "a",
      "ä",
      "€",
      "long ".repeat(50),
      0,
      1,
      -1,
      1.5,
      Number.NaN,
      Infinity,
      2 ** 40,
      Uint8Array.of(),
      Uint8Array.of(1, 2),
    ];
    keys.forEach((key, i) => {
      cache.set(key, i);
    });
    keys.forEach((key, i) => {
      expect(cache.get(key)).toBe(i);
    });
    expect([cache.size, cache.get(-0), cache.get(Buffer.from([1, 2]))]).toEqual([keys.length, 5, 13]);
    for (const key of [undefined, null, {}, true]) {
      expectError(() => cache.get(key as never), "EINVAL", "key");
      expectError(() => cache.set(key as never, 1), "EINVAL", "key");
    }
  });

  test("what cannot be stored as a whole is not stored in part", () => {
    const cache = open().cache<unknown>();
    cache.set("old", 1);
    const bad = () => undefined;
    const many = Array.from({ length: 50 }, (_, i) => [`k${i}`, i === 49 ? bad : i] as const);
    expect(() => cache.setMany(many)).toThrow();
    expect(() => cache.load(many.map(([key, value]) => [key, { value }] as const))).toThrow();
    expect([...cache.entries()]).toEqual([["old", 1]]);
    cache.load(many.slice(0, 49).map(([key, value]) => [key, { value, tags: ["t"] }] as const));
    expect([cache.size, cache.has("old")]).toEqual([49, false]);
    cache.invalidateTag("t");
    expect(cache.getMany(["k0", "k1", "k2"])).toEqual([undefined, undefined, undefined]);
  });

  test("a value larger than a part's share is rejected", () => {
    const cache = open().cache<Uint8Array>({ codec: "bytes", maxSize: "6MiB" });
    cache.set("large", new Uint8Array(3 * MIB)).set("fits", new Uint8Array(MIB));
    expect([cache.has("large"), cache.has("fits"), cache.stats().rejected]).toEqual([false, true, 1]);
  });

  test("a curve is learned of all parts", () => {
    const cache = open().cache<number>();
    cache.curve();
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 2000; i++) if (cache.get(`k${i}`) === undefined) cache.set(`k${i}`, i);
    }
    const curve = cache.curve();
    expect(curve.requests).toBe(8000);
    expect(curve.missRatio(curve.largest)).toBeCloseTo(0.25, 1);
    expect(curve.split([1000, 2 ** 30]).length).toBe(3);
    cache.forgetCurve();
    expect(cache.sampling).toBe(false);
  });
});

describe("the whole", () => {
  test("counters, metrics, reclaim and requests for it are of all shards", () => {
    const m = open({ swap: [{ kind: "file", path: swapPath(), size: "24MiB" }] });
    const region = m.map("15MiB");
    for (let page = 0; page < 15 * 256; page++) region.writeUint8(page * PAGE, 1);
    expect(m.vmstat().nr_free_pages).toBe(3 * 256);
    const before = m.vmstat().nr_swapped;
    const { reclaimed, evicted } = m.reclaim("6MiB", { mode: "evict" });
    expect(reclaimed).toBeGreaterThanOrEqual(6 * MIB);
    expect(evicted).toBe((m.vmstat().nr_swapped - before) * PAGE);
    expect(m.swapDevices()[0]?.used).toBe(m.vmstat().nr_swapped * PAGE);
    const metrics = new Map(m.metrics().map((metric) => [metric.name, metric.samples]));
    expect(metrics.get("node.size")?.map(({ value }) => value)).toEqual([6 * MIB, 12 * MIB]);
    const watermark = metrics.get("node.watermark")?.[0]?.value as number;
    expect(watermark).toBeGreaterThan(0);
    expectError(() => m.reclaim("1MiB", { mode: "all" as never }), "EINVAL", "mode");
    expectError(() => m.reclaim("1MiB", { nodes: ["x"] }), "EINVAL", "x");
    expectError(() => m.node("x"), "EINVAL", "fast, slow");
    m.check();
  });

  test("what needs one segment says so", async () => {
    const m = open();
    expectError(() => m.descriptor(), "ENOTSUP", "shared: true");
    expectError(() => m.vm, "ENOTSUP", "shards");
  });

  test("closing closes all", () => {
    const m = open();
    const cache = m.cache<number>();
    cache.set("a", 1);
    const region = m.map("17MiB");
    m[Symbol.dispose]();
    m[Symbol.dispose]();
    for (const use of [
      () => cache.get("a"),
      () => region.read(0, 1),
      () => m.cache(),
      () => m.vmstat(),
      () => m.tick(),
    ]) {
      expectError(use, "ECLOSED");
    }
    expect(cache.stats().sets).toBe(1);
    region[Symbol.dispose]();
    cache[Symbol.dispose]();
  });

  test("the same seed, the same run", () => {
    const run = (): string => {
      const m = open({ seed: 5, swap: [{ kind: "file", path: swapPath(), size: "8MiB" }] });
      const cache = m.cache<Uint8Array>({ codec: "bytes", maxSize: "9MiB" });
      const region = m.map("7MiB");
      for (let i = 0; i < 4000; i++) {
        cache.set(`k${(i * 7919) % 3000}`, new Uint8Array((i * 131) % 9000));
        region.writeUint8(((i * 104_729) % (7 * 256)) * PAGE, i);
      }
      m.tick();
      const said = JSON.stringify([m.vmstat(), cache.stats(), [...cache.keys()]]);
      m[Symbol.dispose]();
      return said;
    };
    expect(run()).toBe(run());
  });
});

describe("groups", () => {
  const used = (m: Memory): number => m.groups().reduce((n, group) => n + group.usage, 0) / PAGE;

  test("the whole of a limit is anybody's who needs it, and no page more", () => {
    const m = open();
    const group = m.group("g", { max: 120 * PAGE });
    const regions = [1, 2, 3].map(() => m.map("3MiB", { group }));
    // Each share was 40.
    for (let page = 0; page < 120; page++) regions[1]?.writeUint8(page * PAGE, 1);
    expect(used(m)).toBe(120);
    expectError(() => regions[0]?.writeUint8(0, 1), "ENOMEM");
    expectError(() => regions[1]?.writeUint8(120 * PAGE, 1), "ENOMEM");
    m.check();
    regions[1]?.unmap();
    for (let page = 0; page < 120; page++) regions[page % 3 === 0 ? 0 : 2]?.writeUint8(page * PAGE, 1);
    expect(used(m)).toBe(120);
    m.check();
  });

  test("where all is in use, others give way too, by how much they have", () => {
    const m = open({ swap: [{ kind: "file", path: swapPath(), size: "24MiB" }] });
    const group = m.group("g", { max: 300 * PAGE });
    const [a, b] = [m.map("3MiB", { group }), m.map("3MiB", { group })];
    for (let page = 0; page < 300; page++) a.writeUint8(page * PAGE, page & 255);
    expect(used(m)).toBe(300);
    // It has nothing of its own that could go.
    b.writeUint8(0, 1);
    for (let page = 0; page < 700; page++) {
      b.writeUint8(page * PAGE, page & 255);
      expect(used(m)).toBeLessThanOrEqual(300);
    }
    m.check();
    const resident = (region: Region) =>
      Array.from({ length: 768 }, (_, page) => region.placeOf(page * PAGE)).filter(({ where }) => where === "node")
        .length;
    // What is not used any more has made way.
    expect(resident(b)).toBeGreaterThan(200);
    for (let page = 0; page < 300; page++) expect(a.readUint8(page * PAGE)).toBe(page & 255);
    for (let page = 0; page < 700; page++) expect(b.readUint8(page * PAGE)).toBe(page & 255);
    m.check();
  });

  test("limits lowered under the usage are met, high by reclaim", () => {
    const m = open({ swap: [{ kind: "file", path: swapPath(), size: "24MiB" }] });
    const group = m.group("g");
    const regions = [1, 2, 3].map(() => m.map("3MiB", { group }));
    regions.forEach((region, i) => {
      for (let page = 0; page < 100 * (i + 1); page++) region.writeUint8(page * PAGE, 1);
    });
    expect(used(m)).toBe(600);
    group.set({ max: 200 * PAGE });
    expect(used(m)).toBeLessThanOrEqual(200);
    m.check();
    group.set({ max: "max", high: 150 * PAGE });
    expect(used(m)).toBeLessThanOrEqual(150);
    for (let page = 0; page < 500; page++) regions[0]?.writeUint8(page * PAGE, 1);
    expect(used(m)).toBeLessThanOrEqual(150 + 32);
    expect(group.limits).toEqual({
      min: 0,
      low: 0,
      high: 150 * PAGE,
      max: Number.POSITIVE_INFINITY,
      zswapMax: Number.POSITIVE_INFINITY,
    });
    m.check();
  });

  test("protection follows use", () => {
    const m = open({ swap: [{ kind: "file", path: swapPath(), size: "24MiB" }] });
    const group = m.group("g", { min: 300 * PAGE });
    const mine = m.map("3MiB", { group });
    for (let page = 0; page < 290; page++) mine.writeUint8(page * PAGE, 1);
    m.tick();
    const others = [1, 2, 3].map(() => m.map("5MiB"));
    for (const other of others) for (let page = 0; page < 1280; page++) other.writeUint8(page * PAGE, 1);
    m.reclaim("8MiB", { mode: "evict" });
    expect(group.usage / PAGE).toBe(290);
    m.check();
  });

  test("mems hold in all shards or in none; what is used cannot be removed", () => {
    const m = open();
    const group = m.group("g", { mems: ["slow"] });
    const region = m.map("9MiB", { group });
    region.fill(1);
    expectError(() => group.set({ mems: ["fast"] }), "ENOMEM");
    for (let page = 0; page < 9 * 256; page += 17) expect(region.placeOf(page * PAGE)).toMatchObject({ node: 1 });
    expectError(() => group.remove(), "EBUSY");
    region.unmap();
    group.remove();
    expectError(() => group.usage, "ECLOSED");
    expect(m.groups()).toEqual([]);
    expectError(() => m.map("1MiB", { group }), "EINVAL", "group");
    m.group("g").remove();
  });

  test("a cache may hold what its group may, wherever it lies", () => {
    const m = open();
    const group = m.group("g", { max: 150 * PAGE });
    const small = m.cache<Uint8Array>({ codec: "bytes", group, max: 20 });
    expect([small.constructor, small.maxSize]).toEqual([Cache, 150 * PAGE]);
    const spread = m.cache<Uint8Array>({ codec: "bytes", group });
    expect([spread.constructor, spread.maxSize]).toEqual([ShardedCache, 150 * PAGE]);
    for (let i = 0; i < 400; i++) {
      spread.set(`k${i}`, new Uint8Array(3000));
      small.set(`k${i}`, new Uint8Array(20_000));
      expect(group.usage).toBeLessThanOrEqual(150 * PAGE);
    }
    m.check();
  });

  test("shares that do not come to the limit are found", () => {
    const m = open();
    const group = m.group("g", { max: "1MiB" }) as unknown as ShardedGroup;
    m.check();
    expect(group.shares).toBeInstanceOf(Shares);
    const [first] = group.parts;
    first?.set({ max: "1MiB" });
    expectError(() => m.check(), "EBUG", "shares");
  });
});
