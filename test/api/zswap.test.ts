import { describe, expect, test } from "vitest";
import { openMemory } from "../../src/index.ts";

const record = (i: number): Record<string, unknown> => ({
  id: i,
  name: `user ${i}`,
  email: `user${i}@example.org`,
  tags: ["reader", "writer", "editor"].slice(i % 3),
  visits: Array.from({ length: 12 }, (_, k) => ({
    at: `2026-01-${10 + k}T0${i % 10}:00:00Z`,
    page: `/page/${(i * 7 + k) % 90}`,
  })),
});

describe("zswap", () => {
  test("a cache holds two and a half times what fits its nodes and pool as they are", async () => {
    const memory = await openMemory({ nodes: { dram: { kind: "dram", size: "4MiB" } }, zswap: { size: "4MiB" } });
    const cache = memory.cache<Record<string, unknown>, number>({ codec: undefined });
    for (let i = 0; i < 20_000; i++) cache.set(i, record(i));
    const v = memory.vmstat();
    expect(v.nr_zswapped / v.nr_zspages).toBeGreaterThan(2);
    expect(cache.stats().hitsByTier).toHaveProperty("zswap");
    let held = 0;
    for (let i = 0; i < 20_000; i++) {
      const found = cache.get(i);
      if (found === undefined) continue;
      held++;
      expect(found).toEqual(record(i));
    }
    expect(held).toBeGreaterThan(0);
    expect(cache.stats().hitsByTier.zswap).toBeGreaterThan(1000);
    memory.check();
    await memory.close();
  });

  test("a region of more than nodes and pool together, with a device below; and what is asked for by name", async () => {
    const memory = await openMemory({
      nodes: { dram: { kind: "dram", size: "2MiB" } },
      zswap: { size: "1MiB" },
      swap: [{ kind: "file", path: "zswap-test.swap", size: "16MiB" }],
    });
    expect(memory.swapNames).toEqual(["zswap", "file"]);
    const region = memory.map("8MiB");
    const text = Buffer.from(JSON.stringify(record(7)));
    for (let at = 0; at + text.length < region.size; at += text.length) region.write(at, text);
    // Backwards: what was compressed last is wanted first.
    const last = Math.floor((region.size - 1) / text.length) - 1;
    for (let at = last * text.length; at >= 0; at -= text.length) {
      expect(Buffer.compare(region.read(at, text.length), text)).toBe(0);
    }
    expect(memory.vmstat().zswpwb).toBeGreaterThan(100);
    expect(memory.vmstat().zswpin).toBeGreaterThan(100);
    expect(memory.vmstat().policy_violations).toBe(0);
    const { evicted } = memory.reclaim("256KiB", { mode: "evict" });
    expect(evicted).toBeGreaterThanOrEqual(256 * 1024);
    memory.check();
    await memory.close();
  });

  test("bad options", async () => {
    const nodes = { dram: { kind: "dram", size: "2MiB" } } as const;
    await expect(openMemory({ nodes, zswap: { size: "1KiB" } })).rejects.toThrow("EINVAL: zswap.size is");
    await expect(openMemory({ nodes, zswap: { size: "100GiB" } })).rejects.toThrow("EINVAL: zswap.size is");
    await expect(
      openMemory({ nodes: { m: { kind: "model", size: "2MiB" } }, zswap: { size: "1MiB" } }),
    ).rejects.toThrow("EINVAL: zswap needs nodes with bytes");
    const swap = [{ kind: "file", name: "zswap", path: "never.swap", size: "1MiB" }] as const;
    await expect(openMemory({ nodes, zswap: { size: "1MiB" }, swap })).rejects.toThrow('the name "zswap"');
  });

  test.each([1, 2])("a group's limit for compressed pages, in %d shards", async (shards) => {
    const memory = await openMemory({
      nodes: { dram: { kind: "dram", size: "8MiB" } },
      zswap: { size: "4MiB" },
      swap: [{ kind: "file", path: "zswap-group.swap", size: "16MiB" }],
      shards,
    });
    const group = memory.group("tenant", { zswapMax: "256KiB" });
    expect(group.limits.zswapMax).toBe(256 * 1024);
    const cache = memory.cache<string, number>({ codec: "string", group });
    for (let i = 0; i < 3000; i++) cache.set(i, JSON.stringify(record(i)));
    memory.reclaim("8MiB", { mode: "evict" });
    expect(group.zswapUsage).toBeGreaterThan(64 * 1024);
    expect(group.zswapUsage).toBeLessThanOrEqual(256 * 1024);
    expect(group.vmstat().nr_zswapped).toBeGreaterThan(30);
    expect(group.vmstat().zswpwb + group.vmstat().pswpout).toBeGreaterThan(100);
    expect(() => group.set({ zswapMax: "lots" as never })).toThrow("zswapMax");
    group.set({ zswapMax: "max" });
    expect(group.limits.zswapMax).toBe(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 3000; i++) if (cache.get(i) !== undefined) expect(cache.get(i)).toBe(JSON.stringify(record(i)));
    memory.reclaim("8MiB", { mode: "evict" });
    expect(group.zswapUsage).toBeGreaterThan(256 * 1024);
    group.set({ zswapMax: 0 });
    expect(group.limits.zswapMax).toBe(0);
    memory.check();
    await memory.close();
  });
});

test("a region that has filled nodes and pool can be read, and written over, though nothing new fits", async () => {
  await using memory = await openMemory({
    nodes: { dram: { kind: "dram", size: "1MiB" } },
    zswap: { size: "1MiB" },
    seed: 5,
  });
  const region = memory.map("6MiB");
  const random = (page: number) => {
    let x = Math.imul(page + 1, 0x9e3779b1);
    return Uint8Array.from({ length: 2900 }, () => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return x >>> 24;
    });
  };
  let written = 0;
  const write = () => {
    for (; written < 1536; written++) region.write(written * 4096, random(written));
  };
  expect(write).toThrow(/no room for page/);
  expect(written).toBeGreaterThan(400);
  for (const step of [1, 7]) {
    for (let i = 0; i < written; i++) {
      const page = (i * step) % written;
      expect(Buffer.compare(region.read(page * 4096, 2900), random(page)), `page ${page}`).toBe(0);
    }
  }
  memory.check();
});
